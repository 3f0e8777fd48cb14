//! From bytes to characters: UTF-8, UTF-16, UTF-32, and what Windows and older programs write. Main functions: [`decode`], [`narrow`].

use std::borrow::Cow;

use super::foreign;
use crate::source::error::ReadError;

/// An encoding in which a character has more bytes than one, as Windows PowerShell's `>` writes it.
#[derive(Clone, Copy, Debug)]
pub(in crate::source) enum Wide {
    Utf16(fn([u8; 2]) -> u16),
    Utf32(fn([u8; 4]) -> u32),
}

impl Wide {
    /// As bytes begin that are: with a mark, or with ASCII, as JSON and the AWS CLI do.
    pub(in crate::source) const fn of(bytes: &[u8]) -> Option<Self> {
        match bytes {
            [0xff, 0xfe, 0, 0, ..] | [1..0x80, 0, 0, 0, ..] => Some(Self::Utf32(u32::from_le_bytes)),
            [0, 0, 0xfe, 0xff, ..] | [0, 0, 0, 1..0x80, ..] => Some(Self::Utf32(u32::from_be_bytes)),
            [0xff, 0xfe, ..] | [1..0x80, 0, 1..0x80, 0, ..] => Some(Self::Utf16(u16::from_le_bytes)),
            [0xfe, 0xff, ..] | [0, 1..0x80, 0, 1..0x80, ..] => Some(Self::Utf16(u16::from_be_bytes)),
            _ => None,
        }
    }

    /// Where text follows whose characters have one byte each, as another program appended it.
    fn narrow_from(self, bytes: &[u8]) -> Option<usize> {
        /// No words in any language look like so many pairs of ASCII.
        const FEWEST: usize = 16;
        let Self::Utf16(_) = self else { return None };
        let is_ascii = |byte: &u8| matches!(byte, b' '..=b'~' | b'\t' | b'\r' | b'\n');
        let mut run = 0;
        for (at, unit) in bytes.chunks_exact(2).enumerate() {
            run = if unit.iter().all(is_ascii) { run + 1 } else { 0 };
            if run == FEWEST {
                return Some((at + 1 - FEWEST) * 2);
            }
        }
        None
    }

    const fn note(self) -> &'static str {
        match self {
            Self::Utf16(_) => "read as UTF-16",
            Self::Utf32(_) => "read as UTF-32",
        }
    }

    /// What is no character becomes U+FFFD, and then no JSON.
    fn text(self, bytes: &[u8]) -> String {
        match self {
            Self::Utf16(unit) => {
                char::decode_utf16(units(bytes).map(unit)).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
            }
            Self::Utf32(unit) => {
                units(bytes).map(|bytes| char::from_u32(unit(bytes)).unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
            }
        }
    }
}

/// The bytes, so many at a time; the last may lack some.
fn units<const N: usize>(bytes: &[u8]) -> impl Iterator<Item = [u8; N]> {
    bytes.chunks(N).map(|chunk| std::array::from_fn(|at| chunk.get(at).copied().unwrap_or_default()))
}

/// A text, and what is said of how its bytes were read, where they are not UTF-8.
pub(in crate::source) type Decoded<'a> = (Cow<'a, str>, Option<&'static str>);

/// The text of a file.
pub(in crate::source) fn decode<'a>(origin: &str, bytes: &'a [u8]) -> Result<Decoded<'a>, ReadError> {
    let (text, note) = match Wide::of(bytes) {
        Some(wide) if let Some(at) = wide.narrow_from(bytes) => (Cow::Owned(mixed(wide, bytes, at)), Some(MIXED)),
        Some(wide) => (Cow::Owned(wide.text(bytes).trim_start_matches('\u{feff}').to_owned()), Some(wide.note())),
        None => narrow(bytes).ok_or_else(|| no_text(origin, bytes))?,
    };
    if text.trim().is_empty() {
        return Err(ReadError::Empty { origin: origin.to_owned() });
    }
    Ok((text, note))
}

const MIXED: &str = "what was appended in another encoding is read in that";

/// The text of bytes of which those from `at` on are narrow.
fn mixed(wide: Wide, bytes: &[u8], at: usize) -> String {
    let (first, rest) = bytes.split_at_checked(at).unwrap_or((bytes, &[]));
    let rest = narrow(rest).map_or_else(|| String::from_utf8_lossy(rest), |(text, _)| text);
    format!("{}{rest}", wide.text(first).trim_start_matches('\u{feff}'))
}

/// Where text of two bytes a character was appended to other text.
fn wide_from(bytes: &[u8]) -> Option<usize> {
    let at = bytes.iter().position(|byte| *byte == 0)?.checked_sub(1)?;
    let mut pairs = bytes.get(at..)?.chunks_exact(2).take(8);
    (pairs.len() == 8 && pairs.all(|pair| matches!(pair, [1..0x80, 0]))).then_some(at)
}

/// The text of bytes of which none is part of a wide character: UTF-8, and what in it is none as Windows-1252, which older programs
/// write. `None` where they are no text.
pub(in crate::source) fn narrow(bytes: &[u8]) -> Option<Decoded<'_>> {
    if let Some((first, rest)) = wide_from(bytes).and_then(|at| bytes.split_at_checked(at)) {
        let first = first.strip_suffix(b"\xff\xfe").unwrap_or(first);
        let wide = Wide::Utf16(u16::from_le_bytes).text(rest);
        return narrow(first).map(|(first, _)| (Cow::Owned(format!("{first}{wide}")), Some(MIXED)));
    }
    if let Ok(text) = std::str::from_utf8(bytes) {
        return Some((Cow::Borrowed(text.trim_start_matches('\u{feff}')), None));
    }
    let is_text = |byte: &u8| matches!(byte, b'\t' | b'\n' | b'\r' | 0x8 | 0xc | 0x1b | 0x20..);
    if foreign::by_bytes(bytes).is_some() || !bytes.iter().all(is_text) {
        return None;
    }
    let mut text = String::with_capacity(bytes.len());
    let marks = bytes.chunks(3).take_while(|chunk| *chunk == "\u{feff}".as_bytes()).count();
    for chunk in bytes.get(marks * 3..).unwrap_or_default().utf8_chunks() {
        text.push_str(chunk.valid());
        text.extend(chunk.invalid().iter().map(|byte| windows(*byte)));
    }
    Some((Cow::Owned(text), Some("bytes that are no UTF-8 are read as Windows-1252")))
}

/// A character of Windows-1252, which is Latin-1 but for some.
fn windows(byte: u8) -> char {
    const FROM_80: [char; 32] = [
        '€', '\u{81}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{8d}', 'Ž', '\u{8f}', '\u{90}', '‘',
        '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\u{9d}', 'ž', 'Ÿ',
    ];
    usize::from(byte).checked_sub(0x80).and_then(|at| FROM_80.get(at)).copied().unwrap_or(char::from(byte))
}

/// What bytes are that are no text.
pub(in crate::source) fn no_text(origin: &str, bytes: &[u8]) -> ReadError {
    let origin = origin.to_owned();
    match foreign::by_bytes(bytes) {
        Some(form) => ReadError::Foreign { origin, what: form.what, hint: form.hint },
        None => {
            let offset = bytes.utf8_chunks().next().map_or(0, |chunk| chunk.valid().len());
            ReadError::NotUtf8 { origin, offset }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_utf8_is_windows_1252_and_the_rest_stays() {
        let text = |bytes: &[u8]| narrow(bytes).map(|(text, note)| (text.into_owned(), note.is_some()));
        assert_eq!(text("na\u{ef}ve".as_bytes()), Some(("naïve".to_owned(), false)));
        assert_eq!(text(b"na\xefve \x96 \x93x\x94"), Some(("naïve – “x”".to_owned(), true)));
        assert_eq!(text(b"\xc3\xa9 and \xe9"), Some(("é and é".to_owned(), true)));
        assert_eq!(text(b"\x00\xe9"), None, "no text has such");
        assert_eq!(text(b"\x89PNG\r\n"), None);
    }

    #[test]
    fn what_was_appended_in_another_encoding_is_read_in_that() {
        let text =
            |bytes: &[u8]| decode("f", bytes).map_or_else(|error| error.to_string(), |(text, _)| text.into_owned());
        let (one, two) = ("{\"a\": \"naïve\"}\r\n", "{\"b\": \"one more of such, and not a short one\"}\r\n");
        let wide = |text: &str| text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>();
        let marked = |text: &str| [b"\xff\xfe".to_vec(), wide(text)].concat();
        let both = format!("{one}{two}");
        assert_eq!(text(&[marked(one), two.into()].concat()), both);
        assert_eq!(text(&[one.as_bytes().to_vec(), wide(two)].concat()), both);
        assert_eq!(text(&[one.as_bytes().to_vec(), marked(two)].concat()), both);
        assert_eq!(text(&marked(&both)), both);
        assert_eq!(text("{\"a\": 1}\0\0".as_bytes()), "{\"a\": 1}\0\0");
    }
}
