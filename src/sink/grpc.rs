//! OTLP over gRPC: encoded bytes over one lazily connected channel. Main type: [`GrpcTransport`].

use std::time::Duration;

use bytes::{Buf, BufMut, Bytes};
use http::uri::PathAndQuery;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceResponse;
use prost::Message;
use tonic::client::Grpc;
use tonic::codec::{BufferSettings, Codec, CompressionEncoding, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::metadata::{AsciiMetadataKey, MetadataMap};
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity};
use tonic::{Code, Request, Status};
use tonic_types::StatusExt;

use super::config::{ConfigError, OtlpConfig, read_pem};
use super::transport::{Answer, Reason, not_connected, quoted, says_too_large};

const EXPORT: &str = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";

/// OTLP over gRPC.
#[derive(Debug)]
pub struct GrpcTransport {
    channel: Channel,
    metadata: MetadataMap,
    gzip: bool,
    timeout: Duration,
    shown: String,
}

impl GrpcTransport {
    /// Prepares to send; nothing is connected yet.
    pub(super) fn new(config: &OtlpConfig) -> Result<Self, ConfigError> {
        let invalid = |problem: String| ConfigError::Invalid { name: config.shown(), problem };
        let mut endpoint = Endpoint::from(config.url.clone()).connect_timeout(config.timeout);
        endpoint = endpoint
            .user_agent(concat!("ecspan/", env!("CARGO_PKG_VERSION")))
            .map_err(|error| invalid(error.to_string()))?;
        if config.url.scheme_str() == Some("https") {
            let mut tls = ClientTlsConfig::new();
            tls = match &config.ca {
                Some(path) => tls.ca_certificate(Certificate::from_pem(read_pem(path)?)),
                None => tls.with_native_roots(),
            };
            if let Some((certificate, key)) = &config.client {
                tls = tls.identity(Identity::from_pem(read_pem(certificate)?, read_pem(key)?));
            }
            endpoint = endpoint.tls_config(tls).map_err(|error| invalid(super::transport::root_cause(&error)))?;
        }
        let mut metadata = MetadataMap::new();
        for (name, value) in &config.headers {
            let key: AsciiMetadataKey =
                name.as_str().parse().map_err(|_| invalid(format!("header {name} cannot be sent over gRPC")))?;
            let value = value.to_str().ok().and_then(|text| text.parse().ok());
            metadata.insert(
                key,
                value.ok_or_else(|| invalid(format!("the value of header {name} cannot be sent over gRPC")))?,
            );
        }
        Ok(Self {
            channel: endpoint.connect_lazy(),
            metadata,
            gzip: config.gzip,
            timeout: config.timeout,
            shown: config.shown(),
        })
    }

    pub(super) async fn send(&self, body: Bytes) -> Answer {
        let mut grpc = Grpc::new(self.channel.clone());
        if self.gzip {
            grpc = grpc.send_compressed(CompressionEncoding::Gzip).accept_compressed(CompressionEncoding::Gzip);
        }
        let attempt = async {
            grpc.ready().await.map_err(|error| Status::from_error(error.into()))?;
            let mut request = Request::new(body);
            *request.metadata_mut() = self.metadata.clone();
            grpc.unary(request, PathAndQuery::from_static(EXPORT), RawCodec).await
        };
        match tokio::time::timeout(self.timeout, attempt).await {
            Err(_) => Answer::Unknown {
                reason: Reason::new(format!("{} did not answer within {:?}", self.shown, self.timeout)),
            },
            Ok(Ok(response)) => accepted(&response.into_inner()),
            Ok(Err(status)) => self.classify(&status),
        }
    }

    /// What the OTLP specification says of a status; see its table of retryable codes.
    fn classify(&self, status: &Status) -> Answer {
        let said = quoted(status.message());
        let reason = Reason::new(format!("{} answered {:?}: {said}", self.shown, status.code()));
        let after = status.get_details_retry_info().and_then(|info| info.retry_delay);
        if let Some(cause) = connection_error(status) {
            return cause.map_or_else(
                || Answer::Retry { after: None, reason: not_connected(&self.shown, status) },
                |hint| Answer::Refused {
                    reason: Reason::new(format!("{} does not speak gRPC", self.shown)).hint(hint),
                    too_large: false,
                },
            );
        }
        match status.code() {
            Code::ResourceExhausted if after.is_some() => Answer::Retry { after, reason },
            Code::ResourceExhausted => Answer::Refused { reason, too_large: true },
            Code::OutOfRange if says_too_large(&said) => Answer::Refused { reason, too_large: true },
            Code::Cancelled
            | Code::DeadlineExceeded
            | Code::Aborted
            | Code::OutOfRange
            | Code::Unavailable
            | Code::DataLoss => Answer::Retry { after, reason },
            code => {
                let hint = match code {
                    Code::Unauthenticated | Code::PermissionDenied => {
                        "give the receiver's key: --header NAME=VALUE or OTEL_EXPORTER_OTLP_HEADERS"
                    }
                    Code::Unimplemented => "the server has no OTLP trace service: check the endpoint and its port",
                    _ if speaks_http(&said) => {
                        "the server speaks HTTP, not gRPC: use --protocol http/protobuf (port 4318, usually)"
                    }
                    _ => return Answer::Refused { too_large: says_too_large(&said), reason },
                };
                Answer::Refused { reason: reason.hint(hint), too_large: false }
            }
        }
    }
}

/// Whether a status was made on this side because no connection came about. `Some(Some(hint))`: there is one, to
/// something that is no gRPC server.
fn connection_error(status: &Status) -> Option<Option<&'static str>> {
    let source = std::error::Error::source(status)?;
    let cause = super::transport::root_cause(source).to_ascii_lowercase();
    let protocol = cause.contains("frame")
        || cause.contains("http2")
        || cause.contains("protocol error")
        || cause.contains("preface");
    if protocol {
        return Some(Some("the server speaks HTTP/1.1, not gRPC: use --protocol http/protobuf (port 4318, usually)"));
    }
    source.downcast_ref::<tonic::transport::Error>().map(|_| None)
}

/// A gRPC client's words for an answer that is plain HTTP.
fn speaks_http(said: &str) -> bool {
    let said = said.to_ascii_lowercase();
    said.contains("http status") || said.contains("invalid content-type") || said.contains("text/plain")
}

fn accepted(body: &Bytes) -> Answer {
    match ExportTraceServiceResponse::decode(body.clone()) {
        Ok(response) => {
            let partial = response.partial_success.unwrap_or_default();
            let rejected = u64::try_from(partial.rejected_spans).unwrap_or_default();
            Answer::Accepted { rejected, message: quoted(&partial.error_message) }
        }
        Err(_) => Answer::Refused { reason: Reason::new("the answer is not OTLP"), too_large: false },
    }
}

/// Hands bytes through: requests are encoded once, before they are cut and counted.
#[derive(Clone, Copy, Debug)]
struct RawCodec;

impl Codec for RawCodec {
    type Encode = Bytes;
    type Decode = Bytes;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        *self
    }

    fn decoder(&mut self) -> Self {
        *self
    }
}

impl Encoder for RawCodec {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, item: Bytes, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        buffer.put(item);
        Ok(())
    }

    fn buffer_settings(&self) -> BufferSettings {
        BufferSettings::default()
    }
}

impl Decoder for RawCodec {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        Ok(Some(buffer.copy_to_bytes(buffer.remaining())))
    }

    fn buffer_settings(&self) -> BufferSettings {
        BufferSettings::default()
    }
}
