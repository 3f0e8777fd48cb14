//! The OTLP exporter's configuration, from flags and environment variables. Pure: the environment is an argument, and
//! files are only named here. Main type: [`OtlpConfig`].
//!
//! Names and meaning are those of the OpenTelemetry specification and of the `opentelemetry-otlp` crate. For each
//! setting the flag outranks the signal's variable, which outranks the general one; an empty variable is an unset one.
//!
//! | `OTEL_EXPORTER_OTLP_…` and `OTEL_EXPORTER_OTLP_TRACES_…` (for log records `…_LOGS_…`, for ecspan's own metrics `…_METRICS_…`) | flag | value | default |
//! |---|---|---|---|
//! | `ENDPOINT` | `--endpoint` | URL; over HTTP `/v1/traces` (`/v1/logs`, `/v1/metrics`) is added to the general one and to the flag's, gRPC ignores a path | `http://localhost:4318`, for gRPC `…:4317` |
//! | `PROTOCOL` | `--protocol` | `grpc`, `http/protobuf`, `http/json` | `grpc` if the endpoint's port is 4317, else `http/protobuf` |
//! | `HEADERS` | `--header` | `k=v,k=v`, percent-encoded; the flag's one pair as typed | none |
//! | `COMPRESSION` | `--compression` | `gzip`, `none` | `none` |
//! | `TIMEOUT` | `--timeout` | milliseconds for one attempt | 10000 |
//! | `INSECURE` | – | `true`, `false`: whether a gRPC endpoint without scheme means `http://` | `false` |
//! | `CERTIFICATE` | `--ca` | PEM file of the authorities to trust instead of the system's | the system's |
//! | `CLIENT_CERTIFICATE` | `--client-cert` | PEM file | none |
//! | `CLIENT_KEY` | `--client-key` | PEM file | none |
//!
//! `--deadline` (60 s) bounds all attempts at one request and has no variable.

pub(super) mod endpoint;
pub(super) mod headers;
pub(super) mod tls;

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use opentelemetry_otlp as otlp;
use reqwest::Url;

use self::endpoint::Endpoint;
use self::headers::{HeaderProblem, Headers};
use crate::hint::Hint;
use crate::proxy::{Proxies, Proxy, ProxyError};
use crate::sink::signal::Signal;

/// How long all attempts at one request may take, unless told otherwise.
pub(super) const DEFAULT_DEADLINE: Duration = Duration::from_secs(60);

/// A setting's names: the flag, the variables of the signals, the general variable.
struct Names {
    flag: &'static str,
    traces: &'static str,
    logs: &'static str,
    metrics: &'static str,
    general: &'static str,
}

impl Names {
    const fn of(&self, signal: Signal) -> &'static str {
        match signal {
            Signal::Traces => self.traces,
            Signal::Logs => self.logs,
            Signal::Metrics => self.metrics,
        }
    }
}

const ENDPOINT: Names = Names {
    flag: "--endpoint",
    traces: otlp::OTEL_EXPORTER_OTLP_TRACES_ENDPOINT,
    logs: otlp::OTEL_EXPORTER_OTLP_LOGS_ENDPOINT,
    metrics: otlp::OTEL_EXPORTER_OTLP_METRICS_ENDPOINT,
    general: otlp::OTEL_EXPORTER_OTLP_ENDPOINT,
};
const PROTOCOL: Names = Names {
    flag: "--protocol",
    traces: otlp::OTEL_EXPORTER_OTLP_TRACES_PROTOCOL,
    logs: otlp::OTEL_EXPORTER_OTLP_LOGS_PROTOCOL,
    metrics: otlp::OTEL_EXPORTER_OTLP_METRICS_PROTOCOL,
    general: otlp::OTEL_EXPORTER_OTLP_PROTOCOL,
};
const HEADERS: Names = Names {
    flag: "--header",
    traces: otlp::OTEL_EXPORTER_OTLP_TRACES_HEADERS,
    logs: otlp::OTEL_EXPORTER_OTLP_LOGS_HEADERS,
    metrics: otlp::OTEL_EXPORTER_OTLP_METRICS_HEADERS,
    general: otlp::OTEL_EXPORTER_OTLP_HEADERS,
};
const COMPRESSION: Names = Names {
    flag: "--compression",
    traces: otlp::OTEL_EXPORTER_OTLP_TRACES_COMPRESSION,
    logs: otlp::OTEL_EXPORTER_OTLP_LOGS_COMPRESSION,
    metrics: otlp::OTEL_EXPORTER_OTLP_METRICS_COMPRESSION,
    general: otlp::OTEL_EXPORTER_OTLP_COMPRESSION,
};
const TIMEOUT: Names = Names {
    flag: "--timeout",
    traces: otlp::OTEL_EXPORTER_OTLP_TRACES_TIMEOUT,
    logs: otlp::OTEL_EXPORTER_OTLP_LOGS_TIMEOUT,
    metrics: otlp::OTEL_EXPORTER_OTLP_METRICS_TIMEOUT,
    general: otlp::OTEL_EXPORTER_OTLP_TIMEOUT,
};
const INSECURE: Names = Names {
    flag: "",
    traces: otlp::OTEL_EXPORTER_OTLP_TRACES_INSECURE,
    logs: otlp::OTEL_EXPORTER_OTLP_LOGS_INSECURE,
    metrics: otlp::OTEL_EXPORTER_OTLP_METRICS_INSECURE,
    general: otlp::OTEL_EXPORTER_OTLP_INSECURE,
};
// The crate has no names for these three, which the specification has.
const CERTIFICATE: Names = Names {
    flag: "--ca",
    traces: "OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE",
    logs: "OTEL_EXPORTER_OTLP_LOGS_CERTIFICATE",
    metrics: "OTEL_EXPORTER_OTLP_METRICS_CERTIFICATE",
    general: "OTEL_EXPORTER_OTLP_CERTIFICATE",
};
const CLIENT_CERTIFICATE: Names = Names {
    flag: "--client-cert",
    traces: "OTEL_EXPORTER_OTLP_TRACES_CLIENT_CERTIFICATE",
    logs: "OTEL_EXPORTER_OTLP_LOGS_CLIENT_CERTIFICATE",
    metrics: "OTEL_EXPORTER_OTLP_METRICS_CLIENT_CERTIFICATE",
    general: "OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE",
};
const CLIENT_KEY: Names = Names {
    flag: "--client-key",
    traces: "OTEL_EXPORTER_OTLP_TRACES_CLIENT_KEY",
    logs: "OTEL_EXPORTER_OTLP_LOGS_CLIENT_KEY",
    metrics: "OTEL_EXPORTER_OTLP_METRICS_CLIENT_KEY",
    general: "OTEL_EXPORTER_OTLP_CLIENT_KEY",
};

/// An OTLP transport and encoding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// gRPC.
    Grpc,
    /// Protobuf over HTTP/1.1.
    HttpProtobuf,
    /// JSON over HTTP/1.1.
    HttpJson,
}

impl Protocol {
    /// Its name in configuration.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Grpc => otlp::OTEL_EXPORTER_OTLP_PROTOCOL_GRPC,
            Self::HttpProtobuf => otlp::OTEL_EXPORTER_OTLP_PROTOCOL_HTTP_PROTOBUF,
            Self::HttpJson => otlp::OTEL_EXPORTER_OTLP_PROTOCOL_HTTP_JSON,
        }
    }

    /// All of them.
    pub(crate) const ALL: [Self; 3] = [Self::Grpc, Self::HttpProtobuf, Self::HttpJson];

    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|protocol| protocol.name() == name)
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What the command line says; it outranks the environment. `Debug` leaves the headers out.
#[derive(Clone, Default)]
pub struct Overrides {
    /// `--endpoint`.
    pub endpoint: Option<String>,
    /// `--protocol`.
    pub protocol: Option<String>,
    /// `--header`, each `k=v`.
    pub headers: Vec<String>,
    /// `--compression`.
    pub compression: Option<String>,
    /// `--timeout`.
    pub timeout: Option<Duration>,
    /// `--deadline`.
    pub deadline: Option<Duration>,
    /// `--ca`.
    pub ca: Option<PathBuf>,
    /// `--client-cert`.
    pub client_certificate: Option<PathBuf>,
    /// `--client-key`.
    pub client_key: Option<PathBuf>,
}

impl fmt::Debug for Overrides {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Overrides").field("protocol", &self.protocol).finish_non_exhaustive()
    }
}

/// The files that TLS needs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TlsFiles {
    /// The authorities to trust, instead of the system's.
    pub ca: Option<PathBuf>,
    /// The client's certificate and its key.
    pub client: Option<(PathBuf, PathBuf)>,
}

/// The whole configuration of one OTLP destination.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OtlpConfig {
    /// What is sent there.
    pub signal: Signal,
    /// Where to, and how.
    pub endpoint: Endpoint,
    /// Headers of each request.
    pub headers: Headers,
    /// Whether bodies are compressed with gzip.
    pub gzip: bool,
    /// Time for one attempt.
    pub timeout: Duration,
    /// Time for all attempts at one request.
    pub deadline: Duration,
    /// Files for TLS.
    pub tls: TlsFiles,
    /// The proxy on the way.
    pub proxy: Option<Proxy>,
}

/// A setting that makes no sense. Never shows a header or a part of a URL.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// Not a URL.
    #[error("{setting} is not a url: {why}")]
    Url {
        /// The flag or variable.
        setting: &'static str,
        /// What the parser said.
        why: String,
    },
    /// Not `http` or `https`.
    #[error("{setting} must begin with http:// or https://")]
    Scheme {
        /// The flag or variable.
        setting: &'static str,
    },
    /// gRPC has no place for it.
    #[error("{setting} holds a user name or a password, which grpc does not send")]
    UserInfo {
        /// The flag or variable.
        setting: &'static str,
    },
    /// Not one of the values that there are.
    #[error("{setting} is {value:?}, which is none of {expected}")]
    Choice {
        /// The flag or variable.
        setting: &'static str,
        /// What was given.
        value: String,
        /// What may be given.
        expected: &'static str,
    },
    /// Not a time that can be waited.
    #[error("{setting} is {value:?}, which is no time above zero in {unit}")]
    Time {
        /// The flag or variable.
        setting: &'static str,
        /// What was given.
        value: String,
        /// What it counts.
        unit: &'static str,
    },
    /// Not a header.
    #[error("header {position} of {setting} {problem}")]
    Header {
        /// The flag or variable.
        setting: &'static str,
        /// Which one, from 1.
        position: usize,
        /// What is wrong with it.
        problem: HeaderProblem,
    },
    /// A certificate without a key, or the reverse.
    #[error("{setting} is set, but neither {flag} nor {variable} is")]
    Half {
        /// The flag or variable that is set.
        setting: &'static str,
        /// The flag that is missing.
        flag: &'static str,
        /// Or the variable.
        variable: &'static str,
    },
    /// gRPC's own form of a socket's name.
    #[error("{setting} names a Unix socket, and ecspan sends to http:// and https:// only")]
    Socket {
        /// The flag or variable.
        setting: &'static str,
    },
    /// What is said of proxies makes no sense.
    #[error(transparent)]
    Proxy(#[from] ProxyError),
}

impl Hint for ConfigError {
    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Url { .. } | Self::Scheme { .. } => "write http://host:4318, or http://host:4317 for grpc",
            Self::UserInfo { .. } => "send it as a header: OTEL_EXPORTER_OTLP_HEADERS or --header authorization=…",
            Self::Header { .. } => "headers are NAME=VALUE; a variable lists them with commas, percent-encoded",
            Self::Socket { .. } => "let the receiver listen at a port too, and write http://localhost:4317",
            Self::Proxy(error) => return error.hint(),
            Self::Half { .. } => "a client certificate and its key go together",
            Self::Time { unit: "milliseconds", .. } => {
                "write a number of milliseconds without a unit: 10000 are ten seconds"
            }
            Self::Choice { .. } | Self::Time { .. } => return None,
        };
        Some(hint.to_owned())
    }
}

impl OtlpConfig {
    /// Resolves flags and environment for a signal.
    pub(crate) fn resolve(
        signal: Signal,
        overrides: &Overrides,
        env: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Self, ConfigError> {
        let proxies = Proxies::from_env(env);
        let env = Env { signal, get: env };
        let endpoint = resolve_endpoint(overrides, &env)?;
        Ok(Self {
            signal,
            proxy: resolve_proxy(&proxies, &endpoint)?,
            endpoint,
            headers: resolve_headers(overrides, &env)?,
            gzip: resolve_gzip(overrides, &env)?,
            timeout: resolve_timeout(overrides, &env)?,
            deadline: resolve_deadline(overrides)?,
            tls: resolve_tls(overrides, &env)?,
        })
    }
}

struct Env<'a> {
    signal: Signal,
    get: &'a dyn Fn(&str) -> Option<String>,
}

impl Env<'_> {
    /// The value that counts, and the name of what set it.
    fn get(&self, names: &Names, flag: Option<&str>) -> Option<(&'static str, String)> {
        let variable = |name: &'static str| Some((name, (self.get)(name).filter(|value| !value.is_empty())?));
        flag.map(|value| (names.flag, value.to_owned()))
            .or_else(|| variable(names.of(self.signal)))
            .or_else(|| variable(names.general))
    }
}

fn resolve_endpoint(overrides: &Overrides, env: &Env<'_>) -> Result<Endpoint, ConfigError> {
    let protocol = env
        .get(&PROTOCOL, overrides.protocol.as_deref())
        .map(|(setting, value)| {
            let expected = "grpc, http/protobuf, http/json";
            Protocol::named(&value).ok_or(ConfigError::Choice { setting, value, expected })
        })
        .transpose()?;
    let Some((setting, text)) = env.get(&ENDPOINT, overrides.endpoint.as_deref()) else {
        let protocol = protocol.unwrap_or(Protocol::HttpProtobuf);
        let port = if protocol == Protocol::Grpc { 4317 } else { 4318 };
        return endpoint_from(env.signal, ENDPOINT.general, &format!("http://localhost:{port}"), protocol);
    };
    if ["unix:", "unix-abstract:"].iter().any(|socket| text.starts_with(socket)) {
        return Err(ConfigError::Socket { setting });
    }
    let has_scheme = text.contains("://");
    let with_scheme = |scheme: &str| if has_scheme { text.clone() } else { format!("{scheme}://{text}") };
    let port = parsed(setting, &with_scheme("https"))?.port();
    let protocol = protocol.unwrap_or(if port == Some(4317) { Protocol::Grpc } else { Protocol::HttpProtobuf });
    if !has_scheme && protocol != Protocol::Grpc {
        return Err(ConfigError::Scheme { setting });
    }
    let scheme = if resolve_insecure(env)? { "http" } else { "https" };
    endpoint_from(env.signal, setting, &with_scheme(scheme), protocol)
}

fn resolve_proxy(proxies: &Proxies, endpoint: &Endpoint) -> Result<Option<Proxy>, ProxyError> {
    // A URL that is none for `http` is refused when the transport is opened.
    let Ok(url) = endpoint.url().as_str().parse() else { return Ok(None) };
    let proxy = proxies.to(&url)?;
    match proxy {
        Some(proxy) if endpoint.protocol() == Protocol::Grpc => proxy.for_tunnels().map(Some),
        proxy => Ok(proxy),
    }
}

fn endpoint_from(
    signal: Signal,
    setting: &'static str,
    text: &str,
    protocol: Protocol,
) -> Result<Endpoint, ConfigError> {
    let mut url = parsed(setting, text)?;
    if protocol == Protocol::Grpc {
        if !url.username().is_empty() || url.password().is_some() {
            return Err(ConfigError::UserInfo { setting });
        }
        url.set_path("");
        url.set_query(None);
    } else {
        // Whoever pastes the whole URL into the flag means it; the variable's meaning is the specification's.
        if setting == ENDPOINT.flag {
            endpoint::strip_signal_path(&mut url);
        }
        if setting != ENDPOINT.of(signal) {
            url = endpoint::with_path(url, signal);
        }
    }
    url.set_fragment(None);
    Ok(Endpoint::new(url, protocol))
}

fn parsed(setting: &'static str, text: &str) -> Result<Url, ConfigError> {
    let url = Url::parse(text).map_err(|error| {
        let why = match text.trim() {
            text if text.contains(['"', '\'']) => "the quotes are part of it".to_owned(),
            text if text.contains(char::is_whitespace) => "there is a space in it".to_owned(),
            _ => error.to_string(),
        };
        ConfigError::Url { setting, why }
    })?;
    match url.scheme() {
        "http" | "https" => Ok(url),
        _ => Err(ConfigError::Scheme { setting }),
    }
}

fn resolve_insecure(env: &Env<'_>) -> Result<bool, ConfigError> {
    let Some((setting, value)) = env.get(&INSECURE, None) else { return Ok(false) };
    match value.to_ascii_lowercase().as_str() {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err(ConfigError::Choice { setting, value, expected: "true, false" }),
    }
}

fn resolve_headers(overrides: &Overrides, env: &Env<'_>) -> Result<Headers, ConfigError> {
    let mut headers = Headers::default();
    // As in opentelemetry-otlp, the variable of traces replaces the general one; flags add to either.
    if let Some((setting, list)) = env.get(&HEADERS, None) {
        headers.add_list(setting, &list)?;
    }
    for (index, entry) in overrides.headers.iter().enumerate() {
        headers.add_flag(HEADERS.flag, index, entry)?;
    }
    Ok(headers)
}

fn resolve_gzip(overrides: &Overrides, env: &Env<'_>) -> Result<bool, ConfigError> {
    let Some((setting, value)) = env.get(&COMPRESSION, overrides.compression.as_deref()) else { return Ok(false) };
    match value.to_ascii_lowercase().as_str() {
        "gzip" => Ok(true),
        "none" => Ok(false),
        _ => Err(ConfigError::Choice { setting, value, expected: "gzip, none" }),
    }
}

fn resolve_timeout(overrides: &Overrides, env: &Env<'_>) -> Result<Duration, ConfigError> {
    if let Some(timeout) = overrides.timeout {
        return above_zero(TIMEOUT.flag, timeout);
    }
    let Some((setting, value)) = env.get(&TIMEOUT, None) else { return Ok(otlp::OTEL_EXPORTER_OTLP_TIMEOUT_DEFAULT) };
    match value.trim().parse() {
        Ok(millis) if millis > 0 => Ok(Duration::from_millis(millis)),
        _ => Err(ConfigError::Time { setting, value, unit: "milliseconds" }),
    }
}

fn resolve_deadline(overrides: &Overrides) -> Result<Duration, ConfigError> {
    overrides.deadline.map_or(Ok(DEFAULT_DEADLINE), |deadline| above_zero("--deadline", deadline))
}

fn above_zero(setting: &'static str, time: Duration) -> Result<Duration, ConfigError> {
    if time.is_zero() {
        return Err(ConfigError::Time { setting, value: "0".to_owned(), unit: "seconds" });
    }
    Ok(time)
}

fn resolve_tls(overrides: &Overrides, env: &Env<'_>) -> Result<TlsFiles, ConfigError> {
    let file = |names: &Names, flag: Option<&PathBuf>| match flag {
        Some(path) => Some((names.flag, path.clone())),
        None => env.get(names, None).map(|(setting, path)| (setting, PathBuf::from(path))),
    };
    let ca = file(&CERTIFICATE, overrides.ca.as_ref()).map(|(_, path)| path);
    let cert = file(&CLIENT_CERTIFICATE, overrides.client_certificate.as_ref());
    let key = file(&CLIENT_KEY, overrides.client_key.as_ref());
    let half =
        |setting, missing: &Names| Err(ConfigError::Half { setting, flag: missing.flag, variable: missing.general });
    let client = match (cert, key) {
        (Some((_, cert)), Some((_, key))) => Some((cert, key)),
        (Some((setting, _)), None) => return half(setting, &CLIENT_KEY),
        (None, Some((setting, _))) => return half(setting, &CLIENT_CERTIFICATE),
        (None, None) => None,
    };
    Ok(TlsFiles { ca, client })
}

#[cfg(test)]
mod tests;
