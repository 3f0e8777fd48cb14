//! What a span, a log event, a line and an event of a queue cost, counted: allocations, requests and calls, never times. A clone that is
//! put back fails here.
#![cfg(feature = "deliver")]
#![allow(missing_docs, clippy::unwrap_used)]

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use allocation_counter::measure;
use bytes::Bytes;
use ecspan::model::log::{ContainerLog, LogLine};
use ecspan::model::merge::{self, TaskObservations};
use ecspan::model::severity;
use ecspan::model::{TaskLife, Time};
use ecspan::sink::{Answer, Delivery, Destination, Format, Transport, Verdict, resource_spans};
use ecspan::source::files;
use ecspan::trace::{ApplicationTraces, TaskTrace, TraceOptions};
use futures::FutureExt;
use futures::future::BoxFuture;
use prost::Message;

const TASK: &str = include_str!("../examples/oom/task.json");
const TASK_ID: &str = "5d3e0f6b9a1c4e7788b2c4d6e8f0a1b3";
/// What grows grows in steps.
const GROWTH: u64 = 64;

/// The task of the OOM example under another id, each of its two logs with so many lines.
fn observed(number: usize, lines: usize) -> TaskObservations {
    let text = TASK.replace(TASK_ID, &format!("{number:032x}"));
    let mut task = merge::by_task(files::read_bytes("task", text.as_bytes()).unwrap().observations).0.remove(0);
    let line = |i: usize| LogLine {
        observed: None,
        origin: None,
        time: Time::from_unix_millis(1_795_166_100_000 + i as u64).unwrap(),
        message: format!("2026-11-20T09:15:00-01:00 rows loaded: {i} of table-1-2026"),
    };
    let log = |container: &str| ContainerLog {
        container: Some(container.to_owned()),
        head: (0..lines).map(line).collect(),
        ..Default::default()
    };
    task.logs = vec![log("report"), log("envoy")];
    task
}

fn traced(task: TaskObservations) -> TaskTrace {
    TaskTrace::new(&TaskLife::new(task, Time::from_unix_nanos(0), 10_000), &TraceOptions::default())
}

/// Takes everything.
#[derive(Default)]
struct Sink(AtomicU64);

impl Transport for Sink {
    fn format(&self) -> Format {
        Format::Protobuf
    }

    fn send(&self, _: Bytes) -> BoxFuture<'_, Answer> {
        self.0.fetch_add(1, Ordering::Relaxed);
        async { Answer::Accepted { rejected: 0, message: String::new() } }.boxed()
    }
}

/// The allocations of making these traces' requests, and how many requests that are.
fn delivered(traces: Vec<TaskTrace>) -> (u64, u64) {
    let sink = Arc::new(Sink::default());
    let to = Destination::over("sink".to_owned(), sink.clone());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let counted = measure(|| {
        let report = runtime.block_on(Delivery::new(vec![to]).run(futures::stream::iter(traces)));
        assert_eq!(report.verdict(), Verdict::All);
    });
    (counted.count_total, sink.0.load(Ordering::Relaxed))
}

/// What 2,000 more of something allocate: what each has on its own.
fn of_2_000_more(count: impl Fn(usize) -> u64) -> u64 {
    count(2_000) - count(1_000)
}

#[track_caller]
fn assert_each(counted: u64, each: u64, of: u64) {
    let most = each * of + GROWTH;
    assert!(counted <= most && counted + of > most, "{counted} allocations of {of}: {each} each were {most}");
}

#[test]
fn a_line_that_names_no_trace_allocates_nothing() {
    let lines = [
        "10.0.1.17 - - [20/Nov/2026:09:15:00 +0000] \"GET /healthz HTTP/1.1\" 200 2 \"-\" \"curl/8.5.0\"",
        "2026-11-20T09:15:00.123-01:00 INFO ready in 0.317 s (table-1-2026, shard 10-20260101)",
        r#"{"level":"info","msg":"rows loaded","rows":17,"heap_mb":291,"id":"0d9e1a52-3f5c-4d0a-9f63-0a1c2e3f4a5b"}"#,
        "Grüße – 起動しました",
        "",
    ];
    let mut traces = ApplicationTraces::new([]);
    traces.read("what is made once");
    let counted = measure(|| lines.iter().for_each(|line| traces.read(line)));
    assert_eq!(counted.count_total, 0);
}

#[test]
fn the_severity_of_a_line_allocates_its_word_alone() {
    for (line, each) in [
        (r#"{"msg":"rows loaded","rows":17,"tags":["a","b"],"in":{"table":"x"},"level":"info"}"#, 1),
        (r#"{"msg":"rows loaded","rows":17,"tags":["a","b"],"in":{"table":"x"}}"#, 0),
        ("2026-11-20 10:00:00,123 ERROR [main] com.x.Y - boom", 1),
        ("10.0.1.17 - - [20/Nov/2026:09:15:00 +0000] \"GET /healthz HTTP/1.1\" 200 2", 0),
    ] {
        assert_eq!(measure(|| drop(severity::of(line))).count_total, each, "{line}");
    }
}

#[test]
fn a_log_event_is_made_of_two_allocations_and_encoded_with_three() {
    let life = |lines| TaskLife::new(observed(1, lines), Time::from_unix_nanos(0), 10_000);
    // Nothing is copied to work a task out.
    assert_each(
        of_2_000_more(|lines| {
            let task = observed(1, lines);
            measure(|| drop(TaskLife::new(task, Time::from_unix_nanos(0), 10_000))).count_total
        }),
        0,
        2_000,
    );
    // Its text, and its attributes.
    assert_each(
        of_2_000_more(|lines| {
            let life = life(lines);
            measure(|| drop(TaskTrace::new(&life, &TraceOptions::default()))).count_total
        }),
        2,
        2_000,
    );
    // The protocol's structs own their names: its own, its attribute's, and the attributes. Its text is moved.
    assert_each(
        of_2_000_more(|lines| {
            let trace = traced(observed(1, lines));
            measure(|| drop(resource_spans(trace).encode_to_vec())).count_total
        }),
        3,
        2_000,
    );
    assert_each(of_2_000_more(|lines| delivered(vec![traced(observed(1, lines))]).0), 3, 2_000);
}

#[test]
fn the_allocations_of_a_task_and_the_requests_of_many_are_counted() {
    let trace = traced(observed(1, 0));
    let spans = trace.spans.len() as u64;
    let life = TaskLife::new(observed(1, 0), Time::from_unix_nanos(0), 10_000);
    // Of a span: its name, its attributes and their texts.
    let made = measure(|| drop(TaskTrace::new(&life, &TraceOptions::default()))).count_total;
    // And three ids, and the names of attributes.
    let encoded = measure(|| drop(resource_spans(trace).encode_to_vec())).count_total;
    // And its part of a request: how it is packed, what its report says.
    let traces = |tasks| (0..tasks).map(|task| traced(observed(task, 0))).collect();
    let (of_200, requests) = delivered(traces(200));
    let delivered = (of_200 - delivered(traces(100)).0) / 100;
    let counted =
        [("make", made, 147), ("encode", encoded, 182), ("deliver", delivered, 187), ("send 200 in", requests, 5)];
    for (what, count, most) in counted {
        assert!(count <= most, "{count} to {what}, where {most} were enough for {spans} spans");
    }
}

/// A worker beside an AWS and a receiver that are in this process.
#[cfg(feature = "aws")]
mod worker {
    use std::sync::atomic::AtomicUsize;
    use std::time::Duration;

    use aws_smithy_runtime_api::client::http::{
        HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn,
    };
    use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
    use ecspan::run::Stop;
    use ecspan::run::events::EventConfig;
    use ecspan::run::events::queue::{self, QueueConfig};
    use ecspan::run::meters::Meters;
    use ecspan::source::aws::Aws;
    use ecspan::source::sqs::Queue;
    use opentelemetry_sdk::metrics::SdkMeterProvider;
    use serde_json::{Value, json};

    use super::*;

    /// A queue with so many events; the worker is told to stop once it is empty.
    #[derive(Debug)]
    struct Sqs {
        left: AtomicUsize,
        receives: AtomicU64,
        deletes: AtomicU64,
        stop: Stop,
    }

    impl Sqs {
        fn answer(&self, operation: &str, body: &Value) -> Value {
            if operation == "DeleteMessageBatch" {
                self.deletes.fetch_add(1, Ordering::Relaxed);
                let ids = body["Entries"].as_array().unwrap().iter();
                return json!({ "Successful": ids.map(|entry| json!({ "Id": entry["Id"] })).collect::<Vec<_>>(), "Failed": [] });
            }
            assert_eq!(operation, "ReceiveMessage");
            let left = self.left.load(Ordering::Relaxed);
            let count = left.min(body["MaxNumberOfMessages"].as_u64().unwrap() as usize);
            self.left.fetch_sub(count, Ordering::Relaxed);
            if count == 0 {
                self.stop.request();
                return json!({});
            }
            self.receives.fetch_add(1, Ordering::Relaxed);
            let message = |number: usize| {
                let detail: Value = serde_json::from_str(&TASK.replace(TASK_ID, &format!("{number:032x}"))).unwrap();
                let detail = detail["tasks"][0].clone();
                let event = json!({ "detail-type": "ECS Task State Change", "source": "aws.ecs", "detail": detail });
                let attributes = json!({ "ApproximateReceiveCount": "1" });
                json!({ "MessageId": "m", "ReceiptHandle": "r", "Body": event.to_string(), "Attributes": attributes })
            };
            json!({ "Messages": (left - count..left).map(message).collect::<Vec<_>>() })
        }
    }

    #[derive(Clone, Debug)]
    struct Front(Arc<Sqs>);

    impl HttpConnector for Front {
        fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
            let target = request.headers().get("x-amz-target").unwrap().rsplit('.').next().unwrap().to_owned();
            let body = serde_json::from_slice(request.body().bytes().unwrap()).unwrap();
            let mut answer = String::new();
            // What the queue itself allocates is not the worker's.
            let own = measure(|| answer = self.0.answer(&target, &body).to_string()).count_total;
            OTHERS.fetch_add(own, Ordering::Relaxed);
            HttpConnectorFuture::ready(Ok(HttpResponse::new(200.try_into().unwrap(), answer.into())))
        }
    }

    static OTHERS: AtomicU64 = AtomicU64::new(0);

    /// The allocations of a worker on so many events, its calls to receive and to delete, and its requests.
    fn worked(events: usize) -> (u64, [u64; 3]) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
        let (stop, sink) = (Stop::new(), Arc::new(Sink::default()));
        let (left, receives, deletes) = (AtomicUsize::new(events), AtomicU64::new(0), AtomicU64::new(0));
        let sqs = Arc::new(Sqs { left, receives, deletes, stop: stop.clone() });
        let connector = SharedHttpConnector::new(Front(sqs.clone()));
        let before = OTHERS.load(Ordering::Relaxed);
        let counted = measure(|| {
            runtime.block_on(async {
                let config = aws_config::defaults(aws_config::BehaviorVersion::latest())
                    .http_client(http_client_fn(move |_, _| connector.clone()))
                    .region("eu-west-1")
                    .credentials_provider(aws_credential_types::Credentials::new("AKID", "secret", None, None, "test"));
                let aws = Aws::new(config.load().await);
                let config = QueueConfig {
                    queue: Queue::open(&aws, "https://sqs.eu-west-1.amazonaws.com/123456789012/tasks").unwrap(),
                    concurrency: 20,
                    visibility_timeout: Duration::from_secs(60),
                    events: EventConfig::new(
                        vec![Destination::over("sink".to_owned(), sink.clone())],
                        Meters::new(SdkMeterProvider::default(), aws.calls()),
                        || Time::from_unix_nanos(1_795_435_200_000_000_000),
                    ),
                };
                let drained = queue::run(config, stop, Arc::new(|_: &ecspan::run::Notice| ())).await;
                assert_eq!(drained.exported.tasks, events as u64);
                assert_eq!(drained.exported.report.verdict(), Verdict::All);
            });
        });
        let calls = [&sqs.receives, &sqs.deletes, &sink.0].map(|count| count.load(Ordering::Relaxed));
        (counted.count_total - (OTHERS.load(Ordering::Relaxed) - before), calls)
    }

    #[test]
    fn what_one_call_brings_is_sent_and_deleted_by_one_and_an_events_allocations_are_counted() {
        worked(10);
        let (_, calls) = worked(100);
        // Two calls bring ten each, and share a request.
        assert_eq!(calls, [10, 10, 5], "to receive, to delete, and requests");
        // Hash maps and the SDK's calls differ by some per cent from run to run, also the least of five: 813 to 834. A clone of a trace is 165.
        let each = (0..5).map(|_| (worked(200).0 - worked(100).0) / 100).min().unwrap();
        // Read, worked out, made, encoded, counted and told; and its share of the SDK's calls.
        let most = 850;
        assert!(each <= most, "{each} allocations an event, where {most} were enough");
    }
}
