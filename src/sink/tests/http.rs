//! Delivery over HTTP: each answer, what becomes of the spans, and how many requests that takes.

use super::*;
use crate::sink::request::http::gzipped;
use crate::sink::testing::{HttpReceiver, HttpStep, gunzipped, span_names, task};

/// A row of the table: the answers; accepted, rejected and undelivered out of 4 spans; what is told, and hinted at.
type Row = (Vec<HttpStep>, [u64; 3], &'static str, &'static str);

fn answer(status: u16, headers: &str, body: &str) -> HttpStep {
    HttpStep::answer(status, headers, body)
}

fn json(body: &str) -> HttpStep {
    answer(200, "content-type: application/json", body)
}

fn rows() -> Vec<Row> {
    let ok = HttpStep::ok;
    let partial =
        |count: &str| json(&format!(r#"{{"partialSuccess":{{"rejectedSpans":{count},"errorMessage":"old"}}}}"#));
    vec![
        (vec![ok()], [4, 0, 0], "", ""),
        (vec![json("{}")], [4, 0, 0], "", ""),
        (vec![answer(503, "", ""), answer(502, "", ""), ok()], [4, 0, 0], "", ""),
        (vec![answer(429, "", ""), ok()], [4, 0, 0], "", ""),
        (vec![answer(429, "retry-after: 0", ""), ok()], [4, 0, 0], "", ""),
        (vec![answer(504, "", ""), ok()], [4, 0, 0], "", ""),
        (
            vec![answer(429, "retry-after: 3600", "")],
            [0, 0, 4],
            "the receiver answered 429 Too Many Requests; asked to wait 3600 s, longer than what is left of the 10 s for all attempts",
            "--deadline",
        ),
        (
            vec![answer(503, "retry-after: Fri, 31 Dec 9999 23:59:59 GMT", "overloaded")],
            [0, 0, 4],
            "the receiver answered 503 Service Unavailable: overloaded; asked to wait",
            "--deadline",
        ),
        (
            vec![answer(400, "", "bad\u{1b}[31m span")],
            [0, 0, 4],
            "the receiver answered 400 Bad Request: bad [31m span",
            "",
        ),
        (vec![answer(401, "", "")], [0, 0, 4], "the receiver answered 401 Unauthorized", "--header"),
        (vec![answer(403, "", "")], [0, 0, 4], "the receiver answered 403 Forbidden", "--header"),
        (vec![answer(404, "", "")], [0, 0, 4], "the receiver answered 404 Not Found", "/v1/traces"),
        (vec![answer(500, "", "")], [0, 0, 4], "the receiver answered 500 Internal Server Error", ""),
        (
            vec![answer(307, "location: http://elsewhere.example/?key=s3cret", "")],
            [0, 0, 4],
            "the receiver answered 307 Temporary Redirect: to http://elsewhere.example?***, which is not followed",
            "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
        ),
        (
            vec![answer(200, "content-type: text/html", "<title>Sign in</title>")],
            [0, 0, 4],
            "the receiver answered with text/html, \"Sign in\", which is not OTLP",
            "check the port and the path",
        ),
        (vec![partial("1")], [3, 1, 0], "old", ""),
        (vec![partial("\"4\"")], [0, 4, 0], "old", ""),
        (vec![partial("99")], [0, 4, 0], "old", ""),
        (vec![partial("-1")], [0, 0, 4], "the receiver answered with application/json: {\"partialSuccess\"", "port"),
        (vec![json(r#"{"status":"ok"}"#)], [4, 0, 0], "", ""),
        (
            vec![json(r#"{"error":"invalid api key"}"#)],
            [0, 0, 4],
            "the receiver answered with application/json: {\"error\":\"invalid api key\"}, which is not OTLP",
            "--header",
        ),
        (
            vec![HttpStep::answer(200, "content-type: application/octet-stream", vec![b'a'; 5 * 1024 * 1024])],
            [0, 0, 4],
            "the receiver answered with more than 4194304 bytes, application/octet-stream: aaa",
            "port",
        ),
        (
            vec![answer(200, "content-type: application/json\r\ncontent-encoding: br", "zz")],
            [0, 0, 4],
            "the receiver answered with application/json in br: zz, which is not OTLP",
            "port",
        ),
        (
            vec![HttpStep::answer(200, "content-encoding: gzip", gzipped(br#"{"error":"no"}"#))],
            [0, 0, 4],
            "the receiver answered with no content type: {\"error\":\"no\"}, which is not OTLP",
            "port",
        ),
        (
            vec![answer(429, "retry-after: 9223372036854775807", "")],
            [0, 0, 4],
            "the receiver answered 429 Too Many Requests; asked to wait 922337203685477",
            "--deadline",
        ),
        (vec![json(r#"{"partialSuccess":{"rejectedSpans":"2"}}"#)], [2, 2, 0], "the receiver does not say why", ""),
        (vec![answer(413, "", ""), ok(), ok()], [4, 0, 0], "", ""),
        (vec![answer(400, "", "request body too large"), ok(), ok()], [4, 0, 0], "", ""),
        (
            vec![answer(413, "", ""), ok(), answer(413, "", ""), ok(), answer(413, "", "")],
            [3, 1, 0],
            "span \"root a\" is too large even alone: the receiver answered 413 Payload Too Large",
            "",
        ),
    ]
}

#[tokio::test]
async fn answers() {
    for protocol in ["http/protobuf", "http/json"] {
        for (steps, fate, told, hint) in rows() {
            let receiver = HttpReceiver::start(steps.clone()).await;
            let report = deliver_to(destination(&receiver.url, protocol, |_| {}), vec![task("a", 4)]).await;
            assert_eq!(
                [report.accepted, report.rejected, report.undelivered],
                fate,
                "{protocol} {steps:?}: {report:?}"
            );
            let requests = receiver.script.played().len();
            assert_eq!((requests as u64, requests), (report.attempts, steps.len()), "{protocol} {steps:?}");
            if told.is_empty() {
                assert!(report.troubles.is_empty(), "{report:?}");
            } else {
                let (got, got_hint) = trouble(&report);
                assert!(got.starts_with(told), "{got}");
                assert!(got_hint.contains(hint) && got_hint.is_empty() == hint.is_empty(), "{got_hint}");
            }
        }
    }
}

#[tokio::test]
async fn a_warning_is_passed_on() {
    let receiver = HttpReceiver::start([json(r#"{"partialSuccess":{"errorMessage":"use v2"}}"#)]).await;
    let report = deliver_to(destination(&receiver.url, "http/json", |_| {}), vec![task("a", 1)]).await;
    assert_eq!((report.accepted, report.warnings), (1, vec!["use v2".to_owned()]));
}

#[tokio::test]
async fn requests_are_as_the_specification_wants_them() {
    for (protocol, content_type) in [("http/protobuf", "application/x-protobuf"), ("http/json", "application/json")] {
        let receiver = HttpReceiver::start([HttpStep::ok(), HttpStep::ok()]).await;
        let with = |gzip: &'static str| {
            move |overrides: &mut Overrides| {
                overrides.headers = vec!["x-key=s3cret".to_owned()];
                overrides.compression = Some(gzip.to_owned());
            }
        };
        for gzip in ["none", "gzip"] {
            deliver_to(destination(&receiver.url, protocol, with(gzip)), vec![task("a", 2)]).await;
        }
        let [plain, zipped] = receiver.script.played().try_into().unwrap();
        for seen in [&plain, &zipped] {
            assert_eq!(
                (seen.path.as_str(), &seen.headers["content-type"]),
                ("/v1/traces", &content_type.parse().unwrap())
            );
            assert_eq!(seen.headers["x-key"], "s3cret");
            assert!(seen.headers["user-agent"].to_str().unwrap().starts_with("ecspan/"));
        }
        assert!(!plain.headers.contains_key("content-encoding"));
        assert_eq!(zipped.headers["content-encoding"], "gzip");
        assert_eq!(gunzipped(&zipped.body), plain.body);
        if protocol == "http/protobuf" {
            assert_eq!(span_names(&plain.body), ["root a", "child 1 a"]);
        } else {
            let json: serde_json::Value = serde_json::from_slice(&plain.body).unwrap();
            assert_eq!(json["resourceSpans"][0]["scopeSpans"][0]["spans"][0]["name"], "root a");
        }
    }
}

#[tokio::test]
async fn a_receiver_that_repeats_our_key_does_not_get_it_printed() {
    let receiver = HttpReceiver::start([answer(401, "", "Bearer t0ps3cret is not known, nor is t0ps3cret")]).await;
    let header = |overrides: &mut Overrides| overrides.headers = vec!["authorization=Bearer t0ps3cret".to_owned()];
    let report = deliver_to(destination(&receiver.url, "http/json", header), vec![task("a", 1)]).await;
    assert_eq!(trouble(&report).0, "the receiver answered 401 Unauthorized: *** is not known, nor is ***");
    assert!(!format!("{report:?}").contains("s3cret"));
}

#[tokio::test]
async fn an_answer_without_end_is_not_read_to_its_end() {
    let mut endless = b"HTTP/1.1 400 X\r\ncontent-length: 99999999\r\n\r\n".to_vec();
    endless.extend(vec![b'x'; 1024 * 1024]);
    let receiver = HttpReceiver::start([HttpStep::Raw(endless)]).await;
    let report = deliver_to(destination(&receiver.url, "http/json", |_| {}), vec![task("a", 1)]).await;
    assert_eq!((report.undelivered, report.unknown, report.attempts), (1, 0, 1));
}

#[tokio::test]
async fn half_an_answer_of_success_leaves_the_outcome_unknown() {
    let half = b"HTTP/1.1 200 X\r\ncontent-length: 100\r\n\r\n{".to_vec();
    let receiver = HttpReceiver::start([HttpStep::Raw(half)]).await;
    let to = destination(&receiver.url, "http/json", impatient(Duration::from_secs(1)));
    let report = deliver_to(to, vec![task("a", 1)]).await;
    assert_eq!((report.undelivered, report.unknown), (1, 1), "{report:?}");
}
