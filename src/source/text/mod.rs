//! From the bytes of a file to the JSON documents in it, whatever stands around them. Main functions: [`decode`],
//! [`documents`].
//!
//! JSON is read as it comes, a document at a time. Only where that fails is the text looked through: for JSON inside other text, for
//! YAML, and for what it is if it is neither. Every pass is linear, or limited.

mod csv;
pub(super) mod encoding;
mod errors;
mod foreign;
mod form;
mod literal;
mod margin;
mod page;
mod scan;
mod search;
mod tidy;
mod wrap;
mod yaml;

use serde_json::Value;

pub(super) use self::encoding::decode;
#[cfg(feature = "aws")]
pub(super) use self::encoding::{Wide, narrow, no_text};
pub(super) use self::search::Before;
use self::search::Search;
use super::error::{Place, ReadError};
use super::twice::Json;

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

/// Hands every document of `text` to `take`. `origin` is what to call the text.
pub(super) fn documents(origin: &str, text: &str, take: Take<'_>) -> Remarks {
    further(origin, text, Before::default(), 0, take)
}

/// As [`documents`], of a text `before` which so many documents stand.
pub(super) fn further(origin: &str, text: &str, mut before: Before, mut count: usize, take: Take<'_>) -> Remarks {
    let mut stream = serde_json::Deserializer::from_str(text).into_iter::<Json>();
    let mut errors = vec![];
    loop {
        let begin = stream.byte_offset();
        match stream.next() {
            None => return Remarks { notes: vec![], errors },
            Some(Ok(json)) => {
                let end = stream.byte_offset();
                let rest = text.get(end..).unwrap_or_default().trim_start();
                let is_only_one = count == 0 && rest.is_empty();
                // A prompt or a log line may begin with what happens to be JSON; what is closed behind it is of something larger.
                if is_only_one || !(is_plain(&json.value) || rest.starts_with([']', '}'])) {
                    // A file of one document needs no number.
                    let place =
                        if is_only_one { origin.to_owned() } else { format!("{origin}: document {}", count + 1) };
                    // What is wrong with a whole document is the taker's to tell.
                    errors.append(&mut json.errors(&Place::root(&place)));
                    let _ = take(&place, json.value, Trust::Whole);
                    count += 1;
                    continue;
                }
            }
            Some(Err(_)) => {}
        }
        // Here it is not JSON alone any more.
        let (passed, rest) = text.split_at_checked(begin).unwrap_or(("", text));
        before.pass(passed);
        let mut remarks = Search::new(origin, rest, before, count).run(take);
        errors.append(&mut remarks.errors);
        return Remarks { errors, ..remarks };
    }
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
