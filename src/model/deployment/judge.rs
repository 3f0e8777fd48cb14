//! How a deployment stands, why, and whose word that is: the service deployments API's, else DescribeServices', an event's, the counts'.
//! Main function: `judge`.

use super::candidate::Candidate;
use crate::model::Time;
use crate::model::observation::ServiceEvent;
use crate::model::service::{DeploymentRecord, INACTIVE, STEADY, ServiceDeploymentRecord, ServiceRecord};
use crate::model::service_event::bare;

/// How a deployment stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It held.
    Held,
    /// ECS rolled it back.
    RolledBack,
    /// It failed, was stopped, or another took its place before it was over.
    Failed,
    /// It goes on, or its rollback does.
    InProgress,
}

impl State {
    /// As reports and attributes name it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Held => "held",
            Self::RolledBack => "rolled back",
            Self::Failed => "failed",
            Self::InProgress => "in progress",
        }
    }
}

/// How a deployment stands, why, and who says so.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RolloutOutcome {
    /// How it stands.
    pub state: State,
    /// Why, as it was said.
    pub reason: Option<String>,
    /// Whose word that is.
    pub said_by: &'static str,
}

impl RolloutOutcome {
    /// Why, as people are told it.
    pub fn why(&self) -> Option<&str> {
        self.reason.as_deref().map(bare)
    }
}

/// When a deployment was over, and how that is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Finish {
    /// When.
    pub at: Time,
    /// How it is known: `service deployment`, `service event`, `deployment updated`, `next deployment`.
    pub source: &'static str,
}

/// The rollback of a deployment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rollback {
    /// When it began.
    pub started: Option<Time>,
    /// When it was over.
    pub finished: Option<Time>,
    /// Why, as it was said.
    pub reason: Option<String>,
    /// The id of the deployment that does it, where the old API is asked.
    pub deployment: Option<String>,
}

impl Rollback {
    /// Why, as people are told it.
    pub fn why(&self) -> Option<&str> {
        self.reason.as_deref().map(bare)
    }
}

/// When an event says that a deployment was `what`: `completed`, `failed`.
fn event_of(events: &[ServiceEvent], id: &str, what: &str) -> Option<Time> {
    let about = format!("(deployment {id}) deployment {what}");
    events.iter().filter(|event| event.message.contains(&about)).map(|event| event.at).min()
}

/// The rollback of a deployment, as far as anybody speaks of one.
pub(super) fn rollback(service: &ServiceRecord, found: &Candidate<'_>) -> Option<Rollback> {
    let by = found.rolled_back_by;
    let finished_by = by.and_then(|by| {
        let completed = by.rollout_state.as_deref() == Some("COMPLETED");
        event_of(&service.events, &by.id, "completed").or(by.updated.filter(|_| completed))
    });
    if let Some(new) = found.new {
        let status = new.status.as_deref().unwrap_or_default();
        if new.rollback.is_none() && !status.starts_with("ROLLBACK") {
            return None;
        }
        let said = new.rollback.as_ref();
        return Some(Rollback {
            started: said.and_then(|said| said.started).or_else(|| by?.created),
            finished: new.finished.or(finished_by),
            reason: said.and_then(|said| said.reason.clone()).or_else(|| new.status_reason.clone()),
            deployment: by.map(|by| by.id.clone()),
        });
    }
    let event = found.rollback_event;
    by.is_some().then(Rollback::default).or(event.map(|_| Rollback::default())).map(|_| Rollback {
        started: by.and_then(|by| by.created).or_else(|| event.map(|event| event.at)),
        finished: finished_by,
        reason: event.map(|event| event.message.clone()).or_else(|| by?.rollout_state_reason.clone()),
        deployment: by.map(|by| by.id.clone()),
    })
}

const NEW_API: &str = "the status of the service deployment";
pub(super) const SERVICE_STATUS: &str = "status of DescribeServices";
const OLD_API: &str = "rolloutState of DescribeServices";
const EVENT: &str = "a service event";
const COUNTS: &str = "the counts of DescribeServices: this service's deployments have no rolloutState";
pub(super) const TASK_SET: &str = "status and stability of its task set in DescribeServices";
pub(super) const NEXT: &str = "the next deployment, which took its place";

pub(super) fn judge(
    service: &ServiceRecord,
    found: &Candidate<'_>,
    rollback: Option<&Rollback>,
) -> (RolloutOutcome, Option<Finish>) {
    if let Some(new) = found.new {
        return judge_new(new);
    }
    let finish = |at: Option<Time>, source| at.map(|at| Finish { at, source });
    let events = &service.events;
    let failed = event_of(events, &found.id, "failed");
    let completed = event_of(events, &found.id, "completed");
    let told_failed = || failed.and_then(|at| events.iter().find(|e| e.at == at && e.message.contains(&found.id)));
    let failure_reason = || {
        let own = found.old.filter(|old| old.rollout_state.as_deref() == Some("FAILED"));
        let own = own.and_then(|old| old.rollout_state_reason.clone());
        own.or_else(|| told_failed().map(|event| event.message.clone()))
    };
    if let Some(rollback) = rollback {
        let by = found.rolled_back_by;
        let state = match (rollback.finished, by.and_then(|by| by.rollout_state.as_deref())) {
            (_, Some("FAILED")) => State::Failed,
            (Some(_), _) | (None, None) => State::RolledBack,
            (None, Some(_)) => State::InProgress,
        };
        let said_by = found.old.map_or(EVENT, |old| old.told_by.unwrap_or(OLD_API));
        let over = rollback.finished.or_else(|| rollback.started.filter(|_| by.is_none()));
        let over = over.or_else(|| by?.updated).filter(|_| state != State::InProgress);
        return (RolloutOutcome { state, reason: failure_reason(), said_by }, finish(over, "service event"));
    }
    let Some(old) = found.old else {
        return match (completed, failed) {
            (Some(at), _) => {
                (RolloutOutcome { state: State::Held, reason: None, said_by: EVENT }, finish(Some(at), "service event"))
            }
            (None, at) => (
                RolloutOutcome { state: State::Failed, reason: failure_reason(), said_by: EVENT },
                finish(at, "service event"),
            ),
        };
    };
    if let Some(stability) = old.stability.as_deref() {
        return judge_task_set(service, old, stability);
    }
    let reason = old.rollout_state_reason.clone();
    let said_by = old.told_by.unwrap_or(OLD_API);
    let from = |event: Option<Time>| finish(event, "service event").or(finish(old.updated, "deployment updated"));
    match old.rollout_state.as_deref() {
        Some("COMPLETED") => (RolloutOutcome { state: State::Held, reason, said_by }, from(completed)),
        Some("FAILED") => (RolloutOutcome { state: State::Failed, reason, said_by }, from(failed)),
        state if found.superseded_by.is_some() => {
            let next = found.superseded_by.map(|next| format!("{} took its place before it was over", next.id));
            let at = found.superseded_by.and_then(|next| next.created);
            let outcome = RolloutOutcome { state: State::Failed, reason: next, said_by: NEXT };
            let _ = state;
            (outcome, finish(at, "next deployment"))
        }
        Some(_) => (RolloutOutcome { state: State::InProgress, reason, said_by }, None),
        None if counts_are_full(service, old) => (
            RolloutOutcome { state: State::Held, reason: None, said_by: COUNTS },
            finish(old.updated, "deployment updated"),
        ),
        None => (RolloutOutcome { state: State::InProgress, reason: None, said_by: COUNTS }, None),
    }
}

/// The task set that has the traffic, where it is another one; of ECS's own deployments none stands beside another so.
pub(super) fn primary_beside<'a>(service: &'a ServiceRecord, own: &DeploymentRecord) -> Option<&'a DeploymentRecord> {
    let is_it = |one: &&DeploymentRecord| one.status.as_deref() == Some("PRIMARY") && one.id != own.id;
    service.deployments.iter().find(is_it).filter(|_| own.stability.is_some())
}

/// A task set has held when the traffic is its own and all its tasks run. Which one gets the traffic is decided elsewhere: by CodeDeploy, or
/// whoever the controller is.
fn judge_task_set(
    service: &ServiceRecord,
    own: &DeploymentRecord,
    stability: &str,
) -> (RolloutOutcome, Option<Finish>) {
    let status = own.status.as_deref().unwrap_or("of unknown status");
    let primary = primary_beside(service, own);
    let is_steady = stability == STEADY;
    let (state, reason) = match (status, primary) {
        ("PRIMARY", _) if is_steady => (State::Held, None),
        ("DRAINING", Some(primary)) if primary.created < own.created => {
            (State::RolledBack, Some(format!("its task set is DRAINING, and the earlier {} is PRIMARY", primary.id)))
        }
        ("DRAINING", Some(_)) if is_steady => (State::Held, None),
        ("DRAINING", Some(primary)) => {
            (State::Failed, Some(format!("{} took its place before it was steady", primary.id)))
        }
        ("DRAINING", None) => (State::Failed, Some("its task set is DRAINING, and none is PRIMARY".to_owned())),
        _ => (State::InProgress, Some(format!("its task set is {status} and {stability}"))),
    };
    let finished = own.updated.filter(|_| state != State::InProgress);
    (RolloutOutcome { state, reason, said_by: TASK_SET }, finished.map(|at| Finish { at, source: "task set updated" }))
}

/// Why a service serves nobody, whatever became of its deployments.
pub(super) fn deleted(service: &ServiceRecord) -> Option<&'static str> {
    match service.status.as_deref()? {
        "DRAINING" => Some("the service is DRAINING: it is being deleted"),
        INACTIVE => Some("the service is INACTIVE: it was deleted"),
        _ => None,
    }
}

fn judge_new(new: &ServiceDeploymentRecord) -> (RolloutOutcome, Option<Finish>) {
    let state = match new.status.as_deref().unwrap_or_default() {
        "SUCCESSFUL" => State::Held,
        "ROLLBACK_SUCCESSFUL" => State::RolledBack,
        "ROLLBACK_FAILED" | "STOPPED" => State::Failed,
        _ => State::InProgress,
    };
    let reason = match new.status.as_deref() {
        Some("STOPPED") => Some(new.status_reason.clone().unwrap_or_else(|| "it was stopped".to_owned())),
        _ => new.status_reason.clone(),
    };
    let finished = new.finished.filter(|_| state != State::InProgress);
    let outcome = RolloutOutcome { state, reason, said_by: new.told_by.unwrap_or(NEW_API) };
    (outcome, finished.map(|at| Finish { at, source: "service deployment" }))
}

/// As many run as are wanted, and only this deployment's: what COMPLETED means where nobody says it.
fn counts_are_full(service: &ServiceRecord, old: &DeploymentRecord) -> bool {
    service.deployments.len() == 1 && old.desired.is_some() && old.running == old.desired && old.pending == Some(0)
}
