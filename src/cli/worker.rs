//! `ecspan worker`: EventBridge events from an SQS queue, for ever. Any number of workers share a queue; none keeps a state.

use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use ecspan::model::merge::{self, TaskObservations};
use ecspan::model::observation::{Observation, TaskRecord};
use ecspan::model::phases::{PhaseKind, Phases};
use ecspan::model::{TaskLife, Time};
use ecspan::render::escape;
use ecspan::sink::{Ack, Acknowledged, DestinationReport, Report, Verdict};
use ecspan::source::ecs::EcsSource;
use ecspan::source::files;
use ecspan::source::sqs::{Message, Queue};
use ecspan::trace::{TaskTrace, TraceOptions};
use futures::future::join_all;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::args::{Global, WorkerArgs, WorkerLogs};
use super::exit::Exit;
use super::problem::Problem;
use super::{closing, destinations, env, signals, tasks, terminal};

/// So long is a message hidden from other workers; a killed worker's messages come back after it.
const HIDDEN: Duration = Duration::from_secs(60);
/// It is hidden again so often while it is being worked on.
const HIDE_AGAIN: Duration = Duration::from_secs(20);
/// The pause after a receiver did not take a task, or SQS did not answer.
const PAUSE: Duration = Duration::from_secs(5);
/// Told to stop: work in hand has so long. ECS kills after 30 s.
const DRAIN: Duration = Duration::from_secs(20);

pub(super) async fn run(global: &Global, args: &WorkerArgs) -> Result<Exit, Problem> {
    let opened = destinations::open_for(global, &args.to, &args.otlp, Some("none")).await?;
    let aws = tasks::aws(global).await;
    let queue = Queue::open(&aws, &args.queue).map_err(|error| tasks::aws_problem(&error))?;
    let logs = if args.logs == WorkerLogs::None { None } else { Some(tasks::logs_of(global, args).await?) };
    let worker = Arc::new(Worker {
        queue,
        destinations: opened.into_iter().map(|one| Acknowledged::new(one).until(signals::wait())).collect(),
        logs,
        args: args.clone(),
        options: TraceOptions {
            service_name: args.service_name.clone(),
            base_attributes: env::resource_attributes(),
            no_containers: args.containers == super::args::Containers::None,
            ..TraceOptions::default()
        },
        counts: Counts::default(),
    });
    say("info", "receiving", &[("queue", &args.queue), ("concurrency", &args.concurrency.to_string())]);
    worker.clone().receive().await;
    Ok(worker.close())
}

struct Worker {
    queue: Queue,
    destinations: Vec<Acknowledged>,
    /// Where log lines come from.
    logs: Option<Arc<EcsSource>>,
    args: WorkerArgs,
    options: TraceOptions,
    counts: Counts,
}

/// What was done so far.
#[derive(Debug, Default)]
struct Counts {
    messages: AtomicU64,
    tasks: AtomicU64,
    /// Messages about nothing that is wanted, deleted.
    passed_by: AtomicU64,
    /// Messages that could not be read, left to the queue.
    poison: AtomicU64,
    /// Messages given back undone.
    given_back: AtomicU64,
}

fn add(count: &AtomicU64, number: u64) {
    count.fetch_add(number, Ordering::Relaxed);
}

/// What becomes of a message.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Done {
    Delete,
    /// Nobody can read it: after so many receipts the queue puts it into its dead-letter queue.
    Leave,
    /// Told to stop before it was done: another worker may have it at once.
    GiveBack,
}

impl Worker {
    /// Receives until told to stop, and then finishes what is in hand.
    async fn receive(self: Arc<Self>) {
        let room = Arc::new(Semaphore::new(self.args.concurrency));
        let mut running = JoinSet::new();
        let stop = signals::wait();
        tokio::pin!(stop);
        loop {
            // No message is hidden from others before there is room to work on it.
            let free = tokio::select! {
                _ = room.acquire() => room.available_permits().max(1),
                () = &mut stop => break,
            };
            let received = tokio::select! {
                received = self.queue.receive(free, HIDDEN) => received,
                () = &mut stop => break,
            };
            match received {
                Ok(messages) => {
                    for message in messages {
                        let Ok(place) = room.clone().acquire_owned().await else { return };
                        let worker = self.clone();
                        running.spawn(async move {
                            worker.handle(message).await;
                            drop(place);
                        });
                    }
                }
                Err(error) => {
                    say("error", &error.to_string(), &[("hint", &error.hint().unwrap_or_default())]);
                    tokio::select! {
                        () = sleep(PAUSE) => {}
                        () = &mut stop => break,
                    }
                }
            }
            while running.try_join_next().is_some() {}
        }
        say("info", "told to stop: finishing what is in hand", &[("messages", &running.len().to_string())]);
        // What is not done by then is still hidden, and comes back by itself.
        let _ = timeout(DRAIN, async { while running.join_next().await.is_some() {} }).await;
    }

    /// Works on a message, which stays hidden meanwhile.
    async fn handle(&self, message: Message) {
        add(&self.counts.messages, 1);
        let hold = async {
            loop {
                sleep(HIDE_AGAIN).await;
                if let Err(error) = self.queue.hide(&message, HIDDEN).await {
                    say("warning", &error.to_string(), &[("message", &message.id)]);
                }
            }
        };
        let done = tokio::select! {
            done = self.work(&message) => done,
            () = hold => Done::Leave,
        };
        let result = match done {
            Done::Delete => self.queue.delete(&message).await,
            Done::GiveBack => {
                add(&self.counts.given_back, 1);
                self.queue.hide(&message, Duration::ZERO).await
            }
            Done::Leave => Ok(()),
        };
        if let Err(error) = result {
            // It comes back, and is sent again: the same bytes.
            say("warning", &error.to_string(), &[("message", &message.id)]);
        }
    }

    async fn work(&self, message: &Message) -> Done {
        let read = files::read_bytes(&format!("message {}", message.id), message.body.as_bytes());
        let (contents, mut errors) = match read {
            Ok(contents) => (Some(contents), vec![]),
            Err(error) => (None, vec![error]),
        };
        let contents = contents.map(|mut contents| {
            errors.append(&mut contents.errors);
            contents
        });
        if !errors.is_empty() {
            add(&self.counts.poison, 1);
            let received = message.received.to_string();
            for error in errors {
                say("error", &format!("{error}: left to the queue's dead-letter rule"), &[("received", &received)]);
            }
            return Done::Leave;
        }
        let observations: Vec<Observation> = contents.map_or_else(Vec::new, |contents| contents.observations);
        let (tasks, _) = merge::by_task(observations);
        let wanted: Vec<TaskObservations> = tasks.into_iter().filter(|observed| self.wants(&observed.task)).collect();
        if wanted.is_empty() {
            add(&self.counts.passed_by, 1);
            return Done::Delete;
        }
        for observed in wanted {
            if !self.deliver(observed).await {
                return Done::GiveBack;
            }
        }
        Done::Delete
    }

    /// Whether a task is one that is exported.
    fn wants(&self, task: &TaskRecord) -> bool {
        let among = |wanted: &[String], given: Option<&str>| {
            wanted.is_empty() || given.is_some_and(|given| wanted.iter().any(|one| one == given))
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

    /// Delivers a task everywhere, however long that takes; `false` when told to stop first.
    async fn deliver(&self, mut observed: TaskObservations) -> bool {
        let now = Time::from(SystemTime::now());
        let bare = TaskLife::new(observed.clone(), now, 0);
        let failed = bare.outcome.failure.is_some();
        if (self.args.only_failed && !failed) || self.args.slower_than.is_some_and(|limit| launch(&bare) < Some(limit))
        {
            add(&self.counts.passed_by, 1);
            return true;
        }
        if bare.is_stopped()
            && (failed || self.args.logs == WorkerLogs::All)
            && let Some(source) = &self.logs
        {
            if !settled(&bare.task, self.args.logs_settle).await {
                return false;
            }
            observed = self.with_logs(source, observed).await;
        }
        let life = TaskLife::new(observed, now, usize::MAX);
        for gap in &life.gaps {
            say("warning", &format!("gap: {}: {}", gap.what, gap.why), &[("task", &life.label())]);
        }
        let trace = TaskTrace::new(&life, &self.options);
        if trace.spans.is_empty() {
            add(&self.counts.passed_by, 1);
            return true;
        }
        let all = join_all(self.destinations.iter().map(|to| self.send(to, &trace))).await;
        let is_done = all.into_iter().all(|settled| settled);
        if is_done {
            add(&self.counts.tasks, 1);
            self.tell(&life, &trace);
        }
        is_done
    }

    /// Sends until the receiver has said yes or no for good.
    async fn send(&self, to: &Acknowledged, trace: &TaskTrace) -> bool {
        loop {
            match to.send(trace.clone()).await {
                Ack::Settled { rejected: 0, .. } => return true,
                Ack::Settled { rejected, why, .. } => {
                    for reason in why {
                        let (task, spans) = (trace.label.clone(), rejected.to_string());
                        let hint = reason.hint().unwrap_or_default();
                        say(
                            "error",
                            &format!("rejected: {reason}"),
                            &[("task", &task), ("spans", &spans), ("hint", &hint)],
                        );
                    }
                    return true;
                }
                Ack::Open(reason) => {
                    let hint = reason.hint().unwrap_or_default();
                    say("warning", &reason.to_string(), &[("to", to.name()), ("task", &trace.label), ("hint", &hint)]);
                    tokio::select! {
                        () = sleep(PAUSE) => {}
                        () = signals::wait() => return false,
                    }
                    if signals::received().is_some() {
                        return false;
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

    fn tell(&self, life: &TaskLife, trace: &TaskTrace) {
        let mut fields = vec![
            ("task", trace.label.clone()),
            ("status", trace.status.clone()),
            ("spans", trace.spans.len().to_string()),
        ];
        if let Some(stopped) = life.task.times.stopped {
            let lag = Time::from(SystemTime::now()).since(stopped);
            fields.push(("lag_ms", lag.as_millis().to_string()));
        }
        if let Some(failure) = &life.outcome.failure {
            fields.push(("failure", failure.error_type.clone().unwrap_or_else(|| failure.description.clone())));
        }
        let fields: Vec<(&str, &str)> = fields.iter().map(|(key, value)| (*key, value.as_str())).collect();
        say("info", "delivered", &fields);
    }

    fn close(&self) -> Exit {
        let count = |count: &AtomicU64| count.load(Ordering::Relaxed).to_string();
        let counts = &self.counts;
        say(
            "info",
            "drained",
            &[
                ("messages", &count(&counts.messages)),
                ("tasks", &count(&counts.tasks)),
                ("passed_by", &count(&counts.passed_by)),
                ("poison", &count(&counts.poison)),
                ("given_back", &count(&counts.given_back)),
            ],
        );
        let destinations: Vec<DestinationReport> = self.destinations.iter().map(Acknowledged::report).collect();
        destinations.iter().for_each(closing::tell_destination);
        match (Report { destinations, ..Report::default() }).verdict() {
            // What it drained was delivered, or refused for good: that was told, and is in the exit code.
            Verdict::All => Exit::Success,
            Verdict::Some => Exit::PartlyDelivered,
            Verdict::Nothing => Exit::Failed,
        }
    }
}

/// Created → started.
fn launch(life: &TaskLife) -> Option<Duration> {
    let phases: &Phases = life.phases.as_ref()?;
    Some(phases.find(PhaseKind::Running)?.start.since(phases.start))
}

/// Lines arrive late: waits until so long after the task stopped. `false` when told to stop first.
async fn settled(task: &TaskRecord, settle: Duration) -> bool {
    let Some(stopped) = task.times.stopped else { return true };
    let left = settle.saturating_sub(Time::from(SystemTime::now()).since(stopped));
    tokio::select! {
        () = sleep(left) => true,
        () = signals::wait() => false,
    }
}

/// A structured line on stderr: `level=info msg="delivered" task=prod/…`.
fn say(level: &str, message: &str, fields: &[(&str, &str)]) {
    let mut line = format!("level={level} msg={}", quoted(message));
    for (key, value) in fields.iter().filter(|(_, value)| !value.is_empty()) {
        let _ = write!(line, " {key}={}", quoted(value));
    }
    terminal::say(&line);
}

fn quoted(value: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:".contains(c);
    let value = escape::text(value);
    if value.chars().all(plain) { value } else { format!("\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\"")) }
}
