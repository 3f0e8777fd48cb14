//! What tears a document that was copied from a screen or a page: lines cut at its side, lines of the page between its own. Main
//! function: [`torn`].

use unicode_width::UnicodeWidthStr;

/// What is wrong with a document that begins at `start` and breaks off after so much, and what to do.
pub(super) fn torn(text: &str, start: usize, length: usize) -> Option<(&'static str, &'static str)> {
    let document = text.get(start..)?;
    if let Some(is_marked) = cut_at_the_side(document) {
        let message = if is_marked {
            "the JSON has lines that were cut at the side of a screen and marked there"
        } else {
            "the JSON has lines that were cut at the side of a screen, as `less -S` and editors show them"
        };
        return Some((message, "save the answer into a file instead of copying it: aws ... --no-cli-pager > FILE"));
    }
    let at = document.get(..length)?.rfind('\n').map_or(0, |end| end + 1);
    let line = document.get(at..)?.lines().next()?.trim();
    if ["<<<<<<<", "=======", ">>>>>>>", "|||||||"].iter().any(|mark| line.starts_with(mark)) {
        return Some((
            "the JSON holds two versions of some lines, as git marks a conflict",
            "take out one of the two, and the marks",
        ));
    }
    let goes_on = || document.get(at..).is_some_and(|rest| rest.lines().skip(1).any(begins_as_part));
    let is_own = line.contains(['"', '{', '}', '[', ']']) || line.is_empty();
    (!is_own && goes_on()).then_some((
        "a line stands in the JSON that is not of it: the head of a page, or what another program wrote meanwhile",
        "take that line out, and others like it; or save the answer again",
    ))
}

/// Whether lines end at one column in the middle of a text that the next line does not go on with; and whether that is marked.
fn cut_at_the_side(document: &str) -> Option<bool> {
    let lines: Vec<&str> = document.lines().map(|line| line.trim_end_matches('\r')).collect();
    let width = lines.iter().map(|line| line.width()).max()?;
    let is_cut = |pair: &&[&str]| match pair {
        [line, next] => line.width() == width && has_open_text(line) && begins_as_part(next),
        _ => false,
    };
    let cut: Vec<&[&str]> = lines.windows(2).filter(is_cut).collect();
    let is_marked = |pair: &&[&str]| pair.first().is_some_and(|line| line.ends_with(['>', '$', '…', '»']));
    (!cut.is_empty()).then(|| cut.iter().all(is_marked))
}

fn has_open_text(line: &str) -> bool {
    let (mut is_open, mut is_escaped) = (false, false);
    for c in line.chars() {
        match c {
            _ if is_escaped => is_escaped = false,
            '\\' => is_escaped = true,
            '"' => is_open = !is_open,
            _ => {}
        }
    }
    is_open
}

/// Whether a line begins as one of a document does that is printed a field a line: a name and a colon, or a bracket.
fn begins_as_part(line: &str) -> bool {
    let line = line.trim_start();
    let name = line.strip_prefix('"').and_then(|rest| rest.split_once('"'));
    name.is_some_and(|(_, rest)| rest.trim_start().starts_with(':')) || line.starts_with(['{', '}', '[', ']'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_tears_a_document_is_named() {
        let said = |text: &str| torn(text, 0, text.len() / 2).map(|(message, _)| message);
        let cut = "{\n  \"taskArn\": \"arn:aws:ec\n  \"stoppedReason\": \"Es\n  \"a\": 1\n}\n";
        assert!(said(cut).is_some_and(|said| said.contains("less -S")));
        assert!(said(&cut.replace("ec\n", "e>\n").replace("Es\n", "E>\n")).is_some_and(|said| said.contains("marked")));
        let page = "{\n  \"taskArn\": \"arn\",\nRunbook, page 1\n  \"a\": 1\n}\n";
        assert!(torn(page, 0, 25).is_some_and(|(said, _)| said.contains("head of a page")));
        let conflict = page.replace("Runbook, page 1", "<<<<<<< HEAD");
        assert!(torn(&conflict, 0, 25).is_some_and(|(said, _)| said.contains("git")));
        for whole in ["{\n  \"a\": \"b\nc\"\n}\n", "{\"a\": 1,\nx", "{\n\"a\" 1\n}"] {
            assert_eq!(said(whole), None, "{whole}");
        }
    }
}
