//! What a span, a log event and a line cost, counted: allocations and requests, never times. A clone that is put back fails here.
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
        [("make", made, 147), ("encode", encoded, 182), ("deliver", delivered, 187), ("send 200 in", requests, 3)];
    for (what, count, most) in counted {
        assert!(count <= most, "{count} to {what}, where {most} were enough for {spans} spans");
    }
}
