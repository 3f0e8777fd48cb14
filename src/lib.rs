//! ecspan turns every Amazon ECS task into an OpenTelemetry trace.
//!
//! ```text
//! source            model              trace              sink / render
//! files, ECS API ─► Observation ─►     SpanData +    ─►   OTLP gRPC, HTTP; X-Ray; OTLP JSON lines
//! CloudWatch Logs   TaskLife           Resource           terminal waterfall, timeline
//! agent, Docker
//! ```
//!
//! One direction; [`model`] and [`trace`] are pure. A [`TaskLife`](model::TaskLife) is made from observations, a
//! [`TaskTrace`](trace::TaskTrace) from a life, and any OpenTelemetry `SpanExporter` can send it.

pub mod model;
pub mod render;
pub mod run;
pub mod sink;
pub mod source;
pub mod trace;
