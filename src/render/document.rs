//! What the JSON documents have in common: how times and lengths are given, how a document is written.
//!
//! A document is a type: serde writes it, and the tests make its JSON Schema of it (`docs/json`). Fields may be added, never changed
//! or removed: `docs/stability.md` is the promise, `tests/it/promised.rs` holds it.

use std::time::Duration;

use jiff::tz::TimeZone;
use serde::{Serialize, Serializer};

use super::{escape, moment};
use crate::model::Time;

/// RFC 3339, to the millisecond or as exact as it is known, in the time zone of whoever asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "time", extend("format" = "date-time")))]
pub struct Iso(String);

impl Iso {
    /// This time, there.
    pub fn new(time: Time, zone: &TimeZone) -> Self {
        Self(moment::iso(time, zone))
    }

    /// As exact as it is known.
    pub(super) fn exact(time: Time, zone: &TimeZone) -> Self {
        Self(moment::exact(time, zone))
    }
}

/// Nanoseconds since 1970, in a string, as OTLP's JSON has them: a number of JSON is not exact enough everywhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(rename = "unix_nano", with = "String", extend("pattern" = "^[0-9]+$")))]
pub struct Nanos(pub Time);

impl Serialize for Nanos {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0.unix_nanos())
    }
}

/// A length in milliseconds, with its fraction.
pub(super) fn millis(length: Duration) -> f64 {
    length.as_nanos() as f64 / 1e6
}

/// The document over many lines, with a line end.
pub(super) fn pretty(document: &impl Serialize) -> String {
    // Plain types of texts and numbers cannot fail.
    escape::json(&(serde_json::to_string_pretty(document).unwrap_or_default() + "\n"))
}

/// The document in one line, with its end.
pub(super) fn line(document: &impl Serialize) -> String {
    escape::json(&(serde_json::to_string(document).unwrap_or_default() + "\n"))
}
