//! Where traces go: from `--to` to something open and checked, before any other work. Main types: [`Target`] and
//! [`Destination`].

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use super::config::{ConfigError, OtlpConfig, Overrides, Protocol};
use super::encode::Format;
use super::endpoint::Endpoint;
use super::file::{DryRun, FileTransport};
use super::grpc::GrpcTransport;
use super::http::HttpTransport;
use super::pack::Limits;
use super::retry::Policy;
use super::tls::{TlsError, TlsMaterial};
use super::transport::Transport;

/// How many requests are under way at once.
const CONCURRENCY: usize = 4;

/// How long a request waits for more tasks to share it.
const LINGER: Duration = Duration::from_millis(200);

/// What `--to` names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// `otlp`: the endpoint that flags and environment say.
    Otlp,
    /// `file:PATH`: OTLP JSON, one request a line.
    File(PathBuf),
    /// `file:-`: the same on stdout.
    Stdout,
}

/// Not something that `--to` can name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{given:?} is no destination: neither otlp nor file:PATH")]
pub struct TargetError {
    given: String,
}

impl FromStr for Target {
    type Err = TargetError;

    fn from_str(given: &str) -> Result<Self, TargetError> {
        match (given, given.strip_prefix("file:")) {
            ("otlp", _) => Ok(Self::Otlp),
            (_, Some("-")) => Ok(Self::Stdout),
            (_, Some(path)) if !path.is_empty() => Ok(Self::File(path.into())),
            _ => Err(TargetError { given: given.to_owned() }),
        }
    }
}

/// Why a destination cannot be used. Found before any work.
#[derive(Debug, thiserror::Error)]
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
    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Config(error) => error.hint(),
            Self::Tls(_) => Some(
                "pem files are named by OTEL_EXPORTER_OTLP_CERTIFICATE, …_CLIENT_CERTIFICATE and …_CLIENT_KEY, or by \
                 --ca, --client-cert and --client-key"
                    .to_owned(),
            ),
            Self::Http { .. } | Self::Grpc { .. } | Self::File { .. } => None,
        }
    }

    /// Whether the command line or the environment is to blame, rather than the machine.
    pub const fn is_usage(&self) -> bool {
        matches!(self, Self::Config(_) | Self::Tls(_) | Self::Http { .. } | Self::Grpc { .. })
    }
}

/// Something open that traces can be delivered to.
pub struct Destination {
    pub(crate) name: String,
    pub(crate) dry_run: bool,
    pub(crate) limits: Limits,
    /// Requests under way at once.
    pub(crate) concurrency: usize,
    /// How long a request waits for more tasks; for ever, if nobody waits for it.
    pub(crate) linger: Option<Duration>,
    pub(crate) policy: Policy,
    pub(crate) transport: Arc<dyn Transport>,
}

impl fmt::Debug for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Destination").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Destination {
    /// Opens what `--to` names. Connects nowhere yet, but reads the files of TLS and opens the file to be written.
    ///
    /// Must be called in a tokio runtime.
    pub fn open(
        target: &Target,
        overrides: &Overrides,
        env: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Self, OpenError> {
        match target {
            Target::Otlp => Self::otlp(&OtlpConfig::resolve(overrides, env)?),
            Target::Stdout => Ok(Self::lines("file:-".to_owned(), FileTransport::stdout())),
            Target::File(path) => {
                let file = FileTransport::create(path);
                let file = file.map_err(|source| OpenError::File { path: path.clone(), source })?;
                Ok(Self::lines(file_name(path), file))
            }
        }
    }

    /// What would be sent, and nothing sent: settings are checked as ever, files are left alone.
    ///
    /// Must be called in a tokio runtime.
    pub fn dry_run(
        target: &Target,
        overrides: &Overrides,
        env: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Self, OpenError> {
        let real = match target {
            Target::File(path) => Self::lines(file_name(path), DryRun(Format::Json)),
            Target::Otlp | Target::Stdout => Self::open(target, overrides, env)?,
        };
        let transport = Arc::new(DryRun(real.transport.format()));
        Ok(Self { dry_run: true, linger: None, transport, ..real })
    }

    /// An OTLP endpoint. Must be called in a tokio runtime.
    pub fn otlp(config: &OtlpConfig) -> Result<Self, OpenError> {
        let endpoint = &config.endpoint;
        let tls = TlsMaterial::load(&config.tls)?;
        let transport: Arc<dyn Transport> = match endpoint.protocol() {
            Protocol::Grpc => {
                let grpc = GrpcTransport::new(config, tls);
                Arc::new(grpc.map_err(|source| OpenError::Grpc { endpoint: endpoint.clone(), source })?)
            }
            Protocol::HttpProtobuf | Protocol::HttpJson => {
                let http = HttpTransport::new(config, tls).map_err(Box::new);
                Arc::new(http.map_err(|source| OpenError::Http { endpoint: endpoint.clone(), source })?)
            }
        };
        let policy = Policy::new(config.timeout, config.deadline);
        let name = format!("{endpoint} ({})", endpoint.protocol());
        Ok(Self { concurrency: CONCURRENCY, linger: Some(LINGER), policy, ..Self::over(name, transport) })
    }

    fn lines(name: String, transport: impl Transport + 'static) -> Self {
        Self::over(name, Arc::new(transport))
    }

    /// Any transport: one request at a time, each as full as can be.
    pub fn over(name: String, transport: Arc<dyn Transport>) -> Self {
        let policy = Policy::new(Duration::from_secs(10), Duration::from_secs(60));
        let limits = Limits::default();
        Self { name, dry_run: false, limits, concurrency: 1, linger: None, policy, transport }
    }

    /// What it is called in reports, secrets masked.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Other limits than those that every receiver keeps.
    #[must_use]
    pub const fn with_limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }
}

fn file_name(path: &Path) -> String {
    format!("file:{}", path.display())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn targets() {
        assert_eq!("otlp".parse(), Ok(Target::Otlp));
        assert_eq!("file:-".parse(), Ok(Target::Stdout));
        assert_eq!("file:a:b".parse(), Ok(Target::File("a:b".into())));
        for given in ["", "file:", "OTLP", "file", "out.json"] {
            let error = given.parse::<Target>().unwrap_err().to_string();
            assert_eq!(error, format!("{given:?} is no destination: neither otlp nor file:PATH"));
        }
    }

    #[tokio::test]
    async fn what_is_misconfigured_is_known_before_any_work() {
        let folder = tempfile::tempdir().unwrap();
        let missing = folder.path().join("missing.pem");
        let open = |overrides: &Overrides| Destination::open(&Target::Otlp, overrides, &|_| None);
        for endpoint in ["https://localhost:4317", "https://localhost:4318"] {
            let endpoint = Some(endpoint.to_owned());
            let error = open(&Overrides { endpoint, ca: Some(missing.clone()), ..Overrides::default() }).unwrap_err();
            assert!(matches!(&error, OpenError::Tls(_)), "{error}");
            assert!(error.is_usage() && error.hint().unwrap().contains("OTEL_EXPORTER_OTLP_CERTIFICATE"));
        }
        let endpoint = Some("localhost".to_owned());
        assert!(matches!(open(&Overrides { endpoint, ..Overrides::default() }), Err(OpenError::Config(_))));
        let target = Target::File(folder.path().to_owned());
        let error = Destination::open(&target, &Overrides::default(), &|_| None).unwrap_err();
        assert!(matches!(&error, OpenError::File { .. }) && !error.is_usage(), "{error}");
    }

    #[tokio::test]
    async fn a_dry_run_checks_settings_and_touches_no_file() {
        let folder = tempfile::tempdir().unwrap();
        let target = Target::File(folder.path().join("out.jsonl"));
        let destination = Destination::dry_run(&target, &Overrides::default(), &|_| None).unwrap();
        assert!(destination.dry_run);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
        let overrides = Overrides { protocol: Some("x".to_owned()), ..Overrides::default() };
        assert!(Destination::dry_run(&Target::Otlp, &overrides, &|_| None).is_err());
    }
}
