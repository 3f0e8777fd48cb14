//! Delivery: every span is accepted by the receiver, or named. Main types: [`Destination`], [`Report`].
//!
//! Spans are encoded once, cut into requests by exact size, and sent through one small contract ([`transport`]) by one
//! retry loop. Why not `opentelemetry-otlp`'s exporters: `docs/adr/0001-own-otlp-transport.md`.

pub mod config;
pub mod deliver;
pub mod encode;
pub mod file;
mod grpc;
mod http;
pub mod report;
mod retry;
pub mod transport;

pub use deliver::{Destination, deliver};
pub use report::{Report, Verdict};
