//! What is known and how well: findings about that.

use std::time::Duration;

use super::{Add, FindingKind};
use crate::model::alike::together;
use crate::model::duration;
use crate::model::life::TaskLife;
use crate::model::merge::{Conflict, Offset};
use crate::model::observation::TaskTimes;
use crate::model::time::Time;

/// A clock that may be off by less shifts no phase that anybody looks at.
const NOTABLE_CLOCK_ERROR_MS: f64 = 100.0;
const SECOND_NANOS: u64 = 1_000_000_000;
/// Older agents cut their times to the second, so less than this is no skew.
const NOTABLE_SKEW_NANOS: u64 = SECOND_NANOS;

pub(super) fn disagree(life: &TaskLife, add: Add<'_>) {
    for conflict in &life.conflicts {
        add(FindingKind::SourcesDisagree, disagreement(conflict));
    }
}

fn disagreement(conflict: &Conflict) -> String {
    let apart = |off: &Offset| {
        let direction = if off.is_later() { "later" } else { "earlier" };
        format!("{:.1} s {direction}", off.distance().as_secs_f64())
    };
    match conflict {
        Conflict::Fact { what, believed, other } => format!(
            "sources disagree about the {what}: {} ({}) is believed, not {} ({})",
            believed.0,
            place(&believed.1),
            other.0,
            place(&other.1)
        ),
        Conflict::Time { what, believed, other, off } => format!(
            "sources disagree about the {what}: that of {} is believed; that of {} is {}",
            place(believed),
            place(other),
            apart(off)
        ),
        Conflict::Double { container, origin, facts } => {
            let or_none = |value: &Option<String>| value.clone().unwrap_or_else(|| "none".to_owned());
            let facts: Vec<String> = facts
                .iter()
                .map(|(what, believed, other)| {
                    format!("{what} {} is believed, not {}", or_none(believed), or_none(other))
                })
                .collect();
            format!("container {container} is listed twice in {}: {}", place(origin), facts.join("; "))
        }
        Conflict::Identity { other } => format!(
            "another task has the same id ({}): it was created at another time or runs another task definition, so the two are not put together",
            place(other)
        ),
        Conflict::Clock { believed, other, off } => format!(
            "all times of {} are {} than those of {}, which are believed: its clock, or another run",
            place(other),
            apart(off),
            place(believed)
        ),
    }
}

/// A file of one document needs no path in it.
fn place(origin: &str) -> &str {
    origin.strip_suffix(": $").unwrap_or(origin)
}

/// A container that failed and of whose lines nothing could be had: why, as the gap or the note says it.
pub(super) fn logs_missing(life: &TaskLife, add: Add<'_>) {
    let failed = life.containers.iter().filter(|c| c.failure.is_some() && !c.is_hidden());
    let silent = failed.filter(|c| c.log.as_ref().is_none_or(|log| log.is_empty()));
    let why = silent.filter_map(|container| {
        let gap = life.gaps.iter().find(|gap| gap.container.as_deref() == Some(container.name()));
        Some((&container.record, gap.map(|gap| gap.why.clone()).or_else(|| container.log_note(&life.task))?))
    });
    for silent in together(why) {
        let (who, its) = (silent.containers(), silent.pick("its log", "their logs"));
        add(FindingKind::LogsMissing, format!("{who} failed and {its} could not be had: {}", silent.said));
    }
}

/// Clocks: that of the instance against true time, and against the control plane's.
pub(super) fn clock(life: &TaskLife, add: Add<'_>) {
    uncertain(life, add);
    let disorder = disorder(life);
    let why = match disorder {
        Some(_) => "",
        None if are_cut(&life.task.times) => " (older agents cut theirs to the second)",
        None => " (the agent's clock and the control plane's differ)",
    };
    // What is out of order by one clock says nothing of the other.
    match disorder {
        Some(text) => add(FindingKind::TimesOutOfOrder, text),
        None => skew(life).into_iter().for_each(|text| add(FindingKind::ClockSkew, text)),
    }
    if life.phases.as_ref().is_some_and(|phases| phases.clock_adjusted) {
        let text = format!("some times lie before the ones that precede them{why} and were moved up");
        add(FindingKind::ClockAdjusted, text);
    }
}

/// Whether all times that lie before the ones that precede them are the agent's, whole seconds, and off by less than one.
fn are_cut(times: &TaskTimes) -> bool {
    let order = [
        (times.created, false),
        (times.pull_started, true),
        (times.pull_stopped, true),
        (times.started, false),
        (times.execution_stopped, true),
    ];
    let (mut latest, mut found) = (0, false);
    for (at, is_of_agent) in order {
        let Some(at) = at.map(Time::unix_nanos) else { continue };
        if at < latest {
            if !(is_of_agent && at % SECOND_NANOS == 0 && latest - at < SECOND_NANOS) {
                return false;
            }
            found = true;
        }
        latest = latest.max(at);
    }
    found
}

/// Containers' times are read from the instance's clock.
fn uncertain(life: &TaskLife, add: Add<'_>) {
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

/// The control plane alone says when a task was created, has started, is to stop and has stopped, the agent when a pull began and
/// ended: in this order.
fn disorder(life: &TaskLife) -> Option<String> {
    let times = &life.task.times;
    let (created, started) = (("created", times.created), ("started", times.started));
    let (stopping, stopped) = (("stopping", times.stopping), ("stopped", times.stopped));
    let pull = (("pull started", times.pull_started), ("pull stopped", times.pull_stopped));
    let pairs =
        [(created, started), (created, stopping), (created, stopped), (started, stopped), (stopping, stopped), pull];
    pairs.iter().find_map(|((first, from), (then, to))| {
        let apart = apart(*to, *from)?;
        Some(format!(
            "{then} lies {apart} before {first}, though one clock gives both: times were swapped, or are of two tasks"
        ))
    })
}

/// How long the first lies before the other, where that is worth a word.
fn apart(first: Option<Time>, then: Option<Time>) -> Option<String> {
    let (first, then) = (first?.unix_nanos(), then?.unix_nanos());
    let apart = then.checked_sub(first).filter(|apart| *apart > NOTABLE_SKEW_NANOS)?;
    Some(duration::short(Duration::from_nanos(apart)))
}

/// Nothing is pulled before the task was created, and nothing runs after it has stopped: by both clocks.
fn skew(life: &TaskLife) -> Option<String> {
    let times = &life.task.times;
    let agent = [
        ("pull started", times.pull_started),
        ("pull stopped", times.pull_stopped),
        ("execution stopped", times.execution_stopped),
    ];
    let behind = agent.iter().find_map(|(name, at)| {
        let apart = apart(*at, times.created)?;
        Some(format!("the agent's clock is at least {apart} behind the control plane's: {name} lies before created"))
    });
    behind.or_else(|| {
        agent.iter().find_map(|(name, at)| {
            let apart = apart(times.stopped, *at)?;
            Some(format!(
                "the agent's clock is at least {apart} ahead of the control plane's: {name} lies after stopped"
            ))
        })
    })
}

pub(super) fn callers_disagree(life: &TaskLife, add: Add<'_>) {
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
