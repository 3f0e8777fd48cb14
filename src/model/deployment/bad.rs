//! When a deployment that goes on can only end badly. Main type: [`FailFast`].
//!
//! ECS itself waits long: its circuit breaker counts to ten or more, and without one it tries for ever.

use super::facts::Deployment;
use super::life::{DeploymentLife, FailureGroup};
use crate::model::action::ActionRecord;
use crate::model::finding::FindingKind;

/// So many tasks that failed alike are no bad luck.
const ALIKE: usize = 3;
/// The finding that any task failed: of the deployment as a whole.
pub const TASK_FAILED: &str = "task-failed";

/// What ends a wait before its deployment is over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FailFast {
    /// Three tasks that failed alike, or an image or a secret that nobody will ever get.
    Certain,
    /// So many tasks that failed alike, whatever the reason.
    Alike(usize),
    /// This is found, in a task that it launched.
    Finding(String),
}

/// Why a deployment that goes on can only end badly.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bad {
    /// Why, in words.
    pub reason: String,
    /// The finding that somebody did not want to see; else it fails by anybody's measure.
    pub finding: Option<String>,
}

impl DeploymentLife {
    /// Why this can only end badly, by any of these rules; without a rule nobody asks.
    pub fn bad(&self, rules: &[FailFast]) -> Option<Bad> {
        let whole = || ecs_has_decided(&self.deployment).map(|reason| Bad { reason, finding: None });
        rules.first().and_then(|_| whole()).or_else(|| rules.iter().find_map(|rule| self.bad_by(rule)))
    }

    fn bad_by(&self, rule: &FailFast) -> Option<Bad> {
        let failures = self.failures();
        let told = |group: &&FailureGroup| match group.count {
            1 => format!("a task failed: {}", group.told()),
            count => format!("{count} tasks failed alike: {}", group.told()),
        };
        let alike = |least: usize| failures.iter().find(|group| group.count >= least).map(told);
        let (reason, finding) = match rule {
            FailFast::Alike(least) => (alike(*least)?, None),
            FailFast::Certain => {
                let hopeless = || failures.iter().find(|group| is_hopeless(&group.reason)).map(told);
                (hopeless().or_else(|| alike(ALIKE))?, None)
            }
            FailFast::Finding(id) if id == TASK_FAILED => (failures.first().map(told)?, Some(id.clone())),
            FailFast::Finding(id) => (self.found(id)?, Some(id.clone())),
        };
        Some(Bad { reason, finding })
    }

    /// A finding of what was told, or of the tasks that it launched: how the version before ends is no fault of this one.
    fn found(&self, id: &str) -> Option<String> {
        if let Some(told) = self.deployment.told(id) {
            return Some(told);
        }
        let is_meant = |kind: &FindingKind| kind.id() == id;
        let (_, found) = self.findings.iter().find(|(kind, found)| is_meant(kind) && found.count > found.old)?;
        let task = found.task_id.as_ref().map_or(String::new(), |task| format!(" ({task})"));
        // Some say in words what they are called.
        let name = if found.text.starts_with(&id.replace('-', " ")) { String::new() } else { format!("{id}: ") };
        Some(format!("{name}{}{task}", found.text))
    }
}

impl Deployment {
    /// What was told of it that is one of [`FINDINGS`](crate::model::action::FINDINGS): by its name, or in words by an event of the service.
    pub fn told(&self, finding: &str) -> Option<String> {
        let mut by_name = self.actions.iter().filter(|action| action.is_problem() && action.finding() == finding);
        let mut in_words = self.events().filter(|event| event.finding() == Some(finding));
        by_name.next().map(ActionRecord::words).or_else(|| Some(in_words.next()?.sentence()))
    }
}

/// Whether ECS has given it up, and only has not said so in the outcome.
fn ecs_has_decided(deployment: &Deployment) -> Option<String> {
    if let Some(rollback) = &deployment.rollback {
        let why = rollback.why().or(deployment.outcome.why());
        return Some(
            why.map_or_else(|| "it is being rolled back".to_owned(), |why| format!("it is being rolled back: {why}")),
        );
    }
    if let Some(breaker) = &deployment.circuit_breaker {
        let (failures, threshold) = (breaker.failures.unwrap_or_default(), breaker.threshold.unwrap_or_default());
        let is_triggered = breaker.status.as_deref() == Some("TRIGGERED");
        if is_triggered || (threshold > 0 && failures >= threshold) {
            return Some(format!("the circuit breaker is at its threshold: {failures} failures of {threshold}"));
        }
    }
    let alarms = &deployment.triggered_alarms;
    (!alarms.is_empty()).then(|| format!("alarms went off: {}", alarms.join(", ")))
}

/// Whether no repetition helps: what is to be pulled is not there or is refused. What a registry could not do just now
/// – a time-out, a limit of pulls – is tried again.
fn is_hopeless(reason: &str) -> bool {
    const PASSING: [&str; 6] =
        ["toomanyrequests", "timeout", "timed out", "deadline exceeded", "connection re", "rate exceeded"];
    const FINAL: [&str; 15] = [
        "not found",
        "notfound",
        "can't find",
        "invalid parameters",
        "did not contain json key",
        "403 forbidden",
        "manifest unknown",
        "does not exist",
        "access denied",
        "accessdenied",
        "no basic auth",
        "unauthorized",
        "not authorized",
        "invalid reference",
        "matching platform",
    ];
    let reason = reason.to_ascii_lowercase();
    let is_about_pulls = reason.starts_with("cannotpull") || reason.starts_with("resourceinitializationerror");
    let says = |words: &[&str]| words.iter().any(|word| reason.contains(word));
    is_about_pulls && !says(&PASSING) && says(&FINAL)
}

#[cfg(test)]
mod tests {
    use super::is_hopeless;

    #[test]
    fn what_is_not_there_is_told_from_what_does_not_answer_now() {
        let hopeless = [
            "CannotPullContainerError: pull image manifest has been retried 5 time(s): failed to resolve ref docker.io/library/x:y: docker.io/library/x:y: not found",
            "CannotPullContainerError: Error response from daemon: pull access denied for x, repository does not exist or may require 'docker login'",
            "CannotPullContainerError: pull image manifest has been retried 1 time(s): image Manifest does not contain descriptor matching platform 'linux/amd64'",
            "CannotPullImageManifestError: Error response from daemon: manifest unknown",
            "ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval failed: AccessDeniedException: User is not authorized to perform: secretsmanager:GetSecretValue",
            "ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval failed: unable to retrieve secret from asm: service call has been retried 1 time(s): ResourceNotFoundException: Secrets Manager can't find the specified secret.",
            "ResourceInitializationError: unable to pull secrets or registry auth: unable to retrieve secrets from ssm: service call has been retried 1 time(s): invalid parameters: /prod/db/password",
            "ResourceInitializationError: unable to pull secrets or registry auth: retrieved secret from Secrets Manager did not contain json key password",
            "CannotPullContainerError: pull image manifest has been retried 1 time(s): unexpected status from HEAD request to https://x/v2/y/manifests/z: 403 Forbidden",
        ];
        let passing = [
            "CannotPullContainerError: pull image manifest has been retried 5 time(s): failed to resolve ref x: failed to do request: Head \"https://x\": dial tcp 10.0.0.1:443: i/o timeout",
            "CannotPullContainerError: inspect image has been retried 5 time(s): httpReadSeeker: failed open: unexpected status code 429 Too Many Requests - toomanyrequests: unauthorized pull limit",
            "ResourceInitializationError: unable to pull secrets or registry auth: request canceled: context deadline exceeded",
            "Essential container in task exited; app: exit code 127: not found",
        ];
        for reason in hopeless {
            assert!(is_hopeless(reason), "{reason}");
        }
        for reason in passing {
            assert!(!is_hopeless(reason), "{reason}");
        }
    }
}
