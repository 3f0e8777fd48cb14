//! A scripted HTTP/1.1 receiver on loopback, by hand.

use std::io;

use bytes::Bytes;
use http::HeaderMap;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::{Receiver, Script};

/// What is answered to one request.
#[derive(Clone, Debug)]
pub(crate) enum HttpStep {
    /// These bytes, as they are.
    Raw(Vec<u8>),
    /// The connection ends.
    Close,
}

impl HttpStep {
    /// An answer with headers (`name: value`, each on its line) and a body.
    pub(crate) fn answer(status: u16, headers: &str, body: impl AsRef<[u8]>) -> Self {
        let body = body.as_ref();
        let head = format!("HTTP/1.1 {status} X\r\ncontent-length: {}\r\n{headers}\r\n\r\n", body.len());
        // Without headers the head would end twice.
        Self::Raw([head.replace("\r\n\r\n\r\n", "\r\n\r\n").as_bytes(), body].concat())
    }

    pub(crate) fn ok() -> Self {
        Self::answer(200, "", "")
    }
}

/// One request.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

pub(crate) type HttpReceiver = Receiver<HttpStep, Seen>;

impl HttpReceiver {
    pub(crate) async fn start(steps: impl IntoIterator<Item = HttpStep>) -> Self {
        Self::serving(steps, async |socket, script| {
            // A connection that ends is what some steps are about.
            let _ = serve(socket, &script).await;
        })
        .await
    }
}

async fn serve(mut socket: TcpStream, script: &Script<HttpStep, Seen>) -> io::Result<()> {
    while let Some(seen) = read(&mut socket).await? {
        match script.next(seen) {
            Some(HttpStep::Raw(bytes)) => socket.write_all(&bytes).await?,
            Some(HttpStep::Close) | None => return Ok(()),
        }
    }
    Ok(())
}

async fn read(socket: &mut TcpStream) -> io::Result<Option<Seen>> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match socket.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof && head.is_empty() => return Ok(None),
            Err(error) => return Err(error),
        }
    }
    let head = String::from_utf8(head).map_err(|_| io::ErrorKind::InvalidData)?;
    let mut lines = head.split("\r\n");
    let path = lines.next().and_then(|line| line.split(' ').nth(1)).unwrap_or_default().to_owned();
    let headers: HeaderMap = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.parse::<http::HeaderName>().unwrap(), value.parse().unwrap()))
        .collect();
    let length = headers.get("content-length").and_then(|value| value.to_str().ok()?.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    socket.read_exact(&mut body).await?;
    Ok(Some(Seen { path, headers, body: body.into() }))
}
