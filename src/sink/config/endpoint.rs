//! The URL that requests go to, its secrets masked wherever it is shown. Main type: [`Endpoint`].

use std::fmt;

use reqwest::Url;

use super::Protocol;
use crate::percent::percent_decoded;
use crate::secrets::{self, MASK};
use crate::sink::signal::Signal;

/// Where requests go, and how they speak.
///
/// `Display` and `Debug` mask a user name, a password, a query and what looks like a key in the path: people put keys there.
#[derive(Clone, PartialEq, Eq)]
pub struct Endpoint {
    url: Url,
    protocol: Protocol,
}

impl Endpoint {
    pub(crate) const fn new(url: Url, protocol: Protocol) -> Self {
        Self { url, protocol }
    }

    /// From how it was shown; `None` where something of it was masked.
    pub(crate) fn saved(shown: &str, protocol: &str) -> Option<Self> {
        let url = Url::parse(shown).ok().filter(|_| !shown.contains(MASK))?;
        Some(Self::new(url, Protocol::named(protocol)?))
    }

    /// The URL, secrets and all: for the transports only.
    pub(crate) const fn url(&self) -> &Url {
        &self.url
    }

    /// How it is spoken to.
    pub const fn protocol(&self) -> Protocol {
        self.protocol
    }

    /// The port, given or the scheme's own.
    pub(crate) fn port(&self) -> Option<u16> {
        self.url.port_or_known_default()
    }

    pub(crate) fn is_tls(&self) -> bool {
        self.url.scheme() == "https"
    }

    /// What must not be shown should a receiver repeat it.
    pub(crate) fn secrets(&self) -> impl Iterator<Item = String> {
        let (user, password) = (self.url.username(), self.url.password().unwrap_or_default());
        let mut found = vec![];
        if self.url.password().is_some() || !user.is_empty() {
            found.extend(secrets::of_user(user, password));
            found.extend(secrets::of_user(&percent_decoded(user), &percent_decoded(password)));
        }
        found.extend(self.url.query().map(str::to_owned));
        for (name, value) in self.url.query_pairs() {
            // `?KEY` alone.
            found.push(if value.is_empty() { name.into_owned() } else { value.into_owned() });
        }
        found.extend(self.url.path().split('/').filter(|part| is_key(part)).map(str::to_owned));
        found.into_iter()
    }
}

/// Adds `/v1/traces` or `/v1/logs`, as the specification wants it for an endpoint that all signals share.
pub(crate) fn with_path(mut url: Url, signal: Signal) -> Url {
    let path = format!("{}{}", url.path().trim_end_matches('/'), signal.path());
    url.set_path(&path);
    url
}

/// Takes the path of a signal off, if the URL has one.
pub(crate) fn strip_signal_path(url: &mut Url) {
    let path = url.path().trim_end_matches('/');
    let shared =
        [Signal::Traces, Signal::Logs, Signal::Metrics].into_iter().find_map(|signal| path.strip_suffix(signal.path()));
    if let Some(shared) = shared.map(str::to_owned) {
        url.set_path(&shared);
    }
}

/// Whether a part of a path looks like a key: vendors put them there. (A tenant's id may look like one.)
fn is_key(part: &str) -> bool {
    let has = |is: fn(&u8) -> bool| part.bytes().any(|byte| is(&byte));
    part.len() >= 16 && has(u8::is_ascii_digit) && has(u8::is_ascii_alphabetic)
}

/// A URL with everything masked that may be a secret.
pub(crate) fn masked(url: &Url) -> String {
    let user = if url.username().is_empty() && url.password().is_none() { String::new() } else { format!("{MASK}@") };
    let host = url.host_str().unwrap_or_default();
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    let parts: Vec<&str> = url.path().split('/').map(|part| if is_key(part) { MASK } else { part }).collect();
    let path = if url.path() == "/" { String::new() } else { parts.join("/") };
    let query = if url.query().is_some() { format!("?{MASK}") } else { String::new() };
    format!("{}://{user}{host}{port}{path}{query}", url.scheme())
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&masked(&self.url))
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Endpoint({self}, {})", self.protocol)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn secrets_of_a_url_are_masked() {
        let url = Url::parse("https://me:s3cret@example.com:4318/x?key=s3cret").unwrap();
        let endpoint = Endpoint::new(url, Protocol::HttpProtobuf);
        assert_eq!(endpoint.to_string(), "https://***@example.com:4318/x?***");
        assert!(!format!("{endpoint:?}").contains("s3cret"));
        let url = Url::parse("https://example.com/receiver/v1/otlp/ZaVnC4dhaV0123456789/v1/traces").unwrap();
        assert_eq!(masked(&url), "https://example.com/receiver/v1/otlp/***/v1/traces");
    }
}
