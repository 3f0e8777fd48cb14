//! A deployment with its tasks. Main type: [`DeploymentLife`].
//!
//! Tasks are added one by one and only what a report and a trace need of each is kept: thousands fit.

use std::collections::BTreeMap;
use std::time::Duration;

use super::facts::Deployment;
use super::role::{End, Role};
use super::spread::Spread;
use super::together;
use crate::model::container::Container;
use crate::model::finding::FindingKind;
use crate::model::log::{ContainerLog, LogLine};
use crate::model::observation::TaskTimes;
use crate::model::outcome::Failure;
use crate::model::phases::{Phase, PhaseKind, Phases};
use crate::model::{TaskLife, Time};

/// The name of the whole launch, among phases.
pub const LAUNCH: &str = "launch";
/// The tasks that are named of a group of failures, and of those that are told apart.
const NAMED: usize = 3;
/// The reasons for which log lines are shown.
const SAMPLED: usize = 10;
/// So many of a group may speak for it in a trace.
const SPEAKERS: usize = 3;
/// The last lines of a failed task that are kept.
const LINES: usize = 5;

/// What is kept of a task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeployedTask {
    /// Its id, as written.
    pub id: String,
    /// Its ARN.
    pub arn: Option<String>,
    /// Its availability zone.
    pub zone: Option<String>,
    /// What it has to do with the deployment.
    pub role: Role,
    /// How it came to its end, if the deployment started it.
    pub end: Option<End>,
    /// Its times.
    pub times: TaskTimes,
    /// Its phases, without the moments.
    pub phases: Option<Phases>,
    /// It has reached STOPPED.
    pub is_stopped: bool,
    /// Its failure.
    pub failure: Option<Failure>,
    /// The phase of its launch in which that happened.
    pub failed_phase: Option<PhaseKind>,
    /// Its root is in the trace of a caller that its overrides name.
    pub has_caller: bool,
    /// Its containers, where the deployment started it.
    pub containers: Vec<DeployedContainer>,
}

/// What is kept of a container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeployedContainer {
    /// Its name.
    pub name: String,
    /// What it is made from.
    pub image: Option<String>,
    /// `lastStatus`; none: it surely never ran.
    pub status: Option<String>,
    /// Its exit code.
    pub exit_code: Option<i64>,
    /// Why it stopped or did not start.
    pub reason: Option<String>,
    /// Whether it failed.
    pub has_failed: bool,
    /// Its log lines, where they were read.
    pub log: Option<ContainerLog>,
}

impl DeployedContainer {
    fn of(container: &Container) -> Self {
        let record = &container.record;
        Self {
            name: record.name.clone(),
            image: record.image.clone(),
            status: record.last_status.clone().filter(|_| !container.never_ran()),
            exit_code: record.exit_code,
            reason: record.reason.clone(),
            has_failed: container.failure.is_some(),
            log: container.log.clone(),
        }
    }
}

impl DeployedTask {
    /// Where its launch begins and ends: created, and started or – where it never was – the end of it.
    pub fn launch(&self) -> Option<(Time, Option<Time>)> {
        let phases = self.phases.as_ref()?;
        let is_over = self.has_started() || self.is_stopped || self.has_failed();
        Some((phases.start, phases.launched.filter(|_| is_over)))
    }

    /// Whether it ever started.
    pub const fn has_started(&self) -> bool {
        self.times.started.is_some()
    }

    /// Whether it failed while the deployment went on.
    pub fn has_failed(&self) -> bool {
        self.end == Some(End::Failed)
    }

    fn lengths(&self) -> impl Iterator<Item = (PhaseKind, Duration)> {
        self.phases.iter().flat_map(|phases| launch_lengths(phases, &self.times))
    }
}

/// The phases of a task's launch that came to their own end, each with its length.
pub(in crate::model) fn launch_lengths<'a>(
    phases: &'a Phases,
    times: &'a TaskTimes,
) -> impl Iterator<Item = (PhaseKind, Duration)> + 'a {
    // The end of one that never started cuts its last phase short.
    let complete = |phase: &&Phase| match phase.kind {
        PhaseKind::Provisioning | PhaseKind::PlacementAndNetwork | PhaseKind::WaitingForPull => {
            times.pull_started.is_some() || times.started.is_some()
        }
        PhaseKind::ImagePull | PhaseKind::Starting => times.started.is_some(),
        _ => false,
    };
    phases.all().filter(complete).filter_map(|phase| Some((phase.kind, phase.length()?)))
}

/// The last lines of a container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogSample {
    /// The task.
    pub task_id: String,
    /// The container.
    pub container: String,
    /// Its last lines.
    pub lines: Vec<LogLine>,
}

/// Tasks that failed for one reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FailureGroup {
    /// The reason of one of them: the first in the alphabet.
    pub reason: String,
    /// How many there are.
    pub count: usize,
    /// The first few.
    pub tasks: Vec<String>,
    /// What one of them last said.
    pub sample: Option<LogSample>,
    /// What the first few of them, by id, last said.
    speakers: BTreeMap<String, Option<LogSample>>,
}

impl FailureGroup {
    /// What failures of one group have in common.
    pub(in crate::model) fn key(failure: &Failure) -> String {
        alike(&failure.description)
    }

    /// The group of a failure, without a task.
    pub(in crate::model) fn of(failure: &Failure) -> Self {
        Self { reason: failure.description.clone(), count: 0, tasks: vec![], sample: None, speakers: BTreeMap::new() }
    }

    /// The tasks whose last lines may speak for all of them in a trace: who does must not depend on how many were read.
    pub fn speakers(&self) -> impl Iterator<Item = &str> {
        self.speakers.keys().map(String::as_str)
    }

    /// What the first of those that said anything last said.
    pub fn spoken(&self) -> Option<&LogSample> {
        self.speakers.values().flatten().next()
    }

    /// Counts a task in.
    pub(in crate::model) fn count_in(&mut self, task_id: &str) {
        self.count += 1;
        remember(&mut self.tasks, task_id);
    }

    /// Whether a failure is one of these.
    pub(super) fn is_of(&self, failure: &Failure) -> bool {
        alike(&self.reason) == alike(&failure.description)
    }
}

/// Tasks that are not counted as the rollout.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Apart {
    /// What they are.
    pub what: &'static str,
    /// How many there are.
    pub count: usize,
    /// The first few.
    pub tasks: Vec<String>,
}

/// A finding of some of the tasks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundInTasks {
    /// How many of them it stopped, rather than launched.
    pub old: usize,
    /// How many tasks.
    pub count: usize,
    /// The first of them; none: it is found of the deployment as a whole.
    pub task_id: Option<String>,
    /// What was found of that one.
    pub text: String,
}

/// What one task adds to a deployment: all that is kept of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskShare {
    id: String,
    /// Why it is not counted, or not only.
    apart: Option<&'static str>,
    findings: Vec<(FindingKind, String)>,
    /// The task, where the rollout launched or stopped it.
    task: Option<DeployedTask>,
    definition: Option<String>,
    sample: Option<LogSample>,
}

impl TaskShare {
    /// Of a task of the service.
    pub fn new(deployment: &Deployment, life: &TaskLife, has_caller: bool) -> Self {
        let task = &life.task;
        let role = deployment.role(task);
        let outcome = life.foreseen();
        let failure = outcome.failure;
        let end = deployment.end(task, failure.is_some()).filter(|_| role == Role::Launch);
        let is_rollouts = matches!(role, Role::Launch | Role::Stop);
        let deployed = is_rollouts.then(|| DeployedTask {
            id: task.id.clone(),
            arn: task.arn.clone(),
            zone: task.availability_zone.clone(),
            role,
            end,
            times: task.times,
            phases: life.phases.clone().map(|phases| Phases { moments: vec![], ..phases }),
            is_stopped: life.is_stopped(),
            failure,
            failed_phase: outcome.failed_phase,
            has_caller,
            containers: life
                .containers
                .iter()
                .filter(|container| role == Role::Launch && !container.is_hidden())
                .map(DeployedContainer::of)
                .collect(),
        });
        let findings = life.findings.iter().filter(|_| is_rollouts);
        Self {
            id: task.id.clone(),
            apart: told_apart(role, end),
            findings: findings.map(|finding| (finding.kind, finding.text.clone())).collect(),
            sample: deployed.as_ref().filter(|task| task.has_failed()).and_then(|_| sample(life)),
            task: deployed,
            definition: task.task_definition_arn.clone(),
        }
    }

    /// The task, where the rollout launched or stopped it.
    pub const fn task(&self) -> Option<&DeployedTask> {
        self.task.as_ref()
    }

    /// Takes over what its containers said when it was looked at before, and was not read again.
    pub fn remember(&mut self, earlier: &Self) {
        self.sample = self.sample.take().or_else(|| earlier.sample.clone());
        let containers = |share: &Self| share.task.as_ref().map_or_else(Vec::new, |task| task.containers.clone());
        for (own, earlier) in self.task.iter_mut().flat_map(|task| &mut task.containers).zip(containers(earlier)) {
            own.log = own.log.take().or(earlier.log);
        }
    }

    /// Its last lines, where it failed and they were read.
    pub const fn sample(&self) -> Option<&LogSample> {
        self.sample.as_ref()
    }
}

/// A deployment with its tasks.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct DeploymentLife {
    /// What ECS says of it.
    pub deployment: Deployment,
    /// Up to when it is known, where it was written down: what came after is not, so nothing is drawn up to the reader's clock.
    pub saved: Option<Time>,
    /// The tasks that it started, by time.
    pub launches: Vec<DeployedTask>,
    /// The tasks that it stopped, by time.
    pub stops: Vec<DeployedTask>,
    /// What is found in its tasks.
    pub findings: BTreeMap<FindingKind, FoundInTasks>,
    /// Failures, by reason.
    groups: BTreeMap<String, FailureGroup>,
    apart: BTreeMap<&'static str, Apart>,
}

impl DeploymentLife {
    /// A deployment whose tasks are still to be added.
    pub const fn new(deployment: Deployment) -> Self {
        Self {
            deployment,
            saved: None,
            launches: vec![],
            stops: vec![],
            findings: BTreeMap::new(),
            groups: BTreeMap::new(),
            apart: BTreeMap::new(),
        }
    }

    /// A deployment with the tasks that were known of it earlier.
    pub fn with_tasks_of(deployment: Deployment, earlier: Self) -> Self {
        Self { deployment, ..earlier }
    }

    /// Adds a task of the service.
    pub fn add(&mut self, life: &TaskLife, has_caller: bool) {
        self.put(&TaskShare::new(&self.deployment, life, has_caller));
    }

    /// Adds what is kept of a task.
    pub fn put(&mut self, share: &TaskShare) {
        let TaskShare { id, apart, findings, task, definition, sample } = share;
        if let Some(what) = *apart {
            let apart = self.apart.entry(what).or_insert(Apart { what, count: 0, tasks: vec![] });
            apart.count += 1;
            remember(&mut apart.tasks, id);
        }
        let Some(deployed) = task else { return };
        for (kind, text) in findings {
            let found = self.findings.entry(*kind).or_insert_with(|| FoundInTasks {
                count: 0,
                old: 0,
                task_id: Some(id.clone()),
                text: text.clone(),
            });
            found.count += 1;
            found.old += usize::from(deployed.role == Role::Stop);
        }
        if deployed.role == Role::Stop {
            self.stops.push(deployed.clone());
            return;
        }
        // Of a deployment that has left DescribeServices only its tasks know the definition.
        if self.deployment.task_definition.is_none() {
            self.deployment.task_definition.clone_from(definition);
        }
        if let Some(failure) = deployed.failure.as_ref().filter(|_| deployed.has_failed()) {
            let group = self.groups.entry(FailureGroup::key(failure)).or_insert_with(|| FailureGroup::of(failure));
            group.count_in(id);
            // Whatever the order in which they are read, one and the same speaks for them.
            if failure.description < group.reason {
                group.reason.clone_from(&failure.description);
            }
            let samples = group.sample.take().into_iter().chain(sample.clone());
            group.sample = samples.min_by(|a, b| a.task_id.cmp(&b.task_id));
            group.speakers.insert(id.clone(), sample.clone());
            if group.speakers.len() > SPEAKERS {
                group.speakers.pop_last();
            }
        }
        self.launches.push(deployed.clone());
    }

    /// Puts the tasks into their order and finds what they show together. Called when all have been added.
    pub fn sort(&mut self) {
        let key = |task: &DeployedTask| (task.launch().map(|(start, _)| start), task.id.clone());
        self.launches.sort_by_cached_key(key);
        let key = |task: &DeployedTask| (task.phases.as_ref().and_then(|phases| phases.end_began), task.id.clone());
        self.stops.sort_by_cached_key(key);
        self.findings.extend(together::findings(self));
    }

    /// Whether a task that is about to be added failed for a reason of which no log lines are known yet. Only the first few of a
    /// group are asked for: where two wrote nothing, the others did not either.
    pub fn wants_sample(&self, life: &TaskLife) -> bool {
        let Some(failure) = &life.foreseen().failure else { return false };
        let is_ours = self.deployment.role(&life.task) == Role::Launch;
        let has_failed = self.deployment.end(&life.task, true) == Some(End::Failed);
        let group = self.groups.get(&alike(&failure.description));
        let is_wanted = group.map_or(self.groups.len() < SAMPLED, |group| group.sample.is_none() && group.count < 2);
        is_ours && has_failed && is_wanted
    }

    /// Takes in the last lines of a task that was added without them.
    pub fn hear(&mut self, life: &TaskLife) {
        let share = TaskShare::new(&self.deployment, life, false);
        let failure = share.task.as_ref().and_then(|task| task.failure.as_ref());
        let group = failure.and_then(|failure| self.groups.get_mut(&FailureGroup::key(failure)));
        if let Some(spoken) = group.and_then(|group| group.speakers.get_mut(&share.id)) {
            *spoken = share.sample;
        }
    }

    /// How many have failed as this task did.
    pub fn like(&self, share: &TaskShare) -> usize {
        let failure = share.task.as_ref().and_then(|task| task.failure.as_ref());
        failure.and_then(|failure| self.groups.get(&alike(&failure.description))).map_or(0, |group| group.count)
    }

    /// Failures by reason, the most frequent first.
    pub fn failures(&self) -> Vec<&FailureGroup> {
        let mut groups: Vec<&FailureGroup> = self.groups.values().collect();
        groups.sort_by_key(|group| std::cmp::Reverse(group.count));
        groups
    }

    /// What is not counted as the rollout.
    pub fn apart(&self) -> impl Iterator<Item = &Apart> {
        self.apart.values()
    }

    /// How many of its launches failed.
    pub fn failed(&self) -> usize {
        self.launches.iter().filter(|task| task.has_failed()).count()
    }

    /// How many of its launches have started.
    pub fn started(&self) -> usize {
        self.launches.iter().filter(|task| task.has_started()).count()
    }

    /// How long each phase of its launches took; the whole launch first.
    pub fn phases(&self) -> Vec<(&'static str, Spread)> {
        let lengths = self.lengths().into_iter();
        lengths.filter_map(|(name, lengths)| Some((name, Spread::of(lengths)?))).collect()
    }

    /// The lengths that these are the spreads of.
    pub fn lengths(&self) -> Vec<(&'static str, Vec<Duration>)> {
        let mut lengths: BTreeMap<PhaseKind, Vec<Duration>> = BTreeMap::new();
        let mut whole = vec![];
        for task in &self.launches {
            task.lengths().for_each(|(kind, length)| lengths.entry(kind).or_default().push(length));
            if let (Some((start, Some(end))), true) = (task.launch(), task.has_started()) {
                whole.push(end.since(start));
            }
        }
        let of_phases = lengths.into_iter().map(|(kind, lengths)| (kind.name(), lengths));
        std::iter::once((LAUNCH, whole)).chain(of_phases).collect()
    }

    /// How long the tasks took to stop that it stopped.
    pub fn stopping(&self) -> Option<Spread> {
        let lengths = self.stops.iter().filter_map(|task| {
            let phases = task.phases.as_ref()?;
            Some(phases.end?.since(phases.end_began?))
        });
        Spread::of(lengths.collect())
    }

    /// The phase that takes the largest part of a launch.
    pub fn slowest_phase(&self) -> Option<(&'static str, Spread)> {
        let is_top = |name: &str| {
            let launch = [PhaseKind::Provisioning, PhaseKind::ImagePull, PhaseKind::Starting];
            launch.iter().any(|kind| kind.name() == name)
        };
        self.phases().into_iter().filter(|(name, _)| is_top(name)).max_by_key(|(_, spread)| spread.p50)
    }

    /// The launch that took longest of those that have started.
    pub fn slowest(&self) -> Option<&DeployedTask> {
        let length = |task: &&DeployedTask| task.launch().and_then(|(start, end)| Some(end?.since(start)));
        self.launches.iter().filter(|task| task.has_started()).max_by_key(length)
    }

    /// How long that took.
    pub fn slowest_launch(&self) -> Option<Duration> {
        let (start, end) = self.slowest()?.launch()?;
        Some(end?.since(start))
    }

    /// How long after its beginning the first and the last of its tasks started.
    pub fn first_and_last_started(&self) -> Option<(Duration, Duration)> {
        let from = self.deployment.created?;
        let started = || self.launches.iter().filter_map(|task| task.times.started);
        Some((started().min()?.since(from), started().max()?.since(from)))
    }
}

fn remember(tasks: &mut Vec<String>, id: &str) {
    if tasks.len() < NAMED {
        tasks.push(id.to_owned());
    }
}

/// What is said of a task that is not counted, or not only.
const fn told_apart(role: Role, end: Option<End>) -> Option<&'static str> {
    match (role, end) {
        (Role::Launch, Some(End::ScaledIn)) => {
            Some("stopped by the scheduler after it was over (scale-in or a later deployment)")
        }
        (Role::Launch, Some(End::Rebalanced)) => Some("stopped to balance the availability zones"),
        (Role::Launch, Some(End::FailedLater)) => Some("failed after it was over"),
        (Role::Replacement, _) => Some("started by the scheduler after it was over (a replacement or scale-out)"),
        (Role::Rebalancing, _) => Some("started or stopped to balance the availability zones"),
        (Role::RollbackLaunch, _) => Some("started by the rollback"),
        (Role::EndedMeanwhile, _) => Some("of another deployment, ended by itself meanwhile"),
        _ => None,
    }
}

/// A reason without what tells one task from another: ids and long numbers.
pub(crate) fn alike(reason: &str) -> String {
    let is_id = |word: &str| word.len() >= 8 && word.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-');
    let words = reason.split(|c: char| !c.is_ascii_alphanumeric() && c != '-');
    words.filter(|word| !word.is_empty()).map(|word| if is_id(word) { "#" } else { word }).collect::<Vec<_>>().join(" ")
}

/// What the container last said whose failure it was, else the first that said anything.
fn sample(life: &TaskLife) -> Option<LogSample> {
    let has_lines = |container: &&Container| container.log.as_ref().is_some_and(|log| !log.is_empty());
    let all = || life.containers.iter().filter(|container| !container.is_hidden()).filter(has_lines);
    let container = all().find(|container| container.failure.is_some()).or_else(|| all().next())?;
    let lines: Vec<LogLine> = container.log.as_ref()?.lines().cloned().collect();
    let from = lines.len().saturating_sub(LINES);
    Some(LogSample {
        task_id: life.task.id.clone(),
        container: container.name().to_owned(),
        lines: lines.into_iter().skip(from).collect(),
    })
}
