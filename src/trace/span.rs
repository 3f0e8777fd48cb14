//! How a span is made, of a task or of a deployment: only once it is final, or as of now in a snapshot. Main type: [`Spans`].

use std::borrow::Cow;

use opentelemetry::trace::{Link, SpanContext, SpanId, SpanKind, Status, TraceFlags, TraceId, TraceState};
use opentelemetry::{InstrumentationScope, KeyValue};
use opentelemetry_sdk::trace::{SpanData, SpanEvents, SpanLinks};

use super::attributes::Attributes;
use super::frame::Frame;
use super::semconv;
use crate::model::Time;
use crate::model::cut::{LONGEST, cut};
use crate::model::outcome::Failure;

/// One span in the making.
pub(super) struct NewSpan<'a> {
    pub(super) span_id: SpanId,
    pub(super) name: Cow<'static, str>,
    /// The span around it; `None`: it is the root, whose parent is the caller, if it has one.
    pub(super) parent: Option<SpanId>,
    pub(super) bounds: Bounds,
    /// Those of what is around it, where a span without length would stand out.
    pub(super) around: Option<Bounds>,
    /// Nothing about it changes any more.
    pub(super) is_final: bool,
    pub(super) attributes: Attributes,
    pub(super) events: SpanEvents,
    pub(super) links: SpanLinks,
    pub(super) failure: Option<&'a Failure>,
}

/// Where something lies; without an end while it goes on.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Bounds {
    pub(super) start: Time,
    pub(super) end: Option<Time>,
}

impl Bounds {
    /// As much of it as lies inside another.
    pub(super) fn inside(self, around: Self) -> Self {
        let inside = |at: Time| around.end.map_or(at, |end| at.min(end)).max(around.start);
        Self { start: inside(self.start), end: self.end.map(inside) }
    }

    /// The same, but a nanosecond long at the least: receivers take a span without length for a wrong clock. It does not end
    /// after what is around it.
    pub(super) fn with_length(self, around: Option<Self>) -> Self {
        let at = self.start;
        if self.end.is_none_or(|end| end > at) {
            return self;
        }
        let moved = |nanos: i64| Time::from_unix_nanos(at.unix_nanos().saturating_add_signed(nanos));
        let is_last = around.is_some_and(|around| around.start < at && around.end == Some(at));
        let (start, end) = if is_last { (moved(-1), at) } else { (at, moved(1)) };
        Self { start, end: Some(end) }
    }
}

/// The spans of a trace, as they are made.
pub(super) struct Spans {
    pub(super) frame: Frame,
    pub(super) made: Vec<SpanData>,
    scope: InstrumentationScope,
}

impl Spans {
    pub(super) fn new(frame: Frame) -> Self {
        Self { frame, made: vec![], scope: InstrumentationScope::builder(semconv::SCOPE).build() }
    }

    /// Makes the span; `false`: it may still change, so it waits.
    pub(super) fn push(&mut self, new: NewSpan<'_>) -> bool {
        let snapshot = self.frame.snapshot.map(|now| now.max(new.bounds.start));
        let Some(end) = new.bounds.end.filter(|_| new.is_final || snapshot.is_some()).or(snapshot) else {
            return false;
        };
        let ended = Bounds { end: Some(end.max(new.bounds.start)), ..new.bounds }.with_length(new.around);
        let caller = self.frame.parent.as_ref();
        let state = caller.map_or_else(TraceState::default, |caller| caller.trace_state().clone());
        let error_type = new.failure.and_then(|failure| failure.error_type.as_deref());
        let attributes =
            new.attributes.text(semconv::ERROR_TYPE, error_type).flag(semconv::IN_PROGRESS, new.bounds.end.is_none());
        self.made.push(SpanData {
            span_context: SpanContext::new(self.frame.trace_id(), new.span_id, TraceFlags::SAMPLED, false, state),
            parent_span_id: new.parent.or_else(|| caller.map(SpanContext::span_id)).unwrap_or(SpanId::INVALID),
            parent_span_is_remote: new.parent.is_none() && caller.is_some(),
            span_kind: SpanKind::Internal,
            name: new.name,
            start_time: self.frame.shifted(ended.start).into(),
            end_time: self.frame.shifted(ended.end.unwrap_or(ended.start)).into(),
            attributes: attributes.sorted(),
            dropped_attributes_count: 0,
            events: new.events,
            links: new.links,
            status: new
                .failure
                .map_or(Status::Unset, |failure| Status::error(cut(&failure.description, LONGEST).into_owned())),
            instrumentation_scope: self.scope.clone(),
        });
        true
    }

    /// When the root, which was made last, went to the caller's trace, a copy of it stays where the own id leads, links there
    /// and says so, or it would look like all that there is.
    pub(super) fn pointer(&mut self, span_id: SpanId, attributes: Attributes, kind: &'static str) {
        let (Some(caller), Some(root)) = (&self.frame.parent, self.made.last()) else { return };
        let attributes = attributes.text(semconv::CALLER_TRACE_ID, Some(&caller.trace_id().to_string()));
        let pointer = SpanData {
            name: format!("{} (in its caller's trace)", root.name).into(),
            span_context: local(self.frame.own_trace_id, span_id),
            parent_span_id: SpanId::INVALID,
            parent_span_is_remote: false,
            attributes: attributes.sorted(),
            events: SpanEvents::default(),
            links: links([link(root.span_context.clone(), kind)]),
            ..root.clone()
        };
        self.made.push(pointer);
    }

    /// What a root links to: what it is a copy of, and the caller that it is no child of.
    pub(super) fn root_links(&self, original: Option<Link>) -> SpanLinks {
        let caller = self.frame.linked.clone().map(|caller| link(caller, "caller"));
        links(original.into_iter().chain(caller))
    }
}

/// These links, none dropped.
pub(super) fn links(all: impl IntoIterator<Item = Link>) -> SpanLinks {
    let mut links = SpanLinks::default();
    links.links = all.into_iter().collect();
    links
}

/// A span of ours.
pub(super) fn local(trace_id: TraceId, span_id: SpanId) -> SpanContext {
    SpanContext::new(trace_id, span_id, TraceFlags::SAMPLED, false, TraceState::default())
}

/// A link that says what it leads to.
pub(super) fn link(to: SpanContext, kind: &'static str) -> Link {
    Link::new(to, vec![KeyValue::new(semconv::LINK_KIND, kind)], 0)
}
