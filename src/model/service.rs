//! What ECS says of a service and its deployments: plain data, in the words of the API. Main type: [`ServiceRecord`].
//!
//! Two APIs speak of one deployment: DescribeServices (its id is a task's `startedBy`) and, where the account has it, the
//! service deployments API with its revisions.

use super::action::ActionRecord;
use super::service_event::ServiceEvent;
use super::time::Time;

/// The stability of a task set that has all its tasks.
pub const STEADY: &str = "STEADY_STATE";

/// The status of a service that was deleted.
pub(crate) const INACTIVE: &str = "INACTIVE";

/// A service of a DescribeServices answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServiceRecord {
    /// Where it stood: `DescribeServices: $.services[0]`.
    pub origin: String,
    /// `serviceArn`.
    pub arn: Option<String>,
    /// `serviceName`.
    pub name: String,
    /// `clusterArn`.
    pub cluster_arn: Option<String>,
    /// `status`.
    pub status: Option<String>,
    /// `deploymentController.type`.
    pub controller: Option<String>,
    /// The target groups of `loadBalancers`.
    pub target_groups: Vec<String>,
    /// `deploymentConfiguration.strategy`, or the service deployment's.
    pub strategy: Option<String>,
    /// `deployments`, in their order.
    pub deployments: Vec<DeploymentRecord>,
    /// `events`: the last hundred, newest first.
    pub events: Vec<ServiceEvent>,
    /// What events and the action log say of it, oldest first.
    pub actions: Vec<ActionRecord>,
}

/// One of the `deployments` of a service, or one of its `taskSets`: with them CodeDeploy and other controllers deploy.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeploymentRecord {
    /// `id`: `ecs-svc/N`.
    pub id: String,
    /// `status`: `PRIMARY`, `ACTIVE`, `INACTIVE`.
    pub status: Option<String>,
    /// `taskDefinition`.
    pub task_definition: Option<String>,
    /// `desiredCount`.
    pub desired: Option<i64>,
    /// `runningCount`.
    pub running: Option<i64>,
    /// `pendingCount`.
    pub pending: Option<i64>,
    /// `failedTasks`.
    pub failed: Option<i64>,
    /// `createdAt`.
    pub created: Option<Time>,
    /// `updatedAt`.
    pub updated: Option<Time>,
    /// `stabilityStatus` of a task set; a deployment has none.
    pub stability: Option<String>,
    /// `rolloutState`: `COMPLETED`, `FAILED`, `IN_PROGRESS`.
    pub rollout_state: Option<String>,
    /// `rolloutStateReason`.
    pub rollout_state_reason: Option<String>,
    /// Whose word the state is, where it is not DescribeServices'.
    pub told_by: Option<&'static str>,
}

/// A deployment of the service deployments API.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServiceDeploymentRecord {
    /// `serviceDeploymentArn`.
    pub arn: String,
    /// `serviceArn`.
    pub service_arn: Option<String>,
    /// `clusterArn`.
    pub cluster_arn: Option<String>,
    /// `createdAt`.
    pub created: Option<Time>,
    /// `startedAt`.
    pub started: Option<Time>,
    /// `finishedAt`.
    pub finished: Option<Time>,
    /// `status`, as written.
    pub status: Option<String>,
    /// `statusReason`.
    pub status_reason: Option<String>,
    /// `lifecycleStage`.
    pub stage: Option<String>,
    /// The ARN of the target revision. Its last part is the number of the deployment's id.
    pub target_revision: Option<String>,
    /// `rollback`.
    pub rollback: Option<RollbackRecord>,
    /// `deploymentCircuitBreaker`.
    pub circuit_breaker: Option<CircuitBreaker>,
    /// `deploymentConfiguration.strategy`.
    pub strategy: Option<String>,
    /// `lifecycleHookDetails`.
    pub hooks: Vec<Hook>,
    /// `alarms.triggeredAlarmNames`.
    pub triggered_alarms: Vec<String>,
    /// Whose word the status is, where it is not the API's.
    pub told_by: Option<&'static str>,
}

/// One of `lifecycleHookDetails`: what a deployment waits for before it goes on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hook {
    /// `hookId`.
    pub id: String,
    /// `targetType`: `AWS_LAMBDA`, `PAUSE`.
    pub target: Option<String>,
    /// `status`: `AWAITING_ACTION`, `IN_PROGRESS`, `SUCCEEDED`, `FAILED`, `TIMED_OUT`.
    pub status: Option<String>,
    /// `expiresAt`.
    pub expires: Option<Time>,
    /// `timeoutAction`: `CONTINUE`, `ROLLBACK`.
    pub on_expiry: Option<String>,
}

impl Hook {
    /// `hook approve-1 waits for somebody until … (then: ROLLBACK)`; `at` writes a time.
    pub fn waits(&self, at: impl FnOnce(Time) -> String) -> String {
        let then = self.on_expiry.as_deref().map_or(String::new(), |then| format!(" (then: {then})"));
        let until = self.expires.map_or(String::new(), |expires| format!(" until {}{then}", at(expires)));
        format!("hook {} waits for somebody{until}", self.id)
    }

    /// The command that lets the deployment, by its ARN, go on.
    pub fn goes_on_by(&self, deployment: &str) -> String {
        let id = &self.id;
        format!(
            "aws ecs continue-service-deployment --service-deployment-arn {deployment} --hook-id {id} --action CONTINUE"
        )
    }
}

/// `rollback` of a service deployment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RollbackRecord {
    /// `reason`.
    pub reason: Option<String>,
    /// `startedAt`.
    pub started: Option<Time>,
    /// `serviceRevisionArn`.
    pub revision: Option<String>,
}

/// `deploymentCircuitBreaker` of a service deployment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CircuitBreaker {
    /// `status`: `TRIGGERED`, `MONITORING` …
    pub status: Option<String>,
    /// `failureCount`.
    pub failures: Option<i64>,
    /// `threshold`.
    pub threshold: Option<i64>,
}

/// A revision of a service.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServiceRevisionRecord {
    /// `serviceRevisionArn`.
    pub arn: String,
    /// `taskDefinition`.
    pub task_definition: Option<String>,
}
