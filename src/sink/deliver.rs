//! Tasks stream in, a report comes out. Main type: [`Delivery`].
//!
//! Bounded: a few tasks wait for each destination, a few requests are under way; when they are, the source waits.

use std::sync::Arc;
use std::time::Duration;

use futures::future::{BoxFuture, join, join_all};
use futures::stream::{FuturesUnordered, Stream, StreamExt};
use futures::{FutureExt, pin_mut};
use tokio::sync::mpsc::{Receiver, channel};
use tokio::time::{Instant, sleep_until};

use super::destination::Destination;
use super::encode::{EncodedTask, Request};
use super::pack::Packer;
use super::reason::Reason;
use super::report::{DestinationReport, Report};
use super::retry::{self, Delivered, Policy};
use super::transport::Transport;
use crate::trace::TaskTrace;

/// Tasks that wait for a destination.
const WAITING: usize = 4;

/// Delivers tasks to one or more destinations; each gets all of them.
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

    /// Ends early once this is ready: nothing is repeated any more, and answers that are out have five seconds. The stream
    /// must end too. (A delivery that is dropped instead says nothing, and leaves a `file:` destination as it was.)
    #[must_use]
    pub fn until(mut self, stop: impl Future<Output = ()> + Send + 'static) -> Self {
        let stop = stop.boxed().shared();
        for destination in &mut self.destinations {
            destination.policy.stop = stop.clone();
        }
        self
    }

    /// Delivers until the stream ends, and returns when every span is accounted for at every destination.
    pub async fn run(self, tasks: impl Stream<Item = TaskTrace>) -> Report {
        let (inlets, outlets): (Vec<_>, Vec<_>) = self.destinations.iter().map(|_| channel(WAITING)).unzip();
        let feed = async move {
            let mut report = Report::default();
            pin_mut!(tasks);
            while let Some(trace) = tasks.next().await {
                report.add_task(&trace);
                if trace.spans.is_empty() {
                    continue;
                }
                let task = Arc::new(EncodedTask::new(trace));
                for inlet in &inlets {
                    // A destination reads until the stream ends, whatever becomes of its requests.
                    let _ = inlet.send(Arc::clone(&task)).await;
                }
            }
            report
        };
        let all = self.destinations.into_iter().zip(outlets).map(|(destination, tasks)| serve(destination, tasks));
        let (mut report, destinations) = join(feed, join_all(all)).await;
        report.destinations = destinations;
        report
    }
}

/// Delivers what comes to one destination.
async fn serve(destination: Destination, mut tasks: Receiver<Arc<EncodedTask>>) -> DestinationReport {
    let Destination { name, dry_run, limits, concurrency, linger, policy, transport } = destination;
    let mut report = DestinationReport { name, dry_run, ..DestinationReport::default() };
    let mut packer = Packer::new(limits);
    let mut ready: Vec<Request> = Vec::new();
    let mut under_way: FuturesUnordered<BoxFuture<'_, Vec<Delivered>>> = FuturesUnordered::new();
    let mut flush_at = None;
    let mut is_open = true;
    loop {
        if under_way.len() < concurrency && !ready.is_empty() {
            under_way.push(in_order(transport.as_ref(), &policy, std::mem::take(&mut ready)).boxed());
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
                delivered.into_iter().for_each(|one| report.add(one));
            }
            task = tasks.recv(), if is_open && ready.is_empty() => match task {
                Some(task) => {
                    report.made += task.spans.len() as u64;
                    ready = packer.push(Arc::unwrap_or_clone(task));
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
    report.dropped_events = packer.dropped_events();
    if let Err(reason) = transport.finish() {
        report.withdraw(reason);
    }
    report
}

/// Sends requests one after the other: the last may hold the root of the spans before.
async fn in_order(transport: &dyn Transport, policy: &Policy, requests: Vec<Request>) -> Vec<Delivered> {
    let mut delivered = Vec::new();
    for request in requests {
        delivered.extend(retry::deliver(transport, policy, request).await);
    }
    delivered
}
