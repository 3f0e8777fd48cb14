//! From a [`TaskTrace`] to the bytes of requests: protobuf, or JSON as the OTLP specification has it. Sends nothing.
//! Main type: [`Request`].
//!
//! `opentelemetry-proto` converts each span; what is ours is that the resource's attributes are sorted (its `Resource` is
//! a hash map) and that several tasks share a request. Its `with-serde` JSON is the specification's for every field that
//! is used here: ids in hex, 64-bit integers as strings, enums as integers. A test holds it to that.

use std::collections::HashSet;
use std::sync::Arc;

use bytes::Bytes;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::resource::v1::Resource as ProtoResource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use opentelemetry_sdk::Resource;
use prost::Message;

use crate::trace::{TaskTrace, semconv};

/// How a request is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Protobuf.
    Protobuf,
    /// JSON.
    Json,
}

/// A task's spans, ready to be put into requests.
#[derive(Clone, Debug)]
pub(crate) struct EncodedTask {
    /// What the task is called in reports.
    pub(crate) label: Arc<str>,
    pub(crate) resource: ProtoResource,
    pub(crate) spans: Vec<Span>,
}

impl EncodedTask {
    pub(crate) fn new(trace: TaskTrace) -> Self {
        Self {
            label: trace.label.into(),
            resource: resource(&trace.resource),
            spans: trace.spans.into_iter().map(Span::from).collect(),
        }
    }
}

/// One task of one or of several resources as OTLP has it: for those who send it themselves.
pub fn resource_spans(trace: TaskTrace) -> ResourceSpans {
    let task = EncodedTask::new(trace);
    group(task.resource, task.spans)
}

/// Spans under their resource and the one scope that there is.
pub(crate) fn group(resource: ProtoResource, spans: Vec<Span>) -> ResourceSpans {
    let scope_spans = vec![ScopeSpans { scope: Some(scope()), spans, schema_url: String::new() }];
    ResourceSpans { resource: Some(resource), scope_spans, schema_url: String::new() }
}

pub(crate) fn scope() -> InstrumentationScope {
    InstrumentationScope { name: semconv::SCOPE.to_owned(), ..InstrumentationScope::default() }
}

fn resource(resource: &Resource) -> ProtoResource {
    let mut attributes: Vec<KeyValue> = resource
        .iter()
        .map(|(key, value)| KeyValue {
            key: key.as_str().to_owned(),
            value: Some(value.clone().into()),
            ..KeyValue::default()
        })
        .collect();
    attributes.sort_by(|a, b| a.key.cmp(&b.key));
    ProtoResource { attributes, ..ProtoResource::default() }
}

/// The spans whose parent is among them first, in their order: a root says that all else is there.
pub(crate) fn root_last(spans: Vec<Span>) -> Vec<Span> {
    let ids: HashSet<Vec<u8>> = spans.iter().map(|span| span.span_id.clone()).collect();
    let (mut inner, roots): (Vec<_>, Vec<_>) = spans.into_iter().partition(|span| ids.contains(&span.parent_span_id));
    inner.extend(roots);
    inner
}

/// One export request: the spans of one or more tasks.
#[derive(Clone, Debug, Default)]
pub struct Request {
    message: ExportTraceServiceRequest,
    /// Of the tasks in the message, one each.
    tasks: Vec<Arc<str>>,
}

impl Request {
    pub(crate) fn push(&mut self, label: Arc<str>, resource_spans: ResourceSpans) {
        self.tasks.push(label);
        self.message.resource_spans.push(resource_spans);
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.tasks.is_empty()
    }

    /// What the tasks are called whose spans are in it.
    pub fn tasks(&self) -> &[Arc<str>] {
        &self.tasks
    }

    /// How many spans are in it.
    pub fn spans(&self) -> u64 {
        self.all_spans().count() as u64
    }

    fn all_spans(&self) -> impl Iterator<Item = &Span> {
        self.message.resource_spans.iter().flat_map(|group| &group.scope_spans).flat_map(|scope| &scope.spans)
    }

    /// The name of the only span.
    pub(crate) fn only_span(&self) -> Option<&str> {
        let mut spans = self.all_spans();
        spans.next().filter(|_| spans.next().is_none()).map(|span| span.name.as_str())
    }

    /// Its size in protobuf, without encoding it.
    pub fn encoded_len(&self) -> usize {
        self.message.encoded_len()
    }

    /// Its body.
    pub fn encode(&self, format: Format) -> Bytes {
        match format {
            Format::Protobuf => self.message.encode_to_vec().into(),
            Format::Json => {
                serde_json::to_vec(&self.message).expect("memory does not fail and all keys are strings").into()
            }
        }
    }

    /// Two requests of about half the size: by tasks, and when there is only one, by its spans, the root last. A single
    /// span has no halves.
    pub(crate) fn halves(mut self) -> Option<(Self, Self)> {
        if self.tasks.len() > 1 {
            let middle = self.tasks.len() / 2;
            let tasks = self.tasks.split_off(middle);
            let resource_spans = self.message.resource_spans.split_off(middle);
            return Some((self, Self { tasks, message: ExportTraceServiceRequest { resource_spans } }));
        }
        let (label, group) = (self.tasks.pop()?, self.message.resource_spans.pop()?);
        let mut first = root_last(group.scope_spans.into_iter().flat_map(|scope| scope.spans).collect());
        if first.len() < 2 {
            return None;
        }
        let second = first.split_off(first.len() / 2);
        let resource = group.resource.unwrap_or_default();
        Some((Self::of_one(label.clone(), resource.clone(), first), Self::of_one(label, resource, second)))
    }

    /// A request with spans of one task.
    pub(crate) fn of_one(label: Arc<str>, resource: ProtoResource, spans: Vec<Span>) -> Self {
        let message = ExportTraceServiceRequest { resource_spans: vec![group(resource, spans)] };
        Self { message, tasks: vec![label] }
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
        let mut request = Request::default();
        request.push("a".into(), resource_spans(trace.clone()));
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
        let mut request = Request::default();
        request.push("a".into(), resource_spans(task_of("a", vec![full_span()])));
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
            request.push(label.into(), resource_spans(task(label, 3)));
        }
        let (first, second) = request.halves().unwrap();
        assert_eq!((first.tasks().len(), second.tasks().len()), (1, 2));
        let (one, two) = first.halves().unwrap();
        assert_eq!((one.spans(), two.spans()), (1, 2));
        let last = two.all_spans().last().unwrap();
        assert_eq!(last.parent_span_id, Vec::<u8>::new());
        assert!(one.only_span().is_some() && two.only_span().is_none());
        assert!(one.halves().is_none());
    }
}
