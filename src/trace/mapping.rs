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
use super::span::{Bounds, NewSpan, Spans, link, local};
use super::{ids, log_events, log_span, semconv};
use crate::model::TaskLife;
use crate::model::container::{BoundSource, Container};
use crate::model::log::ContainerLog;
use crate::model::phases::{Clock, Phase, Phases};

/// A task as OpenTelemetry has it: one resource and its spans.
#[derive(Clone, Debug)]
#[non_exhaustive]
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
    /// Log lines that were read and are not among the events.
    pub dropped_log_lines: u64,
    /// Nobody has read all of some log: more lines may be missing than are counted.
    pub has_unread_log_lines: bool,
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
        let mut maker = TaskMaker::new(life, options);
        if let Some(phases) = &life.phases {
            maker.root(phases);
            for phase in &phases.list {
                maker.phase(phase, maker.root);
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
            has_unread_log_lines: maker.has_unread_log_lines,
        }
    }
}

/// The path of the root span, from which its id is made.
const ROOT: &str = "task";
/// The path of the span that stays under the task's id when the root is in the caller's trace.
const POINTER: &str = "pointer";

struct TaskMaker<'a> {
    life: &'a TaskLife,
    options: &'a TraceOptions,
    spans: Spans,
    /// Its span's id.
    root: SpanId,
    is_standalone: bool,
    pending: Vec<String>,
    dropped_log_lines: u64,
    has_unread_log_lines: bool,
}

impl<'a> TaskMaker<'a> {
    fn new(life: &'a TaskLife, options: &'a TraceOptions) -> Self {
        Self {
            life,
            options,
            spans: Spans::new(Frame::new(life, options)),
            root: ids::span_id(&life.task.id, ROOT),
            is_standalone: life.task.is_standalone(),
            pending: Vec::new(),
            dropped_log_lines: 0,
            has_unread_log_lines: false,
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
        self.push(NewSpan {
            span_id: self.root,
            // Whoever knows the definition calls it the same.
            name: format!("task {}", task.family().unwrap_or(&task.id)).into(),
            parent: None,
            bounds: Bounds { start: phases.start, end: phases.end },
            around: None,
            is_final: self.life.is_stopped() && self.owns_task(),
            attributes,
            events,
            links: self.root_links(),
            failure: self.life.outcome.failure.as_ref(),
        });
        if self.spans.frame.parent.is_some() {
            let pointer = self.span_id(POINTER);
            self.spans.pointer(pointer, attributes::identity(&self.life.task), "task");
        }
    }

    fn span_id(&self, path: &str) -> SpanId {
        ids::span_id(&self.life.task.id, path)
    }

    fn root_links(&self) -> SpanLinks {
        let of = |kind| link(local(ids::trace_id(&self.life.task.id), self.root), kind);
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

    fn phase(&mut self, phase: &Phase, parent: SpanId) {
        // They tile all the same.
        if phase.is_empty() {
            return;
        }
        let failed = self.life.outcome.failed_phase == Some(phase.kind);
        let name = phase.kind.name();
        let span_id = self.span_id(name);
        self.push(NewSpan {
            span_id,
            name: name.into(),
            parent: Some(parent),
            bounds: Bounds { start: phase.start, end: phase.end },
            around: None,
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
            self.phase(child, span_id);
        }
    }

    fn container(&mut self, container: &Container, read: Option<&ApplicationTraces>) {
        // A container that has not begun has no span yet, not even in a snapshot.
        let Some(start) = container.start else { return };
        let mut events = SpanEvents::default();
        if let Some(created) = container.record.created {
            let clock = KeyValue::new(semconv::CLOCK, Clock::Agent.name());
            let created = self.spans.frame.shifted(created).into();
            events.events.push(Event::new(semconv::EVENT_CREATED, created, vec![clock], 0));
        }
        // A container with times of its own may be sent before it is known where the task ends.
        let phases = self.life.phases.as_ref().filter(|_| container.record.finished.is_none());
        let around = phases.map(|phases| Bounds { start: phases.start, end: phases.end });
        let bounds = Bounds { start: start.at, end: container.end.map(|end| end.at) }.with_length(around);
        let path = ids::container_path(container.name());
        let span_id = self.span_id(&path);
        let is_made = self.push(NewSpan {
            span_id,
            name: format!("container {}", container.name()).into(),
            parent: Some(self.root),
            bounds,
            around,
            // Where nobody but its own clock speaks, an end that is not its own is a guess.
            is_final: container.has_finished() || (self.life.is_stopped() && !self.life.task.is_standalone()),
            attributes: attributes::container(&self.life.task, container)
                .text(semconv::TIME_START_SOURCE, Some(start.source.name()))
                .text(semconv::TIME_END_SOURCE, container.end.map(|end| end.source.name())),
            events,
            links: SpanLinks::default(),
            failure: container.failure.as_ref(),
        });
        if let Some(log) = container.log.as_ref().filter(|_| is_made) {
            self.log(container, log, bounds, read);
        }
    }

    fn log(&mut self, container: &Container, log: &ContainerLog, around: Bounds, read: Option<&ApplicationTraces>) {
        let (is_event, is_record) = (!self.options.no_logs, self.options.records);
        if is_event || is_record {
            self.dropped_log_lines = self.dropped_log_lines.saturating_add(log.dropped);
            self.has_unread_log_lines |= log.unread;
        }
        let mut events = SpanEvents::default();
        if is_event {
            events.events = log_events::events(log, |time| self.spans.frame.shifted(time));
            events.dropped_count = u32::try_from(log.dropped).unwrap_or(u32::MAX);
        }
        let links = read.map_or_else(|| self.named_in(log).links(), ApplicationTraces::links);
        let around = Bounds { end: around.end.or(self.spans.frame.snapshot), ..around };
        let Some((lines, last_line)) = log_span::bounds(log) else { return };
        let bounds = lines.inside(around);
        // Who wants no lines gets what they lead to.
        let last_line = (is_event || is_record).then_some(last_line);
        let attributes = attributes::log(&self.life.task, container)
            .flag(semconv::CLOCK_ADJUSTED, bounds != lines)
            .text(semconv::LOG_LAST_LINE, last_line);
        let selection = log_span::selection(lines, &attributes, &events, &links);
        let container = ids::container_path(container.name());
        self.push(NewSpan {
            span_id: self.span_id(&ids::log_path(&container, &selection)),
            name: semconv::LOG_SPAN.into(),
            parent: Some(self.span_id(&container)),
            bounds,
            around: Some(around),
            // As its container, without which it is not made.
            is_final: true,
            attributes: attributes.text(semconv::LOG_SELECTION, Some(&selection)),
            events,
            links,
            failure: None,
        });
    }

    /// The applications' traces that a log names.
    fn named_in(&self, log: &ContainerLog) -> ApplicationTraces {
        let mut traces = ApplicationTraces::new(self.spans.frame.own_traces(&self.life.task.id));
        traces.read_log(Some(log));
        traces
    }

    /// Makes the span; `false`: it may still change, so it waits.
    fn push(&mut self, new: NewSpan<'_>) -> bool {
        let name = new.name.clone();
        let is_made = self.spans.push(new);
        if !is_made {
            self.pending.push(name.into_owned());
        }
        is_made
    }
}

fn estimated(is: bool) -> Option<&'static str> {
    is.then_some(BoundSource::Estimated.name())
}
