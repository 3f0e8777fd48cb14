//! Whatever is answered – any status, any headers, any body – nothing panics, no error is taken for acceptance, and each span is
//! accepted, rejected or kept.

use std::sync::Arc;
use std::time::SystemTime;

use ::http::StatusCode;
use opentelemetry_proto::tonic::collector::trace::v1::{ExportTracePartialSuccess, ExportTraceServiceResponse};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use prost::Message;
use serde_json::{Value, json};

use super::*;
use crate::secrets::Secrets;
use crate::sink::request::answer;
use crate::sink::request::transport::Answer;
use crate::sink::testing::{GrpcReceiver, GrpcStep, HttpReceiver, HttpStep, Scripted, Step, task};
use crate::sink::tests::grpc::hearing;

const SPANS: u64 = 5;

fn content_type() -> impl Strategy<Value = String> {
    let known = [
        "",
        "application/json",
        "application/x-protobuf",
        "application/octet-stream",
        "text/plain; charset=utf-8",
        "text/html",
    ];
    prop_oneof![4 => select(known.to_vec()).prop_map(str::to_owned), 1 => "[a-z/+; =]{0,20}"]
}

/// Words that are no error, and none of success either.
fn neutral() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        Just(json!([])),
        any::<i64>().prop_map(Value::from),
        "[x-z]{0,8}".prop_map(Value::from)
    ]
}

/// JSON that speaks of an error in a way that receivers have, beside and inside anything else.
fn json_error() -> impl Strategy<Value = Value> {
    let said = prop_oneof![
        "[A-Za-z ]{3,20}x".prop_map(Value::from),
        Just(json!({"code": 7})),
        Just(json!(["x"])),
        Just(json!(true))
    ];
    let keys = ["error", "Error", "errors", "error_message", "errorCode", "fault", "exception", "rejected"];
    let bad = prop_oneof![
        (select(keys.to_vec()), said).prop_map(|(key, said)| json!({ key: said })),
        Just(json!({"success": false})),
        Just(json!({"ok": false})),
        Just(json!({"status": "error"})),
        Just(json!({"statusCode": 403})),
        select(&["Forbidden", "Missing Authentication Token", "hello"][..]).prop_map(|said| json!({"message": said})),
        Just(json!({"partialSuccess": "no"})),
        (i64::MIN..0).prop_map(|count| json!({"partialSuccess": {"rejectedSpans": count.to_string()}})),
        (i64::MIN..0).prop_map(|count| json!({"partial_success": {"rejected_spans": count}})),
    ];
    (bad, neutral(), "[x-z]{4}").prop_map(|(mut bad, beside, key)| {
        bad.as_object_mut().unwrap().insert(key, beside);
        bad
    })
}

fn partial() -> impl Strategy<Value = Vec<u8>> {
    (any::<i64>(), "[a-z ]{0,40}").prop_map(|(rejected_spans, error_message)| {
        let partial_success = Some(ExportTracePartialSuccess { rejected_spans, error_message });
        ExportTraceServiceResponse { partial_success }.encode_to_vec()
    })
}

fn body() -> impl Strategy<Value = Vec<u8>> {
    let bytes = |value: Value| value.to_string().into_bytes();
    prop_oneof![
        vec(any::<u8>(), 0..200),
        ".{0,80}".prop_map(String::into_bytes),
        json_error().prop_map(bytes),
        neutral().prop_map(bytes),
        (partial(), any::<prop::sample::Index>(), any::<u8>()).prop_map(|(mut body, at, byte)| {
            if !body.is_empty() {
                let at = at.index(body.len());
                body[at] = byte;
            }
            body
        }),
        partial(),
    ]
}

/// A body that speaks of an error, as receivers, proxies and login pages do.
fn error_body() -> impl Strategy<Value = Vec<u8>> {
    let before = select(&["", "\u{feff}", " \r\n"][..]);
    let text = prop_oneof![
        json_error().prop_map(|value| value.to_string()),
        json_error().prop_map(|value| json!([value]).to_string()),
        json_error().prop_map(|value| format!("{{}}\n{value}")),
        json_error().prop_map(|value| {
            let mut text = value.to_string();
            text.pop();
            text
        }),
        select(
            &[
                "<html><body>502</body>",
                "<!DOCTYPE html>",
                "<?xml version=\"1.0\"?><Error/>",
                "Forbidden",
                "invalid api key",
                "\"Unauthorized\""
            ][..]
        )
        .prop_map(str::to_owned),
    ];
    (before, text, 0..8).prop_map(|(before, text, letters)| match letters {
        0 => format!("\u{feff}{text}").encode_utf16().flat_map(u16::to_le_bytes).collect(),
        _ => format!("{before}{text}").into_bytes(),
    })
}

fn retry_after() -> impl Strategy<Value = Option<String>> {
    prop_oneof![
        Just(None),
        any::<u64>().prop_map(|n| Some(n.to_string())),
        "[0-9]{1,30}".prop_map(Some),
        "[ -~]{0,30}".prop_map(Some)
    ]
}

fn said(status: u16, content_type: &str, retry_after: Option<&str>, body: &[u8]) -> Answer {
    let (status, secrets) = (StatusCode::from_u16(status).unwrap(), Secrets::default());
    if status.is_success() {
        answer::success(content_type, body, &secrets)
    } else {
        answer::failure(status, content_type, retry_after, body, SystemTime::now(), &secrets)
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn a_body_that_speaks_of_an_error_is_no_acceptance(content_type in content_type(), body in error_body()) {
        let answer = said(200, &content_type, None, &body);
        prop_assert!(matches!(answer, Answer::Doubtful { .. }), "{answer:?}");
    }

    #[test]
    fn whatever_is_answered_each_span_is_accounted_for(
        status in 200_u16..1000, content_type in content_type(), retry_after in retry_after(), body in body(),
    ) {
        let answer = said(status, &content_type, retry_after.as_deref(), &body);
        let is_taken = matches!(answer, Answer::Accepted { .. });
        prop_assert!(!is_taken || (200..300).contains(&status));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        let report = runtime.block_on(async {
            let to = Destination::over("scripted".to_owned(), Arc::new(Scripted::new(vec![Step::Say(answer); 200])));
            deliver_to(to, vec![task("a", SPANS as usize)]).await
        });
        prop_assert_eq!(report.accepted + report.rejected + report.undelivered, SPANS);
        prop_assert!(is_taken || report.accepted == 0);
    }

    #[test]
    fn any_message_of_grpc_can_be_read(message in prop_oneof![partial(), vec(any::<u8>(), 0..60)]) {
        let rejects_less_than_none = ExportTraceServiceResponse::decode(&*message)
            .is_ok_and(|answer| answer.partial_success.is_some_and(|partial| partial.rejected_spans < 0));
        let answer = answer::grpc_success(&message, "", &Secrets::default());
        prop_assert!(!rejects_less_than_none || matches!(answer, Answer::Doubtful { .. }), "{answer:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]

    #[test]
    fn whatever_status_grpc_has_each_span_is_accounted_for(
        code in any::<i32>(), message in "[a-z%0-9 ]{0,20}", details in "[!-~]{1,60}",
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let report = runtime.block_on(async {
            let message: &'static str = Box::leak(message.into_boxed_str());
            let receiver = GrpcReceiver::start(vec![GrpcStep::Status(code, message, details); 100]).await;
            let to = destination(&receiver.url, "grpc", impatient(Duration::from_millis(50)));
            deliver_to(to, vec![task("a", SPANS as usize)]).await
        });
        prop_assert_eq!(report.accepted + report.rejected + report.undelivered, SPANS);
        prop_assert!(code == 0 || report.accepted == 0);
    }

    #[test]
    fn whatever_bytes_come_where_http2_is_spoken_each_span_is_accounted_for(bytes in prop_oneof![
        vec(any::<u8>(), 0..100),
        "HTTP/1\\.[01] [0-9]{0,4} ?[a-z]{0,5}\r\n([a-z-]{0,8}: ?[ -~]{0,9}\r\n){0,3}\r\n[a-z<]{0,9}".prop_map(String::into_bytes),
    ]) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let report = runtime.block_on(async {
            let (url, serving) = hearing(bytes).await;
            let to = destination(&url, "grpc", impatient(Duration::from_millis(50)));
            let report = deliver_to(to, vec![task("a", SPANS as usize)]).await;
            serving.abort();
            report
        });
        prop_assert_eq!((report.accepted, report.rejected, report.undelivered), (0, 0, SPANS));
    }

    #[test]
    fn whatever_comes_over_the_wire_each_span_is_accounted_for(
        status in 200_u16..600, content_type in content_type(), retry_after in retry_after(), body in body(),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let report = runtime.block_on(async {
            let retry_after = retry_after.map(|value| format!("\r\nretry-after: {value}")).unwrap_or_default();
            let step = HttpStep::answer(status, &format!("content-type: {content_type}{retry_after}"), body);
            let receiver = HttpReceiver::start(vec![step; 100]).await;
            let to = destination(&receiver.url, "http/json", impatient(Duration::from_millis(20)));
            deliver_to(to, vec![task("a", SPANS as usize)]).await
        });
        prop_assert_eq!(report.accepted + report.rejected + report.undelivered, SPANS);
        prop_assert!((200..300).contains(&status) || report.accepted == 0);
    }
}
