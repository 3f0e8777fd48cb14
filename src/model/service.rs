//! What ECS says of a service and its deployments: plain data, in the words of the API. Main type: [`ServiceRecord`].
//!
//! Two APIs speak of one deployment: DescribeServices (its id is a task's `startedBy`) and, where the account has it, the
//! service deployments API with its revisions.

use super::action::ActionRecord;
use super::observation::{ServiceEvent, TaskRecord};
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

/// What a task's service said in the task's time without naming a task, and where its tasks are registered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Around {
    /// The service's target groups.
    pub target_groups: Vec<String>,
    /// Its events from the task's creation to its end that name no task, oldest first.
    pub events: Vec<ServiceEvent>,
}

impl Around {
    /// Of a task of this service, which has these target groups and events.
    pub fn new<'a>(
        task: &TaskRecord,
        target_groups: &[String],
        events: impl IntoIterator<Item = &'a ServiceEvent>,
    ) -> Self {
        let Some((service, from)) = task.service().zip(task.times.created) else { return Self::default() };
        let is_within = |at: Time| at >= from && task.times.stopped.is_none_or(|stopped| at <= stopped);
        let mut events: Vec<ServiceEvent> = events
            .into_iter()
            .filter(|event| is_within(event.at) && event.is_of(service) && !event.names_a_task())
            .cloned()
            .collect();
        events.sort_by(|a, b| (a.at, &a.id, &a.message).cmp(&(b.at, &b.id, &b.message)));
        events.dedup();
        Self { target_groups: target_groups.to_vec(), events }
    }
}

impl ServiceEvent {
    /// Whether it is about this service.
    pub fn is_of(&self, service: &str) -> bool {
        let rest = self.message.strip_prefix("(service ").and_then(|rest| rest.strip_prefix(service));
        rest.is_some_and(|rest| rest.starts_with([')', ',']))
    }

    /// What it says, without the service that says it.
    pub fn text(&self) -> &str {
        let said = self.message.strip_prefix("(service ").and_then(|rest| rest.split_once(") "));
        said.map_or(&self.message, |(_, said)| said)
    }

    /// What it says as a sentence, without where to read more.
    pub fn sentence(&self) -> String {
        let text = self.text();
        let said = text.split(" For more information").next().unwrap_or(text);
        match self.message.strip_prefix("(service ").and_then(|rest| rest.split_once(')')) {
            Some((service, _)) => format!("service {service} {said}"),
            None => said.to_owned(),
        }
    }

    /// Whether it names a task.
    pub fn names_a_task(&self) -> bool {
        task_ids(&self.message).next().is_some()
    }

    /// Whether it says that no place was found for a task.
    pub fn says_no_place(&self) -> bool {
        ["unable to place a task", "failed to launch a task", "unable to start a task"]
            .iter()
            .any(|words| self.message.contains(words))
    }

    /// What finding it is in words of its own, of those that ECS also tells by name.
    pub fn finding(&self) -> Option<&'static str> {
        const SAID: [(&str, &str); 2] =
            [("unable to consistently start tasks", "start-impaired"), ("operations are being throttled", "throttled")];
        let said = SAID.iter().find(|(words, _)| self.message.contains(words)).map(|(_, finding)| *finding);
        said.or_else(|| self.says_no_place().then_some("placement-failed"))
    }

    /// Whether it says that targets are taken out of a target group.
    pub fn says_draining(&self) -> bool {
        self.message.contains("draining connections")
    }

    /// The target group's name and the reason, of an event that calls a target unhealthy.
    pub fn unhealthy_target(&self) -> Option<(&str, &str)> {
        let (_, rest) = self.message.split_once("is unhealthy in ")?;
        let (group, rest) = rest.split_once(" due to ").unwrap_or((rest, "no reason is said"));
        let group = inside(group);
        let of_arn = group.split_once(":targetgroup/").and_then(|(_, rest)| rest.split('/').next());
        Some((of_arn.unwrap_or(group), inside(rest)))
    }
}

/// `(reason Health checks failed)` without its brackets and its first word.
fn inside(text: &str) -> &str {
    let bare = || {
        let text = text.strip_prefix('(')?;
        let (_, said) = text.get(..text.rfind(')')?)?.split_once(' ')?;
        Some(said)
    };
    bare().unwrap_or_else(|| text.trim_end_matches('.'))
}

/// The tasks that an event names: `(task ID)`, or ids of 32 hex digits (or UUIDs) alone.
pub(super) fn task_ids(message: &str) -> impl Iterator<Item = &str> {
    let is_id = |word: &&str| word.len() >= 32 && word.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-');
    let named = message.split("(task ").skip(1).filter_map(|rest| rest.split(')').next());
    named.chain(message.split(|c: char| !c.is_ascii_alphanumeric() && c != '-').filter(is_id))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(message: &str) -> ServiceEvent {
        ServiceEvent { id: None, at: Time::from_unix_nanos(0), message: message.to_owned() }
    }

    #[test]
    fn what_an_event_says_of_a_target_is_read_in_each_of_its_forms() {
        let group = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/web/6d0ecf831eec9f09";
        let said = [
            format!(
                "(service web) (instance i-0a1b) (port 32768) is unhealthy in (target-group {group}) due to (reason Health checks failed with these codes: [502])"
            ),
            format!(
                "(service web, taskSet ecs-svc/7) (port 80) is unhealthy in (target-group {group}) due to (reason Request timed out (twice))."
            ),
            "(service web) (port 80) is unhealthy in target-group web due to an unknown reason.".to_owned(),
        ];
        let read: Vec<_> = said
            .iter()
            .map(|message| event(message).unhealthy_target().map(|(a, b)| (a.to_owned(), b.to_owned())))
            .collect();
        let expected = [
            ("web", "Health checks failed with these codes: [502]"),
            ("web", "Request timed out (twice)"),
            ("target-group web", "an unknown reason"),
        ];
        assert_eq!(read, expected.map(|(a, b)| Some((a.to_owned(), b.to_owned()))));
        assert_eq!(event("(service web) has reached a steady state.").unhealthy_target(), None);
        assert_eq!(event(&said[1]).text().split(' ').next(), Some("(port"));
    }

    #[test]
    fn what_ecs_also_tells_by_name_is_found_in_words() {
        let found = [
            (
                "was unable to place a task because no container instance met all of its requirements.",
                "placement-failed",
            ),
            ("is unable to consistently start tasks successfully.", "start-impaired"),
            ("operations are being throttled on elb. Will try again later.", "throttled"),
        ];
        for (said, finding) in found {
            let event = event(&format!("(service web) {said} For more information, see the guide."));
            assert_eq!((event.finding(), event.sentence()), (Some(finding), format!("service web {said}")));
        }
        assert_eq!(event("(service web) has reached a steady state.").finding(), None);
    }

    #[test]
    fn an_event_is_of_the_service_that_it_begins_with() {
        assert!(event("(service web) has reached a steady state.").is_of("web"));
        assert!(event("(service web, taskSet ecs-svc/7) registered 1 targets in (target-group x)").is_of("web"));
        assert!(!event("(service web-two) has reached a steady state.").is_of("web"));
    }
}
