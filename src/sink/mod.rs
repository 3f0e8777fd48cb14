//! Delivery: [`TaskTrace`](crate::trace::TaskTrace)s to OTLP endpoints and files, every span accepted or named.
//!
//! ```text
//! config ─► Destination ─┐
//! TaskTrace ─► encode ─► pack ─► retry ─► Transport (gRPC, HTTP, file) ─► Report
//! ```
//!
//! [`Delivery`] runs it. Why requests are sent by this module and not by `opentelemetry-otlp`'s exporters:
//! `docs/adr/0001-own-otlp-transport.md`.

mod acknowledged;
mod answer;
mod config;
mod deliver;
mod destination;
mod draft;
mod encode;
mod endpoint;
mod file;
mod foreign;
mod grpc;
mod headers;
mod hold;
mod http;
mod lane;
mod metrics;
mod outgoing;
mod overheard;
mod pack;
mod proxy;
mod reason;
mod report;
mod resend;
mod retry;
mod signal;
mod tls;
mod transport;
mod undelivered;
mod xray;

#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

pub use acknowledged::{Ack, Acknowledged};
pub use config::{ConfigError, DEFAULT_DEADLINE, OtlpConfig, Overrides, Protocol, TlsFiles};
pub use deliver::{Delivery, Piece};
pub use destination::{Destination, OpenError, Settings, Target, TargetError};
pub use encode::{Format, Request, resource_spans};
pub use endpoint::Endpoint;
pub use file::{stdout, write_private};
pub use headers::{HeaderProblem, Headers};
pub use metrics::MetricsExporter;
pub use outgoing::HasLeft;
pub use pack::{Limits, StartLimits};
pub use reason::Reason;
pub use report::{DestinationReport, Lost, Report, TASK_LINES, TaskLine, Trouble, Verdict};
pub use resend::{Resender, Then};
pub use signal::Signal;
pub use tls::TlsError;
pub use transport::{Answer, TooLarge, Transport};
pub(crate) use undelivered::{Held, take_in_hand, waiting_in};
pub use undelivered::{LineError, MeantFor, Note, Outcome, Undelivered, Waiting, read_waiting};
pub use xray::{SignRequest, XrayAccess, XrayConfig, console_url, xray_trace_id};
