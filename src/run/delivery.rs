//! How every engine that delivers does it: something feeds pieces, a delivery takes them, failed attempts are told. Main function:
//! [`run`].

use futures::future::join;
use futures::stream;
use tokio::sync::mpsc::{self, Sender};

use super::notice::{Notice, Teller};
use crate::defect::caught_in;
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
    let retries = notices.clone();
    let delivery = delivery.on_retry(move |to, reason, pause| {
        retries.tell(&Notice::Retry { to: to.to_owned(), reason: reason.to_string(), pause });
    });
    let (fed, report) = join(caught_in(feed(pieces)), delivery.run(delivered)).await;
    match fed {
        Ok(fed) => (fed, report),
        // What came before the defect is sent and saved by now; nobody is there to close the report.
        Err(defect) => {
            for one in &report.destinations {
                let said =
                    format!("{} of {} {}s accepted, {} saved", one.accepted, one.made, one.signal.noun(), one.saved);
                let hint = Some("please report it; what was not read yet was not sent: run it again".to_owned());
                notices
                    .tell(&Notice::Lost { error: format!("a defect of ecspan: {defect}; {}: {said}", one.name), hint });
            }
            panic!("{defect}")
        }
    }
}
