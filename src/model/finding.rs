//! What is worth pointing out in a task's life, each with its evidence. Main type: [`Finding`].

use std::time::Duration;

use super::life::TaskLife;
use super::merge::Conflict;
use super::outcome::StopCause;
use super::phases::PhaseKind;
use super::time::Time;

/// What kind of thing was found. The names are stable: scripts may depend on them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FindingKind {
    /// The longest phase of the launch.
    LongestLaunchPhase,
    /// It waited for a pull with its network attached.
    WaitedForPull,
    /// A container was probably killed when its stop timeout ran out.
    ProbablyKilled,
    /// A container ran out of memory.
    OutOfMemory,
    /// The task failed to start.
    FailedToStart,
    /// An essential container exited.
    EssentialExit,
    /// It was stopped on purpose, by whom or what.
    StoppedOnPurpose,
    /// Health checks failed.
    Unhealthy,
    /// Fargate Spot or a termination notice took the capacity away.
    Interrupted,
    /// Several overrides name different callers.
    CallersDisagree,
    /// Two sources say something else about one fact.
    SourcesDisagree,
    /// The instance's clock is not synchronised, or may be off by much.
    ClockUncertain,
    /// Times had to be moved: the agent's clock and the control plane's differ.
    ClockAdjusted,
}

impl FindingKind {
    /// The stable name.
    pub const fn id(self) -> &'static str {
        match self {
            Self::LongestLaunchPhase => "longest-launch-phase",
            Self::WaitedForPull => "waited-for-pull",
            Self::ProbablyKilled => "probably-killed",
            Self::OutOfMemory => "out-of-memory",
            Self::FailedToStart => "failed-to-start",
            Self::EssentialExit => "essential-exit",
            Self::StoppedOnPurpose => "stopped-on-purpose",
            Self::Unhealthy => "unhealthy",
            Self::Interrupted => "interrupted",
            Self::CallersDisagree => "callers-disagree",
            Self::SourcesDisagree => "sources-disagree",
            Self::ClockUncertain => "clock-uncertain",
            Self::ClockAdjusted => "clock-adjusted",
        }
    }

    /// Whether it tells of something that went wrong, rather than of where time went.
    pub const fn is_problem(self) -> bool {
        !matches!(self, Self::LongestLaunchPhase | Self::StoppedOnPurpose | Self::ClockAdjusted)
    }
}

/// Something worth pointing out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What kind.
    pub kind: FindingKind,
    /// A sentence with the evidence in it. Quotes untrusted text: escape before drawing.
    pub text: String,
}

/// A wait for a pull of this length is worth a line: a launch rarely waits a tenth of it.
const WORTH_TELLING: Duration = Duration::from_secs(60);
/// A clock that may be off by less shifts no phase that anybody looks at.
const NOTABLE_CLOCK_ERROR_MS: f64 = 100.0;
/// ECS's own default of `stopTimeout`.
const DEFAULT_STOP_TIMEOUT: Duration = Duration::from_secs(30);

/// All findings of a life: problems first, then where the time went.
pub(super) fn all(life: &TaskLife, now: Time) -> Vec<Finding> {
    let mut found = Vec::new();
    let mut add = |kind, text| found.push(Finding { kind, text });
    why_it_stopped(life, &mut add);
    probably_killed(life, &mut add);
    waited_for_pull(life, now, &mut add);
    callers_disagree(life, &mut add);
    sources_disagree(life, &mut add);
    clock_uncertain(life, &mut add);
    longest_launch_phase(life, &mut add);
    if life.phases.as_ref().is_some_and(|phases| phases.clock_adjusted) {
        add(FindingKind::ClockAdjusted, "some times lie before the ones that precede them (the agent's clock and the control plane's differ) and were moved up".to_owned());
    }
    // A stable sort: problems first.
    found.sort_by_key(|finding| !finding.kind.is_problem());
    found
}

type Add<'a> = &'a mut dyn FnMut(FindingKind, String);

fn sources_disagree(life: &TaskLife, add: Add<'_>) {
    for Conflict { what, believed, other } in &life.conflicts {
        let text = format!(
            "sources disagree about the {what}: {} ({}) is believed, not {} ({})",
            believed.0, believed.1, other.0, other.1
        );
        add(FindingKind::SourcesDisagree, text);
    }
}

/// Containers' times are read from the instance's clock.
fn clock_uncertain(life: &TaskLife, add: Add<'_>) {
    let error = life.task.clock_error.as_deref().and_then(|millis| millis.parse::<f64>().ok());
    if life.task.clock_status.as_deref() == Some("NOT_SYNCHRONIZED") {
        add(
            FindingKind::ClockUncertain,
            "the instance's clock is not synchronised: containers' times may be off".to_owned(),
        );
    } else if let Some(millis) = error.filter(|millis| *millis >= NOTABLE_CLOCK_ERROR_MS) {
        add(
            FindingKind::ClockUncertain,
            format!("the instance's clock may be off by {millis:.0} ms, and containers' times with it"),
        );
    }
}

fn why_it_stopped(life: &TaskLife, add: Add<'_>) {
    if !life.is_stopped() {
        return;
    }
    let cause = StopCause::of(&life.task);
    let reason = life.task.stopped_reason.as_deref().or(life.task.stop_code.as_deref());
    let told = life.outcome.failure.as_ref().map(|failure| failure.description.as_str()).or(reason);
    for container in life.containers.iter().filter(|c| !c.is_hidden()) {
        if container.failure.as_ref().and_then(|f| f.error_type.as_deref()) == Some("OutOfMemoryError") {
            let essential = if container.essential() == Some(false) { ", which is not essential," } else { "" };
            add(FindingKind::OutOfMemory, format!("container {}{essential} ran out of memory", container.name()));
        }
    }
    let Some(told) = told else { return };
    match cause {
        StopCause::FailedToStart => {
            let phase = life.outcome.failed_phase.map_or(String::new(), |phase| format!(" in {}", phase.name()));
            add(FindingKind::FailedToStart, format!("failed to start{phase}: {told}"));
        }
        StopCause::EssentialExit => add(FindingKind::EssentialExit, essential_exit(life, told)),
        StopCause::SpotInterruption | StopCause::TerminationNotice => {
            add(FindingKind::Interrupted, format!("its capacity was taken away: {told}"))
        }
        StopCause::UserInitiated | StopCause::Scheduler | StopCause::Unknown if life.outcome.failure.is_some() => {
            add(FindingKind::Unhealthy, format!("stopped: {told}"));
        }
        StopCause::UserInitiated => add(FindingKind::StoppedOnPurpose, format!("stopped by its user: {told}")),
        StopCause::Scheduler => add(FindingKind::StoppedOnPurpose, format!("stopped by the service scheduler: {told}")),
        StopCause::Unknown => add(FindingKind::StoppedOnPurpose, format!("stopped: {told}")),
    }
}

fn essential_exit(life: &TaskLife, told: &str) -> String {
    let essential = life.containers.iter().filter(|c| c.essential() == Some(true) && c.record.exit_code.is_some());
    let exits: Vec<String> =
        essential.map(|c| format!("{} exited {}", c.name(), c.record.exit_code.unwrap_or_default())).collect();
    match exits.as_slice() {
        [] => format!("stopped: {told}"),
        exits => format!("stopped: {told} (essential: {})", exits.join(", ")),
    }
}

/// 137 is SIGKILL's. When the time from the request to the end of execution is the stop timeout or more, it was ECS's.
fn probably_killed(life: &TaskLife, add: Add<'_>) {
    let Some(terminating) =
        life.phases.as_ref().and_then(|p| p.find(PhaseKind::Terminating)).and_then(super::phases::Phase::length)
    else {
        return;
    };
    for container in life.containers.iter().filter(|c| !c.is_hidden() && c.record.exit_code == Some(137)) {
        let out_of_memory =
            container.failure.as_ref().and_then(|f| f.error_type.as_deref()) == Some("OutOfMemoryError");
        let set = container.definition.as_ref().and_then(|d| d.stop_timeout).map(Duration::from_secs);
        let timeout = set.unwrap_or(DEFAULT_STOP_TIMEOUT);
        if out_of_memory || terminating < timeout {
            continue;
        }
        let said = if set.is_some() { "" } else { " (ECS's default)" };
        add(
            FindingKind::ProbablyKilled,
            format!(
                "container {} was probably killed (exit code 137) after its stop timeout of {} s{said}: it took {:.1} s from the request to stop to the end",
                container.name(),
                timeout.as_secs(),
                terminating.as_secs_f64()
            ),
        );
    }
}

fn waited_for_pull(life: &TaskLife, now: Time, add: Add<'_>) {
    let Some(wait) = life.phases.as_ref().and_then(|p| p.find(PhaseKind::WaitingForPull)) else {
        return;
    };
    let length = wait.end.unwrap_or(now).since(wait.start);
    if length >= WORTH_TELLING {
        let (verb, end) = if wait.end.is_some() { ("waited", "") } else { ("has waited", " so far") };
        let minutes = length.as_secs_f64() / 60.0;
        let length = if minutes < 120.0 { format!("{minutes:.1} min") } else { format!("{:.1} h", minutes / 60.0) };
        add(FindingKind::WaitedForPull, format!("{verb} {length} for a pull to start with the network attached{end}"));
    }
}

fn callers_disagree(life: &TaskLife, add: Add<'_>) {
    let mut parents: Vec<(&str, &str)> = vec![];
    for (container, env) in &life.task.overrides {
        parents.extend(env.traceparent.as_deref().or(env.xray.as_deref()).map(|parent| (container.as_str(), parent)));
    }
    if let [(first, said), rest @ ..] = parents.as_slice()
        && let Some((other, _)) = rest.iter().find(|(_, parent)| parent != said)
    {
        add(
            FindingKind::CallersDisagree,
            format!("the overrides of containers {first} and {other} name different callers; {first}'s is used"),
        );
    }
}

fn longest_launch_phase(life: &TaskLife, add: Add<'_>) {
    let Some(phases) = &life.phases else { return };
    // A launch that goes on, or that failed, is told about otherwise.
    if life.task.times.started.is_none() {
        return;
    }
    let launch: Vec<(PhaseKind, Duration)> =
        phases.list.iter().filter(|p| p.kind.is_launch()).filter_map(|p| Some((p.kind, p.length()?))).collect();
    let total: Duration = launch.iter().map(|(_, length)| *length).sum();
    let Some(&(kind, length)) = launch.iter().max_by_key(|(_, length)| *length) else { return };
    if launch.len() > 1 && !length.is_zero() {
        let share = 100.0 * length.as_secs_f64() / total.as_secs_f64();
        let (name, length, total) = (kind.name(), length.as_secs_f64(), total.as_secs_f64());
        add(
            FindingKind::LongestLaunchPhase,
            format!("{name} took {length:.1} s, {share:.0} % of the launch of {total:.1} s"),
        );
    }
}
