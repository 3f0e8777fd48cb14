//! Takes everything that can hold a secret out of an ECS answer, by allow-list. Main function: [`redact`].
//!
//! What is not known by name goes; its name is remembered, so that a maintainer sees what a bundle lacks.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::event;
use super::given::Given;
use crate::model::observation::{LogConfig, TracedEnv};

/// The field that is called so, in whatever letters.
pub(crate) fn field(name: &str) -> Option<&'static str> {
    FIELDS.iter().find(|field| field.eq_ignore_ascii_case(name)).copied()
}

/// The fields (camelCase) whose values stay. None of them can hold an environment, a command, a label or a token.
const FIELDS: &[&str] = &[
    // answers
    "arn",
    "events",
    "failures",
    "reason",
    "service",
    "services",
    "task",
    "taskDefinition",
    "tasks",
    // tasks
    "attachments",
    "availabilityZone",
    "capacityProviderName",
    "clusterArn",
    "connectivity",
    "connectivityAt",
    "containerInstanceArn",
    "containers",
    "cpu",
    "createdAt",
    "desiredStatus",
    "details",
    "executionStoppedAt",
    "group",
    "healthStatus",
    "id",
    "lastStatus",
    "launchType",
    "memory",
    "overrides",
    "containerOverrides",
    "platformFamily",
    "platformVersion",
    "pullStartedAt",
    "pullStoppedAt",
    "startedAt",
    "startedBy",
    "status",
    "stopCode",
    "stoppedAt",
    "stoppedReason",
    "stoppingAt",
    "taskArn",
    "timeCreated",
    "taskDefinitionArn",
    "type",
    "version",
    // containers
    "containerArn",
    "exitCode",
    "image",
    "imageDigest",
    "name",
    "networkBindings",
    "networkInterfaces",
    "runtimeId",
    "attachmentId",
    "privateIpv4Address",
    "ipv6Address",
    "bindIP",
    "containerPort",
    "hostPort",
    "protocol",
    "managedAgents",
    "lastStartedAt",
    // task definitions
    "containerDefinitions",
    "dependsOn",
    "condition",
    "containerName",
    "environment",
    "essential",
    "family",
    "logConfiguration",
    "logDriver",
    "networkMode",
    "options",
    "revision",
    "requiresCompatibilities",
    "startTimeout",
    "stopTimeout",
    "firelensConfiguration",
    // services
    "serviceArn",
    "lifecycleHookDetails",
    "hookId",
    "targetType",
    "expiresAt",
    "timeoutAction",
    "taskSets",
    "computedDesiredCount",
    "stabilityStatus",
    "stabilityStatusAt",
    "loadBalancers",
    "targetGroupArn",
    "deploymentConfiguration",
    "strategy",
    "serviceName",
    "message",
    "deployments",
    "desiredCount",
    "failedTasks",
    "pendingCount",
    "rolloutState",
    "rolloutStateReason",
    "runningCount",
    // events
    "account",
    "detail",
    "detail-type",
    "region",
    "resources",
    "source",
    "time",
    "updatedAt",
    // metadata and agent
    "cPU",
    "clockDrift",
    "clockErrorBound",
    "clockSynchronizationStatus",
    "cluster",
    "containerARN",
    "dockerId",
    "finishedAt",
    "health",
    "knownStatus",
    "limits",
    "logOptions",
    "restartCount",
    "taskARN",
    // log pages
    "ingestionTime",
    "logStreamName",
    "nextBackwardToken",
    "nextForwardToken",
    "timestamp",
    "eventId",
];

const NETWORK_DETAILS: [&str; 5] =
    ["subnetId", "networkInterfaceId", "macAddress", "privateIPv4Address", "privateDnsName"];

/// `answer` without anything that can hold a secret. The names of the fields that went are added to `dropped`.
pub(crate) fn redact(answer: &Value, dropped: &mut BTreeSet<String>) -> Value {
    match answer {
        Value::Object(object) => {
            let mut kept = Value::Object(object.iter().filter_map(|(key, value)| kept(key, value, dropped)).collect());
            Given::of(answer).mask_in(&mut kept);
            kept
        }
        Value::Array(items) => Value::Array(items.iter().map(|item| redact(item, dropped)).collect()),
        scalar => scalar.clone(),
    }
}

fn kept(key: &str, value: &Value, dropped: &mut BTreeSet<String>) -> Option<(String, Value)> {
    let name = camel(key);
    let value = match name.as_str() {
        "environment" => only_named(value, &TracedEnv::NAMES, dropped),
        "details" => only_named(value, &NETWORK_DETAILS, dropped),
        "options" | "logOptions" => only_options(value),
        "message" if value.as_str().is_some_and(event::is_event_text) => message(value, dropped),
        // An enum, a number of seconds: a field of text is never an object whose keys are the user's.
        known if FIELDS.contains(&known) => redact(value, dropped),
        _ => {
            dropped.insert(name);
            return None;
        }
    };
    Some((key.to_owned(), value))
}

/// An event that was written to a log, as what it holds.
fn message(text: &Value, dropped: &mut BTreeSet<String>) -> Value {
    match text.as_str().and_then(|text| serde_json::from_str::<Value>(text).ok()) {
        Some(event) => Value::String(redact(&event, dropped).to_string()),
        None => {
            dropped.insert("events that are cut".to_owned());
            Value::String(String::new())
        }
    }
}

/// The name–value pairs whose name is one of `names`.
fn only_named(pairs: &Value, names: &[&str], dropped: &mut BTreeSet<String>) -> Value {
    let text = |pair: &Value, key: &str, other: &str| pair.get(key).or_else(|| pair.get(other)).cloned();
    let one = |pair: &Value| {
        let name = text(pair, "name", "Name")?;
        if !name.as_str().is_some_and(|name| names.contains(&name)) {
            return None;
        }
        let value = text(pair, "value", "Value").filter(Value::is_string)?;
        Some(Value::Object(Map::from_iter([("name".to_owned(), name), ("value".to_owned(), value)])))
    };
    let all = pairs.as_array().map_or(&[][..], Vec::as_slice);
    let kept: Vec<Value> = all.iter().filter_map(one).collect();
    if kept.len() < all.len() {
        dropped.insert("values of environment or details".to_owned());
    }
    Value::Array(kept)
}

fn only_options(options: &Value) -> Value {
    let is_kept = |key: &str| LogConfig::OPTIONS.iter().any(|name| name.eq_ignore_ascii_case(key));
    let kept = options.as_object().into_iter().flatten().filter(|(key, value)| is_kept(key) && value.is_string());
    Value::Object(kept.map(|(key, value)| (key.clone(), value.clone())).collect())
}

fn camel(key: &str) -> String {
    let mut chars = key.chars();
    chars.next().map_or_else(String::new, |first| first.to_lowercase().chain(chars).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn answer(secret: &str) -> Value {
        let pascal = json!({"Tasks": [{"TaskArn": "a/b", "Overrides": {"ContainerOverrides": [
            {"Name": "app", "Command": [secret], "Environment": [{"Name": "DB", "Value": secret}]}]}}]});
        json!({"pascal": pascal, "tasks": [{
            "taskArn": "arn:aws:ecs:eu-west-1:1:task/prod/1", "tags": [{"key": "k", "value": secret}],
            "overrides": {"taskRoleArn": secret, "containerOverrides": [{"name": "app", "command": ["run", secret],
                "environment": [{"name": "TRACEPARENT", "value": "00-1-2-01"}, {"name": "PASSWORD", "value": secret}],
                "environmentFiles": [{"value": secret}]}]},
            "stoppedReason": format!("no {secret}"), "containers": [{"name": "app", "reason": format!("exec: {secret}")}],
            "attachments": [{"type": "eni", "details": [{"name": "token", "value": secret}, {"name": "subnetId", "value": "s"}]}],
            "futureField": {"inner": secret}}],
          "taskDefinition": {"containerDefinitions": [{"name": "app", "entryPoint": [secret], "command": [secret],
            "environment": [{"name": "X", "value": secret}], "secrets": [{"name": "X", "valueFrom": secret}],
            "dockerLabels": {"label": secret}, "healthCheck": {"command": ["CMD", secret]},
            "repositoryCredentials": {"credentialsParameter": secret},
            "logConfiguration": {"logDriver": "splunk", "options": {"splunk-token": secret, "awslogs-group": "g"},
                "secretOptions": [{"name": "splunk-token", "valueFrom": secret}]}}]}})
    }

    /// Events in a log, one of which is cut.
    fn logged(secret: &str) -> Value {
        let task = answer(secret)["tasks"][0].take();
        let event = json!({"detail-type": "ECS Task State Change", "source": "aws.ecs", "detail": task}).to_string();
        let cut: String = event.chars().take(event.rfind(secret).map_or(0, |at| at + secret.len())).collect();
        json!({"events": [{"timestamp": 1, "message": event}, {"timestamp": 2, "message": cut}]})
    }

    proptest! {
        // With a digit: a reason may repeat what is a word (see `given`).
        #[test]
        fn a_secret_planted_anywhere_is_nowhere_afterwards(secret in "[A-Z0-9]{6,12}[0-9][A-Z0-9]{5,11}") {
            let mut dropped = BTreeSet::new();
            for answer in [answer(&secret), logged(&secret)] {
                let clean = redact(&answer, &mut dropped).to_string();
                prop_assert!(!clean.contains(&secret), "{}", clean);
            }
            let names = format!("{dropped:?}");
            prop_assert!(!names.contains(&secret));
        }
    }

    #[test]
    fn what_traces_need_stays_and_what_went_is_named() {
        let mut dropped = BTreeSet::new();
        let clean = redact(&answer("hunter2"), &mut dropped);
        assert_eq!(
            clean.pointer("/tasks/0/overrides/containerOverrides/0/environment/0/value"),
            Some(&json!("00-1-2-01"))
        );
        assert_eq!(
            clean.pointer("/taskDefinition/containerDefinitions/0/logConfiguration/options"),
            Some(&json!({"awslogs-group": "g"}))
        );
        assert_eq!(clean.pointer("/tasks/0/attachments/0/details/0/name"), Some(&json!("subnetId")));
        for name in ["command", "futureField", "tags", "secrets", "dockerLabels"] {
            assert!(dropped.contains(name), "{name} in {dropped:?}");
        }
    }
}
