//! What ECS says of one deployment, from whichever of its two APIs says more. Main type: [`Deployment`].

use std::collections::BTreeSet;
use std::time::Duration;

use super::candidate::Candidate;
use super::judge::{self, Finish, NEXT, Rollback, RolloutOutcome, SERVICE_STATUS, State, TASK_SET};
use crate::model::Time;
use crate::model::action::{self, ActionRecord};
use crate::model::around::Around;
use crate::model::observation::{ServiceEvent, TaskRecord};
use crate::model::service::{CircuitBreaker, Hook, ServiceRecord};
use crate::model::service_event::task_ids;

/// What ECS says of a deployment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deployment {
    /// `clusterArn`.
    pub cluster_arn: String,
    /// `serviceName`.
    pub service: String,
    /// `serviceArn`.
    pub service_arn: Option<String>,
    /// `ecs-svc/N`: the `startedBy` of its tasks.
    pub id: String,
    /// `serviceDeploymentArn`.
    pub arn: Option<String>,
    /// The task definition that it rolls out.
    pub task_definition: Option<String>,
    /// The one that it takes the place of, as long as that is listed beside it.
    pub definition_before: Option<String>,
    /// When it was created; `None` where nobody says, until [`Deployment::estimate_created`].
    pub created: Option<Time>,
    /// `created` is the time of its first task.
    pub created_estimated: bool,
    /// When ECS began with it; new API only.
    pub started: Option<Time>,
    /// When it was over.
    pub finished: Option<Finish>,
    /// How it stands, or ended.
    pub outcome: RolloutOutcome,
    /// Why it serves nobody whatever it came to: its service is being deleted, or was.
    pub deleted: Option<&'static str>,
    /// The one that took its place before it was over.
    pub superseded_by: Option<String>,
    /// Its rollback.
    pub rollback: Option<Rollback>,
    /// `desiredCount`.
    pub desired: Option<i64>,
    /// `runningCount`.
    pub running: Option<i64>,
    /// `failedTasks`, or the circuit breaker's count.
    pub failed_tasks: Option<i64>,
    /// The stage that it is in; new API only.
    pub stage: Option<String>,
    /// The circuit breaker; new API only.
    pub circuit_breaker: Option<CircuitBreaker>,
    /// Its hooks in the stage that it is in; new API only.
    pub hooks: Vec<Hook>,
    /// How it is rolled out: `ROLLING`, `BLUE_GREEN`, `LINEAR`, `CANARY`, where that is said.
    pub strategy: Option<String>,
    /// The service's target groups.
    pub target_groups: Vec<String>,
    /// The alarms that went off; new API only.
    pub triggered_alarms: Vec<String>,
    /// The service's events until it was over, oldest first.
    pub(super) all_events: Vec<ServiceEvent>,
    /// What events and the action log say of it, oldest first.
    pub actions: Vec<ActionRecord>,
    /// ECS keeps a hundred events, and the first of this deployment may have been dropped.
    pub events_cut: bool,
    /// The tasks, in lower case, that events name as started, and as stopped, to balance the zones.
    pub(super) rebalanced: [BTreeSet<String>; 2],
}

/// What is told so long after a deployment was over – before it was first heard of – may still be of it.
const TOLD_AROUND: Duration = Duration::from_secs(60);

impl Deployment {
    /// What its ids are made of: `CLUSTER_ARN|SERVICE_NAME|ecs-svc/N`.
    pub fn identity(&self) -> String {
        format!("{}|{}|{}", self.cluster_arn, self.service, self.id)
    }

    /// The cluster's name.
    pub fn cluster(&self) -> &str {
        crate::model::arn::last_part(&self.cluster_arn)
    }

    /// Whether nothing of it is still to come.
    pub const fn is_over(&self) -> bool {
        !matches!(self.outcome.state, State::InProgress)
    }

    /// What whoever asks now is told: what held, or goes on, is gone with its service. Its trace tells how it ended.
    pub const fn standing(&self) -> State {
        match (self.outcome.state, self.deleted) {
            (State::Held | State::InProgress, Some(_)) => State::Failed,
            (state, _) => state,
        }
    }

    /// What goes on that its launches do not show: a rollback and why, a task set that waits for its controller.
    pub fn course(&self) -> Option<String> {
        match &self.rollback {
            _ if self.is_over() => None,
            Some(rollback) => {
                // An event that only says so is no reason.
                let is_why = |why: &&str| !why.contains("rolling back");
                let why = rollback.why().filter(is_why).or(self.outcome.why());
                Some(why.map_or_else(|| "rolling back".to_owned(), |why| format!("rolling back: {why}")))
            }
            None => self.outcome.reason.clone().filter(|_| self.is_task_set()),
        }
    }

    /// Whether it is a task set: ECS deploys it as somebody else says.
    pub fn is_task_set(&self) -> bool {
        self.outcome.said_by == TASK_SET
    }

    /// Whose word that is.
    pub fn standing_said_by(&self) -> &'static str {
        if self.standing() == self.outcome.state { self.outcome.said_by } else { SERVICE_STATUS }
    }

    /// The service's events while it went on, oldest first.
    pub fn events(&self) -> impl Iterator<Item = &ServiceEvent> {
        self.all_events.iter().filter(|event| self.created.is_none_or(|created| event.at >= created))
    }

    /// From when until when whoever tells of it does so; `None`: nobody knows when it was.
    pub fn told_within(&self) -> Option<(Time, Option<Time>)> {
        let from = self.created.or_else(|| Some(self.all_events.first()?.at.minus(TOLD_AROUND)));
        // Whoever tells of the end may do so a little later.
        Some((from?, self.finished.map(|finish| finish.at.plus(TOLD_AROUND))))
    }

    /// Takes in what events and the action log say of the service while it went on.
    pub fn hear(&mut self, actions: Vec<ActionRecord>) {
        let (from, to) = self.told_within().unzip();
        let own = action::of_service(actions, &self.service);
        self.actions = action::of_deployment(&own, &self.id, self.arn.as_deref(), (from, to.flatten()));
    }

    /// What the service says around a task of it.
    pub fn around(&self, task: &TaskRecord) -> Around {
        Around::new(task, &self.target_groups, &self.all_events)
    }

    /// Takes over what an earlier answer said and this one no longer does.
    pub fn remember(&mut self, earlier: &Self) {
        // Its tasks bear the id of the first answer.
        self.id.clone_from(&earlier.id);
        self.arn = self.arn.take().or_else(|| earlier.arn.clone());
        self.created = self.created.or(earlier.created);
        self.task_definition = self.task_definition.take().or_else(|| earlier.task_definition.clone());
        self.desired = self.desired.or(earlier.desired);
        self.failed_tasks = self.failed_tasks.or(earlier.failed_tasks);
        self.definition_before = self.definition_before.take().or_else(|| earlier.definition_before.clone());
    }

    /// What became of a deployment that nobody speaks of any more although it was not over: another has its place. It was
    /// rolled back when that had begun.
    pub fn vanished(&mut self, service: &ServiceRecord) {
        let next = service.deployments.iter().find(|one| one.status.as_deref() == Some("PRIMARY"));
        let goes_on = next.is_some_and(|next| next.rollout_state.as_deref() == Some("IN_PROGRESS"));
        let name = next.map_or("another", |next| next.id.as_str());
        match &mut self.rollback {
            Some(_) if goes_on => {}
            Some(rollback) => {
                rollback.finished = next.and_then(|next| next.updated);
                self.finished = rollback.finished.map(|at| Finish { at, source: "deployment updated" });
                self.outcome = RolloutOutcome { state: State::RolledBack, said_by: NEXT, ..self.outcome.clone() };
            }
            None => {
                let at = next.and_then(|next| next.created);
                self.superseded_by = next.map(|next| next.id.clone());
                self.finished = at.map(|at| Finish { at, source: "next deployment" });
                let reason = format!("{name} took its place before it was over: it was rolled back or replaced");
                self.outcome = RolloutOutcome { state: State::Failed, reason: Some(reason), said_by: NEXT };
            }
        }
    }

    /// Sets the start of a deployment of which ECS only remembers the end: its first task was created then.
    pub fn estimate_created(&mut self, first_task: Time) {
        if self.created.is_none_or(|created| self.created_estimated && first_task < created) {
            self.created = Some(first_task);
            self.created_estimated = true;
        }
    }

    pub(super) fn new(service: &ServiceRecord, found: &Candidate<'_>) -> Self {
        let (old, new) = (found.old, found.new);
        let rollback = judge::rollback(service, found);
        let (outcome, finished) = judge::judge(service, found, rollback.as_ref());
        let superseded_by = found.superseded_by.or_else(|| judge::primary_beside(service, old?));
        let superseded_by = superseded_by.filter(|_| outcome.state == State::Failed && rollback.is_none());
        let created = new.and_then(|new| new.created).or_else(|| old?.created);
        let breaker = new.and_then(|new| new.circuit_breaker.clone());
        let failed = breaker.as_ref().and_then(|breaker| breaker.failures).filter(|count| *count > 0);
        let in_time = |event: &&ServiceEvent| finished.is_none_or(|to| event.at <= to.at);
        let mut events: Vec<ServiceEvent> = service.events.iter().filter(in_time).cloned().collect();
        events.sort();
        let oldest = service.events.iter().map(|event| event.at).min();
        let mut deployment = Self {
            cluster_arn: service.cluster_arn.clone().unwrap_or_else(|| "default".to_owned()),
            service: service.name.clone(),
            service_arn: service.arn.clone(),
            id: found.id.clone(),
            arn: new.map(|new| new.arn.clone()).filter(|arn| !arn.is_empty()),
            task_definition: found.task_definition(),
            definition_before: definition_before(service, &found.id),
            created,
            created_estimated: false,
            started: new.and_then(|new| new.started),
            finished,
            outcome,
            deleted: judge::deleted(service),
            superseded_by: superseded_by.map(|next| next.id.clone()),
            rollback,
            desired: old.and_then(|old| old.desired),
            running: old.and_then(|old| old.running),
            failed_tasks: failed.or_else(|| old?.failed),
            stage: new.and_then(|new| new.stage.clone()),
            circuit_breaker: breaker,
            hooks: new.map_or_else(Vec::new, |new| new.hooks.clone()),
            strategy: new.and_then(|new| new.strategy.clone()).or_else(|| service.strategy.clone()),
            target_groups: service.target_groups.clone(),
            triggered_alarms: new.map_or_else(Vec::new, |new| new.triggered_alarms.clone()),
            all_events: events,
            actions: vec![],
            events_cut: service.events.len() >= 100 && oldest.zip(created).is_none_or(|(oldest, from)| oldest > from),
            rebalanced: rebalanced(&service.events),
        };
        deployment.hear(service.actions.clone());
        deployment
    }
}

/// The task definition of the deployment before this one, where DescribeServices lists both.
fn definition_before(service: &ServiceRecord, id: &str) -> Option<String> {
    let own = service.deployments.iter().find(|one| one.id == id)?;
    let earlier = service.deployments.iter().filter(|one| one.created < own.created);
    earlier.max_by_key(|one| one.created)?.task_definition.clone()
}

/// Whether a text of ECS speaks of balancing the zones.
pub(super) fn names_rebalancing(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    text.contains("az rebalanc")
        || text.contains("availability zone rebalanc")
        || text.contains("availabilityzonerebalanc")
}

/// The tasks, in lower case, that events about that name as started, and as stopped.
fn rebalanced(events: &[ServiceEvent]) -> [BTreeSet<String>; 2] {
    let about = |verb: &str| {
        let of_verb = |event: &&ServiceEvent| names_rebalancing(&event.message) && event.message.contains(verb);
        let named = events.iter().filter(of_verb).flat_map(|event| task_ids(&event.message));
        named.map(str::to_lowercase).collect()
    };
    [about("has started"), about("has stopped")]
}
