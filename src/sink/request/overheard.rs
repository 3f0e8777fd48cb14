//! What a server says in HTTP/1.1 where HTTP/2 is spoken to it: gRPC's client only knows that it is no frame. Main types:
//! [`Overhearing`], [`Overheard`].

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use futures::FutureExt;
use futures::future::BoxFuture;
use http::header::{HeaderMap, HeaderName, HeaderValue, TRANSFER_ENCODING};
use http::{StatusCode, Uri};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tower_service::Service;

/// So much of an answer is kept: its head and its first words.
const KEPT: usize = 4 * 1024;

/// An answer in HTTP/1.1, as far as it was heard.
pub(crate) struct Http1 {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

/// The begin of what the last connection said, while that looks like HTTP/1.1.
#[derive(Clone, Default)]
pub(crate) struct Overheard(Arc<Mutex<Vec<u8>>>);

impl Overheard {
    /// The answer, if it is one.
    pub(crate) fn answer(&self) -> Option<Http1> {
        let heard = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let end = heard.windows(4).position(|four| four == b"\r\n\r\n").unwrap_or(heard.len());
        let (head, body) = heard.split_at(end);
        let head = String::from_utf8_lossy(head);
        let mut lines = head.split("\r\n");
        let status = lines.next()?.strip_prefix("HTTP/1.")?.split(' ').nth(1)?;
        let header = |line: &str| {
            let (name, value) = line.split_once(':')?;
            Some((name.trim().parse::<HeaderName>().ok()?, value.trim().parse::<HeaderValue>().ok()?))
        };
        let headers: HeaderMap = lines.filter_map(header).collect();
        let body = body.get(4..).unwrap_or_default();
        // Of chunks, the first one: after its length, up to the next.
        let is_chunked = headers.contains_key(TRANSFER_ENCODING);
        let first = || body.split(|byte| *byte == b'\n').nth(1);
        let body = if is_chunked { first().unwrap_or_default() } else { body }.to_vec();
        Some(Http1 { status: status.parse().ok()?, headers, body })
    }

    /// The same connection, listened to.
    pub(crate) fn listen(self, stream: TokioIo<TcpStream>) -> TokioIo<Ear> {
        self.hear(b"", true);
        TokioIo::new(Ear { stream: stream.into_inner(), overheard: self, is_first: true, is_http1: true })
    }

    fn hear(&self, bytes: &[u8], is_first: bool) {
        let mut heard = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if is_first {
            heard.clear();
        }
        let room = KEPT.saturating_sub(heard.len()).min(bytes.len());
        heard.extend_from_slice(bytes.get(..room).unwrap_or_default());
    }
}

/// Connects as tonic does by itself, and keeps what is said in HTTP/1.1.
#[derive(Clone)]
pub(crate) struct Overhearing {
    tcp: HttpConnector,
    overheard: Overheard,
}

impl Overhearing {
    pub(crate) fn new(overheard: Overheard) -> Self {
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        Self { tcp, overheard }
    }
}

impl Service<Uri> for Overhearing {
    type Response = TokioIo<Ear>;
    type Error = <HttpConnector as Service<Uri>>::Error;
    type Future = BoxFuture<'static, Result<Self::Response, Self::Error>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Service::<Uri>::poll_ready(&mut self.tcp, context)
    }

    fn call(&mut self, to: Uri) -> Self::Future {
        let (connecting, overheard) = (self.tcp.call(to), self.overheard.clone());
        overheard.hear(b"", true);
        overheard.hear(b"", true);
        connecting.map(|connected| connected.map(|stream| overheard.listen(stream))).boxed()
    }
}

/// A connection that is listened to while it may speak HTTP/1.1.
pub(crate) struct Ear {
    stream: TcpStream,
    overheard: Overheard,
    is_first: bool,
    is_http1: bool,
}

impl AsyncRead for Ear {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        let bytes = buffer.filled().get(before..).unwrap_or_default();
        if self.is_http1 && !bytes.is_empty() {
            // Frames of HTTP/2 begin with their length, which is none of these letters.
            self.is_http1 = !self.is_first || bytes.starts_with(b"HTTP/1.");
            self.overheard.hear(if self.is_http1 { bytes } else { b"" }, self.is_first);
            self.is_first = false;
        }
        read
    }
}

impl AsyncWrite for Ear {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, parts)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
