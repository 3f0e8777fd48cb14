//! The deployments of a service that either API or an event speaks of, and which rolls back which. Main type: [`Candidate`].

use crate::model::Time;
use crate::model::arn::last_part;
use crate::model::observation::ServiceEvent;
use crate::model::service::{DeploymentRecord, ServiceDeploymentRecord, ServiceRecord, ServiceRevisionRecord};

/// How far apart two APIs' times of one deployment may be, in nanoseconds.
const CLOSE: u64 = 60_000_000_000;
/// A rollback begins within this of the failure that it answers.
const ROLLBACK_WITHIN: u64 = 300_000_000_000;

/// A deployment that is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    /// `ecs-svc/N`.
    pub id: String,
    /// How it stands, in the API's word.
    pub status: Option<String>,
    /// When it was created.
    pub created: Option<Time>,
}

/// A deployment and all that speaks of it.
#[derive(Clone, Debug)]
pub(super) struct Candidate<'a> {
    pub(super) id: String,
    pub(super) old: Option<&'a DeploymentRecord>,
    pub(super) new: Option<&'a ServiceDeploymentRecord>,
    /// The deployment that rolls this one back.
    pub(super) rolled_back_by: Option<&'a DeploymentRecord>,
    /// The event that says so.
    pub(super) rollback_event: Option<&'a ServiceEvent>,
    /// The deployment that took its place before it was over.
    pub(super) superseded_by: Option<&'a DeploymentRecord>,
    revision: Option<&'a ServiceRevisionRecord>,
    /// For the order: when it was created, or was last heard of.
    at: Option<Time>,
}

impl Candidate<'_> {
    pub(super) fn task_definition(&self) -> Option<String> {
        let of_revision = self.revision.and_then(|revision| revision.task_definition.clone());
        self.old.and_then(|old| old.task_definition.clone()).or(of_revision)
    }

    pub(super) fn known(&self) -> Known {
        let of_set = |old: &DeploymentRecord| old.rollout_state.clone().or_else(|| old.status.clone());
        let status = self.new.and_then(|new| new.status.clone()).or_else(|| of_set(self.old?));
        Known { id: self.id.clone(), status: status.or_else(|| self.old?.status.clone()), created: self.at }
    }

    pub(super) fn is(&self, wanted: &str) -> bool {
        let number = |id: &str| last_part(id).to_owned();
        let arn = self.new.map(|new| new.arn.as_str()).unwrap_or_default();
        number(&self.id) == number(wanted) || (!arn.is_empty() && last_part(arn) == last_part(wanted))
    }
}

/// All deployments that anybody speaks of, newest first.
pub(super) fn candidates<'a>(
    service: &'a ServiceRecord,
    new: &'a [ServiceDeploymentRecord],
    revisions: &'a [ServiceRevisionRecord],
) -> Vec<Candidate<'a>> {
    let rollbacks = rollbacks(service);
    let is_rollback = |id: &str| rollbacks.iter().any(|rollback| rollback.by.is_some_and(|by| by.id == id));
    let mut all: Vec<Candidate<'a>> = vec![];
    let candidate = |id: String, at| Candidate {
        id,
        old: None,
        new: None,
        rolled_back_by: None,
        rollback_event: None,
        superseded_by: None,
        revision: None,
        at,
    };
    for old in service.deployments.iter().filter(|old| !old.id.is_empty() && !is_rollback(&old.id)) {
        all.push(Candidate { old: Some(old), ..candidate(old.id.clone(), old.created) });
    }
    for new in new {
        let number = new.target_revision.as_deref().map(last_part).unwrap_or_default();
        let id = format!("ecs-svc/{number}");
        let close = |one: &Candidate<'_>| {
            let apart = one.at.zip(new.created).map(|(a, b)| a.unix_nanos().abs_diff(b.unix_nanos()));
            one.new.is_none() && apart.is_some_and(|apart| apart <= CLOSE)
        };
        let known = all.iter().position(|one| one.id == id).or_else(|| all.iter().position(close));
        let revision = revisions.iter().find(|revision| last_part(&revision.arn) == number);
        match known.and_then(|at| all.get_mut(at)) {
            Some(one) => (one.new, one.revision) = (Some(new), revision),
            None if number.is_empty() || is_rollback(&id) => {}
            None => all.push(Candidate { new: Some(new), revision, ..candidate(id, new.created) }),
        }
    }
    // What has left both lists is still in the events, for a while.
    for event in service.events.iter().filter(|event| event.message.contains(") deployment ")) {
        for id in deployment_ids(&event.message).filter(|id| !is_rollback(id)) {
            if !all.iter().any(|one| one.id == id) {
                all.push(candidate(id.to_owned(), Some(event.at)));
            }
        }
    }
    let primary = service.deployments.iter().find(|one| one.status.as_deref() == Some("PRIMARY"));
    for one in &mut all {
        let rollback = rollbacks.iter().find(|rollback| rollback.of == one.id);
        one.rolled_back_by = rollback.and_then(|rollback| rollback.by);
        one.rollback_event = rollback.and_then(|rollback| rollback.event);
        let is_primary = primary.is_some_and(|primary| primary.id == one.id);
        let newer = primary.filter(|primary| primary.created > one.at && !is_rollback(&primary.id));
        // Two task sets stand beside each other for as long as their controller likes.
        let is_set = one.old.is_some_and(|old| old.stability.is_some());
        one.superseded_by = newer.filter(|_| !is_primary && !is_set);
    }
    all.sort_by(|a, b| (b.at, &b.id).cmp(&(a.at, &a.id)));
    all
}

/// A rollback that the old API or an event speaks of.
pub(super) struct Told<'a> {
    pub(super) of: String,
    pub(super) by: Option<&'a DeploymentRecord>,
    event: Option<&'a ServiceEvent>,
}

pub(super) fn rollbacks(service: &ServiceRecord) -> Vec<Told<'_>> {
    let says = |text: Option<&String>| text.is_some_and(|text| text.to_ascii_lowercase().contains("rolling back"));
    let mut told: Vec<Told<'_>> = vec![];
    for event in service.events.iter().filter(|event| event.message.contains("rolling back to deployment")) {
        let before = |other: &&ServiceEvent| {
            other.message.contains(") deployment failed")
                && other.at <= event.at
                && event.at.unix_nanos() - other.at.unix_nanos() <= ROLLBACK_WITHIN
        };
        let failed = service.events.iter().filter(before).max_by_key(|other| other.at);
        let Some(of) = failed.and_then(|failed| deployment_ids(&failed.message).next()) else { continue };
        // The one that the event names is rolled back *to*; a new one does it.
        let within = |at: Time| at.unix_nanos().abs_diff(event.at.unix_nanos()) <= CLOSE;
        let does = |one: &&DeploymentRecord| one.id != of && one.created.is_some_and(within);
        let by = service.deployments.iter().find(does);
        told.push(Told { of: of.to_owned(), by, event: Some(event) });
    }
    for by in service.deployments.iter().filter(|one| says(one.rollout_state_reason.as_ref())) {
        let failed = |one: &&DeploymentRecord| {
            one.id != by.id && one.rollout_state.as_deref() == Some("FAILED") && one.created <= by.created
        };
        let of = service.deployments.iter().filter(failed).max_by_key(|one| one.created);
        if let Some(of) = of.filter(|of| !told.iter().any(|known| known.of == of.id && known.by.is_some())) {
            told.retain(|known| known.of != of.id);
            told.push(Told { of: of.id.clone(), by: Some(by), event: None });
        }
    }
    told
}

/// `ecs-svc/N` wherever a text has it, in their order.
pub fn deployment_ids(text: &str) -> impl Iterator<Item = &str> {
    const PREFIX: &str = "ecs-svc/";
    text.match_indices(PREFIX).filter_map(|(at, _)| {
        let rest = text.get(at..)?;
        let number = rest.get(PREFIX.len()..)?;
        let digits = number.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(number.len());
        rest.get(..PREFIX.len() + digits).filter(|_| digits > 0)
    })
}
