//! How a task ended, and whether that was a failure. Main type: [`Outcome`].
//!
//! A task's outcome uses the Task alone, so that an event and an API answer give the same; a container's own failure
//! stays with the container.

use super::alike::together;
use super::observation::{ContainerRecord, TaskRecord};
use super::phases::{PhaseKind, Phases};

/// How the reason of a container begins that was killed for want of memory.
pub(super) const OUT_OF_MEMORY: &str = "OutOfMemoryError";

/// Why something failed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Failure {
    /// The name that begins the reason (`CannotPullContainerError`), else the stop code.
    pub error_type: Option<String>,
    /// The reason, whole.
    pub description: String,
    /// The reason with alike containers as one, where it says the same of many.
    folded: Option<String>,
}

impl Failure {
    /// One of which no more is to be said.
    pub fn new(error_type: Option<String>, description: String) -> Self {
        Self { error_type, description, folded: None }
    }

    /// The reason as people are told it: `66 containers (a, b, c and 63 more): exit code 1` instead of 66 times the same.
    pub fn told(&self) -> &str {
        self.folded.as_deref().unwrap_or(&self.description)
    }
}

/// How a task ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Outcome {
    /// The failure, when it was one.
    pub failure: Option<Failure>,
    /// The phase of the launch in which it happened.
    pub failed_phase: Option<PhaseKind>,
}

/// Why the task stopped, as far as statuses and findings depend on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum StopCause {
    FailedToStart,
    EssentialExit,
    SpotInterruption,
    TerminationNotice,
    UserInitiated,
    Scheduler,
    Unknown,
}

impl StopCause {
    /// By stop code, else – old events have none – by the reason's text.
    pub(super) fn of(task: &TaskRecord) -> Self {
        match task.stop_code.as_deref() {
            Some("TaskFailedToStart") => return Self::FailedToStart,
            Some("EssentialContainerExited") => return Self::EssentialExit,
            Some("SpotInterruption") => return Self::SpotInterruption,
            Some("TerminationNotice") => return Self::TerminationNotice,
            Some("UserInitiated") => return Self::UserInitiated,
            Some("ServiceSchedulerInitiated") => return Self::Scheduler,
            Some(_) | None => {}
        }
        let reason = task.stopped_reason.as_deref().unwrap_or_default().to_ascii_lowercase();
        let says = |text: &str| reason.contains(text);
        match () {
            () if says("essential container in task exited") => Self::EssentialExit,
            () if says("task failed to start") => Self::FailedToStart,
            () if says("spot task was interrupted") || says("spot interruption") => Self::SpotInterruption,
            () if says("scaling activity initiated by") => Self::Scheduler,
            () if says("user action") || says("stopped by user") => Self::UserInitiated,
            () => Self::Unknown,
        }
    }
}

impl Outcome {
    /// Reads the outcome off a task; nothing has failed while it is not STOPPED.
    pub(super) fn new(task: &TaskRecord, phases: Option<&Phases>) -> Self {
        if !task.is_stopped() {
            return Self::default();
        }
        let cause = StopCause::of(task);
        let reason = task.stopped_reason.as_deref();
        let visible: Vec<&ContainerRecord> = task.containers.iter().filter(|c| !c.is_hidden()).collect();
        let exited_badly =
            visible.iter().any(|c| c.exit_code.is_some_and(|code| exit_is_failure(code, visible.len() == 1)));
        let out_of_memory = visible.iter().any(|c| c.reason.as_deref().and_then(error_name) == Some(OUT_OF_MEMORY));
        // Whatever stopped the task then: it could not do what it was for.
        let could_not_start = visible
            .iter()
            .any(|c| !c.has_run() && c.reason.as_deref().is_some_and(|reason| error_name(reason).is_some()));
        let failed = match cause {
            StopCause::FailedToStart => true,
            StopCause::EssentialExit | StopCause::Unknown if exited_badly && reason.is_some() => true,
            StopCause::EssentialExit | StopCause::Unknown if out_of_memory => true,
            _ if could_not_start => true,
            _ => reason.is_some_and(|reason| error_name(reason).is_some() || says_unhealthy(reason)),
        };
        let failure = failed.then(|| {
            let (description, folded) = describe(task, &visible);
            Failure { error_type: task_error_type(task, &visible), description, folded }
        });
        let failed_phase = match cause {
            StopCause::FailedToStart => phases.and_then(|phases| failed_phase(task, phases)),
            _ => None,
        };
        Self { failure, failed_phase }
    }
}

impl Outcome {
    /// What the outcome will be of a task of which ECS has said all but STOPPED: it takes half a minute to give the network back, and
    /// nobody waits for that. For reports; what is sent waits until it is final.
    pub(super) fn foreseen(task: &TaskRecord, phases: Option<&Phases>) -> Self {
        let has_exited = || task.containers.iter().any(|c| c.exit_code.is_some() || c.reason.is_some());
        let is_told = match task.stop_code.as_deref() {
            Some("TaskFailedToStart") => task.stopped_reason.is_some(),
            Some("EssentialContainerExited") => task.stopped_reason.is_some() && has_exited(),
            // It drains for minutes before it is STOPPED.
            Some("ServiceSchedulerInitiated") => task.stopped_reason.as_deref().is_some_and(says_unhealthy),
            _ => false,
        };
        match is_told {
            true => Self::new(&TaskRecord { last_status: Some("STOPPED".to_owned()), ..task.clone() }, phases),
            false => Self::new(task, phases),
        }
    }
}

/// The last phase of the launch that has a length – of those that were not final before the task stopped: what has
/// been sent as a success never changes.
fn failed_phase(task: &TaskRecord, phases: &Phases) -> Option<PhaseKind> {
    let open = |kind| match kind {
        PhaseKind::Provisioning => task.times.pull_started.or(task.times.started).is_none(),
        _ => task.times.started.is_none(),
    };
    let mut launch = phases.list.iter().filter(|phase| phase.kind.is_launch() && open(phase.kind));
    launch.rfind(|phase| phase.end.is_some() && !phase.is_empty()).map(|phase| phase.kind)
}

fn task_error_type(task: &TaskRecord, visible: &[&ContainerRecord]) -> Option<String> {
    let of_task = task.stopped_reason.as_deref().and_then(error_name);
    let of_container = || visible.iter().find_map(|c| error_name(c.reason.as_deref()?));
    of_task.or_else(of_container).or(task.stop_code.as_deref()).map(str::to_owned)
}

/// So many sentences on containers are told, which is as many containers as a task can have.
const TOLD: usize = 10;

/// The task's reason and, where that names no error itself, what its containers say: whole, and folded where many say the same.
fn describe(task: &TaskRecord, visible: &[&ContainerRecord]) -> (String, Option<String>) {
    let reason = task.stopped_reason.as_deref().or(task.stop_code.as_deref()).unwrap_or("stopped");
    if error_name(reason).is_some() {
        return (reason.to_owned(), None);
    }
    let one_only = visible.len() == 1;
    let said = visible.iter().filter_map(|container| {
        let said = match (&container.reason, container.exit_code) {
            (Some(why), Some(code)) => format!("{why} (exit code {code})"),
            (Some(why), None) => why.clone(),
            (None, Some(code)) if exit_is_failure(code, one_only) => format!("exit code {code}"),
            _ => return None,
        };
        Some((*container, said))
    });
    let said: Vec<(&ContainerRecord, String)> = said.collect();
    let whole = said.iter().fold(reason.to_owned(), |whole, (of, said)| whole + "; " + &of.name + ": " + said);
    if said.len() < 2 && !said.iter().any(|(of, _)| of.name.contains(['\n', '\r'])) {
        return (whole, None);
    }
    let groups = together(said);
    let told =
        groups.iter().take(TOLD).fold(reason.to_owned(), |told, group| told + "; " + &group.who() + ": " + &group.said);
    let more: usize = groups.iter().skip(TOLD).map(|group| group.count()).sum();
    let told = if more > 0 { format!("{told}; and {more} more") } else { told };
    let folded = Some(told).filter(|told| *told != whole);
    (whole, folded)
}

/// The failure of a container itself.
pub(super) fn container_failure(task: &TaskRecord, container: &ContainerRecord, only_one: bool) -> Option<Failure> {
    let named = container.reason.as_deref().and_then(error_name);
    // 137 and 143 are how a container ends that was told to; alone in a task that nobody told, they are its own.
    let alone = only_one && StopCause::of(task) == StopCause::EssentialExit;
    let bad_exit = container.exit_code.filter(|&code| exit_is_failure(code, alone));
    if named.is_none() && bad_exit.is_none() {
        return None;
    }
    let exit = bad_exit.map(|code| format!("exit code {code}"));
    let description = container.reason.clone().or_else(|| exit.clone()).unwrap_or_default();
    Some(Failure::new(named.map(str::to_owned).or(exit), description))
}

/// Whether a container's reason says that it was never started, whatever else is known of it.
pub(super) fn says_never_started(reason: &str) -> bool {
    let name = error_name(reason).unwrap_or_default();
    ["CannotPull", "CannotCreate", "CannotStart", "ResourceInitialization"].iter().any(|what| name.starts_with(what))
}

/// Whether an exit code tells of a failure: 137 and 143 are what a stop signal leaves, unless nobody else was there to cause it.
const fn exit_is_failure(code: i64, only_one: bool) -> bool {
    match code {
        0 => false,
        137 | 143 => only_one,
        _ => true,
    }
}

/// Whether a reason speaks of health checks.
pub(super) fn says_unhealthy(reason: &str) -> bool {
    let reason = reason.to_ascii_lowercase();
    reason.contains("health check") || reason.contains("is unhealthy")
}

/// The name ending in `Error` or `Exception` that begins a reason.
pub fn error_name(reason: &str) -> Option<&str> {
    let end = reason.find(|c: char| !c.is_ascii_alphanumeric() && c != '_' && c != '.').unwrap_or(reason.len());
    let name = reason.get(..end)?.trim_end_matches('.');
    // "Error response from daemon" begins with the bare word, which names nothing.
    let names_one = ["Error", "Exception"].iter().any(|suffix| name.ends_with(suffix) && name.len() > suffix.len());
    names_one.then_some(name)
}
