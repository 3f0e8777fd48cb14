//! What can be chosen about traces. Main type: [`TraceOptions`].

use opentelemetry::trace::SpanContext;

use super::service::ServiceName;
use crate::model::Time;

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
