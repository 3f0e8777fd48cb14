//! The contract of everything that spans can be sent over. Main types: [`Transport`] and its [`Answer`].

use std::time::Duration;

use bytes::Bytes;
use futures::future::BoxFuture;

use super::outgoing::HasLeft;
use crate::defect::caught_in;
use crate::sink::otlp::encode::Format;
use crate::sink::reason::Reason;

/// What became of one attempt at one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The receiver took the request.
    Accepted {
        /// The spans that it refused all the same.
        rejected: u64,
        /// What it says of them, or a warning when there are none.
        message: String,
    },
    /// Nothing was taken; the same again may succeed.
    Retry {
        /// How long the receiver asks to wait.
        after: Option<Duration>,
        /// Why.
        reason: Reason,
    },
    /// Nothing was taken, and the same again would fare no better.
    Refused {
        /// Why.
        reason: Reason,
        /// Whether a smaller request may fare better.
        too_large: TooLarge,
    },
    /// It answered with success, but not as one does that took the request: the same again would be answered the same.
    Doubtful {
        /// What it answered.
        reason: Reason,
    },
    /// The request went out, at least in part, and no answer came back. Spans are identical when sent again, so that is
    /// safe.
    Unknown {
        /// What happened.
        reason: Reason,
    },
}

impl Answer {
    /// Refused, but not for its size.
    pub(crate) const fn refused(reason: Reason) -> Self {
        Self::Refused { reason, too_large: TooLarge::No }
    }

    pub(crate) const fn retry(reason: Reason) -> Self {
        Self::Retry { after: None, reason }
    }
}

/// Whether a request was refused for its size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TooLarge {
    /// For another reason.
    No,
    /// The answer also fits another reason: `RESOURCE_EXHAUSTED` may mean a quota.
    Perhaps,
    /// It says so.
    Yes,
}

/// Makes one attempt, whatever happens in it: a panic in a library leaves a request whose outcome nobody knows.
pub(crate) async fn attempt(transport: &dyn Transport, body: Bytes, has_left: HasLeft) -> Answer {
    let answer = caught_in(async { transport.send_out(body, has_left).await }).await;
    answer.unwrap_or_else(|detail| Answer::Doubtful { reason: Reason::Defect { detail } })
}

/// Something that requests can be sent over. It makes one attempt; times and repeats are the retry loop's.
pub trait Transport: Send + Sync {
    /// How it wants bodies.
    fn format(&self) -> Format;

    /// Makes one attempt.
    fn send(&self, body: Bytes) -> BoxFuture<'_, Answer>;

    /// The same, and says when the request begins to go out: an attempt whose time is up before has surely delivered nothing.
    fn send_out(&self, body: Bytes, has_left: HasLeft) -> BoxFuture<'_, Answer> {
        has_left.set();
        self.send(body)
    }

    /// The proxy that it goes through, without its credentials.
    fn proxy(&self) -> Option<String> {
        None
    }

    /// Called once, when all is sent: what is only complete as a whole is completed here.
    ///
    /// # Errors
    /// When this fails, nothing that was accepted was delivered.
    fn finish(&self) -> Result<(), Reason> {
        Ok(())
    }
}
