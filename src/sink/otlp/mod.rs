//! What is sent: spans and log records as OTLP requests, no larger than a receiver takes. Sends nothing. Main types:
//! [`Request`](encode::Request), [`Packer`](pack::Packer).

pub(super) mod encode;
pub(super) mod pack;
