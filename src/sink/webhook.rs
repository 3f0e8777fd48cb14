//! A webhook that takes `{"text": …}`, as Slack's do. Its URL is a secret: whoever has it may write. Main type: [`Webhook`].

use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use reqwest::Client;
use serde_json::json;

use crate::hint::Hint;
use crate::layers::innermost;
use crate::proxy::{Proxies, Proxy, ProxyError};
use crate::secrets::{self, Secrets};
use crate::sink::request::http::client;

/// An attempt takes no longer.
const TIMEOUT: Duration = Duration::from_secs(10);

/// A part of its URL that is as long may be its secret, where whoever has that answers …
const SHORTEST: usize = 4;
/// … and in what others say: a shorter one may be any word.
const SHORTEST_ANYWHERE: usize = 9;

/// A webhook. `Display` and `Debug` say its host alone.
pub struct Webhook {
    client: Client,
    url: reqwest::Url,
    secrets: Secrets,
}

/// Why a webhook cannot be used, or did not take a message.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WebhookError {
    /// It is not the URL of one. It is not quoted.
    #[error("it is neither a topic nor the URL of a webhook, which begins with https://")]
    NoUrl,
    /// The proxy on the way cannot be used.
    #[error(transparent)]
    Proxy(#[from] ProxyError),
    /// No client can be made.
    #[error("{0}")]
    Client(String),
    /// No answer came.
    #[error("no answer: {0}")]
    Unanswered(String),
    /// It sends elsewhere.
    #[error("it redirects (HTTP {0}), which is not followed")]
    Redirects(u16),
    /// It says no.
    #[error("HTTP {status}{}", if said.is_empty() { String::new() } else { format!(": {said}") })]
    Refused {
        /// The status.
        status: u16,
        /// Its first words.
        said: String,
    },
}

impl WebhookError {
    /// Whether the same again may be taken.
    pub const fn is_passing(&self) -> bool {
        matches!(self, Self::Unanswered(_) | Self::Refused { status: 429 | 500..=599, .. })
    }
}

impl Hint for WebhookError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::NoUrl => Some("sns:TOPIC-ARN, or https://hooks.slack.com/services/…".to_owned()),
            Self::Proxy(error) => error.hint(),
            Self::Refused { status: 403 | 404 | 410, .. } => {
                Some("the webhook was revoked, or its URL is not whole: make a new one".to_owned())
            }
            _ => None,
        }
    }
}

impl Webhook {
    /// The webhook at this URL, through the proxy on the way. Connects to nobody yet.
    pub fn open(url: &str, proxies: &Proxies) -> Result<Self, WebhookError> {
        let url: reqwest::Url = url.parse().map_err(|_| WebhookError::NoUrl)?;
        if !matches!(url.scheme(), "https" | "http") || url.host_str().is_none() {
            return Err(WebhookError::NoUrl);
        }
        let proxy = proxies.to(&url.as_str().parse().map_err(|_| WebhookError::NoUrl)?)?;
        let of_url = std::iter::once(url.as_str()).chain(url.path_segments().into_iter().flatten()).chain(url.query());
        let of_url = of_url.map(str::to_owned).chain(url.query_pairs().map(|(_, value)| value.into_owned()));
        let of_url: Vec<String> = of_url.filter(|part| part.len() >= SHORTEST).collect();
        secrets::remember(of_url.iter().filter(|part| part.len() >= SHORTEST_ANYWHERE).cloned());
        let all = Secrets::new(of_url.into_iter().chain(proxy.iter().flat_map(Proxy::secrets)));
        let client = client(proxy.as_ref()).and_then(|client| client.timeout(TIMEOUT).build());
        let client = client.map_err(|error| WebhookError::Client(all.clean(&innermost(&error))))?;
        Ok(Self { client, url, secrets: all })
    }

    /// Whether others on the way can read what it is sent, and its URL. On this machine there are none.
    pub fn is_in_the_clear(&self) -> bool {
        let host = self.url.host_str().unwrap_or_default().trim_matches(['[', ']']);
        let is_here = host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
        self.url.scheme() == "http" && !is_here
    }

    /// Sends a text, in Slack's `mrkdwn`.
    pub async fn send(&self, text: &str) -> Result<(), WebhookError> {
        let request = self.client.post(self.url.clone()).header("content-type", "application/json");
        let unanswered = |error: reqwest::Error| {
            let why = if error.is_timeout() {
                format!("none within {} s", TIMEOUT.as_secs())
            } else {
                innermost(&error.without_url())
            };
            WebhookError::Unanswered(self.secrets.clean(&why))
        };
        let answer = request.body(json!({ "text": text }).to_string()).send().await.map_err(unanswered)?;
        let status = answer.status();
        match status.as_u16() {
            200..=299 => Ok(()),
            status @ 300..=399 => Err(WebhookError::Redirects(status)),
            status => {
                let said = answer.text().await.unwrap_or_default();
                Err(WebhookError::Refused { status, said: self.secrets.first_words(&said) })
            }
        }
    }
}

impl fmt::Display for Webhook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "webhook of {}", self.url.host_str().unwrap_or_default())
    }
}

impl fmt::Debug for Webhook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Webhook({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_part_of_its_url_is_told_whatever_it_answers() {
        let hook = Webhook::open("https://chat.example/500/s3cr3t/abcd?key=QuErY&page=last", &Proxies::default());
        let said = "busy /500/s3cr3t/abcd: s3cr3t, ABCD of key=QuErY, QuErY on the last";
        let shown = hook.map(|hook| hook.secrets.first_words(said));
        assert_eq!(shown.as_deref(), Ok("busy /500/***/***: ***, *** of key=***, *** on the ***"));
    }
}
