//! Tasks stream in, a report comes out. Main type: [`Delivery`].
//!
//! Bounded: a few tasks wait for each destination, a few requests are under way; when they are, the source waits.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use futures::future::{BoxFuture, join, join_all};
use futures::stream::{FuturesUnordered, Stream, StreamExt};
use futures::{FutureExt, pin_mut};
use tokio::sync::mpsc::{Receiver, channel};
use tokio::time::{Instant, sleep_until};

use super::report::{DestinationReport, Lost, Report};
use super::retry::{self, Delivered, Policy};
use crate::defect::caught;
use crate::sink::destination::Destination;
use crate::sink::file::undelivered::{Keeper, Outcome, Saved, keep};
use crate::sink::otlp::encode::{EncodedTask, Request};
use crate::sink::otlp::pack::{Packed, Packer};
use crate::sink::reason::Reason;
use crate::sink::request::transport::Transport;
use crate::sink::signal::Signal;
use crate::trace::{TaskRecords, TaskTrace};

/// Tasks that wait for a destination.
const WAITING: usize = 4;

/// What is delivered: a whole task's spans, or some log records of one of its containers.
#[derive(Clone, Debug)]
pub enum Piece {
    /// Goes to the destinations of traces.
    Trace(TaskTrace),
    /// Goes to the destinations of logs.
    Records(TaskRecords),
}

impl From<TaskTrace> for Piece {
    fn from(trace: TaskTrace) -> Self {
        Self::Trace(trace)
    }
}

impl From<TaskRecords> for Piece {
    fn from(records: TaskRecords) -> Self {
        Self::Records(records)
    }
}

/// Delivers tasks to one or more destinations; each gets all of them.
///
/// ```
/// # tokio::runtime::Runtime::new().unwrap().block_on(async {
/// use ecspan::sink::{Delivery, Destination, Overrides, Settings, Signal, Target, Verdict};
/// use ecspan::trace::TaskTrace;
///
/// let (overrides, env) = (Overrides::default(), |name: &str| std::env::var(name).ok());
/// let to = Destination::dry_run(&Target::Otlp, Signal::Traces, &Settings::new(&overrides, &env))?;
/// let traces: Vec<TaskTrace> = vec![];
/// let report = Delivery::new(vec![to]).run(futures::stream::iter(traces)).await;
/// assert_eq!(report.verdict(), Verdict::All);
/// # Ok::<(), ecspan::sink::OpenError>(())
/// # }).unwrap();
/// ```
#[derive(Debug)]
pub struct Delivery {
    destinations: Vec<Destination>,
}

impl Delivery {
    /// Delivers to these.
    pub const fn new(destinations: Vec<Destination>) -> Self {
        Self { destinations }
    }

    /// Tells of each attempt that failed and will be repeated: the destination, why, and after which pause.
    #[must_use]
    pub fn on_retry(mut self, tell: impl Fn(&str, &Reason, Duration) + Send + Sync + 'static) -> Self {
        let tell = Arc::new(tell);
        for destination in &mut self.destinations {
            let (tell, name) = (Arc::clone(&tell), destination.name.clone());
            destination.policy.on_retry = Some(Arc::new(move |reason, pause| tell(&name, reason, pause)));
        }
        self
    }

    /// Tells of what was not accepted when that is decided, and not only in the report: for runs without an end. The
    /// destination, how many spans or log records, and why.
    #[must_use]
    pub fn on_lost(mut self, tell: impl Fn(&str, u64, &str) + Send + Sync + 'static) -> Self {
        let tell = Arc::new(tell);
        for destination in &mut self.destinations {
            let (tell, name) = (Arc::clone(&tell), destination.name.clone());
            destination.policy.on_lost = Some(Arc::new(move |items, reason| tell(&name, items, reason)));
        }
        self
    }

    /// Ends early once this is ready: nothing is repeated any more, and what is in hand has four seconds to be sent; the rest is
    /// saved. The stream must end too. (A delivery that is dropped instead says nothing, and leaves a `file:` destination as it was.)
    #[must_use]
    pub fn until(mut self, stop: impl Future<Output = ()> + Send + 'static) -> Self {
        let stop = stop.map(|()| Instant::now()).boxed().shared();
        for destination in &mut self.destinations {
            destination.policy.stop = stop.clone();
        }
        self
    }

    /// Delivers until the stream ends, and returns when every span is accounted for at every destination.
    pub async fn run<P: Into<Piece>>(self, pieces: impl Stream<Item = P>) -> Report {
        let transports: Vec<Arc<dyn Transport>> = self.destinations.iter().map(|one| one.transport.clone()).collect();
        let (inlets, outlets): (Vec<_>, Vec<_>) = self
            .destinations
            .iter()
            .map(|one| {
                let (inlet, outlet) = channel(WAITING);
                ((one.signal, inlet), outlet)
            })
            .unzip();
        let feed = async move {
            let mut report = Report::default();
            pin_mut!(pieces);
            while let Some(piece) = pieces.next().await {
                let (signal, task) = match piece.into() {
                    Piece::Trace(trace) => {
                        report.add_task(&trace);
                        (Signal::Traces, EncodedTask::spans(trace))
                    }
                    Piece::Records(records) => (Signal::Logs, EncodedTask::records(records)),
                };
                if task.items.len() == 0 {
                    continue;
                }
                let task = Arc::new(task);
                for (_, inlet) in inlets.iter().filter(|(takes, _)| *takes == signal) {
                    // A destination reads until the stream ends, whatever becomes of its requests.
                    let _ = inlet.send(Arc::clone(&task)).await;
                }
            }
            report
        };
        let all = self.destinations.into_iter().zip(outlets).map(|(destination, tasks)| serve(destination, tasks));
        let (mut report, destinations) = join(feed, join_all(all)).await;
        report.destinations = destinations;
        finish(&transports, &mut report);
        report
    }
}

/// Completes what is only complete as a whole. A file can be the destination of both signals.
fn finish(transports: &[Arc<dyn Transport>], report: &mut Report) {
    for (index, transport) in transports.iter().enumerate() {
        let is_same = |other: &Arc<dyn Transport>| Arc::ptr_eq(other, transport);
        if transports.iter().take(index).any(is_same) {
            continue;
        }
        if let Err(reason) = transport.finish() {
            let theirs = report.destinations.iter_mut().zip(transports).filter(|(_, other)| is_same(other));
            theirs.for_each(|(destination, _)| destination.withdraw(reason.clone()));
        }
    }
}

/// A request's fate, and where it is if it was to be saved.
type Booked = (Delivered, Option<Saved>);

/// Delivers what comes to one destination.
async fn serve(destination: Destination, mut tasks: Receiver<Arc<EncodedTask>>) -> DestinationReport {
    let mut report = DestinationReport::of(&destination);
    let Destination { limits, concurrency, linger, policy, transport, keeper, .. } = destination;
    let mut packer = Packer::new(limits);
    let mut ready: Vec<Request> = Vec::new();
    let mut under_way: FuturesUnordered<BoxFuture<'_, Vec<Booked>>> = FuturesUnordered::new();
    let mut flush_at = None;
    let mut is_open = true;
    loop {
        if under_way.len() < concurrency && !ready.is_empty() {
            let requests = std::mem::take(&mut ready);
            under_way.push(in_order(transport.as_ref(), &policy, keeper.as_ref(), requests).boxed());
        }
        if !is_open && ready.is_empty() && under_way.is_empty() {
            break;
        }
        let idle = async {
            match flush_at {
                Some(at) => sleep_until(at).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            Some(delivered) = under_way.next(), if !under_way.is_empty() => {
                delivered.into_iter().for_each(|(one, saved)| report.add(&one, saved));
            }
            task = tasks.recv(), if is_open && ready.is_empty() => match task {
                Some(task) => {
                    let (items, label) = (task.items.len() as u64, Arc::clone(&task.label));
                    report.made += items;
                    let packed = caught(|| packer.push(Arc::unwrap_or_clone(task), SystemTime::now()));
                    let Packed { requests, refused } = packed.unwrap_or_else(|detail| {
                        // It is named; what else is open is sent.
                        report.lose(Lost::Undelivered, items, items, &[label], &Reason::Defect { detail });
                        Packed { requests: packer.flush().into_iter().collect(), refused: vec![] }
                    });
                    ready = requests;
                    for one in refused.into_iter().map(Delivered::unacceptable) {
                        let saved = keep(keeper.as_ref(), &one).await;
                        report.add(&one, saved);
                    }
                    flush_at = if packer.is_empty() { None } else { flush_at.or_else(|| Some(Instant::now() + linger?)) };
                }
                None => {
                    is_open = false;
                    flush_at = None;
                    ready.extend(packer.flush());
                }
            },
            () = idle, if ready.is_empty() => {
                flush_at = None;
                ready.extend(packer.flush());
            }
        }
    }
    drop(under_way);
    (report.dropped_events, report.cut_records) = (packer.dropped_events(), packer.cut_records());
    report
}

/// Sends requests one after the other: the last may hold the root of the spans before. What is not accepted is saved at
/// once: whatever happens next, it is not lost.
async fn in_order(
    transport: &dyn Transport,
    policy: &Policy,
    keeper: Option<&Keeper>,
    requests: Vec<Request>,
) -> Vec<Booked> {
    let mut all = Vec::new();
    for request in requests {
        for delivered in retry::deliver(transport, policy, request).await {
            let saved = keep(keeper, &delivered).await;
            if let (Some(tell), Some((_, rejected, reason))) = (&policy.on_lost, Outcome::of(&delivered.fate)) {
                let items = delivered.request.items();
                tell(if rejected > 0 { rejected } else { items }, &reason);
            }
            all.push((delivered, saved));
        }
    }
    all
}
