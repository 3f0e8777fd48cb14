//! Tests of reading answers.
#![allow(clippy::unwrap_used)]

use opentelemetry_proto::tonic::collector::trace::v1::ExportTracePartialSuccess;
use tonic_types::{ErrorDetails, StatusExt};

use super::*;
use crate::hint::Hint;
use crate::secrets::MESSAGE_LEN;

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

const FOREIGN: &str = " (which is not OTLP, but speaks of no error: taken as acceptance)";

#[test]
fn what_is_not_otlp_and_speaks_of_no_error_is_accepted_with_a_note() {
    let json = "application/json";
    let cases: &[(&str, &[u8], &str)] = &[
        (json, br#"{"status":"ok"}"#, r#"application/json: {"status":"ok"}"#),
        (json, b"[]", "application/json: []"),
        ("text/plain", b"ok", "text/plain: ok"),
        ("", b"ok", "no content type: ok"),
        ("application/octet-stream", b"aaaaaaaaa", "application/octet-stream: aaaaaaaaa"),
        (PROTOBUF, b"aaaaaaaaa", "application/x-protobuf: aaaaaaaaa"),
        ("application/octet-stream", b"\x01\x02\x03\xff", "4 bytes of application/octet-stream"),
    ];
    for (content_type, body, found) in cases {
        let answer = success(content_type, body, &Secrets::default());
        assert_eq!(answer, took(0, &format!("{found}{FOREIGN}")));
    }
    assert_eq!(
        success("application/octet-stream", &partial(3, "old"), &Secrets::default()),
        took(3, "old"),
        "OTLP all the same"
    );
    let mut unknown = partial(3, "old");
    unknown.extend([0x78, 1]);
    assert_eq!(success(PROTOBUF, &unknown, &Secrets::default()), took(3, "old"), "a field of later versions");
}

#[test]
fn of_what_may_speak_of_an_error_nobody_knows_the_outcome() {
    let json = "application/json";
    let status = rpc("no such tenant", ErrorDetails::new());
    let cases: &[(&str, &[u8], &str)] = &[
        ("text/html; charset=utf-8", b"<html><TITLE>Sign in</title>", "text/html; charset=utf-8, \"Sign in\""),
        ("", b" <!DOCTYPE html>", "no content type: <!DOCTYPE html>"),
        ("application/xml", b"<Error/>", "application/xml: <Error/>"),
        (json, br#"{"error":"invalid api key"}"#, r#"application/json: {"error":"invalid api key"}"#),
        (PROTOBUF, br#"{"error":"invalid api key"}"#, r#"application/x-protobuf: {"error":"invalid api key"}"#),
        (json, br#"{"partialSuccess":"no"}"#, r#"application/json: {"partialSuccess":"no"}"#),
        (
            json,
            br#"{"partialSuccess":{"rejectedSpans":-1}}"#,
            r#"application/json: {"partialSuccess":{"rejectedSpans":-1}}"#,
        ),
        (
            json,
            br#"{"partialSuccess":{"rejectedSpans":"many"}}"#,
            r#"application/json: {"partialSuccess":{"rejectedSpans":"many"}}"#,
        ),
        (
            json,
            br#"{"partialSuccess":{},"message":"Forbidden"}"#,
            r#"application/json: {"partialSuccess":{},"message":"Forbidden"}"#,
        ),
        (json, br#"{"partialSuccess":{"error":"x"}}"#, r#"application/json: {"partialSuccess":{"error":"x"}}"#),
        (json, b"{", "application/json: {"),
        (json, b"{} {\"error\":1}", "application/json: {} {\"error\":1}"),
        (json, b"\"Forbidden\"", "application/json: \"Forbidden\""),
        ("text/plain", b"Forbidden", "text/plain: Forbidden"),
        (PROTOBUF, b"invalid api key", "application/x-protobuf: invalid api key"),
        (PROTOBUF, &status, "application/x-protobuf: no such tenant"),
        (PROTOBUF, &[0x0a, 0x7f], "2 bytes of application/x-protobuf"),
        (PROTOBUF, &partial(-1, "odd"), "a count of -1 rejected (\"odd\")"),
    ];
    for (content_type, body, found) in cases {
        let answer = success(content_type, body, &Secrets::default());
        assert_eq!(answer, Answer::Doubtful { reason: Reason::NotOtlp { found: (*found).to_owned() } });
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
        (Some("9223372036854775807"), b"", Some(i64::MAX as u64)),
        (Some("99999999999999999999999"), b"", Some(u64::MAX)),
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
fn a_status_of_ok_of_grpc_that_says_something_is_read_for_what_it_says() {
    let taken = |message: &[u8], beside: &str| grpc_success(message, beside, &Secrets::default());
    assert_eq!(taken(b"", " "), took(0, ""));
    for message in ["invalid api key", "Forbidden", "quota exceeded"] {
        let answer = taken(b"", message);
        assert!(matches!(&answer, Answer::Doubtful { reason } if reason.to_string().contains(message)), "{answer:?}");
    }
    let answer = taken(b"", "queued");
    assert!(matches!(&answer, Answer::Accepted { rejected: 0, message } if message.contains("queued")), "{answer:?}");
    assert_eq!(taken(&partial(2, "no"), "OK"), took(2, "no"));
}

#[test]
fn what_x_ray_says_has_a_hint() {
    for (status, message, hint) in [
        (400, "The OTLP API is supported with CloudWatch Logs as a Trace Segment Destination.", "Transaction Search"),
        (403, "Missing Authentication Token", "AWS_PROFILE"),
        (403, "Credential should be scoped to a valid region.", "--to xray:REGION"),
        (400, "span timestamp is too old", "--rebase now"),
        (400, "spans cannot be more than 2 hours in the future", "--rebase now"),
        (413, "request size exceeds the limit", "limits"),
        (400, "KMS key of the log group cannot be used", "key policy"),
        (403, "User is not authorized to perform: xray:PutSpans", "xray:PutTraceSegments"),
    ] {
        let (status, message) = (StatusCode::from_u16(status).unwrap(), message.to_owned());
        let told = Reason::Xray { status, message: message.clone() }.hint();
        assert!(told.as_ref().is_some_and(|told| told.contains(hint)), "{message}: {told:?}");
    }
}
