//! Headers of requests: read from flags and from the environment's list, their values never shown. Main type: [`Headers`].

use std::borrow::Cow;
use std::fmt;

use http::{HeaderMap, HeaderName, HeaderValue};
use percent_encoding::percent_decode_str;

use super::ConfigError;
use crate::secrets;

/// The headers that every request carries. `Debug` shows names only.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Headers(HeaderMap);

impl Headers {
    /// The headers, for the transports.
    pub(crate) const fn map(&self) -> &HeaderMap {
        &self.0
    }

    /// Adds what an `OTEL_EXPORTER_OTLP_*HEADERS` variable lists: `k1=v1,k2=v2`, percent-encoded.
    pub(crate) fn add_list(&mut self, setting: &'static str, list: &str) -> Result<(), ConfigError> {
        for (index, entry) in list.split(',').map(str::trim).enumerate() {
            if !entry.is_empty() {
                self.add(setting, index + 1, entry, percent_decoded)?;
            }
        }
        Ok(())
    }

    /// Adds `k=v` as typed: percent signs mean themselves.
    pub(crate) fn add_flag(&mut self, setting: &'static str, index: usize, entry: &str) -> Result<(), ConfigError> {
        self.add(setting, index + 1, entry, |value| Ok(value.to_owned()))
    }

    fn add(
        &mut self,
        setting: &'static str,
        position: usize,
        entry: &str,
        decode: impl Fn(&str) -> Result<String, HeaderProblem>,
    ) -> Result<(), ConfigError> {
        let (name, value) =
            parsed(entry, decode).map_err(|problem| ConfigError::Header { setting, position, problem })?;
        self.0.insert(name, value);
        Ok(())
    }

    /// What must not be shown should a receiver repeat it: each value, and what is secret of it.
    pub(crate) fn secrets(&self) -> impl Iterator<Item = String> {
        self.0.values().flat_map(|value| secrets::of_header(&String::from_utf8_lossy(value.as_bytes())))
    }
}

impl fmt::Debug for Headers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.keys()).finish()
    }
}

/// What is wrong with a header. Says nothing of its value, and nothing of its name, which may be a value gone astray.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HeaderProblem {
    /// There is no `=`.
    #[error("is not NAME=VALUE")]
    NoEquals,
    /// The name cannot be one.
    #[error("has a name that headers cannot have")]
    Name,
    /// The value is empty.
    #[error("has no value")]
    NoValue,
    /// The value is badly percent-encoded.
    #[error("has a % that two hex digits do not follow; % itself is written %25")]
    Percent,
    /// The value has characters that headers cannot have.
    #[error("has characters that header values cannot have")]
    Value,
}

fn parsed(
    entry: &str,
    decode: impl Fn(&str) -> Result<String, HeaderProblem>,
) -> Result<(HeaderName, HeaderValue), HeaderProblem> {
    let (name, value) = entry.split_once('=').ok_or(HeaderProblem::NoEquals)?;
    let name = HeaderName::try_from(name.trim()).map_err(|_| HeaderProblem::Name)?;
    let value = decode(value.trim())?;
    if value.is_empty() {
        return Err(HeaderProblem::NoValue);
    }
    let mut value = HeaderValue::try_from(value).map_err(|_| HeaderProblem::Value)?;
    value.set_sensitive(true);
    Ok((name, value))
}

fn percent_decoded(text: &str) -> Result<String, HeaderProblem> {
    let is_code = |after: &str| after.bytes().take(2).filter(u8::is_ascii_hexdigit).count() == 2;
    if !text.split('%').skip(1).all(is_code) {
        return Err(HeaderProblem::Percent);
    }
    percent_decode_str(text).decode_utf8().map(Cow::into_owned).map_err(|_| HeaderProblem::Value)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn list(text: &str) -> Result<Vec<(String, String)>, ConfigError> {
        let mut headers = Headers::default();
        headers.add_list("VAR", text)?;
        Ok(headers.0.iter().map(|(k, v)| (k.to_string(), v.to_str().unwrap().to_owned())).collect())
    }

    #[test]
    fn a_list_is_percent_decoded() {
        let pairs = list("Authorization=Basic%20QWE%3D, x-team = a=b ,,").unwrap();
        assert_eq!(pairs, [("authorization".into(), "Basic QWE=".into()), ("x-team".into(), "a=b".into())]);
    }

    #[test]
    fn a_flag_is_taken_as_typed() {
        let mut headers = Headers::default();
        headers.add_flag("--header", 0, "x-key=100%25").unwrap();
        assert_eq!(headers.0.get("x-key").unwrap(), "100%25");
    }

    #[test]
    fn a_problem_is_named_without_the_value() {
        let cases = [
            ("ok=1,s3cret", HeaderProblem::NoEquals, 2),
            ("s3 cret=1", HeaderProblem::Name, 1),
            ("k=", HeaderProblem::NoValue, 1),
            ("k=s3cret%2", HeaderProblem::Percent, 1),
            ("k=s3cret%+a", HeaderProblem::Percent, 1),
            ("k=s3cret%0A", HeaderProblem::Value, 1),
            ("k=s3cret%FF", HeaderProblem::Value, 1),
        ];
        for (text, problem, position) in cases {
            let error = list(text).unwrap_err();
            assert_eq!(error, ConfigError::Header { setting: "VAR", position, problem }, "{text}");
            assert!(!error.to_string().contains("s3"), "{error}");
        }
    }

    #[test]
    fn values_are_not_in_debug_output() {
        let mut headers = Headers::default();
        headers.add_list("VAR", "x-key=s3cret").unwrap();
        assert_eq!(format!("{headers:?}"), "[\"x-key\"]");
    }
}
