//! Where the time of a launch went: findings about that.

use std::time::Duration;

use super::{Add, FindingKind};
use crate::model::alike::few;
use crate::model::duration;
use crate::model::life::TaskLife;
use crate::model::phases::PhaseKind;

/// A wait, a pull or a placement of this length is worth a line: a launch rarely takes half of it.
const WORTH_TELLING: Duration = Duration::from_secs(60);
/// An agent that starts sooner holds nothing up that anybody looks for.
const SLOW_AGENT: Duration = Duration::from_secs(10);

pub(super) fn waited_for_pull(life: &TaskLife, add: Add<'_>) {
    let Some((length, goes_on)) = worth_telling(life, PhaseKind::WaitingForPull) else { return };
    let (verb, end) = if goes_on { ("has waited", " so far") } else { ("waited", "") };
    add(FindingKind::WaitedForPull, format!("{verb} {length} for a pull to start with the network attached{end}"));
}

/// How long a phase took or has taken, where that is worth a line, and whether it goes on.
fn worth_telling(life: &TaskLife, kind: PhaseKind) -> Option<(String, bool)> {
    let phase = life.phases.as_ref()?.find(kind)?;
    let length = phase.end.or(life.as_of.time())?.since(phase.start);
    (length >= WORTH_TELLING).then(|| (duration::short(length), phase.end.is_none()))
}

/// A pull or a placement that took long, or has taken long so far.
pub(super) fn slow(life: &TaskLife, add: Add<'_>) {
    let took = |kind| {
        let (length, goes_on) = worth_telling(life, kind)?;
        Some(if goes_on { format!("has taken {length} so far") } else { format!("took {length}") })
    };
    if let Some(took) = took(PhaseKind::ImagePull) {
        let shown = life.containers.iter().filter(|container| !container.is_hidden());
        let mut images: Vec<&str> = vec![];
        for image in shown.filter_map(|container| container.record.image.as_deref()) {
            if !images.contains(&image) {
                images.push(image);
            }
        }
        let of = if images.is_empty() { String::new() } else { format!(" of {}", few(&images)) };
        let share = Launch::of(life).filter(|launch| launch.longest == PhaseKind::ImagePull);
        let share = share.map_or(String::new(), |launch| format!(", {}", launch.share()));
        add(FindingKind::SlowPull, format!("the image pull{of} {took}{share}"));
    }
    // Until it is known what provisioning waits for, it waits for a place.
    let find = |kind| life.phases.as_ref().and_then(|phases| phases.find(kind));
    let is_whole = find(PhaseKind::Provisioning).is_some_and(|all| all.end.is_none() && all.children.is_empty());
    let placement = if is_whole { PhaseKind::Provisioning } else { PhaseKind::PlacementAndNetwork };
    if let Some(took) = took(placement) {
        let phase = find(placement);
        let is_within = |at| phase.is_some_and(|phase| at >= phase.start && phase.end.is_none_or(|end| at <= end));
        let mut said = life.around.events.iter().filter(|event| event.says_no_place() && is_within(event.at));
        let said = said.next().map_or(String::new(), |event| format!("; the service said then: {}", event.text()));
        add(FindingKind::SlowPlacement, format!("{} {took}, before any pull{said}", placement.name()));
    }
}

pub(super) fn longest_phase(life: &TaskLife, add: Add<'_>) {
    let Some(launch) = Launch::of(life) else { return };
    // A slow pull has been told about.
    if launch.longest == PhaseKind::ImagePull && launch.length >= WORTH_TELLING {
        return;
    }
    let (name, length) = (launch.longest.name(), duration::short(launch.length));
    add(FindingKind::LongestLaunchPhase, format!("{name} took {length}, {}", launch.share()));
}

/// A launch of several phases that came to its end. One that goes on, or that failed, is told about otherwise.
struct Launch {
    longest: PhaseKind,
    length: Duration,
    total: Duration,
}

impl Launch {
    fn of(life: &TaskLife) -> Option<Self> {
        let phases = life.phases.as_ref().filter(|_| life.task.times.started.is_some())?;
        let launch = phases.list.iter().filter(|phase| phase.kind.is_launch());
        let lengths: Vec<_> = launch.filter_map(|phase| Some((phase.kind, phase.length()?))).collect();
        let &(longest, length) = lengths.iter().max_by_key(|(_, length)| *length)?;
        let total = lengths.iter().map(|(_, length)| *length).sum();
        (lengths.len() > 1 && !length.is_zero()).then_some(Self { longest, length, total })
    }

    fn share(&self) -> String {
        let share = 100.0 * self.length.as_secs_f64() / self.total.as_secs_f64();
        format!("{share:.0} % of the launch of {}", duration::short(self.total))
    }
}

/// Agents that ECS runs in containers: one that starts late holds the task's start up, and one that does not run explains why
/// `aws ecs execute-command` fails.
pub(super) fn managed_agents(life: &TaskLife, add: Add<'_>) {
    let starting = life.phases.as_ref().and_then(|phases| phases.find(PhaseKind::Starting));
    for container in life.containers.iter().filter(|container| !container.is_hidden()) {
        for agent in &container.record.managed_agents {
            let of = format!("{} of container {}", agent.name, container.name());
            let within = starting.filter(|starting| {
                agent.started.is_some_and(|at| at >= starting.start && starting.end.is_none_or(|end| at <= end))
            });
            if let (Some(starting), Some(at)) = (within, agent.started)
                && at.since(starting.start) >= SLOW_AGENT
            {
                let (after, of_all) = (duration::short(at.since(starting.start)), starting.length());
                let of_all =
                    of_all.map_or(String::new(), |all| format!(", part of the {} of starting", duration::short(all)));
                let since = if life.task.times.pull_stopped.is_some() { "the pull" } else { "starting began" };
                add(FindingKind::ManagedAgent, format!("managed agent {of} started {after} after {since}{of_all}"));
            }
            let is_down = agent.status.as_deref() == Some("STOPPED") && !life.is_stopped();
            if is_down || agent.reason.is_some() {
                let status = agent.status.as_deref().unwrap_or("of unknown status");
                let why = agent.reason.as_deref().map_or(String::new(), |reason| format!(": {reason}"));
                add(FindingKind::ManagedAgent, format!("managed agent {of} is {status}{why}"));
            }
        }
    }
}
