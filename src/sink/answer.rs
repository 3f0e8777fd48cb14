//! Reads what receivers answer: OTLP responses, `google.rpc.Status` and whatever else comes. Pure. Main functions:
//! [`success`] and [`failure`].
//!
//! Tolerant in form – counts as strings or numbers, either case of names – and strict in substance: what is not OTLP is
//! not success.

use std::time::{Duration, SystemTime};

use http::StatusCode;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceResponse;
use prost::Message;
use serde_json::Value;
use tonic_types::{RpcStatusExt, Status as RpcStatus};

use super::reason::Reason;
use super::transport::{Answer, TooLarge};

/// Longest message of a receiver that is shown, in characters.
const MESSAGE_LEN: usize = 400;

/// What no output may show: header values and the like, should a receiver repeat them.
#[derive(Clone, Default)]
pub(crate) struct Secrets(Vec<String>);

impl Secrets {
    /// Shorter ones than this are no secrets, and replacing them would garble messages.
    const SHORTEST: usize = 6;

    pub(crate) fn new(secrets: impl Iterator<Item = String>) -> Self {
        let mut secrets: Vec<String> = secrets.filter(|secret| secret.len() >= Self::SHORTEST).collect();
        // The longest first: one may be part of another.
        secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        Self(secrets)
    }

    /// A receiver's words on one line, without control characters, without our secrets, and not too long.
    pub(crate) fn clean(&self, text: &str) -> String {
        let text = self.0.iter().fold(text.to_owned(), |text, secret| text.replace(secret, "***"));
        let printable: String = text.chars().map(|c| if is_unsafe(c) { ' ' } else { c }).collect();
        let mut words = printable.split_whitespace().collect::<Vec<_>>().join(" ");
        if let Some((end, _)) = words.char_indices().nth(MESSAGE_LEN) {
            words.truncate(end);
            words.push('…');
        }
        words
    }
}

/// Control characters, and the marks that turn the direction of text around.
fn is_unsafe(c: char) -> bool {
    c.is_control() || matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Reads the body of a 2xx answer.
pub(crate) fn success(content_type: &str, body: &[u8], secrets: &Secrets) -> Answer {
    let not_otlp = || Answer::refused(Reason::NotOtlp { found: secrets.clean(&describe(content_type, body)) });
    if body.is_empty() {
        return accepted(0, "", secrets);
    }
    let is_json = content_type.contains("json") || body.trim_ascii_start().starts_with(b"{");
    if is_json {
        return match serde_json::from_slice::<Value>(body) {
            Ok(answer @ Value::Object(_)) => json_success(&answer, secrets).unwrap_or_else(not_otlp),
            _ => not_otlp(),
        };
    }
    if content_type.starts_with("text/") {
        return not_otlp();
    }
    // That of the log service is the same on the wire.
    match ExportTraceServiceResponse::decode(body) {
        Ok(answer) => {
            let partial = answer.partial_success.unwrap_or_default();
            accepted(partial.rejected_spans, &partial.error_message, secrets)
        }
        Err(_) => not_otlp(),
    }
}

/// Reads the JSON form; `None` when its fields are not what they must be.
fn json_success(answer: &Value, secrets: &Secrets) -> Option<Answer> {
    let Some(partial) = field(answer, "partialSuccess", "partial_success") else {
        return Some(accepted(0, "", secrets));
    };
    let rejected = field(partial, "rejectedSpans", "rejected_spans");
    let rejected = match rejected.or_else(|| field(partial, "rejectedLogRecords", "rejected_log_records")) {
        None => 0,
        Some(Value::String(text)) => text.trim().parse().ok()?,
        Some(number) => number.as_i64()?,
    };
    let message = match field(partial, "errorMessage", "error_message") {
        None => "",
        Some(text) => text.as_str()?,
    };
    Some(accepted(rejected, message, secrets))
}

fn field<'a>(object: &'a Value, name: &str, other: &str) -> Option<&'a Value> {
    object.get(name).or_else(|| object.get(other)).filter(|value| !value.is_null())
}

fn accepted(rejected: i64, message: &str, secrets: &Secrets) -> Answer {
    Answer::Accepted { rejected: u64::try_from(rejected).unwrap_or(0), message: secrets.clean(message) }
}

/// Reads any other answer of HTTP.
pub(crate) fn failure(
    status: StatusCode,
    content_type: &str,
    retry_after: Option<&str>,
    body: &[u8],
    now: SystemTime,
    secrets: &Secrets,
) -> Answer {
    let message = secrets.clean(&failure_message(content_type, body));
    let reason = Reason::Http { status, message: message.clone() };
    match status {
        StatusCode::TOO_MANY_REQUESTS
        | StatusCode::BAD_GATEWAY
        | StatusCode::SERVICE_UNAVAILABLE
        | StatusCode::GATEWAY_TIMEOUT => {
            let after = retry_after.and_then(|value| wait(value, now)).or_else(|| retry_info(content_type, body));
            Answer::Retry { after, reason }
        }
        StatusCode::PAYLOAD_TOO_LARGE => Answer::Refused { reason, too_large: TooLarge::Yes },
        StatusCode::BAD_REQUEST if says_too_large(&message) => Answer::Refused { reason, too_large: TooLarge::Yes },
        _ => Answer::refused(reason),
    }
}

/// An answer of X-Ray, whose errors have hints of their own; it may throttle with 400, as AWS does.
pub(crate) fn of_xray(answer: Answer) -> Answer {
    match answer {
        Answer::Refused { reason: Reason::Http { status, message }, too_large } => {
            let is_throttled = message.contains("ThrottlingException") || message.contains("Rate exceeded");
            let reason = Reason::Xray { status, message };
            if is_throttled { Answer::retry(reason) } else { Answer::Refused { reason, too_large } }
        }
        Answer::Retry { reason: Reason::Http { status, message }, after } => {
            Answer::Retry { reason: Reason::Xray { status, message }, after }
        }
        other => other,
    }
}

/// An answer to log records: most receivers of traces have no such service.
pub(crate) fn to_logs(answer: Answer) -> Answer {
    match answer {
        Answer::Refused { reason, .. } if is_no_such_service(&reason) => {
            let said = reason.to_string();
            let said = said.trim_start_matches("the receiver answered ").to_owned();
            Answer::refused(Reason::NoLogs { said })
        }
        other => other,
    }
}

pub(crate) fn is_no_such_service(reason: &Reason) -> bool {
    match reason {
        Reason::Http { status, .. } => matches!(status.as_u16(), 404 | 405),
        Reason::Grpc { code, .. } => *code == "UNIMPLEMENTED",
        _ => false,
    }
}

/// Whether a message complains of size.
pub(crate) fn says_too_large(message: &str) -> bool {
    let message = message.to_lowercase();
    let complaints = ["too large", "too big", "larger than", "exceeds the max", "exceeds max", "exceeded max"];
    let sizes = ["message size", "request size", "payload size", "body size", "size limit", "entity too large"];
    complaints.iter().chain(&sizes).any(|complaint| message.contains(complaint))
}

/// `Retry-After`: seconds, or a date.
fn wait(value: &str, now: SystemTime) -> Option<Duration> {
    let value = value.trim();
    if let Ok(seconds) = value.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = httpdate::parse_http_date(value).ok()?;
    Some(date.duration_since(now).unwrap_or(Duration::ZERO))
}

/// What the error's `google.rpc.Status` in protobuf asks to wait.
fn retry_info(content_type: &str, body: &[u8]) -> Option<Duration> {
    rpc_status(content_type, body)?.get_details_retry_info()?.retry_delay
}

fn rpc_status(content_type: &str, body: &[u8]) -> Option<RpcStatus> {
    content_type.contains("protobuf").then(|| RpcStatus::decode(body).ok()).flatten()
}

/// The message of an error's body: of `google.rpc.Status` in protobuf or JSON, else its text.
fn failure_message(content_type: &str, body: &[u8]) -> String {
    if let Some(status) = rpc_status(content_type, body) {
        return status.message;
    }
    if let Ok(json) = serde_json::from_slice::<Value>(body) {
        let nested = json.get("error").unwrap_or(&json);
        let message = [&json, nested].into_iter().find_map(|object| field(object, "message", "Message")?.as_str());
        if let Some(message) = message.or_else(|| nested.as_str()) {
            return message.to_owned();
        }
    }
    if content_type.contains("html") { title(body) } else { String::from_utf8_lossy(body).into_owned() }
}

/// What stands where OTLP should.
fn describe(content_type: &str, body: &[u8]) -> String {
    let kind = if content_type.is_empty() { "no content type" } else { content_type };
    let title = if content_type.contains("html") { title(body) } else { String::new() };
    if title.is_empty() { format!("{} bytes of {kind}", body.len()) } else { format!("{kind}, {title:?}") }
}

/// The title of a web page: all of it that is worth a line.
fn title(page: &[u8]) -> String {
    let page = String::from_utf8_lossy(page);
    // ASCII only, so that positions in the one are positions in the other.
    let lower = page.to_ascii_lowercase();
    let inner = |start: usize| {
        let from = start + lower.get(start..)?.find('>')? + 1;
        let to = from + lower.get(from..)?.find("</title")?;
        page.get(from..to)
    };
    lower.find("<title").and_then(inner).unwrap_or_default().trim().to_owned()
}

#[cfg(test)]
#[path = "answer_tests.rs"]
mod tests;
