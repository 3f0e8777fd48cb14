//! What is done with an event: read, chosen or passed by, and delivered everywhere. Knows no queue. Main type: [`Exporter`].

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use ecspan::model::arn::last_part;
use ecspan::model::merge::{self, TaskObservations};
use ecspan::model::observation::TaskRecord;
use ecspan::model::phases::{PhaseKind, Phases};
use ecspan::model::{TaskLife, Time};
use ecspan::sink::{Ack, Acknowledged, Destination, DestinationReport, Report, Verdict};
use ecspan::source::aws::Aws;
use ecspan::source::ecs::{self, EcsSource};
use ecspan::source::files::{self, Contents};
use ecspan::trace::{ServiceName, TaskTrace, TraceOptions};
use futures::future::join_all;
use tokio::time::sleep;

use super::super::args::{Containers, EventArgs, Global, WorkerLogs};
use super::super::exit::Exit;
use super::super::log::say;
use super::super::meters::{MessageFate, Meters};
use super::super::problem::Problem;
use super::super::{closing, destinations, env, signals, tasks};
use super::together::Together;

/// The pause after a receiver did not take a task.
const PAUSE: Duration = Duration::from_secs(5);

/// Exports the tasks of events.
pub(in super::super) struct Exporter {
    destinations: Vec<Outlet>,
    /// Where log lines come from.
    logs: Option<Arc<EcsSource>>,
    /// Where task definitions come from, when they name the service.
    definitions: Option<Arc<EcsSource>>,
    settling: Settling,
    args: EventArgs,
    options: TraceOptions,
    pub(in super::super) meters: Meters,
    pub(in super::super) counts: Counts,
}

/// A destination, and the tasks that are to share a request to it.
struct Outlet {
    to: Acknowledged,
    together: Together<TaskTrace, Ack>,
}

/// What was done so far.
#[derive(Debug, Default)]
pub(in super::super) struct Counts {
    pub(in super::super) tasks: AtomicU64,
    /// Messages about nothing that is wanted, deleted.
    pub(in super::super) passed_by: AtomicU64,
    /// Messages that could not be read, left to the queue.
    pub(in super::super) poison: AtomicU64,
}

/// What becomes of a message.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Done {
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
pub(in super::super) enum Settling {
    /// Wait: whoever handed the event over waits for the answer.
    Here,
    /// Put it back: a crash loop would fill all the room with waiting.
    Later,
}

/// Why a task is not done.
enum NotDone {
    ToldToStop,
    Settling(Duration),
}

/// What a receiver finally said of a task's spans.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Fate {
    Accepted,
    PartlyRefused,
    Refused,
}

/// What became of a task.
enum Sent {
    Exported,
    /// Not wanted, or nothing of it is final.
    PassedBy,
}

fn add(count: &AtomicU64, number: u64) {
    count.fetch_add(number, Ordering::Relaxed);
}

impl Outlet {
    fn new(destination: Destination) -> Self {
        let to = Acknowledged::new(destination).until(signals::wait());
        let together = Together::new(to.concurrency(), usize::MAX);
        Self { to, together }
    }
}

impl Exporter {
    /// Opens all that is exported to and read from. Nothing is sent yet.
    pub(in super::super) async fn open(
        global: &Global,
        args: &EventArgs,
        aws: &Aws,
        settling: Settling,
    ) -> Result<Self, Problem> {
        let opened = destinations::open_growing(global, &args.to, &args.otlp).await?;
        let logs = if args.logs == WorkerLogs::None { None } else { Some(tasks::logs_of(aws.clone(), args)?) };
        let service_name = ServiceName::from(args.service_name.as_deref());
        let definitions = match (&service_name, &logs) {
            (ServiceName::Otel, Some(source)) => Some(source.clone()),
            (ServiceName::Otel, None) => Some(tasks::definitions(aws.clone())),
            (ServiceName::Ecs | ServiceName::Given(_), _) => None,
        };
        Ok(Self {
            destinations: opened.into_iter().map(Outlet::new).collect(),
            logs,
            definitions,
            settling,
            args: args.clone(),
            options: TraceOptions {
                service_name,
                base_attributes: env::resource_attributes(),
                no_containers: args.containers == Containers::None,
                ..TraceOptions::default()
            },
            meters: Meters::open(&args.to, &args.otlp, aws.calls())?,
            counts: Counts::default(),
        })
    }

    /// Reads what a message holds, which was received so often, and delivers its tasks everywhere, however long that takes.
    pub(in super::super) async fn export(&self, id: &str, received: u32, body: &str) -> Done {
        let read = files::read_bytes(&format!("message {id}"), body.as_bytes());
        let Contents { observations, errors, .. } =
            read.unwrap_or_else(|error| Contents { errors: vec![error], ..Contents::default() });
        if !errors.is_empty() {
            add(&self.counts.poison, 1);
            self.meters.settled(MessageFate::Poison);
            let received = received.to_string();
            for error in errors {
                let hint = error.hint().unwrap_or_default();
                let fields = [("received", received.as_str()), ("hint", &hint)];
                say("error", &format!("{error}: left to the dead-letter rule"), &fields);
            }
            return Done::Leave;
        }
        let (tasks, _) = merge::by_task(observations);
        let wanted: Vec<TaskObservations> = tasks.into_iter().filter(|observed| self.wants(&observed.task)).collect();
        let mut fate = MessageFate::PassedBy;
        for observed in wanted {
            match self.deliver(observed).await {
                Ok(Sent::Exported) => fate = MessageFate::Exported,
                Ok(Sent::PassedBy) => {}
                Err(NotDone::ToldToStop) => return Done::GiveBack,
                Err(NotDone::Settling(left)) => return Done::Later(left),
            }
        }
        if matches!(fate, MessageFate::PassedBy) {
            add(&self.counts.passed_by, 1);
        }
        self.meters.settled(fate);
        Done::Delete
    }

    /// Whether a task is one that is exported.
    fn wants(&self, task: &TaskRecord) -> bool {
        // Names and ARNs are both what people have.
        let among = |wanted: &[String], given: Option<&str>| {
            wanted.is_empty() || given.is_some_and(|given| wanted.iter().any(|one| last_part(one) == given))
        };
        // Launch spans are final with RUNNING, all others with STOPPED; nothing is between.
        let has_news = task.is_stopped() || task.times.started.is_some();
        let picky = self.args.only_failed || self.args.slower_than.is_some();
        has_news
            && (!picky || task.is_stopped())
            && among(&self.args.cluster, task.cluster_name())
            && among(&self.args.service, task.service())
            && among(&self.args.family, task.family())
    }

    /// Delivers a task everywhere, however long that takes.
    async fn deliver(&self, mut observed: TaskObservations) -> Result<Sent, NotDone> {
        let now = Time::from(SystemTime::now());
        let bare = TaskLife::new(observed.clone(), now, 0);
        let failed = bare.outcome.failure.is_some();
        if (self.args.only_failed && !failed) || self.args.slower_than.is_some_and(|limit| launch(&bare) < Some(limit))
        {
            return Ok(Sent::PassedBy);
        }
        if bare.is_stopped()
            && (failed || self.args.logs == WorkerLogs::All)
            && let Some(source) = &self.logs
        {
            self.settled(&bare.task).await?;
            observed = self.with_logs(source, observed).await;
        }
        if let Some(source) = &self.definitions
            && observed.definition.is_none()
            && !define(source, &mut observed).await
        {
            return Err(NotDone::ToldToStop);
        }
        let life = TaskLife::new(observed, now, usize::MAX);
        for gap in &life.gaps {
            let hint = gap.hint.as_deref().unwrap_or_default();
            say("warning", &format!("gap: {}: {}", gap.what, gap.why), &[("task", &life.label()), ("hint", hint)]);
        }
        let trace = TaskTrace::new(&life, &self.options);
        if trace.spans.is_empty() {
            return Ok(Sent::PassedBy);
        }
        let all = join_all(self.destinations.iter().map(|to| self.send(to, &trace))).await;
        let settled: Option<Vec<Fate>> = all.into_iter().collect();
        let fate = settled.ok_or(NotDone::ToldToStop)?.into_iter().max().unwrap_or(Fate::Accepted);
        add(&self.counts.tasks, 1);
        let lag = life.task.times.stopped.map(|stopped| Time::from(SystemTime::now()).since(stopped));
        self.meters.task(&life, lag);
        tell(&life, &trace, lag, fate);
        Ok(Sent::Exported)
    }

    /// Lines arrive late: so long after the task stopped they are in.
    async fn settled(&self, task: &TaskRecord) -> Result<(), NotDone> {
        let Some(stopped) = task.times.stopped else { return Ok(()) };
        let left = self.args.logs_settle.saturating_sub(Time::from(SystemTime::now()).since(stopped));
        match self.settling {
            _ if left.is_zero() => Ok(()),
            Settling::Later => Err(NotDone::Settling(left)),
            Settling::Here => tokio::select! {
                () = sleep(left) => Ok(()),
                () = signals::wait() => Err(NotDone::ToldToStop),
            },
        }
    }

    /// Sends until the receiver has said yes or no for good; `None` when told to stop first.
    async fn send(&self, Outlet { to, together }: &Outlet, trace: &TaskTrace) -> Option<Fate> {
        let mut joined = together.join(trace.clone(), |traces| to.send_all(traces)).await;
        loop {
            // Alone, once something was wrong: it may be wrong with one of those that shared the request.
            let ack = match joined.take() {
                Some(ack) => ack,
                None => to.send(trace.clone()).await,
            };
            match ack {
                Ack::Settled { accepted, rejected, why } => {
                    self.meters.spans(to.name(), accepted, rejected);
                    for reason in why {
                        let (task, spans) = (trace.label.clone(), rejected.to_string());
                        let hint = reason.hint().unwrap_or_default();
                        say(
                            "error",
                            &format!("rejected: {reason}"),
                            &[("task", &task), ("spans", &spans), ("hint", &hint)],
                        );
                    }
                    return Some(match (accepted, rejected) {
                        (_, 0) => Fate::Accepted,
                        (0, _) => Fate::Refused,
                        _ => Fate::PartlyRefused,
                    });
                }
                Ack::Open(reason) => {
                    let hint = reason.hint().unwrap_or_default();
                    say("warning", &reason.to_string(), &[("to", to.name()), ("task", &trace.label), ("hint", &hint)]);
                    tokio::select! {
                        () = sleep(PAUSE) => {}
                        () = signals::wait() => return None,
                    }
                    if signals::received().is_some() {
                        return None;
                    }
                }
            }
        }
    }

    async fn with_logs(&self, source: &EcsSource, observed: TaskObservations) -> TaskObservations {
        let mut more = match source.region_of(&observed.task) {
            Ok(region) => source.observe_one(&region, observed.task.clone()).await,
            Err(error) => {
                say("warning", &error.to_string(), &[("task", &observed.task.id)]);
                return observed;
            }
        };
        // The event stays the word on the task.
        more.task = observed.task;
        more
    }

    /// Tells what became of everything, and what that means for the exit code.
    pub(in super::super) fn close(&self) -> Exit {
        let destinations: Vec<DestinationReport> = self.destinations.iter().map(|outlet| outlet.to.report()).collect();
        destinations.iter().for_each(closing::tell_destination);
        match (Report { destinations, ..Report::default() }).verdict() {
            // What it drained was delivered, or refused for good: that was told, and is in the exit code.
            Verdict::All => Exit::Success,
            Verdict::Some => Exit::PartlyDelivered,
            Verdict::Nothing => Exit::Failed,
        }
    }
}

fn tell(life: &TaskLife, trace: &TaskTrace, lag: Option<Duration>, fate: Fate) {
    let failure = life.outcome.failure.as_ref();
    let failure = failure.map(|failure| failure.error_type.as_deref().unwrap_or(&failure.description));
    let (spans, lag) = (trace.spans.len().to_string(), lag.map(|lag| lag.as_millis().to_string()).unwrap_or_default());
    let fields = [
        ("task", trace.label.as_str()),
        ("status", &trace.status),
        ("spans", &spans),
        ("lag_ms", &lag),
        ("failure", failure.unwrap_or_default()),
    ];
    let (level, message) = match fate {
        Fate::Accepted => ("info", "delivered"),
        Fate::PartlyRefused => ("error", "delivered in part"),
        Fate::Refused => ("error", "refused"),
    };
    say(level, message, &fields);
}

/// Asks for a task's definition, however long that takes: under two names a task would be there twice. `false` when
/// told to stop first; a definition that AWS will not give is a gap.
async fn define(source: &EcsSource, observed: &mut TaskObservations) -> bool {
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
        let (task, hint) = (&observed.task.id, error.hint().unwrap_or_default());
        say("warning", &error.to_string(), &[("task", task), ("hint", &hint)]);
        tokio::select! {
            () = sleep(PAUSE) => {}
            () = signals::wait() => return false,
        }
    }
}

/// Created → started.
fn launch(life: &TaskLife) -> Option<Duration> {
    let phases: &Phases = life.phases.as_ref()?;
    Some(phases.find(PhaseKind::Running)?.start.since(phases.start))
}
