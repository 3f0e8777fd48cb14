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
//! ```
//! use ecspan::model::{TaskLife, Time, merge};
//! use ecspan::source::files;
//! use ecspan::trace::{TaskTrace, TraceOptions};
//!
//! let answer = br#"{ "tasks": [{
//!     "taskArn": "arn:aws:ecs:eu-west-1:123456789012:task/prod/84b5991528504856a2f003b7da9b2b82",
//!     "lastStatus": "STOPPED", "createdAt": "2026-11-20T10:00:00Z", "startedAt": "2026-11-20T10:00:12Z",
//!     "stoppedAt": "2026-11-20T10:05:00Z"
//! }] }"#;
//! let (mut tasks, unclaimed) = merge::by_task(files::read_bytes("answer.json", answer)?.observations);
//! assert!(unclaimed.is_empty());
//! let now = Time::from_unix_millis(1_795_435_200_000).unwrap();
//! let life = TaskLife::new(tasks.remove(0), now, 128);
//! let trace = TaskTrace::new(&life, &TraceOptions::default());
//! assert_eq!(trace.trace_id.to_string(), "84b5991528504856a2f003b7da9b2b82");
//! let names: Vec<&str> = trace.spans.iter().map(|span| &*span.name).collect();
//! assert_eq!(names[..2], ["task 84b5991528504856a2f003b7da9b2b82", "provisioning"]);
//! # Ok::<(), ecspan::source::error::ReadError>(())
//! ```
//!
//! Without features it is the core: [`model`], [`trace`], [`render`] and the readers of [`source`]. `deliver` adds [`sink`], and
//! [`run`] with what the other features have: `aws`, `docker`, `lambda`; `cli` is the program. `Cargo.toml` says what needs what.

// docs.rs tells beside each item which feature it needs.
#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(feature = "deliver")]
mod defect;
mod hint;
#[cfg(feature = "deliver")]
mod layers;
pub mod model;
mod percent;
#[cfg(feature = "deliver")]
mod proxy;
mod quote;
pub mod render;
#[cfg(feature = "deliver")]
pub mod run;
#[cfg(test)]
mod schema;
#[cfg(feature = "deliver")]
mod secrets;
#[cfg(feature = "deliver")]
pub mod sink;
pub mod source;
pub mod trace;

pub use hint::Hint;
#[cfg(feature = "deliver")]
pub use proxy::{Proxies, Proxy, ProxyError};
