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
//! [`TaskTrace`](trace::TaskTrace) from a life, and any OpenTelemetry `SpanExporter` can send it. The engines above both are in [`run`].
//!
//! Without features it is the core: [`model`], [`trace`], [`render`] and the readers of [`source`]. `deliver` adds [`sink`], and
//! [`run`] with what the other features have: `aws`, `docker`, `lambda`; `cli` is the program. `Cargo.toml` says what needs what.

pub mod model;
pub mod render;
#[cfg(feature = "deliver")]
pub mod run;
#[cfg(feature = "deliver")]
pub mod sink;
pub mod source;
pub mod trace;
