//! In which trace, under which parent and at which times spans and log records lie. Main type: [`Frame`].

use opentelemetry::trace::{SpanContext, TraceId};

use super::options::{Mode, ParentPolicy, TraceOptions};
use super::{caller, ids};
use crate::model::phases::Phases;
use crate::model::{AsOf, TaskLife, Time};

/// What all spans and log records of a task, or all spans of a deployment, share.
#[derive(Clone, Debug)]
pub(super) struct Frame {
    /// The trace that the own id leads to.
    pub(super) own_trace_id: TraceId,
    /// The caller, when the root becomes its child.
    pub(super) parent: Option<SpanContext>,
    /// The caller, when it is only linked to.
    pub(super) linked: Option<SpanContext>,
    /// When open spans end, in a snapshot.
    pub(super) snapshot: Option<Time>,
    /// How far a rebased copy is shifted, in nanoseconds.
    shift: i128,
}

impl Frame {
    pub(super) fn new(life: &TaskLife, options: &TraceOptions) -> Self {
        let id = &life.task.id;
        let caller = match &options.parent {
            ParentPolicy::Explicit(span) => Some(span.clone()),
            ParentPolicy::FromTask | ParentPolicy::Link => caller::of_task(&life.task),
        };
        let caller_is_parent = options.mode == Mode::AppendOnly && options.parent != ParentPolicy::Link;
        let (parent, linked) = adopted(caller, caller_is_parent);
        let mode = match (options.mode, life.as_of) {
            // A saved task is known up to when it was saved.
            (Mode::Snapshot(_), AsOf::Saved(at)) => Mode::Snapshot(at),
            (mode, _) => mode,
        };
        let (own_trace_id, shift) = match mode {
            Mode::AppendOnly => (ids::trace_id(id), 0),
            Mode::Snapshot(now) => (ids::derived_trace_id(id, "snapshot", now.unix_nanos()), 0),
            Mode::Rebase(now) => {
                let last = life.phases.as_ref().and_then(last_time).unwrap_or(now);
                let shift = i128::from(now.unix_nanos()) - i128::from(last.unix_nanos());
                (ids::derived_trace_id(id, "rebase", now.unix_nanos()), shift)
            }
        };
        Self { own_trace_id, parent, linked, snapshot: snapshot(mode), shift }
    }

    /// Of a deployment, which only an explicit parent adopts; a copy of it is not rebased.
    pub(super) fn of_deployment(identity: &str, options: &TraceOptions) -> Self {
        let caller = match &options.parent {
            ParentPolicy::Explicit(span) => Some(span.clone()),
            ParentPolicy::FromTask | ParentPolicy::Link => None,
        };
        let snapshot = snapshot(options.mode);
        let (parent, linked) = adopted(caller, snapshot.is_none());
        let own_trace_id = match snapshot {
            None => ids::deployment_trace_id(identity),
            Some(now) => ids::deployment_snapshot_id(identity, now.unix_nanos()),
        };
        Self { own_trace_id, parent, linked, snapshot, shift: 0 }
    }

    /// The trace that the spans are in.
    pub(super) fn trace_id(&self) -> TraceId {
        self.parent.as_ref().map_or(self.own_trace_id, SpanContext::trace_id)
    }

    /// The traces that the task's spans and its caller's are in: of the task, not of its application.
    pub(super) fn own_traces(&self, task_id: &str) -> impl Iterator<Item = TraceId> {
        let callers = [&self.parent, &self.linked].into_iter().flatten().map(SpanContext::trace_id);
        [ids::trace_id(task_id), self.own_trace_id].into_iter().chain(callers)
    }

    pub(super) fn shifted(&self, time: Time) -> Time {
        let nanos = i128::from(time.unix_nanos()) + self.shift;
        Time::from_unix_nanos(u64::try_from(nanos.max(0)).unwrap_or(u64::MAX))
    }
}

const fn snapshot(mode: Mode) -> Option<Time> {
    match mode {
        Mode::Snapshot(now) => Some(now),
        Mode::AppendOnly | Mode::Rebase(_) => None,
    }
}

/// The caller as parent, or as what is only linked to: a parent that was not sampled was never stored, so a child of it would be an
/// orphan, and a copy is nobody's child.
fn adopted(caller: Option<SpanContext>, may_be_parent: bool) -> (Option<SpanContext>, Option<SpanContext>) {
    match caller {
        Some(caller) if may_be_parent && caller.is_sampled() => (Some(caller), None),
        other => (None, other),
    }
}

fn last_time(phases: &Phases) -> Option<Time> {
    phases.end.or_else(|| phases.moments.last().map(|moment| moment.time))
}
