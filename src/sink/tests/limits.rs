//! X-Ray's limits, over random tasks: no request ever breaks one, and nothing is left out unsaid.

use std::time::SystemTime;

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::Span;
use proptest::prelude::*;
use prost::Message;

use super::*;
use crate::model::log::{ContainerLog, LogLine};
use crate::model::merge::TaskObservations;
use crate::model::observation::{ContainerRecord, TaskRecord, TaskTimes};
use crate::model::{TaskLife, Time};
use crate::sink::otlp::encode::{EncodedTask, Format, Items, Request};
use crate::sink::otlp::pack::Packer;
use crate::sink::request::xray::LIMITS;
use crate::trace::TraceOptions;

const NOW: u64 = 1_795_000_000_000;

/// What is drawn of a container: its lines' lengths.
type Lines = Vec<usize>;

#[derive(Clone, Debug)]
struct Drawn {
    /// Milliseconds: how long ago it was created, and how long each step took.
    age: u64,
    steps: [u64; 6],
    containers: Vec<Lines>,
    attribute_bytes: usize,
}

fn drawn() -> impl Strategy<Value = Drawn> {
    const DAY: u64 = 86_400_000;
    let step = prop_oneof![0..60_000_u64, 0..40 * DAY];
    // Long lines are rare: a megabyte each.
    let line = prop_oneof![20 => 0..3_000_usize, 1 => 900_000..1_000_000_usize];
    let lines = prop_oneof![3 => prop::collection::vec(line.clone(), 0..4), 1 => prop::collection::vec(line, 100..140)];
    let containers =
        prop_oneof![4 => prop::collection::vec(lines.clone(), 1..4), 1 => prop::collection::vec(lines, 30..51)];
    (0..42 * DAY, prop::array::uniform6(step), containers, prop_oneof![4 => 0..100_usize, 1 => 10_000..20_000_usize])
        .prop_map(|(age, steps, containers, attribute_bytes)| Drawn { age, steps, containers, attribute_bytes })
}

fn trace(number: usize, drawn: &Drawn) -> TaskTrace {
    let mut at = NOW - drawn.age;
    let mut step = |index: usize| {
        at += drawn.steps.get(index).copied().unwrap_or_default();
        Time::from_unix_millis(at)
    };
    let times = TaskTimes {
        created: step(6),
        pull_started: step(0),
        pull_stopped: step(1),
        started: step(2),
        execution_stopped: step(3),
        stopping: step(4),
        stopped: step(5),
        connected: None,
    };
    let start = times.started.unwrap();
    let names = (0..drawn.containers.len()).map(|index| format!("c{index}"));
    let containers = names.map(|name| ContainerRecord { name, exit_code: Some(0), ..Default::default() }).collect();
    let log = |(index, lines): (usize, &Lines)| ContainerLog {
        container: Some(format!("c{index}")),
        head: lines
            .iter()
            .map(|&length| LogLine { time: start, observed: None, message: "x".repeat(length), origin: None })
            .collect(),
        ..Default::default()
    };
    let logs = drawn.containers.iter().enumerate().map(log).collect();
    let id = format!("{number:032x}");
    let task = TaskRecord { id, last_status: Some("STOPPED".to_owned()), times, containers, ..Default::default() };
    let life = TaskLife::new(TaskObservations { task, logs, ..Default::default() }, start, 128);
    let long = (0..drawn.attribute_bytes / 2_000).map(|index| (format!("long.{index}"), "y".repeat(2_000))).collect();
    TaskTrace::new(&life, &TraceOptions { attributes: long, ..Default::default() })
}

fn check(request: &Request, now: Duration) -> Vec<Span> {
    assert!(request.encoded_len() <= LIMITS.request_bytes);
    let body = ExportTraceServiceRequest::decode(request.encode(Format::Protobuf)).unwrap();
    let mut spans = vec![];
    for group in body.resource_spans {
        let scope = group.scope_spans[0].scope.as_ref().unwrap().encoded_len();
        assert!(group.resource.unwrap().encoded_len() + scope <= LIMITS.resource_bytes);
        spans.extend(group.scope_spans.into_iter().flat_map(|scope| scope.spans));
    }
    assert!(spans.len() <= LIMITS.request_items);
    let starts = LIMITS.starts.unwrap();
    let times: Vec<Duration> = spans.iter().map(|span| Duration::from_nanos(span.start_time_unix_nano)).collect();
    assert!(times.iter().all(|&start| start + starts.past >= now && start <= now + starts.future));
    assert!(*times.iter().max().unwrap() - *times.iter().min().unwrap() <= starts.spread);
    assert!(spans.iter().all(|span| span.encoded_len() <= LIMITS.item_bytes));
    spans
}

fn id_and_events(span: &Span) -> (Vec<u8>, usize, u32) {
    (span.span_id.clone(), span.events.len(), span.dropped_events_count)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]
    #[test]
    fn no_request_breaks_a_limit_and_nothing_is_left_out_unsaid(tasks in prop::collection::vec(drawn(), 1..6)) {
        let now = Duration::from_millis(NOW);
        let mut packer = Packer::new(LIMITS);
        let (mut sent, mut refused, mut made) = (vec![], vec![], vec![]);
        for (number, drawn) in tasks.iter().enumerate() {
            let task = EncodedTask::spans(trace(number, drawn));
            let Items::Spans(spans) = &task.items else { panic!("no spans") };
            made.extend(spans.iter().map(id_and_events));
            let packed = packer.push(task, SystemTime::UNIX_EPOCH + now);
            sent.extend(packed.requests);
            refused.extend(packed.refused);
        }
        sent.extend(packer.flush());
        prop_assert!(refused.iter().all(|(request, reason)| request.items() > 0 && !reason.to_string().is_empty()));
        let mut found: Vec<_> = sent.iter().flat_map(|request| check(request, now)).map(|span| id_and_events(&span)).collect();
        for (request, _) in refused {
            for task in request.into_tasks() {
                let Items::Spans(spans) = task.items else { panic!("no spans") };
                found.extend(spans.iter().map(id_and_events));
            }
        }
        // Every span is somewhere, and every event is there or counted.
        let sum = |all: &[(Vec<u8>, usize, u32)]| {
            let mut ids: Vec<_> = all.iter().map(|(id, events, dropped)| (id.clone(), *events as u64 + u64::from(*dropped))).collect();
            ids.sort();
            ids
        };
        prop_assert_eq!(sum(&found), sum(&made));
        let dropped = |all: &[(Vec<u8>, usize, u32)]| all.iter().map(|(.., dropped)| u64::from(*dropped)).sum::<u64>();
        prop_assert_eq!(dropped(&found) - dropped(&made), packer.dropped_events());
    }
}
