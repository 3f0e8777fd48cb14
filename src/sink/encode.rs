//! From task traces to OTLP requests, cut by exact encoded size before anything is sent. Main type: [`Packer`].

use bytes::Bytes;
use opentelemetry::KeyValue;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::InstrumentationScope;
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use opentelemetry_proto::transform::common::tonic::Attributes;
use prost::Message;

use crate::trace::{TaskTrace, semconv};

/// What a receiver takes in one request.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Bytes of the encoded request before compression. gRPC receivers refuse more than 4 MiB.
    pub max_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { max_bytes: 4 * 1024 * 1024 }
    }
}

/// How a request is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// Protocol buffers.
    Protobuf,
    /// OTLP JSON.
    Json,
}

/// One request.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    /// What is sent.
    pub request: ExportTraceServiceRequest,
    /// The tasks whose spans are in it, as reports name them.
    pub tasks: Vec<String>,
    /// Log events that had to go so that a span fits.
    pub dropped_events: u64,
}

impl Batch {
    /// How many spans are in it.
    pub fn spans(&self) -> u64 {
        let scopes = self.request.resource_spans.iter().flat_map(|resource| &resource.scope_spans);
        scopes.map(|scope| scope.spans.len() as u64).sum()
    }

    /// The request's bytes.
    pub fn encode(&self, encoding: Encoding) -> Bytes {
        match encoding {
            Encoding::Protobuf => Bytes::from(self.request.encode_to_vec()),
            Encoding::Json => {
                Bytes::from(serde_json::to_vec(&self.request).expect("OTLP messages have only string keys"))
            }
        }
    }

    /// The two halves: by task where there are several, else by span. `None` for a single span.
    pub fn halves(self) -> Option<(Self, Self)> {
        let Self { request: ExportTraceServiceRequest { mut resource_spans }, mut tasks, dropped_events } = self;
        let of = |resource_spans, tasks, dropped_events| Self {
            request: ExportTraceServiceRequest { resource_spans },
            tasks,
            dropped_events,
        };
        if resource_spans.len() > 1 {
            let rest = resource_spans.split_off(resource_spans.len() / 2);
            let other = if tasks.len() == resource_spans.len() + rest.len() {
                tasks.split_off(resource_spans.len())
            } else {
                tasks.clone()
            };
            return Some((of(resource_spans, tasks, dropped_events), of(rest, other, 0)));
        }
        let mut first = resource_spans.pop()?;
        let spans = &mut first.scope_spans.first_mut()?.spans;
        if spans.len() < 2 {
            return None;
        }
        let rest = spans.split_off(spans.len() / 2);
        let second = with_spans(&first, rest);
        Some((of(vec![first], tasks.clone(), dropped_events), of(vec![second], tasks, 0)))
    }
}

/// A task's spans as OTLP has them; resource attributes in the order of their keys, so that it is always the same bytes.
pub fn resource_spans(trace: &TaskTrace) -> ResourceSpans {
    let mut attributes: Vec<KeyValue> =
        trace.resource.iter().map(|(key, value)| KeyValue::new(key.clone(), value.clone())).collect();
    attributes.sort_by(|a, b| a.key.as_str().cmp(b.key.as_str()));
    let resource = Resource { attributes: Attributes::from(attributes).0, ..Default::default() };
    let scope = InstrumentationScope { name: semconv::SCOPE.to_owned(), ..Default::default() };
    let spans = trace.spans.iter().cloned().map(Span::from).collect();
    ResourceSpans {
        resource: Some(resource),
        scope_spans: vec![ScopeSpans { scope: Some(scope), spans, schema_url: String::new() }],
        schema_url: String::new(),
    }
}

/// Fills requests: several tasks share one, a task that is too large for one is spread over several, its root last.
#[derive(Debug)]
pub struct Packer {
    limits: Limits,
    current: Batch,
    size: usize,
}

impl Packer {
    /// An empty one.
    pub fn new(limits: Limits) -> Self {
        Self { limits, current: Batch::default(), size: 0 }
    }

    /// Adds a task and returns the requests that are full.
    pub fn add(&mut self, trace: &TaskTrace) -> Vec<Batch> {
        let mut full = vec![];
        if trace.spans.is_empty() {
            return full;
        }
        let spans = resource_spans(trace);
        let size = field_len(spans.encoded_len());
        if size > self.limits.max_bytes {
            full.extend(self.take());
            full.extend(spread(spans, &trace.label, self.limits));
            return full;
        }
        if self.size + size > self.limits.max_bytes {
            full.extend(self.take());
        }
        self.size += size;
        self.current.request.resource_spans.push(spans);
        self.current.tasks.push(trace.label.clone());
        full
    }

    /// The request that is not full yet.
    pub fn take(&mut self) -> Option<Batch> {
        self.size = 0;
        let batch = std::mem::take(&mut self.current);
        (!batch.request.resource_spans.is_empty()).then_some(batch)
    }
}

/// One task over as many requests as it takes.
fn spread(mut whole: ResourceSpans, label: &str, limits: Limits) -> Vec<Batch> {
    let mut spans: Vec<Span> =
        whole.scope_spans.iter_mut().flat_map(|scope| std::mem::take(&mut scope.spans)).collect();
    // Parents come first in a trace; the root goes last, so that it is there when all is.
    let roots = spans.len().min(1);
    spans.rotate_left(roots);
    // Resource, scope, and the lengths of what encloses the spans.
    const ENCLOSING: usize = 32;
    let room = limits.max_bytes.saturating_sub(whole.encoded_len() + ENCLOSING);
    let mut batches = vec![];
    let (mut part, mut size, mut dropped) = (vec![], 0, 0);
    let mut finish = |part: &mut Vec<Span>, dropped: &mut u64| {
        if !part.is_empty() {
            let request = ExportTraceServiceRequest { resource_spans: vec![with_spans(&whole, std::mem::take(part))] };
            batches.push(Batch { request, tasks: vec![label.to_owned()], dropped_events: std::mem::take(dropped) });
        }
    };
    for mut span in spans {
        let lost = shrink(&mut span, room);
        let len = field_len(span.encoded_len());
        if size + len > room {
            finish(&mut part, &mut dropped);
            size = 0;
        }
        size += len;
        dropped += lost;
        part.push(span);
    }
    finish(&mut part, &mut dropped);
    batches
}

/// Takes events out of the middle of a span until it fits; returns how many went.
fn shrink(span: &mut Span, room: usize) -> u64 {
    let mut lost = 0;
    while field_len(span.encoded_len()) > room && !span.events.is_empty() {
        let over = field_len(span.encoded_len()) - room;
        let each = span.events.iter().map(Message::encoded_len).sum::<usize>() / span.events.len();
        let go = over.div_ceil(each.max(1)).clamp(1, span.events.len());
        let from = crate::model::log::head_share(span.events.len() - go);
        span.events.drain(from..from + go);
        lost += go as u64;
    }
    span.dropped_events_count = span.dropped_events_count.saturating_add(u32::try_from(lost).unwrap_or(u32::MAX));
    lost
}

/// The same resource and scope with other spans.
fn with_spans(enclosing: &ResourceSpans, spans: Vec<Span>) -> ResourceSpans {
    let scope = enclosing.scope_spans.first().and_then(|scope| scope.scope.clone());
    ResourceSpans {
        resource: enclosing.resource.clone(),
        scope_spans: vec![ScopeSpans { scope, spans, schema_url: String::new() }],
        schema_url: enclosing.schema_url.clone(),
    }
}

/// The length of a message inside another: a tag of one byte, the length, the message.
fn field_len(len: usize) -> usize {
    1 + prost::length_delimiter_len(len) + len
}
