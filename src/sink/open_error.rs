//! Why a destination cannot be opened. Main type: [`OpenError`].

use std::path::PathBuf;

use crate::hint::Hint;
use crate::sink::config::ConfigError;
use crate::sink::config::endpoint::Endpoint;
use crate::sink::config::tls::TlsError;
use crate::sink::deliver::undelivered::MeantFor;

/// Why a destination cannot be used. Found before any work.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// A setting makes no sense.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A file for TLS is none.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The HTTP client refuses the settings.
    #[error("failed to set up the http client for {endpoint}: {source}")]
    Http {
        /// Where requests were to go.
        endpoint: Endpoint,
        /// What the client said.
        source: Box<reqwest::Error>,
    },
    /// The gRPC client refuses the settings.
    #[error("failed to set up the grpc client for {endpoint}: {source}")]
    Grpc {
        /// Where requests were to go.
        endpoint: Endpoint,
        /// What the client said.
        source: tonic::transport::Error,
    },
    /// X-Ray needs them.
    #[error("no AWS settings to reach X-Ray with")]
    NoAws,
    /// X-Ray's endpoint depends on it.
    #[error("no AWS region is set, and X-Ray needs one")]
    NoRegion,
    /// Nothing to sign with.
    #[error("no AWS credentials are configured, and X-Ray needs them")]
    NoCredentials,
    /// Where a saved request was to go is not known well enough.
    #[error("saved for {} ({}), which cannot be sent to as it stands", meant_for.endpoint, meant_for.protocol)]
    Meant {
        /// Where.
        meant_for: MeantFor,
    },
    /// The file cannot be written.
    #[error("failed to open {} for writing: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}

impl OpenError {
    /// Whether the command line or the environment is to blame, rather than the machine.
    pub const fn is_usage(&self) -> bool {
        !matches!(self, Self::File { .. } | Self::NoCredentials)
    }
}

impl Hint for OpenError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Config(error) => error.hint(),
            Self::Tls(_) => Some(
                "pem files are named by OTEL_EXPORTER_OTLP_CERTIFICATE, …_CLIENT_CERTIFICATE and …_CLIENT_KEY, or by \
                 --ca, --client-cert and --client-key"
                    .to_owned(),
            ),
            Self::Meant { .. } => Some("its secrets were not saved: name the receiver with --endpoint".to_owned()),
            Self::NoRegion => Some("--to xray:REGION, --region or AWS_REGION".to_owned()),
            Self::NoCredentials => Some("set AWS_PROFILE or AWS_ACCESS_KEY_ID, or run `aws sso login`".to_owned()),
            Self::Http { .. } | Self::Grpc { .. } | Self::File { .. } | Self::NoAws => None,
        }
    }
}
