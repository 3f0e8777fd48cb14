//! Reads what receivers answer: OTLP responses, `google.rpc.Status` and whatever else comes. Pure. Main functions:
//! [`success`] and [`failure`].
//!
//! Tolerant in form – counts as strings or numbers, either case of names, a word of success that is not OTLP – and strict in
//! substance: what may speak of an error is not success.

use std::borrow::Cow;
use std::time::{Duration, SystemTime};

use http::StatusCode;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceResponse;
use prost::Message;
use serde_json::{Map, Value, json};
use tonic_types::{RpcStatusExt, Status as RpcStatus};

use super::foreign::{json_speaks_of_error, text_speaks_of_error};
use super::transport::{Answer, TooLarge};
use crate::secrets::{Secrets, is_unsafe};
use crate::sink::reason::Reason;

/// Reads the body of a 2xx answer. Accepted is what is empty or OTLP, and what is something else that speaks of no error; with
/// anything else nobody knows whether the request was taken.
pub(crate) fn success(content_type: &str, body: &[u8], secrets: &Secrets) -> Answer {
    let body = &*in_utf8(body);
    let doubtful = || not_otlp(&describe(content_type, body, secrets));
    let content_type = content_type.to_ascii_lowercase();
    let text = body.strip_prefix(BOM).unwrap_or(body).trim_ascii();
    if text.is_empty() {
        return accepted(0, "", secrets);
    }
    if content_type.contains("html") || content_type.contains("xml") || text.starts_with(b"<") {
        return doubtful();
    }
    if content_type.contains("json") || text.starts_with(b"{") || text.starts_with(b"[") {
        let values = serde_json::Deserializer::from_slice(text).into_iter::<Value>();
        return match values.collect::<Result<Vec<_>, _>>().as_deref() {
            Ok([answer]) => json_success(answer, || describe(&content_type, body, secrets), secrets),
            Ok(answers) if !answers.iter().any(json_speaks_of_error) => {
                foreign(&describe(&content_type, body, secrets))
            }
            _ => doubtful(),
        };
    }
    let is_text = std::str::from_utf8(text).is_ok()
        && !text.iter().any(|byte| byte.is_ascii_control() && !byte.is_ascii_whitespace());
    if is_text && text_speaks_of_error(&String::from_utf8_lossy(text)) {
        return doubtful();
    }
    let is_protobuf = content_type.contains("protobuf");
    // That of the other signals is the same on the wire.
    match ExportTraceServiceResponse::decode(body) {
        Ok(answer) if is_text && answer.partial_success.is_none() => foreign(&describe(&content_type, body, secrets)),
        // Any text may by chance be a message of fields that nobody knows, so elsewhere every byte must be known.
        Ok(answer) if is_protobuf || answer.encode_to_vec() == body => protobuf_success(answer, secrets),
        Err(_) if is_protobuf && !is_text => doubtful(),
        // A status of gRPC, for one.
        Ok(_) | Err(_) if text_speaks_of_error(&String::from_utf8_lossy(body)) => doubtful(),
        Ok(_) | Err(_) => foreign(&describe(&content_type, body, secrets)),
    }
}

/// Reads the message of an answer of gRPC that is OK, and says something `beside` it: what stands between may put its error there.
pub(crate) fn grpc_success(message: &[u8], beside: &str, secrets: &Secrets) -> Answer {
    let said = || format!("application/grpc, a status of OK: {}", secrets.first_words(beside));
    match ExportTraceServiceResponse::decode(message) {
        Ok(_) if text_speaks_of_error(beside) => not_otlp(&secrets.clean(&said())),
        Ok(answer) if answer.partial_success.is_none() && !beside.trim().is_empty() => foreign(&secrets.clean(&said())),
        Ok(answer) => protobuf_success(answer, secrets),
        Err(_) => not_otlp(&describe("application/grpc", message, secrets)),
    }
}

/// An answer of success that is larger than any of OTLP.
pub(crate) fn too_long(limit: usize, content_type: &str, begin: &[u8], secrets: &Secrets) -> Answer {
    let begin = begin.get(..WORDS_FROM).unwrap_or(begin);
    not_otlp(&format!("more than {limit} bytes, {}", describe(content_type, begin, secrets)))
}

/// Text of some systems is in UTF-16, which it begins with a mark for.
fn in_utf8(body: &[u8]) -> Cow<'_, [u8]> {
    let units: fn([u8; 2]) -> u16 = match body {
        [0xff, 0xfe, ..] => u16::from_le_bytes,
        [0xfe, 0xff, ..] => u16::from_be_bytes,
        _ => return Cow::Borrowed(body),
    };
    let units: Vec<u16> = body.as_chunks().0.iter().map(|pair| units(*pair)).collect();
    Cow::Owned(String::from_utf16_lossy(&units).into_bytes())
}

/// What stands before the text of some systems.
const BOM: &[u8] = b"\xef\xbb\xbf";

/// Bytes of a long answer that are looked at for its first words.
const WORDS_FROM: usize = 4 * 1024;

fn not_otlp(found: &str) -> Answer {
    Answer::Doubtful { reason: Reason::NotOtlp { found: found.to_owned() } }
}

fn foreign(found: &str) -> Answer {
    Answer::Accepted {
        rejected: 0,
        message: format!("{found} (which is not OTLP, but speaks of no error: taken as acceptance)"),
    }
}

fn protobuf_success(answer: ExportTraceServiceResponse, secrets: &Secrets) -> Answer {
    let partial = answer.partial_success.unwrap_or_default();
    match u64::try_from(partial.rejected_spans) {
        Ok(rejected) => accepted(rejected, &partial.error_message, secrets),
        Err(_) => not_otlp(
            &secrets.clean(&format!("a count of {} rejected ({:?})", partial.rejected_spans, partial.error_message)),
        ),
    }
}

/// Reads the JSON form, of which fields that nobody knows may be part.
fn json_success(answer: &Value, found: impl Fn() -> String, secrets: &Secrets) -> Answer {
    let Some(object) = answer.as_object() else {
        return if json_speaks_of_error(answer) { not_otlp(&found()) } else { foreign(&found()) };
    };
    let is_partial = |key: &str| matches!(key, "partialSuccess" | "partial_success");
    let others: Map<String, Value> =
        object.iter().filter(|(key, _)| !is_partial(key)).map(|(key, value)| (key.clone(), value.clone())).collect();
    let is_foreign = others.len() == object.len() && !object.is_empty();
    if json_speaks_of_error(&Value::Object(others)) {
        return not_otlp(&found());
    }
    if is_foreign {
        return foreign(&found());
    }
    let partial = object.iter().find(|(key, value)| is_partial(key) && !value.is_null()).map(|(_, value)| value);
    match partial.map(json_partial) {
        None => accepted(0, "", secrets),
        Some(Some((rejected, message))) => accepted(rejected, message, secrets),
        Some(None) => not_otlp(&found()),
    }
}

/// How much was rejected, and what is said of it; `None` when its fields are not what they must be.
fn json_partial(partial: &Value) -> Option<(u64, &str)> {
    let partial = partial.as_object()?;
    let names = [
        ("rejectedSpans", "rejected_spans"),
        ("rejectedLogRecords", "rejected_log_records"),
        ("rejectedDataPoints", "rejected_data_points"),
    ];
    let is_known =
        |key: &str| names.iter().any(|(name, other)| [*name, *other, "errorMessage", "error_message"].contains(&key));
    if partial.iter().any(|(key, value)| !is_known(key) && json_speaks_of_error(&json!({ key: value }))) {
        return None;
    }
    let rejected = match names.iter().find_map(|(name, other)| field(partial, name, other)) {
        None => 0,
        Some(Value::String(text)) => text.trim().parse::<i64>().ok()?.try_into().ok()?,
        Some(number) => number.as_i64()?.try_into().ok()?,
    };
    let message = match field(partial, "errorMessage", "error_message") {
        None => "",
        Some(text) => text.as_str()?,
    };
    Some((rejected, message))
}

fn field<'a>(object: &'a Map<String, Value>, name: &str, other: &str) -> Option<&'a Value> {
    object.get(name).or_else(|| object.get(other)).filter(|value| !value.is_null())
}

fn accepted(rejected: u64, message: &str, secrets: &Secrets) -> Answer {
    Answer::Accepted { rejected, message: secrets.clean(message) }
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

/// An answer of HTTP where gRPC was spoken: of whatever stands before the receiver, most likely. Which status is tried again is the
/// same as over HTTP, as gRPC has it.
pub(crate) fn over_grpc(answer: Answer) -> Answer {
    match answer {
        Answer::Refused { reason: Reason::Http { status, message }, too_large } => {
            Answer::Refused { reason: Reason::NotGrpc { status, message }, too_large }
        }
        Answer::Retry { reason: Reason::Http { status, message }, after } => {
            Answer::Retry { reason: Reason::NotGrpc { status, message }, after }
        }
        other => other,
    }
}

/// An answer of success that cannot be read: without gRPC where that was spoken, or encoded as nobody has asked for.
pub(crate) fn unreadable(content_type: &str, body: &[u8], secrets: &Secrets) -> Answer {
    not_otlp(&describe(content_type, body, secrets))
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
        Reason::Http { status, .. } | Reason::NotGrpc { status, .. } => matches!(status.as_u16(), 404 | 405),
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
    if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) {
        // More than a number can hold is longer than anybody waits.
        return Some(Duration::from_secs(value.parse().unwrap_or(u64::MAX)));
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
        let message =
            [&json, nested].into_iter().find_map(|value| field(value.as_object()?, "message", "Message")?.as_str());
        if let Some(message) = message.or_else(|| nested.as_str()) {
            return message.to_owned();
        }
    }
    if content_type.contains("html") { title(body) } else { String::from_utf8_lossy(body).into_owned() }
}

/// What stands where OTLP should: its type and its first words.
fn describe(content_type: &str, body: &[u8], secrets: &Secrets) -> String {
    let kind = if content_type.is_empty() { "no content type" } else { content_type };
    let title = if content_type.contains("html") { title(body) } else { String::new() };
    if !title.is_empty() {
        return secrets.clean(&format!("{kind}, {title:?}"));
    }
    // A status of gRPC, where OTLP was announced.
    let said = rpc_status(content_type, body).map(|status| status.message).filter(|message| !message.is_empty());
    let said = said.map_or_else(|| String::from_utf8_lossy(body), Cow::Owned);
    let unreadable =
        said.chars().filter(|c| is_unsafe(*c) && !c.is_whitespace() || *c == char::REPLACEMENT_CHARACTER).count();
    if unreadable * 8 > said.len() || said.trim().is_empty() {
        return secrets.clean(&format!("{} bytes of {kind}", body.len()));
    }
    secrets.clean(&format!("{kind}: {}", secrets.first_words(&said)))
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
