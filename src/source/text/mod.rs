//! From the bytes of a file to the JSON documents in it, whatever stands around them. Main functions: [`decode`], [`documents`].
//!
//! JSON is read as it comes, a document at a time. Only where that fails is the text looked through: for JSON inside other text, for
//! YAML, and for what it is if it is neither. Every pass is linear, or limited.

mod errors;
mod foreign;
mod scan;
mod search;
mod tidy;
mod yaml;

use std::borrow::Cow;

use serde_json::Value;

pub(super) use self::search::Before;
use self::search::Search;
use super::error::ReadError;

/// How a document came to light.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trust {
    /// It stands there as a document of its own: what is not known of it is an error.
    Whole,
    /// It was found in other text: what is not known of it is somebody else's.
    Found,
    /// It was found inside something that is broken: only what names itself counts.
    Salvaged,
}

/// What takes a document: its place, and whether anything in it was known.
pub(super) type Take<'a> = &'a mut dyn FnMut(&str, Value, Trust) -> Taken;

/// What became of a document.
#[derive(Debug)]
pub(super) enum Taken {
    /// Something in it is known.
    Known,
    /// Nothing is; that is no error yet where other text holds it.
    Unknown(Option<ReadError>),
}

/// What is to be said of a text besides its documents.
#[derive(Debug, Default)]
pub(super) struct Remarks {
    pub(super) notes: Vec<String>,
    pub(super) errors: Vec<ReadError>,
}

/// An encoding in which a character has more bytes than one, as Windows PowerShell's `>` writes it.
#[derive(Clone, Copy, Debug)]
pub(super) enum Wide {
    Utf16(fn([u8; 2]) -> u16),
    Utf32(fn([u8; 4]) -> u32),
}

impl Wide {
    /// As bytes begin that are: with a mark, or with ASCII, as JSON and the AWS CLI do.
    pub(super) const fn of(bytes: &[u8]) -> Option<Self> {
        match bytes {
            [0xff, 0xfe, 0, 0, ..] | [1..0x80, 0, 0, 0, ..] => Some(Self::Utf32(u32::from_le_bytes)),
            [0, 0, 0xfe, 0xff, ..] | [0, 0, 0, 1..0x80, ..] => Some(Self::Utf32(u32::from_be_bytes)),
            [0xff, 0xfe, ..] | [1..0x80, 0, 1..0x80, 0, ..] => Some(Self::Utf16(u16::from_le_bytes)),
            [0xfe, 0xff, ..] | [0, 1..0x80, 0, 1..0x80, ..] => Some(Self::Utf16(u16::from_be_bytes)),
            _ => None,
        }
    }

    /// What is said of a text that was.
    pub(super) fn note(self) -> String {
        match self {
            Self::Utf16(_) => "read as UTF-16".to_owned(),
            Self::Utf32(_) => "read as UTF-32".to_owned(),
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

/// The text of a file: UTF-8, UTF-16 or UTF-32.
pub(super) fn decode<'a>(origin: &str, bytes: &'a [u8]) -> Result<Cow<'a, str>, ReadError> {
    let text = match Wide::of(bytes) {
        Some(wide) => Cow::Owned(wide.text(bytes).trim_start_matches('\u{feff}').to_owned()),
        None => Cow::Borrowed(
            std::str::from_utf8(bytes).map_err(|error| no_text(origin, bytes, error))?.trim_start_matches('\u{feff}'),
        ),
    };
    if text.trim().is_empty() {
        return Err(ReadError::Empty { origin: origin.to_owned() });
    }
    Ok(text)
}

/// What bytes are that are no text.
fn no_text(origin: &str, bytes: &[u8], error: std::str::Utf8Error) -> ReadError {
    let origin = origin.to_owned();
    match foreign::by_bytes(bytes) {
        Some(form) => ReadError::Foreign { origin, what: form.what, hint: form.hint },
        None => ReadError::NotUtf8 { origin, offset: error.valid_up_to() },
    }
}

/// Hands every document of `text` to `take`. `origin` is what to call the text.
pub(super) fn documents(origin: &str, text: &str, take: Take<'_>) -> Remarks {
    let mut stream = serde_json::Deserializer::from_str(text).into_iter::<Value>();
    let mut count = 0_usize;
    loop {
        let begin = stream.byte_offset();
        match stream.next() {
            None => return Remarks::default(),
            Some(Ok(value)) => {
                let end = stream.byte_offset();
                let is_only_one = count == 0 && text.get(end..).is_none_or(|rest| rest.trim().is_empty());
                // A prompt or a log line may begin with what happens to be JSON.
                if !is_only_one && is_plain(&value) {
                    return rest(origin, text, begin, count, take);
                }
                // A file of one document needs no number.
                let place = if is_only_one { origin.to_owned() } else { format!("{origin}: document {}", count + 1) };
                // What is wrong with a whole document is the taker's to tell.
                let _ = take(&place, value, Trust::Whole);
                count += 1;
            }
            Some(Err(_)) => return rest(origin, text, begin, count, take),
        }
    }
}

/// What is behind so many documents and is not JSON alone.
fn rest(origin: &str, text: &str, begin: usize, count: usize, take: Take<'_>) -> Remarks {
    let (before, rest) = text.split_at_checked(begin).unwrap_or(("", text));
    let mut place = Before::default();
    place.pass(before);
    search(origin, rest, place, count, take)
}

/// Looks a text through, `before` which so many documents stand.
pub(super) fn search(origin: &str, text: &str, before: Before, count: usize, take: Take<'_>) -> Remarks {
    Search::new(origin, text, before, count).run(take)
}

/// Whether a value is no document.
pub(super) fn is_plain(value: &Value) -> bool {
    match value {
        Value::Array(items) => items.iter().all(is_plain),
        Value::Object(_) => false,
        _ => true,
    }
}

/// What is wrong with an answer that should be JSON alone.
#[cfg(feature = "deliver")]
pub(super) fn not_json(origin: &str, text: &str, error: &serde_json::Error) -> ReadError {
    let origin = origin.to_owned();
    if let Some(form) = foreign::by_sign(text) {
        return ReadError::Foreign { origin, what: form.what, hint: form.hint };
    }
    let message = if error.is_eof() { "the JSON ends in the middle" } else { "this is no JSON" };
    ReadError::NotJson { origin, line: error.line(), column: error.column(), message: message.to_owned(), hint: None }
}
