//! The connections to AWS: which proxy they go through, whom they trust, how long they are waited for, and what is said when
//! something else than AWS answers. The SDK's own client connects; its errors name neither host nor proxy. Main type: [`Wire`].

use std::collections::HashMap;
use std::error::Error;
use std::fmt;
use std::io;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use aws_config::retry::ErrorKind;
use aws_sdk_ecs::config::RuntimeComponents;
use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore};
use aws_smithy_http_client::{Connector, HttpClientError};
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::byte_stream::ByteStream;
use bytes::{Bytes, BytesMut};
use http::Uri;
use tokio::time::{Instant, sleep_until, timeout};

use crate::layers::{innermost, io_kind, layers};
use crate::proxy::{Failure, Proxies, Proxy, WANTS_CREDENTIALS};
use crate::secrets::{Secrets, aws_said};

/// So long nothing is said of a wait.
const SILENCE: Duration = Duration::from_secs(2);
/// So long a host that gives no answer is tried, about.
const PATIENCE: Duration = Duration::from_secs(15);
/// After so long a host that fails at once is not tried again: the SDK's pauses double.
const FAST_PATIENCE: Duration = Duration::from_secs(5);
/// The longest that a call waits for messages of a queue. SQS allows 20, but whoever is told to stop has to wait for the answer: a call that
/// is cut off may still be given messages, which nobody sees then until they come back.
pub(in crate::source) const LONGEST_WAIT_SECONDS: i32 = 10;
/// Whoever waits longer for an answer has asked AWS to wait: for messages of a queue.
const ORDINARY_READ: Duration = Duration::from_secs(8);
/// So long an answer that has begun may pause.
const STALLED: Duration = Duration::from_secs(7);
/// So many characters of an answer are quoted.
const WORDS: usize = 80;

/// Told what is waited for.
pub type Tell = Arc<dyn Fn(&str) + Send + Sync>;

/// All connections to AWS.
pub(super) struct Wire {
    proxies: Proxies,
    tls: TlsContext,
    waiting: Option<Tell>,
    /// What sets the addresses that are not AWS's own, and those.
    addresses: Arc<OnceLock<Vec<(String, String)>>>,
    connectors: Mutex<HashMap<Route, SharedHttpConnector>>,
    /// Hosts that have not answered since.
    silent: Mutex<HashMap<String, Silence>>,
}

/// What one of the SDK's clients is made for.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Route {
    proxy: Option<String>,
    connect: Option<Duration>,
    read: Option<Duration>,
}

#[derive(Clone, Copy)]
struct Silence {
    since: Instant,
    is_told: bool,
}

impl Wire {
    /// Trusts the authorities of a bundle of certificates, instead of the system's, if there is one.
    pub(super) fn client(
        proxies: Proxies,
        bundle: Option<&[u8]>,
        waiting: Option<Tell>,
        addresses: Arc<OnceLock<Vec<(String, String)>>>,
    ) -> Result<SharedHttpClient, HttpClientError> {
        let tls = TlsContext::builder();
        let tls = match bundle {
            Some(pem) => tls.with_trust_store(TrustStore::empty().with_pem_certificate(pem)).build()?,
            None => tls.build()?,
        };
        let wire = Self { proxies, tls, waiting, addresses, connectors: Mutex::default(), silent: Mutex::default() };
        Ok(SharedHttpClient::new(Client(Arc::new(wire))))
    }

    /// The SDK's client of a route; each keeps its connections.
    fn connector(&self, proxy: Option<&Proxy>, asked: &Asked) -> SharedHttpConnector {
        let settings = &asked.settings;
        let route = Route {
            proxy: proxy.map(ToString::to_string),
            connect: settings.connect_timeout(),
            read: settings.read_timeout(),
        };
        let make = || {
            let mut connector = Connector::builder()
                .tls_provider(Provider::Rustls(CryptoMode::AwsLc))
                .tls_context(self.tls.clone())
                .connector_settings(settings.clone())
                .proxy_config(proxy.map_or_else(ProxyConfig::disabled, config_of));
            connector.set_sleep_impl(asked.components.sleep_impl());
            SharedHttpConnector::new(connector.build())
        };
        self.connectors.lock().unwrap_or_else(PoisonError::into_inner).entry(route).or_insert_with(make).clone()
    }

    /// Since when a host has been silent; it is from now on, unless it was before.
    fn silent_since(&self, whom: &str) -> Silence {
        let new = || Silence { since: Instant::now(), is_told: false };
        *self.silent.lock().unwrap_or_else(PoisonError::into_inner).entry(whom.to_owned()).or_insert_with(new)
    }

    fn has_answered(&self, whom: &str) {
        self.silent.lock().unwrap_or_else(PoisonError::into_inner).remove(whom);
    }

    /// Says once what is waited for.
    fn tell(&self, whom: &str, proxy: Option<&Proxy>) {
        let mut silent = self.silent.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(silence) = silent.get_mut(whom).filter(|silence| !silence.is_told) else { return };
        silence.is_told = true;
        if let Some(tell) = &self.waiting {
            let through = proxy.map(|proxy| format!(", through the proxy {proxy}")).unwrap_or_default();
            tell(&format!("for an answer of {whom}{through}"));
        }
    }

    /// Who names a host that is not AWS's own, to follow what is said of it; a proxy is named by others.
    fn named_by(&self, whom: &str, proxy: Option<&Proxy>) -> String {
        if proxy.is_some() {
            return String::new();
        }
        let is_at = |url: &str| url.strip_prefix(whom).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        let found = self.addresses.get().and_then(|all| all.iter().find(|(_, url)| is_at(url)));
        found.map_or_else(String::new, |(setting, _)| format!("; {setting} names it"))
    }

    async fn ask(&self, asked: &Asked, request: HttpRequest) -> Result<HttpResponse, ConnectorError> {
        let uri: Uri =
            request.uri().parse().map_err(|error: http::uri::InvalidUri| ConnectorError::user(error.into()))?;
        let whom = format!(
            "{}://{}",
            uri.scheme_str().unwrap_or_default(),
            uri.authority().map(http::uri::Authority::as_str).unwrap_or_default()
        );
        let proxy = self.proxies.to(&uri).map_err(|error| ConnectorError::user(error.into()))?;
        let (silence, start) = (self.silent_since(&whom), Instant::now());
        let operation = operation(&request);
        let answering = self.connector(proxy.as_ref(), asked).call(request);
        tokio::pin!(answering);
        // What AWS was asked to wait for is no trouble until AWS should have answered.
        let asked_to_wait = match asked.settings.read_timeout() {
            Some(read) if read > ORDINARY_READ => Duration::from_secs(u64::from(LONGEST_WAIT_SECONDS.unsigned_abs())),
            _ => Duration::ZERO,
        };
        let answer = tokio::select! {
            biased;
            answer = &mut answering => answer,
            () = sleep_until(silence.since + asked_to_wait + SILENCE) => {
                self.tell(&whom, proxy.as_ref());
                answering.await
            }
        };
        let total = silence.since.elapsed();
        let is_fast = start.elapsed() < Duration::from_secs(1);
        let is_over = if is_fast { total >= FAST_PATIENCE } else { total + start.elapsed() > PATIENCE };
        match answer {
            Ok(mut response) => {
                // A machine's metadata answers in words of its own.
                let is_of_machine = uri.host().is_some_and(crate::proxy::is_link_local);
                let named_by = self.named_by(&whom, proxy.as_ref());
                let body = match whole(&mut response).await {
                    Ok(body) => body,
                    Err(error) => return Err(failed(&whom, proxy.as_ref(), &named_by, is_over, error)),
                };
                let is_foreign = (is_strange(&response) && !is_document(&body))
                    || is_other_json(&response, &body)
                    || is_error_of_others(&response, &body)
                    || operation.is_some_and(|operation| is_of_another(operation, &response, &body));
                if is_foreign && !is_of_machine {
                    let status = response.status().as_u16();
                    let is_passing = matches!(status, 429 | 502..=504) && !is_over;
                    let mut said = foreign(&whom, &uri, proxy.as_ref(), &response);
                    if body.trim_ascii().is_empty() && response.status().is_success() {
                        said.0.push_str(" (nothing)");
                    } else if status != 407 {
                        said.0.push_str(&first_words(&body, proxy.as_ref()));
                    }
                    said.0.push_str(&named_by);
                    return Err(ConnectorError::other(said.into(), is_passing.then_some(ErrorKind::TransientError)));
                }
                self.has_answered(&whom);
                Ok(response)
            }
            Err(error) => Err(failed(&whom, proxy.as_ref(), &self.named_by(&whom, proxy.as_ref()), is_over, error)),
        }
    }
}

impl fmt::Debug for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wire").field("proxies", &self.proxies).finish_non_exhaustive()
    }
}

fn config_of(proxy: &Proxy) -> ProxyConfig {
    let Ok(config) = ProxyConfig::all(proxy.uri().clone()) else { return ProxyConfig::disabled() };
    match proxy.user() {
        Some((user, password)) => config.with_basic_auth(user, password),
        None => config,
    }
}

#[derive(Debug)]
struct Client(Arc<Wire>);

impl HttpClient for Client {
    fn http_connector(&self, settings: &HttpConnectorSettings, components: &RuntimeComponents) -> SharedHttpConnector {
        let (settings, components) = (settings.clone(), components.clone());
        SharedHttpConnector::new(Asked { wire: self.0.clone(), settings, components })
    }
}

/// How one call is to be made.
#[derive(Clone, Debug)]
struct Asked {
    wire: Arc<Wire>,
    settings: HttpConnectorSettings,
    components: RuntimeComponents,
}

impl HttpConnector for Asked {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let asked = self.clone();
        HttpConnectorFuture::new(async move { asked.wire.clone().ask(&asked, request).await })
    }
}

/// What happened, in one sentence that names who was asked: the last of an error's causes is what is shown.
#[derive(Debug)]
pub(super) struct Said(String);

impl fmt::Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Error for Said {}

/// The same failure, of the same kind, but with names; after enough of it it is of no kind that the SDK repeats.
fn failed(whom: &str, proxy: Option<&Proxy>, named_by: &str, is_over: bool, error: ConnectorError) -> ConnectorError {
    const TLS: [&str; 3] = ["invalid peer certificate", "received fatal alert", "received corrupt message"];
    let (is_timeout, is_io) = (error.is_timeout(), error.is_io());
    let (kind, detail) = (io_kind(&error), innermost(&error));
    let is_connecting =
        layers(&error).map(ToString::to_string).any(|layer| layer.contains("connect") || layer.contains("lookup"));
    let is_tls = TLS.iter().any(|words| detail.contains(words));
    let timed_out = || format!("{whom} did not answer in time");
    let (said, is_for_good) = match proxy {
        _ if is_tls => {
            let through = proxy.map(|proxy| format!(" through the proxy {proxy}, which may have opened it,"));
            (format!("tls handshake with {whom}{} failed: {detail}", through.unwrap_or_default()), true)
        }
        Some(proxy) if is_timeout => (format!("{}, through the proxy {proxy}", timed_out()), false),
        Some(proxy) => {
            let Failure { said, wants_credentials } = proxy.failure(&whom, kind, &detail);
            (format!("the proxy {proxy} {said}"), wants_credentials)
        }
        None if is_timeout => (timed_out(), false),
        None if kind == Some(io::ErrorKind::ConnectionRefused) => (format!("connection to {whom} refused"), false),
        None if is_connecting => (format!("failed to connect to {whom}: {detail}"), false),
        None => (format!("connection to {whom} broke: {detail}"), false),
    };
    let said = Box::new(Said(said + named_by));
    match () {
        () if is_over || is_for_good => ConnectorError::other(said, None),
        () if is_timeout => ConnectorError::timeout(said),
        () if is_io => ConnectorError::io(said),
        () => ConnectorError::other(said, error.as_other()),
    }
}

/// Whether an answer does not look like AWS's: a page, or an error in none of the forms that AWS has.
fn is_strange(response: &HttpResponse) -> bool {
    let headers = response.headers();
    let content_type = headers.get("content-type").unwrap_or_default().to_ascii_lowercase();
    let is_form = ["json", "xml", "cbor", "octet-stream"].iter().any(|form| content_type.contains(form));
    let is_marked = ["x-amzn-errortype", "x-amz-request-id"].iter().any(|name| headers.contains_key(*name));
    let is_text = content_type.starts_with("text/") || content_type.contains("html");
    let is_error = !response.status().is_success();
    let is_page = content_type.contains("html");
    (is_page || !is_form) && !is_marked && (is_text || is_error)
}

/// The whole body, as the SDK will read it. An answer that stops in the middle is none.
async fn whole(response: &mut HttpResponse) -> Result<Bytes, ConnectorError> {
    let body = std::mem::replace(response.body_mut(), SdkBody::taken());
    let (mut body, mut whole) = (ByteStream::new(body), BytesMut::new());
    loop {
        match timeout(STALLED, body.next()).await {
            Ok(Some(Ok(chunk))) => whole.extend_from_slice(&chunk),
            Ok(None) => break,
            Ok(Some(Err(error))) => return Err(ConnectorError::io(error.into())),
            Err(error) => return Err(ConnectorError::timeout(error.into())),
        }
    }
    let whole = whole.freeze();
    *response.body_mut() = SdkBody::from(whole.clone());
    Ok(whole)
}

/// Whether it is JSON or XML all the same, whatever it is called: a stand-in for AWS may be careless of names.
fn is_document(body: &[u8]) -> bool {
    let start = body.trim_ascii_start();
    [&b"{"[..], b"[", b"<?xml"].iter().any(|form| start.starts_with(form))
        && !String::from_utf8_lossy(start.get(..400).unwrap_or(start)).to_ascii_lowercase().contains("<html")
}

/// Whether JSON is no object, as each of AWS's answers is.
fn is_other_json(response: &HttpResponse, body: &[u8]) -> bool {
    let content_type = response.headers().get("content-type").unwrap_or_default().to_ascii_lowercase();
    let start = body.trim_ascii_start();
    response.status().is_success() && content_type.contains("json") && !start.is_empty() && !start.starts_with(b"{")
}

/// What AWS is asked for, and what its answer has in any case.
type Operation = (&'static str, &'static str);

const OPERATIONS: [Operation; 6] = [
    ("ListClusters", "clusterArns"),
    ("ListServices", "serviceArns"),
    ("ListTasks", "taskArns"),
    ("DescribeTasks", "tasks"),
    ("DescribeServices", "services"),
    ("DescribeClusters", "clusters"),
];

fn operation(request: &HttpRequest) -> Option<Operation> {
    let (service, name) = request.headers().get("x-amz-target")?.split_once('.')?;
    let known = OPERATIONS.into_iter().find(|(known, _)| *known == name);
    known.filter(|_| service.starts_with("AmazonEC2ContainerService"))
}

/// Whether success says nothing of what was asked for, which AWS does even when there is none, and lacks AWS's id of the request.
fn is_of_another((_, key): Operation, response: &HttpResponse, body: &[u8]) -> bool {
    let text = String::from_utf8_lossy(body);
    let is_answer = || [key, "failures"].iter().any(|key| text.contains(&format!("\"{key}\"")));
    response.status().is_success() && !has_request_id(response) && !is_answer()
}

/// Whether an error that is called JSON or XML has nothing of AWS's errors: no code, and no id of the request.
fn is_error_of_others(response: &HttpResponse, body: &[u8]) -> bool {
    let headers = response.headers();
    let content_type = headers.get("content-type").unwrap_or_default().to_ascii_lowercase();
    let is_text = content_type.contains("json") || content_type.contains("xml");
    let text = String::from_utf8_lossy(body.get(..4_096).unwrap_or(body)).to_ascii_lowercase();
    let has_code = ["\"__type\"", "\"code\"", "<code>"].iter().any(|code| text.contains(code));
    !response.status().is_success() && is_text && !has_code && !has_request_id(response)
}

fn has_request_id(response: &HttpResponse) -> bool {
    let headers = response.headers();
    ["x-amzn-errortype", "x-amzn-requestid", "x-amz-request-id"].iter().any(|name| headers.contains_key(*name))
}

/// The first words of an answer, or a page's title: to know it by.
fn first_words(body: &[u8], proxy: Option<&Proxy>) -> String {
    let text = String::from_utf8_lossy(body.get(..4_096).unwrap_or(body)).into_owned();
    let small = text.to_ascii_lowercase();
    let title = small.find("<title>").and_then(|start| text.get(start + 7..)?.split('<').next());
    let words = title.unwrap_or(&text).split_whitespace().collect::<Vec<_>>().join(" ");
    let words = aws_said(&Secrets::new(proxy.into_iter().flat_map(Proxy::secrets)).clean(&words));
    let more = if words.chars().count() > WORDS { "…" } else { "" };
    let words: String = words.chars().take(WORDS).collect();
    if words.is_empty() { String::new() } else { format!(" ({words}{more})") }
}

/// What is said of an answer that is not AWS's.
fn foreign(whom: &str, uri: &Uri, proxy: Option<&Proxy>, response: &HttpResponse) -> Said {
    let content_type = response.headers().get("content-type").unwrap_or_default();
    let status = response.status().as_u16();
    let status = http::StatusCode::from_u16(status).map_or_else(|_| status.to_string(), |status| status.to_string());
    let with = match content_type.split(';').next().unwrap_or_default() {
        "" => "nothing that AWS sends".to_owned(),
        kind => format!("{kind}, which is not AWS's"),
    };
    let is_plain = uri.scheme_str() == Some("http");
    Said(match proxy {
        Some(proxy) if response.status().as_u16() == 407 => format!("the proxy {proxy} {WANTS_CREDENTIALS}"),
        Some(proxy) if is_plain => {
            format!("the proxy {proxy} (or what is behind it) answered for {whom}: {status}, with {with}")
        }
        Some(proxy) => format!("{whom} answered {status} through the proxy {proxy}, with {with}"),
        None => format!("{whom} answered {status}, with {with}"),
    })
}
