//! Delivery over gRPC: what is on the wire, and that every span is accounted for whatever the receiver does.

use std::time::Duration;

use ecspan::sink::deliver::Control;
use ecspan::sink::encode::{Encoding, Limits, Packer};
use ecspan::sink::{Destination, Verdict, deliver};
use opentelemetry_otlp::{SpanExporter, WithExportConfig};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTracePartialSuccess, ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use opentelemetry_sdk::trace::SpanExporter as _;
use proptest::prelude::*;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

use crate::receiver::{Answer, Receiver, send, trace};

const SECOND: Duration = Duration::from_secs(1);
const OK: Answer = Ok(ExportTraceServiceResponse { partial_success: None });
const SPANS: u64 = 9;

fn partial(rejected: i64, message: &str) -> Answer {
    let partial_success =
        Some(ExportTracePartialSuccess { rejected_spans: rejected, error_message: message.to_owned() });
    Ok(ExportTraceServiceResponse { partial_success })
}

fn exhausted(retry: Option<Duration>) -> Answer {
    let details = retry.map_or_else(ErrorDetails::new, |after| ErrorDetails::with_retry_info(Some(after)));
    Err(Status::with_error_details(Code::ResourceExhausted, "slow down", details))
}

fn spans(requests: &[ExportTraceServiceRequest]) -> Vec<String> {
    let scopes = requests.iter().flat_map(|request| &request.resource_spans).flat_map(|resource| &resource.scope_spans);
    scopes.flat_map(|scope| &scope.spans).map(|span| span.name.clone()).collect()
}

#[tokio::test]
async fn our_bytes_are_the_stock_exporters_but_for_the_order_of_resource_attributes() {
    let task = trace("84b5991528504856a2f003b7da9b2b82");
    let (receiver, url) = Receiver::start([OK, OK]).await;
    let mut exporter = SpanExporter::builder().with_tonic().with_endpoint(&url).build().unwrap();
    exporter.set_resource(&task.resource);
    exporter.export(task.spans.clone()).await.unwrap();
    assert_eq!(send(&url, vec![task], SECOND, SECOND).await.verdict(), Verdict::All);

    let [mut stock, ours] = <[_; 2]>::try_from(receiver.requests()).unwrap();
    for resource in stock.resource_spans.iter_mut().filter_map(|spans| spans.resource.as_mut()) {
        resource.attributes.sort_by(|a, b| a.key.cmp(&b.key));
    }
    assert_eq!(ours, stock);
}

/// What a receiver does, and what becomes of the nine spans of one task: accepted, rejected, undelivered, attempts.
#[tokio::test]
async fn every_span_is_accounted_for_whatever_the_receiver_answers() {
    let fail = |code| Err(Status::new(code, "no"));
    let ms = Duration::from_millis;
    let cases: Vec<(&str, Vec<Answer>, [u64; 4])> = vec![
        ("accepted", vec![OK], [9, 0, 0, 1]),
        ("some rejected", vec![partial(4, "too old")], [5, 4, 0, 1]),
        ("all rejected", vec![partial(9, "too old")], [0, 9, 0, 1]),
        ("more rejected than were sent", vec![partial(1_000, "?")], [0, 9, 0, 1]),
        ("a negative number rejected", vec![partial(-1, "?")], [9, 0, 0, 1]),
        ("a warning", vec![partial(0, "use v2 soon")], [9, 0, 0, 1]),
        ("unavailable twice", vec![fail(Code::Unavailable), fail(Code::Unavailable), OK], [9, 0, 0, 3]),
        ("aborted", vec![fail(Code::Aborted), OK], [9, 0, 0, 2]),
        ("cancelled", vec![fail(Code::Cancelled), OK], [9, 0, 0, 2]),
        ("deadline exceeded", vec![fail(Code::DeadlineExceeded), OK], [9, 0, 0, 2]),
        ("data loss", vec![fail(Code::DataLoss), OK], [9, 0, 0, 2]),
        ("exhausted, with a time to wait", vec![exhausted(Some(ms(1))), OK], [9, 0, 0, 2]),
        ("exhausted for longer than the deadline", vec![exhausted(Some(SECOND * 60))], [0, 0, 9, 1]),
        ("invalid", vec![fail(Code::InvalidArgument)], [0, 9, 0, 1]),
        ("unauthenticated", vec![fail(Code::Unauthenticated)], [0, 9, 0, 1]),
        ("denied", vec![fail(Code::PermissionDenied)], [0, 9, 0, 1]),
        ("unimplemented", vec![fail(Code::Unimplemented)], [0, 9, 0, 1]),
        ("internal", vec![fail(Code::Internal)], [0, 9, 0, 1]),
        // Without a time to wait it says that the request is too large: nine spans are split until each stands alone.
        ("exhausted for good", (0..17).map(|_| exhausted(None)).collect(), [0, 9, 0, 17]),
        ("too large once", vec![exhausted(None), OK, OK], [9, 0, 0, 3]),
    ];
    for (name, script, expected) in cases {
        let (receiver, url) = Receiver::start(script).await;
        let report = send(&url, vec![trace("a1")], SECOND * 5, SECOND * 4).await;
        let to = &report.destinations[0];
        assert_eq!([to.accepted, to.rejected, to.undelivered, to.attempts], expected, "{name}: {to:?}");
        assert_eq!(to.accepted + to.rejected + to.undelivered, to.made, "{name}");
        assert!(receiver.is_done(), "{name}: an answer was not asked for");
        assert_eq!(receiver.requests().len() as u64, expected[3], "{name}: a request was not in the script");
        let verdict = match (to.accepted, to.made - to.accepted) {
            (_, 0) => Verdict::All,
            (0, _) => Verdict::Nothing,
            _ => Verdict::Some,
        };
        assert_eq!(report.verdict(), verdict, "{name}");
        let retried = receiver.requests().windows(2).all(|pair| pair[0] == pair[1]);
        assert!(retried || name.contains("large") || name.contains("for good"), "{name}: attempts differ");
    }
}

#[tokio::test]
async fn a_receiver_that_never_answers_leaves_an_unknown_outcome() {
    // Accepts connections, and says nothing.
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let report = send(&url, vec![trace("a1")], Duration::from_millis(200), Duration::from_millis(300)).await;
    let to = &report.destinations[0];
    assert_eq!((to.undelivered, to.made), (SPANS, SPANS));
    assert_eq!(to.troubles[0].what, "of unknown outcome");
}

#[tokio::test]
async fn a_refused_connection_is_undelivered_with_a_hint() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let report = send(&url, vec![trace("a1"), trace("a2")], SECOND, Duration::from_millis(100)).await;
    let trouble = &report.destinations[0].troubles[0];
    assert_eq!((trouble.spans, trouble.tasks.len()), (2 * SPANS, 2));
    assert!(trouble.reason.hint.as_deref().unwrap().contains("nothing listens"), "{trouble:?}");
}

#[tokio::test]
async fn tasks_share_requests_and_each_destination_gets_all() {
    let (receiver, url) = Receiver::start([OK]).await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("spans.jsonl");
    let typed =
        ecspan::sink::config::Overrides { endpoint: Some(url), protocol: Some("grpc".into()), ..Default::default() };
    let config = ecspan::sink::config::OtlpConfig::resolve(&typed, &|_| None).unwrap();
    let destinations = vec![Destination::otlp(&config).unwrap(), Destination::file(path.to_str().unwrap()).unwrap()];
    let traces = (0..50).map(|i| trace(&format!("{i:032x}")));
    let report = deliver(futures::stream::iter(traces), destinations, Control::unattended()).await;
    for to in &report.destinations {
        assert_eq!((to.made, to.accepted, to.requests), (50 * SPANS, 50 * SPANS, 1), "{to:?}");
    }
    assert_eq!(spans(&receiver.requests()).len() as u64, 50 * SPANS);
    assert_eq!(std::fs::read_to_string(&path).unwrap().lines().count(), 1);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing half-written is left");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_request_is_larger_than_the_limit_and_no_span_is_lost(tasks in 1..8usize, lines in 0..60usize, length in 0..400usize, limit in 3_000..9_000usize) {
        let limits = Limits { max_bytes: limit };
        let mut packer = Packer::new(limits);
        let mut batches = vec![];
        for i in 0..tasks {
            let mut task = trace(&format!("{i:032x}"));
            let container = task.spans.last_mut().unwrap();
            let event = |_| opentelemetry::trace::Event::new("log", container.start_time, vec![opentelemetry::KeyValue::new("t", "x".repeat(length))], 0);
            container.events.events = (0..lines).map(event).collect();
            batches.extend(packer.add(&task));
        }
        batches.extend(packer.take());
        let mut events = 0;
        for batch in &batches {
            prop_assert!(batch.encode(Encoding::Protobuf).len() <= limit);
            events += batch.dropped_events;
            let scopes = batch.request.resource_spans.iter().flat_map(|resource| &resource.scope_spans);
            events += scopes.flat_map(|scope| &scope.spans).filter(|span| span.name == "container app").map(|span| span.events.len() as u64).sum::<u64>();
        }
        prop_assert_eq!(batches.iter().map(|batch| batch.spans()).sum::<u64>(), tasks as u64 * SPANS);
        prop_assert_eq!(events, (tasks * lines) as u64, "each event is sent or counted");
    }
}
