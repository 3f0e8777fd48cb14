//! Tasks made by hand.

use std::time::{Duration, SystemTime};

use opentelemetry::trace::{Event, Link, SpanContext, SpanId, SpanKind, Status, TraceFlags, TraceId, TraceState};
use opentelemetry::{InstrumentationScope, KeyValue, StringValue, Value};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{SpanData, SpanEvents, SpanLinks};

use crate::trace::TaskTrace;

/// A task with a root, `root LABEL`, and so many spans in all; the others are `child N LABEL`.
pub(crate) fn task(label: &str, spans: usize) -> TaskTrace {
    let root = span(format!("root {label}"), 1, SpanId::INVALID);
    let children = (1..spans).map(|n| span(format!("child {n} {label}"), n as u64 + 1, SpanId::from(1)));
    task_of(label, std::iter::once(root).chain(children).collect())
}

/// A task with these spans.
pub(crate) fn task_of(label: &str, spans: Vec<SpanData>) -> TaskTrace {
    let attributes = [("service.name", "web"), ("cloud.region", "eu-west-1"), ("cloud.platform", "aws_ecs")];
    let resource = Resource::builder_empty()
        .with_attributes(attributes.map(|(key, value)| KeyValue::new(key, value)))
        .with_attribute(KeyValue::new("service.instance.id", label.to_owned()))
        .build();
    TaskTrace {
        task_id: label.to_owned(),
        label: label.to_owned(),
        trace_id: trace_id(),
        caller_trace_id: None,
        resource,
        spans,
        pending: Vec::new(),
        status: "STOPPED".to_owned(),
        containers_only: false,
        dropped_log_lines: 0,
        has_unread_log_lines: false,
    }
}

/// A span with something in every field.
pub(crate) fn full_span() -> SpanData {
    let state = TraceState::from_key_value([("vendor", "1")]).unwrap();
    let strings = vec![StringValue::from("x"), StringValue::from("")];
    let caller = (TraceId::from(0x0af7_6519_16cd_43dd_8448_eb21_1c80_319c), SpanId::from(0xb7ad_6b71_6920_3331));
    let caller = SpanContext::new(caller.0, caller.1, TraceFlags::SAMPLED, true, TraceState::NONE);
    let mut links = SpanLinks::default();
    links.links.push(Link::new(caller, Vec::new(), 0));
    SpanData {
        span_context: SpanContext::new(
            trace_id(),
            SpanId::from(0x00f0_67aa_0ba9_02b7),
            TraceFlags::SAMPLED,
            false,
            state,
        ),
        attributes: vec![
            KeyValue::new("text", "line\n\u{1b}"),
            KeyValue::new("int", -9_007_199_254_740_993_i64),
            KeyValue::new("double", 0.5),
            KeyValue::new("bool", true),
            KeyValue::new("list", Value::Array(strings.into())),
            KeyValue::new("ints", Value::Array(vec![1_i64].into())),
        ],
        dropped_attributes_count: 1,
        events: events(vec![log(1_637_945_381_251_000_001, "hello")], 7),
        links,
        status: Status::error("CannotPullContainerError"),
        ..span("container web".to_owned(), 1, SpanId::from(0x5399_5c3f_42cd_8ad8))
    }
}

/// A span with numbered log events: the number is the time modulo 10,000. Five more were dropped.
pub(crate) fn log_span(lines: u64) -> SpanData {
    let lines = (0..lines).map(|n| log(1_637_945_381_251_000_000 / 10_000 * 10_000 + n, "a line")).collect();
    SpanData { events: events(lines, 5), ..span("container web".to_owned(), 2, SpanId::INVALID) }
}

fn trace_id() -> TraceId {
    TraceId::from_hex("84b5991528504856a2f003b7da9b2b82").unwrap()
}

fn at(nanos: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_nanos(nanos)
}

fn log(nanos: u64, line: &'static str) -> Event {
    Event::new("log", at(nanos), vec![KeyValue::new("log.record.original", line)], 0)
}

fn events(list: Vec<Event>, dropped: u32) -> SpanEvents {
    let mut events = SpanEvents::default();
    events.events = list;
    events.dropped_count = dropped;
    events
}

fn span(name: String, id: u64, parent_span_id: SpanId) -> SpanData {
    SpanData {
        span_context: SpanContext::new(trace_id(), SpanId::from(id), TraceFlags::SAMPLED, false, TraceState::NONE),
        parent_span_id,
        parent_span_is_remote: false,
        span_kind: SpanKind::Internal,
        name: name.into(),
        start_time: at(1_637_945_381_251_000_001),
        end_time: at(1_637_945_395_744_000_002),
        attributes: Vec::new(),
        dropped_attributes_count: 0,
        events: SpanEvents::default(),
        links: SpanLinks::default(),
        status: Status::Unset,
        instrumentation_scope: InstrumentationScope::builder("ecspan").build(),
    }
}
