//! Sends requests again that were saved or come from a file of OTLP JSON lines. Main type: [`Resender`].

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::lane::Sent;
use super::report::DestinationReport;
use super::retry::{Delivered, Fate};
use crate::sink::destination::Destination;
use crate::sink::file::undelivered::{Keeper, Outcome, Saved, Waiting, keep};
use crate::sink::reason::Reason;

/// Sends to one destination and keeps the books.
#[derive(Debug)]
pub struct Resender {
    destination: Destination,
    report: Mutex<DestinationReport>,
}

/// What becomes of the place where a request waited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Then {
    /// It need not be there any more: it was accepted, or what was not is saved anew.
    Done,
    /// It waits on.
    Waits,
}

impl Resender {
    /// Sends there.
    pub fn new(destination: Destination) -> Self {
        let report = DestinationReport::of(&destination);
        Self { destination, report: Mutex::new(report) }
    }

    /// Nothing is repeated any more once this is ready, as [`Delivery::until`](crate::sink::Delivery::until).
    #[must_use]
    pub fn until(mut self, stop: impl Future<Output = ()> + Send + 'static) -> Self {
        self.destination = self.destination.until(stop);
        self
    }

    /// Each attempt that failed and will be repeated is told there, as [`Delivery::on_retry`](crate::sink::Delivery::on_retry).
    #[must_use]
    pub fn on_retry(mut self, tell: impl Fn(&str, &Reason, Duration) + Send + Sync + 'static) -> Self {
        let name = self.destination.name.clone();
        self.destination.policy.on_retry = Some(Arc::new(move |reason, pause| tell(&name, reason, pause)));
        self
    }

    /// Sends a request, cut as this receiver wants it.
    pub async fn send(&self, waiting: Waiting) -> Then {
        let waited_as = waiting.note.as_ref().map(|note| note.outcome);
        let meant_for = waiting.note.as_ref().map(|note| note.meant_for.clone());
        let keeper = self
            .destination
            .keeper
            .clone()
            .map(|keeper| Keeper { meant_for: meant_for.unwrap_or(keeper.meant_for), ..keeper });
        let items = waiting.request.items();
        let Sent { parts, dropped_events, cut_records } = self.destination.send(waiting.request.into_tasks()).await;
        let outcomes = |part: &Delivered| Outcome::of(&part.fate).map(|(outcome, ..)| outcome);
        let is_done = parts.iter().all(|part| outcomes(part).is_none());
        // What was taken nowhere stays where it is, with what is known of it; a receiver that was only tried is not where it
        // was meant for.
        let took_some = |part: &Delivered| matches!(part.fate, Fate::Accepted { .. });
        let again_partial = parts.len() == 1 && parts.first().and_then(outcomes) == waited_as;
        let fared_as_before = !is_done && (again_partial || !parts.iter().any(took_some));
        let mut all_safe = true;
        let mut saved = vec![];
        for part in &parts {
            let kept = if fared_as_before || is_done { None } else { keep(keeper.as_ref(), part).await };
            all_safe &= outcomes(part).is_none() || kept.as_ref().is_some_and(|kept| kept.place.is_ok());
            saved.push(kept.or_else(|| self.stays(part, fared_as_before)));
        }
        let mut report = self.report.lock().unwrap_or_else(PoisonError::into_inner);
        report.made += items;
        report.dropped_events += dropped_events;
        report.cut_records += cut_records;
        parts.iter().zip(saved).for_each(|(part, saved)| report.add(part, saved));
        if self.destination.dry_run || !(is_done || (all_safe && !fared_as_before)) { Then::Waits } else { Then::Done }
    }

    /// A request that stays in the folder where it was is as good as saved.
    fn stays(&self, part: &Delivered, fared_as_before: bool) -> Option<Saved> {
        let keeper = self.destination.keeper.as_ref().filter(|_| fared_as_before)?;
        let (outcome, ..) = Outcome::of(&part.fate)?;
        Some(Saved { outcome, items: part.request.items(), place: Ok(keeper.folder.path().to_owned()) })
    }

    /// What became of everything, once all is sent.
    pub fn report(self) -> DestinationReport {
        let mut report = self.report.into_inner().unwrap_or_else(PoisonError::into_inner);
        if let Err(reason) = self.destination.transport.finish() {
            report.withdraw(reason);
        }
        report
    }
}
