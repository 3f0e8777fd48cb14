//! The way of tasks to one destination: packed, tried until their fate is known, booked. What [`Acknowledged`] and [`Resender`] share;
//! [`Delivery`] packs while it sends, since its tasks stream in.
//!
//! [`Acknowledged`]: crate::sink::Acknowledged
//! [`Resender`]: crate::sink::Resender
//! [`Delivery`]: crate::sink::Delivery

use std::time::SystemTime;

use futures::FutureExt;
use tokio::time::Instant;

use super::report::DestinationReport;
use super::retry::{self, Delivered};
use crate::sink::destination::Destination;
use crate::sink::otlp::encode::{EncodedTask, Request};
use crate::sink::otlp::pack::Packer;

/// What became of some tasks.
pub(crate) struct Sent {
    /// Their requests, and parts of requests that were split, in the order in which they were tried.
    pub(crate) parts: Vec<Delivered>,
    /// Log events that were left out so that a span fits.
    pub(crate) dropped_events: u64,
    /// Log records that were cut so that they fit.
    pub(crate) cut_records: u64,
}

impl Destination {
    /// Sends tasks in requests that they share, one after the other: the last may hold the root of the spans before.
    pub(crate) async fn send(&self, tasks: impl IntoIterator<Item = EncodedTask>) -> Sent {
        let mut packer = Packer::new(self.limits);
        let (mut requests, mut parts) = (Vec::<Request>::new(), Vec::<Delivered>::new());
        for task in tasks {
            let packed = packer.push(task, SystemTime::now());
            requests.extend(packed.requests);
            parts.extend(packed.refused.into_iter().map(Delivered::unacceptable));
        }
        requests.extend(packer.flush());
        for request in requests {
            parts.extend(retry::deliver(self.transport.as_ref(), &self.policy, request).await);
        }
        Sent { parts, dropped_events: packer.dropped_events(), cut_records: packer.cut_records() }
    }

    /// Nothing is repeated any more once this is ready, and what is under way has four seconds.
    pub(crate) fn until(mut self, stop: impl Future<Output = ()> + Send + 'static) -> Self {
        self.policy.stop = stop.map(|()| Instant::now()).boxed().shared();
        self
    }
}

impl DestinationReport {
    /// Of a destination to which nothing was sent yet.
    pub(crate) fn of(destination: &Destination) -> Self {
        Self {
            name: destination.name.clone(),
            signal: destination.signal,
            xray_region: destination.xray_region.clone(),
            dry_run: destination.dry_run,
            ..Self::default()
        }
    }
}
