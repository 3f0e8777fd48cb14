//! OTLP over HTTP/1.1, protobuf or JSON. Main type: [`HttpTransport`].

use std::borrow::Cow;
use std::io::{self, Read, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::SystemTime;

use bytes::Bytes;
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use futures::FutureExt;
use futures::future::BoxFuture;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, LOCATION, RETRY_AFTER};
use reqwest::{Body, Client, ClientBuilder, Response, redirect};

use super::answer;
use super::outgoing::{HasLeft, Outgoing};
use super::proxy;
use super::transport::{Answer, Transport};
use super::xray::Signer;
use crate::layers::{innermost, io_kind};
use crate::proxy::Proxy;
use crate::secrets::{self, Secrets};
use crate::sink::config::endpoint::{Endpoint, masked};
use crate::sink::config::tls::{self, TlsMaterial};
use crate::sink::config::{OtlpConfig, Protocol};
use crate::sink::otlp::encode::Format;
use crate::sink::reason::Reason;
use crate::sink::signal::Signal;

/// What is read of an answer of success at most: what is larger is none of OTLP, whose clients read no more over gRPC either.
pub(crate) const ANSWER_BYTES: usize = 4 * 1024 * 1024;

/// What is read of another answer at most: its first words are told, and a web page must not fill memory.
pub(crate) const ERROR_BYTES: usize = 64 * 1024;

/// Sends over HTTP/1.1. One client for all requests: connections are kept.
pub(crate) struct HttpTransport {
    client: Client,
    endpoint: Endpoint,
    format: Format,
    headers: HeaderMap,
    gzip: bool,
    secrets: Secrets,
    /// Whether it ever answered: then it does speak HTTP, whatever else it says.
    has_answered: AtomicBool,
    proxy: Option<Proxy>,
    signal: Signal,
    /// Of X-Ray.
    signer: Option<Signer>,
}

/// A client that goes nowhere but where it is told to, through the proxy on the way.
pub(crate) fn client(proxy: Option<&Proxy>) -> Result<ClientBuilder, reqwest::Error> {
    let client = Client::builder()
        .user_agent(concat!("ecspan/", env!("CARGO_PKG_VERSION")))
        // Headers with credentials, and what people are told, go nowhere but to the endpoint.
        .redirect(redirect::Policy::none())
        // Repeats are the retry loop's, which counts them.
        .retry(reqwest::retry::never())
        // Which proxy there is was decided before: reqwest's own `NO_PROXY` is of names only.
        .no_proxy();
    let Some(proxy) = proxy else { return Ok(client) };
    let through = reqwest::Proxy::all(proxy.uri().to_string())?;
    Ok(client.proxy(match proxy.auth() {
        Some(auth) => through.custom_http_auth(auth.clone()),
        None => through,
    }))
}

impl HttpTransport {
    pub(crate) fn new(config: &OtlpConfig, tls: TlsMaterial, signer: Option<Signer>) -> Result<Self, reqwest::Error> {
        let format = if config.endpoint.protocol() == Protocol::HttpJson { Format::Json } else { Format::Protobuf };
        let mut client = client(config.proxy.as_ref())?.http1_only().connect_timeout(config.timeout / 2);
        if let Some(ca) = tls.ca {
            client = client.tls_certs_only(reqwest::Certificate::from_pem_bundle(&ca)?);
        }
        if let Some((cert, key)) = tls.client {
            client = client.identity(reqwest::Identity::from_pem(&tls::identity_pem(&cert, &key))?);
        }
        Ok(Self {
            client: client.build()?,
            endpoint: config.endpoint.clone(),
            format,
            headers: request_headers(config, format),
            gzip: config.gzip,
            secrets: Secrets::new(
                config
                    .headers
                    .secrets()
                    .chain(config.endpoint.secrets())
                    .chain(config.proxy.iter().flat_map(Proxy::secrets)),
            ),
            has_answered: AtomicBool::new(false),
            proxy: config.proxy.clone(),
            signal: config.signal,
            signer,
        })
    }

    async fn attempt(&self, body: Bytes, has_left: HasLeft) -> Answer {
        let body = if self.gzip { gzipped(&body) } else { body };
        let mut headers = self.headers.clone();
        let mut secrets = Cow::Borrowed(&self.secrets);
        if let Some(signer) = &self.signer {
            match signer.headers(self.endpoint.url().as_str(), &headers, &body).await {
                Ok(signature) => {
                    secrets = Cow::Owned(secrets.and(signed(&signature)));
                    headers.extend(signature);
                }
                Err(reason) => return Answer::refused(reason),
            }
        }
        let request = self.client.post(self.endpoint.url().clone()).headers(headers);
        let request = request.body(Body::wrap(Outgoing::new(body, has_left.clone())));
        let (content_type, answer) = match request.send().await {
            Ok(response) => (content_type(&response), self.read(response, &secrets).await),
            Err(error) => (String::new(), self.failed(&error, &has_left)),
        };
        proxy::judged(self.proxy.as_ref(), &self.endpoint, &content_type, answer)
    }

    async fn read(&self, mut response: Response, secrets: &Secrets) -> Answer {
        self.has_answered.store(true, Ordering::Relaxed);
        let status = response.status();
        let header = |name: HeaderName| {
            response.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned()
        };
        let (content_type, retry_after, location) = (header(CONTENT_TYPE), header(RETRY_AFTER), header(LOCATION));
        let mut encoding = header(CONTENT_ENCODING).to_ascii_lowercase();
        if status.is_redirection() && !location.is_empty() {
            let to = self.endpoint.url().join(&location).as_ref().map_or_else(|_| "nowhere".to_owned(), masked);
            return Answer::refused(Reason::Redirect { status, location: secrets.clean(&to) });
        }
        let limit = if status.is_success() { ANSWER_BYTES } else { ERROR_BYTES };
        let mut body = Vec::new();
        let broken = loop {
            match response.chunk().await {
                Ok(Some(chunk)) if body.len() <= limit => body.extend_from_slice(&chunk),
                Ok(_) => break None,
                Err(error) => break Some(error),
            }
        };
        // Nobody asked for it.
        if encoding == "gzip"
            && let Some(plain) = gunzipped(&body, limit)
        {
            (body, encoding) = (plain, String::new());
        }
        let is_encoded = !matches!(encoding.as_str(), "" | "identity") && !body.is_empty();
        let whole = if body.len() > limit { secrets.uncut(&body) } else { &body };
        match broken {
            // How many spans of a request were taken is only known when the whole answer is.
            Some(error) if status.is_success() => Answer::Unknown { reason: self.broken(&error) },
            _ if status.is_success() && body.len() > limit => answer::too_long(limit, &content_type, whole, secrets),
            _ if status.is_success() && is_encoded => {
                answer::unreadable(&format!("{content_type} in {encoding}"), whole, secrets)
            }
            _ if status.is_success() => answer::success(&content_type, whole, secrets),
            _ => {
                let retry_after = Some(retry_after.as_str()).filter(|value| !value.is_empty());
                let answer = answer::failure(status, &content_type, retry_after, whole, SystemTime::now(), secrets);
                match self.signal {
                    _ if self.signer.is_some() => answer::of_xray(answer),
                    Signal::Logs => answer::to_logs(answer),
                    Signal::Traces | Signal::Metrics => answer,
                }
            }
        }
    }

    /// Classifies a request without an answer: before there was a connection nothing can have arrived.
    fn failed(&self, error: &reqwest::Error, has_left: &HasLeft) -> Answer {
        let endpoint = self.endpoint.clone();
        let detail = self.secrets.clean(&innermost(error));
        if error.is_builder() {
            return Answer::refused(Reason::Defect { detail });
        }
        if is_tls(&detail) {
            return Answer::refused(Reason::Tls { endpoint, detail: proxy::through(self.proxy.as_ref(), detail) });
        }
        if let (true, Some(proxy)) = (error.is_connect(), &self.proxy) {
            return proxy::connect_failed(proxy, &endpoint, io_kind(error), &detail);
        }
        if error.is_connect() {
            return connect_failed(endpoint, io_kind(error), detail);
        }
        // hyper's words for an answer that is not HTTP/1.1, and for a server that speaks first, as those of HTTP/2 do.
        let is_other = detail.starts_with("invalid HTTP") || detail.starts_with("received unexpected message");
        if is_other && !self.has_answered.load(Ordering::Relaxed) {
            return Answer::refused(Reason::OtherProtocol { endpoint, detail });
        }
        let reason = self.broken(error);
        if has_left.get() { Answer::Unknown { reason } } else { Answer::retry(reason) }
    }

    fn broken(&self, error: &reqwest::Error) -> Reason {
        Reason::Broken { endpoint: self.endpoint.clone(), detail: self.secrets.clean(&innermost(error)) }
    }
}

impl Transport for HttpTransport {
    fn format(&self) -> Format {
        self.format
    }

    fn proxy(&self) -> Option<String> {
        self.proxy.as_ref().map(Proxy::to_string)
    }

    fn send(&self, body: Bytes) -> BoxFuture<'_, Answer> {
        self.send_out(body, HasLeft::default())
    }

    fn send_out(&self, body: Bytes, has_left: HasLeft) -> BoxFuture<'_, Answer> {
        self.attempt(body, has_left).boxed()
    }
}

fn content_type(response: &Response) -> String {
    response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned()
}

fn request_headers(config: &OtlpConfig, format: Format) -> HeaderMap {
    let mut headers = config.headers.map().clone();
    let content_type = match format {
        Format::Protobuf => "application/x-protobuf",
        Format::Json => "application/json",
    };
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    if config.gzip {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    headers
}

pub(crate) fn gzipped(body: &[u8]) -> Bytes {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    let compressed = encoder.write_all(body).and_then(|()| encoder.finish());
    compressed.expect("memory does not fail").into()
}

/// What is in there, if it is gzip: of what would be more than this, only so much that it is seen to be more.
pub(crate) fn gunzipped(body: &[u8], limit: usize) -> Option<Vec<u8>> {
    let (mut plain, most) = (Vec::new(), u64::try_from(limit).ok()?.saturating_add(1));
    GzDecoder::new(body).take(most).read_to_end(&mut plain).ok().map(|_| plain)
}

/// The secret parts of a signature's headers: the hash of the body and the time are none.
fn signed(headers: &HeaderMap) -> Vec<String> {
    let is_secret = |name: &HeaderName| !matches!(name.as_str(), "x-amz-date" | "x-amz-content-sha256" | "host");
    let values = headers.iter().filter(|(name, _)| is_secret(name)).filter_map(|(_, value)| value.to_str().ok());
    values.flat_map(secrets::of_header).collect()
}

/// Whether the two ends do not agree on TLS, in rustls's words. (A client certificate is refused after the handshake, as
/// the client sees it.) A certificate will not be better in a second, so this is not tried again.
pub(crate) fn is_tls(detail: &str) -> bool {
    let words =
        ["invalid peer certificate", "received fatal alert", "received corrupt message", "peer is incompatible"];
    words.iter().any(|words| detail.contains(words))
}

/// Classifies another failure to connect.
pub(crate) fn connect_failed(endpoint: Endpoint, kind: Option<io::ErrorKind>, detail: String) -> Answer {
    Answer::retry(match kind {
        Some(io::ErrorKind::ConnectionRefused) => Reason::ConnectionRefused { endpoint },
        // Somebody is there, and may have expected another protocol.
        Some(
            io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::BrokenPipe
            | io::ErrorKind::UnexpectedEof,
        ) => Reason::HungUp { endpoint, detail },
        _ => Reason::Connect { endpoint, detail },
    })
}
