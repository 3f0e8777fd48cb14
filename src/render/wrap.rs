//! Text on as many lines as it takes. Main function: [`wrapped`].

use std::fmt::Write as _;

use super::escape;
use super::style::{Style, Tone};

/// A remark on as many lines as it takes: reasons are not cut, but for those that cannot be one.
pub(super) fn wrapped(out: &mut String, mark: &str, tone: Tone, text: &str, style: &Style) {
    let indent = escape::columns(mark);
    let room = style.width.saturating_sub(indent).max(8);
    for (at, text) in lines(text, room).iter().enumerate() {
        let start = if at == 0 { style.paint(tone, mark) } else { " ".repeat(indent) };
        let _ = writeln!(out, "{start}{}", style.fit(text, room).trim_end());
    }
}

/// What is beside the point, on as many lines as it takes.
pub(super) fn quiet(out: &mut String, text: &str, style: &Style) {
    for line in lines(text, style.width) {
        let _ = writeln!(out, "{}", style.paint(Tone::Quiet, &line));
    }
}

/// Untrusted text in lines of at most so many columns.
pub(super) fn lines(text: &str, room: usize) -> Vec<String> {
    let mut current = String::new();
    let mut lines = vec![];
    let safe = escape::reason(text);
    for word in safe.split(' ').flat_map(|word| pieces(word, room)) {
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

/// A word in pieces that fit.
fn pieces(word: &str, room: usize) -> Vec<String> {
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
    fn what_can_be_no_reason_is_cut_with_a_mark() {
        let reason = "word ".repeat(3_000);
        assert!(!lines(&reason, 80).concat().contains("[cut"), "a long one is whole");
        let all = lines(&"ä ".repeat(5_000_000), 80);
        assert!(all.len() < 500, "{}", all.len());
        assert!(all.concat().ends_with("[cut: 15000000 bytes]"), "{:?}", all.last());
    }
}
