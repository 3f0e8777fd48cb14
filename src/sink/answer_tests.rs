//! Tests of reading answers.
#![allow(clippy::unwrap_used)]

use opentelemetry_proto::tonic::collector::trace::v1::ExportTracePartialSuccess;
use tonic_types::{ErrorDetails, StatusExt};

use super::*;

const PROTOBUF: &str = "application/x-protobuf";

fn took(rejected: u64, message: &str) -> Answer {
    Answer::Accepted { rejected, message: message.to_owned() }
}

fn partial(rejected_spans: i64, error_message: &str) -> Vec<u8> {
    let partial_success = Some(ExportTracePartialSuccess { rejected_spans, error_message: error_message.to_owned() });
    ExportTraceServiceResponse { partial_success }.encode_to_vec()
}

#[test]
fn successes() {
    let secrets = Secrets::default();
    let json = "application/json";
    let cases: &[(&str, &[u8], Answer)] = &[
        ("", b"", took(0, "")),
        (PROTOBUF, &partial(3, "too old"), took(3, "too old")),
        (PROTOBUF, &partial(0, "use v2"), took(0, "use v2")),
        (PROTOBUF, &partial(-1, ""), took(0, "")),
        (json, b"{}", took(0, "")),
        (json, br#"{"partialSuccess":null}"#, took(0, "")),
        (json, br#"{"partialSuccess":{}}"#, took(0, "")),
        (json, br#"{"partialSuccess":{"rejectedSpans":"2","errorMessage":"old"}}"#, took(2, "old")),
        (json, br#"{"partialSuccess":{"rejectedSpans":2}}"#, took(2, "")),
        ("text/plain", br#" {"partial_success":{"rejected_spans":"2","error_message":"old"}}"#, took(2, "old")),
    ];
    for (content_type, body, answer) in cases {
        assert_eq!(&success(content_type, body, &secrets), answer, "{:?}", String::from_utf8_lossy(body));
    }
}

#[test]
fn what_is_not_otlp_is_not_success() {
    let cases: &[(&str, &[u8], &str)] = &[
        ("text/html; charset=utf-8", b"<html><TITLE>Sign in</title>", "text/html; charset=utf-8, \"Sign in\""),
        ("text/plain", b"ok", "2 bytes of text/plain"),
        ("", b"ok", "2 bytes of no content type"),
        (PROTOBUF, b"<html>", "6 bytes of application/x-protobuf"),
        ("application/json", b"[]", "2 bytes of application/json"),
        ("application/json", b"{", "1 bytes of application/json"),
        ("application/json", br#"{"partialSuccess":{"rejectedSpans":"many"}}"#, "43 bytes of application/json"),
    ];
    for (content_type, body, found) in cases {
        let answer = success(content_type, body, &Secrets::default());
        assert_eq!(answer, Answer::refused(Reason::NotOtlp { found: (*found).to_owned() }));
    }
}

/// An encoded `google.rpc.Status`.
fn rpc(message: &str, details: ErrorDetails) -> Vec<u8> {
    tonic::Status::with_error_details(tonic::Code::Unavailable, message, details).details().to_vec()
}

fn fail(status: u16, retry_after: Option<&str>, content_type: &str, body: &[u8]) -> Answer {
    let status = StatusCode::from_u16(status).unwrap();
    let now = httpdate::parse_http_date("Sat, 27 Nov 2021 02:00:00 GMT").unwrap();
    failure(status, content_type, retry_after, body, now, &Secrets::default())
}

#[test]
fn only_four_statuses_are_retried() {
    let retried: Vec<u16> =
        (300..600).filter(|&status| matches!(fail(status, None, "", b""), Answer::Retry { .. })).collect();
    assert_eq!(retried, [429, 502, 503, 504]);
}

#[test]
fn waits() {
    let status = rpc("slow down", ErrorDetails::with_retry_info(Some(Duration::from_secs(7))));
    let cases: &[(Option<&str>, &[u8], Option<u64>)] = &[
        (None, b"", None),
        (Some("5"), b"", Some(5)),
        (Some(" 0 "), b"", Some(0)),
        (Some("Sat, 27 Nov 2021 02:00:30 GMT"), b"", Some(30)),
        (Some("Sat, 27 Nov 2021 01:00:30 GMT"), b"", Some(0)),
        (Some("soon"), b"", None),
        (Some("-1"), b"", None),
        (None, &status, Some(7)),
        (Some("5"), &status, Some(5)),
    ];
    for (header, body, seconds) in cases {
        let Answer::Retry { after, .. } = fail(429, *header, PROTOBUF, body) else { panic!("not retried") };
        assert_eq!(after, seconds.map(Duration::from_secs), "{header:?}");
    }
}

#[test]
fn messages() {
    let status = rpc("no such tenant", ErrorDetails::new());
    let cases: &[(&str, &[u8], &str)] = &[
        (PROTOBUF, &status, "no such tenant"),
        ("application/json", br#"{"code":3,"message":"no such tenant"}"#, "no such tenant"),
        ("application/json", br#"{"error":{"message":"no such tenant"}}"#, "no such tenant"),
        ("application/json", br#"{"error":"no such tenant"}"#, "no such tenant"),
        ("text/plain", b"no such\n\x1b[31mtenant\x00", "no such [31mtenant"),
        ("text/html", b"<html><head><title>404 Not Found</title></head>", "404 Not Found"),
        ("text/html", b"<html>", ""),
        ("text/plain", b"\xff", "\u{fffd}"),
    ];
    for (content_type, body, message) in cases {
        let expected = Reason::Http { status: StatusCode::BAD_REQUEST, message: (*message).to_owned() };
        assert_eq!(fail(400, None, content_type, body), Answer::refused(expected));
    }
    let Answer::Refused { reason, .. } = fail(400, None, "", "é".repeat(1000).as_bytes()) else { panic!() };
    assert_eq!(reason.to_string().chars().count(), "the receiver answered 400 Bad Request: ".len() + MESSAGE_LEN + 1);
}

#[test]
fn sizes() {
    let too_large = |status, body: &str| match fail(status, None, "", body.as_bytes()) {
        Answer::Refused { too_large, .. } => too_large,
        other => panic!("{other:?}"),
    };
    assert_eq!(too_large(413, ""), TooLarge::Yes);
    assert_eq!(too_large(400, "http: request body too large"), TooLarge::Yes);
    assert_eq!(too_large(400, "The request size exceeds 5 MB"), TooLarge::Yes);
    assert_eq!(too_large(400, "span is too old"), TooLarge::No);
    assert_eq!(too_large(500, "too large"), TooLarge::No);
}

#[test]
fn secrets_that_a_receiver_repeats_are_masked() {
    let secrets = Secrets::new(["Bearer abcdef", "abcdef", "no"].map(str::to_owned).into_iter());
    assert_eq!(secrets.clean("no: Bearer abcdef, xabcdefx"), "no: ***, x***x");
}
