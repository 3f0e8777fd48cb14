//! Text on as many lines as it takes. Main function: [`wrapped`].

use std::fmt::Write as _;

use super::escape;
use super::style::{Style, Tone};

/// What stays on the line of its number.
const UNITS: [&str; 6] = ["ms", "s", "min", "h", "d", "%"];

/// A remark on as many lines as it takes: reasons are not cut, but for those that cannot be one.
pub(super) fn wrapped(out: &mut String, mark: &str, tone: Tone, text: &str, style: &Style) {
    let indent = escape::columns(mark);
    let room = style.width.saturating_sub(indent).max(8);
    for (at, text) in lines(text, room).iter().enumerate() {
        let start = if at == 0 { style.paint(tone, mark) } else { " ".repeat(indent) };
        // A command is whole.
        let text = if escape::columns(text) > room { text.clone() } else { style.fit(text, room) };
        let _ = writeln!(out, "{start}{}", text.trim_end());
    }
}

/// What is beside the point, on as many lines as it takes.
pub(super) fn quiet(out: &mut String, text: &str, style: &Style) {
    for line in lines(text, style.width) {
        let _ = writeln!(out, "{}", style.paint(Tone::Quiet, &line));
    }
}

/// The least room for a sentence beside something else: with less it goes under it.
const LEAST_BESIDE: usize = 30;
/// What is under something is so far from the left.
const UNDER: usize = 6;

/// Untrusted text beside what it is about, on as many lines as it takes; nothing is cut or broken but between words, for addresses are
/// pasted.
pub fn beside(mark: &str, text: &str, width: usize) -> String {
    let (mark, safe) = (escape::text(mark), escape::text(text));
    let before = escape::columns(&mark);
    let is_under = width < before + LEAST_BESIDE;
    let indent = if is_under { UNDER } else { before };
    let lines = filled(words(&safe).map(|(word, _)| word.to_owned()), width.saturating_sub(indent));
    let head = if is_under { format!("{}\n{:indent$}", mark.trim_end(), "") } else { mark };
    let indented = lines
        .iter()
        .enumerate()
        .map(|(at, line)| if at == 0 { format!("{head}{line}") } else { format!("{:indent$}{line}", "") });
    indented.map(|line| format!("{}\n", line.trim_end())).collect()
}

/// Untrusted text in lines of at most so many columns.
pub(super) fn lines(text: &str, room: usize) -> Vec<String> {
    folded(&escape::brief(text), room)
}

/// Text that was escaped before in lines of at most so many columns: broken at spaces, and within a word only where that alone is
/// wider. A command is whole, however wide, and so is an address. What it begins with in spaces its lines do.
pub fn folded(safe: &str, room: usize) -> Vec<String> {
    let rest = safe.trim_start_matches(' ');
    let indent = " ".repeat((safe.len() - rest.len()).min(room / 2));
    let room = room.saturating_sub(indent.len()).max(1);
    let lines = filled(words(rest).flat_map(|word| pieces(word, room)), room);
    lines.into_iter().map(|line| format!("{indent}{line}")).collect()
}

/// Words on lines of at most so many columns, but for what alone is wider.
fn filled(words: impl Iterator<Item = String>, room: usize) -> Vec<String> {
    let mut current = String::new();
    let mut lines = vec![];
    for word in words {
        if !current.is_empty() && escape::columns(&current) + 1 + escape::columns(&word) > room {
            lines.push(std::mem::take(&mut current));
        }
        if !current.is_empty() {
            current.push(' ');
        }
        current.push_str(&word);
    }
    lines.push(current);
    lines
}

/// A word, and whether it is whole, however wide: what is pasted or clicked.
type Word<'a> = (&'a str, bool);

/// The words, a number and its unit as one, a command as well: one that is broken cannot be pasted.
fn words(text: &str) -> impl Iterator<Item = Word<'_>> {
    let (mut rest, mut is_behind_colon) = (Some(text), false);
    std::iter::from_fn(move || {
        let all = rest?;
        let next = |from: usize| all.get(from..)?.find(' ').map(|at| from + at);
        let first = next(0);
        let command = command(all, is_behind_colon);
        let end = match command {
            Some(end) => next(end),
            None => first.and_then(|at| with_unit(all, at)),
        };
        let (word, left) = match end {
            Some(end) => (all.get(..end)?, all.get(end + 1..)),
            None => (all, None),
        };
        (rest, is_behind_colon) = (left, word.ends_with(':'));
        Some((word, command.is_some() || ["https://", "http://"].iter().any(|address| word.starts_with(address))))
    })
}

/// Where a command ends that this begins with: at its quote, or at a semicolon or the end, behind a colon.
fn command(text: &str, is_behind_colon: bool) -> Option<usize> {
    let quoted = text.strip_prefix('`');
    let is_typed = |text: &str| text.starts_with("aws ") || text.starts_with("ecspan ");
    match quoted.filter(|text| is_typed(text)) {
        Some(quoted) => Some(quoted.find('`')? + 2),
        None => (is_behind_colon && is_typed(text)).then(|| text.find(';').unwrap_or(text.len())),
    }
}

/// Where the word ends that the first space ends, or its unit.
fn with_unit(text: &str, space: usize) -> Option<usize> {
    let after = text.get(space + 1..).and_then(|rest| rest.find(' ')).map(|at| space + 1 + at);
    let is_number = text.get(..space).is_some_and(|word| word.ends_with(|c: char| c.is_ascii_digit()));
    let unit = text.get(space + 1..after.unwrap_or(text.len())).unwrap_or_default();
    let is_unit = is_number && UNITS.contains(&unit.trim_end_matches([',', ';', ':', '.', ')']));
    if is_unit { after } else { Some(space) }
}

/// A word in pieces that fit.
fn pieces((word, is_whole): Word<'_>, room: usize) -> Vec<String> {
    if is_whole {
        return vec![word.to_owned()];
    }
    let mut pieces = vec![String::new()];
    let mut used = 0;
    for c in word.chars() {
        let width = escape::columns(c.encode_utf8(&mut [0; 4]));
        if used + width > room {
            pieces.push(String::new());
            used = 0;
        }
        used += width;
        if let Some(piece) = pieces.last_mut() {
            piece.push(c);
        }
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_unit_stays_on_the_line_of_its_number() {
        let text = "it took 1 min 19 s of 44.4 s; a 2 b 3 x and 5 %";
        assert_eq!(lines(text, 15), ["it took 1 min", "19 s of 44.4 s;", "a 2 b 3 x and", "5 %"]);
        for room in 8..60 {
            let all = lines(text, room);
            assert_eq!(all.join(" "), text, "{room}");
            assert!(all.iter().all(|line| escape::columns(line) <= room), "{room} {all:?}");
        }
    }

    #[test]
    fn what_stands_beside_something_is_broken_between_words_only() {
        let address = "http://collector.example.com:4318/v1/traces/of/a/team";
        let text = format!("nothing listens at {address}: start a receiver");
        assert_eq!(
            beside("bad   receiver  ", &text, 46),
            format!(
                "bad   receiver  nothing listens at\n                {address}:\n                start a receiver\n"
            )
        );
        assert_eq!(
            beside("bad   receiver  ", &text, 40),
            format!("bad   receiver\n      nothing listens at\n      {address}:\n      start a receiver\n")
        );
        assert_eq!(beside("ok    clock     ", "as AWS's", 46), "ok    clock     as AWS's\n");
    }

    #[test]
    fn a_command_is_never_broken() {
        let text = "save what `aws ecs describe-tasks --cluster CLUSTER --tasks ID`, typed there, says; a `quoted word` is none";
        let command = "`aws ecs describe-tasks --cluster CLUSTER --tasks ID`,";
        for room in 8..60 {
            let all = lines(text, room);
            assert!(all.iter().any(|line| line.contains(command)), "{room} {all:?}");
            assert!(all.iter().all(|line| line == command || escape::columns(line) <= room), "{room} {all:?}");
        }
    }

    #[test]
    fn a_command_behind_a_colon_is_whole_up_to_a_semicolon() {
        let text = "to let it go on: aws ecs continue-service-deployment --hook-id a; or else: wait for somebody: ecspan is patient";
        for room in 8..40 {
            let all = lines(text, room);
            assert!(all.contains(&"aws ecs continue-service-deployment --hook-id a;".to_owned()), "{room} {all:?}");
        }
        assert_eq!(lines("x: ecspan is patient", 60), ["x: ecspan is patient"]);
    }

    #[test]
    fn the_lines_of_an_indented_text_are_all_indented() {
        assert_eq!(lines("    at com.example.Shop.main", 20), ["    at", "    com.example.Shop", "    .main"]);
        assert_eq!(lines("  two  spaces", 20), ["  two  spaces"]);
    }

    #[test]
    fn what_can_be_no_reason_is_cut_with_a_mark() {
        let reason = "word ".repeat(480);
        assert_eq!(lines(&reason, 80).join(" ").trim_end(), reason.trim_end(), "a long one is whole");
        let all = lines(&"ä ".repeat(5_000_000), 80);
        assert!(all.len() < 40, "{}", all.len());
        assert!(all.join(" ").ends_with("… [14997600 more bytes: an html page has them]"), "{:?}", all.last());
    }
}
