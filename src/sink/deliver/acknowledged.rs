//! Delivers tasks and says what became of each: for whoever may only forget a task once it is accepted. Main type:
//! [`Acknowledged`].

use std::sync::Arc;

use futures::FutureExt;

use super::fate::{Delivered, Loss, Lost};
use super::lane::{Lane, Sent, stopping};
use super::report::DestinationReport;
use crate::sink::destination::Destination;
use crate::sink::otlp::encode::EncodedTask;
use crate::sink::reason::Reason;
use crate::trace::TaskTrace;

/// One destination.
#[derive(Debug)]
pub struct Acknowledged(Lane);

/// What became of a task at a destination.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ack {
    /// Each span is accepted, or refused for good: sending it again would change nothing.
    Settled {
        /// The spans that were accepted, as far as is known.
        accepted: u64,
        /// The spans that were not. Of a request that several tasks share nobody knows whose they are: all of them are told.
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
        Self(Lane::new(destination))
    }

    /// Nothing is repeated any more once this is ready, as [`Delivery::until`](crate::sink::Delivery::until).
    #[must_use]
    pub fn until(self, stop: impl Future<Output = ()> + Send + 'static) -> Self {
        Self(self.0.until(stopping(stop)))
    }

    /// Sends nothing more once this is ready, as [`Delivery::hurried`](crate::sink::Delivery::hurried).
    #[must_use]
    pub fn hurried(self, hurried: impl Future<Output = ()> + Send + 'static) -> Self {
        Self(self.0.hurried(hurried.boxed().shared()))
    }

    /// Requests that may be under way at once.
    pub const fn concurrency(&self) -> usize {
        self.0.destination.concurrency
    }

    /// Delivers a task in requests of its own.
    pub async fn send(&self, trace: TaskTrace) -> Ack {
        let task = EncodedTask::spans(trace);
        let label = Arc::clone(&task.label);
        settle(&label, &self.deliver(vec![task]).await)
    }

    /// Delivers tasks in requests that they share; what became of each, in their order. When a request of several is refused
    /// for good, what each of them has in it is sent alone: one may be to blame for all.
    pub async fn send_all(&self, traces: Vec<TaskTrace>) -> Vec<Ack> {
        let tasks: Vec<EncodedTask> = traces.into_iter().map(EncodedTask::spans).collect();
        let labels: Vec<Arc<str>> = tasks.iter().map(|task| Arc::clone(&task.label)).collect();
        let parts = self.deliver(tasks).await;
        let (shared, mut parts): (Vec<_>, Vec<_>) =
            parts.into_iter().partition(|part| is_refused(part) && !is_alone(part));
        for task in shared.into_iter().flat_map(|part| part.request.into_tasks()) {
            parts.extend(self.deliver(vec![task]).await);
        }
        labels.iter().map(|label| settle(label, &parts)).collect()
    }

    async fn deliver(&self, tasks: Vec<EncodedTask>) -> Vec<Delivered> {
        let Sent { parts, dropped_events, .. } = self.0.send(tasks).await;
        // What stays open is sent, and counted, again.
        let is_settled = |part: &Delivered| {
            part.loss().is_none_or(|loss| !loss.lost.is_resent()) || (is_refused(part) && is_alone(part))
        };
        let mut books = self.0.books();
        if parts.iter().all(is_settled) {
            books.dropped_events += dropped_events;
        }
        for part in parts.iter().filter(|part| is_settled(part)) {
            books.made += part.request.items();
            books.add(part, None);
        }
        drop(books);
        parts
    }

    /// What it is called.
    pub fn name(&self) -> &str {
        &self.0.destination.name
    }

    /// Whether what it takes can be looked up there: in a file nobody does.
    pub fn is_receiver(&self) -> bool {
        self.0.destination.meant_for.is_some()
    }

    /// What became of everything that is settled.
    pub fn report(&self) -> DestinationReport {
        self.0.books().clone()
    }
}

/// The parts in which something of a task was. Labels tell tasks apart by where they are: one may come twice.
fn of_task<'a>(label: &'a Arc<str>, parts: &'a [Delivered]) -> impl Iterator<Item = &'a Delivered> {
    parts.iter().filter(move |part| part.request.tasks().iter().any(|task| Arc::ptr_eq(task, label)))
}

/// Whether no other task was in it.
fn is_alone(part: &Delivered) -> bool {
    part.request.tasks().windows(2).all(|pair| matches!(pair, [a, b] if Arc::ptr_eq(a, b)))
}

/// Whether the receiver would refuse it every time.
fn is_refused(part: &Delivered) -> bool {
    part.loss().is_some_and(|loss| loss.lost == Lost::Undelivered && loss.reason.is_for_good())
}

fn settle(label: &Arc<str>, parts: &[Delivered]) -> Ack {
    let (mut accepted, mut rejected, mut why) = (0, 0, vec![]);
    for part in of_task(label, parts) {
        let items = part.request.items_of(label);
        let refused = match part.loss() {
            None => 0,
            Some(Loss { lost, reason, .. }) if lost.is_resent() && !(is_refused(part) && is_alone(part)) => {
                return Ack::Open(reason);
            }
            Some(loss) => {
                why.push(loss.reason);
                if loss.lost == Lost::Partial { loss.items } else { items }
            }
        };
        accepted += items.saturating_sub(refused);
        rejected += refused;
    }
    Ack::Settled { accepted, rejected, why }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::sync::Arc;

    use http::StatusCode;

    use super::*;
    use crate::sink::deliver::report::DeliveryReport;
    use crate::sink::request::transport::{Answer, TooLarge};
    use crate::sink::testing::{Scripted, Step, assert_adds_up, span_names, task, took};

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

    fn refused(status: StatusCode) -> Step {
        Step::Say(Answer::Refused { reason: http(status), too_large: TooLarge::No })
    }

    /// What becomes of a task of three spans, one of two, and the first once more, and what was sent.
    async fn send_all(steps: Vec<Step>) -> (Vec<Ack>, Vec<usize>, DestinationReport) {
        let scripted = Scripted::new(steps);
        let script = scripted.0.clone();
        let to = Acknowledged::new(Destination::over("scripted".to_owned(), Arc::new(scripted)));
        let acks = to.send_all(vec![task("a", 3), task("b", 2), task("a", 3)]).await;
        let report = to.report();
        assert_adds_up(&DeliveryReport { destinations: vec![report.clone()], ..DeliveryReport::default() });
        (acks, script.played().iter().map(|body| span_names(body).len()).collect(), report)
    }

    fn settled(accepted: u64, rejected: u64, why: &[Reason]) -> Ack {
        Ack::Settled { accepted, rejected, why: why.to_vec() }
    }

    #[tokio::test]
    async fn tasks_share_a_request_and_each_is_told() {
        let (acks, sent, report) = send_all(vec![Step::Say(took(0, ""))]).await;
        assert_eq!(acks, [3, 2, 3].map(|spans| settled(spans, 0, &[])));
        assert_eq!((sent, report.made, report.accepted), (vec![8], 8, 8));
    }

    #[tokio::test]
    async fn of_a_shared_request_nobody_knows_whose_spans_were_rejected() {
        let (acks, sent, report) = send_all(vec![Step::Say(took(1, "old"))]).await;
        let why = [Reason::Rejected { message: "old".to_owned() }];
        assert_eq!(acks, [2, 1, 2].map(|surely| settled(surely, 1, &why)), "settled, and not sent again");
        assert_eq!((sent, report.accepted, report.rejected), (vec![8], 7, 1));
    }

    #[tokio::test]
    async fn one_that_is_refused_for_good_takes_no_other_with_it() {
        let bad = StatusCode::BAD_REQUEST;
        let steps = vec![refused(bad), Step::Say(took(0, "")), refused(bad), Step::Say(took(0, ""))];
        let (acks, sent, report) = send_all(steps).await;
        assert_eq!(acks, [settled(3, 0, &[]), settled(0, 2, &[http(bad)]), settled(3, 0, &[])]);
        assert_eq!((sent, report.accepted, report.undelivered), (vec![8, 3, 2, 3], 6, 2));
    }

    #[tokio::test]
    async fn what_may_be_taken_later_is_open_for_all_that_share_it_and_counted_once_it_is_settled() {
        let down = StatusCode::INTERNAL_SERVER_ERROR;
        let (acks, _, report) = send_all(vec![refused(down)]).await;
        assert_eq!(acks, vec![Ack::Open(http(down)); 3]);
        assert_eq!((report.made, report.accepted, report.undelivered), (0, 0, 0));
    }

    #[tokio::test]
    async fn halves_of_a_request_that_was_too_large_are_told_apart() {
        let too_large = Answer::Refused { reason: http(StatusCode::PAYLOAD_TOO_LARGE), too_large: TooLarge::Yes };
        let down = StatusCode::INTERNAL_SERVER_ERROR;
        let (acks, sent, report) = send_all(vec![Step::Say(too_large), Step::Say(took(0, "")), refused(down)]).await;
        assert_eq!(acks, [settled(3, 0, &[]), Ack::Open(http(down)), Ack::Open(http(down))]);
        assert_eq!((sent, report.made, report.accepted), (vec![8, 3, 5], 3, 3));
    }
}
