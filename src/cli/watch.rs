//! What runs beside tasks until it is told to stop: asks once a second, less often while that fails, and sends what has become
//! final, each span once. Main trait: [`Watch`]; main functions: [`follow`], [`deliver`].

use std::collections::HashSet;
use std::time::{Duration, SystemTime};

use ecspan::model::merge::TaskObservations;
use ecspan::model::{TaskLife, Time};
use ecspan::sink::{Delivery, Piece, Verdict};
use ecspan::source::endpoint::EndpointError;
use ecspan::trace::{ServiceName, TaskTrace, TraceOptions};
use futures::future::join;
use futures::stream;
use opentelemetry::trace::SpanId;
use tokio::sync::mpsc::{self, Sender};
use tokio::time::{Instant, sleep, sleep_until};

use super::exit::Exit;
use super::problem::Problem;
use super::{closing, retries, signals, terminal};

/// Nobody is asked more often.
const INTERVAL: Duration = Duration::from_secs(1);
/// And no less often, however often it failed.
const LONGEST_INTERVAL: Duration = Duration::from_secs(30);
/// Told to stop, containers finish one after the other: at once would be too early.
const MOMENT: Duration = Duration::from_millis(200);

/// `--service-name`, of whoever has no task definition to read `otel` from.
pub(super) fn service_name(given: Option<&str>) -> Result<ServiceName, Problem> {
    match ServiceName::from(given) {
        ServiceName::Otel => {
            let error = "--service-name otel: here nobody says what the task's containers have in OTEL_SERVICE_NAME";
            Err(Problem::usage(error).hint("name it: --service-name NAME; export and worker know otel".to_owned()))
        }
        name => Ok(name),
    }
}

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
pub(super) async fn follow(watch: &mut impl Watch, pieces: &Sender<Piece>) -> Option<EndpointError> {
    let mut interval = INTERVAL;
    let mut until: Option<Instant> = None;
    let told = signals::wait();
    tokio::pin!(told);
    loop {
        let asked = Instant::now();
        let is_last = until.is_some_and(|until| asked >= until);
        let failed = watch.look(pieces, is_last).await.err();
        match &failed {
            None => interval = INTERVAL,
            Some(error) if is_last || (until.is_none() && signals::received().is_some()) => {
                terminal::tell("warning", &error.to_string());
            }
            Some(error) => {
                interval = (interval * 2).min(LONGEST_INTERVAL);
                let again = if until.is_some() { INTERVAL } else { interval };
                terminal::tell("warning", &format!("{error}; asking again in {} s", again.as_secs()));
            }
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
            () = sleep_until(next) => {}
        }
    }
}

/// Delivers what `feed` sends until it is through, and says at the end what became of it. What is in hand then is sent, with
/// patience, unless the delivery has an end of its own: nobody else has it.
pub(super) async fn deliver<T>(delivery: Delivery, feed: impl AsyncFnOnce(Sender<Piece>) -> T) -> (T, Verdict) {
    let (pieces, delivered) = mpsc::channel::<Piece>(4);
    let delivered = stream::unfold(delivered, |mut pieces| async move { Some((pieces.recv().await?, pieces)) });
    let delivery = delivery.on_retry(retries::tell).on_lost(retries::tell_lost);
    let (fed, report) = join(feed(pieces), delivery.run(delivered)).await;
    report.destinations.iter().for_each(closing::tell_destination);
    (fed, report.verdict())
}

/// How a run ends that drained, with so many things not seen.
pub(super) const fn exit(verdict: Verdict, gaps: usize) -> Exit {
    match verdict {
        Verdict::Nothing => Exit::Failed,
        Verdict::Some => Exit::PartlyDelivered,
        Verdict::All if gaps > 0 => Exit::Incomplete,
        Verdict::All => Exit::Success,
    }
}

/// What was sent of a task.
#[derive(Debug, Default)]
pub(super) struct Sent(HashSet<SpanId>);

impl Sent {
    /// Sends what is final and was not sent yet.
    pub(super) async fn send(&mut self, observed: TaskObservations, options: &TraceOptions, pieces: &Sender<Piece>) {
        let life = TaskLife::new(observed, Time::from(SystemTime::now()), usize::MAX);
        let mut trace = TaskTrace::new(&life, options);
        trace.spans.retain(|span| self.0.insert(span.span_context.span_id()));
        if trace.spans.is_empty() {
            return;
        }
        // A destination takes pieces until nobody feeds it.
        let _ = pieces.send(trace.into()).await;
    }
}
