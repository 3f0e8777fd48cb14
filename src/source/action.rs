//! What ECS says by name of a service: events and lines of the action log, read. Main functions: [`of_event`], [`line`].

use serde_json::Value;

use super::error::ReadError;
use super::json::At;
use crate::model::Time;
use crate::model::action::{ActionRecord, ActionSource, DETAILS};

/// The types of events that are about a service or its deployments.
pub(crate) const KINDS: [&str; 3] = ["ECS Deployment State Change", "ECS Service Action", HOOK];
/// The type of an event that a hook of a deployment has another state.
const HOOK: &str = "ECS Hook State Change";
/// What such an event is called where it has no name of its own.
const HOOK_NAME: &str = "LIFECYCLE_HOOK";
/// What a line of the action log is called where it is passed by.
pub(crate) const LINE: &str = "ECS action log line";

/// Whether `at` is a line of the action log.
pub(crate) fn is_line(at: &At<'_>) -> bool {
    let has_name = at.has("eventName") || at.get("detail").is_some_and(|detail| detail.has("eventName"));
    let has_time = at.has("timestamp") || at.has("eventTimestamp");
    has_name && has_time && (at.has("actionSourceId") || at.has("logLevel")) && !at.has("detail-type")
}

/// An event about a service: the envelope names it.
pub(crate) fn of_event(at: &At<'_>) -> Result<Option<ActionRecord>, ReadError> {
    let Some(detail) = at.get("detail") else { return Ok(None) };
    let resources = at.get("resources");
    let named = || resources.iter().flat_map(|at| at.value.as_array()).flatten().filter_map(Value::as_str);
    let about = |what: &str| named().find(|arn| arn.contains(what)).map(str::to_owned);
    let service = about(":service/");
    let own = detail.time("createdAt")?.or(detail.time("updatedAt")?);
    let of_hook = at.text("detail-type").is_some_and(|kind| kind == HOOK).then(|| HOOK_NAME.to_owned());
    let (Some(name), Some(time)) = (detail.text("eventName").or(of_hook), own.or(at.time("time")?)) else {
        return Ok(None);
    };
    let found = of_detail(&detail, at, (time, name, ActionSource::Event));
    Ok(Some(ActionRecord {
        level: detail.text("eventType"),
        service: service.or_else(|| detail.text("serviceArn")),
        deployment: found.deployment.clone().or_else(|| about(":service-deployment/")),
        revision: found.revision.clone().or_else(|| about(":service-revision/")),
        ..found
    }))
}

/// A line of the action log.
pub(crate) fn line(at: &At<'_>) -> Result<ActionRecord, ReadError> {
    let detail = at.get("detail").unwrap_or_else(|| at.clone());
    let time = at.time("timestamp")?.or(at.time("eventTimestamp")?);
    let expected = |key: &str, expected| ReadError::Expected { place: at.place.key(key), expected };
    let time = time.ok_or_else(|| expected("timestamp", "a time"))?;
    let name = at.text("eventName").or_else(|| detail.text("eventName"));
    let name = name.ok_or_else(|| expected("eventName", "a name"))?;
    let found = of_detail(&detail, at, (time, name, ActionSource::Log));
    Ok(ActionRecord {
        level: at.text("logLevel").or_else(|| detail.text("logLevel")),
        service: detail.text("serviceArn").or_else(|| at.text("serviceArn")).or_else(|| at.text("actionSourceId")),
        cluster: found.cluster.clone().or_else(|| at.text("resourceArn").filter(|arn| arn.contains(":cluster/"))),
        ..found
    })
}

fn of_detail(detail: &At<'_>, at: &At<'_>, (time, name, source): (Time, String, ActionSource)) -> ActionRecord {
    let first = |keys: &[&str]| keys.iter().find_map(|key| detail.text(key));
    let kept = DETAILS.into_iter().filter_map(|name| Some((name.to_owned(), shown(&detail.get(name)?)?)));
    ActionRecord {
        at: time,
        name,
        source,
        level: None,
        service: None,
        reason: first(&["reason", "statusReason", "rollbackReason"]),
        cluster: detail.text("clusterArn"),
        deployment: first(&["deploymentId", "serviceDeploymentArn"]),
        revision: first(&["targetServiceRevisionArn", "serviceRevisionArn"]),
        details: kept.collect(),
        origin: at.place.to_string(),
    }
}

/// A detail as text: of images what runs, of ARNs their last parts.
fn shown(at: &At<'_>) -> Option<String> {
    let one = |at: &At<'_>| match at.value {
        Value::Object(_) => {
            let name = at.text("containerName").map_or_else(String::new, |name| format!("{name} "));
            Some(format!("{name}{}", at.text("imageDigest").or_else(|| at.text("image"))?))
        }
        Value::String(text) if text.starts_with("arn:") => Some(crate::model::arn::last_part(text).to_owned()),
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(is) => Some(is.to_string()),
        _ => None,
    };
    let all: Vec<String> = match at.value {
        Value::Array(items) => items.iter().filter_map(|value| one(&At { value, place: at.place.clone() })).collect(),
        _ => one(at).into_iter().collect(),
    };
    (!all.is_empty()).then(|| all.join(", "))
}
