//! What programs colour their lines with. Main function: [`uncoloured`].

use std::borrow::Cow;

/// The text without its colours: `ESC [ 1;31 m`. All else that a terminal acts on stays.
pub(crate) fn uncoloured(text: &str) -> Cow<'_, str> {
    if !text.contains("\u{1b}[") {
        return text.into();
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("\u{1b}[") {
        out.push_str(before);
        let colour = after.trim_start_matches(|c: char| c.is_ascii_digit() || c == ';' || c == ':');
        rest = colour.strip_prefix('m').unwrap_or_else(|| {
            out.push_str("\u{1b}[");
            after
        });
    }
    out.push_str(rest);
    out.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_go_and_nothing_else() {
        for (line, left) in [
            ("plain", "plain"),
            ("\u{1b}[1;31mERROR\u{1b}[0m at \u{1b}[38:5:1mx\u{1b}[m", "ERROR at x"),
            ("\u{1b}[2J\u{1b}[31mred", "\u{1b}[2Jred"),
            ("cut \u{1b}[31", "cut \u{1b}[31"),
            ("a\u{1b}[", "a\u{1b}["),
        ] {
            assert_eq!(uncoloured(line), left);
        }
    }
}
