//! How a task ended: findings about that.

use std::time::Duration;

use super::{Add, Finding, FindingKind};
use crate::model::container::Container;
use crate::model::duration;
use crate::model::life::TaskLife;
use crate::model::outcome::{StopCause, error_name, says_unhealthy};
use crate::model::phases::{Phase, PhaseKind};

/// ECS's own default of `stopTimeout`.
const DEFAULT_STOP_TIMEOUT: Duration = Duration::from_secs(30);
/// A task that ran for longer was healthy before: more time at the start would not have helped it.
const STARTS_WITHIN: Duration = Duration::from_secs(300);

pub(super) fn out_of_memory(life: &TaskLife, add: Add<'_>) {
    for container in life.containers.iter().filter(|c| !c.is_hidden() && c.ran_out_of_memory()) {
        let essential = if container.essential() == Some(false) { ", which is not essential," } else { "" };
        add(FindingKind::OutOfMemory, format!("container {}{essential} ran out of memory", container.name()));
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
    let failure = life.outcome.failure.as_ref().map(|failure| failure.description.as_str());
    let Some(told) = failure.or(reason) else { return };
    let told = &without_told(told, life);
    let (stopped, was) = if life.is_stopped() { ("stopped", "was") } else { ("is being stopped", "is being") };
    let failed = failure.is_some() || error_name(told).is_some() || says_unhealthy(told);
    match StopCause::of(task) {
        StopCause::FailedToStart => {
            let phase = life.outcome.failed_phase.map_or(String::new(), |phase| format!(" in {}", phase.name()));
            add(FindingKind::FailedToStart, format!("failed to start{phase}: {told}"));
        }
        StopCause::EssentialExit => {
            let text = format!("{stopped}: {told}{}", essential_exits(life, told));
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
        let name = container.name();
        told.replace(&format!("{name}: {reason} (exit code {code})"), &format!("{name}: exit code {code}"))
    })
}

/// How the essential containers exited of which `told` says nothing.
fn essential_exits(life: &TaskLife, told: &str) -> String {
    let essential = life.containers.iter().filter(|c| c.essential() == Some(true));
    let untold = essential.filter(|c| !told.contains(&format!("{}: ", c.name())));
    let exits: Vec<String> =
        untold.filter_map(|c| Some(format!("{} exited {}", c.name(), c.record.exit_code?))).collect();
    if exits.is_empty() { String::new() } else { format!(" (essential: {})", exits.join(", ")) }
}

/// Whether no container left anything but success.
fn all_well(life: &TaskLife) -> bool {
    let visible = life.containers.iter().filter(|c| !c.is_hidden());
    visible.filter_map(|c| c.record.exit_code).all(|code| code == 0)
}

/// The reasons of containers that no finding tells yet: at any stop code, with any exit code, also while the task runs.
pub(super) fn container_reasons(life: &TaskLife, found: &[Finding]) -> Vec<Finding> {
    let mut untold = vec![];
    for container in &life.containers {
        let Some(reason) = container.record.reason.as_deref() else { continue };
        let is_failure = error_name(reason).is_some();
        let is_told = container.ran_out_of_memory() || found.iter().any(|finding| finding.text.contains(reason));
        if is_told || (container.is_hidden() && !is_failure) {
            continue;
        }
        let exit = container.record.exit_code.map_or(String::new(), |code| format!(" (exit code {code})"));
        let kind = if is_failure { FindingKind::ContainerFailed } else { FindingKind::ContainerReason };
        untold.push(Finding { kind, text: format!("container {}: {reason}{exit}", container.name()) });
    }
    untold
}

/// 137 is SIGKILL's. When the time from the request to the end of execution is the stop timeout or more, it was ECS's.
pub(super) fn probably_killed(life: &TaskLife, add: Add<'_>) {
    let Some(terminating) = life.phases.as_ref().and_then(|p| p.find(PhaseKind::Terminating)).and_then(Phase::length)
    else {
        return;
    };
    for container in life.containers.iter().filter(|c| !c.is_hidden() && c.record.exit_code == Some(137)) {
        let set = container.definition.as_ref().and_then(|d| d.stop_timeout).map(Duration::from_secs);
        let timeout = set.unwrap_or(DEFAULT_STOP_TIMEOUT);
        if container.ran_out_of_memory() || terminating < timeout {
            continue;
        }
        let said = if set.is_some() { "" } else { " (ECS's default)" };
        add(
            FindingKind::ProbablyKilled,
            format!(
                "container {} was probably killed (exit code 137) after its stop timeout of {} s{said}: it took {} from the request to stop to the end",
                container.name(),
                timeout.as_secs(),
                duration::short(terminating)
            ),
        );
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
