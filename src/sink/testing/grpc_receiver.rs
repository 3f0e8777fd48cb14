//! A scripted gRPC receiver on loopback, over h2.

use std::io::Read;
use std::sync::Arc;

use bytes::{BufMut, Bytes, BytesMut};
use h2::server::SendResponse;
use http::{HeaderMap, Request, Response};
use opentelemetry_proto::tonic::collector::trace::v1::{ExportTracePartialSuccess, ExportTraceServiceResponse};
use prost::Message;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use super::{Receiver, Script};

/// What is answered to one call.
#[derive(Clone, Debug)]
pub(crate) enum GrpcStep {
    /// OK, with this many rejected and a message.
    Ok(i64, &'static str),
    /// A status in trailers, with encoded `google.rpc.Status`, base64.
    Status(i32, &'static str, String),
    /// An HTTP answer without gRPC: its status, `Retry-After` and body.
    Http(u16, &'static str, &'static str),
    /// OK, with a message that is larger than any.
    Large,
    /// The call is refused before it is looked at.
    Refused,
    /// The stream is reset.
    Reset,
}

impl GrpcStep {
    pub(crate) const fn status(code: tonic::Code, message: &'static str) -> Self {
        Self::Status(code as i32, message, String::new())
    }
}

/// One call.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
    /// The message, decompressed.
    pub(crate) body: Bytes,
    pub(crate) was_compressed: bool,
}

pub(crate) type GrpcReceiver = Receiver<GrpcStep, Seen>;

impl GrpcReceiver {
    pub(crate) async fn start(steps: impl IntoIterator<Item = GrpcStep>) -> Self {
        Self::serving(steps, async |socket, script| {
            // A connection that ends is what some tests are about.
            let _ = serve(socket, &script).await;
        })
        .await
    }
}

async fn serve(socket: TcpStream, script: &Arc<Script<GrpcStep, Seen>>) -> Result<(), h2::Error> {
    let mut connection = h2::server::handshake(socket).await?;
    let mut calls = JoinSet::new();
    while let Some(call) = connection.accept().await {
        let (request, respond) = call?;
        let script = Arc::clone(script);
        calls.spawn(async move {
            let _ = answer(request, respond, &script).await;
        });
    }
    Ok(())
}

async fn answer(
    request: Request<h2::RecvStream>,
    mut respond: SendResponse<Bytes>,
    script: &Script<GrpcStep, Seen>,
) -> Result<(), h2::Error> {
    let (head, mut stream) = request.into_parts();
    let mut frame = BytesMut::new();
    while let Some(chunk) = stream.data().await {
        let chunk = chunk?;
        stream.flow_control().release_capacity(chunk.len())?;
        frame.put(chunk);
    }
    let was_compressed = frame.first() == Some(&1);
    let body = frame.split_off(5).freeze();
    let body = if was_compressed { gunzipped(&body) } else { body };
    let seen = Seen { path: head.uri.path().to_owned(), headers: head.headers, body, was_compressed };
    let mut send = |status: u16, end| {
        let head = Response::builder().status(status).header("content-type", "application/grpc").body(()).unwrap();
        respond.send_response(head, end)
    };
    match script.next(seen) {
        Some(GrpcStep::Ok(rejected_spans, message)) => {
            let partial = ExportTracePartialSuccess { rejected_spans, error_message: message.to_owned() };
            let message = ExportTraceServiceResponse { partial_success: Some(partial) }.encode_to_vec();
            let mut frame = BytesMut::new();
            frame.put_u8(0);
            frame.put_u32(u32::try_from(message.len()).unwrap());
            frame.put_slice(&message);
            let mut stream = send(200, false)?;
            stream.send_data(frame.freeze(), false)?;
            stream.send_trailers(trailers(0, "", ""))
        }
        Some(GrpcStep::Status(code, message, details)) => {
            send(200, false)?.send_trailers(trailers(code, message, &details))
        }
        Some(GrpcStep::Http(status, retry_after, body)) => {
            let mut head = Response::builder().status(status).header("content-type", "text/plain");
            if !retry_after.is_empty() {
                head = head.header("retry-after", retry_after);
            }
            let mut stream = respond.send_response(head.body(()).unwrap(), body.is_empty())?;
            if body.is_empty() { Ok(()) } else { stream.send_data(body.into(), true) }
        }
        Some(GrpcStep::Large) => {
            let mut frame = BytesMut::new();
            frame.put_u8(0);
            frame.put_u32(5 * 1024 * 1024);
            frame.put_bytes(b'a', 5 * 1024 * 1024);
            let mut stream = send(200, false)?;
            stream.send_data(frame.freeze(), false)?;
            stream.send_trailers(trailers(0, "", ""))
        }
        Some(GrpcStep::Refused) => {
            respond.send_reset(h2::Reason::REFUSED_STREAM);
            Ok(())
        }
        Some(GrpcStep::Reset) | None => {
            respond.send_reset(h2::Reason::INTERNAL_ERROR);
            Ok(())
        }
    }
}

fn trailers(code: i32, message: &str, details: &str) -> HeaderMap {
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", code.into());
    trailers.insert("grpc-message", message.parse().unwrap());
    if !details.is_empty() {
        trailers.insert("grpc-status-details-bin", details.parse().unwrap());
    }
    trailers
}

pub(crate) fn gunzipped(bytes: &[u8]) -> Bytes {
    let mut plain = Vec::new();
    flate2::read::GzDecoder::new(bytes).read_to_end(&mut plain).unwrap();
    plain.into()
}
