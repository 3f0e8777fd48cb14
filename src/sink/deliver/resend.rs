//! Sends requests again that were saved or come from a file of OTLP JSON lines. Main type: [`Resender`].

use std::time::Duration;

use futures::FutureExt;

use super::fate::{Delivered, Fate};
use super::lane::{Lane, Sent, stopping};
use super::report::DestinationReport;
use super::undelivered::{Keeper, Saved, Waiting, keep};
use crate::sink::destination::Destination;
use crate::sink::reason::Reason;

/// Sends to one destination and keeps the books.
#[derive(Debug)]
pub(crate) struct Resender(Lane);

/// What becomes of the place where a request waited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Then {
    /// It need not be there any more: it was accepted, or what was not is saved anew.
    Done,
    /// It waits on.
    Waits,
}

impl Resender {
    /// Sends there.
    pub(crate) fn new(destination: Destination) -> Self {
        Self(Lane::new(destination))
    }

    /// Nothing is repeated any more once this is ready, as [`Delivery::until`](crate::sink::Delivery::until).
    #[must_use]
    pub(crate) fn until(self, stop: impl Future<Output = ()> + Send + 'static) -> Self {
        Self(self.0.until(stopping(stop)))
    }

    /// Sends nothing more once this is ready, as [`Delivery::hurried`](crate::sink::Delivery::hurried).
    #[must_use]
    pub(crate) fn hurried(self, hurried: impl Future<Output = ()> + Send + 'static) -> Self {
        Self(self.0.hurried(hurried.boxed().shared()))
    }

    /// Each attempt that failed and will be repeated is told there, as [`Delivery::on_retry`](crate::sink::Delivery::on_retry).
    #[must_use]
    pub(crate) fn on_retry(self, tell: impl Fn(&str, &Reason, Duration) + Send + Sync + 'static) -> Self {
        Self(self.0.on_retry(tell))
    }

    /// Sends a request, cut as this receiver wants it.
    pub(crate) async fn send(&self, waiting: Waiting) -> Then {
        let waited_as = waiting.note.as_ref().map(|note| note.outcome);
        let meant_for = waiting.note.as_ref().map(|note| note.meant_for.clone());
        let keeper = self.0.destination.keeper.clone();
        let keeper = keeper.map(|keeper| Keeper { meant_for: meant_for.unwrap_or(keeper.meant_for), ..keeper });
        let items = waiting.request.items();
        let Sent { parts, dropped_events, cut_records } = self.0.send(waiting.request.into_tasks()).await;
        let lost = |part: &Delivered| part.loss().map(|loss| loss.lost);
        let is_done = parts.iter().all(|part| lost(part).is_none());
        // What was taken nowhere stays where it is, with what is known of it; a receiver that was only tried is not where it
        // was meant for.
        let took_some = |part: &Delivered| matches!(part.fate, Fate::Accepted { .. });
        let again_partial = parts.len() == 1 && parts.first().and_then(lost) == waited_as;
        let fared_as_before = !is_done && (again_partial || !parts.iter().any(took_some));
        let mut all_safe = true;
        let mut saved = vec![];
        for part in &parts {
            let kept = if fared_as_before || is_done { None } else { keep(keeper.as_ref(), part).await };
            all_safe &= lost(part).is_none() || kept.as_ref().is_some_and(|kept| kept.place.is_ok());
            saved.push(kept.or_else(|| self.stays(part, fared_as_before)));
        }
        let mut books = self.0.books();
        books.made += items;
        books.dropped_events += dropped_events;
        books.cut_records += cut_records;
        parts.iter().zip(saved).for_each(|(part, saved)| books.add(part, saved));
        if self.0.destination.dry_run || !(is_done || (all_safe && !fared_as_before)) {
            Then::Waits
        } else {
            Then::Done
        }
    }

    /// A request that stays in the folder where it was is as good as saved.
    fn stays(&self, part: &Delivered, fared_as_before: bool) -> Option<Saved> {
        let keeper = self.0.destination.keeper.as_ref().filter(|_| fared_as_before)?;
        let lost = part.loss()?.lost;
        Some(Saved { lost, items: part.request.items(), place: Ok(keeper.folder.path().to_owned()) })
    }

    /// What became of everything, once all is sent.
    pub(crate) fn report(self) -> DestinationReport {
        if let Err(reason) = self.0.destination.transport.finish() {
            self.0.books().withdraw(reason);
        }
        self.0.into_report()
    }
}
