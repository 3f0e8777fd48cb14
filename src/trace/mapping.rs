//! From a task's life to its spans. Main type: [`TaskTrace`].

use opentelemetry::trace::{SpanContext, TraceId};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SpanData;

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
    /// The caller is only linked to.
    Link,
}

/// How lives are mapped.
#[derive(Clone, Debug, Default)]
pub struct TraceOptions {
    /// Which spans are made.
    pub mode: Mode,
    /// What becomes of a caller.
    pub parent: ParentPolicy,
    /// `service.name` instead of the ECS service or family.
    pub service_name: Option<String>,
    /// Resource attributes that outrank all others (`--attr`).
    pub attributes: Vec<(String, String)>,
    /// Resource attributes that every other outranks (`OTEL_RESOURCE_ATTRIBUTES`).
    pub base_attributes: Vec<(String, String)>,
    /// Also the containers that ECS adds.
    pub all_containers: bool,
    /// Without log events.
    pub no_logs: bool,
}

/// A task as OpenTelemetry has it: one resource and its spans.
#[derive(Clone, Debug)]
pub struct TaskTrace {
    /// The task's id, as written.
    pub task_id: String,
    /// What to call the task in reports: `CLUSTER/ID` where the cluster is known.
    pub label: String,
    /// The trace that the task's id leads to.
    pub trace_id: TraceId,
    /// The caller's trace, when the spans are in that one.
    pub caller_trace_id: Option<TraceId>,
    /// The resource that all spans share.
    pub resource: Resource,
    /// The spans; each parent before its children.
    pub spans: Vec<SpanData>,
    /// The spans that exist but are not final yet and were not made.
    pub pending: Vec<String>,
    /// The task's status, as ECS gives it.
    pub status: String,
    /// Log lines that are not among the events.
    pub dropped_log_lines: u64,
}

impl TaskTrace {
    /// Maps a life. A life without any time has no spans, and nothing pending.
    pub fn new(_life: &TaskLife, _options: &TraceOptions) -> Self {
        todo!()
    }
}
