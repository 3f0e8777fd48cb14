//! What a notice says to a person. Adds to [`Notice`]: [`Notice::message`].

use std::collections::BTreeMap;
use std::fmt;

use jiff::tz::TimeZone;

use super::*;
use crate::model::duration::{seconds, tenths};
use crate::render::moment;
use crate::source::docker;

impl Notice {
    /// One sentence, for a person, with times in this zone, without its hint.
    pub fn sentence(&self, zone: &TimeZone) -> String {
        let told = |what: &str, name: Option<&str>| name.map_or(String::new(), |name| format!("{what}{name}: "));
        let (to, task) = (told("", self.to()), told("task ", self.task()));
        format!("{to}{task}{}{}", told("deployment ", self.deployment()), self.message_in(zone))
    }

    /// What happened, without whom it is about, with times in UTC.
    pub fn message(&self) -> String {
        self.message_in(&TimeZone::UTC)
    }

    fn message_in(&self, zone: &TimeZone) -> String {
        match self {
            Self::Gap { what, .. } => what.clone(),
            Self::Retry { reason, pause, .. } => format!("{reason}; trying again in {}", seconds(tenths(*pause))),
            Self::NotAccepted { items, reason, .. } => format!("{items} not accepted: {reason}"),
            Self::EndpointFailed { error, again: Some(pause) } => {
                format!("{error}; asking again in {}", seconds(*pause))
            }
            Self::EndpointFailed { error, again: None }
            | Self::AwsFailed { error, .. }
            | Self::QueueFailed { error, .. }
            | Self::MessageFailed { error, .. }
            | Self::Lost { error, .. }
            | Self::NoAnswer { error, .. } => error.clone(),
            Self::Stopping(Stopping::WaitsForContainers(patience)) => {
                format!("told to stop: waiting up to {} for the other containers", seconds(*patience))
            }
            Self::Stopping(Stopping::LooksOnceMore) => "told to stop: looking once more".to_owned(),
            Self::Stopping(Stopping::FinishesMessages(_)) => "told to stop: finishing what is in hand".to_owned(),
            Self::Stopping(Stopping::AnswersInvocation) => "told to stop: answering what is in hand".to_owned(),
            Self::NotSent { container, why, .. } => {
                let why = match why {
                    NotSent::StillRan => "still ran when this one was stopped",
                    NotSent::HadNotFinished => "had not finished when last seen",
                    NotSent::EndUnknown => "has stopped, and its end is not known",
                };
                format!("container {container} {why}: its span is not sent")
            }
            Self::HealthFile { path, error } => {
                format!("failed to write {}: {error}; sidecar --health will fail", path.display())
            }
            Self::ContainerTrouble { container, error, .. } => format!("container {container}: {error}"),
            Self::LogElsewhere { container, driver } => {
                let place = if driver == "awslogs" { "in CloudWatch Logs" } else { "elsewhere" };
                format!("container {container} logs through {driver}: lines are {place}, not read")
            }
            Self::AwsAnswers => "AWS answers again".to_owned(),
            Self::DockerAnswers => "Docker answers again".to_owned(),
            Self::DockerNotAsked => {
                "Docker was not asked (--docker none): no container's end is known, so none was sent".to_owned()
            }
            Self::Receiving { .. } => "receiving".to_owned(),
            Self::WaitingForInvocations { .. } => "waiting for invocations".to_owned(),
            Self::Unreadable { error, .. } => format!("{error}: left to the dead-letter rule"),
            Self::Exported { fate, .. } | Self::DeploymentExported { fate, .. } => match fate {
                Fate::Accepted => "delivered".to_owned(),
                Fate::PartlyRefused => "delivered in part".to_owned(),
                Fate::Refused => "refused".to_owned(),
            },
            Self::DeploymentOpen { open, again: Some(again), .. } => {
                format!("still open: {open}; looked at again in {} s", again.as_secs())
            }
            Self::DeploymentOpen { open, again: None, .. } => format!("sent without what is still open: {open}"),
            Self::NotNotified { why, .. } => format!("a notification was not taken: {why}"),
            Self::NotifyDoubt { what, .. } => what.clone(),
            Self::Notified { .. } => "notified".to_owned(),
            Self::RollsBack { undone, .. } => format!("it rolls back {undone}: both are told by that one's event"),
            Self::Rejected { reason, .. } => format!("rejected: {reason}"),
            Self::NotTaken { reason, .. } => reason.clone(),
            Self::Large { path, bytes } => {
                let (path, mib) = (path.display(), bytes / (1024 * 1024));
                format!(
                    "{path}: {mib} MiB of it are no list of tasks that can be read one by one, and are read whole: that takes up to 12 times as much memory"
                )
            }
            Self::Alike { more, like, .. } => format!("{more} more of this kind: {like}"),
            Self::NotInTime { .. } => "not delivered in time: the event comes back".to_owned(),
            Self::Drained { .. } => "drained".to_owned(),
            Self::QueueNeverAnswered => "the queue could never be read: each call for messages failed".to_owned(),
            Self::MetricsNotTaken { .. } => "metrics were not taken".to_owned(),
            Self::PassedBy { path, kinds } => {
                format!("{}: passed by, for they are not about a task: {}", path.display(), counted(kinds))
            }
            Self::NotOfDeployments { path, kinds } => {
                let hint = "a deployment is read from answers about its service and its tasks, and from events that say when and of which service";
                format!("{}: passed by: {}: {hint}", path.display(), counted(kinds))
            }
            Self::ReadWith { path, how } => {
                // What holds for many messages of one file is said once.
                let how: std::collections::BTreeSet<&str> = how.iter().map(String::as_str).collect();
                format!("{}: {}", path.display(), how.into_iter().collect::<Vec<_>>().join("; "))
            }
            Self::ServiceUnnamed { why, .. } => {
                format!("--service-name otel: {why}: it goes by its ECS service or family")
            }
            Self::ProtocolMended { endpoint, saved, spoken } => {
                format!("{endpoint}: saved for {saved}, which it does not speak: sent as {spoken}")
            }
            Self::NotRemoved { path, error } => {
                format!("{} was sent and could not be removed: {error}", path.display())
            }
            Self::Waiting { deployment, running, desired, failed, stage, course } => {
                let number = |count: &Option<i64>| count.map_or_else(|| "?".to_owned(), |count| count.to_string());
                let failed = failed.map_or(String::new(), |count| format!(", {count} failed"));
                let stage = stage.as_ref().map_or(String::new(), |stage| format!(", {stage}"));
                let course = course.as_ref().map_or(String::new(), |course| format!(", {course}"));
                format!("{deployment}: {} of {} running{failed}{stage}{course}", number(running), number(desired))
            }
            Self::Watched(_) => "a deployment is watched".to_owned(),
            Self::TaskFailed { like: Some((task, count)), .. } => format!("like {task} ({count} by now)"),
            Self::TaskFailed { reason, .. } => reason.clone(),
            Self::Paused { deployment, hook } => {
                let at = |at| moment::spaced(at, zone);
                format!("{}: {}", hook.waits(at), hook.goes_on_by(deployment))
            }
            Self::ServiceEvent { at, message } | Self::Action { at, message, .. } => {
                format!("{}: {message}", moment::spaced(*at, zone))
            }
            Self::NotWatched { error, .. } => format!("the tasks are not watched: {error}"),
            Self::MoreGaps { tasks, why } => format!("{tasks} more task{}: {why}", plural(*tasks)),
            Self::Unclaimed { things } => {
                format!("{things} thing{} in the files belong to none of its tasks", plural(*things))
            }
            Self::LooksForTasks { tasks: 0, waited } => {
                format!("for what history says of the service: {} s", waited.as_secs())
            }
            Self::LooksForTasks { tasks, waited } => {
                format!(
                    "{tasks} task{}: looked for in ECS and in history for {}",
                    plural(*tasks),
                    seconds(tenths(*waited))
                )
            }
            Self::LooksInPast { covered, waited } => {
                let covered = covered.map_or(String::new(), |at| format!(", read to {}", moment::spaced(at, zone)));
                format!("for history{covered}: {} s", waited.as_secs())
            }
            Self::Recalled { group, events, status, gone, .. } => {
                let last = match status {
                    Some(status) if *events == 1 => format!(", which says {status}"),
                    Some(status) => format!(", the last of which says {status}"),
                    None => String::new(),
                };
                let gone = gone.as_ref().map_or(String::new(), |cluster| format!(" with its cluster {cluster}"));
                format!("ECS has forgotten it{gone}; from {events} event{} in {group}{last}", plural(*events))
            }
            Self::DeploymentRecalled { deployment, group, events } => {
                format!(
                    "deployment {deployment}: ECS no longer lists it; from {events} event{} in {group}",
                    plural(*events)
                )
            }
            Self::PastCovered { at, .. } => format!("history is read to {}", moment::spaced(*at, zone)),
            Self::PastRead { tasks, group, begins, absent } => {
                let begins = begins.map_or(String::new(), |begins| {
                    format!(", which goes back to {} only", moment::spaced(begins, zone))
                });
                let absent = absent.as_ref().map_or(String::new(), |absent| format!(": {absent} any more"));
                format!("{tasks} task{} that ECS has forgotten, from {group}{begins}{absent}", plural(*tasks))
            }
            Self::NoPast { error, .. } => {
                format!("only what ECS has not forgotten, after an hour or so, is here: {error}")
            }
            Self::ReadsTasks => "tasks are read".to_owned(),
            Self::TaskRead => "a task is read".to_owned(),
            Self::TasksRead => "all tasks are read".to_owned(),
        }
    }
}

/// One sentence, for a person, with times in UTC, without its hint.
impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.sentence(&TimeZone::UTC))
    }
}

/// Things by kind: `4 ECS Service Action, 1 AWS API Call via CloudTrail`.
fn counted(kinds: &BTreeMap<String, usize>) -> String {
    let told = |(kind, count): (&String, &usize)| match (kind.as_str(), count) {
        (docker::FOREIGN, 2..) => format!("{count} {}", kind.replacen("container", "containers", 1)),
        _ => format!("{count} {kind}"),
    };
    kinds.iter().map(told).collect::<Vec<_>>().join(", ")
}

const fn plural(count: usize) -> &'static str {
    if count == 1 { "" } else { "s" }
}
