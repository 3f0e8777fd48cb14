//! Where and how to send: flags over `OTEL_EXPORTER_OTLP_*`, with the meaning that the OpenTelemetry specification and
//! `opentelemetry-otlp` give them. Main type: [`OtlpConfig`]. Reads the environment only through a function it is given.
//!
//! | variable (`…TRACES_…` outranks) | is |
//! |---|---|
//! | `OTEL_EXPORTER_OTLP_ENDPOINT` | base URL; over HTTP `/v1/traces` is appended |
//! | `OTEL_EXPORTER_OTLP_TRACES_ENDPOINT` | the URL as it is |
//! | `…_PROTOCOL` | `grpc`, `http/protobuf`, `http/json` |
//! | `…_HEADERS` | `name=value,name=value`, percent-encoded |
//! | `…_COMPRESSION` | `gzip` or `none` |
//! | `…_TIMEOUT` | of one attempt, in milliseconds |
//! | `…_INSECURE` | `true`: gRPC without TLS where the endpoint has no scheme |
//! | `…_CERTIFICATE` | PEM file of the authorities to trust |
//! | `…_CLIENT_CERTIFICATE`, `…_CLIENT_KEY` | PEM files of the client's certificate and its key |

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use http::{HeaderName, HeaderValue, Uri};

/// The port on which receivers speak gRPC.
const GRPC_PORT: u16 = 4317;
const DEFAULT_ENDPOINT: &str = "http://localhost:4318";
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(10);
const DEFAULT_DEADLINE: Duration = Duration::from_secs(60);
const TRACES_PATH: &str = "v1/traces";

/// The protocol of an exporter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// gRPC.
    Grpc,
    /// HTTP with protocol buffers.
    HttpProtobuf,
    /// HTTP with JSON.
    HttpJson,
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Grpc => opentelemetry_otlp::OTEL_EXPORTER_OTLP_PROTOCOL_GRPC,
            Self::HttpProtobuf => opentelemetry_otlp::OTEL_EXPORTER_OTLP_PROTOCOL_HTTP_PROTOBUF,
            Self::HttpJson => opentelemetry_otlp::OTEL_EXPORTER_OTLP_PROTOCOL_HTTP_JSON,
        })
    }
}

/// What was typed; each outranks its variable.
#[derive(Clone, Debug, Default)]
pub struct Overrides {
    /// Base URL.
    pub endpoint: Option<String>,
    /// Protocol name.
    pub protocol: Option<String>,
    /// `name=value` each, as they are.
    pub headers: Vec<String>,
    /// `gzip` or `none`.
    pub compression: Option<String>,
    /// Of one attempt.
    pub timeout: Option<Duration>,
    /// Of all attempts at one request.
    pub deadline: Option<Duration>,
    /// PEM file of the authorities to trust.
    pub ca: Option<PathBuf>,
    /// PEM file of the client's certificate.
    pub client_certificate: Option<PathBuf>,
    /// PEM file of its key.
    pub client_key: Option<PathBuf>,
}

/// Where and how to send.
#[derive(Clone)]
pub struct OtlpConfig {
    /// The protocol.
    pub protocol: Protocol,
    /// The whole URL that requests go to (gRPC: the server).
    pub url: Uri,
    /// Headers of each request. Their values may be secrets.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// Whether requests are compressed.
    pub gzip: bool,
    /// Of one attempt.
    pub timeout: Duration,
    /// Of all attempts at one request.
    pub deadline: Duration,
    /// PEM file of the authorities to trust.
    pub ca: Option<PathBuf>,
    /// PEM files of the client's certificate and its key.
    pub client: Option<(PathBuf, PathBuf)>,
}

impl fmt::Debug for OtlpConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} to {}", self.protocol, self.shown())
    }
}

/// What is wrong with the configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A value that makes no sense.
    #[error("{name}: {problem}")]
    Invalid {
        /// The flag or the variable.
        name: String,
        /// What is wrong; never quotes a header's value.
        problem: String,
    },
    /// A file that cannot be used.
    #[error("failed to read {path}: {problem}")]
    File {
        /// The file.
        path: String,
        /// Why.
        problem: String,
    },
}

impl OtlpConfig {
    /// Puts together what was typed and what the environment says.
    pub fn resolve(typed: &Overrides, env: &dyn Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let env = Env(env);
        let given =
            typed.protocol.clone().map(|value| ("--protocol".to_owned(), value)).or_else(|| env.setting("PROTOCOL"));
        let protocol = given.map(parse_protocol).transpose()?;
        let (url, protocol) = endpoint(typed, &env, protocol)?;
        let gzip = typed
            .compression
            .clone()
            .map(|value| ("--compression".to_owned(), value))
            .or_else(|| env.setting("COMPRESSION"));
        let ca = typed.ca.clone().or_else(|| env.setting("CERTIFICATE").map(|(_, path)| path.into()));
        let certificate =
            typed.client_certificate.clone().or_else(|| env.setting("CLIENT_CERTIFICATE").map(|(_, path)| path.into()));
        let key = typed.client_key.clone().or_else(|| env.setting("CLIENT_KEY").map(|(_, path)| path.into()));
        let client = match (certificate, key) {
            (Some(certificate), Some(key)) => Some((certificate, key)),
            (None, None) => None,
            _ => return Err(invalid("--client-cert and --client-key", "one needs the other")),
        };
        let timeout = match typed.timeout {
            Some(timeout) => timeout,
            None => env.setting("TIMEOUT").map(parse_millis).transpose()?.unwrap_or(DEFAULT_TIMEOUT),
        };
        Ok(Self {
            protocol,
            url,
            headers: headers(typed, &env)?,
            gzip: gzip.map(parse_gzip).transpose()?.unwrap_or(false),
            timeout,
            deadline: typed.deadline.unwrap_or(DEFAULT_DEADLINE),
            ca,
            client,
        })
    }

    /// The URL as it may be shown: what can hold a secret is left out.
    pub fn shown(&self) -> String {
        let scheme = self.url.scheme_str().unwrap_or("http");
        let host = self.url.authority().map_or("", |authority| authority.as_str());
        let host = host.rsplit('@').next().unwrap_or(host);
        let path = if self.protocol == Protocol::Grpc { "" } else { self.url.path() };
        let query = if self.url.query().is_some() { "?…" } else { "" };
        format!("{scheme}://{host}{path}{query}")
    }
}

struct Env<'a>(&'a dyn Fn(&str) -> Option<String>);

impl Env<'_> {
    fn get(&self, name: &str) -> Option<String> {
        (self.0)(name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty())
    }

    /// `OTEL_EXPORTER_OTLP_TRACES_X`, else `OTEL_EXPORTER_OTLP_X`, with the name that it was found under.
    fn setting(&self, name: &str) -> Option<(String, String)> {
        let names = [format!("OTEL_EXPORTER_OTLP_TRACES_{name}"), format!("OTEL_EXPORTER_OTLP_{name}")];
        names.into_iter().find_map(|name| self.get(&name).map(|value| (name, value)))
    }
}

fn invalid(name: impl Into<String>, problem: impl Into<String>) -> ConfigError {
    ConfigError::Invalid { name: name.into(), problem: problem.into() }
}

fn parse_protocol((name, value): (String, String)) -> Result<Protocol, ConfigError> {
    match value.as_str() {
        opentelemetry_otlp::OTEL_EXPORTER_OTLP_PROTOCOL_GRPC => Ok(Protocol::Grpc),
        opentelemetry_otlp::OTEL_EXPORTER_OTLP_PROTOCOL_HTTP_PROTOBUF => Ok(Protocol::HttpProtobuf),
        opentelemetry_otlp::OTEL_EXPORTER_OTLP_PROTOCOL_HTTP_JSON => Ok(Protocol::HttpJson),
        _ => Err(invalid(name, format!("{value:?} is not one of grpc, http/protobuf, http/json"))),
    }
}

fn parse_gzip((name, value): (String, String)) -> Result<bool, ConfigError> {
    match value.as_str() {
        "gzip" => Ok(true),
        "none" => Ok(false),
        _ => Err(invalid(name, format!("{value:?} is not one of gzip, none"))),
    }
}

fn parse_millis((name, value): (String, String)) -> Result<Duration, ConfigError> {
    let millis = value.parse().ok().filter(|&millis: &u64| millis > 0);
    millis.map(Duration::from_millis).ok_or_else(|| invalid(name, format!("{value:?} is not a number of milliseconds")))
}

/// The URL that requests go to, and the protocol that follows from it where none is named.
fn endpoint(typed: &Overrides, env: &Env<'_>, protocol: Option<Protocol>) -> Result<(Uri, Protocol), ConfigError> {
    let general = |name: &str, value: String| (name.to_owned(), value, false);
    let (name, value, is_whole) = typed
        .endpoint
        .clone()
        .map(|value| general("--endpoint", value))
        .or_else(|| {
            env.get(opentelemetry_otlp::OTEL_EXPORTER_OTLP_TRACES_ENDPOINT)
                .map(|value| (opentelemetry_otlp::OTEL_EXPORTER_OTLP_TRACES_ENDPOINT.to_owned(), value, true))
        })
        .or_else(|| {
            env.get(opentelemetry_otlp::OTEL_EXPORTER_OTLP_ENDPOINT)
                .map(|value| general(opentelemetry_otlp::OTEL_EXPORTER_OTLP_ENDPOINT, value))
        })
        .unwrap_or_else(|| {
            let default = if protocol == Some(Protocol::Grpc) { "http://localhost:4317" } else { DEFAULT_ENDPOINT };
            general("the default endpoint", default.to_owned())
        });
    let insecure = env.setting("INSECURE").is_some_and(|(_, value)| value.eq_ignore_ascii_case("true"));
    let whole = if value.contains("://") {
        value
    } else {
        format!("{}://{value}", if insecure || is_local(&value) { "http" } else { "https" })
    };
    let uri: Uri = whole.parse().map_err(|_| invalid(&name, "is no URL; expected http://HOST:PORT"))?;
    if !matches!(uri.scheme_str(), Some("http" | "https")) || uri.host().is_none_or(str::is_empty) {
        return Err(invalid(&name, "is no http:// or https:// URL"));
    }
    let by_port = if uri.port_u16() == Some(GRPC_PORT) { Protocol::Grpc } else { Protocol::HttpProtobuf };
    let protocol = protocol.unwrap_or(by_port);
    if is_whole || protocol == Protocol::Grpc {
        return Ok((uri, protocol));
    }
    let query = uri.query().map_or(String::new(), |query| format!("?{query}"));
    let authority = uri.authority().map_or("", |authority| authority.as_str());
    let path = format!("{}/{TRACES_PATH}", uri.path().trim_end_matches('/'));
    // Some write the whole URL into the general variable: what they mean is plain.
    let path = path.replace("/v1/traces/v1/traces", "/v1/traces");
    let url = format!("{}://{authority}{path}{query}", uri.scheme_str().unwrap_or("http"));
    Ok((url.parse().map_err(|_| invalid(&name, "is no URL"))?, protocol))
}

fn is_local(host: &str) -> bool {
    host.starts_with("localhost") || host.starts_with("127.") || host.starts_with("[::1]")
}

fn headers(typed: &Overrides, env: &Env<'_>) -> Result<Vec<(HeaderName, HeaderValue)>, ConfigError> {
    let mut headers = vec![];
    let mut add = |source: &str, pair: &str, encoded: bool| {
        // Never quotes the value.
        let (name, value) = pair.split_once('=').ok_or_else(|| invalid(source, "a header is NAME=VALUE"))?;
        let name: HeaderName =
            name.trim().parse().map_err(|_| invalid(source, "a header's name has characters that it cannot have"))?;
        let value = if encoded { percent_decoded(value.trim()) } else { value.trim().to_owned() };
        let mut value: HeaderValue = value
            .parse()
            .map_err(|_| invalid(source, format!("the value of header {name} has characters that it cannot have")))?;
        value.set_sensitive(true);
        headers.retain(|(known, _)| *known != name);
        headers.push((name, value));
        Ok(())
    };
    // Of the general and the traces' own headers both count; the traces' own outrank.
    for name in [opentelemetry_otlp::OTEL_EXPORTER_OTLP_HEADERS, opentelemetry_otlp::OTEL_EXPORTER_OTLP_TRACES_HEADERS]
    {
        let value = env.get(name).unwrap_or_default();
        for pair in value.split(',').filter(|pair| !pair.trim().is_empty()) {
            add(name, pair, true)?;
        }
    }
    for pair in &typed.headers {
        add("--header", pair, false)?;
    }
    Ok(headers)
}

fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let hex = tail.get(..2).filter(|_| *first == b'%').and_then(|hex| std::str::from_utf8(hex).ok());
        match hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = tail.get(2..).unwrap_or_default();
            }
            None => {
                bytes.push(*first);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// A PEM file's bytes.
pub(super) fn read_pem(path: &std::path::Path) -> Result<Vec<u8>, ConfigError> {
    let shown = path.display().to_string();
    let pem =
        std::fs::read(path).map_err(|error| ConfigError::File { path: shown.clone(), problem: error.to_string() })?;
    let is_pem = pem.windows(11).any(|window| window == b"-----BEGIN ");
    if !is_pem {
        return Err(ConfigError::File { path: shown, problem: "it is no PEM file".to_owned() });
    }
    Ok(pem)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolved(typed: &Overrides, pairs: &[(&str, &str)]) -> Result<OtlpConfig, ConfigError> {
        OtlpConfig::resolve(typed, &|name| {
            pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
        })
    }

    fn url(pairs: &[(&str, &str)]) -> (String, Protocol) {
        let config = resolved(&Overrides::default(), pairs).expect("valid");
        (config.url.to_string(), config.protocol)
    }

    #[test]
    fn endpoints_mean_what_the_specification_says() {
        use Protocol::{Grpc, HttpJson, HttpProtobuf};
        const GENERAL: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";
        const OWN: &str = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT";
        const PROTOCOL: &str = "OTEL_EXPORTER_OTLP_PROTOCOL";
        for (pairs, expected, protocol) in [
            (&[][..], "http://localhost:4318/v1/traces", HttpProtobuf),
            (&[(PROTOCOL, "grpc")], "http://localhost:4317/", Grpc),
            (&[(GENERAL, "http://c:4318")], "http://c:4318/v1/traces", HttpProtobuf),
            (&[(GENERAL, "http://c:4318/otlp/")], "http://c:4318/otlp/v1/traces", HttpProtobuf),
            (&[(GENERAL, "http://c:4317")], "http://c:4317/", Grpc),
            (&[(GENERAL, "http://c:4317"), (PROTOCOL, "http/json")], "http://c:4317/v1/traces", HttpJson),
            (&[(GENERAL, "http://c:1"), (OWN, "https://t/x?k=v")], "https://t/x?k=v", HttpProtobuf),
            (&[(GENERAL, "c:4317")], "https://c:4317/", Grpc),
            (&[(GENERAL, "c:4317"), ("OTEL_EXPORTER_OTLP_INSECURE", "true")], "http://c:4317/", Grpc),
            (&[(GENERAL, "")], "http://localhost:4318/v1/traces", HttpProtobuf),
            (
                &[(PROTOCOL, "grpc"), ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "http/json")],
                "http://localhost:4318/v1/traces",
                HttpJson,
            ),
        ] {
            assert_eq!(url(pairs), (expected.to_owned(), protocol), "{pairs:?}");
        }
    }

    #[test]
    fn a_wrong_value_is_an_error_that_names_its_variable_and_no_secret() {
        for (name, value) in [
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "thrift"),
            ("OTEL_EXPORTER_OTLP_TRACES_COMPRESSION", "zstd"),
            ("OTEL_EXPORTER_OTLP_TIMEOUT", "10s"),
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "ftp://x"),
            ("OTEL_EXPORTER_OTLP_HEADERS", "hunter2"),
            ("OTEL_EXPORTER_OTLP_HEADERS", "api-key=hunter2%0a"),
        ] {
            let error = resolved(&Overrides::default(), &[(name, value)]).expect_err(value).to_string();
            assert!(error.starts_with(name), "{error}");
            assert!(!error.contains("hunter2"), "{error}");
        }
    }

    #[test]
    fn headers_are_decoded_and_the_more_special_one_wins() {
        let pairs =
            [("OTEL_EXPORTER_OTLP_HEADERS", "api-key=a%20b, x=1"), ("OTEL_EXPORTER_OTLP_TRACES_HEADERS", "x=2")];
        let typed = Overrides { headers: vec!["y=a%20b".to_owned()], ..Default::default() };
        let config = resolved(&typed, &pairs).expect("valid");
        let shown: Vec<(&str, &str)> =
            config.headers.iter().map(|(name, value)| (name.as_str(), value.to_str().unwrap_or_default())).collect();
        assert_eq!(shown, [("api-key", "a b"), ("x", "2"), ("y", "a%20b")]);
        assert!(!format!("{config:?}").contains("a b"));
    }

    #[test]
    fn what_a_url_may_hide_is_not_shown() {
        let config = resolved(
            &Overrides::default(),
            &[("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "https://user:hunter2@host/x?token=hunter2")],
        );
        assert_eq!(config.expect("valid").shown(), "https://host/x?…");
    }
}
