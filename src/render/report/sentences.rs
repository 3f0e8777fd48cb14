//! What all forms of the report say in the same words. Nothing here is escaped: whoever draws it does.

use std::time::Duration;

use jiff::tz::TimeZone;

use super::Report;
use crate::model::action::ActionRecord;
use crate::model::arn::last_part;
use crate::model::deployment::{
    Comparison, DeployedTask, Difference, FailureGroup, LEAST_SAMPLE, Matter, Spread, State,
};
use crate::model::duration::short;
use crate::model::finding::FindingKind;
use crate::model::phases::PhaseKind;
use crate::model::service::Hook;
use crate::render::moment;
use crate::render::style::Tone;

/// How it went: `rolled back: ECS deployment circuit breaker: tasks failed to start.`
pub(in crate::render) fn outcome(report: &Report<'_>) -> String {
    let outcome = &report.life.deployment.outcome;
    if let Some(bad) = report.bad {
        return format!("failing, and waited for no longer: {}", bad.reason);
    }
    if let Some(deleted) = report.life.deployment.deleted.filter(|_| outcome.state != report.state()) {
        return format!("failed: {deleted} (its deployment: {})", outcome.state.name());
    }
    let name = match outcome.state {
        State::InProgress if report.life.deployment.rollback.is_some() => "being rolled back",
        state => state.name(),
    };
    if let Some(reached) = report.reached {
        return format!("{}, and waited for as far as this: {reached}", outcome.state.name());
    }
    let waited = match (report.timed_out, report.interrupted) {
        (true, _) => " (waiting for its end took too long)",
        (false, true) => " (interrupted while its end was waited for)",
        (false, false) => "",
    };
    let reason = outcome.why().map_or(String::new(), |why| format!(": {why}"));
    format!("{name}{waited}{reason}")
}

/// How it stands, in a word or two.
pub(super) fn outcome_word(report: &Report<'_>) -> &'static str {
    report.life.deployment.standing().name()
}

/// Whose word that is.
pub(super) fn said_by(report: &Report<'_>) -> String {
    format!("told by {}", report.life.deployment.standing_said_by())
}

/// The lines that say what happened, the most important first. The first line of a deployment that held is what
/// differs from the baseline; of any other that it did not.
pub(super) fn first_lines(report: &Report<'_>) -> Vec<String> {
    let (outcome, cause) = (outcome(report), cause(report));
    let compared = report.comparison.map(|comparison| compared(comparison, report.life.deployment.standing()));
    match report.life.deployment.standing() {
        State::Held => compared.into_iter().chain([outcome]).chain(cause).collect(),
        _ => [outcome].into_iter().chain(cause).chain(compared).collect(),
    }
}

/// Why it did not hold, or does not go on: a hook that waits for somebody, why most of its tasks failed, or found no place.
pub(in crate::render) fn cause(report: &Report<'_>) -> Option<String> {
    if report.state() == State::Held {
        return None;
    }
    match (paused(report), main_failure(report)) {
        (Some(paused), _) => Some(paused),
        (None, Some(main)) => why_failed(report, main),
        (None, None) => report.life.unplaced().filter(|why| !is_bad(report, why)),
    }
}

/// The failures that are the cause: those of most tasks.
pub(super) fn main_failure<'a>(report: &Report<'a>) -> Option<&'a FailureGroup> {
    let is_cause = report.state() != State::Held && paused(report).is_none();
    report.life.failures().into_iter().next().filter(|_| is_cause)
}

/// Whether this is why it is waited for no longer, and said with that.
pub(super) fn is_bad(report: &Report<'_>, why: &str) -> bool {
    report.bad.is_some_and(|bad| bad.reason.contains(why))
}

/// Who lets it go on.
fn paused(report: &Report<'_>) -> Option<String> {
    let deployment = &report.life.deployment;
    let waits = report.bad.is_none() && !deployment.is_over() && deployment.rollback.is_none();
    deployment.paused().next().filter(|_| waits).map(paused_by)
}

fn paused_by(hook: &Hook) -> String {
    format!("paused by its hook {}", hook.id)
}

/// Why most of its tasks failed, with what one of them said last: ECS's own reason seldom tells.
fn why_failed(report: &Report<'_>, main: &FailureGroup) -> Option<String> {
    let said = main.shown().and_then(|sample| {
        let last = sample.lines.iter().rev().find(|line| !line.message.trim().is_empty())?;
        let last = last.message.trim().chars().take(LAST_LINE).collect::<String>();
        Some(format!("{} last said: {last}", sample.container))
    });
    match said {
        said if is_bad(report, main.told()) => said,
        Some(said) => Some(format!("{}; {said}", failure(main))),
        None => Some(failure(main)),
    }
}

/// So much of a last line is told.
const LAST_LINE: usize = 300;

/// A step to take.
#[derive(Debug)]
pub(super) struct Next {
    /// What it does; of what is typed, without a colon.
    pub(super) said: String,
    /// What is typed for it: never broken, so that it can be pasted.
    pub(super) command: Option<String>,
}

impl Next {
    fn typed(said: &str, command: String) -> Self {
        Self { said: said.to_owned(), command: Some(command) }
    }

    /// What stands before the command, where there is one.
    pub(super) fn lead(&self) -> String {
        format!("{}{}", self.said, if self.command.is_some() { ":" } else { "" })
    }
}

/// What to do now: whom to look at, what waits for somebody, how what goes on is ended. Not of what was saved: it is over long since.
pub(super) fn next(report: &Report<'_>) -> Vec<Next> {
    let (life, deployment) = (report.life, &report.life.deployment);
    if life.saved.is_some() || report.state() == State::Held {
        return vec![];
    }
    let (cluster, service) = (deployment.cluster(), &deployment.service);
    let mut steps = vec![];
    if let Some(task) = life.failures().into_iter().next().and_then(FailureGroup::to_look_at) {
        let launched = life.launches.iter().find(|launched| launched.id == task);
        let said = match launched.is_some_and(DeployedTask::has_run) {
            true => "one of those that failed, with its log",
            false => "one of those that failed",
        };
        steps.push(Next::typed(said, format!("ecspan show {cluster}/{task}")));
    }
    if let Some(next) = &deployment.superseded_by {
        let command = format!("ecspan deploy {cluster}/{service} --deployment {next}");
        steps.push(Next::typed("the one that took its place", command));
    }
    if life.failures().is_empty()
        && let Some(why) = life.unplaced()
    {
        steps.extend(place(cluster, &why));
    }
    if deployment.is_over() || deployment.deleted.is_some() || deployment.rollback.is_some() {
        return steps;
    }
    if let Some(arn) = &deployment.arn {
        steps.extend(deployment.paused().map(|hook| Next::typed("to let it go on", hook.goes_on_by(arn))));
    }
    if report.bad.is_some() {
        let end = |command| Next::typed("it goes on; to end it", command);
        steps.push(match &deployment.arn {
            _ if deployment.is_task_set() => {
                Next { said: "it goes on until its controller ends it".to_owned(), command: None }
            }
            Some(arn) => {
                end(format!("aws ecs stop-service-deployment --service-deployment-arn {arn} --stop-type ROLLBACK"))
            }
            None => {
                let before = deployment.definition_before.as_deref().map_or("THE-ONE-BEFORE", last_part);
                end(format!(
                    "aws ecs update-service --cluster {cluster} --service {service} --task-definition {before}"
                ))
            }
        });
    } else if report.timed_out || report.interrupted || report.reached.is_some() {
        let id = &deployment.id;
        steps.push(Next::typed(
            "it goes on; to wait for its end",
            format!("ecspan deploy {cluster}/{service} --deployment {id} --wait"),
        ));
    }
    steps
}

/// Where room for a task is looked for.
fn place(cluster: &str, why: &str) -> Option<Next> {
    let why = why.to_ascii_lowercase().replace("container-instance", "container instance");
    if why.contains("no container instances were found") {
        let said = "what capacity its cluster has";
        return Some(Next::typed(said, format!("aws ecs describe-clusters --clusters {cluster}")));
    }
    if why.contains("container instance") {
        let list = format!(
            "aws ecs list-container-instances --cluster {cluster} --query 'containerInstanceArns[]' --output text"
        );
        let command =
            format!("aws ecs describe-container-instances --cluster {cluster} --container-instances $({list})");
        return Some(Next::typed("what its container instances have left (remainingResources)", command));
    }
    (why.contains("capacity") || why.contains("fargate")).then(|| Next {
        said: "ECS goes on looking for room: more zones or another capacity provider may have some".to_owned(),
        command: None,
    })
}

/// `image pull is 3.0 times as slow as in the baseline (p50 18.0 s against 6.0 s, 20 and 20 tasks)`.
fn compared(comparison: &Comparison, state: State) -> String {
    let mut said = match comparison.foremost() {
        Some(difference) => difference_sentence(difference, "in the baseline"),
        None if comparison.differences.is_empty() => {
            "nothing can be compared with the baseline: no phase is in both reports".to_owned()
        }
        None if comparison.is_small() => {
            format!("not judged against the baseline: a small sample (fewer than {LEAST_SAMPLE} tasks on a side)")
        }
        None => "no difference that matters to the baseline".to_owned(),
    };
    if comparison.outcome_differs(state)
        && let Some(before) = &comparison.baseline.outcome
    {
        said.push_str(&format!("; the baseline {before}", before = outcome_verb(before)));
    }
    said
}

fn outcome_verb(outcome: &str) -> String {
    match outcome {
        "held" => "held".to_owned(),
        "in progress" => "was still in progress".to_owned(),
        "rolled back" => "was rolled back".to_owned(),
        other => other.to_owned(),
    }
}

/// `image pull is 3.0 times as slow as before (p50 18.0 s against 6.0 s, 20 and 20 tasks)`; `other` says where the other side is.
pub(in crate::render) fn difference_sentence(difference: &Difference, other: &str) -> String {
    let Difference { phase, now, before, matter } = difference;
    let ratio = |a: Duration, b: Duration| a.as_secs_f64() / b.as_secs_f64().max(0.001);
    let how = match matter {
        Matter::Slower => format!("{:.1} times as slow as", ratio(now.p50, before.p50)),
        _ => format!("{:.1} times as fast as", ratio(before.p50, now.p50)),
    };
    let counts = format!("{} and {} tasks", now.count, before.count);
    format!("{phase} is {how} {other} (p50 {} against {}, {counts})", short(now.p50), short(before.p50))
}

/// How differences are decided.
pub(in crate::render) const RULE: &str = "a difference matters when both sides have 5 tasks or more, the medians differ by more than 1 s and by \
     more than a fifth, and each median lies outside the other side's middle half (first to third quartile)";

/// A difference's word in a table, with the sign that finds it in one of many rows.
pub(super) const fn mark(matter: Matter, unicode: bool) -> &'static str {
    match (matter, unicode) {
        (Matter::Slower, true) => "▲ slower",
        (Matter::Slower, false) => "! slower",
        (Matter::Faster, true) => "▼ faster",
        (Matter::Faster, false) => "faster",
        (Matter::Same, _) => "same",
        (Matter::Small, _) => "small sample",
    }
}

/// The colour of what differs.
pub(super) const fn tone(matter: Matter) -> Option<Tone> {
    match matter {
        Matter::Slower => Some(Tone::Bad),
        Matter::Faster => Some(Tone::Running),
        Matter::Same | Matter::Small => None,
    }
}

/// `20 launched, 20 started (the first after 23.8 s, the last after 1 min 2 s), 0 failed; 20 old ones stopped`.
pub(in crate::render) fn counts(report: &Report<'_>) -> String {
    let life = report.life;
    let times = life.first_and_last_started().map_or(String::new(), |(first, last)| {
        format!(" (the first after {}, the last after {})", short(first), short(last))
    });
    let wanted = life.deployment.desired.map_or(String::new(), |desired| format!(" of {desired} wanted"));
    let is_growing = !life.deployment.is_over() && life.deployment.rollback.is_none();
    let wanted = if is_growing { wanted } else { String::new() };
    let failed = life.failed();
    let mut text = format!(
        "{} launched{wanted}, {} started{times}, {failed} failed; {} old stopped",
        life.launches.len(),
        life.started(),
        life.stops.len(),
    );
    // ECS forgets a stopped task within the hour, and its count does not.
    let told = life.deployment.failed_tasks.and_then(|told| usize::try_from(told).ok()).unwrap_or_default();
    if told > failed {
        // Tasks that could not be read are told as a gap.
        let is_unread = report.gaps.iter().any(|gap| gap.what == "tasks of the service");
        let others = if is_unread { "" } else { ": it no longer lists the others" };
        text.push_str(&format!("; ECS counted {told} failures{others}"));
    }
    text
}

/// `image pull takes the largest part of a launch: p50 13.3 s of 23.8 s`; of provisioning also what it is made of.
pub(in crate::render) fn slowest_phase(report: &Report<'_>) -> Option<String> {
    let (phase, spread) = report.life.slowest_phase()?;
    let phases = report.life.phases();
    let whole = phases.first().map(|(_, whole)| whole.p50)?;
    let is_part =
        |name: &str| [PhaseKind::PlacementAndNetwork, PhaseKind::WaitingForPull].iter().any(|kind| kind.name() == name);
    let parts: Vec<String> = phases
        .iter()
        .filter(|(name, _)| phase == PhaseKind::Provisioning.name() && is_part(name))
        .map(|(name, spread)| format!("{name} {}", short(spread.p50)))
        .collect();
    let parts = if parts.is_empty() { String::new() } else { format!(" ({})", parts.join(", ")) };
    // Many pulls at one time may be why.
    let together = report.life.findings.get(&FindingKind::PullsTogether);
    let together = together.map_or_else(String::new, |found| format!("; {}", found.text));
    Some(format!(
        "{phase} takes the largest part of a launch: p50 {} of {}{parts}{together}",
        short(spread.p50),
        short(whole)
    ))
}

/// `of the rollout's 9 min 12 s: 7 min 30 s of nothing but old tasks that drained and stopped, …`, the longest part first. Of one
/// that did not hold the failures are what counts.
pub(in crate::render) fn path(report: &Report<'_>) -> Option<String> {
    let deployment = &report.life.deployment;
    let path = report.life.path().filter(|_| deployment.outcome.state == State::Held)?;
    let (stopping, waiting) = match deployment.target_groups.is_empty() {
        true => ("of nothing but old tasks that stopped", "in which nothing moved: the scheduler waits"),
        false => (
            "of nothing but old tasks that drained and stopped",
            "in which nothing moved: health checks, the scheduler",
        ),
    };
    let mut parts = [(path.launch, "of launches"), (path.stopping, stopping), (path.waiting, waiting)];
    parts.sort_by_key(|(length, _)| std::cmp::Reverse(*length));
    let parts = parts.iter().filter(|(length, _)| !length.is_zero());
    let parts: Vec<String> = parts.map(|(length, what)| format!("{} {what}", short(*length))).collect();
    Some(format!("the rollout's {} were {}", short(path.whole), parts.join("; ")))
}

/// The slowest task with its phases.
pub(super) fn slowest_task(report: &Report<'_>) -> Option<String> {
    let task = report.life.slowest()?;
    let (start, end) = task.launch()?;
    let phases = task.phases.iter().flat_map(|phases| &phases.list).filter(|phase| phase.kind.is_launch());
    let parts: Vec<String> =
        phases.filter_map(|phase| Some(format!("{} {}", phase.kind.name(), short(phase.length()?)))).collect();
    let goes_on = |task: &crate::model::deployment::DeployedTask| !task.has_started() && !task.is_stopped;
    let until_now = if report.life.launches.iter().any(goes_on) { " until now" } else { "" };
    Some(format!("the slowest launch{until_now}, {}, took {}: {}", task.id, short(end?.since(start)), parts.join(", ")))
}

/// `10 tasks failed: REASON`.
pub(in crate::render) fn failure(group: &FailureGroup) -> String {
    let tasks = if group.count == 1 { "1 task" } else { &format!("{} tasks", group.count) };
    format!("{tasks} failed: {}", group.told())
}

/// The tasks of a group, the first few by name.
pub(in crate::render) fn named(count: usize, tasks: &[String]) -> String {
    let more = count.saturating_sub(tasks.len());
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{}{more}", tasks.join(", "))
}

/// Findings of its tasks that tell of something wrong and are not told by the failures already.
pub(super) fn findings(report: &Report<'_>) -> Vec<String> {
    let is_told = |kind: FindingKind| matches!(kind, FindingKind::FailedToStart | FindingKind::EssentialExit);
    // The reason that ECS gives is the failures' own.
    let failures = report.life.failures();
    let is_reason = |kind: FindingKind, text: &str| {
        kind == FindingKind::Unhealthy && failures.iter().any(|group| text.contains(group.told()))
    };
    let is_new = |kind: FindingKind, text: &str| kind.is_problem() && !is_told(kind) && !is_reason(kind, text);
    let problems = report.life.findings.iter().filter(|(kind, found)| is_new(**kind, &found.text));
    let sentence = |(kind, found): (&FindingKind, &crate::model::deployment::FoundInTasks)| {
        let Some(task) = &found.task_id else { return format!("{}: {}", kind.id(), found.text) };
        let old = if found.old == found.count { "old " } else { "" };
        let tasks = if found.count == 1 { format!("1 {old}task") } else { format!("{} {old}tasks", found.count) };
        format!("{tasks}, {}: {} ({})", kind.id(), found.text, task)
    };
    problems.map(sentence).collect()
}

/// What ECS told of it by name, in the order of time; the same said again is counted. Of many the problems and the last.
pub(super) fn told(report: &Report<'_>, zone: &TimeZone) -> Vec<String> {
    let mut told: Vec<(&ActionRecord, String, usize)> = vec![];
    for action in &report.life.deployment.actions {
        let words = action.words();
        match told.iter_mut().find(|(known, said, _)| *said == words && known.level == action.level) {
            Some((_, _, times)) => *times += 1,
            None => told.push((action, words, 1)),
        }
    }
    let over = told.len().saturating_sub(MOST_TOLD);
    let mut left_out = 0;
    told.retain(|(action, _, _)| {
        let is_over = left_out < over && !action.is_problem();
        left_out += usize::from(is_over);
        !is_over
    });
    let line = |(action, words, times): (&ActionRecord, String, usize)| {
        let times = if times > 1 { format!(", {times} times") } else { String::new() };
        let level =
            action.level.as_ref().filter(|_| action.is_problem()).map_or_else(String::new, |level| format!("{level} "));
        format!("{} {level}{words}{times}, told by {}", moment::spaced(action.at, zone), action.source.told_by())
    };
    let more = (left_out > 0).then(|| format!("{left_out} more that went as it should"));
    told.into_iter().map(line).chain(more).collect()
}

/// So many actions are listed, problems aside.
const MOST_TOLD: usize = 12;

/// Fewer than this cannot be judged.
pub(super) const fn is_small(spread: &Spread) -> bool {
    spread.count < LEAST_SAMPLE
}

/// The same beside the first lines: each once.
pub(super) fn more(report: &Report<'_>) -> Vec<String> {
    let first = cause(report);
    monitors(report).into_iter().filter(|line| Some(line) != first.as_ref()).collect()
}

/// The circuit breaker, alarms and the stage, where the new API tells them.
pub(in crate::render) fn monitors(report: &Report<'_>) -> Vec<String> {
    let deployment = &report.life.deployment;
    let mut lines = vec![];
    if let Some(breaker) = &deployment.circuit_breaker
        && let (Some(failures), Some(threshold)) = (breaker.failures, breaker.threshold)
    {
        let status = breaker.status.as_deref().unwrap_or("status unknown").to_ascii_lowercase();
        lines.push(format!("circuit breaker {status}: {failures} failures, threshold {threshold}"));
    }
    if !deployment.triggered_alarms.is_empty() {
        lines.push(format!("alarms that went off: {}", deployment.triggered_alarms.join(", ")));
    }
    for hook in deployment.paused() {
        lines.push(paused_by(hook));
    }
    if let Some(stage) = deployment.stage.as_ref().filter(|_| !deployment.is_over()) {
        let of = deployment.strategy.as_ref().map_or(String::new(), |strategy| format!(" of {strategy}"));
        lines.push(format!("in stage {stage}{of}"));
    }
    lines
}
