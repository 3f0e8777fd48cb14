//! Tasks stream in, a report comes out. Main type: [`Delivery`].
//!
//! Bounded: a few tasks wait for each destination, a few requests are under way; when they are, the source waits.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use futures::future::{BoxFuture, join, join_all};
use futures::stream::{FuturesUnordered, Stream, StreamExt};
use futures::{FutureExt, pin_mut};
use tokio::sync::mpsc::{Receiver, channel};
use tokio::time::{Instant, sleep_until};

use super::fate::{Delivered, Loss, Lost};
use super::lane::{Lane, stopping};
use super::report::{DeliveryReport, DestinationReport};
use super::undelivered::{Saved, keep};
use crate::defect::caught;
use crate::sink::destination::Destination;
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
pub struct Delivery {
    lanes: Vec<Lane>,
    on_lost: Option<OnLost>,
}

/// Told of what was not accepted, when that is decided: where, how much, and why.
type OnLost = Arc<dyn Fn(&str, u64, &str) + Send + Sync>;

impl fmt::Debug for Delivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Delivery").field("lanes", &self.lanes).finish_non_exhaustive()
    }
}

impl Delivery {
    /// Delivers to these.
    pub fn new(destinations: Vec<Destination>) -> Self {
        Self { lanes: destinations.into_iter().map(Lane::new).collect(), on_lost: None }
    }

    /// Tells of each attempt that failed and will be repeated: the destination, why, and after which pause.
    #[must_use]
    pub fn on_retry(self, tell: impl Fn(&str, &Reason, Duration) + Send + Sync + 'static) -> Self {
        let tell = Arc::new(tell);
        let told = |lane: Lane| {
            let tell = Arc::clone(&tell);
            lane.on_retry(move |name, reason, pause| tell(name, reason, pause))
        };
        Self { lanes: self.lanes.into_iter().map(told).collect(), ..self }
    }

    /// Tells of what was not accepted when that is decided, and not only in the report: for runs without an end. The
    /// destination, how many spans or log records, and why.
    #[must_use]
    pub fn on_lost(self, tell: impl Fn(&str, u64, &str) + Send + Sync + 'static) -> Self {
        Self { on_lost: Some(Arc::new(tell)), ..self }
    }

    /// Ends early once this is ready: nothing is repeated any more, and what is in hand has four seconds to be sent; the rest is
    /// saved. The stream must end too. (A delivery that is dropped instead says nothing, and leaves a `file:` destination as it was.)
    #[must_use]
    pub fn until(self, stop: impl Future<Output = ()> + Send + 'static) -> Self {
        let stop = stopping(stop);
        Self { lanes: self.lanes.into_iter().map(|lane| lane.until(stop.clone())).collect(), ..self }
    }

    /// Sends nothing more once this is ready: what is in hand, and what still comes, is saved at once. The stream must end too.
    #[must_use]
    pub fn hurried(self, hurried: impl Future<Output = ()> + Send + 'static) -> Self {
        let hurried = hurried.boxed().shared();
        Self { lanes: self.lanes.into_iter().map(|lane| lane.hurried(hurried.clone())).collect(), ..self }
    }

    /// Delivers until the stream ends, and returns when every span is accounted for at every destination.
    pub async fn run<P: Into<Piece>>(self, pieces: impl Stream<Item = P>) -> DeliveryReport {
        let Self { lanes, on_lost } = self;
        let on_lost = on_lost.as_ref();
        let transports: Vec<Arc<dyn Transport>> =
            lanes.iter().map(|lane| Arc::clone(&lane.destination.transport)).collect();
        let (inlets, outlets): (Vec<_>, Vec<_>) = lanes
            .iter()
            .map(|lane| {
                let (inlet, outlet) = channel(WAITING);
                ((lane.destination.signal, inlet), outlet)
            })
            .unzip();
        let feed = async move {
            let mut report = DeliveryReport::default();
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
        let all = lanes.into_iter().zip(outlets).map(|(lane, tasks)| serve(lane, tasks, on_lost));
        let (mut report, destinations) = join(feed, join_all(all)).await;
        report.destinations = destinations;
        finish(&transports, &mut report);
        report
    }
}

/// Completes what is only complete as a whole. A file can be the destination of both signals.
fn finish(transports: &[Arc<dyn Transport>], report: &mut DeliveryReport) {
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
async fn serve(lane: Lane, mut tasks: Receiver<Arc<EncodedTask>>, on_lost: Option<&OnLost>) -> DestinationReport {
    let Destination { limits, concurrency, linger, .. } = lane.destination;
    let mut packer = Packer::new(limits);
    let mut ready: Vec<Request> = Vec::new();
    let mut under_way: FuturesUnordered<BoxFuture<'_, Vec<Booked>>> = FuturesUnordered::new();
    let mut flush_at = None;
    let mut is_open = true;
    loop {
        if under_way.len() < concurrency && !ready.is_empty() {
            under_way.push(in_order(&lane, std::mem::take(&mut ready), on_lost).boxed());
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
                let mut books = lane.books();
                delivered.into_iter().for_each(|(one, saved)| books.add(&one, saved));
            }
            task = tasks.recv(), if is_open && ready.is_empty() => match task {
                Some(task) => {
                    let (items, label) = (task.items.len() as u64, Arc::clone(&task.label));
                    lane.books().made += items;
                    let packed = caught(|| packer.push(Arc::unwrap_or_clone(task), SystemTime::now()));
                    let Packed { requests, refused } = packed.unwrap_or_else(|detail| {
                        // It is named; what else is open is sent.
                        lane.books().lose(Lost::Undelivered, items, items, &[label], &Reason::Defect { detail });
                        Packed { requests: packer.flush().into_iter().collect(), refused: vec![] }
                    });
                    ready = requests;
                    for one in refused.into_iter().map(Delivered::unacceptable) {
                        let saved = keep(lane.destination.keeper.as_ref(), &one).await;
                        lane.books().add(&one, saved);
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
    let mut report = lane.into_report();
    (report.dropped_events, report.cut_records) = (packer.dropped_events(), packer.cut_records());
    report
}

/// Sends requests one after the other: the last may hold the root of the spans before. What is not accepted is saved at
/// once: whatever happens next, it is not lost.
async fn in_order(lane: &Lane, requests: Vec<Request>, on_lost: Option<&OnLost>) -> Vec<Booked> {
    let mut all = Vec::new();
    for request in requests {
        for delivered in lane.try_out(request).await {
            let saved = keep(lane.destination.keeper.as_ref(), &delivered).await;
            if let (Some(tell), Some(Loss { items, reason, .. })) = (on_lost, delivered.loss()) {
                tell(&lane.destination.name, items, &reason.to_string());
            }
            all.push((delivered, saved));
        }
    }
    all
}
