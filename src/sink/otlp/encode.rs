//! From a [`TaskTrace`] or [`TaskRecords`] to the bytes of requests: protobuf, or JSON as the OTLP specification has it.
//! Sends nothing. Main type: [`Request`].
//!
//! `opentelemetry-proto` converts each span, but for its attributes and events: it copies every text through `Display`, and most of
//! what is sent is text. What else is ours is that the resource's attributes are sorted (its `Resource` is
//! a hash map) and that several tasks share a request. Its `with-serde` JSON is the specification's for every field that
//! is used here: ids in hex, 64-bit integers as strings, enums as integers. A test holds it to that.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::UNIX_EPOCH;

use bytes::Bytes;
use opentelemetry::Value;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue, any_value};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::resource::v1::Resource as ProtoResource;
use opentelemetry_proto::tonic::trace::v1::span::Event;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SpanData;
use prost::Message as _;

use crate::sink::signal::Signal;
use crate::trace::{TaskRecords, TaskTrace, semconv};

/// How a request is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Protobuf.
    Protobuf,
    /// JSON.
    Json,
}

/// A task's spans, or log records of one of its containers, ready to be put into requests.
#[derive(Clone, Debug)]
pub(crate) struct EncodedTask {
    /// What the task is called in reports.
    pub(crate) label: Arc<str>,
    pub(crate) resource: ProtoResource,
    pub(crate) items: Items,
}

/// What is under one resource.
#[derive(Clone, Debug)]
pub(crate) enum Items {
    Spans(Vec<Span>),
    Records(Vec<LogRecord>),
}

impl EncodedTask {
    pub(crate) fn spans(trace: TaskTrace) -> Self {
        Self {
            label: trace.label.into(),
            resource: resource(&trace.resource),
            items: Items::Spans(trace.spans.into_iter().map(span).collect()),
        }
    }

    pub(crate) fn records(records: TaskRecords) -> Self {
        let TaskRecords { label, resource: of, records } = records;
        Self { label: label.into(), resource: resource(&of), items: Items::Records(records) }
    }

    /// A part of it: other items under the same resource.
    pub(crate) fn with(&self, items: Items) -> Self {
        Self { label: self.label.clone(), resource: self.resource.clone(), items }
    }
}

impl Items {
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Spans(spans) => spans.len(),
            Self::Records(records) => records.len(),
        }
    }

    /// The encoded size of each.
    pub(crate) fn sizes(&self) -> Vec<usize> {
        match self {
            Self::Spans(spans) => spans.iter().map(Span::encoded_len).collect(),
            Self::Records(records) => records.iter().map(LogRecord::encoded_len).collect(),
        }
    }

    /// The order in which they are sent when one request does not hold them all.
    pub(crate) fn root_last(self) -> Self {
        match self {
            Self::Spans(spans) => Self::Spans(root_last(spans)),
            records @ Self::Records(_) => records,
        }
    }

    pub(crate) fn split_off(&mut self, at: usize) -> Self {
        match self {
            Self::Spans(spans) => Self::Spans(spans.split_off(at)),
            Self::Records(records) => Self::Records(records.split_off(at)),
        }
    }
}

/// One task of one or of several resources as OTLP has it: for those who send it themselves.
pub fn resource_spans(trace: TaskTrace) -> ResourceSpans {
    let resource = resource(&trace.resource);
    group_spans(resource, trace.spans.into_iter().map(span).collect())
}

/// Spans under their resource and the one scope that there is.
fn group_spans(resource: ProtoResource, spans: Vec<Span>) -> ResourceSpans {
    let scope_spans = vec![ScopeSpans { scope: Some(scope()), spans, schema_url: String::new() }];
    ResourceSpans { resource: Some(resource), scope_spans, schema_url: String::new() }
}

fn group_records(resource: ProtoResource, log_records: Vec<LogRecord>) -> ResourceLogs {
    let scope_logs = vec![ScopeLogs { scope: Some(scope()), log_records, schema_url: String::new() }];
    ResourceLogs { resource: Some(resource), scope_logs, schema_url: String::new() }
}

pub(crate) fn scope() -> InstrumentationScope {
    InstrumentationScope { name: semconv::SCOPE.to_owned(), ..InstrumentationScope::default() }
}

fn resource(resource: &Resource) -> ProtoResource {
    let pairs = resource.iter().map(|(key, value)| opentelemetry::KeyValue::new(key.clone(), value.clone()));
    let mut attributes = attributes(pairs);
    attributes.sort_by(|a, b| a.key.cmp(&b.key));
    ProtoResource { attributes, ..ProtoResource::default() }
}

/// A span; its texts are moved, not copied.
fn span(mut data: SpanData) -> Span {
    let pairs = std::mem::take(&mut data.attributes);
    let events = std::mem::take(&mut data.events);
    Span {
        attributes: attributes(pairs),
        dropped_events_count: events.dropped_count,
        events: events.events.into_iter().map(event).collect(),
        ..Span::from(data)
    }
}

fn event(event: opentelemetry::trace::Event) -> Event {
    let since_epoch = event.timestamp.duration_since(UNIX_EPOCH).unwrap_or_default();
    Event {
        time_unix_nano: u64::try_from(since_epoch.as_nanos()).unwrap_or(u64::MAX),
        name: event.name.into_owned(),
        attributes: attributes(event.attributes),
        dropped_attributes_count: event.dropped_attributes_count,
    }
}

fn attributes(pairs: impl IntoIterator<Item = opentelemetry::KeyValue>) -> Vec<KeyValue> {
    let value = |value| match value {
        Value::String(text) => AnyValue { value: Some(any_value::Value::StringValue(text.into())) },
        other => other.into(),
    };
    let pair = |pair: opentelemetry::KeyValue| KeyValue {
        key: pair.key.into(),
        value: Some(value(pair.value)),
        ..KeyValue::default()
    };
    pairs.into_iter().map(pair).collect()
}

/// The spans whose parent is among them first, in their order: a root says that all else is there.
fn root_last(spans: Vec<Span>) -> Vec<Span> {
    let ids: HashSet<Vec<u8>> = spans.iter().map(|span| span.span_id.clone()).collect();
    let (mut inner, roots): (Vec<_>, Vec<_>) = spans.into_iter().partition(|span| ids.contains(&span.parent_span_id));
    inner.extend(roots);
    inner
}

/// One export request: the spans, or the log records, of one or more tasks.
#[derive(Clone, Debug, Default)]
pub struct Request {
    message: Export,
    /// Of the groups in the message, one each.
    tasks: Vec<Arc<str>>,
}

/// What is sent, in one of the signals.
#[derive(Clone, Debug)]
enum Export {
    Traces(ExportTraceServiceRequest),
    Logs(ExportLogsServiceRequest),
}

impl Default for Export {
    fn default() -> Self {
        Self::Traces(ExportTraceServiceRequest::default())
    }
}

impl Request {
    /// A request with these spans or records of one task.
    pub(crate) fn of_one(task: EncodedTask) -> Self {
        let mut request = Self::default();
        request.push(task);
        request
    }

    /// Adds a task. All of one request are of one signal: the first decides, and others are a defect of the caller.
    pub(crate) fn push(&mut self, task: EncodedTask) {
        let EncodedTask { label, resource, items } = task;
        if self.tasks.is_empty() && matches!(items, Items::Records(_)) {
            self.message = Export::Logs(ExportLogsServiceRequest::default());
        }
        match (&mut self.message, items) {
            (Export::Traces(message), Items::Spans(spans)) => message.resource_spans.push(group_spans(resource, spans)),
            (Export::Logs(message), Items::Records(records)) => {
                message.resource_logs.push(group_records(resource, records));
            }
            (Export::Traces(_), Items::Records(_)) | (Export::Logs(_), Items::Spans(_)) => {
                unreachable!("a destination takes one signal")
            }
        }
        self.tasks.push(label);
    }

    /// From OTLP JSON. Groups of one task stand under the task's name, where that is known.
    pub(crate) fn from_json(json: &str, signal: Signal, tasks: &[Arc<str>]) -> Result<Self, serde_json::Error> {
        let (message, groups) = match signal {
            Signal::Traces => {
                let message: ExportTraceServiceRequest = serde_json::from_str(json)?;
                let groups = message.resource_spans.len();
                (Export::Traces(message), groups)
            }
            Signal::Logs => {
                let message: ExportLogsServiceRequest = serde_json::from_str(json)?;
                let groups = message.resource_logs.len();
                (Export::Logs(message), groups)
            }
            Signal::Metrics => return Err(serde::de::Error::custom("metrics are not kept")),
        };
        let unnamed: Arc<str> = "of a file".into();
        let tasks = (0..groups).map(|group| tasks.get(group).unwrap_or(&unnamed).clone()).collect();
        Ok(Self { message, tasks })
    }

    /// The tasks that are in it, to be packed anew for another receiver.
    pub(crate) fn into_tasks(self) -> Vec<EncodedTask> {
        let groups: Vec<(Option<ProtoResource>, Items)> = match self.message {
            Export::Traces(message) => message
                .resource_spans
                .into_iter()
                .map(|group| {
                    let spans = group.scope_spans.into_iter().flat_map(|scope| scope.spans).collect();
                    (group.resource, Items::Spans(spans))
                })
                .collect(),
            Export::Logs(message) => message
                .resource_logs
                .into_iter()
                .map(|group| {
                    let records = group.scope_logs.into_iter().flat_map(|scope| scope.log_records).collect();
                    (group.resource, Items::Records(records))
                })
                .collect(),
        };
        let tasks = self.tasks.into_iter().zip(groups);
        tasks
            .map(|(label, (resource, items))| EncodedTask { label, resource: resource.unwrap_or_default(), items })
            .collect()
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.tasks.is_empty()
    }

    /// What it carries.
    pub const fn signal(&self) -> Signal {
        match self.message {
            Export::Traces(_) => Signal::Traces,
            Export::Logs(_) => Signal::Logs,
        }
    }

    /// What the tasks are called whose spans or log records are in it.
    pub fn tasks(&self) -> &[Arc<str>] {
        &self.tasks
    }

    /// How many of them are of the task with this very label.
    pub(crate) fn items_of(&self, label: &Arc<str>) -> u64 {
        let counts: Vec<usize> = match &self.message {
            Export::Traces(message) => {
                let groups = message.resource_spans.iter();
                groups.map(|group| group.scope_spans.iter().map(|scope| scope.spans.len()).sum()).collect()
            }
            Export::Logs(message) => {
                let groups = message.resource_logs.iter();
                groups.map(|group| group.scope_logs.iter().map(|scope| scope.log_records.len()).sum()).collect()
            }
        };
        let of_it = self.tasks.iter().zip(counts).filter(|(task, _)| Arc::ptr_eq(task, label));
        of_it.map(|(_, count)| count as u64).sum()
    }

    /// How many spans or log records are in it.
    pub fn items(&self) -> u64 {
        let count = match &self.message {
            Export::Traces(message) => {
                message.resource_spans.iter().flat_map(|group| &group.scope_spans).map(|scope| scope.spans.len()).sum()
            }
            Export::Logs(message) => message
                .resource_logs
                .iter()
                .flat_map(|group| &group.scope_logs)
                .map(|s| s.log_records.len())
                .sum::<usize>(),
        };
        count as u64
    }

    /// What the only one in it is called.
    pub(crate) fn only_item(&self) -> Option<&str> {
        if self.items() != 1 {
            return None;
        }
        Some(match &self.message {
            Export::Traces(message) => {
                let mut scopes = message.resource_spans.iter().flat_map(|group| &group.scope_spans);
                scopes.find_map(|scope| scope.spans.first()).map_or("", |span| &span.name)
            }
            Export::Logs(_) => "a log record",
        })
    }

    /// Its size in protobuf, without encoding it.
    pub fn encoded_len(&self) -> usize {
        match &self.message {
            Export::Traces(message) => message.encoded_len(),
            Export::Logs(message) => message.encoded_len(),
        }
    }

    /// Its body.
    pub fn encode(&self, format: Format) -> Bytes {
        let json =
            |written: serde_json::Result<Vec<u8>>| written.expect("memory does not fail and all keys are strings");
        let body = match (&self.message, format) {
            (Export::Traces(message), Format::Protobuf) => message.encode_to_vec(),
            (Export::Logs(message), Format::Protobuf) => message.encode_to_vec(),
            (Export::Traces(message), Format::Json) => json(serde_json::to_vec(message)),
            (Export::Logs(message), Format::Json) => json(serde_json::to_vec(message)),
        };
        body.into()
    }

    /// Two requests of about half the size: by tasks, and when there is only one, by its spans, the root last. A single
    /// span has no halves.
    pub(crate) fn halves(mut self) -> Option<(Self, Self)> {
        if self.tasks.len() > 1 {
            let middle = self.tasks.len() / 2;
            let tasks = self.tasks.split_off(middle);
            let message = match &mut self.message {
                Export::Traces(message) => {
                    let resource_spans = message.resource_spans.split_off(middle);
                    Export::Traces(ExportTraceServiceRequest { resource_spans })
                }
                Export::Logs(message) => {
                    let resource_logs = message.resource_logs.split_off(middle);
                    Export::Logs(ExportLogsServiceRequest { resource_logs })
                }
            };
            return Some((self, Self { tasks, message }));
        }
        let EncodedTask { label, resource, items } = self.into_tasks().pop()?;
        let mut first = items.root_last();
        if first.len() < 2 {
            return None;
        }
        let second = first.split_off(first.len() / 2);
        let task = EncodedTask { label, resource, items: first };
        let second = task.with(second);
        Some((Self::of_one(task), Self::of_one(second)))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use opentelemetry_proto::transform::common::tonic::ResourceAttributesWithSchema;
    use opentelemetry_proto::transform::trace::tonic::group_spans_by_resource_and_scope;
    use serde_json::json;

    use super::*;
    use crate::sink::testing::{full_span, task, task_of};

    /// What `opentelemetry_otlp`'s exporter would send, but for the order of the resource's attributes.
    fn stock(trace: &TaskTrace) -> ExportTraceServiceRequest {
        let resource = ResourceAttributesWithSchema::from(&trace.resource);
        let mut resource_spans = group_spans_by_resource_and_scope(trace.spans.clone(), &resource);
        for group in &mut resource_spans {
            group.resource.as_mut().unwrap().attributes.sort_by(|a, b| a.key.cmp(&b.key));
        }
        ExportTraceServiceRequest { resource_spans }
    }

    #[test]
    fn the_bytes_are_those_of_the_stock_exporter_with_sorted_resource_attributes() {
        let trace = task_of("a", vec![full_span()]);
        let request = Request::of_one(EncodedTask::spans(trace.clone()));
        assert_eq!(request.encode(Format::Protobuf), stock(&trace).encode_to_vec());
        assert_eq!(request.encode(Format::Protobuf).len(), request.encoded_len());
    }

    #[test]
    fn resource_attributes_are_sorted() {
        let keys: Vec<_> = resource_spans(task("a", 1)).resource.unwrap().attributes;
        assert!(keys.len() > 3 && keys.is_sorted_by(|a, b| a.key < b.key));
    }

    #[test]
    fn json_is_that_of_the_specification() {
        let request = Request::of_one(EncodedTask::spans(task_of("a", vec![full_span()])));
        let got: serde_json::Value = serde_json::from_slice(&request.encode(Format::Json)).unwrap();
        let text = |key: &str, value: &str| json!({ "key": key, "value": { "stringValue": value } });
        let group = &got["resourceSpans"][0];
        assert_eq!(group["resource"]["attributes"][0], text("cloud.platform", "aws_ecs"));
        assert_eq!(group["scopeSpans"][0]["scope"]["name"], "ecspan");
        let expected = json!({
            "traceId": "84b5991528504856a2f003b7da9b2b82",
            "spanId": "00f067aa0ba902b7",
            "parentSpanId": "53995c3f42cd8ad8",
            "traceState": "vendor=1",
            "flags": 0x101,
            "name": "container web",
            "kind": 1,
            "startTimeUnixNano": "1637945381251000001",
            "endTimeUnixNano": "1637945395744000002",
            "attributes": [
                text("text", "line\n\u{1b}"),
                { "key": "int", "value": { "intValue": "-9007199254740993" } },
                { "key": "double", "value": { "doubleValue": 0.5 } },
                { "key": "bool", "value": { "boolValue": true } },
                { "key": "list", "value": { "arrayValue": { "values": [{ "stringValue": "x" }, { "stringValue": "" }] } } },
                { "key": "ints", "value": { "arrayValue": { "values": [{ "intValue": "1" }] } } },
            ],
            "droppedAttributesCount": 1,
            "events": [{
                "timeUnixNano": "1637945381251000001",
                "name": "log",
                "attributes": [text("log.record.original", "hello")],
                "droppedAttributesCount": 0,
            }],
            "droppedEventsCount": 7,
            "links": [{
                "traceId": "0af7651916cd43dd8448eb211c80319c",
                "spanId": "b7ad6b7169203331",
                "traceState": "",
                "attributes": [],
                "droppedAttributesCount": 0,
                "flags": 0x301,
            }],
            "droppedLinksCount": 0,
            "status": { "code": 2, "message": "CannotPullContainerError" },
        });
        assert_eq!(group["scopeSpans"][0]["spans"][0], expected);
    }

    #[test]
    fn halves_are_by_task_then_by_span_with_the_root_last() {
        let mut request = Request::default();
        for label in ["a", "b", "c"] {
            request.push(EncodedTask::spans(task(label, 3)));
        }
        let (first, second) = request.halves().unwrap();
        assert_eq!((first.tasks().len(), second.tasks().len()), (1, 2));
        let (one, two) = first.halves().unwrap();
        assert_eq!((one.items(), two.items()), (1, 2));
        assert!(one.only_item().is_some() && two.only_item().is_none());
        let Some(EncodedTask { items: Items::Spans(spans), .. }) = two.into_tasks().pop() else { panic!("no spans") };
        assert_eq!(spans.last().unwrap().parent_span_id, Vec::<u8>::new());
        assert!(one.halves().is_none());
    }
}
