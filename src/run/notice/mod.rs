//! What engines tell while they run. Main type: [`Notice`]; whoever wants to hear it is a [`Notices`].
//!
//! A notice is a value: how it is printed – for a person, as structured lines, not at all – is its hearer's part. What counts in
//! the end is in what the engine returns; a notice alone decides nothing.

mod words;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::model::Time;
use crate::model::deployment::DeploymentLife;
use crate::model::service::Hook;

/// Hears what engines tell. Any function of a notice does.
///
/// ```
/// use std::sync::Arc;
/// use ecspan::run::{Level, Notice, Teller};
///
/// let notices: Teller = Arc::new(|notice: &Notice| {
///     if notice.level() >= Level::Gap {
///         eprintln!("{notice}");
///     }
/// });
/// notices.tell(&Notice::gap(Some("prod/84b5"), "the log of container app: refused"));
/// ```
pub trait Notices: Send + Sync {
    /// Something happened.
    fn tell(&self, notice: &Notice);
}

/// Whoever hears; shared, since deliveries tell from where they run.
pub type Teller = Arc<dyn Notices>;

impl<F: Fn(&Notice) + Send + Sync> Notices for F {
    fn tell(&self, notice: &Notice) {
        self(notice);
    }
}

/// How much a notice matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Work goes on: for a progress line, and not worth a line of its own.
    Progress,
    /// All is well.
    Note,
    /// Something was tried and could not be read: it is missing from what is sent.
    Gap,
    /// Something went wrong, and is tried again or does not matter in the end.
    Warning,
    /// Something is lost.
    Error,
}

/// What a receiver finally said of a task's spans.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fate {
    /// All are accepted.
    Accepted,
    /// Some are refused for good.
    PartlyRefused,
    /// All are.
    Refused,
}

/// Something that happened. `to` is a destination's name, `task` a task's label, or a deployment's, `message` the id of the message that it came in,
/// `hint` what to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[allow(missing_docs)] // The fields are what their names say; the variants are documented.
pub enum Notice {
    /// Something of a task, or of all, could not be learned.
    Gap { task: Option<String>, message: Option<String>, what: String, hint: Option<String> },
    /// An attempt to deliver failed and will be repeated.
    Retry { to: String, reason: String, pause: Duration, hint: Option<String> },
    /// Spans or log records were not accepted, and that is final.
    NotAccepted { to: String, items: u64, reason: String },
    /// An endpoint did not answer well; it is asked again after this time, or not any more.
    EndpointFailed { error: String, again: Option<Duration> },
    /// The engine was told to stop, and what it does until then.
    Stopping(Stopping),
    /// A container's span is not sent.
    NotSent { task: Option<String>, container: String, why: NotSent },
    /// The file that says that all is well cannot be written.
    HealthFile { path: PathBuf, error: String },
    /// Docker did not tell of a container.
    ContainerTrouble { task: String, container: String, error: String },
    /// A container's log is where nobody reads it.
    LogElsewhere { container: String, driver: String },
    /// Docker had not answered, and does again.
    DockerAnswers,
    /// Docker was not to be asked, so no container's end is known.
    DockerNotAsked,
    /// A worker receives messages; `only` says of which tasks, where not of all.
    Receiving { queue: String, concurrency: usize, only: String },
    /// A function waits to be invoked.
    WaitingForInvocations { only: String },
    /// A message, which was received so often, cannot be read.
    Unreadable { message: String, received: u32, error: String, hint: Option<String> },
    /// A task's spans are delivered, or refused for good; `lag`: so long after it stopped.
    Exported {
        task: String,
        message: String,
        status: String,
        spans: u64,
        lag: Option<Duration>,
        failure: Option<String>,
        fate: Fate,
    },
    /// A deployment's spans are delivered, or refused for good.
    DeploymentExported {
        deployment: String,
        message: String,
        outcome: String,
        reason: Option<String>,
        spans: u64,
        fate: Fate,
    },
    /// A deployment that ended has something open still; it is looked at again after so long, or sent without that.
    DeploymentOpen { deployment: String, message: String, open: String, again: Option<Duration> },
    /// A deployment that ended rolls another one back, whose own event tells of both.
    RollsBack { deployment: String, message: String, undone: String },
    /// People could not be told.
    NotNotified { to: String, why: String, hint: Option<String> },
    /// People may not be told as somebody thinks who names them.
    NotifyDoubt { what: String, hint: String },
    /// So many notifications were taken, not taken, and told as a number.
    Notified { sent: u64, failed: u64, counted: u64 },
    /// A receiver refused spans of a task for good.
    Rejected { task: String, message: String, spans: u64, reason: String, hint: Option<String> },
    /// A receiver did not take a task's spans, and will be asked again.
    NotTaken { to: String, task: String, message: String, reason: String, hint: Option<String> },
    /// AWS did not tell what was asked about a task.
    AwsFailed { task: String, message: String, error: String, hint: Option<String> },
    /// The queue gave no messages.
    QueueFailed { error: String, hint: Option<String> },
    /// The queue did not do what was asked about a message.
    MessageFailed { message: String, error: String },
    /// An invocation's time was up before its message was done.
    NotInTime { message: String },
    /// A worker has stopped, after so many of each.
    Drained { messages: u64, tasks: u64, deployments: u64, passed_by: u64, poison: u64, given_back: u64 },
    /// The queue has not answered once.
    QueueNeverAnswered,
    /// A receiver did not take ecspan's own metrics.
    MetricsNotTaken { to: String, why: String, hint: String },
    /// Something was tried and could not be read or opened. It counts in the exit code.
    Lost { error: String, hint: Option<String> },
    /// So many more like one that was told in full, and of its level.
    Alike { more: usize, level: Level, like: String },
    /// So much of a file is read whole that it is felt in memory.
    Large { path: PathBuf, bytes: u64 },
    /// What a file holds that is not about a task, by kind.
    PassedBy { path: PathBuf, kinds: BTreeMap<String, usize> },
    /// The same, of files that a deployment is read from.
    NotOfDeployments { path: PathBuf, kinds: BTreeMap<String, usize> },
    /// A file was read though it is not JSON alone, and how.
    ReadWith { path: PathBuf, how: Vec<String> },
    /// A task's own settings name no service although they were asked for.
    ServiceUnnamed { task: String, why: &'static str },
    /// A request was saved for a protocol that its receiver does not speak, and goes out in another.
    ProtocolMended { endpoint: String, saved: String, spoken: String },
    /// A file of requests was sent, and is still there.
    NotRemoved { path: PathBuf, error: String },
    /// A deployment is waited for, and this is how far it is.
    Waiting {
        deployment: String,
        running: Option<i64>,
        desired: Option<i64>,
        failed: Option<i64>,
        stage: Option<String>,
        course: Option<String>,
    },
    /// A deployment that is waited for, with its tasks as they are now.
    Watched(Arc<DeploymentLife>),
    /// A hook of it waits for somebody.
    Paused { deployment: String, hook: Hook },
    /// A task of it failed, and what its container said last, where that is news. `like`: as another one that was told before, and how
    /// many these are by now.
    TaskFailed {
        task: String,
        reason: String,
        like: Option<(String, usize)>,
        container: Option<String>,
        lines: Vec<String>,
    },
    /// An event of its service.
    ServiceEvent { at: Time, message: String },
    /// A line of its action log.
    Action { at: Time, message: String, is_problem: bool },
    /// Its tasks could not be looked at meanwhile. They are asked for again in the end, which counts.
    NotWatched { error: String, hint: Option<String> },
    /// AWS did not answer while something is waited for; it is asked again while there is time.
    NoAnswer { error: String, hint: Option<String> },
    /// AWS answers again.
    AwsAnswers,
    /// Of so many more tasks the same could not be learned.
    MoreGaps { tasks: usize, why: String },
    /// So many things of files belong to none of the tasks.
    Unclaimed { things: usize },
    /// AWS has been looking for tasks for some time.
    LooksForTasks { tasks: usize, waited: Duration },
    /// History, which is read so far, has not gone on for some time.
    LooksInPast { covered: Option<Time>, waited: Duration },
    /// ECS has forgotten a task, and its events are kept in a log group. `status`: of its last one, where that is not STOPPED.
    /// `gone`: its cluster, where ECS does not have that either.
    Recalled { task: String, group: String, events: usize, status: Option<String>, gone: Option<String> },
    /// ECS no longer lists a deployment, and so many events in a log group tell of it.
    DeploymentRecalled { deployment: String, group: String, events: usize },
    /// History is read so far.
    PastCovered { at: Time, from: Time, until: Time },
    /// So many tasks are from a log group. `begins`: it goes no further back, though more was asked for; `absent`: what ECS does not have
    /// any more, cluster or service.
    PastRead { tasks: usize, group: String, begins: Option<Time>, absent: Option<String> },
    /// Nothing keeps what ECS forgets.
    NoPast { error: String, hint: Option<String> },
    /// Tasks are about to be read.
    ReadsTasks,
    /// One more task is read.
    TaskRead,
    /// No more tasks are read.
    TasksRead,
}

/// What is done between being told to stop and the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Stopping {
    /// Other containers have so long to finish.
    WaitsForContainers(Duration),
    /// One last look.
    LooksOnceMore,
    /// So many messages in hand are finished.
    FinishesMessages(u64),
    /// The invocation in hand is answered.
    AnswersInvocation,
}

/// Why a container's span is not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NotSent {
    /// It ran longer than whoever watched it.
    StillRan,
    /// It had not finished when it was last seen.
    HadNotFinished,
    /// It has stopped, but how and when is not known.
    EndUnknown,
}

impl Notice {
    /// A gap that nothing can be done about.
    pub fn gap(task: Option<&str>, what: impl Into<String>) -> Self {
        Self::Gap { task: task.map(str::to_owned), message: None, what: what.into(), hint: None }
    }

    /// How much it matters.
    pub const fn level(&self) -> Level {
        match self {
            Self::Gap { .. } | Self::MoreGaps { .. } => Level::Gap,
            Self::Alike { level, .. } => *level,
            Self::NotAccepted { .. }
            | Self::Unreadable { .. }
            | Self::Rejected { .. }
            | Self::Exported { fate: Fate::PartlyRefused | Fate::Refused, .. }
            | Self::DeploymentExported { fate: Fate::PartlyRefused | Fate::Refused, .. }
            | Self::QueueFailed { .. }
            | Self::QueueNeverAnswered
            | Self::Lost { .. }
            | Self::NoAnswer { .. } => Level::Error,
            Self::ReadsTasks | Self::TaskRead | Self::TasksRead | Self::Watched(_) | Self::PastCovered { .. } => {
                Level::Progress
            }
            Self::Retry { .. }
            | Self::EndpointFailed { .. }
            | Self::HealthFile { .. }
            | Self::ContainerTrouble { .. }
            | Self::NotTaken { .. }
            | Self::AwsFailed { .. }
            | Self::MessageFailed { .. }
            | Self::NotInTime { .. }
            | Self::DeploymentOpen { again: None, .. }
            | Self::NotNotified { .. }
            | Self::NotifyDoubt { .. }
            | Self::MetricsNotTaken { .. }
            | Self::NotRemoved { .. }
            | Self::TaskFailed { .. }
            | Self::Paused { .. }
            | Self::Action { is_problem: true, .. }
            | Self::NotWatched { .. } => Level::Warning,
            Self::Stopping(_)
            | Self::NotSent { .. }
            | Self::LogElsewhere { .. }
            | Self::DockerAnswers
            | Self::AwsAnswers
            | Self::DockerNotAsked
            | Self::Receiving { .. }
            | Self::WaitingForInvocations { .. }
            | Self::Exported { fate: Fate::Accepted, .. }
            | Self::DeploymentExported { fate: Fate::Accepted, .. }
            | Self::DeploymentOpen { again: Some(_), .. }
            | Self::RollsBack { .. }
            | Self::Notified { .. }
            | Self::Drained { .. }
            | Self::Large { .. }
            | Self::PassedBy { .. }
            | Self::NotOfDeployments { .. }
            | Self::ReadWith { .. }
            | Self::Waiting { .. }
            | Self::ServiceEvent { .. }
            | Self::Action { is_problem: false, .. }
            | Self::Unclaimed { .. }
            | Self::ProtocolMended { .. }
            | Self::LooksForTasks { .. }
            | Self::LooksInPast { .. }
            | Self::DeploymentRecalled { .. }
            | Self::Recalled { .. }
            | Self::PastRead { .. }
            | Self::NoPast { .. }
            | Self::ServiceUnnamed { .. } => Level::Note,
        }
    }

    /// What to do about it, where something can be done.
    pub fn hint(&self) -> Option<&str> {
        match self {
            Self::Gap { hint, .. }
            | Self::Unreadable { hint, .. }
            | Self::Rejected { hint, .. }
            | Self::NotTaken { hint, .. }
            | Self::AwsFailed { hint, .. }
            | Self::QueueFailed { hint, .. }
            | Self::Lost { hint, .. }
            | Self::NotNotified { hint, .. }
            | Self::Retry { hint, .. }
            | Self::NotWatched { hint, .. }
            | Self::NoPast { hint, .. }
            | Self::NoAnswer { hint, .. } => hint.as_deref(),
            Self::MetricsNotTaken { hint, .. } | Self::NotifyDoubt { hint, .. } => Some(hint),
            _ => None,
        }
    }

    /// The task's label, where it is about one.
    pub fn task(&self) -> Option<&str> {
        self.whose().filter(|label| !is_deployments(label))
    }

    /// The deployment's label, where it is about one.
    pub fn deployment(&self) -> Option<&str> {
        self.whose().filter(|label| is_deployments(label))
    }

    /// The label of what it is about.
    fn whose(&self) -> Option<&str> {
        match self {
            Self::Gap { task, .. } | Self::NotSent { task, .. } => task.as_deref(),
            Self::DeploymentExported { deployment, .. }
            | Self::DeploymentOpen { deployment, .. }
            | Self::RollsBack { deployment, .. } => Some(deployment),
            Self::ContainerTrouble { task, .. }
            | Self::Exported { task, .. }
            | Self::Rejected { task, .. }
            | Self::NotTaken { task, .. }
            | Self::AwsFailed { task, .. }
            | Self::TaskFailed { task, .. }
            | Self::Recalled { task, .. }
            | Self::ServiceUnnamed { task, .. } => Some(task),
            _ => None,
        }
    }

    /// The destination's name, where it is about one.
    pub fn to(&self) -> Option<&str> {
        match self {
            Self::Retry { to, .. }
            | Self::NotAccepted { to, .. }
            | Self::NotTaken { to, .. }
            | Self::NotNotified { to, .. }
            | Self::MetricsNotTaken { to, .. } => Some(to),
            _ => None,
        }
    }

    /// What else it says, by name, for structured lines: neither task, deployment nor destination nor hint.
    pub fn fields(&self) -> Vec<(&'static str, String)> {
        match self {
            Self::Stopping(Stopping::FinishesMessages(messages)) => vec![("messages", messages.to_string())],
            Self::Receiving { queue, concurrency, only } => {
                vec![("queue", queue.clone()), ("concurrency", concurrency.to_string()), ("only", only.clone())]
            }
            Self::WaitingForInvocations { only } => vec![("only", only.clone())],
            Self::Unreadable { message, received, .. } => {
                vec![("message", message.clone()), ("received", received.to_string())]
            }
            Self::Exported { message, status, spans, lag, failure, .. } => {
                let lag = lag.map(|lag| ("lag_ms", lag.as_millis().to_string()));
                let known = [("message", message.clone()), ("status", status.clone()), ("spans", spans.to_string())];
                let failure = failure.clone().map(|failure| ("failure", failure));
                known.into_iter().chain(lag).chain(failure).collect()
            }
            Self::DeploymentExported { message, outcome, reason, spans, .. } => {
                let known = [("message", message.clone()), ("outcome", outcome.clone()), ("spans", spans.to_string())];
                known.into_iter().chain(reason.clone().map(|reason| ("reason", reason))).collect()
            }
            Self::Rejected { message, spans, .. } => {
                vec![("message", message.clone()), ("spans", spans.to_string())]
            }
            Self::Gap { message: Some(message), .. }
            | Self::DeploymentOpen { message, .. }
            | Self::RollsBack { message, .. }
            | Self::NotTaken { message, .. }
            | Self::AwsFailed { message, .. }
            | Self::MessageFailed { message, .. }
            | Self::NotInTime { message } => vec![("message", message.clone())],
            Self::Drained { messages, tasks, deployments, passed_by, poison, given_back } => {
                let counts = [
                    ("messages", messages),
                    ("tasks", tasks),
                    ("deployments", deployments),
                    ("passed_by", passed_by),
                    ("poison", poison),
                    ("given_back", given_back),
                ];
                counts.map(|(name, count)| (name, count.to_string())).to_vec()
            }
            Self::Notified { sent, failed, counted } => {
                let counts = [("sent", sent), ("failed", failed), ("counted", counted)];
                counts.map(|(name, count)| (name, count.to_string())).to_vec()
            }
            Self::MetricsNotTaken { why, .. } => vec![("why", why.clone())],
            Self::TaskFailed { lines, .. } => vec![("lines", lines.join("\n"))],
            _ => vec![],
        }
    }
}

/// `CLUSTER/SERVICE ecs-svc/N`. A task's label is one word.
fn is_deployments(label: &str) -> bool {
    label.contains(' ')
}
