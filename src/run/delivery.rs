//! How every engine that delivers does it: something feeds pieces, a delivery takes them, failed attempts are told. Main function:
//! [`run`].

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use futures::future::join;
use futures::stream;
use tokio::sync::mpsc::{self, Sender};

use super::notice::{Notice, Teller};
use crate::hint::Hint;
use crate::sink::{Delivery, Piece, Report};

/// Delivers what `feed` sends until it is through; so many pieces wait in between.
pub(super) async fn run<P: Into<Piece>, T>(
    delivery: Delivery,
    notices: &Teller,
    waiting: usize,
    feed: impl AsyncFnOnce(Sender<P>) -> T,
) -> (T, Report) {
    let (pieces, delivered) = mpsc::channel(waiting);
    let delivered = stream::unfold(delivered, |mut pieces| async move { Some((pieces.recv().await?, pieces)) });
    let notices = notices.clone();
    let told = Mutex::new(HashSet::new());
    let delivery = delivery.on_retry(move |to, reason, pause| {
        // What to do about it is told at once, and once: that is no reason not to go on trying.
        let hint = reason
            .hint()
            .filter(|hint| told.lock().unwrap_or_else(PoisonError::into_inner).insert((to.to_owned(), hint.clone())));
        notices.tell(&Notice::Retry { to: to.to_owned(), reason: reason.to_string(), pause, hint });
    });
    join(feed(pieces), delivery.run(delivered)).await
}
