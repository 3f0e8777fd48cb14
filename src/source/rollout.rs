//! From answers about services and their deployments to records: for saved files and for live answers alike.

use super::answer;
use super::error::ReadError;
use super::json::At;
use crate::model::service::{
    CircuitBreaker, DeploymentRecord, Hook, RollbackRecord, STEADY, ServiceDeploymentRecord, ServiceRecord,
    ServiceRevisionRecord,
};

/// The services of a DescribeServices answer that say their name.
#[cfg(feature = "aws")]
pub(crate) fn services(answer: &At<'_>) -> Result<Vec<ServiceRecord>, ReadError> {
    let named = answer.list("services").into_iter().filter(|at| at.has("serviceName") || at.has("serviceArn"));
    named.map(|at| service(&at)).collect()
}

/// A service. Of some of its fields (`--query`) the events may be all that says its name; without them it has none.
pub(crate) fn service(at: &At<'_>) -> Result<ServiceRecord, ReadError> {
    let arn = at.text("serviceArn").or_else(|| at.text("arn").filter(|arn| arn.contains(":service/")));
    let events = answer::service_events(&at.list("events"))?;
    let name = at.text("serviceName").or_else(|| arn.as_deref()?.rsplit('/').next().map(str::to_owned));
    let name = name.or_else(|| at.text("name")).or_else(|| events.iter().find_map(|event| named_by(&event.message)));
    Ok(ServiceRecord {
        origin: at.place.to_string(),
        name: name.unwrap_or_default(),
        cluster_arn: at.text("clusterArn").or_else(|| cluster_of(arn.as_deref()?)),
        arn,
        status: at.text("status"),
        controller: at.get("deploymentController").and_then(|controller| controller.text("type")),
        target_groups: at.list("loadBalancers").iter().filter_map(|at| at.text("targetGroupArn")).collect(),
        strategy: strategy(at),
        // A service has either.
        deployments: match at.list("deployments") {
            none if none.is_empty() => at.list("taskSets").iter().map(task_set).collect::<Result<_, _>>()?,
            deployments => deployments.iter().map(deployment).collect::<Result<_, _>>()?,
        },
        events,
        actions: vec![],
    })
}

/// The service that a list of deployments is of; its name is not in it.
pub(crate) fn service_of(deployments: &At<'_>) -> Result<ServiceRecord, ReadError> {
    Ok(ServiceRecord {
        origin: deployments.place.to_string(),
        deployments: deployments.elements().iter().map(deployment).collect::<Result<_, _>>()?,
        ..ServiceRecord::default()
    })
}

fn strategy(at: &At<'_>) -> Option<String> {
    at.get("deploymentConfiguration").and_then(|configuration| configuration.text("strategy"))
}

/// The cluster's ARN, as that of its service has it: older ones name no cluster.
fn cluster_of(service: &str) -> Option<String> {
    let (account, place) = service.split_once(":service/")?;
    let (cluster, _) = place.split_once('/')?;
    Some(format!("{account}:cluster/{cluster}"))
}

/// `(service NAME) has …`.
fn named_by(message: &str) -> Option<String> {
    let (name, _) = message.strip_prefix("(service ")?.split_once([')', ','])?;
    Some(name.to_owned())
}

fn deployment(at: &At<'_>) -> Result<DeploymentRecord, ReadError> {
    Ok(DeploymentRecord {
        id: at.text("id").unwrap_or_default(),
        status: at.text("status"),
        task_definition: at.text("taskDefinition"),
        desired: at.integer("desiredCount"),
        running: at.integer("runningCount"),
        pending: at.integer("pendingCount"),
        failed: at.integer("failedTasks"),
        created: at.time("createdAt")?,
        updated: at.time("updatedAt")?,
        stability: None,
        rollout_state: at.text("rolloutState"),
        rollout_state_reason: at.text("rolloutStateReason"),
        told_by: None,
    })
}

/// A task set: its tasks' `startedBy` is its id, as a deployment's.
fn task_set(at: &At<'_>) -> Result<DeploymentRecord, ReadError> {
    let stability = at.text("stabilityStatus");
    let is_steady = stability.as_deref() == Some(STEADY);
    let steady = at.time("stabilityStatusAt")?.filter(|_| is_steady);
    Ok(DeploymentRecord {
        desired: at.integer("computedDesiredCount"),
        updated: steady.or(at.time("updatedAt")?),
        stability: stability.or_else(|| Some("of unknown stability".to_owned())),
        ..deployment(at)?
    })
}

/// The deployments of a ListServiceDeployments or a DescribeServiceDeployments answer.
#[cfg(feature = "aws")]
pub(crate) fn service_deployments(answer: &At<'_>) -> Result<Vec<ServiceDeploymentRecord>, ReadError> {
    answer.list("serviceDeployments").iter().map(service_deployment).collect()
}

/// A deployment of the service deployments API.
pub(crate) fn service_deployment(at: &At<'_>) -> Result<ServiceDeploymentRecord, ReadError> {
    let target = at.get("targetServiceRevision").and_then(|revision| revision.text("arn"));
    let rollback = |at: At<'_>| -> Result<RollbackRecord, ReadError> {
        let (reason, revision) = (at.text("reason"), at.text("serviceRevisionArn"));
        Ok(RollbackRecord { reason, started: at.time("startedAt")?, revision })
    };
    let breaker = at.get("deploymentCircuitBreaker").map(|at| CircuitBreaker {
        status: at.text("status"),
        failures: at.integer("failureCount"),
        threshold: at.integer("threshold"),
    });
    let alarms = at.get("alarms");
    let names =
        alarms.as_ref().and_then(|at| at.get("triggeredAlarmNames")).and_then(|at| at.value.as_array().cloned());
    Ok(ServiceDeploymentRecord {
        arn: at.text("serviceDeploymentArn").unwrap_or_default(),
        service_arn: at.text("serviceArn"),
        cluster_arn: at.text("clusterArn"),
        created: at.time("createdAt")?,
        started: at.time("startedAt")?,
        finished: at.time("finishedAt")?,
        status: at.text("status"),
        status_reason: at.text("statusReason"),
        stage: at.text("lifecycleStage"),
        target_revision: target.or_else(|| at.text("targetServiceRevisionArn")),
        rollback: at.get("rollback").map(rollback).transpose()?,
        circuit_breaker: breaker,
        hooks: at.list("lifecycleHookDetails").iter().map(hook).collect::<Result<_, _>>()?,
        strategy: strategy(at),
        triggered_alarms: names.iter().flatten().filter_map(|name| name.as_str().map(str::to_owned)).collect(),
        told_by: None,
    })
}

fn hook(at: &At<'_>) -> Result<Hook, ReadError> {
    Ok(Hook {
        id: at.text("hookId").unwrap_or_default(),
        target: at.text("targetType"),
        status: at.text("status"),
        expires: at.time("expiresAt")?,
        on_expiry: at.text("timeoutAction"),
    })
}

/// The revisions of a DescribeServiceRevisions answer.
#[cfg(feature = "aws")]
pub(crate) fn service_revisions(answer: &At<'_>) -> Vec<ServiceRevisionRecord> {
    answer.list("serviceRevisions").iter().filter_map(service_revision).collect()
}

/// A revision of a service.
pub(crate) fn service_revision(at: &At<'_>) -> Option<ServiceRevisionRecord> {
    Some(ServiceRevisionRecord { arn: at.text("serviceRevisionArn")?, task_definition: at.text("taskDefinition") })
}
