//! Trace and span ids: computed, never drawn, so that anyone can compute them again. Worked examples: `docs/mapping.md`.

use opentelemetry::trace::{SpanId, TraceId};
use sha2::{Digest, Sha256};

/// The trace id of a task: its own id where that is 32 hex digits (or a UUID), else the first 16 bytes of SHA-256 over
/// the id in lower case.
pub fn trace_id(task_id: &str) -> TraceId {
    let id = task_id.to_lowercase();
    let plain = if is_uuid(&id) { id.replace('-', "") } else { id.clone() };
    let is_hex = plain.len() == 32 && plain.bytes().all(|b| b.is_ascii_hexdigit());
    match TraceId::from_hex(&plain) {
        Ok(own) if is_hex && own != TraceId::INVALID => own,
        _ => TraceId::from_bytes(digest(&[&id])),
    }
}

/// Whether an id can tell one task from others: `NNNN`, `-`, `TASK_ID` and `xxxxxxxx-xxxx` are what is left where somebody took
/// the ids out, and all such tasks would share one trace.
pub fn tells_apart(task_id: &str) -> bool {
    let mut plain = task_id.bytes().filter(|byte| *byte != b'-');
    let is_plain = task_id.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
    let first = plain.next();
    let differs = plain.any(|byte| Some(byte) != first);
    let word = task_id.replace(['-', '_'], "").to_ascii_lowercase();
    is_plain && differs && !matches!(word.as_str(), "taskid" | "yourtaskid" | "mytaskid" | "redacted" | "masked")
}

/// The id of the span PATH of a task: the first 8 bytes of SHA-256 over `ID|PATH`.
pub fn span_id(task_id: &str, path: &str) -> SpanId {
    SpanId::from_bytes(digest(&[&task_id.to_lowercase(), "|", path]))
}

/// The path of a container's span.
pub fn container_path(name: &str) -> String {
    format!("container/{name}")
}

/// The path of the span of what was selected of a container's log.
pub(crate) fn log_path(container_path: &str, selection: &str) -> String {
    format!("{container_path}/log|{selection}")
}

/// The trace id of a snapshot (`what` = `snapshot`) or of a rebased copy (`rebase`) made at this time.
pub fn derived_trace_id(task_id: &str, what: &str, unix_nanos: u64) -> TraceId {
    TraceId::from_bytes(digest(&[&task_id.to_lowercase(), "|", what, "|", &unix_nanos.to_string()]))
}

/// The trace id of a deployment: the first 16 bytes of SHA-256 over `CLUSTER_ARN|SERVICE_NAME|ecs-svc/N`, as written.
pub fn deployment_trace_id(identity: &str) -> TraceId {
    TraceId::from_bytes(digest(&[identity]))
}

/// The id of the span PATH of a deployment.
pub fn deployment_span_id(identity: &str, path: &str) -> SpanId {
    SpanId::from_bytes(digest(&[identity, "|", path]))
}

/// The trace id of a snapshot of a deployment.
pub(crate) fn deployment_snapshot_id(identity: &str, unix_nanos: u64) -> TraceId {
    TraceId::from_bytes(digest(&[identity, "|snapshot|", &unix_nanos.to_string()]))
}

fn is_uuid(id: &str) -> bool {
    let lengths = [8, 4, 4, 4, 12];
    let mut parts = id.split('-');
    lengths.iter().all(|&n| parts.next().is_some_and(|part| part.len() == n)) && parts.next().is_none()
}

fn digest<const N: usize>(parts: &[&str]) -> [u8; N] {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part.as_bytes());
    }
    let mut first = [0; N];
    for (to, from) in first.iter_mut().zip(hash.finalize()) {
        *to = from;
    }
    first
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_id_of_32_hex_digits_is_the_trace_id() {
        assert_eq!(trace_id("84B5991528504856a2f003b7da9b2b82").to_string(), "84b5991528504856a2f003b7da9b2b82");
        assert_eq!(trace_id("090eff9b-1ce3-4db6-848a-a8d14064fd24").to_string(), "090eff9b1ce34db6848aa8d14064fd24");
    }

    #[test]
    fn any_other_task_id_is_hashed() {
        // printf %s example | sha256sum
        assert_eq!(trace_id("EXAMPLE").to_string(), "50d858e0985ecc7f60418aaf0cc5ab58");
        assert_ne!(trace_id("00000000000000000000000000000000"), TraceId::INVALID);
    }

    #[test]
    fn what_is_left_of_an_id_tells_no_task_from_another() {
        for masked in
            ["-", "NNNN", "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx", "0000", "TASK_ID", "<id1>", "REDACTED", "1d2e…", ""]
        {
            assert!(!tells_apart(masked), "{masked}");
        }
        for id in
            ["84b5991528504856a2f003b7da9b2b82", "c13b4cb40f1f4fe4a2971f76aEXAMPLE", "1234567890123456789", "t1", "abc"]
        {
            assert!(tells_apart(id), "{id}");
        }
    }

    #[test]
    fn a_span_id_is_a_hash_of_task_and_path() {
        // printf %s '84b5991528504856a2f003b7da9b2b82|image pull' | sha256sum
        let id = span_id("84B5991528504856a2f003b7da9b2b82", "image pull");
        assert_eq!(id.to_string(), "ec720e9c727a66a8");
    }
}
