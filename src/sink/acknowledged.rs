//! Delivers one task at a time and says what became of it: for whoever may only forget a task once it is accepted. Main type:
//! [`Acknowledged`].

use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use futures::FutureExt;
use tokio::time::Instant;

use super::destination::Destination;
use super::encode::{EncodedTask, Request};
use super::pack::Packer;
use super::reason::Reason;
use super::report::DestinationReport;
use super::retry::{self, Delivered, Fate};
use crate::trace::TaskTrace;

/// One destination.
#[derive(Debug)]
pub struct Acknowledged {
    destination: Destination,
    report: Mutex<DestinationReport>,
}

/// What became of a task at a destination.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ack {
    /// Each span is accepted, or refused for good: sending it again would change nothing.
    Settled {
        /// The spans that were accepted.
        accepted: u64,
        /// The spans that were not.
        rejected: u64,
        /// Why those were not.
        why: Vec<Reason>,
    },
    /// Some spans were not taken, or nobody knows; the receiver may take them later.
    Open(Reason),
}

impl Acknowledged {
    /// Delivers there.
    pub fn new(destination: Destination) -> Self {
        let report = DestinationReport {
            name: destination.name.clone(),
            xray_region: destination.xray_region.clone(),
            ..DestinationReport::default()
        };
        Self { destination, report: Mutex::new(report) }
    }

    /// Nothing is repeated any more once this is ready, as [`Delivery::until`](super::Delivery::until).
    #[must_use]
    pub fn until(mut self, stop: impl Future<Output = ()> + Send + 'static) -> Self {
        self.destination.policy.stop = stop.map(|()| Instant::now()).boxed().shared();
        self
    }

    /// Delivers a task.
    pub async fn send(&self, trace: TaskTrace) -> Ack {
        let Destination { policy, transport, limits, .. } = &self.destination;
        let mut packer = Packer::new(*limits);
        let task = EncodedTask::spans(trace);
        let made = task.items.len() as u64;
        let packed = packer.push(task, SystemTime::now());
        let requests: Vec<Request> = packed.requests.into_iter().chain(packer.flush()).collect();
        let mut parts: Vec<Delivered> = packed.refused.into_iter().map(Delivered::unacceptable).collect();
        for request in requests {
            parts.extend(retry::deliver(transport.as_ref(), policy, request).await);
        }
        let ack = settle(&parts);
        let mut report = self.report.lock().unwrap_or_else(PoisonError::into_inner);
        // What stays open is sent, and counted, again.
        if matches!(ack, Ack::Settled { .. }) {
            report.made += made;
            report.dropped_events += packer.dropped_events();
            parts.into_iter().for_each(|part| report.add(part, None));
        }
        ack
    }

    /// What it is called.
    pub fn name(&self) -> &str {
        &self.destination.name
    }

    /// What became of everything that is settled.
    pub fn report(&self) -> DestinationReport {
        self.report.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn settle(parts: &[Delivered]) -> Ack {
    let (mut accepted, mut rejected, mut why) = (0, 0, vec![]);
    for part in parts {
        let items = part.request.items();
        match &part.fate {
            Fate::Accepted { rejected: refused, message } => {
                accepted += items - refused;
                rejected += refused;
                if *refused > 0 {
                    why.push(Reason::Rejected { message: message.clone() });
                }
            }
            Fate::Unacceptable { reason } => {
                rejected += items;
                why.push(reason.clone());
            }
            Fate::Undelivered { reason } if reason.is_for_good() => {
                rejected += items;
                why.push(reason.clone());
            }
            Fate::Undelivered { reason } | Fate::Unknown { reason } => return Ack::Open(reason.clone()),
            Fate::Split => {}
        }
    }
    Ack::Settled { accepted, rejected, why }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::sync::Arc;

    use http::StatusCode;

    use super::*;
    use crate::sink::testing::{Scripted, Step, task, took};
    use crate::sink::transport::{Answer, TooLarge};

    fn http(status: StatusCode) -> Reason {
        Reason::Http { status, message: String::new() }
    }

    async fn send(step: Answer) -> Ack {
        let to = Destination::over("scripted".to_owned(), Arc::new(Scripted::new([Step::Say(step)])));
        Acknowledged::new(to).send(task("a", 3)).await
    }

    #[tokio::test]
    async fn what_may_be_mended_stays_open_and_what_may_not_is_settled() {
        assert_eq!(send(took(0, "")).await, Ack::Settled { accepted: 3, rejected: 0, why: vec![] });
        let Ack::Settled { accepted: 2, rejected: 1, .. } = send(took(1, "old")).await else { panic!() };
        let refused = |status| Answer::Refused { reason: http(status), too_large: TooLarge::No };
        let Ack::Settled { rejected: 3, .. } = send(refused(StatusCode::BAD_REQUEST)).await else { panic!() };
        for status in [StatusCode::UNAUTHORIZED, StatusCode::NOT_FOUND, StatusCode::INTERNAL_SERVER_ERROR] {
            assert_eq!(send(refused(status)).await, Ack::Open(http(status)), "a key or a path can be mended");
        }
    }
}
