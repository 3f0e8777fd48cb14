//! What every engine that delivers tells meanwhile. Main function: [`told`].

use super::notice::{Notice, Teller};
use crate::sink::Delivery;

/// Tells of attempts that failed and will be repeated.
pub(super) fn told(delivery: Delivery, notices: &Teller) -> Delivery {
    let notices = notices.clone();
    delivery.on_retry(move |to, reason, pause| {
        notices.tell(&Notice::Retry { to: to.to_owned(), reason: reason.to_string(), pause });
    })
}
