//! The way to one destination: requests in their order, tried until their fate is known, and the books of it. [`Delivery`],
//! [`Acknowledged`] and [`Resender`] differ in what they pack when, and in what becomes of what was not accepted. Main type: [`Lane`].
//!
//! [`Acknowledged`]: crate::sink::Acknowledged
//! [`Resender`]: crate::sink::Resender
//! [`Delivery`]: crate::sink::Delivery

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use futures::FutureExt;
use tokio::time::Instant;

use super::fate::Delivered;
use super::report::DestinationReport;
use super::retry::{self, Hurried, StoppedSince};
use crate::sink::destination::Destination;
use crate::sink::otlp::encode::{EncodedTask, Request};
use crate::sink::otlp::pack::{Packed, Packer};
use crate::sink::reason::Reason;

/// One destination, and what became of everything that was sent there.
#[derive(Debug)]
pub(super) struct Lane {
    pub(super) destination: Destination,
    report: Mutex<DestinationReport>,
}

/// What became of some tasks.
pub(super) struct Sent {
    /// Their requests, and parts of requests that were split, in the order in which they were tried.
    pub(super) parts: Vec<Delivered>,
    /// Log events that were left out so that a span fits.
    pub(super) dropped_events: u64,
    /// Log records that were cut so that they fit.
    pub(super) cut_records: u64,
}

/// When a run is to end, for all its lanes.
pub(super) fn stopping(stop: impl Future<Output = ()> + Send + 'static) -> StoppedSince {
    stop.map(|()| Instant::now()).boxed().shared()
}

impl Lane {
    pub(super) fn new(destination: Destination) -> Self {
        let report = Mutex::new(DestinationReport {
            name: destination.name.clone(),
            signal: destination.signal,
            xray_region: destination.xray_region.clone(),
            dry_run: destination.dry_run,
            ..DestinationReport::default()
        });
        Self { destination, report }
    }

    /// Nothing is repeated any more once this is ready, and what is under way has four seconds.
    pub(super) fn until(mut self, stop: StoppedSince) -> Self {
        self.destination.policy.stop = stop;
        self
    }

    /// Nothing is sent any more once this is ready. A file is written all the same: of what it holds nothing is saved elsewhere.
    pub(super) fn hurried(mut self, hurried: Hurried) -> Self {
        if self.destination.meant_for.is_some() {
            self.destination.policy.hurried = hurried;
        }
        self
    }

    /// Each attempt that failed and will be repeated is told there.
    pub(super) fn on_retry(mut self, tell: impl Fn(&str, &Reason, Duration) + Send + Sync + 'static) -> Self {
        let name = self.destination.name.clone();
        self.destination.policy.on_retry = Some(Arc::new(move |reason, pause| tell(&name, reason, pause)));
        self
    }

    /// Sends a request until its fate is known.
    pub(super) async fn try_out(&self, request: Request) -> Vec<Delivered> {
        retry::deliver(self.destination.transport.as_ref(), &self.destination.policy, request).await
    }

    /// Sends tasks in requests that they share, one after the other: the last may hold the root of the spans before.
    pub(super) async fn send(&self, tasks: impl IntoIterator<Item = EncodedTask>) -> Sent {
        let mut packer = Packer::new(self.destination.limits);
        let (mut requests, mut parts) = (Vec::<Request>::new(), Vec::<Delivered>::new());
        for task in tasks {
            let Packed { requests: full, refused } = packer.push(task, SystemTime::now());
            requests.extend(full);
            parts.extend(refused.into_iter().map(Delivered::unacceptable));
        }
        requests.extend(packer.flush());
        for request in requests {
            parts.extend(self.try_out(request).await);
        }
        Sent { parts, dropped_events: packer.dropped_events(), cut_records: packer.cut_records() }
    }

    /// The books, for as long as something is entered.
    pub(super) fn books(&self) -> MutexGuard<'_, DestinationReport> {
        self.report.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What became of everything.
    pub(super) fn into_report(self) -> DestinationReport {
        self.report.into_inner().unwrap_or_else(PoisonError::into_inner)
    }
}
