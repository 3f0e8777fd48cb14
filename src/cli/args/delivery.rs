//! How receivers are reached, of every command that delivers. Main type: [`DeliveryArgs`].

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::duration;

/// What a command that delivers takes, whatever it delivers. `--to` is each command's own: it says what goes there.
#[derive(Args, Clone, Debug)]
pub(crate) struct DeliveryArgs {
    /// Where requests are kept that a receiver did not accept (default: ecspan/undelivered in the state directory); none: nowhere
    #[arg(long, value_name = "DIR|none")]
    pub(crate) undelivered: Option<String>,
    #[command(flatten)]
    pub(crate) otlp: OtlpArgs,
}

/// The OTLP exporter's settings; every `OTEL_EXPORTER_OTLP_*` variable is honoured beneath them.
#[derive(Args, Clone, Debug)]
pub(crate) struct OtlpArgs {
    /// URL of the receiver (as OTEL_EXPORTER_OTLP_ENDPOINT; default http://localhost:4318)
    #[arg(long, value_name = "URL", help_heading = "OTLP")]
    pub(crate) endpoint: Option<String>,
    /// grpc, http/protobuf or http/json (default: grpc on port 4317, else http/protobuf)
    #[arg(long, value_name = "PROTOCOL", help_heading = "OTLP")]
    pub(crate) protocol: Option<String>,
    /// Header of each request, an API key for example
    #[arg(long, value_name = "NAME=VALUE", help_heading = "OTLP")]
    pub(crate) header: Vec<String>,
    /// gzip or none
    #[arg(long, value_name = "HOW", help_heading = "OTLP")]
    pub(crate) compression: Option<String>,
    /// Time for one attempt: 10s
    #[arg(long, value_name = "DURATION", value_parser = duration, help_heading = "OTLP")]
    pub(crate) timeout: Option<Duration>,
    /// Time for all attempts at one request
    #[arg(long, value_name = "DURATION", value_parser = duration, default_value = "60s", env = "ECSPAN_DEADLINE", help_heading = "OTLP")]
    pub(crate) deadline: Duration,
    /// PEM file of the authorities that sign the receiver's certificate
    #[arg(long, value_name = "FILE", help_heading = "OTLP")]
    pub(crate) ca: Option<PathBuf>,
    /// PEM file of the client certificate
    #[arg(long, value_name = "FILE", help_heading = "OTLP")]
    pub(crate) client_cert: Option<PathBuf>,
    /// PEM file of the client certificate's key
    #[arg(long, value_name = "FILE", help_heading = "OTLP")]
    pub(crate) client_key: Option<PathBuf>,
}

impl OtlpArgs {
    /// A flag that was typed and says how a receiver is reached.
    pub(crate) fn of_receiver(&self) -> Option<&'static str> {
        let Self { endpoint, protocol, header, compression, timeout: _, deadline: _, ca, client_cert, client_key } =
            self;
        let typed = [
            ("--endpoint", endpoint.is_some()),
            ("--protocol", protocol.is_some()),
            ("--header", !header.is_empty()),
            ("--compression", compression.is_some()),
            ("--ca", ca.is_some()),
            ("--client-cert", client_cert.is_some()),
            ("--client-key", client_key.is_some()),
        ];
        typed.into_iter().find_map(|(flag, is_typed)| is_typed.then_some(flag))
    }
}
