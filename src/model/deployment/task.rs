//! What is kept of each task of a deployment, so that thousands fit. Main types: [`DeployedTask`], [`TaskShare`].

use std::collections::BTreeMap;
use std::time::Duration;

use super::facts::Deployment;
use super::role::{End, Role};
use crate::model::container::Container;
use crate::model::finding::FindingKind;
use crate::model::log::{ContainerLog, LogLine};
use crate::model::observation::TaskTimes;
use crate::model::outcome::Failure;
use crate::model::phases::{Phase, PhaseKind, Phases};
use crate::model::{TaskLife, Time};

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

    /// Whether some container of it has run: of others there are no lines.
    pub fn has_run(&self) -> bool {
        self.has_started() || self.containers.iter().any(|one| one.exit_code.is_some() || one.log.is_some())
    }

    /// Whether it failed while the deployment went on.
    pub fn has_failed(&self) -> bool {
        self.end == Some(End::Failed)
    }

    pub(super) fn lengths(&self) -> impl Iterator<Item = (PhaseKind, Duration)> {
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

/// What one task adds to a deployment: all that is kept of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskShare {
    pub(super) id: String,
    /// Why it is not counted, or not only.
    pub(super) apart: Option<&'static str>,
    pub(super) findings: Vec<(FindingKind, String)>,
    /// The task, where the rollout launched or stopped it.
    pub(super) task: Option<DeployedTask>,
    pub(super) definition: Option<String>,
    pub(super) sample: Option<LogSample>,
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
        let before = earlier.task.iter().flat_map(|task| &task.containers);
        let mut said: BTreeMap<_, _> = before.map(|one| (one.name.as_str(), &one.log)).collect();
        for own in self.task.iter_mut().flat_map(|task| &mut task.containers).filter(|own| own.log.is_none()) {
            own.log = said.remove(own.name.as_str()).cloned().flatten();
        }
    }

    /// Its last lines, where it failed and they were read.
    pub const fn sample(&self) -> Option<&LogSample> {
        self.sample.as_ref()
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
