//! From a stream of task traces to every destination, in bounded memory. Main function: [`deliver`].

use std::sync::Arc;
use std::time::Duration;

use futures::future::{BoxFuture, Shared};
use futures::stream::FuturesUnordered;
use futures::{FutureExt, Stream, StreamExt};
use tokio::sync::mpsc;

use super::config::{ConfigError, OtlpConfig};
use super::encode::{Batch, Encoding, Limits, Packer};
use super::file::JsonLines;
use super::report::{DestinationReport, Report, TaskLine};
use super::retry;
use super::transport::{Answer, Reason, Transport};
use crate::trace::TaskTrace;

/// Told what is being waited for: a retry, say.
pub type Observer = Arc<dyn Fn(&str) + Send + Sync>;

/// How a delivery is watched and ended.
#[derive(Clone)]
pub struct Control {
    /// Told what is being waited for.
    pub observer: Observer,
    /// When it is ready, nothing is tried again, and what is on its way has [`GRACE`] to be answered.
    pub stop: Stop,
}

/// Ready when the run is to end.
pub type Stop = Shared<BoxFuture<'static, ()>>;

/// Time for answers that are still out when the run is to end.
pub const GRACE: Duration = Duration::from_secs(5);

impl Control {
    /// Watched by nobody, ended by nobody.
    pub fn unattended() -> Self {
        Self { observer: Arc::new(|_| {}), stop: std::future::pending().boxed().shared() }
    }
}

/// Tasks that wait for a destination; the source waits when there are more.
const QUEUE: usize = 64;
/// Requests on their way at once, over one connection.
const CONCURRENT: usize = 4;
/// A request that is not full goes when no task has come for so long.
const IDLE: Duration = Duration::from_millis(250);

/// Where spans go.
#[derive(Debug)]
pub struct Destination {
    name: String,
    kind: Kind,
    limits: Limits,
}

#[derive(Debug)]
enum Kind {
    Otlp { transport: Transport, deadline: Duration },
    File(JsonLines),
    DryRun(Encoding),
}

impl Destination {
    /// An OTLP receiver. Files that the configuration names are read now.
    pub fn otlp(config: &OtlpConfig) -> Result<Self, ConfigError> {
        let kind = Kind::Otlp { transport: Transport::new(config)?, deadline: config.deadline };
        Ok(Self { name: format!("{} ({})", config.shown(), config.protocol), kind, limits: Limits::default() })
    }

    /// A file of OTLP JSON lines; `-` is stdout.
    pub fn file(path: &str) -> std::io::Result<Self> {
        let kind = Kind::File(JsonLines::create(path)?);
        Ok(Self {
            name: if path == "-" { "stdout".to_owned() } else { path.to_owned() },
            kind,
            limits: Limits::default(),
        })
    }

    /// Nowhere: only counts what would be sent to `name`.
    pub fn dry_run(name: String, encoding: Encoding) -> Self {
        Self { name, kind: Kind::DryRun(encoding), limits: Limits::default() }
    }

    /// With other limits than the usual ones.
    #[must_use]
    pub fn with_limits(self, limits: Limits) -> Self {
        Self { limits, ..self }
    }
}

/// Delivers all traces to all destinations. Returns when each span is accounted for at each of them.
pub async fn deliver(
    traces: impl Stream<Item = TaskTrace>,
    destinations: Vec<Destination>,
    control: Control,
) -> Report {
    let mut senders = vec![];
    let mut drivers = vec![];
    for destination in destinations {
        let (sender, receiver) = mpsc::channel(QUEUE);
        senders.push(sender);
        drivers.push(drive(destination, receiver, control.clone()));
    }
    let feed = async move {
        let mut lines = vec![];
        let mut traces = std::pin::pin!(traces);
        while let Some(trace) = traces.next().await {
            lines.push(TaskLine::from(&trace));
            let trace = Arc::new(trace);
            for sender in &senders {
                // A driver runs until its queue closes, so this cannot fail.
                let _ = sender.send(trace.clone()).await;
            }
        }
        lines
    };
    let (tasks, destinations) = futures::join!(feed, futures::future::join_all(drivers));
    Report { tasks, destinations }
}

async fn drive(
    destination: Destination,
    mut queue: mpsc::Receiver<Arc<TaskTrace>>,
    control: Control,
) -> DestinationReport {
    let Destination { name, mut kind, limits } = destination;
    let mut report = DestinationReport { name, dry_run: matches!(kind, Kind::DryRun(_)), ..Default::default() };
    let mut packer = Packer::new(limits);
    let mut full: Vec<Batch> = vec![];
    let mut open = true;
    while open {
        match tokio::time::timeout(IDLE, queue.recv()).await {
            Ok(Some(trace)) => full.extend(packer.add(&trace)),
            Ok(None) => {
                open = false;
                full.extend(packer.take());
            }
            Err(_idle) => full.extend(packer.take()),
        }
        // Several requests go at once; while they do, the queue fills and the source waits.
        if !open || full.len() >= CONCURRENT || (!full.is_empty() && queue.is_empty()) {
            send_all(&mut kind, std::mem::take(&mut full), &control, &mut report).await;
        }
    }
    if let Kind::File(file) = &mut kind
        && let Err(error) = file.finish()
    {
        let reason = Reason::new(format!("failed to write {}: {error}", report.name));
        let (lost, made) = (report.accepted, report.made);
        report.accepted = 0;
        report.undelivered += lost;
        report.trouble("not written", lost, made, &[], reason);
    }
    report
}

async fn send_all(kind: &mut Kind, batches: Vec<Batch>, control: &Control, report: &mut DestinationReport) {
    for batch in &batches {
        report.made += batch.spans();
        report.dropped_events += batch.dropped_events;
    }
    match kind {
        Kind::Otlp { transport, deadline } => {
            let mut waiting = batches.into_iter();
            let mut sending = FuturesUnordered::new();
            let send = |batch: Batch| send_one(transport, batch, *deadline, control);
            sending.extend(waiting.by_ref().take(CONCURRENT).map(send));
            while let Some((outcomes, requests, attempts, bytes)) = sending.next().await {
                report.requests += requests;
                report.attempts += attempts;
                report.bytes += bytes;
                outcomes.into_iter().for_each(|(batch, answer)| account(report, &batch, answer));
                sending.extend(waiting.next().map(send));
            }
        }
        Kind::File(file) => batches.iter().for_each(|batch| {
            let body = batch.encode(Encoding::Json);
            let answer = match file.write(&body) {
                Ok(()) => Answer::Accepted { rejected: 0, message: String::new() },
                Err(error) => {
                    let reason = Reason::new(format!("failed to write {}: {error}", report.name));
                    Answer::Unknown { reason }
                }
            };
            count(report, body.len());
            account(report, batch, answer);
        }),
        Kind::DryRun(encoding) => batches.iter().for_each(|batch| {
            count(report, batch.encode(*encoding).len());
            report.accepted += batch.spans();
        }),
    }
}

fn count(report: &mut DestinationReport, bytes: usize) {
    report.requests += 1;
    report.attempts += 1;
    report.bytes += bytes as u64;
}

/// Sends one request; where it is refused as too large, its halves instead.
async fn send_one(
    transport: &Transport,
    batch: Batch,
    deadline: Duration,
    control: &Control,
) -> (Vec<(Batch, Answer)>, u64, u64, u64) {
    let mut outcomes = vec![];
    let (mut requests, mut attempts, mut bytes) = (0, 0, 0);
    let mut todo = vec![batch];
    while let Some(batch) = todo.pop() {
        let body = batch.encode(transport.encoding());
        bytes += body.len() as u64;
        requests += 1;
        let (answer, tries) = retry::send(transport, body, deadline, control).await;
        attempts += tries;
        match &answer {
            Answer::Refused { too_large: true, .. } if batch.spans() > 1 => {
                if let Some((first, second)) = batch.halves() {
                    todo.extend([second, first]);
                }
            }
            _ => outcomes.push((batch, answer)),
        }
    }
    (outcomes, requests, attempts, bytes)
}

/// Books a request's spans: accepted + rejected + undelivered = made.
fn account(report: &mut DestinationReport, batch: &Batch, answer: Answer) {
    let spans = batch.spans();
    match answer {
        Answer::Accepted { rejected, message } => {
            // A receiver can say a number that is larger than what it was sent.
            let rejected = rejected.min(spans);
            report.accepted += spans - rejected;
            report.rejected += rejected;
            if rejected > 0 {
                let why = if message.is_empty() { "the receiver does not say why".to_owned() } else { message };
                report.trouble("rejected", rejected, spans, &batch.tasks, Reason::new(why));
            } else if !message.is_empty() && !report.warnings.contains(&message) {
                report.warnings.push(message);
            }
        }
        Answer::Refused { reason, .. } => {
            report.rejected += spans;
            report.trouble("rejected", spans, spans, &batch.tasks, reason);
        }
        Answer::Retry { reason, .. } => {
            report.undelivered += spans;
            report.trouble("not delivered", spans, spans, &batch.tasks, reason);
        }
        Answer::Unknown { reason } => {
            report.undelivered += spans;
            report.trouble("of unknown outcome", spans, spans, &batch.tasks, reason);
        }
    }
}
