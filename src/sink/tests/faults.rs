//! Faults that no receiver has a say in, and those that all transports share.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket};
use tokio::task::JoinSet;

use super::*;
use crate::sink::deliver::fate::Lost;
use crate::sink::deliver::report::Verdict;
use crate::sink::testing::{GrpcReceiver, GrpcStep, HttpReceiver, HttpStep, task};

const PROTOCOLS: [&str; 3] = ["grpc", "http/protobuf", "http/json"];

#[tokio::test]
async fn nothing_listens() {
    // It has the port, which nobody else is given, and does not listen.
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let url = format!("http://{}", socket.local_addr().unwrap());
    for protocol in PROTOCOLS {
        let mut to = destination(&url, protocol, impatient(Duration::from_millis(500)));
        to.policy.first_pause = Duration::from_secs(1);
        let report = deliver(vec![to], vec![task("a", 3)]).await;
        assert_eq!(report.verdict(), Verdict::Nothing);
        let report = &report.destinations[0];
        assert_eq!((report.undelivered, report.unknown, report.attempts), (3, 0, 1), "{protocol}");
        let (told, hint) = trouble(report);
        assert!(told.starts_with("gave up within 0.5 s: connection to http://127.0.0.1:"), "{told}");
        assert!(told.ends_with(" refused"), "{told}");
        assert!(hint.contains("start a receiver (docker compose up -d)"), "{hint}");
        assert_eq!(&*report.troubles[0].tasks[0], "a");
    }
}

/// The listener's queue takes the connection; nobody ever reads from it.
#[tokio::test]
async fn a_black_hole_leaves_the_outcome_unknown() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    for protocol in PROTOCOLS {
        let to = destination(&url, protocol, impatient(Duration::from_secs(1)));
        let report = deliver_to(to, vec![task("a", 3)]).await;
        assert_eq!((report.undelivered, report.unknown, report.attempts), (3, 3, 1), "{protocol}");
        assert_eq!(trouble(&report).0, "gave up within 1 s: no answer within 1 s");
        assert_eq!(report.troubles[0].lost, Lost::Unknown);
    }
}

#[tokio::test]
async fn a_connection_that_ends_leaves_the_outcome_unknown_until_a_repeat_succeeds() {
    let http = HttpReceiver::start([HttpStep::Close, HttpStep::ok()]).await;
    let grpc = GrpcReceiver::start([GrpcStep::Reset, GrpcStep::Ok(0, "")]).await;
    for (url, protocol) in [(&http.url, "http/protobuf"), (&grpc.url, "grpc")] {
        let report = deliver_to(destination(url, protocol, |_| {}), vec![task("a", 3)]).await;
        assert_eq!((report.accepted, report.attempts), (3, 2), "{protocol}: {report:?}");
    }
    assert_eq!(http.script.played().len(), 2);
    assert_eq!(grpc.script.played().len(), 2);

    let http = HttpReceiver::start([HttpStep::Close]).await;
    let grpc = GrpcReceiver::start([GrpcStep::Reset]).await;
    for (url, protocol) in [(&http.url, "http/protobuf"), (&grpc.url, "grpc")] {
        let mut to = destination(url, protocol, |_| {});
        (to.policy.first_pause, to.policy.deadline) = (Duration::from_secs(60), Duration::from_secs(4));
        let report = deliver_to(to, vec![task("a", 3)]).await;
        assert_eq!((report.undelivered, report.unknown, report.attempts), (3, 3, 1), "{protocol}");
        assert!(trouble(&report).0.contains(" broke before it answered: "), "{report:?}");
    }
}

/// The receiver's end is dropped with most of the request unread, which resets the connection.
#[tokio::test]
async fn a_reset_in_the_middle_leaves_the_outcome_unknown() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let mut running = JoinSet::new();
    running.spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            socket.read_u8().await.unwrap();
        }
    });
    for protocol in PROTOCOLS {
        let mut to = destination(&url, protocol, |_| {});
        (to.policy.first_pause, to.policy.deadline) = (Duration::from_secs(60), Duration::from_secs(4));
        let report = deliver_to(to, vec![task("a", 3)]).await;
        assert_eq!((report.undelivered, report.unknown, report.attempts), (3, 3, 1), "{protocol}: {report:?}");
    }
}

/// A server that answers whatever comes with the same bytes, and closes as servers do: its own side first.
async fn answering(bytes: &'static [u8]) -> (String, JoinSet<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let mut running = JoinSet::new();
    running.spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let mut buffer = [0; 1024];
            let _some = socket.read(&mut buffer).await.unwrap();
            socket.write_all(bytes).await.unwrap();
            socket.shutdown().await.unwrap();
            while socket.read(&mut buffer).await.is_ok_and(|length| length > 0) {}
        }
    });
    (url, running)
}

const BAD_REQUEST: &[u8] = b"HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\nno";

#[tokio::test]
async fn protocols_that_were_mixed_up_are_told_at_once() {
    let (http, _running) = answering(BAD_REQUEST).await;
    let grpc = GrpcReceiver::start([]).await;
    for (url, protocol, told, hinted) in [
        (&http, "grpc", "does not speak gRPC", "--protocol http/protobuf"),
        (&grpc.url, "http/protobuf", "does not speak HTTP/1.1", "--protocol grpc"),
    ] {
        let report = deliver_to(destination(url, protocol, |_| {}), vec![task("a", 3)]).await;
        assert_eq!((report.undelivered, report.unknown, report.attempts), (3, 0, 1), "{report:?}");
        let (got, hint) = trouble(&report);
        assert!(got.contains(told), "{got}");
        assert!(hint.contains(hinted), "{hint}");
    }
}

#[tokio::test]
async fn a_receiver_that_speaks_no_tls_is_told_at_once() {
    let (url, _running) = answering(BAD_REQUEST).await;
    let url = url.replace("http:", "https:");
    for protocol in PROTOCOLS {
        let report = deliver_to(destination(&url, protocol, |_| {}), vec![task("a", 3)]).await;
        assert_eq!((report.undelivered, report.unknown, report.attempts), (3, 0, 1), "{report:?}");
        let (got, hint) = trouble(&report);
        assert!(got.contains("tls handshake with https://127.0.0.1:"), "{got}");
        assert!(hint.contains("http://"), "{hint}");
    }
}

/// It takes the connection and never shakes hands: nothing can have arrived.
#[tokio::test]
async fn a_handshake_without_end_is_no_unknown_outcome() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}", listener.local_addr().unwrap());
    for protocol in PROTOCOLS {
        let mut to = destination(&url, protocol, impatient(Duration::from_millis(400)));
        to.policy.first_pause = Duration::from_secs(1);
        let report = deliver_to(to, vec![task("a", 3)]).await;
        assert_eq!((report.undelivered, report.unknown, report.attempts), (3, 0, 1), "{report:?}");
    }
}
