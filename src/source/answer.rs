//! From ECS JSON to records: the one conversion, for saved files and for live answers alike.
//!
//! Reads what it knows and leaves the rest; what can hold a secret is looked at only to mask it in reasons (`Given`).

use std::collections::BTreeMap;

use serde_json::Value;

use super::error::ReadError;
use super::given::Given;
use super::json::{At, text, value_of, values_of};
use super::times;
use crate::model::arn::last_part;
use crate::model::log::{ContainerLog, LogLine, without_line_end};
use crate::model::observation::{
    ContainerDefinition, ContainerRecord, DefinitionRecord, LogConfig, ManagedAgent, ServiceEvent, Source, TaskRecord,
    TaskTimes, TracedEnv,
};

/// A task that an answer says it does not have (`failures`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MissingTask {
    /// The task's ARN, as ECS repeats it.
    pub arn: String,
    /// `MISSING`, usually.
    pub reason: String,
}

impl MissingTask {
    /// What ECS did not do: RunTask answers in the same words where it finds no place for a task.
    pub fn what(&self) -> String {
        let arn = &self.arn;
        if self.reason == "MISSING" {
            format!("did not find {arn}")
        } else if arn.contains(":container-instance/") {
            format!("started no task on {arn}")
        } else {
            format!("gave no answer about {arn}")
        }
    }
}

/// The lists that an answer has at its top, and nothing inside of one.
pub(super) const LISTS: [&str; 3] = ["tasks", "services", "failures"];
/// What else is an answer's, or stands inside as what can be read alone.
const INSIDE: [&str; 7] =
    ["task", "service", "serviceDeployments", "serviceRevisions", "taskDefinition", "taskDefinitions", "events"];

/// Whether ECS's answers have under this name what can be read alone.
pub(super) fn has_parts(name: &str) -> bool {
    LISTS.iter().chain(&INSIDE).any(|own| own.eq_ignore_ascii_case(name))
}

/// The tasks of one answer: the good ones, what was wrong with the others, and those that ECS did not find.
#[cfg(feature = "aws")]
#[derive(Debug, Default)]
pub(crate) struct Tasks {
    pub(crate) records: Vec<TaskRecord>,
    pub(crate) errors: Vec<ReadError>,
    pub(crate) missing: Vec<MissingTask>,
}

/// The tasks of a DescribeTasks answer.
#[cfg(feature = "aws")]
pub(crate) fn tasks(answer: &At<'_>) -> Tasks {
    let mut tasks = Tasks::default();
    for at in answer.list("tasks") {
        match task(&at) {
            // AWS names each container.
            Ok((record, _)) => tasks.records.push(record),
            Err(error) => tasks.errors.push(error),
        }
    }
    tasks.missing = answer.get("failures").map_or_else(Vec::new, |at| missing(&at));
    tasks
}

/// The tasks that an answer says it does not have.
pub(crate) fn missing(failures: &At<'_>) -> Vec<MissingTask> {
    let missing = |failure: &At<'_>| {
        let (arn, reason) = (failure.text("arn"), failure.text("reason"));
        (arn.is_some() || reason.is_some()).then(|| MissingTask {
            arn: arn.unwrap_or_else(|| "a task".to_owned()),
            reason: reason.unwrap_or_else(|| "no reason given".to_owned()),
        })
    };
    failures.elements().iter().filter_map(missing).collect()
}

/// A task, and what stands among its containers and does not say which one it is: that costs the task nothing.
pub(crate) type ReadTask = (TaskRecord, Vec<ReadError>);

/// One Task object.
pub(crate) fn task(at: &At<'_>) -> Result<ReadTask, ReadError> {
    task_named(at, None)
}

/// One Task object, which may leave it to its surroundings to say which one it is.
pub(crate) fn task_named(at: &At<'_>, arn: Option<String>) -> Result<ReadTask, ReadError> {
    let own = || at.text("arn").filter(|arn| arn.contains(":task/"));
    let arn = at.text("taskArn").or_else(own).or(arn).ok_or_else(|| ReadError::NoTaskId { place: at.place.clone() })?;
    let task = last_part(&arn).to_owned();
    record(at, arn).map_err(|error| ReadError::OfTask { error: Box::new(error), task })
}

fn record(at: &At<'_>, arn: String) -> Result<ReadTask, ReadError> {
    if let Some(odd) = cut_short(at) {
        let expected = "what was there before it was shortened (in PowerShell: ConvertTo-Json -Depth 10)";
        return Err(ReadError::Expected { place: odd.place, expected });
    }
    if let Some(odd) = foreign(&arn) {
        return Err(ReadError::ForeignCharacter { place: at.place.key("taskArn"), odd });
    }
    let cluster_arn = at.text("clusterArn");
    if let Some(odd) = cluster_arn.as_deref().and_then(foreign) {
        return Err(ReadError::ForeignCharacter { place: at.place.key("clusterArn"), odd });
    }
    let given = Given::of(at.value);
    let (mut named, mut nameless) = (vec![], vec![]);
    for (name, at) in containers(at) {
        match container(name, &at, &given)? {
            Some(container) => named.push(container),
            None => nameless.push(ReadError::Nameless { place: at.place, task: last_part(&arn).to_owned() }),
        }
    }
    let (containers, doubles) = each_once(named);
    let task = TaskRecord {
        source: Some(Source::EcsApi),
        origin: at.place.to_string(),
        id: last_part(&arn).to_owned(),
        arn: arn.starts_with("arn:").then_some(arn),
        version: at.integer("version").and_then(|version| u64::try_from(version).ok()),
        cluster_arn,
        task_definition_arn: at.text("taskDefinitionArn"),
        last_status: at.text("lastStatus"),
        desired_status: at.text("desiredStatus"),
        times: TaskTimes {
            // As inventories of clusters call it.
            created: at.time(if at.has("createdAt") { "createdAt" } else { "timeCreated" })?,
            connected: at.time("connectivityAt")?,
            pull_started: at.time("pullStartedAt")?,
            pull_stopped: at.time("pullStoppedAt")?,
            started: at.time("startedAt")?,
            stopping: at.time("stoppingAt")?,
            execution_stopped: at.time("executionStoppedAt")?,
            stopped: at.time("stoppedAt")?,
        },
        health_status: at.text("healthStatus"),
        stop_code: at.text("stopCode"),
        stopped_reason: at.text("stoppedReason").map(|reason| given.masked(reason)),
        started_by: at.text("startedBy"),
        group: at.text("group"),
        launch_type: at.text("launchType"),
        capacity_provider: at.text("capacityProviderName"),
        platform_version: at.text("platformVersion"),
        availability_zone: at.text("availabilityZone"),
        container_instance_arn: at.text("containerInstanceArn"),
        cpu: at.text("cpu"),
        memory: at.text("memory"),
        private_ip: private_ip(at.value),
        clock_error: None,
        clock_status: None,
        clock_read: None,
        vpc_id: None,
        ephemeral_storage: None,
        overrides: overrides(at.value),
        updated: at.time("updatedAt")?,
        containers,
        doubles,
    };
    Ok((task, nameless))
}

/// A character in an ARN's cluster or id that no name of ECS has: it was broken on the way, and its trace would be of no task. What
/// somebody put in the place of a name stays: `<my cluster>`, `1a2b…`, `████`.
fn foreign(arn: &str) -> Option<char> {
    const MASKS: [char; 10] = ['…', '•', '●', '·', '█', '▇', '■', '▒', '░', '×'];
    /// So many digits a whole id has.
    const WHOLE: usize = 32;
    let of_name = |name: &str| {
        if name.starts_with(['<', '[', '{', '(', '*']) {
            return None;
        }
        let is_whole = name.chars().filter(char::is_ascii_hexdigit).count() >= WHOLE;
        let is_odd = |c: &char| {
            let is_mask = MASKS.contains(c) && !is_whole;
            c.is_whitespace() || c.is_control() || !(c.is_ascii() || c.is_alphanumeric() || is_mask)
        };
        name.chars().find(is_odd)
    };
    arn.splitn(6, ':').last()?.split('/').find_map(of_name)
}

/// What of a task is no longer there: `"..."`, or an object that a program made into text.
fn cut_short<'a>(task: &At<'a>) -> Option<At<'a>> {
    let is_dots = |value: &Value| value.as_str().is_some_and(|text| matches!(text.trim(), "..." | "…"));
    let keys = task.value.as_object()?.iter().filter(|(_, value)| is_dots(value)).map(|(key, _)| key);
    if let Some(at) = keys.filter_map(|key| task.get(key)).next() {
        return Some(at);
    }
    let containers = value_of(task.value, "containers")?;
    let is_text = |value: &Value| value.as_str().is_some_and(|text| !text.trim().is_empty() && text.trim() != "null");
    let of_list = containers.as_array().is_some_and(|items| items.iter().any(is_text));
    if of_list || is_text(containers) { task.get("containers") } else { None }
}

/// A task's containers, and their names where it has them by name, as programs keep them.
fn containers<'a>(task: &At<'a>) -> Vec<(Option<&'a str>, At<'a>)> {
    let Some(at) = task.get("containers") else { return vec![] };
    let is_one = ["name", "containerArn"].iter().any(|key| at.has(key));
    match at.value.as_object().filter(|by_name| !is_one && by_name.values().all(Value::is_object)) {
        Some(by_name) => {
            let named =
                |(name, value): (&'a String, &'a Value)| (Some(name.as_str()), At { value, place: at.place.key(name) });
            by_name.iter().map(named).collect()
        }
        None => at.elements().into_iter().map(|at| (None, at)).collect(),
    }
}

fn container(name: Option<&str>, at: &At<'_>, given: &Given) -> Result<Option<ContainerRecord>, ReadError> {
    let Some(name) = at.text("name").or_else(|| name.map(str::to_owned)) else { return Ok(None) };
    let agents = at.list("managedAgents").iter().map(|at| managed_agent(at, given)).collect::<Result<Vec<_>, _>>()?;
    Ok(Some(ContainerRecord {
        name,
        arn: at.text("containerArn"),
        runtime_id: at.text("runtimeId"),
        image: at.text("image"),
        image_digest: at.text("imageDigest"),
        last_status: at.text("lastStatus"),
        health_status: at.text("healthStatus"),
        exit_code: exit_code(at)?,
        reason: at.text("reason").map(|reason| given.masked(reason)),
        managed_agents: agents.into_iter().flatten().collect(),
        ..Default::default()
    }))
}

fn managed_agent(at: &At<'_>, given: &Given) -> Result<Option<ManagedAgent>, ReadError> {
    let Some(name) = at.text("name") else { return Ok(None) };
    let (status, started) = (at.text("lastStatus").or_else(|| at.text("status")), at.time("lastStartedAt")?);
    let reason = at.text("reason").map(|reason| given.masked(reason));
    Ok(Some(ManagedAgent { name, status, started, reason }))
}

/// Each container once, as the last of several of a name has it: its span is sent once. And the others that say something else.
fn each_once(all: Vec<ContainerRecord>) -> (Vec<ContainerRecord>, Vec<ContainerRecord>) {
    let (mut once, mut doubles) = (Vec::<ContainerRecord>::with_capacity(all.len()), vec![]);
    for container in all {
        match once.iter_mut().find(|known| known.name == container.name) {
            Some(known) if *known == container => {}
            Some(known) => doubles.push(std::mem::replace(known, container)),
            None => once.push(container),
        }
    }
    (once, doubles)
}

/// The exit code of a container that has exited: SDKs with a non-null integer give 0 to those that still run.
fn exit_code(at: &At<'_>) -> Result<Option<i64>, ReadError> {
    let runs =
        at.text("lastStatus").is_some_and(|status| matches!(status.as_str(), "PENDING" | "RUNNING" | "PROVISIONING"));
    let given = at.integer("exitCode").map(Ok).or_else(|| {
        let wrong = || ReadError::Expected { place: at.place.key("exitCode"), expected: "a number" };
        match (at.text("exitCode"), at.get("exitCode")?.value) {
            (Some(text), _) => Some(text.parse().map_err(|_| wrong())),
            (None, Value::String(_)) => None,
            (None, _) => Some(Err(wrong())),
        }
    });
    Ok(given.transpose()?.filter(|_| !runs))
}

/// The address of the task's own network interface.
fn private_ip(task: &Value) -> Option<String> {
    let is_eni = |one: &&Value| matches!(text(one, "type").as_deref(), Some("ElasticNetworkInterface" | "eni"));
    let details = values_of(task, "attachments").iter().filter(is_eni).flat_map(|one| values_of(one, "details"));
    details
        .filter(|detail| text(detail, "name").as_deref() == Some("privateIPv4Address"))
        .find_map(|detail| text(detail, "value"))
}

fn overrides(task: &Value) -> BTreeMap<String, TracedEnv> {
    let containers = value_of(task, "overrides").map_or(&[][..], |given| values_of(given, "containerOverrides"));
    let named = containers.iter().map(|one| (one, traced_env(one))).filter(|(_, env)| *env != TracedEnv::default());
    named.filter_map(|(one, env)| Some((text(one, "name")?, env))).collect()
}

/// The variables of an `environment` that speak to tracing. Values of others are not looked at: they may be secrets.
fn traced_env(container: &Value) -> TracedEnv {
    let mut env = TracedEnv::default();
    for pair in values_of(container, "environment") {
        let slot = match text(pair, "name").as_deref() {
            Some("TRACEPARENT") => &mut env.traceparent,
            Some("TRACESTATE") => &mut env.tracestate,
            Some("_X_AMZN_TRACE_ID") => &mut env.xray,
            Some("OTEL_SERVICE_NAME") => &mut env.otel_service_name,
            Some("OTEL_RESOURCE_ATTRIBUTES") => &mut env.otel_resource_attributes,
            _ => continue,
        };
        *slot = text(pair, "value");
    }
    env
}

/// A task definition: a DescribeTaskDefinition answer, or the definition itself, or what registers one.
pub(crate) fn definition(at: &At<'_>) -> DefinitionRecord {
    let at = &at.get("taskDefinition").unwrap_or_else(|| at.clone());
    DefinitionRecord {
        origin: at.place.to_string(),
        arn: at.text("taskDefinitionArn"),
        family: at.text("family"),
        revision: at.integer("revision").and_then(|revision| u64::try_from(revision).ok()),
        containers: at.list("containerDefinitions").iter().filter_map(container_definition).collect(),
    }
}

fn container_definition(at: &At<'_>) -> Option<ContainerDefinition> {
    let stop_timeout = at.integer("stopTimeout").and_then(|seconds| u64::try_from(seconds).ok());
    Some(ContainerDefinition {
        name: at.text("name")?,
        image: at.text("image"),
        essential: at.boolean("essential").unwrap_or(true),
        stop_timeout,
        log: at.list("logConfiguration").first().and_then(log_config),
        env: traced_env(at.value),
    })
}

fn log_config(at: &At<'_>) -> Option<LogConfig> {
    Some(LogConfig { driver: at.text("logDriver")?, options: log_options(at.get("options").as_ref()) })
}

/// The options that decide the stream; others can hold tokens.
pub(crate) fn log_options(options: Option<&At<'_>>) -> BTreeMap<String, String> {
    let option = |name: &'static str| {
        let object = options?.value.as_object()?;
        let (key, _) = object.iter().find(|(key, _)| key.eq_ignore_ascii_case(name))?;
        Some((name.to_owned(), options?.text(key)?))
    };
    LogConfig::OPTIONS.into_iter().filter_map(option).collect()
}

/// The events of a service that say when and what.
pub(crate) fn service_events(events: &[At<'_>]) -> Result<Vec<ServiceEvent>, ReadError> {
    let mut found = vec![];
    for at in events {
        if let (Some(time), Some(message)) = (at.time("createdAt")?, at.text("message")) {
            found.push(ServiceEvent { id: at.text("id"), at: time, message });
        }
    }
    Ok(found)
}

/// The lines of a page of log events, by stream: GetLogEvents has one and does not name it, FilterLogEvents names each
/// line's, and a subscription its own for all.
pub(crate) fn log_lines(lines: &[At<'_>], page: &At<'_>, own: Option<&str>) -> Result<Vec<ContainerLog>, ReadError> {
    let mut logs: BTreeMap<Option<String>, ContainerLog> = BTreeMap::new();
    for at in lines {
        let time = at.get("timestamp").map(|time| times::parse(time.value)).transpose();
        let time =
            time.map_err(|_| ReadError::Expected { place: at.place.key("timestamp"), expected: "a time" })?.flatten();
        let Some(time) = time else {
            return Err(ReadError::Expected { place: at.place.clone(), expected: "a timestamp" });
        };
        let message = at.get("message").and_then(|message| message.value.as_str());
        let message =
            message.ok_or_else(|| ReadError::Expected { place: at.place.key("message"), expected: "text" })?;
        let stream = at.text("logStreamName").or_else(|| own.map(str::to_owned));
        let log = logs.entry(stream.clone()).or_insert_with(|| ContainerLog {
            origin: page.place.to_string(),
            stream,
            ..Default::default()
        });
        log.head.push(LogLine {
            time,
            observed: at.time("ingestionTime")?,
            message: without_line_end(message).to_owned(),
            origin: None,
        });
    }
    Ok(logs.into_values().collect())
}

/// As [`log_lines`], and what is wrong with lines that are none; an error where none is one.
pub(crate) fn readable_lines(
    mut lines: Vec<At<'_>>,
    page: &At<'_>,
) -> Result<(Vec<ContainerLog>, Vec<ReadError>), ReadError> {
    let error = match log_lines(&lines, page, None) {
        Ok(logs) => return Ok((logs, vec![])),
        Err(error) => error,
    };
    let mut errors = vec![];
    lines.retain(|line| {
        let wrong = log_lines(std::slice::from_ref(line), page, None).err();
        let is_right = wrong.is_none();
        errors.extend(wrong);
        is_right
    });
    if lines.is_empty() { Err(error) } else { Ok((log_lines(&lines, page, None)?, errors)) }
}

/// The keys of a JSON object, for errors; the kind of anything else.
pub(crate) fn describe(value: &Value) -> String {
    const MOST: usize = 8;
    const LONGEST: usize = 60;
    match value {
        Value::Object(object) => {
            let short = |key: &String| key.chars().take(LONGEST).collect::<String>();
            let keys: Vec<String> = object.keys().take(MOST).map(short).collect();
            let more = if object.len() > MOST { ", …" } else { "" };
            format!("an object with {}{more}", if keys.is_empty() { "no keys".to_owned() } else { keys.join(", ") })
        }
        Value::Array(items) => format!("an array of {}", items.len()),
        Value::String(_) => "a string".to_owned(),
        Value::Number(_) => "a number".to_owned(),
        Value::Bool(_) => "a truth value".to_owned(),
        Value::Null => "null".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_run_task_found_no_place_for_is_not_called_missing() {
        let failures = serde_json::json!([
            {"arn": "arn:aws:ecs:x:1:task/c/a", "reason": "MISSING"},
            {"arn": "arn:aws:ecs:x:1:container-instance/c/b", "reason": "RESOURCE:MEMORY"},
            {"arn": "web", "reason": "ACCESS"}
        ]);
        let said: Vec<String> = missing(&At::root("f", &failures)).iter().map(MissingTask::what).collect();
        let expected = [
            "did not find arn:aws:ecs:x:1:task/c/a",
            "started no task on arn:aws:ecs:x:1:container-instance/c/b",
            "gave no answer about web",
        ];
        assert_eq!(said, expected);
    }
}
