//! OTLP over gRPC. Main type: [`GrpcTransport`].
//!
//! The bodies are encoded already and an answer is one small message, so calls are put onto tonic's channel as they are on the wire:
//! its client would not tell what stands where gRPC should, nor whether a request may have been taken.

use std::error::Error;
use std::future::poll_fn;
use std::time::SystemTime;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use bytes::{BufMut, Bytes, BytesMut};
use futures::FutureExt;
use futures::future::BoxFuture;
use http::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER, TE};
use http::uri::PathAndQuery;
use http::{Request, Response, StatusCode, Version};
use http_body_util::BodyExt;
use tonic::body::Body;
use tonic::client::GrpcService;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Identity};
use tonic::{Code, ConnectError, Status};
use tonic_types::StatusExt;

use super::answer::{self, says_too_large, to_logs};
use super::http::{ANSWER_BYTES, ERROR_BYTES, connect_failed, gunzipped, gzipped, is_tls};
use super::outgoing::{HasLeft, Outgoing};
use super::overheard::{Http1, Overheard, Overhearing};
use super::proxy::{Failed, Tunneled, through, tunneled};
use super::transport::{Answer, TooLarge, Transport};
use crate::layers::{innermost, io_kind, layers};
use crate::percent::percent_decoded;
use crate::proxy::Proxy;
use crate::secrets::Secrets;
use crate::sink::config::OtlpConfig;
use crate::sink::config::endpoint::Endpoint;
use crate::sink::config::tls::TlsMaterial;
use crate::sink::otlp::encode::Format;
use crate::sink::reason::Reason;
use crate::sink::signal::Signal;

/// Sends over gRPC. One channel for all requests; it connects with the first.
pub(crate) struct GrpcTransport {
    channel: Channel,
    path: PathAndQuery,
    signal: Signal,
    endpoint: Endpoint,
    headers: HeaderMap,
    gzip: bool,
    secrets: Secrets,
    /// What the last connection said that speaks no HTTP/2.
    overheard: Overheard,
    proxy: Option<Proxy>,
}

impl GrpcTransport {
    /// Must be called in a tokio runtime, which the channel's own task needs.
    pub(crate) fn new(config: &OtlpConfig, tls: TlsMaterial) -> Result<Self, tonic::transport::Error> {
        let mut channel = tonic::transport::Endpoint::from_shared(config.endpoint.url().to_string())?
            .user_agent(concat!("ecspan/", env!("CARGO_PKG_VERSION")))?
            .connect_timeout(config.timeout / 2);
        if config.endpoint.is_tls() {
            channel = channel.tls_config(client_tls(tls).timeout(config.timeout * 2 / 5))?;
        }
        let overheard = Overheard::default();
        Ok(Self {
            channel: match &config.proxy {
                Some(proxy) => {
                    channel.connect_with_connector_lazy(Tunneled::new(proxy, config.timeout * 2 / 5, overheard.clone()))
                }
                None => channel.connect_with_connector_lazy(Overhearing::new(overheard.clone())),
            },
            overheard,
            path: PathAndQuery::from_static(config.signal.grpc_path()),
            signal: config.signal,
            endpoint: config.endpoint.clone(),
            headers: request_headers(config),
            gzip: config.gzip,
            secrets: Secrets::new(config.headers.secrets().chain(config.endpoint.secrets())),
            proxy: config.proxy.clone(),
        })
    }

    async fn attempt(&self, body: Bytes, has_left: HasLeft) -> Answer {
        let mut channel = self.channel.clone();
        if let Err(error) = poll_fn(|context| GrpcService::<Body>::poll_ready(&mut channel, context)).await {
            return tunneled(self.proxy.as_ref(), self.failed(&error, &has_left));
        }
        let answer = match GrpcService::call(&mut channel, self.request(body, has_left.clone())).await {
            Ok(response) => self.read(response, &has_left).await,
            Err(error) => self.failed(&error, &has_left),
        };
        let answer = if self.signal == Signal::Logs { to_logs(answer) } else { answer };
        tunneled(self.proxy.as_ref(), answer)
    }

    fn request(&self, body: Bytes, has_left: HasLeft) -> Request<Body> {
        let body = if self.gzip { gzipped(&body) } else { body };
        let mut framed = BytesMut::with_capacity(PREFIX + body.len());
        framed.put_u8(self.gzip.into());
        // More than 4 GiB is packed by nobody.
        framed.put_u32(u32::try_from(body.len()).unwrap_or(u32::MAX));
        framed.put(body);
        let mut request = Request::post(self.path.clone()).version(Version::HTTP_2);
        if let Some(headers) = request.headers_mut() {
            headers.clone_from(&self.headers);
        }
        request.body(Body::new(Outgoing::new(framed.freeze(), has_left))).expect("its parts are valid")
    }

    async fn read(&self, response: Response<Body>, has_left: &HasLeft) -> Answer {
        let (head, mut body) = response.into_parts();
        let content_type = text(&head.headers, CONTENT_TYPE);
        let is_grpc = head.status == StatusCode::OK && content_type.starts_with("application/grpc");
        let limit = if is_grpc { PREFIX + ANSWER_BYTES } else { ERROR_BYTES };
        let (mut data, mut trailers, mut broken) = (Vec::new(), None, None);
        while let Some(frame) = body.frame().await {
            match frame.map(|frame| frame.into_data().map_err(|frame| frame.into_trailers())) {
                Ok(Ok(chunk)) => data.extend_from_slice(&chunk),
                Ok(Err(found)) => trailers = found.ok(),
                Err(error) => broken = Some(error),
            }
            if data.len() > limit || broken.is_some() {
                break;
            }
        }
        let whole = if data.len() > limit { self.secrets.uncut(&data) } else { &data };
        if let Some(status) = trailers.as_ref().and_then(status_of).or_else(|| status_of(&head.headers)) {
            return if status.code() == Code::Ok { self.taken(whole, status.message()) } else { self.refused(&status) };
        }
        if head.status != StatusCode::OK {
            return self.answered(head.status, &head.headers, whole);
        }
        if !is_grpc {
            return answer::unreadable(&content_type, whole, &self.secrets);
        }
        if data.len() > limit {
            return answer::too_long(
                ANSWER_BYTES,
                "application/grpc",
                whole.get(PREFIX..).unwrap_or_default(),
                &self.secrets,
            );
        }
        match broken {
            Some(error) => self.failed(&error, has_left),
            None => {
                let detail = "it ended without a status of gRPC".to_owned();
                Answer::Unknown { reason: Reason::Broken { endpoint: self.endpoint.clone(), detail } }
            }
        }
    }

    /// An answer of HTTP without gRPC.
    fn answered(&self, status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Answer {
        let (content_type, retry_after) = (text(headers, CONTENT_TYPE), text(headers, RETRY_AFTER));
        if status.is_success() {
            return answer::unreadable(&content_type, body, &self.secrets);
        }
        let retry_after = Some(retry_after.as_str()).filter(|value| !value.is_empty());
        let answer = answer::failure(status, &content_type, retry_after, body, SystemTime::now(), &self.secrets);
        answer::over_grpc(answer)
    }

    /// An answer to the begin of a connection: the server may know no HTTP/2, or what stands before it be troubled.
    fn answered_in_http1(&self, heard: &Http1) -> Answer {
        let answer = self.answered(heard.status, &heard.headers, &heard.body);
        match answer {
            Answer::Refused { reason: Reason::NotGrpc { status, message }, .. }
                if !matches!(status.as_u16(), 401 | 403) =>
            {
                let said = if message.is_empty() { String::new() } else { format!(": {message}") };
                let detail = format!("it answered {status} in HTTP/1.1{said}");
                Answer::refused(Reason::OtherProtocol { endpoint: self.endpoint.clone(), detail })
            }
            // Nothing was sent to it that it could have taken.
            Answer::Doubtful { .. } => {
                let detail = format!("it answered {} in HTTP/1.1", heard.status);
                Answer::refused(Reason::OtherProtocol { endpoint: self.endpoint.clone(), detail })
            }
            other => other,
        }
    }

    /// Reads the message of a call whose status is OK.
    fn taken(&self, data: &[u8], beside: &str) -> Answer {
        let Some((prefix, message)) = data.split_at_checked(PREFIX) else {
            return answer::grpc_success(data, beside, &self.secrets);
        };
        let message = match prefix.first() {
            // It answers in the encoding in which it was asked.
            Some(1) => gunzipped(message, ANSWER_BYTES).unwrap_or_else(|| message.to_owned()),
            _ => message.to_owned(),
        };
        if message.len() > ANSWER_BYTES {
            return answer::too_long(ANSWER_BYTES, "application/grpc", &message, &self.secrets);
        }
        answer::grpc_success(&message, beside, &self.secrets)
    }

    /// Classifies a request without an answer: before there was a connection nothing can have arrived.
    fn failed(&self, error: &(dyn Error + 'static), has_left: &HasLeft) -> Answer {
        let endpoint = self.endpoint.clone();
        let detail = self.secrets.clean(&innermost(error));
        if let Some(failed) = Failed::below(error) {
            return failed.answer(&endpoint);
        }
        if is_tls(&detail) {
            return Answer::refused(Reason::Tls { endpoint, detail: through(self.proxy.as_ref(), detail) });
        }
        if let Some(heard) = self.overheard.answer() {
            return self.answered_in_http1(&heard);
        }
        // Without TLS in between, h2 would have been spoken of; so this names a server that offers HTTP/1.1 only.
        let is_other = detail.contains("HTTP/2 was not negotiated");
        if layers(error).any(|layer| layer.is::<ConnectError>()) && !is_other {
            return connect_failed(endpoint, io_kind(error), detail);
        }
        // h2's words for an answer that is not HTTP/2.
        if is_other || detail.contains("frame with invalid size") || detail.contains("unspecific protocol error") {
            return Answer::refused(Reason::OtherProtocol { endpoint, detail });
        }
        if !has_left.get() {
            return Answer::retry(Reason::HungUp { endpoint, detail });
        }
        let h2 = layers(error).find_map(|layer| layer.downcast_ref::<h2::Error>());
        let was_ignored = h2.is_some_and(|error| {
            // Of GOAWAY h2 tells those calls alone that the receiver says it has not looked at.
            error.is_remote() && (error.is_go_away() || error.reason() == Some(h2::Reason::REFUSED_STREAM))
        });
        if was_ignored {
            return Answer::retry(Reason::NotLookedAt { endpoint, detail: said_by(h2, &self.secrets) });
        }
        Answer::Unknown { reason: Reason::Broken { endpoint, detail } }
    }

    /// Classifies a receiver's status as the OTLP specification does.
    fn refused(&self, status: &Status) -> Answer {
        let message = self.secrets.clean(status.message());
        let too_large = says_too_large(&message);
        let reason = Reason::Grpc { code: name(status.code()), message };
        let after = status.get_details_retry_info().map(|info| info.retry_delay.unwrap_or_default());
        match status.code() {
            Code::OutOfRange | Code::ResourceExhausted if after.is_none() => {
                Answer::Refused { reason, too_large: if too_large { TooLarge::Yes } else { TooLarge::Perhaps } }
            }
            Code::Cancelled
            | Code::DeadlineExceeded
            | Code::Aborted
            | Code::OutOfRange
            | Code::Unavailable
            | Code::DataLoss
            | Code::ResourceExhausted => Answer::Retry { after, reason },
            _ => Answer::Refused { reason, too_large: if too_large { TooLarge::Yes } else { TooLarge::No } },
        }
    }
}

impl Transport for GrpcTransport {
    fn format(&self) -> Format {
        Format::Protobuf
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

/// How a call ended that was not looked at.
fn said_by(error: Option<&h2::Error>, secrets: &Secrets) -> String {
    match error {
        Some(error) if error.is_go_away() => {
            let reason = error.reason().map_or_else(String::new, |reason| format!("{reason:?}"));
            format!("it ends the connection (GOAWAY {reason})")
        }
        _ => error.map(|error| secrets.clean(&error.to_string())).unwrap_or_default(),
    }
}

/// What stands before each message: whether it is compressed, and its length.
const PREFIX: usize = 5;

fn request_headers(config: &OtlpConfig) -> HeaderMap {
    let mut headers = config.headers.map().clone();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    headers.insert(TE, HeaderValue::from_static("trailers"));
    headers.insert("grpc-accept-encoding", HeaderValue::from_static("gzip,identity"));
    if config.gzip {
        headers.insert("grpc-encoding", HeaderValue::from_static("gzip"));
    }
    headers
}

fn text(headers: &HeaderMap, name: HeaderName) -> String {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned()
}

/// The status that is in trailers, or in headers where there is nothing else. (tonic's own reader panics on details that are not
/// base64.)
fn status_of(headers: &HeaderMap) -> Option<Status> {
    let bytes = |name: &str| headers.get(name).map(HeaderValue::as_bytes);
    let code = String::from_utf8_lossy(bytes("grpc-status")?).trim().parse().map_or(Code::Unknown, Code::from_i32);
    let message = percent_decoded(&String::from_utf8_lossy(bytes("grpc-message").unwrap_or_default()));
    let details = bytes("grpc-status-details-bin").unwrap_or_default();
    let details = STANDARD.decode(details).or_else(|_| STANDARD_NO_PAD.decode(details)).unwrap_or_default();
    Some(Status::with_details(code, message, details.into()))
}

fn client_tls(tls: TlsMaterial) -> ClientTlsConfig {
    let config = match tls.ca {
        Some(ca) => ClientTlsConfig::new().ca_certificate(Certificate::from_pem(ca)),
        None => ClientTlsConfig::new().with_native_roots(),
    };
    match tls.client {
        Some((cert, key)) => config.identity(Identity::from_pem(cert, key)),
        None => config,
    }
}

/// A code's name as gRPC's documentation writes it.
const fn name(code: Code) -> &'static str {
    match code {
        Code::Ok => "OK",
        Code::Cancelled => "CANCELLED",
        Code::Unknown => "UNKNOWN",
        Code::InvalidArgument => "INVALID_ARGUMENT",
        Code::DeadlineExceeded => "DEADLINE_EXCEEDED",
        Code::NotFound => "NOT_FOUND",
        Code::AlreadyExists => "ALREADY_EXISTS",
        Code::PermissionDenied => "PERMISSION_DENIED",
        Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
        Code::FailedPrecondition => "FAILED_PRECONDITION",
        Code::Aborted => "ABORTED",
        Code::OutOfRange => "OUT_OF_RANGE",
        Code::Unimplemented => "UNIMPLEMENTED",
        Code::Internal => "INTERNAL",
        Code::Unavailable => "UNAVAILABLE",
        Code::DataLoss => "DATA_LOSS",
        Code::Unauthenticated => "UNAUTHENTICATED",
    }
}
