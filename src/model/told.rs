//! Services and deployments as events and the action log tell of them, put beside what the APIs say. Pure. Main functions:
//! [`add_to`], [`services`].

use std::collections::BTreeMap;

use super::action::{ActionRecord, rolls_back};
use super::arn::{Arn, last_part};
use super::service::{DeploymentRecord, ServiceDeploymentRecord, ServiceRecord};

const DEPLOYMENT: &str = "SERVICE_DEPLOYMENT_";

/// Puts what actions say of deployments beside what the APIs said: deployments that these no longer know (or have not been asked about), and
/// the ends of those that went on when they were.
pub fn add_to(service: &mut ServiceRecord, deployments: &mut Vec<ServiceDeploymentRecord>) {
    let actions = service.actions.clone();
    for action in actions.iter().filter(|action| action.name.starts_with(DEPLOYMENT)) {
        let status = action.name.strip_prefix(DEPLOYMENT).unwrap_or_default();
        let named = action.deployment.as_deref();
        if named.is_some_and(|id| id.starts_with("ecs-svc/")) {
            if ["IN_PROGRESS", "COMPLETED", "FAILED"].contains(&status) {
                of_old_api(service, action, status);
            }
        } else if named.is_some() || action.revision.is_some() {
            const KNOWN: [&str; 9] = [
                "PENDING",
                "IN_PROGRESS",
                "SUCCESSFUL",
                "STOP_REQUESTED",
                "STOPPED",
                "ROLLBACK_REQUESTED",
                "ROLLBACK_IN_PROGRESS",
                "ROLLBACK_SUCCESSFUL",
                "ROLLBACK_FAILED",
            ];
            if KNOWN.contains(&status) {
                of_new_api(deployments, action, status);
            }
        }
    }
    let is_primary = |one: &DeploymentRecord| one.status.as_deref() == Some("PRIMARY");
    if !service.deployments.iter().any(is_primary)
        && let Some(newest) = service.deployments.iter_mut().max_by_key(|one| one.created)
    {
        newest.status = Some("PRIMARY".to_owned());
    }
}

fn of_old_api(service: &mut ServiceRecord, action: &ActionRecord, status: &str) {
    let id = action.deployment.clone().unwrap_or_default();
    let told_by = Some(action.source.told_by());
    match service.deployments.iter_mut().find(|one| one.id == id) {
        Some(known) => {
            let is_later = known.updated.is_none_or(|updated| action.at >= updated);
            if is_later && known.rollout_state.as_deref().is_none_or(|state| state == "IN_PROGRESS") {
                known.rollout_state = Some(status.to_owned());
                // That it rolls another back stays what there is to know of it.
                let own = known.rollout_state_reason.take();
                let says_more = own.as_deref().is_some_and(rolls_back) && status == "COMPLETED";
                known.rollout_state_reason = if says_more { own } else { action.reason.clone().or(own) };
                known.updated = Some(action.at);
                known.told_by = told_by;
            }
        }
        None => service.deployments.push(DeploymentRecord {
            id,
            // Who hears of an end alone does not know the beginning.
            created: Some(action.at).filter(|_| status == "IN_PROGRESS"),
            updated: Some(action.at),
            rollout_state: Some(status.to_owned()),
            rollout_state_reason: action.reason.clone(),
            told_by,
            ..DeploymentRecord::default()
        }),
    }
}

fn of_new_api(deployments: &mut Vec<ServiceDeploymentRecord>, action: &ActionRecord, status: &str) {
    let is_end = matches!(status, "SUCCESSFUL" | "STOPPED" | "ROLLBACK_SUCCESSFUL" | "ROLLBACK_FAILED");
    let told_by = Some(action.source.told_by());
    let finished = Some(action.at).filter(|_| is_end);
    let is_same = |one: &&mut ServiceDeploymentRecord| match (&action.deployment, &action.revision) {
        (Some(arn), _) => last_part(&one.arn) == last_part(arn),
        (None, revision) => one.target_revision.as_deref().map(last_part) == revision.as_deref().map(last_part),
    };
    match deployments.iter_mut().find(is_same) {
        Some(known) if known.finished.is_none() => {
            known.status = Some(status.to_owned());
            known.status_reason = action.reason.clone().or(known.status_reason.take());
            known.finished = finished;
            known.told_by = told_by;
        }
        Some(_) => {}
        None => deployments.push(ServiceDeploymentRecord {
            arn: action.deployment.clone().unwrap_or_default(),
            service_arn: action.service.clone().filter(|service| service.starts_with("arn:")),
            cluster_arn: action.cluster.clone(),
            target_revision: action.revision.clone(),
            created: Some(action.at).filter(|_| !is_end),
            finished,
            status: Some(status.to_owned()),
            status_reason: action.reason.clone(),
            told_by,
            ..ServiceDeploymentRecord::default()
        }),
    }
}

/// The services that actions alone speak of.
pub fn services(actions: &[ActionRecord]) -> Vec<ServiceRecord> {
    let mut found: BTreeMap<(String, Option<String>), ServiceRecord> = BTreeMap::new();
    for action in actions {
        let Some(name) = action.service_name() else { continue };
        let service = action.service.as_deref().and_then(Arn::parse);
        let of_arn = service.and_then(|arn| {
            let (_, place) = arn.resource.split_once('/')?;
            let (cluster, _) = place.split_once('/')?;
            Some(format!("arn:{}:ecs:{}:{}:cluster/{cluster}", arn.partition, arn.region, arn.account))
        });
        let cluster = action.cluster.clone().or(of_arn);
        let key = (name.to_owned(), cluster.as_deref().map(|cluster| last_part(cluster).to_owned()));
        let arn = action.service.clone().filter(|_| service.is_some());
        let record = found.entry(key).or_insert_with(|| ServiceRecord {
            origin: action.origin.clone(),
            name: name.to_owned(),
            cluster_arn: cluster,
            ..ServiceRecord::default()
        });
        record.arn = record.arn.take().or(arn);
    }
    found.into_values().collect()
}
