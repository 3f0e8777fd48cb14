//! Delivery over gRPC: each status, what becomes of the spans, and how many calls that takes.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tonic::Code;
use tonic_types::{ErrorDetails, StatusExt};

use super::*;
use crate::sink::testing::{GrpcReceiver, GrpcStep, span_names, task};

/// A status that asks to wait.
fn asking(code: Code, wait: Duration) -> GrpcStep {
    let status = tonic::Status::with_error_details(code, "slow down", ErrorDetails::with_retry_info(Some(wait)));
    // tonic writes the header as a receiver would.
    let mut headers = ::http::HeaderMap::new();
    status.add_header(&mut headers).unwrap();
    let details = headers["grpc-status-details-bin"].to_str().unwrap().to_owned();
    GrpcStep::Status(code as i32, "slow down", details)
}

#[tokio::test]
async fn answers() {
    let (ok, short) = (|| GrpcStep::Ok(0, ""), Duration::from_millis(1));
    let status = GrpcStep::status;
    let http = |status| GrpcStep::Http(status, "", "no");
    let rows: Vec<(Vec<GrpcStep>, [u64; 3], &str, &str)> = vec![
        (vec![ok()], [4, 0, 0], "", ""),
        (vec![GrpcStep::Ok(1, "too old")], [3, 1, 0], "too old", ""),
        (vec![GrpcStep::Ok(4, "")], [0, 4, 0], "the receiver does not say why", ""),
        (vec![GrpcStep::Ok(99, "")], [0, 4, 0], "the receiver does not say why", ""),
        (
            vec![GrpcStep::Ok(-1, "odd")],
            [0, 0, 4],
            "the receiver answered with a count of -1 rejected (\"odd\")",
            "port",
        ),
        (vec![status(Code::Unavailable, "x"), status(Code::Aborted, "x"), ok()], [4, 0, 0], "", ""),
        (vec![status(Code::Cancelled, "x"), status(Code::DeadlineExceeded, "x"), ok()], [4, 0, 0], "", ""),
        (vec![status(Code::DataLoss, "x"), ok()], [4, 0, 0], "", ""),
        (vec![asking(Code::ResourceExhausted, short), ok()], [4, 0, 0], "", ""),
        (vec![asking(Code::OutOfRange, short), ok()], [4, 0, 0], "", ""),
        (
            vec![asking(Code::Unavailable, Duration::from_secs(3600))],
            [0, 0, 4],
            "the receiver answered UNAVAILABLE: slow down; asked to wait 3600 s, longer than what is left of the 10 s for all attempts",
            "--deadline",
        ),
        (
            vec![status(Code::ResourceExhausted, "quota")],
            [0, 0, 4],
            "the receiver answered RESOURCE_EXHAUSTED: quota",
            "",
        ),
        (
            vec![status(Code::ResourceExhausted, "received message larger than max (5 vs. 4)"), ok(), ok()],
            [4, 0, 0],
            "",
            "",
        ),
        (vec![status(Code::InvalidArgument, "bad")], [0, 0, 4], "the receiver answered INVALID_ARGUMENT: bad", ""),
        (vec![status(Code::Internal, "")], [0, 0, 4], "the receiver answered INTERNAL", ""),
        (vec![status(Code::Unauthenticated, "")], [0, 0, 4], "the receiver answered UNAUTHENTICATED", "--header"),
        (vec![status(Code::PermissionDenied, "")], [0, 0, 4], "the receiver answered PERMISSION_DENIED", "--header"),
        (vec![status(Code::Unimplemented, "")], [0, 0, 4], "the receiver answered UNIMPLEMENTED", "port"),
        (
            vec![http(404)],
            [0, 0, 4],
            "the receiver answered 404 Not Found without gRPC: no",
            "--protocol http/protobuf",
        ),
        (vec![http(415)], [0, 0, 4], "the receiver answered 415 Unsupported Media Type without gRPC: no", "--protocol"),
        (vec![http(401)], [0, 0, 4], "the receiver answered 401 Unauthorized without gRPC: no", "--header"),
        (vec![http(403)], [0, 0, 4], "the receiver answered 403 Forbidden without gRPC: no", "--header"),
        (vec![http(400)], [0, 0, 4], "the receiver answered 400 Bad Request without gRPC: no", "--protocol"),
        (vec![GrpcStep::Http(403, "", "")], [0, 0, 4], "the receiver answered 403 Forbidden without gRPC", "--header"),
        (vec![http(200)], [0, 0, 4], "the receiver answered with text/plain: no, which is not OTLP", "port"),
        (vec![http(413), ok(), ok()], [4, 0, 0], "", ""),
        (vec![http(429), http(502), http(503), http(504), ok()], [4, 0, 0], "", ""),
        (vec![GrpcStep::Http(503, "", ""), GrpcStep::Http(502, "", ""), ok()], [4, 0, 0], "", ""),
        (
            vec![GrpcStep::Http(503, "9223372036854775807", "")],
            [0, 0, 4],
            "the receiver answered 503 Service Unavailable without gRPC; asked to wait",
            "--deadline",
        ),
        (vec![GrpcStep::Refused, ok()], [4, 0, 0], "", ""),
        (vec![GrpcStep::Large], [0, 0, 4], "the receiver answered with more than 4194304 bytes, ", ""),
    ];
    for (steps, fate, told, hint) in rows {
        let receiver = GrpcReceiver::start(steps.clone()).await;
        let report = deliver_to(destination(&receiver.url, "grpc", |_| {}), vec![task("a", 4)]).await;
        assert_eq!([report.accepted, report.rejected, report.undelivered], fate, "{steps:?}: {report:?}");
        let requests = receiver.script.played().len();
        assert_eq!((requests as u64, requests), (report.attempts, steps.len()), "{steps:?}");
        if told.is_empty() {
            assert!(report.troubles.is_empty(), "{report:?}");
        } else {
            let (got, got_hint) = trouble(&report);
            assert!(got.starts_with(told), "{got}");
            assert!(got_hint.contains(hint), "{got}: {got_hint}");
        }
    }
}

#[tokio::test]
async fn a_warning_is_passed_on() {
    let receiver = GrpcReceiver::start([GrpcStep::Ok(0, "use v2")]).await;
    let report = deliver_to(destination(&receiver.url, "grpc", |_| {}), vec![task("a", 1)]).await;
    assert_eq!((report.accepted, report.warnings), (1, vec!["use v2".to_owned()]));
}

#[tokio::test]
async fn calls_are_as_the_specification_wants_them() {
    for gzip in ["none", "gzip"] {
        let receiver = GrpcReceiver::start([GrpcStep::Ok(0, "")]).await;
        let change = |overrides: &mut Overrides| {
            overrides.headers = vec!["x-key=s3cret".to_owned()];
            overrides.compression = Some(gzip.to_owned());
        };
        let report = deliver_to(destination(&receiver.url, "grpc", change), vec![task("a", 2)]).await;
        let [seen] = receiver.script.played().try_into().unwrap();
        assert_eq!(seen.path, "/opentelemetry.proto.collector.trace.v1.TraceService/Export");
        assert_eq!(seen.headers["x-key"], "s3cret");
        assert!(seen.headers["user-agent"].to_str().unwrap().starts_with("ecspan/"));
        assert_eq!(seen.was_compressed, gzip == "gzip");
        assert_eq!(span_names(&seen.body), ["root a", "child 1 a"]);
        assert_eq!(report.bytes, seen.body.len() as u64);
    }
}

/// tonic panics on them.
#[tokio::test]
async fn details_that_are_not_base64_do_not_end_us() {
    let step = GrpcStep::Status(Code::Unavailable as i32, "x", "!!!".to_owned());
    let receiver = GrpcReceiver::start([step, GrpcStep::Ok(0, "")]).await;
    let report = deliver_to(destination(&receiver.url, "grpc", |_| {}), vec![task("a", 3)]).await;
    assert_eq!((report.accepted, report.attempts), (3, 2), "{report:?}");
}

/// Says this on each connection once the first call has come, and hangs up.
async fn saying(bytes: Vec<u8>) -> (String, tokio::task::JoinHandle<()>) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let serving = tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let bytes = bytes.clone();
            tokio::spawn(async move {
                let mut came = vec![];
                // Settings of our own, so that the call is sent.
                let _ = socket.write_all(&[0, 0, 0, 4, 0, 0, 0, 0, 0]).await;
                while !came.windows(6).any(|some| some == b"root a")
                    && socket.read_buf(&mut came).await.unwrap_or(0) > 0
                {}
                let _ = socket.write_all(&bytes).await;
                let _ = socket.shutdown().await;
                let _ = socket.read_to_end(&mut came).await;
            });
        }
    });
    (url, serving)
}

#[tokio::test]
async fn what_the_receiver_says_it_has_not_looked_at_is_surely_not_delivered() {
    let go_away = |last: u8| [&[0, 0, 8, 7, 0, 0, 0, 0, 0][..], &[0, 0, 0, last], &[0, 0, 0, 0]].concat();
    for (last, unknown) in [(0, 0), (1, 3)] {
        let (url, serving) = saying(go_away(last)).await;
        let to = twice(destination(&url, "grpc", |_| {}));
        let report = deliver_to(to, vec![task("a", 3)]).await;
        serving.abort();
        assert_eq!((report.undelivered, report.unknown, report.attempts), (3, unknown, 2), "{last}: {report:?}");
    }
}

#[tokio::test]
async fn what_is_answered_in_http1_is_told() {
    let answer = |head: &str| format!("HTTP/1.1 {head}\r\ncontent-type: text/plain\r\ncontent-length: 2\r\n\r\nno");
    for (head, attempts, told) in [
        ("502 Bad Gateway", 2, "the receiver answered 502 Bad Gateway without gRPC: no"),
        ("401 Unauthorized", 1, "the receiver answered 401 Unauthorized without gRPC: no"),
        ("405 Method Not Allowed", 1, "does not speak gRPC: it answered 405 Method Not Allowed in HTTP/1.1: no"),
        ("200 OK", 1, "does not speak gRPC: it answered 200 OK in HTTP/1.1"),
    ] {
        let (url, serving) = hearing(answer(head)).await;
        let to = twice(destination(&url, "grpc", |_| {}));
        let report = deliver_to(to, vec![task("a", 3)]).await;
        serving.abort();
        assert_eq!((report.undelivered, report.unknown, report.attempts), (3, 0, attempts), "{head}: {report:?}");
        assert!(trouble(&report).0.ends_with(told), "{report:?}");
    }
}

/// Go's HTTP server resets the connection of a client that speaks HTTP/2: mostly its answer is read before, at times not.
#[tokio::test]
async fn who_hangs_up_at_once_may_speak_another_protocol() {
    for (bytes, is_reset) in [(0, true), (0, false), (24, true), (24, false)] {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let serving = tokio::spawn(async move {
            while let Ok((mut socket, _)) = listener.accept().await {
                let _some = socket.read_exact(&mut vec![0; bytes]).await;
                if is_reset {
                    socket.set_zero_linger().unwrap();
                }
            }
        });
        let to = twice(destination(&url, "grpc", |_| {}));
        let report = deliver_to(to, vec![task("a", 3)]).await;
        serving.abort();
        assert_eq!(report.undelivered, 3, "{bytes} {is_reset}: {report:?}");
        let reason = &report.troubles[0].reason;
        // Whether the request had left by then is chance.
        assert!(reason.puts_protocol_in_doubt(), "{bytes} {is_reset}: {reason:?}");
    }
}

/// Answers whatever comes first, and hangs up.
pub(super) async fn hearing(answer: impl Into<Vec<u8>>) -> (String, tokio::task::JoinHandle<()>) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let answer = answer.into();
    let serving = tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let mut buffer = [0; 1024];
            let _some = socket.read(&mut buffer).await;
            let _ = socket.write_all(&answer).await;
            let _ = socket.shutdown().await;
            while socket.read(&mut buffer).await.is_ok_and(|length| length > 0) {}
        }
    });
    (url, serving)
}
