//! OTLP over gRPC. Main type: [`GrpcTransport`].
//!
//! The bodies are encoded already, so the codec passes bytes on; the answer is read with `opentelemetry-proto`.

use std::error::Error;
use std::panic::AssertUnwindSafe;

use bytes::{Buf, BufMut, Bytes};
use futures::FutureExt;
use futures::future::BoxFuture;
use http::uri::PathAndQuery;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceResponse;
use prost::Message;
use tonic::client::Grpc;
use tonic::codec::{Codec, CompressionEncoding, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::metadata::MetadataMap;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Identity};
use tonic::{Code, ConnectError, Status};
use tonic_types::StatusExt;

use super::answer::{Secrets, says_too_large, to_logs};
use super::config::OtlpConfig;
use super::encode::Format;
use super::endpoint::Endpoint;
use super::http::{chain, connect_failed, innermost, io_kind, is_tls};
use super::proxy::{Failed, Tunneled, through};
use super::reason::Reason;
use super::signal::Signal;
use super::tls::TlsMaterial;
use super::transport::{Answer, TooLarge, Transport};
use crate::proxy::Proxy;

/// Sends over gRPC. One channel for all requests; it connects with the first.
pub(crate) struct GrpcTransport {
    channel: Channel,
    path: PathAndQuery,
    signal: Signal,
    endpoint: Endpoint,
    metadata: MetadataMap,
    gzip: bool,
    secrets: Secrets,
    proxy: Option<Proxy>,
}

impl GrpcTransport {
    /// Must be called in a tokio runtime, which the channel's own task needs.
    pub(crate) fn new(config: &OtlpConfig, tls: TlsMaterial) -> Result<Self, tonic::transport::Error> {
        let mut channel = tonic::transport::Endpoint::from_shared(config.endpoint.url().to_string())?
            .user_agent(concat!("ecspan/", env!("CARGO_PKG_VERSION")))?
            .connect_timeout(config.timeout / 2);
        if config.endpoint.is_tls() {
            channel = channel.tls_config(client_tls(tls).timeout(config.timeout / 2))?;
        }
        Ok(Self {
            channel: match &config.proxy {
                Some(proxy) => channel.connect_with_connector_lazy(Tunneled::new(proxy, config.timeout * 2 / 5)),
                None => channel.connect_lazy(),
            },
            path: PathAndQuery::from_static(config.signal.grpc_path()),
            signal: config.signal,
            endpoint: config.endpoint.clone(),
            metadata: MetadataMap::from_headers(config.headers.map().clone()),
            gzip: config.gzip,
            secrets: Secrets::new(config.headers.secrets()),
            proxy: config.proxy.clone(),
        })
    }

    async fn attempt(&self, body: Bytes) -> Answer {
        let mut client = Grpc::new(self.channel.clone()).accept_compressed(CompressionEncoding::Gzip);
        if self.gzip {
            client = client.send_compressed(CompressionEncoding::Gzip);
        }
        if let Err(error) = client.ready().await {
            return self.failed(&error);
        }
        let mut request = tonic::Request::new(body);
        *request.metadata_mut() = self.metadata.clone();
        match client.unary(request, self.path.clone(), Raw).await {
            Ok(response) => {
                let partial = response.into_inner().partial_success.unwrap_or_default();
                let rejected = u64::try_from(partial.rejected_spans).unwrap_or(0);
                Answer::Accepted { rejected, message: self.secrets.clean(&partial.error_message) }
            }
            // tonic puts a source under what it made up itself, and none under what a receiver sent.
            Err(status) => match status.source() {
                Some(error) => self.failed(error),
                None if self.signal == Signal::Logs => to_logs(self.refused(&status)),
                None => self.refused(&status),
            },
        }
    }

    /// Classifies a request without an answer: before there was a connection nothing can have arrived.
    fn failed(&self, error: &(dyn Error + 'static)) -> Answer {
        let endpoint = self.endpoint.clone();
        let detail = innermost(error);
        if let Some(failed) = Failed::below(error) {
            return failed.answer(&endpoint);
        }
        if is_tls(&detail) {
            return Answer::refused(Reason::Tls { endpoint, detail: through(self.proxy.as_ref(), detail) });
        }
        if chain(error).any(|layer| layer.is::<ConnectError>()) {
            // Without TLS in between, h2 would have been spoken of; so this names a server that offers HTTP/1.1 only.
            if detail.contains("HTTP/2 was not negotiated") {
                return Answer::refused(Reason::OtherProtocol { endpoint, detail });
            }
            return connect_failed(endpoint, io_kind(error), detail);
        }
        // h2's words for an answer that is not HTTP/2: "HTTP/1.1 400 Bad Request" as a frame is far too large.
        if detail.contains("frame with invalid size") || detail.contains("unspecific protocol error") {
            return Answer::refused(Reason::OtherProtocol { endpoint, detail });
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

    fn send(&self, body: Bytes) -> BoxFuture<'_, Answer> {
        // tonic panics on `grpc-status-details-bin` that is not base64: a receiver must not be able to end us.
        let attempt = AssertUnwindSafe(self.attempt(body)).catch_unwind();
        attempt
            .map(|answer| {
                let detail = "the receiver's status could not be read".to_owned();
                answer.unwrap_or(Answer::Refused { reason: Reason::Defect { detail }, too_large: TooLarge::No })
            })
            .boxed()
    }
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

/// Passes encoded requests on and decodes answers. Those of the log service are the same on the wire: a count of what was
/// rejected and a message.
struct Raw;

impl Codec for Raw {
    type Encode = Bytes;
    type Decode = ExportTraceServiceResponse;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for Raw {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, body: Bytes, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        buffer.put(body);
        Ok(())
    }
}

impl Decoder for Raw {
    type Item = ExportTraceServiceResponse;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<ExportTraceServiceResponse>, Status> {
        let body = buffer.copy_to_bytes(buffer.remaining());
        let answer = ExportTraceServiceResponse::decode(body);
        answer.map(Some).map_err(|error| Status::internal(format!("the answer is not otlp: {error}")))
    }
}
