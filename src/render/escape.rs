//! Makes untrusted text safe to draw: nothing in it can move the cursor, colour the screen or reverse the line.

use std::borrow::Cow;

use unicode_width::UnicodeWidthChar;

use crate::model::colour::uncoloured;
use crate::model::cut::{LONGEST, cut};

/// Marks where text was cut.
pub const CUT: char = '…';

/// `text` with everything that a terminal would act on shown as an escape: `\x1b`, `\u{202e}`. Tabs become spaces, and
/// colours go.
pub fn text(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in uncoloured(text).chars() {
        push(&mut safe, c);
    }
    safe
}

/// The same of what says why something happened: it is cut where it can be no reason.
pub(super) fn reason(reason: &str) -> String {
    text(&one_line(&cut(reason, LONGEST)))
}

/// A sentence in one line: the AWS SDK breaks its errors, `…\n\tstatus code: 400`.
pub(super) fn one_line(text: &str) -> Cow<'_, str> {
    const ENDS: [char; 3] = ['\n', '\r', '\t'];
    if !text.contains(ENDS) {
        return Cow::Borrowed(text);
    }
    let (mut out, mut rest) = (String::with_capacity(text.len()), text);
    while let Some((before, after)) = rest.split_once(ENDS) {
        out.push_str(before.trim_end_matches(' '));
        out.push(' ');
        rest = after.trim_start_matches([' ', '\n', '\r', '\t']);
    }
    out.push_str(rest);
    Cow::Owned(out)
}

/// So much of a text is read by somebody. ECS's own reasons are shorter.
const READ: usize = 2_400;

/// As much of a text as is read at once, and how much more there is: a page has it all, folded.
pub(super) fn brief(whole: &str) -> String {
    let whole = &*one_line(whole);
    if whole.len() <= READ {
        return text(whole);
    }
    let end = whole.floor_char_boundary(READ);
    format!("{}… [{} more bytes: an html page has them]", text(whole.get(..end).unwrap_or_default()), whole.len() - end)
}

/// A JSON document in which what a terminal would act on is escaped: outside of strings JSON has no such characters.
pub fn json(document: &str) -> String {
    let mut safe = String::with_capacity(document.len());
    for c in document.chars() {
        if c != '\n' && (c.is_control() || is_invisible(c)) {
            let units = &mut [0; 2];
            c.encode_utf16(units).iter().for_each(|unit| safe.push_str(&format!("\\u{unit:04x}")));
        } else {
            safe.push(c);
        }
    }
    safe
}

/// `text` escaped and cut to `width` columns, with `cut` at the end where something is missing.
pub(crate) fn fit(text: &str, width: usize, cut: char) -> String {
    let mut safe = String::new();
    let mut used = 0;
    // Where to cut back to, so that the mark fits too.
    let mut keep = 0;
    for c in uncoloured(text).chars() {
        let before = safe.len();
        push(&mut safe, c);
        used += columns(&safe[before..]);
        if used > width {
            safe.truncate(keep);
            if width > 0 {
                safe.push(cut);
            }
            return safe;
        }
        if used < width {
            keep = safe.len();
        }
    }
    safe
}

/// How many columns a text takes that was escaped before. Never less than a terminal makes of it.
pub fn columns(text: &str) -> usize {
    text.chars().map(|c| c.width().unwrap_or(0)).sum()
}

/// `text` fitted into `width` columns and filled up with spaces.
pub fn pad(text: &str, width: usize, cut: char) -> String {
    let mut safe = fit(text, width, cut);
    let missing = width.saturating_sub(columns(&safe));
    safe.extend(std::iter::repeat_n(' ', missing));
    safe
}

fn push(safe: &mut String, c: char) {
    match c {
        '\t' => safe.push(' '),
        c if u32::from(c) < 0x20 || u32::from(c) == 0x7f => safe.push_str(&format!("\\x{:02x}", u32::from(c))),
        c if c.is_control() || is_invisible(c) => safe.push_str(&format!("\\u{{{:x}}}", u32::from(c))),
        c => safe.push(c),
    }
}

/// Characters that change how others are drawn without being seen: direction marks and overrides, line separators,
/// zero-width spaces, the byte order mark, tags.
fn is_invisible(c: char) -> bool {
    matches!(u32::from(c),
        0xad | 0x61c | 0x180e | 0x200b | 0x200e | 0x200f | 0x2028..=0x202e | 0x2060..=0x206f | 0xfeff | 0xfff9..=0xfffb
        | 0xe0000..=0xe0fff)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_terminal_cannot_be_told_anything() {
        assert_eq!(text("\u{1b}[2J\u{7}a\0b\rc\td\u{9b}31m"), "\\x1b[2J\\x07a\\x00b\\x0dc d\\u{9b}31m");
        assert_eq!(text("a\u{202e}b\u{2066}c\u{feff}d\u{2028}"), "a\\u{202e}b\\u{2066}c\\u{feff}d\\u{2028}");
        assert_eq!(text("\u{1b}[1;31mERROR\u{1b}[0m: no"), "ERROR: no", "colours are no text");
        assert_eq!(fit("\u{1b}[31mred", 3, CUT), "red");
        assert_eq!(text("naïve 東京 ✓"), "naïve 東京 ✓");
    }

    #[test]
    fn a_sentence_is_one_line() {
        for (text, line) in [
            ("not there.\n\tstatus code: 400", "not there. status code: 400"),
            ("a \r\n  b\tc", "a b c"),
            ("a  b", "a  b"),
        ] {
            assert_eq!(one_line(text), line, "{text:?}");
            assert_eq!((reason(text), brief(text)), (line.to_owned(), line.to_owned()));
        }
    }

    #[test]
    fn text_is_cut_to_columns_not_bytes() {
        assert_eq!(fit("東京タワー", 5, CUT), "東京…");
        assert_eq!(fit("東京タワー", 10, CUT), "東京タワー");
        assert_eq!(fit("abc", 3, CUT), "abc");
        assert_eq!(fit("abcd", 3, CUT), "ab…");
        assert_eq!(fit("ab\u{1b}", 4, CUT), "ab…");
        assert_eq!(pad("é", 3, CUT), "é  ");
        assert_eq!(fit("abc", 0, CUT), "");
    }

    #[test]
    fn of_what_is_too_long_to_be_read_the_rest_is_counted() {
        assert_eq!(brief(&"ä".repeat(1_200)), "ä".repeat(1_200));
        assert_eq!(
            brief(&"ä".repeat(50_000)),
            format!("{}… [97600 more bytes: an html page has them]", "ä".repeat(1_200))
        );
    }

    #[test]
    fn json_stays_json_that_says_the_same() {
        let value = serde_json::json!({"a": "x\u{202e}\u{9b}\u{e0001}y\n東"});
        let safe = json(&value.to_string());
        assert!(safe.contains("\\u202e\\u009b\\udb40\\udc01"), "{safe}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&safe).ok(), Some(value));
    }

    proptest! {
        #[test]
        fn whatever_comes_is_safe_and_fits(input in any::<String>(), width in 0..60usize) {
            let safe = fit(&input, width, CUT);
            prop_assert!(columns(&safe) <= width);
            prop_assert!(!safe.chars().any(|c| c.is_control() || is_invisible(c)));
            prop_assert_eq!(columns(&pad(&input, width, CUT)), width);
        }
    }
}
