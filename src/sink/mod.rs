//! Delivery: [`TaskTrace`](crate::trace::TaskTrace)s to OTLP endpoints and files, every span accepted or named.
//!
//! ```text
//! config ─► Destination ─┐
//! TaskTrace ─► otlp: encode, pack ─► deliver: retry ─► request: gRPC, HTTP, or file ─► deliver: DeliveryReport
//! ```
//!
//! [`Delivery`] runs it. Why requests are sent by this module and not by `opentelemetry-otlp`'s exporters:
//! `docs/adr/0001-own-otlp-transport.md`.

mod config;
mod deliver;
mod destination;
mod file;
mod open_error;
mod otlp;
mod reason;
mod request;
mod signal;
#[cfg(feature = "aws")]
mod webhook;

#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

pub use config::endpoint::Endpoint;
pub use config::headers::HeaderProblem;
pub use config::tls::TlsError;
pub use config::{ConfigError, Overrides, Protocol};
pub use deliver::acknowledged::{Ack, Acknowledged};
pub use deliver::delivery::{Delivery, Piece};
pub use deliver::fate::Lost;
pub use deliver::metrics::MetricsExporter;
pub use deliver::report::{DeliveryReport, DestinationReport, TASK_LINES, TaskLine, Trouble, Verdict};
pub(crate) use deliver::resend::{Resender, Then};
pub(crate) use deliver::undelivered::{Held, take_in_hand, waiting_in};
pub use deliver::undelivered::{LineError, MeantFor, Note, Undelivered, Waiting, read_waiting};
pub use destination::{Destination, Settings, Target, TargetError};
pub use file::{stdout, write_private};
pub use open_error::OpenError;
pub use otlp::encode::{Format, Request, resource_spans};
pub use reason::Reason;
pub use request::outgoing::HasLeft;
pub use request::transport::{Answer, TooLarge, Transport};
pub use request::xray::{SignRequest, XrayAccess, console_url, xray_trace_id};
pub use signal::Signal;
#[cfg(feature = "aws")]
pub use webhook::{Webhook, WebhookError};
