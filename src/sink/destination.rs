//! Where traces go: from `--to` to something open and checked, before any other work. Main types: [`Target`] and
//! [`Destination`].

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use super::open_error::OpenError;
use super::reason::Reason;
use super::signal::Signal;
use crate::sink::config::endpoint::Endpoint;
use crate::sink::config::tls::TlsMaterial;
use crate::sink::config::{OtlpConfig, Overrides, Protocol};
use crate::sink::deliver::retry::Policy;
use crate::sink::deliver::undelivered::{Keeper, MeantFor, Undelivered};
use crate::sink::file::{DryRun, FileTransport};
use crate::sink::otlp::encode::{Format, Request};
use crate::sink::otlp::pack::Limits;
use crate::sink::request::grpc::GrpcTransport;
use crate::sink::request::http::HttpTransport;
use crate::sink::request::outgoing::HasLeft;
use crate::sink::request::transport::{self, Answer, Transport};
use crate::sink::request::xray::{self, Signer, XrayAccess, XrayConfig};

/// How many requests are under way at once.
const CONCURRENCY: usize = 4;

/// How long a request waits for more tasks to share it.
const LINGER: Duration = Duration::from_millis(200);

/// What stdout is called.
const STDOUT: &str = "file:-";

/// What `--to` names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// `otlp`: the endpoint that flags and environment say.
    Otlp,
    /// `xray` or `xray:REGION`: the OTLP endpoint of AWS X-Ray.
    Xray(Option<String>),
    /// `file:PATH`: OTLP JSON, one request a line.
    File(PathBuf),
    /// `file:-`: the same on stdout.
    Stdout,
}

/// Not something that `--to` can name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{given:?} is no destination: neither otlp nor xray[:REGION] nor file:PATH")]
pub struct TargetError {
    given: String,
}

impl FromStr for Target {
    type Err = TargetError;

    fn from_str(given: &str) -> Result<Self, TargetError> {
        match (given, given.strip_prefix("file:")) {
            ("otlp", _) => Ok(Self::Otlp),
            ("xray", _) => Ok(Self::Xray(None)),
            (xray, _) if xray.starts_with("xray:") && xray.len() > 5 => {
                Ok(Self::Xray(given.strip_prefix("xray:").map(str::to_owned)))
            }
            (_, Some("-")) => Ok(Self::Stdout),
            (_, Some(path)) if !path.is_empty() => Ok(Self::File(path.into())),
            _ => Err(TargetError { given: given.to_owned() }),
        }
    }
}

/// Something open that traces can be delivered to.
pub struct Destination {
    pub(crate) name: String,
    /// What it takes.
    pub(crate) signal: Signal,
    pub(crate) dry_run: bool,
    pub(crate) limits: Limits,
    /// Requests under way at once.
    pub(crate) concurrency: usize,
    /// How long a request waits for more tasks; for ever, if nobody waits for it.
    pub(crate) linger: Option<Duration>,
    pub(crate) policy: Policy,
    pub(crate) transport: Arc<dyn Transport>,
    /// Saves what is not accepted.
    pub(crate) keeper: Option<Keeper>,
    /// Where requests are to go, for whoever sends them again; a file is nowhere to send to.
    pub(crate) meant_for: Option<MeantFor>,
    /// Of X-Ray, whose console links to traces.
    pub(crate) xray_region: Option<String>,
}

/// Where the settings of a destination come from.
#[derive(Clone, Copy)]
pub struct Settings<'a> {
    /// The command line.
    pub overrides: &'a Overrides,
    /// The environment beneath it.
    pub env: &'a dyn Fn(&str) -> Option<String>,
    /// AWS, for X-Ray only.
    pub aws: Option<&'a XrayAccess>,
}

impl<'a> Settings<'a> {
    /// Settings of whoever has nothing to do with AWS.
    pub const fn new(overrides: &'a Overrides, env: &'a dyn Fn(&str) -> Option<String>) -> Self {
        Self { overrides, env, aws: None }
    }
}

impl fmt::Debug for Settings<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings").field("overrides", self.overrides).finish_non_exhaustive()
    }
}

fn http(config: &OtlpConfig, tls: TlsMaterial, signer: Option<Signer>) -> Result<HttpTransport, OpenError> {
    let http = HttpTransport::new(config, tls, signer).map_err(Box::new);
    http.map_err(|source| OpenError::Http { endpoint: config.endpoint.clone(), source })
}

impl fmt::Debug for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Destination").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Destination {
    /// Opens what `--to` names for a signal. Connects nowhere yet, but reads the files of TLS and opens the file to be
    /// written.
    ///
    /// Must be called in a tokio runtime.
    pub fn open(target: &Target, signal: Signal, settings: &Settings<'_>) -> Result<Self, OpenError> {
        match target {
            Target::Otlp => Self::otlp(&OtlpConfig::resolve(signal, settings.overrides, settings.env)?),
            Target::Xray(region) => {
                let aws = settings.aws.ok_or(OpenError::NoAws)?;
                Self::xray(&XrayConfig::resolve(region.as_deref(), aws, settings.overrides, settings.env)?)
            }
            Target::Stdout => {
                let stdout = FileTransport::stdout();
                let stdout = stdout.map_err(|source| OpenError::File { path: "stdout".into(), source })?;
                Ok(Self::lines(STDOUT.to_owned(), signal, stdout))
            }
            Target::File(path) => {
                let file = FileTransport::create(path);
                let file = file.map_err(|source| OpenError::File { path: path.clone(), source })?;
                Ok(Self::lines(file_name(path), signal, file))
            }
        }
    }

    /// The same, for a run without an end: a file is written to its end, line by line.
    ///
    /// Must be called in a tokio runtime.
    pub fn appending(target: &Target, signal: Signal, settings: &Settings<'_>) -> Result<Self, OpenError> {
        let Target::File(path) = target else { return Self::open(target, signal, settings) };
        let file = FileTransport::append(path).map_err(|source| OpenError::File { path: path.clone(), source })?;
        Ok(Self::lines(file_name(path), signal, file))
    }

    /// What would be sent, and nothing sent: settings are checked as ever, files are left alone.
    ///
    /// Must be called in a tokio runtime.
    pub fn dry_run(target: &Target, signal: Signal, settings: &Settings<'_>) -> Result<Self, OpenError> {
        let real = match target {
            Target::File(path) => Self::lines(file_name(path), signal, DryRun(Format::Json)),
            Target::Stdout => Self::lines(STDOUT.to_owned(), signal, DryRun(Format::Json)),
            Target::Otlp | Target::Xray(_) => Self::open(target, signal, settings)?,
        };
        Ok(real.dry())
    }

    /// The same, but nothing is sent.
    #[must_use]
    pub fn dry(self) -> Self {
        let transport = Arc::new(DryRun(self.transport.format()));
        Self { dry_run: true, linger: None, transport, ..self }
    }

    /// The same, but a request waits for as long as it takes for more tasks to share it: each is as full as can be.
    #[must_use]
    pub fn unhurried(self) -> Self {
        Self { linger: None, ..self }
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
            Protocol::HttpProtobuf | Protocol::HttpJson => Arc::new(http(config, tls, None)?),
        };
        let name = format!("{endpoint} ({})", endpoint.protocol());
        Ok(Self::endpoint(name, "otlp".to_owned(), config, transport))
    }

    /// AWS X-Ray. Must be called in a tokio runtime.
    pub fn xray(config: &XrayConfig) -> Result<Self, OpenError> {
        let XrayConfig { otlp, region, signer } = config;
        let transport = http(otlp, TlsMaterial::load(&otlp.tls)?, Some(signer.clone()))?;
        let name = format!("X-Ray in {region}, {}", otlp.endpoint);
        let destination = Self::endpoint(name, format!("xray:{region}"), otlp, Arc::new(transport));
        Ok(Self { limits: xray::LIMITS, xray_region: Some(region.clone()), ..destination })
    }

    /// Where a saved request was to go: settings are those of now, but for the endpoint and the protocol.
    ///
    /// Must be called in a tokio runtime.
    pub fn meant(meant_for: &MeantFor, signal: Signal, settings: &Settings<'_>) -> Result<Self, OpenError> {
        let MeantFor { to, endpoint, protocol } = meant_for;
        let unusable = || OpenError::Meant { meant_for: meant_for.clone() };
        let target: Target = to.parse().map_err(|_| unusable())?;
        let url = Endpoint::saved(endpoint, protocol).ok_or_else(unusable)?;
        // Another protocol may be what was wrong the first time.
        let (is_other, protocol) = match &settings.overrides.protocol {
            Some(other) => (other != protocol, other),
            None => (false, protocol),
        };
        let overrides = Overrides {
            endpoint: Some(endpoint.clone()),
            protocol: Some(protocol.clone()),
            ..settings.overrides.clone()
        };
        match target {
            Target::Otlp => {
                let config = OtlpConfig::resolve(signal, &overrides, settings.env)?;
                Self::otlp(&if is_other { config } else { OtlpConfig { endpoint: url, ..config } })
            }
            Target::Xray(_) => Self::open(&target, signal, &Settings { overrides: &overrides, ..*settings }),
            Target::File(_) | Target::Stdout => Err(unusable()),
        }
    }

    /// The same, of a request that failed since its receiver may have wanted another protocol: the receiver is asked which one it
    /// speaks. With it, where that is another than the saved one.
    ///
    /// Must be called in a tokio runtime.
    pub(crate) async fn meant_in_doubt(
        meant_for: &MeantFor,
        signal: Signal,
        settings: &Settings<'_>,
    ) -> Result<(Self, Option<Protocol>), OpenError> {
        let saved = Self::meant(meant_for, signal, settings)?;
        let is_known = settings.overrides.protocol.is_some() || meant_for.to != "otlp";
        if is_known {
            return Ok((saved, None));
        }
        // Once may be chance: what speaks the protocol breaks off now and then, too.
        for _ in 0..2 {
            match saved.probe().await {
                Err(reason) if reason.puts_protocol_in_doubt() => {}
                Ok(_) | Err(_) => return Ok((saved, None)),
            }
        }
        for protocol in Protocol::ALL.into_iter().filter(|protocol| protocol.name() != meant_for.protocol) {
            let overrides = Overrides { protocol: Some(protocol.name().to_owned()), ..settings.overrides.clone() };
            let other = Self::meant(meant_for, signal, &Settings { overrides: &overrides, ..*settings })?;
            if other.probe().await.is_ok() {
                return Ok((other, Some(protocol)));
            }
        }
        Ok((saved, None))
    }

    fn endpoint(name: String, to: String, config: &OtlpConfig, transport: Arc<dyn Transport>) -> Self {
        let endpoint = &config.endpoint;
        let meant_for =
            MeantFor { to, endpoint: endpoint.to_string(), protocol: endpoint.protocol().name().to_owned() };
        Self {
            signal: config.signal,
            concurrency: CONCURRENCY,
            linger: Some(LINGER),
            policy: Policy::new(config.timeout, config.deadline),
            meant_for: Some(meant_for),
            ..Self::over(name, transport)
        }
    }

    /// The same place for another signal: for files, which take lines of any.
    #[must_use]
    pub fn also_for(&self, signal: Signal) -> Self {
        Self {
            name: self.name.clone(),
            signal,
            policy: self.policy.clone(),
            transport: self.transport.clone(),
            keeper: self.keeper.clone(),
            meant_for: self.meant_for.clone(),
            xray_region: self.xray_region.clone(),
            ..*self
        }
    }

    /// Sends an empty request, once: whether somebody is there who understands it.
    ///
    /// What it says besides, which mostly is nothing.
    pub async fn probe(&self) -> Result<String, Reason> {
        let body = Request::default().encode(self.transport.format());
        let answer = tokio::time::timeout(
            self.policy.timeout,
            transport::attempt(self.transport.as_ref(), body, HasLeft::default()),
        )
        .await;
        match answer {
            Ok(Answer::Accepted { message, .. }) => Ok(message),
            Ok(
                Answer::Retry { reason, .. }
                | Answer::Refused { reason, .. }
                | Answer::Doubtful { reason }
                | Answer::Unknown { reason },
            ) => Err(reason),
            Err(_) => Err(Reason::NoAnswer { after: self.policy.timeout, proxy: self.transport.proxy() }),
        }
    }

    /// What is not accepted is saved here. (What a file does not take is not: it is nowhere to send it to.)
    #[must_use]
    pub fn keeping(mut self, folder: &Undelivered) -> Self {
        let keeper = |meant_for: MeantFor| Keeper { folder: folder.clone(), meant_for };
        self.keeper = self.meant_for.clone().filter(|_| !self.dry_run).map(keeper);
        self
    }

    fn lines(name: String, signal: Signal, transport: impl Transport + 'static) -> Self {
        Self { signal, ..Self::over(name, Arc::new(transport)) }
    }

    /// Any transport: one request at a time, each as full as can be.
    pub fn over(name: String, transport: Arc<dyn Transport>) -> Self {
        let policy = Policy::new(Duration::from_secs(10), Duration::from_secs(60));
        Self {
            name,
            signal: Signal::default(),
            dry_run: false,
            limits: Limits::default(),
            concurrency: 1,
            linger: None,
            policy,
            transport,
            keeper: None,
            meant_for: None,
            xray_region: None,
        }
    }

    /// What it is called in reports, secrets masked.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it takes.
    pub const fn signal(&self) -> Signal {
        self.signal
    }

    /// Other limits than those that every receiver keeps.
    #[cfg(test)]
    pub(crate) const fn with_limits(mut self, limits: Limits) -> Self {
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
    use crate::hint::Hint;

    fn settings(overrides: &Overrides) -> Settings<'_> {
        Settings::new(overrides, &|_| None)
    }

    #[test]
    fn targets() {
        assert_eq!("otlp".parse(), Ok(Target::Otlp));
        assert_eq!("file:-".parse(), Ok(Target::Stdout));
        assert_eq!("file:a:b".parse(), Ok(Target::File("a:b".into())));
        for given in ["", "file:", "OTLP", "file", "out.json", "xray:"] {
            let error = given.parse::<Target>().unwrap_err().to_string();
            assert_eq!(error, format!("{given:?} is no destination: neither otlp nor xray[:REGION] nor file:PATH"));
        }
    }

    #[tokio::test]
    async fn what_is_misconfigured_is_known_before_any_work() {
        let folder = tempfile::tempdir().unwrap();
        let missing = folder.path().join("missing.pem");
        let open = |overrides: &Overrides| Destination::open(&Target::Otlp, Signal::Traces, &settings(overrides));
        for endpoint in ["https://localhost:4317", "https://localhost:4318"] {
            let endpoint = Some(endpoint.to_owned());
            let error = open(&Overrides { endpoint, ca: Some(missing.clone()), ..Overrides::default() }).unwrap_err();
            assert!(matches!(&error, OpenError::Tls(_)), "{error}");
            assert!(error.is_usage() && error.hint().unwrap().contains("OTEL_EXPORTER_OTLP_CERTIFICATE"));
        }
        let endpoint = Some("localhost".to_owned());
        assert!(matches!(open(&Overrides { endpoint, ..Overrides::default() }), Err(OpenError::Config(_))));
        let target = Target::File(folder.path().to_owned());
        let error = Destination::open(&target, Signal::Traces, &settings(&Overrides::default())).unwrap_err();
        assert!(matches!(&error, OpenError::File { .. }) && !error.is_usage(), "{error}");
    }

    #[tokio::test]
    async fn a_dry_run_checks_settings_and_touches_no_file() {
        let folder = tempfile::tempdir().unwrap();
        let target = Target::File(folder.path().join("out.jsonl"));
        let destination = Destination::dry_run(&target, Signal::Traces, &settings(&Overrides::default())).unwrap();
        assert!(destination.dry_run);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
        let overrides = Overrides { protocol: Some("x".to_owned()), ..Overrides::default() };
        assert!(Destination::dry_run(&Target::Otlp, Signal::Traces, &settings(&overrides)).is_err());
    }
}
