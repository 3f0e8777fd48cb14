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
    let mut lines = if is_under { vec![mark.trim_end().to_owned(), " ".repeat(indent)] } else { vec![mark.clone()] };
    for word in words(&safe) {
        let current = lines.last().map_or(0, |line| escape::columns(line));
        if current > indent && current + 1 + escape::columns(word) > width {
            lines.push(" ".repeat(indent));
        }
        let Some(last) = lines.last_mut() else { continue };
        if escape::columns(last) > indent {
            last.push(' ');
        }
        last.push_str(word);
    }
    lines.iter().map(|line| line.trim_end()).filter(|line| !line.is_empty()).map(|line| format!("{line}\n")).collect()
}

/// Untrusted text in lines of at most so many columns.
pub(super) fn lines(text: &str, room: usize) -> Vec<String> {
    let mut current = String::new();
    let mut lines = vec![];
    let safe = escape::brief(text);
    for word in words(&safe).flat_map(|word| pieces(word, room)) {
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

/// Whether this begins with a command that is typed.
fn is_command(text: &str) -> bool {
    text.starts_with("`aws ") || text.starts_with("`ecspan ")
}

/// The words, a number and its unit as one, a command as well: one that is broken cannot be pasted.
fn words(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let all = rest?;
        let next = |from: usize| all.get(from..)?.find(' ').map(|at| from + at);
        let mut end = next(0);
        if is_command(all)
            && let Some(closed) = all.get(1..).and_then(|rest| rest.find('`'))
        {
            end = next(closed + 2);
        } else if let Some(at) =
            end.filter(|at| all.get(..*at).is_some_and(|word| word.ends_with(|c: char| c.is_ascii_digit())))
        {
            let after = next(at + 1);
            let unit = all.get(at + 1..after.unwrap_or(all.len())).unwrap_or_default();
            if UNITS.contains(&unit.trim_end_matches([',', ';', ':', '.', ')'])) {
                end = after;
            }
        }
        let (word, left) = match end {
            Some(end) => (all.get(..end), all.get(end + 1..)),
            None => (Some(all), None),
        };
        rest = left;
        word
    })
}

/// A word in pieces that fit.
fn pieces(word: &str, room: usize) -> Vec<String> {
    if is_command(word) {
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
    fn what_can_be_no_reason_is_cut_with_a_mark() {
        let reason = "word ".repeat(480);
        assert_eq!(lines(&reason, 80).join(" ").trim_end(), reason.trim_end(), "a long one is whole");
        let all = lines(&"ä ".repeat(5_000_000), 80);
        assert!(all.len() < 40, "{}", all.len());
        assert!(all.join(" ").ends_with("… [14997600 more bytes: an html page has them]"), "{:?}", all.last());
    }
}
