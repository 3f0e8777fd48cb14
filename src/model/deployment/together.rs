//! What only many tasks show together: found when all have been added. Main function: `findings`.

use std::time::Duration;

use super::facts::Deployment;
use super::life::{DeploymentLife, FailureGroup, FoundInTasks};
use super::path::longest_wait;
use super::task::DeployedTask;
use crate::model::finding::FindingKind;
use crate::model::observation::ServiceEvent;
use crate::model::phases::PhaseKind;
use crate::model::{Time, duration};

/// As often must tasks start, and fail alike, before it is a loop.
const LOOPS: usize = 3;
/// So long after a start nothing should be waited for any more.
const SLOW_TO_HEALTHY: Duration = Duration::from_secs(60);
/// So many pulls at once are worth telling: a registry, a NAT gateway or an interface endpoint is shared by them.
const AT_ONCE: usize = 10;

/// The findings of a whole deployment.
fn findings(life: &DeploymentLife) -> Vec<(FindingKind, FoundInTasks)> {
    let (deployment, launches) = (&life.deployment, &life.launches);
    let crashes = life.failures().into_iter().filter_map(|group| crash_loop(launches, group));
    let found = [
        (FindingKind::CrashLoop, crashes.max_by_key(|found| found.count)),
        (FindingKind::PullsTogether, pulls_together(launches, deployment.task_definition.as_deref())),
        (FindingKind::UnhealthyTargets, unhealthy_targets(deployment)),
        (FindingKind::SlowPlacement, no_place(life)),
        (FindingKind::SlowToHealthy, slow_to_healthy(life)),
    ];
    found.into_iter().filter_map(|(kind, found)| Some((kind, found?))).collect()
}

/// What the service said of targets while the deployment went on: how often, and why the first time.
fn unhealthy_targets(deployment: &Deployment) -> Option<FoundInTasks> {
    let said: Vec<(&str, &str)> = deployment.events().filter_map(ServiceEvent::unhealthy_target).collect();
    let (group, why) = said.first()?;
    Some(whole(said.len(), format!("targets were unhealthy in target group {group}, {}: {why}", times(said.len()))))
}

/// No place was found for a task, which then does not exist: only the service's events tell of it.
fn no_place(life: &DeploymentLife) -> Option<FoundInTasks> {
    let said: Vec<&ServiceEvent> = life.deployment.events().filter(|event| event.says_no_place()).collect();
    let first = said.first()?;
    let of_tasks =
        life.findings.get(&FindingKind::SlowPlacement).map_or(String::new(), |found| format!("; {}", found.text));
    Some(whole(said.len(), format!("no place was found for a task, {}: {}{of_tasks}", times(said.len()), first.text())))
}

impl DeploymentLife {
    /// Puts the tasks into their order and finds what they show together. Called when all have been added.
    pub fn sort(&mut self) {
        let key = |task: &DeployedTask| (task.launch().map(|(start, _)| start), task.id.clone());
        self.launches.sort_by_cached_key(key);
        let key = |task: &DeployedTask| (task.phases.as_ref().and_then(|phases| phases.end_began), task.id.clone());
        self.stops.sort_by_cached_key(key);
        self.findings.extend(findings(self));
    }

    /// Why no place was found for a task, as last told, where none has started since: what it waits for, or what it ended with.
    pub fn unplaced(&self) -> Option<String> {
        let deployment = &self.deployment;
        let events = deployment.events().filter(|event| event.says_no_place());
        let actions = deployment.actions.iter().filter(|action| action.finding() == "placement-failed");
        let told = events.map(|event| (event.at, event.sentence()));
        let told = told.chain(actions.map(|action| (action.at, action.words())));
        // What finds no place later is the rollback's.
        let back = deployment.rollback.as_ref().and_then(|rollback| rollback.started);
        let (at, why) = told.filter(|(at, _)| back.is_none_or(|back| *at <= back)).max_by_key(|(at, _)| *at)?;
        let has_started = self.launches.iter().filter_map(|task| task.times.started).any(|started| started > at);
        (!has_started).then_some(why)
    }
}

/// A started task that serves nobody yet: nothing moves until the health checks have passed.
fn slow_to_healthy(life: &DeploymentLife) -> Option<FoundInTasks> {
    let is_rolling = life.deployment.strategy.as_deref().is_none_or(|strategy| strategy == "ROLLING");
    if life.deployment.target_groups.is_empty() || !is_rolling {
        return None;
    }
    let (after, took) = longest_wait(life).filter(|(_, took)| *took >= SLOW_TO_HEALTHY)?;
    let text = format!(
        "after {after} had started nothing moved for {}: health checks of the target group (interval × healthy threshold), of the container, or the grace period",
        duration::short(took)
    );
    Some(whole(1, text))
}

/// Of the deployment as a whole.
const fn whole(count: usize, text: String) -> FoundInTasks {
    FoundInTasks { old: 0, count, task_id: None, text }
}

fn times(count: usize) -> String {
    if count == 1 { "once".to_owned() } else { format!("{count} times") }
}

/// Tasks that started one after the other, ran, and failed for one reason.
fn crash_loop(launches: &[DeployedTask], group: &FailureGroup) -> Option<FoundInTasks> {
    let alike = |task: &&DeployedTask| {
        let failure = task.failure.as_ref().filter(|_| task.has_failed());
        task.has_started() && failure.is_some_and(|failure| group.is_of(failure))
    };
    let failed: Vec<&DeployedTask> = launches.iter().filter(alike).collect();
    let mut lives: Vec<(Time, Time)> =
        failed.iter().filter_map(|task| Some((task.phases.as_ref()?.end_began?, task.times.started?))).collect();
    lives.sort();
    // Each started after the one before had ended: those that fail side by side are one attempt.
    let (mut attempts, mut ended) = (0, None);
    for (end, started) in &lives {
        if ended.is_none_or(|ended| *started > ended) {
            (attempts, ended) = (attempts + 1, Some(*end));
        }
    }
    let first = lives.iter().map(|(_, started)| *started).min()?;
    let last = lives.iter().map(|(_, started)| *started).max()?;
    // Where most that start meanwhile stay up, some crash, and the service holds.
    let meanwhile =
        launches.iter().filter_map(|task| task.times.started).filter(|at| (first..=last).contains(at)).count();
    if attempts < LOOPS || 2 * failed.len() < meanwhile {
        return None;
    }
    let took = last.since(first);
    let text = format!("started one after the other within {} and failed alike", duration::short(took));
    Some(FoundInTasks { old: 0, count: failed.len(), task_id: Some(failed.first()?.id.clone()), text })
}

/// The most pulls that went on at one time.
fn pulls_together(launches: &[DeployedTask], definition: Option<&str>) -> Option<FoundInTasks> {
    let pull = |task: &DeployedTask| {
        let pull = task.phases.as_ref()?.find(PhaseKind::ImagePull)?;
        Some((pull.start, pull.end?))
    };
    let mut edges: Vec<(Time, i64)> =
        launches.iter().filter_map(pull).flat_map(|(start, end)| [(start, 1), (end, -1)]).collect();
    // At one moment the ends come first: a pull that begins when another ends is not beside it.
    edges.sort();
    let (mut now, mut most) = (0_i64, 0_i64);
    for (_, change) in edges {
        now += change;
        most = most.max(now);
    }
    let most = usize::try_from(most).ok().filter(|most| *most >= AT_ONCE)?;
    let what = definition.map_or("their images", crate::model::arn::last_part);
    let text = format!("{most} of {} tasks pulled the images of {what} at one time", launches.len());
    Some(FoundInTasks { old: 0, count: most, task_id: Some(launches.first()?.id.clone()), text })
}
