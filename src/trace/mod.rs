//! What is sent: a [`TaskTrace`] of OpenTelemetry SDK types, made from a [`TaskLife`](crate::model::TaskLife).
//!
//! Pure: no I/O, no clock, no environment. The mapping is documented in `docs/mapping.md`.

pub mod ids;
pub mod mapping;
pub mod semconv;

pub use mapping::{Mode, ParentPolicy, TaskTrace, TraceOptions};
