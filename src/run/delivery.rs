//! How every engine that delivers does it: something feeds pieces, a delivery takes them, failed attempts are told. Main function:
//! [`run`].

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use futures::future::join;
use futures::stream;
use tokio::sync::mpsc::{self, Sender};

use super::notice::{Notice, Teller};
use crate::hint::Hint;
use crate::sink::{Delivery, Piece, Reason, Report};

/// Delivers what `feed` sends until it is through; so many pieces wait in between.
pub(super) async fn run<P: Into<Piece>, T>(
    delivery: Delivery,
    notices: &Teller,
    waiting: usize,
    feed: impl AsyncFnOnce(Sender<P>) -> T,
) -> (T, Report) {
    let (pieces, delivered) = mpsc::channel(waiting);
    let delivered = stream::unfold(delivered, |mut pieces| async move { Some((pieces.recv().await?, pieces)) });
    let delivery = delivery.on_retry(retries(notices));
    join(feed(pieces), delivery.run(delivered)).await
}

/// Tells of attempts that failed. What to do about it is told at once, and once: that is no reason not to go on trying.
pub(super) fn retries(notices: &Teller) -> impl Fn(&str, &Reason, Duration) + Send + Sync + use<> {
    let (notices, told) = (notices.clone(), Mutex::new(HashSet::new()));
    move |to: &str, reason: &Reason, pause: Duration| {
        let is_new =
            |hint: &String| told.lock().unwrap_or_else(PoisonError::into_inner).insert((to.to_owned(), hint.clone()));
        let hint = reason.hint().filter(is_new);
        notices.tell(&Notice::Retry { to: to.to_owned(), reason: reason.to_string(), pause, hint });
    }
}
