//! Text that is too long to be anything real, cut, with a mark that says how long it was. Main function: [`cut`].

use std::borrow::Cow;

/// No reason that ECS gives is longer; what is, is somebody's mistake and must not fill a screen for minutes.
pub const LONGEST: usize = 16 * 1024;

/// The text, or as much of it as fits into so many bytes together with a mark.
pub fn cut(text: &str, most: usize) -> Cow<'_, str> {
    if text.len() <= most {
        return Cow::Borrowed(text);
    }
    let mark = mark(text.len());
    let end = text.floor_char_boundary(most.saturating_sub(mark.len()));
    Cow::Owned(format!("{}{mark}", text.get(..end).unwrap_or_default()))
}

/// What stands at the end of a text of so many bytes that was cut.
pub fn mark(bytes: usize) -> String {
    format!("… [cut: {bytes} bytes]")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_cut_fits_with_its_mark_and_between_two_characters() {
        let text = "ä".repeat(100);
        assert_eq!(cut(&text, 200), text);
        for most in 40..200 {
            let short = cut(&text, most);
            assert!(
                short.len() <= most && short.len() + 2 > most && short.ends_with("ä… [cut: 200 bytes]"),
                "{most}: {short}"
            );
        }
    }
}
