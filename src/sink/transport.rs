//! The contract between delivery and a way of sending: bytes in, an [`Answer`] out. Main type: [`Transport`].

use std::time::Duration;

use bytes::Bytes;

use super::config::{OtlpConfig, Protocol};
use super::encode::Encoding;
use super::grpc::GrpcTransport;
use super::http::HttpTransport;

/// What became of one attempt at one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The receiver took it, except for some spans that it rejected (and does not name).
    Accepted {
        /// How many.
        rejected: u64,
        /// Its words: why, or a warning.
        message: String,
    },
    /// Not now.
    Retry {
        /// Not before this has passed.
        after: Option<Duration>,
        /// Why.
        reason: Reason,
    },
    /// Never, in this form.
    Refused {
        /// Why.
        reason: Reason,
        /// A smaller request may be taken.
        too_large: bool,
    },
    /// It was sent, and nobody knows whether it arrived. Identical bytes make it safe to send again.
    Unknown {
        /// Why.
        reason: Reason,
    },
}

/// Why a request was not accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    /// A lower-case fragment; may quote the receiver.
    pub message: String,
    /// What to do.
    pub hint: Option<String>,
}

impl Reason {
    pub(super) fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), hint: None }
    }

    pub(super) fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }
}

/// A way of sending.
#[derive(Debug)]
pub enum Transport {
    /// OTLP over gRPC.
    Grpc(GrpcTransport),
    /// OTLP over HTTP.
    Http(HttpTransport),
}

impl Transport {
    /// Prepares to send as `config` says. Nothing is connected yet, but files are read and checked.
    pub fn new(config: &OtlpConfig) -> Result<Self, super::config::ConfigError> {
        Ok(match config.protocol {
            Protocol::Grpc => Self::Grpc(GrpcTransport::new(config)?),
            Protocol::HttpProtobuf | Protocol::HttpJson => Self::Http(HttpTransport::new(config)?),
        })
    }

    /// How it wants its requests written.
    pub fn encoding(&self) -> Encoding {
        match self {
            Self::Grpc(_) => Encoding::Protobuf,
            Self::Http(http) => http.encoding(),
        }
    }

    /// One attempt.
    pub(super) async fn send(&self, body: Bytes) -> Answer {
        match self {
            Self::Grpc(grpc) => grpc.send(body).await,
            Self::Http(http) => http.send(body).await,
        }
    }
}

/// What a receiver said, fit to be quoted: one line, no control characters, not endless.
pub(super) fn quoted(text: &str) -> String {
    const MOST: usize = 500;
    let line: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let safe: String = line.chars().filter(|c| !c.is_control()).collect();
    match safe.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}…", &safe[..end]),
        None => safe,
    }
}

/// Whether a receiver's words say that the request was too large for it.
pub(super) fn says_too_large(message: &str) -> bool {
    let message = message.to_ascii_lowercase();
    ["too large", "larger than max", "exceeds", "exceeded the maximum", "too big", "size limit"]
        .iter()
        .any(|words| message.contains(words))
}

/// The innermost cause of an error: what the operating system or TLS said.
pub(super) fn root_cause(error: &(dyn std::error::Error + 'static)) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}

/// Why no connection came about, with what to do.
pub(super) fn not_connected(endpoint: &str, error: &(dyn std::error::Error + 'static)) -> Reason {
    let cause = root_cause(error);
    let reason = Reason::new(format!("failed to connect to {endpoint}: {cause}"));
    let lower = cause.to_ascii_lowercase();
    if lower.contains("refused") {
        return reason.hint(format!(
            "nothing listens at {endpoint}: start a receiver (docker compose up -d), or set --endpoint or OTEL_EXPORTER_OTLP_ENDPOINT"
        ));
    }
    if lower.contains("certificate") || lower.contains("unknownissuer") {
        return reason.hint(
            "name the authority that signed the receiver's certificate: --ca FILE or OTEL_EXPORTER_OTLP_CERTIFICATE",
        );
    }
    if lower.contains("corrupt message") || lower.contains("invalidcontenttype") {
        return reason.hint("the receiver does not speak TLS there: use http:// in the endpoint");
    }
    if lower.contains("lookup") || lower.contains("resolve") || lower.contains("not known") {
        return reason.hint("check the host's name in the endpoint");
    }
    reason
}
