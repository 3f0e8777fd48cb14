//! What ECS says by name of a service and its deployments: EventBridge events (`SERVICE_DEPLOYMENT_COMPLETED`,
//! `SERVICE_TASK_PLACEMENT_FAILURE`) and lines of its action log. Pure. Main type: [`ActionRecord`].

use std::collections::BTreeMap;

use super::arn::{Arn, last_part};
use super::time::Time;

/// Where an action was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ActionSource {
    /// In an EventBridge event.
    Event,
    /// In a line of the action log.
    Log,
}

impl ActionSource {
    /// As reports and attributes name it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Event => "event",
            Self::Log => "action log",
        }
    }

    /// Whose word an outcome is, then.
    pub const fn told_by(self) -> &'static str {
        match self {
            Self::Event => "an EventBridge event",
            Self::Log => "the action log",
        }
    }
}

/// Something that ECS did or saw, and the name that it gives it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ActionRecord {
    /// When.
    pub at: Time,
    /// `eventName`, as written.
    pub name: String,
    /// Where it was told.
    pub source: ActionSource,
    /// `eventType` of an event, `logLevel` of a line.
    pub level: Option<String>,
    /// Why, or what of it.
    pub reason: Option<String>,
    /// The service's ARN, or its name.
    pub service: Option<String>,
    /// The cluster's ARN.
    pub cluster: Option<String>,
    /// `ecs-svc/N`, or the ARN of the service deployment.
    pub deployment: Option<String>,
    /// The ARN of the service revision, whose last part is the number of the deployment's id.
    pub revision: Option<String>,
    /// What else is kept of its detail, by the names there.
    pub details: BTreeMap<String, String>,
    /// Where it stood.
    pub origin: String,
}

/// What of a detail is kept beside its reason.
pub const DETAILS: [&str; 11] = [
    "status",
    "hookId",
    "lifecycleStage",
    "lifecycleHookStage",
    "hookStatus",
    "hookTargetArn",
    "hookTargetType",
    "bakeTimeInMinutes",
    "capacityProviderArns",
    "containerInstanceArns",
    "containerImages",
];

impl ActionRecord {
    /// Whether it is about this service, as far as it says. A cluster's log is of many.
    pub fn is_of(&self, service: &str) -> bool {
        self.named().any(|name| name == service)
    }

    /// The service's name, as far as it says.
    pub fn service_name(&self) -> Option<&str> {
        self.named().next()
    }

    fn named(&self) -> impl Iterator<Item = &str> {
        [&self.deployment, &self.revision, &self.service].into_iter().flatten().filter_map(|id| service_of(id))
    }

    /// Whether it is about the deployment that goes by these names, where it names one.
    fn names(&self, id: &str, arn: Option<&str>) -> Option<bool> {
        let number = |text: &str| last_part(text).to_owned();
        let by_revision = self.revision.as_deref().map(|revision| number(revision) == number(id));
        let by_name = self
            .deployment
            .as_deref()
            .map(|own| number(own) == number(id) || arn.is_some_and(|arn| number(own) == number(arn)));
        match (by_name, by_revision) {
            (Some(true), _) | (_, Some(true)) => Some(true),
            (None, None) => None,
            _ => Some(false),
        }
    }

    /// Whether it is an event that says that a deployment is over.
    pub fn is_end(&self) -> bool {
        self.source == ActionSource::Event
            && ["SERVICE_DEPLOYMENT_COMPLETED", "SERVICE_DEPLOYMENT_FAILED"].contains(&self.name.as_str())
    }

    /// The stage of the deployment's life cycle that it names.
    pub fn stage(&self) -> Option<&str> {
        let named = ["lifecycleStage", "lifecycleHookStage"].into_iter().find_map(|name| self.details.get(name));
        named.map(String::as_str).or_else(|| self.name.contains("BAKE_TIME").then_some("BAKE_TIME"))
    }

    /// Whether ECS calls it something that went wrong.
    pub fn is_problem(&self) -> bool {
        let is_bad =
            |level: &str| ["ERROR", "WARN", "WARNING", "FATAL"].iter().any(|bad| level.eq_ignore_ascii_case(bad));
        self.finding() != OTHER || self.level.as_deref().is_some_and(is_bad)
    }

    /// What finding it is, of those that `--fail-on` knows.
    pub fn finding(&self) -> &'static str {
        match self.name.as_str() {
            name if name.contains("PLACEMENT") => "placement-failed",
            "SERVICE_TASK_START_IMPAIRED" => "start-impaired",
            "ECS_OPERATION_THROTTLED" | "SERVICE_DISCOVERY_OPERATION_THROTTLED" => "throttled",
            name if name.starts_with("SERVICE_DISCOVERY_") => "service-discovery",
            _ => OTHER,
        }
    }

    /// In words, with its name as ECS has it.
    pub fn words(&self) -> String {
        let detail = |name: &str| self.details.get(name).map(String::as_str);
        let at_stage = detail("lifecycleStage")
            .or(detail("lifecycleHookStage"))
            .map_or_else(String::new, |stage| format!(" in stage {stage}"));
        let has = |word: &str| self.name.contains(word);
        let of_hook = detail("hookStatus").or_else(|| detail("status").filter(|_| has("HOOK")));
        let waits = of_hook.is_some_and(|status| ["IN_PROGRESS", "AWAITING_ACTION"].contains(&status));
        let what = match () {
            () if has("ROLLBACK") && has("SUCCESSFUL") => format!("rolled back{at_stage}"),
            () if has("ROLLBACK") && has("FAILED") => format!("the rollback failed{at_stage}"),
            () if has("ROLLBACK") || self.reason.as_deref().is_some_and(rolls_back) => {
                format!("rolling back{at_stage}")
            }
            () if has("HOOK") && (has("PAUSE") || has("WAIT") || waits) => {
                let hook = detail("hookTargetArn")
                    .or(detail("hookId"))
                    .map_or_else(String::new, |arn| format!(" {}", arn.rsplit(':').next().unwrap_or(arn)));
                format!("paused: waits for lifecycle hook{hook}{at_stage}")
            }
            () if has("BAKE") => {
                let minutes =
                    detail("bakeTimeInMinutes").map_or_else(String::new, |minutes| format!(" for {minutes} min"));
                format!("bakes{minutes}: the old revision is kept until that is over{at_stage}")
            }
            () => {
                let words = self.name.to_ascii_lowercase().replace('_', " ");
                let id = detail("hookId").map_or_else(String::new, |id| format!(" {id}"));
                let of_hook = of_hook.map_or_else(String::new, |status| format!(" {status}"));
                format!("{words}{id}{of_hook}{at_stage}")
            }
        };
        let more = ["capacityProviderArns", "containerInstanceArns", "containerImages"].into_iter().filter_map(detail);
        let said: Vec<&str> = self.reason.as_deref().into_iter().chain(more).collect();
        let said = if said.is_empty() { String::new() } else { format!(": {}", said.join(", ")) };
        format!("{what}{said} ({})", self.name)
    }
}

/// Whether a reason says that another deployment is rolled back.
pub(super) fn rolls_back(reason: &str) -> bool {
    reason.to_ascii_lowercase().contains("rolling back")
}

/// The finding of what has no name of its own.
pub const OTHER: &str = "service-action";
/// What is found of actions.
pub const FINDINGS: [&str; 5] = ["placement-failed", "start-impaired", "throttled", "service-discovery", OTHER];

/// The service that an ARN is of: `service/CLUSTER/NAME`, `service-deployment/CLUSTER/NAME/ID`; or a bare name. `None`: it does not say.
fn service_of(id: &str) -> Option<&str> {
    let Some(arn) = Arn::parse(id) else {
        return (!id.is_empty() && !id.starts_with("ecs-svc/")).then(|| last_part(id));
    };
    let parts: Vec<&str> = arn.resource.split('/').collect();
    match parts.as_slice() {
        ["service", name] | ["service", _, name] => Some(name),
        ["service-deployment" | "service-revision", _, name, _] => Some(name),
        _ => None,
    }
}

/// Actions about one service, in the order of time, each once: two rules may write every event twice.
pub fn of_service(actions: Vec<ActionRecord>, service: &str) -> Vec<ActionRecord> {
    let mut own: Vec<ActionRecord> = actions.into_iter().filter(|action| action.is_of(service)).collect();
    let said = |action: &ActionRecord| ActionRecord { origin: String::new(), ..action.clone() };
    own.sort();
    own.dedup_by(|a, b| said(a) == said(b));
    own
}

/// Those that are about one deployment, or about none while it went on.
pub(super) fn of_deployment(
    actions: &[ActionRecord],
    id: &str,
    arn: Option<&str>,
    during: (Option<Time>, Option<Time>),
) -> Vec<ActionRecord> {
    let is_within = |at: Time| during.0.is_none_or(|from| at >= from) && during.1.is_none_or(|to| at <= to);
    let is_own = |action: &&ActionRecord| action.names(id, arn).unwrap_or_else(|| is_within(action.at));
    actions.iter().filter(is_own).cloned().collect()
}
