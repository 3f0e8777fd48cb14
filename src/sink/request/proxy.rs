//! What stands between here and a receiver: a gRPC connection through a proxy, and what a proxy's answers and failures mean. The
//! proxy is named then, never the receiver, which was not reached. Main types: [`Tunneled`], [`Failed`].

use std::error::Error;
use std::fmt;
use std::io;
use std::task::{Context, Poll};
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use http::Uri;
use http::uri::PathAndQuery;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::proxy::Tunnel;
use hyper_util::rt::TokioIo;
use tower_service::Service;

use super::overheard::{Ear, Overheard};
use super::transport::Answer;
use crate::layers::{innermost, io_kind, layers};
use crate::proxy::{Failure, Proxy, WANTS_CREDENTIALS};
use crate::secrets::Secrets;
use crate::sink::config::endpoint::Endpoint;
use crate::sink::reason::{Reason, spoken};

/// Connects to a host through a proxy, with `CONNECT`.
#[derive(Clone)]
pub(crate) struct Tunneled {
    tunnel: Tunnel<HttpConnector>,
    proxy: Proxy,
    timeout: Duration,
    overheard: Overheard,
}

/// A proxy let no connection through.
#[derive(Debug)]
pub(crate) struct Failed {
    proxy: Proxy,
    kind: Option<io::ErrorKind>,
    detail: String,
}

impl Tunneled {
    pub(crate) fn new(proxy: &Proxy, timeout: Duration, overheard: Overheard) -> Self {
        let mut tcp = HttpConnector::new();
        tcp.set_nodelay(true);
        let tunnel = Tunnel::new(proxy.uri().clone(), tcp);
        let tunnel = match proxy.auth() {
            Some(auth) => tunnel.with_auth(auth.clone()),
            None => tunnel,
        };
        Self { tunnel, proxy: proxy.clone(), timeout, overheard }
    }
}

impl Service<Uri> for Tunneled {
    type Response = TokioIo<Ear>;
    type Error = Failed;
    type Future = BoxFuture<'static, Result<Self::Response, Failed>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Failed>> {
        let proxy = self.proxy.clone();
        self.tunnel.poll_ready(context).map_err(|error| Failed::new(proxy, &error))
    }

    fn call(&mut self, to: Uri) -> Self::Future {
        let (proxy, timeout, overheard) = (self.proxy.clone(), self.timeout, self.overheard.clone());
        let connecting = self.tunnel.call(with_port(to));
        async move {
            match tokio::time::timeout(timeout, connecting).await {
                Ok(Ok(connected)) => Ok(overheard.listen(connected)),
                Ok(Err(error)) => Err(Failed::new(proxy, &error)),
                Err(_) => Err(Failed { proxy, kind: Some(io::ErrorKind::TimedOut), detail: "timed out".to_owned() }),
            }
        }
        .boxed()
    }
}

/// `CONNECT` names a port, and what takes it for granted is TLS.
fn with_port(to: Uri) -> Uri {
    let (Some(host), None, Some("http")) = (to.host(), to.port(), to.scheme_str()) else { return to };
    let built = Uri::builder().scheme("http").authority(format!("{host}:80"));
    built.path_and_query(PathAndQuery::from_static("/")).build().unwrap_or(to)
}

impl Failed {
    fn new(proxy: Proxy, error: &(dyn Error + 'static)) -> Self {
        Self { proxy, kind: io_kind(error), detail: Secrets::default().clean(&innermost(error)) }
    }

    /// The one below an error, if any.
    pub(crate) fn below<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a Self> {
        layers(error).find_map(|layer| layer.downcast_ref())
    }

    pub(crate) fn answer(&self, endpoint: &Endpoint) -> Answer {
        connect_failed(&self.proxy, endpoint, self.kind, &self.detail)
    }
}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the proxy {}: {}", self.proxy, self.detail)
    }
}

impl Error for Failed {}

/// Classifies a connection that a proxy did not let through.
pub(crate) fn connect_failed(proxy: &Proxy, endpoint: &Endpoint, kind: Option<io::ErrorKind>, detail: &str) -> Answer {
    let Failure { said, wants_credentials } = proxy.failure(endpoint, kind, detail);
    let reason = Reason::Proxy { proxy: proxy.to_string(), said, wants_credentials };
    if wants_credentials { Answer::refused(reason) } else { Answer::retry(reason) }
}

/// What TLS says, where it was spoken through a proxy.
pub(crate) fn through(proxy: Option<&Proxy>, detail: String) -> String {
    match proxy {
        Some(proxy) => format!("{detail} (through the proxy {proxy}, which may have opened it)"),
        None => detail,
    }
}

fn wants_credentials(proxy: &Proxy) -> Reason {
    Reason::Proxy { proxy: proxy.to_string(), said: WANTS_CREDENTIALS.to_owned(), wants_credentials: true }
}

/// What an answer over HTTP/1.1 means that came through a proxy. It reads along where there is no TLS: unless it is of OTLP's own
/// types, the proxy may have written it.
pub(crate) fn judged(proxy: Option<&Proxy>, endpoint: &Endpoint, content_type: &str, answer: Answer) -> Answer {
    let Some(proxy) = proxy.filter(|_| !endpoint.is_tls()) else { return tunneled(proxy, answer) };
    let is_receivers = content_type.contains("protobuf") || content_type.contains("json");
    let perhaps = |said: &str| Reason::Proxy {
        proxy: proxy.to_string(),
        said: format!("(or what is behind it) {said}"),
        wants_credentials: false,
    };
    let judged = |reason: Reason| match &reason {
        Reason::Http { status, .. } if status.as_u16() == 407 => wants_credentials(proxy),
        Reason::Broken { detail, .. } => perhaps(&format!("broke the connection before an answer came: {detail}")),
        Reason::OtherProtocol { detail, .. } => perhaps(&format!("does not speak HTTP/1.1: {detail}")),
        _ if is_receivers => reason,
        // What the receiver answered, in whatever words.
        _ => match reason.to_string().strip_prefix("the receiver ") {
            Some(said) => perhaps(said),
            None => reason,
        },
    };
    retold(answer, judged)
}

/// What an answer means that came through a connection which a proxy has let through, or says that it has: before the receiver has
/// spoken its own protocol, whatever there is may be the proxy's doing.
pub(crate) fn tunneled(proxy: Option<&Proxy>, answer: Answer) -> Answer {
    let Some(proxy) = proxy else { return answer };
    let told = |said: String| Reason::Proxy { proxy: proxy.to_string(), said, wants_credentials: false };
    retold(answer, |reason| match reason {
        Reason::Tls { endpoint, detail } if detail.contains("InvalidContentType") => {
            let detail = detail.split(" (through the proxy").next().unwrap_or_default();
            told(format!("let a connection to {endpoint} through, and no TLS is spoken there: {detail}"))
        }
        Reason::OtherProtocol { endpoint, detail } => told(format!(
            "let a connection to {endpoint} through, and no {} is spoken there: {detail}",
            spoken(&endpoint)
        )),
        Reason::HungUp { endpoint, detail } => {
            told(format!("ended the connection to {endpoint} before anything was sent: {detail}"))
        }
        Reason::Connect { endpoint, detail } => {
            told(format!("let a connection to {endpoint} through, which came to nothing: {detail}"))
        }
        Reason::Broken { endpoint, detail } => {
            told(format!("(or what is behind it) broke the connection to {endpoint} before an answer came: {detail}"))
        }
        reason => reason,
    })
}

fn retold(answer: Answer, tell: impl Fn(Reason) -> Reason) -> Answer {
    match answer {
        Answer::Refused { reason, too_large } => Answer::Refused { reason: tell(reason), too_large },
        Answer::Retry { reason, after } => Answer::Retry { reason: tell(reason), after },
        Answer::Doubtful { reason } => Answer::Doubtful { reason: tell(reason) },
        Answer::Unknown { reason } => Answer::Unknown { reason: tell(reason) },
        accepted @ Answer::Accepted { .. } => accepted,
    }
}
