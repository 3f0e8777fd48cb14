//! EventBridge events, from a queue ([`queue`]) or as a function is invoked with them ([`invoke`]): read, chosen or passed by,
//! delivered everywhere. Deployments are `deployment.rs`'s part. What both share is here, and knows no queue. Main type: [`EventConfig`].

mod coalesce;
mod deployment;
mod filter;
#[cfg(feature = "lambda")]
pub mod invoke;
pub mod queue;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures::FutureExt;
use futures::future::{BoxFuture, join_all};
use opentelemetry::TraceId;
use tokio::time::sleep;

use self::coalesce::Coalesce;
pub use self::filter::Filter;
use self::filter::launch;
use super::Now;
use super::meters::{MessageFate, Meters};
use super::notice::{Fate, Notice, Teller};
use super::notify::{Notified, Notifier};
use super::stop::Stop;
use crate::defect::caught_in;
use crate::hint::Hint;
use crate::model::TaskLife;
use crate::model::merge::{self, TaskObservations};
use crate::model::observation::TaskRecord;
use crate::model::phases::Phases;
use crate::render::notification::Notification;
use crate::sink::{Ack, Acknowledged, DeliveryReport, Destination};
use crate::source::ecs::{self, EcsSource};
use crate::source::files::{self, Contents};
use crate::trace::{TaskTrace, TraceOptions};

/// The pause after a receiver did not take a task.
const PAUSE: Duration = Duration::from_secs(5);

/// So much of a message that cannot be read is told one by one.
const FEW: usize = 3;
/// What a queue of events is for: what becomes of other messages is up to who sends them.
const NO_EVENT: &str = "the queue is for events of ECS: the dead-letter queue shows the message and who sends it; an input transformer of \
    the rule must leave detail with its lastStatus, and the task's ARN (docs/always.md)";

/// What is done with events.
#[derive(Debug)]
pub struct EventConfig {
    /// Which tasks are exported.
    pub filter: Filter,
    /// Where log lines come from; `None`: none are read.
    pub logs: Option<Arc<EcsSource>>,
    /// Whether the lines of tasks that did not fail are read too.
    pub logs_of_all: bool,
    /// Logs are read so long after a task stopped: lines arrive late.
    pub logs_settle: Duration,
    /// Where task definitions come from, when they name the service.
    pub definitions: Option<Arc<EcsSource>>,
    /// Where deployments come from that are over; `None`: their events are passed by.
    pub deployments: Option<Arc<EcsSource>>,
    /// How spans are made.
    pub options: TraceOptions,
    /// Who gets the spans.
    pub destinations: Vec<Destination>,
    /// Who is told of what failed or was slow.
    pub notifier: Option<Notifier>,
    /// What is counted.
    pub meters: Meters,
    /// What time it is: events are compared with it.
    pub clock: Now,
}

impl EventConfig {
    /// The traces of all tasks, as events tell of them, to these destinations: nothing else is asked for, and nobody is told.
    pub fn new(destinations: Vec<Destination>, meters: Meters, clock: Now) -> Self {
        Self {
            filter: Filter::default(),
            logs: None,
            logs_of_all: false,
            logs_settle: Duration::ZERO,
            definitions: None,
            deployments: None,
            options: TraceOptions::default(),
            destinations,
            notifier: None,
            meters,
            clock,
        }
    }
}

/// What became of the tasks of all events.
#[derive(Debug, Default)]
pub struct Exported {
    /// Tasks that are delivered, or refused for good.
    pub tasks: u64,
    /// Deployments, likewise.
    pub deployments: u64,
    /// Messages about nothing that is wanted.
    pub passed_by: u64,
    /// Messages that could not be read.
    pub poison: u64,
    /// What went where.
    pub report: DeliveryReport,
}

/// Exports the tasks of events.
struct Exporter {
    outlets: Vec<Outlet>,
    config: EventConfig,
    settling: Settling,
    stop: Stop,
    notices: Teller,
    counts: Counts,
}

/// A destination, and the tasks that are to share a request to it.
struct Outlet {
    to: Acknowledged,
    coalesce: Coalesce<TaskTrace, Ack>,
}

/// What was done so far.
#[derive(Debug, Default)]
struct Counts {
    tasks: AtomicU64,
    deployments: AtomicU64,
    /// Messages about nothing that is wanted, deleted.
    passed_by: AtomicU64,
    /// Messages that could not be read, left to the queue.
    poison: AtomicU64,
}

/// What becomes of a message.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Done {
    Delete,
    /// Nobody can read it: after so many receipts the queue puts it into its dead-letter queue.
    Leave,
    /// Told to stop before it was done: another worker may have it at once.
    GiveBack,
    /// Its task's last lines are not in yet: anybody may have it after so long.
    Later(Duration),
}

/// What to do until the last lines of a task are in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Settling {
    /// Wait: whoever handed the event over waits for the answer. Only [`invoke`]'s does.
    #[cfg_attr(not(feature = "lambda"), allow(dead_code))]
    Here,
    /// Put it back: a crash loop would fill all the room with waiting.
    Later,
}

/// Why a task, or a deployment, is not done.
enum NotDone {
    ToldToStop,
    Settling(Duration),
    /// Nothing can be made of it: what it is, and what to do.
    Unusable(String, Option<String>),
}

/// A message, or an event that a function is invoked with.
struct Incoming<'a> {
    id: &'a str,
    /// So often.
    received: u32,
    body: &'a str,
    /// It can be put back, and comes again later.
    returns: bool,
}

fn add(count: &AtomicU64, number: u64) {
    count.fetch_add(number, Ordering::Relaxed);
}

impl Exporter {
    fn new(mut config: EventConfig, settling: Settling, stop: Stop, notices: Teller) -> Self {
        let outlet = |destination| {
            let to = Acknowledged::new(destination).until(stop.wait()).hurried(stop.hurried());
            let coalesce = Coalesce::new(to.concurrency(), usize::MAX);
            Outlet { to, coalesce }
        };
        let outlets = std::mem::take(&mut config.destinations).into_iter().map(outlet).collect();
        Self { outlets, config, settling, stop, notices, counts: Counts::default() }
    }

    /// Exports a message. One that meets a defect is left to the queue, and the others go on.
    async fn export(&self, incoming: &Incoming<'_>) -> Done {
        caught_in(self.exported_of(incoming)).await.unwrap_or_else(|defect| {
            add(&self.counts.poison, 1);
            self.config.meters.settled(MessageFate::Poison);
            let Incoming { id, received, .. } = *incoming;
            let (message, error) = (id.to_owned(), format!("message {id}: by a defect of ecspan, {defect}"));
            let hint = Some("please report it, with the message where it may be shown".to_owned());
            self.notices.tell(&Notice::Unreadable { message, received, error, hint });
            Done::Leave
        })
    }

    /// Reads what a message holds, and delivers its tasks everywhere, however long that takes.
    async fn exported_of(&self, incoming: &Incoming<'_>) -> Done {
        let Incoming { id, received, body, .. } = *incoming;
        let read = files::read_bytes(&format!("message {id}"), body.as_bytes());
        let Contents { observations, errors, actions, .. } =
            read.unwrap_or_else(|error| Contents { errors: vec![error], ..Contents::default() });
        if !errors.is_empty() {
            return self.leave(
                id,
                received,
                errors.iter().map(|error| (error.to_string(), Some(NO_EVENT.to_owned()))).collect(),
            );
        }
        let (tasks, _) = merge::by_task(observations);
        let wanted: Vec<TaskObservations> =
            tasks.into_iter().filter(|observed| self.config.filter.takes(&observed.task)).collect();
        // Nothing can be made of it, now or later.
        let timeless = wanted.iter().filter(|observed| Phases::new(&observed.task.times, true).is_none());
        let timeless = timeless.map(|observed| (format!("task {}: no time is known of it", observed.task.id), None));
        let timeless: Vec<_> = timeless.collect();
        if !timeless.is_empty() {
            return self.leave(id, received, timeless);
        }
        let mut fate = MessageFate::PassedBy;
        let mut work: Vec<BoxFuture<'_, Result<bool, NotDone>>> = vec![];
        for observed in wanted {
            work.push(self.deliver(id, observed).boxed());
        }
        for (_, action) in actions.iter().filter(|(_, action)| action.is_end()) {
            if let Some(source) = &self.config.deployments {
                work.push(self.deliver_deployment(incoming, source, action).boxed());
            }
        }
        for done in work {
            match done.await {
                Ok(true) => fate = MessageFate::Exported,
                Ok(false) => {}
                Err(NotDone::ToldToStop) => return Done::GiveBack,
                Err(NotDone::Settling(left)) => return Done::Later(left),
                Err(NotDone::Unusable(what, hint)) => return self.leave(id, received, vec![(what, hint)]),
            }
        }
        if matches!(fate, MessageFate::PassedBy) {
            add(&self.counts.passed_by, 1);
        }
        self.config.meters.settled(fate);
        Done::Delete
    }

    /// Leaves a message to the queue, for these errors and their hints: it may hold thousands.
    fn leave(&self, id: &str, received: u32, errors: Vec<(String, Option<String>)>) -> Done {
        add(&self.counts.poison, 1);
        self.config.meters.settled(MessageFate::Poison);
        let more = errors.len().checked_sub(FEW).filter(|more| *more > 0);
        let more = more.map(|more| (format!("{more} more things in it cannot be read"), None));
        for (error, hint) in errors.into_iter().take(FEW).chain(more) {
            self.notices.tell(&Notice::Unreadable { message: id.to_owned(), received, error, hint });
        }
        Done::Leave
    }

    /// Delivers a task everywhere, however long that takes; `false`: it is not wanted, or nothing of it is final.
    async fn deliver(&self, message: &str, mut observed: TaskObservations) -> Result<bool, NotDone> {
        let now = (self.config.clock)();
        let mut is_whole = observed.logs.is_empty();
        // What else is learned of it is put to what was observed.
        let learns = !is_whole || self.config.logs.is_some() || self.config.definitions.is_some();
        let kept = if learns { observed.clone() } else { TaskObservations::default() };
        let mut life = TaskLife::new(std::mem::replace(&mut observed, kept), now, 0);
        if !self.config.filter.takes_life(&life) {
            return Ok(false);
        }
        if life.is_stopped()
            && (life.outcome.failure.is_some() || self.config.logs_of_all)
            && let Some(source) = &self.config.logs
        {
            self.settled(&life.task).await?;
            observed = self.with_logs(message, source, observed).await;
            is_whole = false;
        }
        if let Some(source) = &self.config.definitions
            && observed.definition.is_none()
        {
            if !self.define(message, source, &mut observed).await {
                return Err(NotDone::ToldToStop);
            }
            is_whole = false;
        }
        if !is_whole {
            life = TaskLife::new(observed, now, usize::MAX);
        }
        for gap in &life.gaps {
            let (task, what) = (Some(life.label()), format!("{}: {}", gap.what, gap.why));
            let message = Some(message.to_owned());
            self.notices.tell(&Notice::Gap { task, message, what, hint: gap.hint.clone() });
        }
        let trace = TaskTrace::new(&life, &self.config.options);
        if trace.spans.is_empty() {
            return Ok(false);
        }
        let (task, status, spans) = (trace.label.clone(), trace.status.clone(), trace.spans.len() as u64);
        let trace_id = trace.caller_trace_id.unwrap_or(trace.trace_id);
        let again = || TaskTrace::new(&life, &self.config.options);
        let fate = self.send(message, trace, again).await.ok_or(NotDone::ToldToStop)?;
        add(&self.counts.tasks, 1);
        let lag = life.task.times.stopped.map(|stopped| (self.config.clock)().since(stopped));
        self.config.meters.task(&life, lag);
        self.notify(&life, trace_id, fate);
        let failure = life.outcome.failure.as_ref();
        let failure = failure.map(|failure| failure.error_type.as_ref().unwrap_or(&failure.description).clone());
        let message = message.to_owned();
        self.notices.tell(&Notice::Exported { task, message, status, spans, lag, failure, fate });
        Ok(true)
    }

    /// Tells people of a task that failed, or – as soon as it has started – of a slow launch.
    fn notify(&self, life: &TaskLife, trace_id: TraceId, fate: Fate) {
        let Some(notifier) = &self.config.notifier else { return };
        let has_failed = life.is_stopped() && life.outcome.failure.is_some();
        if has_failed || (!life.is_stopped() && notifier.is_slow(launch(life))) {
            notifier.tell(Notification::of_task(life, self.link(notifier, trace_id, fate)));
        }
    }

    /// Where a trace is that a receiver has taken; a file is none.
    fn link(&self, notifier: &Notifier, trace_id: TraceId, fate: Fate) -> Option<String> {
        let is_received = fate != Fate::Refused && self.outlets.iter().any(|outlet| outlet.to.is_receiver());
        notifier.link(&trace_id.to_string()).filter(|_| is_received)
    }

    /// What is counted and to be told goes out: the program may be frozen or ended next.
    async fn flush(&self, within: Duration) {
        if let Some(notifier) = &self.config.notifier {
            let Notified { sent, failed, counted } = notifier.flush(within).await;
            if sent + failed + counted > 0 {
                self.notices.tell(&Notice::Notified { sent, failed, counted });
            }
        }
        self.config.meters.flush(within).await;
    }

    /// The same in the end: who was not told by then is not.
    async fn finish(&self, within: Duration) {
        if let Some(notifier) = &self.config.notifier {
            notifier.finish(within).await;
        }
        self.flush(within).await;
    }

    /// Lines arrive late: so long after the task stopped they are in.
    async fn settled(&self, task: &TaskRecord) -> Result<(), NotDone> {
        let Some(stopped) = task.times.stopped else { return Ok(()) };
        let left = self.config.logs_settle.saturating_sub((self.config.clock)().since(stopped));
        match self.settling {
            _ if left.is_zero() => Ok(()),
            Settling::Later => Err(NotDone::Settling(left)),
            Settling::Here => tokio::select! {
                () = sleep(left) => Ok(()),
                () = self.stop.wait() => Err(NotDone::ToldToStop),
            },
        }
    }

    /// Sends everywhere until each receiver has said yes or no for good, and what the worst of them said; `None` when told to
    /// stop first. It is made anew, the same bytes, only where it has to be sent again.
    async fn send(&self, message: &str, trace: TaskTrace, again: impl Fn() -> TaskTrace) -> Option<Fate> {
        let traces = std::iter::repeat_n(trace, self.outlets.len());
        let all = self.outlets.iter().zip(traces).map(|(outlet, trace)| self.send_to(message, outlet, trace, &again));
        let settled: Option<Vec<Fate>> = join_all(all).await.into_iter().collect();
        Some(settled?.into_iter().max().unwrap_or(Fate::Accepted))
    }

    async fn send_to(
        &self,
        message: &str,
        Outlet { to, coalesce }: &Outlet,
        trace: TaskTrace,
        again: impl Fn() -> TaskTrace,
    ) -> Option<Fate> {
        let label = trace.label.clone();
        let mut joined = coalesce.join(trace, |traces| to.send_all(traces)).await;
        loop {
            // Alone, once something was wrong: it may be wrong with one of those that shared the request.
            let ack = match joined.take() {
                Some(ack) => ack,
                None => to.send(again()).await,
            };
            match ack {
                Ack::Settled { accepted, rejected, why } => {
                    self.config.meters.spans(to.name(), accepted, rejected);
                    for reason in why {
                        let (task, hint) = (label.clone(), reason.hint());
                        self.notices.tell(&Notice::Rejected {
                            task,
                            message: message.to_owned(),
                            spans: rejected,
                            reason: reason.to_string(),
                            hint,
                        });
                    }
                    return Some(match (accepted, rejected) {
                        (_, 0) => Fate::Accepted,
                        (0, _) => Fate::Refused,
                        _ => Fate::PartlyRefused,
                    });
                }
                Ack::Open(reason) => {
                    let (to, task, hint) = (to.name().to_owned(), label.clone(), reason.hint());
                    let message = message.to_owned();
                    self.notices.tell(&Notice::NotTaken { to, task, message, reason: reason.to_string(), hint });
                    tokio::select! {
                        () = sleep(PAUSE) => {}
                        () = self.stop.wait() => return None,
                    }
                    if self.stop.is_requested() {
                        return None;
                    }
                }
            }
        }
    }

    /// With the log lines; the event stays the word on the task.
    async fn with_logs(&self, message: &str, source: &EcsSource, mut observed: TaskObservations) -> TaskObservations {
        match source.region_of(&observed.task) {
            Ok(region) => observed.absorb(source.observe_one(&region, observed.task.clone()).await),
            Err(error) => {
                let (task, message) = (observed.task.id.clone(), message.to_owned());
                self.notices.tell(&Notice::AwsFailed { task, message, error: error.to_string(), hint: None });
            }
        }
        observed
    }

    /// Asks for a task's definition, however long that takes: under two names a task would be there twice. `false` when
    /// told to stop first; a definition that AWS will not give is a gap.
    async fn define(&self, message: &str, source: &EcsSource, observed: &mut TaskObservations) -> bool {
        loop {
            let error = match source.definition_of(&observed.task).await {
                None => return true,
                Some(Ok(definition)) => {
                    observed.definition = Some(definition);
                    return true;
                }
                Some(Err(error)) => error,
            };
            if !error.is_passing() {
                observed.gaps.push(ecs::gap("the task definition, which names the service", &error));
                return true;
            }
            let (task, message, hint) = (observed.task.id.clone(), message.to_owned(), error.hint());
            self.notices.tell(&Notice::AwsFailed { task, message, error: error.to_string(), hint });
            tokio::select! {
                () = sleep(PAUSE) => {}
                () = self.stop.wait() => return false,
            }
        }
    }

    /// What became of everything so far.
    fn exported(&self) -> Exported {
        let Counts { tasks, deployments, passed_by, poison } = &self.counts;
        let count = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let destinations = self.outlets.iter().map(|outlet| outlet.to.report()).collect();
        Exported {
            tasks: count(tasks),
            deployments: count(deployments),
            passed_by: count(passed_by),
            poison: count(poison),
            report: DeliveryReport { destinations, ..DeliveryReport::default() },
        }
    }
}
