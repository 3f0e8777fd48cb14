//! What is sent: a [`TaskTrace`] of OpenTelemetry SDK types, made from a [`TaskLife`](crate::model::TaskLife).
//!
//! Pure: no I/O, no clock, no environment. The mapping is documented in `docs/mapping.md`.

mod attributes;
pub mod caller;
pub mod deployment;
mod frame;
pub mod ids;
pub(crate) mod line_ids;
mod links;
mod log_events;
mod log_span;
mod mapping;
mod options;
#[cfg(feature = "deliver")]
mod records;
pub(crate) mod semconv;
mod service;
mod span;

pub use line_ids::NamedTrace;
pub use links::ApplicationTraces;
pub use mapping::TaskTrace;
pub use options::{Mode, ParentPolicy, TraceOptions};
#[cfg(feature = "deliver")]
pub use records::{RecordMaker, TaskRecords};
pub use service::{OtelService, ServiceName};
