//! The body of a request, which says when it goes out: before that nothing can have arrived, whatever happens then. Main types:
//! [`Outgoing`], [`HasLeft`].

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

/// Whether a request has begun to go out.
#[derive(Clone, Debug, Default)]
pub struct HasLeft(Arc<AtomicBool>);

impl HasLeft {
    pub(crate) fn set(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    pub(crate) fn get(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// A body in one piece, which is asked for once there is a connection to write it to.
pub(crate) struct Outgoing {
    body: Option<Bytes>,
    has_left: HasLeft,
}

impl Outgoing {
    pub(crate) const fn new(body: Bytes, has_left: HasLeft) -> Self {
        Self { body: Some(body), has_left }
    }
}

impl Body for Outgoing {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.has_left.set();
        Poll::Ready(self.body.take().map(|body| Ok(Frame::data(body))))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.body.as_ref().map_or(0, |body| body.len() as u64))
    }
}
