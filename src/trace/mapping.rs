//! From a task's life to its spans. Main type: [`TaskTrace`].
//!
//! Every span holds only what is final, so that sending a task again sends the same bytes; see [`Mode`] for the two
//! exceptions, which have trace ids of their own.

use std::collections::BTreeMap;

use opentelemetry::trace::{Event, Link, SpanContext, SpanId, SpanKind, Status, TraceFlags, TraceId, TraceState};
use opentelemetry::{InstrumentationScope, KeyValue};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{SpanData, SpanEvents, SpanLinks};

use super::attributes::{self, Attributes};
use super::frame::Frame;
use super::links::ApplicationTraces;
use super::log_events;
use super::service::ServiceName;
use super::{ids, semconv};
use crate::model::container::{BoundSource, Container};
use crate::model::log::ContainerLog;
use crate::model::outcome::Failure;
use crate::model::phases::{Clock, Phase, Phases};
use crate::model::{TaskLife, Time};

/// Which spans are made, and under which trace id.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// Only what no longer changes, under the final ids: safe to send again and again.
    #[default]
    AppendOnly,
    /// Everything as of this time, open spans ending then, under a trace id of its own.
    Snapshot(Time),
    /// A copy shifted so that it ends at this time, under a trace id of its own.
    Rebase(Time),
}

/// What becomes of the caller that a task's overrides (or `--parent`) name.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum ParentPolicy {
    /// The root becomes a child of the caller that the overrides name, if any.
    #[default]
    FromTask,
    /// The root becomes a child of this span.
    Explicit(SpanContext),
    /// The caller that the overrides name is only linked to.
    Link,
}

/// How lives are mapped.
#[derive(Clone, Debug, Default)]
pub struct TraceOptions {
    /// Which spans are made.
    pub mode: Mode,
    /// What becomes of a caller.
    pub parent: ParentPolicy,
    /// Where `service.name` comes from.
    pub service_name: ServiceName,
    /// Resource attributes that outrank all others (`--attr`).
    pub attributes: Vec<(String, String)>,
    /// Resource attributes that every other outranks (`OTEL_RESOURCE_ATTRIBUTES`).
    pub base_attributes: Vec<(String, String)>,
    /// Also the containers that ECS adds.
    pub all_containers: bool,
    /// Without containers: somebody else sends them.
    pub no_containers: bool,
    /// Without log events.
    pub no_logs: bool,
    /// Also the root and the phases of a task that only metadata, the agent or Docker speak of.
    pub standalone: bool,
    /// Log lines are sent as records, beside the trace.
    pub records: bool,
}

/// A task as OpenTelemetry has it: one resource and its spans.
#[derive(Clone, Debug)]
pub struct TaskTrace {
    /// The task's id, as written.
    pub task_id: String,
    /// What to call the task in reports: `CLUSTER/ID` where the cluster is known.
    pub label: String,
    /// The trace that the task's id leads to – or the snapshot's or rebased copy's own.
    pub trace_id: TraceId,
    /// The caller's trace, when the spans are in that one.
    pub caller_trace_id: Option<TraceId>,
    /// The resource that all spans share.
    pub resource: Resource,
    /// The spans; each before those inside it.
    pub spans: Vec<SpanData>,
    /// The spans that exist but are not final yet and were not made.
    pub pending: Vec<String>,
    /// The task's status, as ECS gives it.
    pub status: String,
    /// Only its containers' own clocks speak of it, and its root and phases are not made of that.
    pub containers_only: bool,
    /// Log lines that are not among the events.
    pub dropped_log_lines: u64,
}

impl TaskTrace {
    /// Maps a life. A life without any time has no spans, and nothing pending.
    pub fn new(life: &TaskLife, options: &TraceOptions) -> Self {
        Self::with_application_traces(life, options, &BTreeMap::new())
    }

    /// Maps a life whose lines were read and are not all held: `read` are the traces that they name, by container.
    pub fn with_application_traces(
        life: &TaskLife,
        options: &TraceOptions,
        read: &BTreeMap<String, ApplicationTraces>,
    ) -> Self {
        let task = &life.task;
        let mut maker = Maker::new(life, options);
        if let Some(phases) = &life.phases {
            maker.root(phases);
            for phase in &phases.list {
                maker.phase(phase, ROOT);
            }
            let is_wanted = |c: &&Container| !options.no_containers && (options.all_containers || !c.is_hidden());
            for container in life.containers.iter().filter(is_wanted) {
                maker.container(container, read.get(container.name()));
            }
        }
        let containers_only = !maker.owns_task();
        Self {
            task_id: task.id.clone(),
            label: life.label(),
            trace_id: maker.frame.own_trace_id,
            caller_trace_id: maker.frame.parent.as_ref().map(SpanContext::trace_id),
            resource: attributes::resource(life, options),
            spans: maker.spans,
            pending: maker.pending,
            status: task.last_status.clone().unwrap_or_else(|| "of unknown status".to_owned()),
            containers_only,
            dropped_log_lines: maker.dropped_log_lines,
        }
    }
}

/// The path of the root span, from which its id is made.
const ROOT: &str = "task";
/// The path of the span that stays under the task's id when the root is in the caller's trace.
const POINTER: &str = "pointer";

/// One span in the making.
struct Draft<'a> {
    path: &'a str,
    name: String,
    parent: SpanId,
    start: Time,
    end: Option<Time>,
    is_final: bool,
    attributes: Attributes,
    events: SpanEvents,
    links: SpanLinks,
    failure: Option<&'a Failure>,
}

struct Maker<'a> {
    life: &'a TaskLife,
    options: &'a TraceOptions,
    frame: Frame,
    scope: InstrumentationScope,
    is_standalone: bool,
    spans: Vec<SpanData>,
    pending: Vec<String>,
    dropped_log_lines: u64,
}

impl<'a> Maker<'a> {
    fn new(life: &'a TaskLife, options: &'a TraceOptions) -> Self {
        Self {
            life,
            options,
            frame: Frame::new(life, options),
            scope: InstrumentationScope::builder(semconv::SCOPE).build(),
            is_standalone: life.task.is_standalone(),
            spans: Vec::new(),
            pending: Vec::new(),
            dropped_log_lines: 0,
        }
    }

    fn root(&mut self, phases: &Phases) {
        let task = &self.life.task;
        let mut attributes = attributes::root(task)
            .flag(semconv::CLOCK_ADJUSTED, phases.clock_adjusted)
            .text(semconv::TIME_START_SOURCE, estimated(phases.start_estimated))
            .text(semconv::TIME_END_SOURCE, estimated(phases.end_estimated));
        if matches!(self.options.mode, Mode::Snapshot(_)) {
            attributes = attributes
                .text(semconv::TASK_LAST_STATUS, task.last_status.as_deref())
                .text(semconv::TASK_DESIRED_STATUS, task.desired_status.as_deref())
                .text(semconv::TASK_HEALTH_STATUS, task.health_status.as_deref());
        }
        let moments = phases.moments.iter().map(|moment| {
            let clock = KeyValue::new(semconv::CLOCK, moment.clock.name());
            Event::new(moment.name, self.frame.shifted(moment.time).into(), vec![clock], 0)
        });
        let mut events = SpanEvents::default();
        events.events = moments.collect();
        self.push(Draft {
            path: ROOT,
            name: format!("task {}", self.life.family()),
            parent: self.frame.parent.as_ref().map_or(SpanId::INVALID, SpanContext::span_id),
            start: phases.start,
            end: phases.end,
            is_final: self.life.is_stopped() && self.owns_task(),
            attributes,
            events,
            links: self.root_links(),
            failure: self.life.outcome.failure.as_ref(),
        });
        self.pointer();
    }

    fn root_links(&self) -> SpanLinks {
        let id = &self.life.task.id;
        let of = |kind| link(local(ids::trace_id(id), ids::span_id(id, ROOT)), kind);
        let original = match self.options.mode {
            Mode::AppendOnly => None,
            Mode::Snapshot(_) => Some(of("snapshot of")),
            Mode::Rebase(_) => Some(of("rebased from")),
        };
        let caller = self.frame.linked.clone().map(|caller| link(caller, "caller"));
        let mut links = SpanLinks::default();
        links.links = original.into_iter().chain(caller).collect();
        links
    }

    /// Whether the task's own spans are ours to send: its phases are estimates where ECS has not spoken of it, and whoever
    /// hears from ECS sends them too.
    const fn owns_task(&self) -> bool {
        self.options.standalone || !self.is_standalone
    }

    /// When the root went to the caller's trace, a copy of it stays where the task's id leads, and links there.
    fn pointer(&mut self) {
        let (Some(_), Some(root)) = (&self.frame.parent, self.spans.last()) else { return };
        let mut links = SpanLinks::default();
        links.links.push(link(root.span_context.clone(), "task"));
        let pointer = SpanData {
            span_context: local(self.frame.own_trace_id, ids::span_id(&self.life.task.id, POINTER)),
            parent_span_id: SpanId::INVALID,
            parent_span_is_remote: false,
            attributes: attributes::identity(&self.life.task).sorted(),
            events: SpanEvents::default(),
            links,
            ..root.clone()
        };
        self.spans.push(pointer);
    }

    fn phase(&mut self, phase: &Phase, parent: &str) {
        let failed = self.life.outcome.failed_phase == Some(phase.kind);
        let path = phase.kind.name();
        self.push(Draft {
            path,
            name: path.to_owned(),
            parent: ids::span_id(&self.life.task.id, parent),
            start: phase.start,
            end: phase.end,
            is_final: phase.is_final && self.owns_task(),
            attributes: attributes::identity(&self.life.task)
                .flag(semconv::CLOCK_ADJUSTED, phase.clock_adjusted)
                .text(semconv::TIME_START_SOURCE, estimated(phase.start_estimated))
                .text(semconv::TIME_END_SOURCE, estimated(phase.end_estimated)),
            events: SpanEvents::default(),
            links: SpanLinks::default(),
            failure: self.life.outcome.failure.as_ref().filter(|_| failed),
        });
        for child in &phase.children {
            self.phase(child, path);
        }
    }

    fn container(&mut self, container: &Container, read: Option<&ApplicationTraces>) {
        // A container that has not begun has no span yet, not even in a snapshot.
        let Some(start) = container.start else { return };
        let name = format!("container {}", container.name());
        let mut events = SpanEvents::default();
        let (is_event, is_record) = (!self.options.no_logs, self.options.records);
        if let Some(log) = container.log.as_ref().filter(|_| is_event || is_record) {
            if is_event {
                events.events = log_events::events(log, |time| self.frame.shifted(time));
                events.dropped_count = u32::try_from(log.dropped).unwrap_or(u32::MAX);
            }
            self.dropped_log_lines += log.dropped;
        }
        if let Some(created) = container.record.created {
            let clock = KeyValue::new(semconv::CLOCK, Clock::Agent.name());
            let created = self.frame.shifted(created).into();
            events.events.insert(0, Event::new(semconv::EVENT_CREATED, created, vec![clock], 0));
        }
        let links = read.map_or_else(|| self.named_in(container.log.as_ref()).links(), ApplicationTraces::links);
        self.push(Draft {
            path: &ids::container_path(container.name()),
            name,
            parent: ids::span_id(&self.life.task.id, ROOT),
            start: start.at,
            end: container.end.map(|end| end.at),
            // Where nobody but its own clock speaks, an end that is not its own is a guess.
            is_final: container.has_finished() || (self.life.is_stopped() && !self.life.task.is_standalone()),
            attributes: attributes::container(&self.life.task, container)
                .text(semconv::TIME_START_SOURCE, Some(start.source.name()))
                .text(semconv::TIME_END_SOURCE, container.end.map(|end| end.source.name())),
            events,
            links,
            failure: container.failure.as_ref(),
        });
    }

    /// The applications' traces that a log names.
    fn named_in(&self, log: Option<&ContainerLog>) -> ApplicationTraces {
        let mut traces = ApplicationTraces::new(self.frame.own_traces(&self.life.task.id));
        traces.read_log(log);
        traces
    }

    /// Makes the span, unless it may still change.
    fn push(&mut self, draft: Draft<'_>) {
        let snapshot = match self.options.mode {
            Mode::Snapshot(now) => Some(now.max(draft.start)),
            Mode::AppendOnly | Mode::Rebase(_) => None,
        };
        let end = draft.end.filter(|_| draft.is_final || snapshot.is_some()).or(snapshot);
        let Some(end) = end else {
            self.pending.push(draft.name);
            return;
        };
        let state = self.frame.parent.as_ref().map_or_else(TraceState::default, |parent| parent.trace_state().clone());
        let span_id = ids::span_id(&self.life.task.id, draft.path);
        let error_type = draft.failure.and_then(|failure| failure.error_type.as_deref());
        let attributes =
            draft.attributes.text(semconv::ERROR_TYPE, error_type).flag(semconv::IN_PROGRESS, draft.end.is_none());
        self.spans.push(SpanData {
            span_context: SpanContext::new(self.frame.trace_id(), span_id, TraceFlags::SAMPLED, false, state),
            parent_span_id: draft.parent,
            parent_span_is_remote: draft.path == ROOT && self.frame.parent.is_some(),
            span_kind: SpanKind::Internal,
            name: draft.name.into(),
            start_time: self.frame.shifted(draft.start).into(),
            end_time: self.frame.shifted(end).into(),
            attributes: attributes.sorted(),
            dropped_attributes_count: 0,
            events: draft.events,
            links: draft.links,
            status: draft.failure.map_or(Status::Unset, |failure| Status::error(failure.description.clone())),
            instrumentation_scope: self.scope.clone(),
        });
    }
}

fn estimated(is: bool) -> Option<&'static str> {
    is.then_some(BoundSource::Estimated.name())
}

fn local(trace_id: TraceId, span_id: SpanId) -> SpanContext {
    SpanContext::new(trace_id, span_id, TraceFlags::SAMPLED, false, TraceState::default())
}

fn link(to: SpanContext, kind: &'static str) -> Link {
    Link::new(to, vec![KeyValue::new(semconv::LINK_KIND, kind)], 0)
}
