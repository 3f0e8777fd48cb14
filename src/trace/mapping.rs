//! From a task's life to its spans. Main type: [`TaskTrace`].
//!
//! Every span holds only what is final, so that sending a task again sends the same bytes; see [`Mode`] for the two
//! exceptions, which have trace ids of their own.

use std::collections::BTreeMap;

use opentelemetry::KeyValue;
use opentelemetry::trace::{Event, SpanContext, SpanId, TraceId};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{SpanData, SpanEvents, SpanLinks};

use super::attributes;
use super::frame::Frame;
use super::links::ApplicationTraces;
use super::options::{Mode, TraceOptions};
use super::span::{Draft, Spans, link, local};
use super::{ids, log_events, semconv};
use crate::model::TaskLife;
use crate::model::container::{BoundSource, Container};
use crate::model::log::ContainerLog;
use crate::model::phases::{Clock, Phase, Phases};

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
            trace_id: maker.spans.frame.own_trace_id,
            caller_trace_id: maker.spans.frame.parent.as_ref().map(SpanContext::trace_id),
            resource: attributes::resource(life, options),
            spans: maker.spans.made,
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

struct Maker<'a> {
    life: &'a TaskLife,
    options: &'a TraceOptions,
    spans: Spans,
    is_standalone: bool,
    pending: Vec<String>,
    dropped_log_lines: u64,
}

impl<'a> Maker<'a> {
    fn new(life: &'a TaskLife, options: &'a TraceOptions) -> Self {
        Self {
            life,
            options,
            spans: Spans::new(Frame::new(life, options)),
            is_standalone: life.task.is_standalone(),
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
            Event::new(moment.name, self.spans.frame.shifted(moment.time).into(), vec![clock], 0)
        });
        let mut events = SpanEvents::default();
        events.events = moments.collect();
        self.push(Draft {
            span_id: self.span_id(ROOT),
            name: format!("task {}", self.life.family()).into(),
            parent: None,
            start: phases.start,
            end: phases.end,
            is_final: self.life.is_stopped() && self.owns_task(),
            attributes,
            events,
            links: self.root_links(),
            failure: self.life.outcome.failure.as_ref(),
        });
        let pointer = self.span_id(POINTER);
        self.spans.pointer(pointer, attributes::identity(&self.life.task), "task");
    }

    fn span_id(&self, path: &str) -> SpanId {
        ids::span_id(&self.life.task.id, path)
    }

    fn root_links(&self) -> SpanLinks {
        let of = |kind| link(local(ids::trace_id(&self.life.task.id), self.span_id(ROOT)), kind);
        let original = match self.options.mode {
            Mode::AppendOnly => None,
            Mode::Snapshot(_) => Some(of("snapshot of")),
            Mode::Rebase(_) => Some(of("rebased from")),
        };
        self.spans.root_links(original)
    }

    /// Whether the task's own spans are ours to send: its phases are estimates where ECS has not spoken of it, and whoever
    /// hears from ECS sends them too.
    const fn owns_task(&self) -> bool {
        self.options.standalone || !self.is_standalone
    }

    fn phase(&mut self, phase: &Phase, parent: &str) {
        let failed = self.life.outcome.failed_phase == Some(phase.kind);
        let path = phase.kind.name();
        self.push(Draft {
            span_id: self.span_id(path),
            name: path.into(),
            parent: Some(self.span_id(parent)),
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
        let mut events = SpanEvents::default();
        let (is_event, is_record) = (!self.options.no_logs, self.options.records);
        if let Some(log) = container.log.as_ref().filter(|_| is_event || is_record) {
            if is_event {
                events.events = log_events::events(log, |time| self.spans.frame.shifted(time));
                events.dropped_count = u32::try_from(log.dropped).unwrap_or(u32::MAX);
            }
            self.dropped_log_lines += log.dropped;
        }
        if let Some(created) = container.record.created {
            let clock = KeyValue::new(semconv::CLOCK, Clock::Agent.name());
            let created = self.spans.frame.shifted(created).into();
            events.events.insert(0, Event::new(semconv::EVENT_CREATED, created, vec![clock], 0));
        }
        let links = read.map_or_else(|| self.named_in(container.log.as_ref()).links(), ApplicationTraces::links);
        self.push(Draft {
            span_id: self.span_id(&ids::container_path(container.name())),
            name: format!("container {}", container.name()).into(),
            parent: Some(self.span_id(ROOT)),
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
        let mut traces = ApplicationTraces::new(self.spans.frame.own_traces(&self.life.task.id));
        traces.read_log(log);
        traces
    }

    fn push(&mut self, draft: Draft<'_>) {
        let name = draft.name.clone();
        if !self.spans.push(draft) {
            self.pending.push(name.into_owned());
        }
    }
}

fn estimated(is: bool) -> Option<&'static str> {
    is.then_some(BoundSource::Estimated.name())
}
