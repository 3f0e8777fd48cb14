//! How a task ended: findings about that.

use std::time::Duration;

use super::{Add, Finding, FindingKind};
use crate::model::alike::{Together, together};
use crate::model::container::Container;
use crate::model::duration;
use crate::model::life::TaskLife;
use crate::model::observation::ContainerRecord;
use crate::model::outcome::{StopCause, error_name, says_unhealthy};
use crate::model::phases::{Phase, PhaseKind};

/// ECS's own default of `stopTimeout`.
const DEFAULT_STOP_TIMEOUT: Duration = Duration::from_secs(30);
/// A task that ran for longer was healthy before: more time at the start would not have helped it.
const STARTS_WITHIN: Duration = Duration::from_secs(300);

pub(super) fn out_of_memory(life: &TaskLife, add: Add<'_>) {
    let killed = life.containers.iter().filter(|c| !c.is_hidden() && c.ran_out_of_memory());
    let spare = |c: &Container| if c.essential() == Some(false) { "spare" } else { "" };
    for killed in together(killed.map(|c| (&c.record, spare(c).to_owned()))) {
        let essential = match killed.said.as_str() {
            "" => "",
            _ => killed.pick(", which is not essential,", ", none of them essential,"),
        };
        add(FindingKind::OutOfMemory, format!("{}{essential} ran out of memory", killed.containers()));
    }
}

/// Why it stopped, or is being stopped.
pub(super) fn why_it_stopped(life: &TaskLife, add: Add<'_>) {
    let task = &life.task;
    let is_wanted = task.desired_status.as_deref().is_some_and(|status| status.eq_ignore_ascii_case("STOPPED"));
    if !life.is_stopped() && !is_wanted && task.stop_code.is_none() && task.times.stopping.is_none() {
        return;
    }
    let reason = task.stopped_reason.as_deref().or(task.stop_code.as_deref());
    let failure = life.outcome.failure.as_ref();
    let Some(told) = failure.map(|failure| failure.told()).or(reason) else { return };
    let whole = failure.map_or(told, |failure| &failure.description);
    let told = &without_told(told, life);
    let (stopped, was) = if life.is_stopped() { ("stopped", "was") } else { ("is being stopped", "is being") };
    let failed = failure.is_some() || error_name(told).is_some() || says_unhealthy(told);
    match StopCause::of(task) {
        StopCause::FailedToStart => {
            let phase = life.outcome.failed_phase.map_or(String::new(), |phase| format!(" in {}", phase.name()));
            add(FindingKind::FailedToStart, format!("failed to start{phase}: {told}"));
        }
        StopCause::EssentialExit => {
            let text = format!("{stopped}: {told}{}", essential_exits(life, whole));
            add(if failed || !all_well(life) { FindingKind::EssentialExit } else { FindingKind::Completed }, text);
        }
        StopCause::SpotInterruption | StopCause::TerminationNotice => {
            add(FindingKind::Interrupted, format!("its capacity {was} taken away: {told}"))
        }
        StopCause::UserInitiated | StopCause::Scheduler | StopCause::Unknown if failed => {
            let kind = match () {
                () if says_unhealthy(told) => FindingKind::Unhealthy,
                () if task.times.started.is_none() => FindingKind::FailedToStart,
                () => FindingKind::ContainerFailed,
            };
            add(kind, format!("{stopped}: {told}"));
        }
        StopCause::UserInitiated => add(FindingKind::StoppedOnPurpose, format!("{stopped} by its user: {told}")),
        StopCause::Scheduler => {
            add(FindingKind::StoppedOnPurpose, format!("{stopped} by the service scheduler: {told}"))
        }
        StopCause::Unknown => add(FindingKind::StoppedOnPurpose, format!("{stopped}: {told}")),
    }
}

/// A reason less what the findings about memory tell.
fn without_told(told: &str, life: &TaskLife) -> String {
    let out_of_memory = life.containers.iter().filter(|c| !c.is_hidden() && c.ran_out_of_memory());
    out_of_memory.fold(told.to_owned(), |told, container| {
        let (Some(reason), Some(code)) = (&container.record.reason, container.record.exit_code) else { return told };
        told.replace(&format!(": {reason} (exit code {code})"), &format!(": exit code {code}"))
    })
}

/// How the essential containers exited of which the whole reason says nothing.
fn essential_exits(life: &TaskLife, whole: &str) -> String {
    let essential = life.containers.iter().filter(|c| c.essential() == Some(true));
    let untold = essential.filter(|c| !whole.contains(&format!("{}: ", c.name())));
    let exits = untold.filter_map(|c| Some((&c.record, format!("exited {}", c.record.exit_code?))));
    let exits: Vec<String> = together(exits).iter().map(|exit| format!("{} {}", exit.who(), exit.said)).collect();
    if exits.is_empty() { String::new() } else { format!(" (essential: {})", exits.join(", ")) }
}

/// Whether no container left anything but success.
fn all_well(life: &TaskLife) -> bool {
    let visible = life.containers.iter().filter(|c| !c.is_hidden());
    visible.filter_map(|c| c.record.exit_code).all(|code| code == 0)
}

/// The reasons of containers that no finding tells yet: at any stop code, with any exit code, also while the task runs.
pub(super) fn container_reasons(life: &TaskLife, found: &[Finding]) -> Vec<Finding> {
    // Of many containers that all say the same, the first is told.
    let whole = life.outcome.failure.as_ref().map_or("", |failure| &failure.description);
    let is_told = |reason: &str| whole.contains(reason) || found.iter().any(|finding| finding.text.contains(reason));
    let untold = life.containers.iter().filter_map(|container| {
        let reason = container.record.reason.as_deref()?;
        let is_failure = error_name(reason).is_some();
        if container.ran_out_of_memory() || is_told(reason) || (container.is_hidden() && !is_failure) {
            return None;
        }
        let exit = container.record.exit_code.map_or(String::new(), |code| format!(" (exit code {code})"));
        Some((is_failure, &container.record, format!("{reason}{exit}")))
    });
    let (failures, remarks): (Vec<_>, Vec<_>) = untold.partition(|(is_failure, ..)| *is_failure);
    let of = |kind, said: Vec<(bool, &ContainerRecord, String)>| {
        let told = together(said.into_iter().map(|(_, of, said)| (of, said)));
        let finding = |told: &Together<'_>| Finding { kind, text: format!("{}: {}", told.containers(), told.said) };
        told.iter().map(finding).collect::<Vec<_>>()
    };
    [of(FindingKind::ContainerFailed, failures), of(FindingKind::ContainerReason, remarks)].concat()
}

/// 137 is SIGKILL's. When the time from the request to the end of execution is the stop timeout or more, it was ECS's.
pub(super) fn probably_killed(life: &TaskLife, add: Add<'_>) {
    let Some(terminating) = life.phases.as_ref().and_then(|p| p.find(PhaseKind::Terminating)).and_then(Phase::length)
    else {
        return;
    };
    let killed = life.containers.iter().filter(|c| !c.is_hidden() && c.record.exit_code == Some(137));
    let killed = killed.filter(|c| !c.ran_out_of_memory()).filter_map(|container| {
        let set = container.definition.as_ref().and_then(|d| d.stop_timeout).map(Duration::from_secs);
        let timeout = set.unwrap_or(DEFAULT_STOP_TIMEOUT);
        let default = if set.is_some() { "" } else { " (ECS's default)" };
        (terminating >= timeout).then(|| (&container.record, format!("{} s{default}", timeout.as_secs())))
    });
    for killed in together(killed) {
        let (who, were, timeout) = (killed.containers(), killed.pick("was", "were"), &killed.said);
        let its = killed.pick("its", "their");
        let took = duration::short(terminating);
        let text = format!(
            "{who} {were} probably killed (exit code 137) after {its} stop timeout of {timeout}: it took {took} from the request to stop to the end"
        );
        add(FindingKind::ProbablyKilled, text);
    }
}

/// A service wants its tasks to run: one that ends well is started again.
pub(super) fn exited_zero(life: &TaskLife, add: Add<'_>) {
    let Some(service) = life.task.service().filter(|_| StopCause::of(&life.task) == StopCause::EssentialExit) else {
        return;
    };
    // Without the definition the only container there is must be the essential one.
    let visible: Vec<&Container> = life.containers.iter().filter(|c| !c.is_hidden()).collect();
    let is_essential = |c: &Container| c.essential().unwrap_or(visible.len() == 1);
    let is_good = |c: &Container| c.record.exit_code == Some(0) && c.failure.is_none();
    if visible.iter().any(|c| c.failure.is_some()) {
        return;
    }
    for container in visible.iter().filter(|c| is_essential(c) && is_good(c)) {
        let text = format!(
            "essential container {} exited 0 in service {service}, which starts it again: a process that puts itself into the background, or a job that should be run as a task",
            container.name()
        );
        add(FindingKind::ExitedZero, text);
    }
}

/// The load balancer gave up on a task that had hardly started.
pub(super) fn health_check_grace(life: &TaskLife, add: Add<'_>) {
    let reason = life.task.stopped_reason.as_deref().unwrap_or_default().to_ascii_lowercase();
    if !(reason.contains("health check") && (reason.contains("elb") || reason.contains("target"))) {
        return;
    }
    let running = life.phases.as_ref().and_then(|phases| phases.find(PhaseKind::Running)).and_then(Phase::length);
    if let Some(ran) = running.filter(|ran| *ran < STARTS_WITHIN) {
        let text = format!(
            "stopped for failed health checks of the load balancer {} after it had started: if it needs longer than that to answer, healthCheckGracePeriodSeconds of the service is too short",
            duration::short(ran)
        );
        add(FindingKind::HealthCheckGrace, text);
    }
}
