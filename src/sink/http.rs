//! OTLP over HTTP/1.1, with protocol buffers or JSON. Main type: [`HttpTransport`].

use std::io::Write;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderMap, StatusCode};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceResponse;
use prost::Message;
use serde_json::Value;

use super::config::{ConfigError, OtlpConfig, Protocol, read_pem};
use super::encode::Encoding;
use super::transport::{Answer, Reason, not_connected, quoted, says_too_large};

const PROTOBUF: &str = "application/x-protobuf";
const JSON: &str = "application/json";
/// An answer of OTLP is a few bytes; what is longer is something else, and its start is enough to say what.
const MAX_ANSWER: usize = 64 * 1024;

/// OTLP over HTTP.
#[derive(Debug)]
pub struct HttpTransport {
    client: reqwest::Client,
    url: String,
    headers: HeaderMap,
    encoding: Encoding,
    gzip: bool,
    timeout: Duration,
    shown: String,
}

impl HttpTransport {
    /// Prepares to send; nothing is connected yet.
    pub(super) fn new(config: &OtlpConfig) -> Result<Self, ConfigError> {
        let encoding = if config.protocol == Protocol::HttpJson { Encoding::Json } else { Encoding::Protobuf };
        let mut headers: HeaderMap = config.headers.iter().cloned().collect();
        let content_type = if encoding == Encoding::Json { JSON } else { PROTOBUF };
        headers.insert(CONTENT_TYPE, http::HeaderValue::from_static(content_type));
        if config.gzip {
            headers.insert(CONTENT_ENCODING, http::HeaderValue::from_static("gzip"));
        }
        Ok(Self {
            client: client(config)?,
            url: config.url.to_string(),
            headers,
            encoding,
            gzip: config.gzip,
            timeout: config.timeout,
            shown: config.shown(),
        })
    }

    pub(super) const fn encoding(&self) -> Encoding {
        self.encoding
    }

    pub(super) async fn send(&self, body: Bytes) -> Answer {
        let body = if self.gzip { gzipped(&body) } else { body };
        let attempt = async {
            let mut response = self.client.post(&self.url).headers(self.headers.clone()).body(body).send().await?;
            let (status, headers) = (response.status(), response.headers().clone());
            let mut answer = Vec::new();
            while let Some(chunk) = response.chunk().await? {
                answer.extend_from_slice(&chunk);
                if answer.len() > MAX_ANSWER {
                    break;
                }
            }
            Ok::<_, reqwest::Error>((status, headers, answer))
        };
        match tokio::time::timeout(self.timeout, attempt).await {
            Err(_) => Answer::Unknown {
                reason: Reason::new(format!("{} did not answer within {:?}", self.shown, self.timeout)),
            },
            Ok(Ok((status, headers, body))) => classify(&self.shown, status, &headers, &body, SystemTime::now()),
            Ok(Err(error)) if error.is_connect() => {
                Answer::Retry { after: None, reason: not_connected(&self.shown, &error) }
            }
            Ok(Err(error)) => {
                let cause = super::transport::root_cause(&error);
                let reason = Reason::new(format!("the connection to {} broke: {cause}", self.shown));
                // hyper's words for bytes that are no HTTP/1 answer: HTTP/2's first frame, usually.
                let is_grpc = ["invalid http", "unexpected message", "http2"]
                    .iter()
                    .any(|words| cause.to_ascii_lowercase().contains(words));
                match is_grpc {
                    true => Answer::Refused {
                        reason: reason.hint("the server seems to speak gRPC: use --protocol grpc (port 4317, usually)"),
                        too_large: false,
                    },
                    false => Answer::Unknown { reason },
                }
            }
        }
    }
}

fn client(config: &OtlpConfig) -> Result<reqwest::Client, ConfigError> {
    let invalid = |error: reqwest::Error| ConfigError::Invalid {
        name: config.shown(),
        problem: super::transport::root_cause(&error),
    };
    // A redirect of an export is a wrong endpoint, and following it could carry headers to another host.
    let mut builder = reqwest::Client::builder()
        .http1_only()
        .redirect(reqwest::redirect::Policy::none())
        .user_agent(concat!("ecspan/", env!("CARGO_PKG_VERSION")));
    if let Some(path) = &config.ca {
        let certificates = reqwest::Certificate::from_pem_bundle(&read_pem(path)?).map_err(invalid)?;
        builder = builder.tls_certs_only(certificates);
    }
    if let Some((certificate, key)) = &config.client {
        let mut pem = read_pem(certificate)?;
        pem.push(b'\n');
        pem.extend(read_pem(key)?);
        builder = builder.identity(reqwest::Identity::from_pem(&pem).map_err(invalid)?);
    }
    builder.build().map_err(invalid)
}

fn gzipped(body: &Bytes) -> Bytes {
    let mut encoder = GzEncoder::new(Vec::with_capacity(body.len() / 8), Compression::fast());
    encoder.write_all(body).and_then(|()| encoder.finish()).map_or_else(|_| body.clone(), Bytes::from)
}

/// What an HTTP answer means. Retryable are 429, 502, 503 and 504, as the OTLP specification says, and nothing else.
fn classify(endpoint: &str, status: StatusCode, headers: &HeaderMap, body: &[u8], now: SystemTime) -> Answer {
    if status.is_success() {
        return accepted(endpoint, headers, body);
    }
    let said = error_text(headers, body);
    let words = if said.is_empty() { String::new() } else { format!(": {said}") };
    let reason = Reason::new(format!("{endpoint} answered {status}{words}"));
    let hint = match status.as_u16() {
        429 | 502 | 503 | 504 => return Answer::Retry { after: retry_after(headers, now), reason },
        413 => return Answer::Refused { reason, too_large: true },
        400 if says_too_large(&said) => return Answer::Refused { reason, too_large: true },
        401 | 403 => "give the receiver's key: --header NAME=VALUE or OTEL_EXPORTER_OTLP_HEADERS",
        404 | 405 => "the path of an OTLP receiver ends in /v1/traces, which is appended to --endpoint",
        415 => "try another --protocol: http/protobuf, http/json or grpc",
        300..=399 => "redirects are not followed: give the URL that it leads to",
        _ => return Answer::Refused { reason, too_large: false },
    };
    Answer::Refused { reason: reason.hint(hint), too_large: false }
}

fn accepted(endpoint: &str, headers: &HeaderMap, body: &[u8]) -> Answer {
    let nothing = Answer::Accepted { rejected: 0, message: String::new() };
    if body.iter().all(u8::is_ascii_whitespace) {
        return nothing;
    }
    let not_otlp = || {
        let kind = content_type(headers).unwrap_or_else(|| "something of no type".to_owned());
        Answer::Refused {
            reason: Reason::new(format!("{endpoint} answered 200 with {kind}, which is not OTLP"))
                .hint("something else listens there: check the endpoint's host, port and path"),
            too_large: false,
        }
    };
    let is_json = content_type(headers).map_or_else(|| body.first() == Some(&b'{'), |kind| kind == JSON);
    if is_json {
        return match serde_json::from_slice::<Value>(body) {
            Ok(Value::Object(answer)) => partial_success(&answer),
            _ => not_otlp(),
        };
    }
    if content_type(headers).is_some_and(|kind| kind.starts_with("text/")) {
        return not_otlp();
    }
    match ExportTraceServiceResponse::decode(body) {
        Ok(response) => {
            let partial = response.partial_success.unwrap_or_default();
            let rejected = u64::try_from(partial.rejected_spans).unwrap_or_default();
            Answer::Accepted { rejected, message: quoted(&partial.error_message) }
        }
        Err(_) => not_otlp(),
    }
}

/// The partial success of a JSON answer: 64-bit counts are strings by the specification, and numbers in the wild.
fn partial_success(answer: &serde_json::Map<String, Value>) -> Answer {
    let field = |object: &Value, camel: &str, snake: &str| object.get(camel).or_else(|| object.get(snake)).cloned();
    let partial = answer.get("partialSuccess").or_else(|| answer.get("partial_success")).cloned().unwrap_or_default();
    let count = field(&partial, "rejectedSpans", "rejected_spans").unwrap_or_default();
    let rejected = count.as_u64().or_else(|| count.as_str()?.parse().ok()).unwrap_or_default();
    let message = field(&partial, "errorMessage", "error_message").unwrap_or_default();
    Answer::Accepted { rejected, message: quoted(message.as_str().unwrap_or_default()) }
}

/// What an error answer says: the message of a `google.rpc.Status` in protocol buffers or JSON, else its text.
fn error_text(headers: &HeaderMap, body: &[u8]) -> String {
    if content_type(headers).as_deref() == Some(PROTOBUF) {
        return tonic_types::pb::Status::decode(body).map(|status| quoted(&status.message)).unwrap_or_default();
    }
    let text = String::from_utf8_lossy(body);
    match serde_json::from_str::<Value>(&text) {
        Ok(value) => match value.get("message").or_else(|| value.get("error")).and_then(Value::as_str) {
            Some(message) => quoted(message),
            None => quoted(&text),
        },
        // A page's markup says nothing to a person.
        Err(_) if text.trim_start().starts_with('<') => String::new(),
        Err(_) => quoted(&text),
    }
}

fn content_type(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(CONTENT_TYPE)?.to_str().ok()?;
    value.split(';').next().map(|kind| kind.trim().to_ascii_lowercase())
}

/// `Retry-After`: seconds or a date.
fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let value = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let seconds = value.parse().ok().map(Duration::from_secs);
    seconds.or_else(|| Some(httpdate::parse_http_date(value).ok()?.duration_since(now).unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, headers: &[(&'static str, &'static str)], body: &[u8]) -> Answer {
        let headers: HeaderMap = headers
            .iter()
            .map(|(name, value)| (http::HeaderName::from_static(name), http::HeaderValue::from_static(value)))
            .collect();
        let status = StatusCode::from_u16(status).expect("a status");
        classify("http://x", status, &headers, body, SystemTime::UNIX_EPOCH)
    }

    fn rejected(body: &str) -> Option<(u64, String)> {
        match answer(200, &[("content-type", "application/json")], body.as_bytes()) {
            Answer::Accepted { rejected, message } => Some((rejected, message)),
            _ => None,
        }
    }

    #[test]
    fn partial_success_is_read_in_every_spelling() {
        assert_eq!(rejected("{}"), Some((0, String::new())));
        assert_eq!(
            rejected(r#"{"partialSuccess":{"rejectedSpans":"3","errorMessage":"no"}}"#),
            Some((3, "no".to_owned()))
        );
        assert_eq!(rejected(r#"{"partialSuccess":{"rejectedSpans":3}}"#), Some((3, String::new())));
        assert_eq!(
            rejected(r#"{"partial_success":{"rejected_spans":"2","error_message":"w"}}"#),
            Some((2, "w".to_owned()))
        );
        assert_eq!(rejected(r#"{"partialSuccess":{"errorMessage":"careful"}}"#), Some((0, "careful".to_owned())));
        assert_eq!(rejected("[]"), None);
    }

    #[test]
    fn a_page_is_no_success() {
        let page = b"<html><body>Welcome</body></html>";
        for headers in [&[("content-type", "text/html; charset=utf-8")][..], &[]] {
            assert!(matches!(answer(200, headers, page), Answer::Refused { .. }), "{headers:?}");
        }
        assert!(matches!(answer(200, &[], b""), Answer::Accepted { rejected: 0, .. }));
    }

    #[test]
    fn only_what_the_specification_names_is_tried_again() {
        for status in 300..600 {
            let retried = matches!(answer(status, &[], b""), Answer::Retry { .. });
            assert_eq!(retried, [429, 502, 503, 504].contains(&status), "{status}");
        }
        let after = |value| match answer(503, &[("retry-after", value)], b"") {
            Answer::Retry { after, .. } => after,
            _ => None,
        };
        assert_eq!(after("7"), Some(Duration::from_secs(7)));
        assert_eq!(after("Thu, 01 Jan 1970 00:01:00 GMT"), Some(Duration::from_secs(60)));
        assert_eq!(after("soon"), None);
    }

    #[test]
    fn what_is_too_large_is_told_apart() {
        let large = |status, body: &[u8]| matches!(answer(status, &[], body), Answer::Refused { too_large: true, .. });
        assert!(large(413, b""));
        assert!(large(400, b"{\"message\":\"request body too large\"}"));
        assert!(!large(400, b"{\"message\":\"no such trace\"}"));
    }
}
