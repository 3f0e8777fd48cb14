//! Delivery: [`TaskTrace`](crate::trace::TaskTrace)s to OTLP endpoints and files, every span accepted or named.
//!
//! ```text
//! config ─► Destination ─┐
//! TaskTrace ─► encode ─► pack ─► retry ─► Transport (gRPC, HTTP, file) ─► Report
//! ```
//!
//! [`Delivery`] runs it. Why requests are sent by this module and not by `opentelemetry-otlp`'s exporters:
//! `docs/adr/0001-own-otlp-transport.md`.

mod answer;
mod config;
mod deliver;
mod destination;
mod encode;
mod endpoint;
mod file;
mod grpc;
mod headers;
mod http;
mod pack;
mod reason;
mod report;
mod retry;
mod tls;
mod transport;

#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

pub use config::{ConfigError, DEFAULT_DEADLINE, OtlpConfig, Overrides, Protocol, TlsFiles};
pub use deliver::Delivery;
pub use destination::{Destination, OpenError, Target, TargetError};
pub use encode::{Format, Request, resource_spans};
pub use endpoint::Endpoint;
pub use headers::{HeaderProblem, Headers};
pub use pack::Limits;
pub use reason::Reason;
pub use report::{DestinationReport, Lost, Report, TASK_LINES, TaskLine, Trouble, Verdict};
pub use tls::TlsError;
pub use transport::{Answer, TooLarge, Transport};
