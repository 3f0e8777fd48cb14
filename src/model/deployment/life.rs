//! A deployment with its tasks. Main type: [`DeploymentLife`].
//!
//! Tasks are added one by one, and only what a report and a trace need of each is kept.

use std::collections::BTreeMap;
use std::time::Duration;

use super::facts::Deployment;
use super::role::{End, Role};
use super::spread::Spread;
use super::task::{DeployedTask, LogSample, TaskShare};
use crate::model::alike::alike;
use crate::model::finding::FindingKind;
use crate::model::outcome::Failure;
use crate::model::phases::PhaseKind;
use crate::model::{TaskLife, Time};

/// The name of the whole launch, among phases.
pub const LAUNCH: &str = "launch";
/// The tasks that are named of a group of failures, and of those that are told apart.
const NAMED: usize = 3;
/// The reasons for which log lines are shown.
const SAMPLED: usize = 10;
/// So many of a group may speak for it in a trace.
const SPEAKERS: usize = 3;

/// Tasks that failed for one reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FailureGroup {
    /// The reason of one of them: the first in the alphabet.
    pub reason: String,
    /// The same, as people are told it.
    told: String,
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
        Self {
            reason: failure.description.clone(),
            told: failure.told().to_owned(),
            count: 0,
            tasks: vec![],
            sample: None,
            speakers: BTreeMap::new(),
        }
    }

    /// The reason as people are told it ([`Failure::told`]).
    pub fn told(&self) -> &str {
        &self.told
    }

    /// The tasks whose last lines may speak for all of them in a trace: who does must not depend on how many were read.
    pub fn speakers(&self) -> impl Iterator<Item = &str> {
        self.speakers.keys().map(String::as_str)
    }

    /// What the first of those that said anything last said.
    pub fn spoken(&self) -> Option<&LogSample> {
        self.speakers.values().flatten().next()
    }

    /// The lines that are shown of it, and whose they are.
    pub fn shown(&self) -> Option<&LogSample> {
        self.spoken().or(self.sample.as_ref())
    }

    /// The task to look at: the one whose lines are shown, else the first.
    pub fn to_look_at(&self) -> Option<&str> {
        self.shown().map(|said| said.task_id.as_str()).or_else(|| Some(self.tasks.first()?.as_str()))
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
                failure.told().clone_into(&mut group.told);
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

    /// Those that have failed as this task did.
    pub fn like(&self, share: &TaskShare) -> Option<&FailureGroup> {
        let failure = share.task.as_ref().and_then(|task| task.failure.as_ref());
        self.groups.get(&FailureGroup::key(failure?))
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

    /// How many of its launches run, and are not about to end.
    pub fn running(&self) -> usize {
        self.launches.iter().filter(|task| task.has_started() && task.end.is_none()).count()
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
