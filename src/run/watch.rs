//! What runs beside tasks until it is told to stop: asks once a second, less often while that fails, and sends what has become
//! final, each span once. What the engines that do so share; main type: [`Watched`].

use std::collections::HashSet;
use std::time::Duration;

use opentelemetry::trace::SpanId;
use tokio::sync::mpsc::Sender;
use tokio::time::{Instant, sleep, sleep_until};

use super::delivery;
use super::notice::{Notice, Teller};
use super::stop::Stop;
use crate::model::merge::TaskObservations;
use crate::model::{TaskLife, Time};
use crate::sink::{Delivery, DeliveryReport, Piece};
use crate::source::endpoint::EndpointError;
use crate::trace::{TaskTrace, TraceOptions};

/// Pieces that wait to be delivered.
const WAITING: usize = 4;
/// Nobody is asked more often.
const INTERVAL: Duration = Duration::from_secs(1);
/// And no less often, however often it failed.
const LONGEST_INTERVAL: Duration = Duration::from_secs(30);
/// Told to stop, containers finish one after the other: at once would be too early.
const MOMENT: Duration = Duration::from_millis(200);

/// What is looked at again and again.
pub(super) trait Watch {
    /// Asks, and sends what has become final. `is_last`: nothing is asked afterwards.
    async fn look(&mut self, pieces: &Sender<Piece>, is_last: bool) -> Result<(), EndpointError>;

    /// Told to stop: for how long what still runs is waited for. Says so.
    fn stop(&mut self) -> Duration;

    /// Whether nothing runs any more that is waited for.
    fn is_over(&self) -> bool;
}

/// Looks until told to stop, and then as long as is worth waiting. What went wrong with the last look.
pub(super) async fn follow(
    watch: &mut impl Watch,
    pieces: &Sender<Piece>,
    stop: &Stop,
    notices: &Teller,
) -> Option<EndpointError> {
    let mut interval = INTERVAL;
    let mut until: Option<Instant> = None;
    let (told, hurried) = (stop.wait(), stop.hurried());
    tokio::pin!(told, hurried);
    loop {
        let asked = Instant::now();
        let is_last = until.is_some_and(|until| asked >= until);
        let failed = watch.look(pieces, is_last).await.err();
        if let Some(error) = &failed {
            let is_end = is_last || (until.is_none() && stop.is_requested());
            if !is_end {
                interval = (interval * 2).min(LONGEST_INTERVAL);
            }
            let again = if until.is_some() { INTERVAL } else { interval };
            let error = error.to_string();
            notices.tell(&Notice::EndpointFailed { error, again: (!is_end).then_some(again) });
        } else {
            interval = INTERVAL;
        }
        let is_time_up = until.is_some_and(|until| Instant::now() >= until);
        if is_time_up || (until.is_some() && watch.is_over()) {
            return failed;
        }
        let next = asked + if until.is_some() { INTERVAL } else { interval };
        let next = until.map_or(next, |until| next.min(until));
        tokio::select! {
            () = &mut told, if until.is_none() => {
                until = Some(Instant::now() + watch.stop());
                sleep(MOMENT).await;
            }
            () = &mut hurried, if until.is_some_and(|until| Instant::now() < until) => until = Some(Instant::now()),
            () = sleep_until(next) => {}
        }
    }
}

/// Delivers what `feed` sends until it is through. What is in hand then is sent, with patience, unless the delivery has an end
/// of its own: nobody else has it.
pub(super) async fn deliver<T>(
    delivery: Delivery,
    stop: &Stop,
    notices: &Teller,
    feed: impl AsyncFnOnce(Sender<Piece>) -> T,
) -> (T, DeliveryReport) {
    let lost = notices.clone();
    let delivery = delivery.on_lost(move |to, items, reason| {
        lost.tell(&Notice::NotAccepted { to: to.to_owned(), items, reason: reason.to_owned() });
    });
    delivery::run(delivery, stop, notices, WAITING, feed).await
}

/// What became of what was watched.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Watched {
    /// How many things were tried and could not be learned; each was told.
    pub gaps: usize,
    /// What went where.
    pub report: DeliveryReport,
}

/// What was sent of a task.
#[derive(Debug, Default)]
pub(super) struct SentSpans(HashSet<SpanId>);

impl SentSpans {
    /// Sends what is final and was not sent yet.
    pub(super) async fn send(
        &mut self,
        observed: TaskObservations,
        now: Time,
        options: &TraceOptions,
        pieces: &Sender<Piece>,
    ) {
        let life = TaskLife::new(observed, now, usize::MAX);
        let mut trace = TaskTrace::new(&life, options);
        trace.spans.retain(|span| self.0.insert(span.span_context.span_id()));
        if trace.spans.is_empty() {
            return;
        }
        // A destination takes pieces until nobody feeds it.
        let _ = pieces.send(trace.into()).await;
    }
}
