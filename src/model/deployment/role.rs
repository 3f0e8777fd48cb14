//! What a task of the service has to do with one of its deployments. Main type: [`Role`].
//!
//! Told by `startedBy` and by time: a task of the deployment that was created before it was over is a launch of its; one
//! that was created later replaces another or scales the service out. Rebalancing over availability zones is told by the
//! service's events, which name the tasks, and by the reason why a task stopped.

use super::facts::Deployment;
use super::judge::State;
use crate::model::Time;
use crate::model::observation::TaskRecord;
use crate::model::outcome::{Outcome, StopCause};

/// What a task has to do with a deployment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// The deployment started it.
    Launch,
    /// A task of an earlier deployment, which this one stopped.
    Stop,
    /// A task of another deployment that ended by itself meanwhile.
    EndedMeanwhile,
    /// The rollback started it.
    RollbackLaunch,
    /// The scheduler started it when the deployment was over: to replace another, or to scale out.
    Replacement,
    /// Started or stopped to balance the availability zones.
    Rebalancing,
    /// Of another deployment, at another time.
    Elsewhere,
}

impl Role {
    /// As reports name it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Launch => "launch",
            Self::Stop => "stop",
            Self::EndedMeanwhile => "ended meanwhile",
            Self::RollbackLaunch => "rollback launch",
            Self::Replacement => "replacement",
            Self::Rebalancing => "rebalancing",
            Self::Elsewhere => "elsewhere",
        }
    }
}

/// How a task that the deployment started came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum End {
    /// It failed.
    Failed,
    /// It failed when the deployment was over.
    FailedLater,
    /// The rollback stopped it.
    RolledBack,
    /// The scheduler stopped it when the deployment was over.
    ScaledIn,
    /// It was moved to another availability zone.
    Rebalanced,
    /// Something else ended it.
    Other,
}

impl End {
    /// As reports and attributes name it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Failed => "failed",
            Self::FailedLater => "failed later",
            Self::RolledBack => "rolled back",
            Self::ScaledIn => "scaled in",
            Self::Rebalanced => "rebalanced",
            Self::Other => "other",
        }
    }
}

impl Deployment {
    /// What a task has to do with this deployment.
    pub fn role(&self, task: &TaskRecord) -> Role {
        let started_by = task.started_by.as_deref().unwrap_or_default();
        let created = task.times.created;
        let is_over_by = |at: Option<Time>| self.finished.is_some_and(|finish| at.is_some_and(|at| at > finish.at));
        let [started, stopped] = &self.rebalanced;
        let id = task.id.to_lowercase();
        if started.contains(&id) {
            return Role::Rebalancing;
        }
        if started_by == self.id {
            return if is_over_by(created) { Role::Replacement } else { Role::Launch };
        }
        let rollback = self.rollback.as_ref();
        let is_rollbacks = rollback.is_some_and(|rollback| rollback.deployment.as_deref() == Some(started_by));
        let is_within = |at: Time| self.created.is_some_and(|created| at >= created) && !is_over_by(Some(at));
        if is_rollbacks && created.is_some_and(is_within) {
            return Role::RollbackLaunch;
        }
        // Tasks of later deployments are none of this one's business, however they end.
        let is_older = created.zip(self.created).is_none_or(|(task, own)| task < own);
        if !stop_began(task).is_some_and(|at| is_older && is_within(at)) {
            return Role::Elsewhere;
        }
        match StopCause::of(task) {
            _ if says_rebalancing(task) || stopped.contains(&id) => Role::Rebalancing,
            // The scheduler also stops what fails its health checks: that is no rollout.
            StopCause::Scheduler if Outcome::new(task, None).failure.is_none() => Role::Stop,
            _ => Role::EndedMeanwhile,
        }
    }

    /// Whether a task may be of this deployment and does not say so: what saved it has left out who started it. What is of no service is of
    /// no deployment.
    pub fn cannot_tell(&self, task: &TaskRecord) -> bool {
        let is_older = task.times.created.zip(self.created).is_some_and(|(task, own)| task < own);
        let may_be_services = task.service().is_some() || task.group.is_none();
        task.started_by.is_none() && may_be_services && !is_older && self.role(task) == Role::Elsewhere
    }

    /// How a task that this deployment started came to its end; `failed` is the task's own outcome.
    pub(super) fn end(&self, task: &TaskRecord, failed: bool) -> Option<End> {
        let began = stop_began(task)?;
        let rolled_back = self.rollback.as_ref().is_some_and(|rollback| rollback.started.is_none_or(|at| began >= at));
        let is_over = self.finished.is_some_and(|finish| began > finish.at);
        Some(match StopCause::of(task) {
            _ if says_rebalancing(task) => End::Rebalanced,
            _ if self.rebalanced[1].contains(&task.id.to_lowercase()) => End::Rebalanced,
            _ if failed && is_over => End::FailedLater,
            _ if failed => End::Failed,
            StopCause::Scheduler if is_over && self.outcome.state == State::Held => End::ScaledIn,
            StopCause::Scheduler if rolled_back => End::RolledBack,
            StopCause::Scheduler if is_over => End::ScaledIn,
            _ => End::Other,
        })
    }
}

/// When the end of a task began.
fn stop_began(task: &TaskRecord) -> Option<Time> {
    let times = &task.times;
    [times.stopping, times.execution_stopped, times.stopped].into_iter().flatten().min()
}

/// Whether the reason why a task stopped is the balance of the zones.
fn says_rebalancing(task: &TaskRecord) -> bool {
    task.stopped_reason.as_deref().is_some_and(super::facts::names_rebalancing)
}
