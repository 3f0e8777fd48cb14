//! Recognises what a JSON value is, by its content. Main type: [`Shape`].

use serde_json::Value;

use super::error::ReadError;
use super::json::{At, field, pascal};
use super::{action, answer, docker, event, execution, metadata, packed, redact, rows, trail};

/// What a JSON value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// A Task object.
    Task,
    /// A task definition.
    Definition,
    /// A service.
    Service,
    /// The deployments of a service, without it.
    Deployments,
    /// A deployment of the service deployments API.
    ServiceDeployment,
    /// A revision of a service.
    ServiceRevision,
    /// Events of a service.
    ServiceEvents,
    /// Log events.
    LogLines,
    /// What `ecspan record` writes.
    Bundle,
    /// An EventBridge event.
    Event,
    /// A line of a service's action log.
    ActionLine,
    /// A record of CloudTrail.
    Recorded,
    /// Records of CloudTrail.
    Records,
    /// A metadata answer about a task.
    Metadata,
    /// A metadata answer about one container.
    MetadataContainer,
    /// A task of the agent's introspection API.
    AgentTask,
    /// A container, as `docker inspect` prints it.
    DockerContainer,
    /// A message, or several, with documents as text inside.
    Envelope,
    /// A message about the messages.
    Control,
    /// Rows of CloudWatch Logs Insights.
    QueryRows,
    /// An array.
    List,
    /// A document as text.
    Text,
    /// An object that holds others: an answer, or somebody else's with a task somewhere inside.
    Parts,
}

/// What `at` is. What is known and holds no task is refused by name.
pub(crate) fn of(at: &At<'_>) -> Result<Shape, ReadError> {
    match at.value {
        Value::Array(_) => return Ok(of_list(&at.elements())),
        Value::String(text) if text.contains(['{', '[', '\n']) || packed::looks_like_base64(text) => {
            return Ok(Shape::Text);
        }
        Value::Object(_) => {}
        _ => return Err(nothing(at)),
    }
    if at.value.get("ecspan_bundle").is_some() {
        return Ok(Shape::Bundle);
    }
    if event::is_event(at) {
        return Ok(Shape::Event);
    }
    if action::is_line(at) {
        return Ok(Shape::ActionLine);
    }
    if trail::is_record(at) {
        return Ok(Shape::Recorded);
    }
    if at.list("records").first().is_some_and(trail::is_record) {
        return Ok(Shape::Records);
    }
    if event::is_control(at) {
        return Ok(Shape::Control);
    }
    if rows::is_answer(at) {
        return Ok(Shape::QueryRows);
    }
    if event::messages(at).is_some() {
        return Ok(Shape::Envelope);
    }
    if metadata::is_task(at) {
        return Ok(Shape::Metadata);
    }
    if metadata::is_container(at) {
        return Ok(Shape::MetadataContainer);
    }
    if metadata::is_agent_task(at) {
        return Ok(Shape::AgentTask);
    }
    if docker::is_container(at) {
        return Ok(Shape::DockerContainer);
    }
    if let Some(kind) = other_kind(at) {
        return Err(ReadError::NotYet { place: at.place.clone(), kind });
    }
    if is_task(at) || is_nameless_task(at) {
        return Ok(Shape::Task);
    }
    if at.has("containerDefinitions") {
        return Ok(Shape::Definition);
    }
    if at.has("serviceDeploymentArn") && (at.has("status") || at.has("createdAt") || at.has("serviceArn")) {
        return Ok(Shape::ServiceDeployment);
    }
    if at.has("serviceRevisionArn") && at.has("taskDefinition") {
        return Ok(Shape::ServiceRevision);
    }
    if is_service(at) {
        return Ok(Shape::Service);
    }
    if is_deployment(at) && !at.has("taskSetArn") {
        return Ok(Shape::Deployments);
    }
    Ok(Shape::Parts)
}

fn of_list(elements: &[At<'_>]) -> Shape {
    let all = |is: &dyn Fn(&At<'_>) -> bool| !elements.is_empty() && elements.iter().all(is);
    // One that lacks its text is a line, too, and told.
    if elements.iter().any(|at| at.has("message")) && all(&|at| at.has("timestamp")) {
        return Shape::LogLines;
    }
    if all(&rows::is_saved) {
        return Shape::QueryRows;
    }
    if all(&|at| at.has("createdAt") && at.has("message") && !at.has("containers")) {
        return Shape::ServiceEvents;
    }
    if all(&is_deployment) {
        return Shape::Deployments;
    }
    Shape::List
}

/// Whether a list that begins so is one of things, each of its own: no log, nothing else that only the whole tells.
#[cfg(feature = "aws")]
pub(crate) fn begins_list(first: &At<'_>) -> bool {
    first.value.is_object() && of_list(std::slice::from_ref(first)) == Shape::List
}

/// `at` is nothing that is known.
pub(crate) fn unknown(at: &At<'_>) -> ReadError {
    ReadError::UnknownShape { place: at.place.clone(), found: answer::describe(at.value) }
}

/// Nothing was found in `at`: what it is then.
pub(crate) fn nothing(at: &At<'_>) -> ReadError {
    let place = at.place.clone();
    if let Some(failure) = execution::failure(at) {
        return ReadError::Failure { place, failure };
    }
    if let Some(kind) = foreign_kind(at) {
        return ReadError::NotYet { place, kind };
    }
    if let Some(what) = projection(at) {
        return ReadError::Projection { place, what, found: answer::describe(at.value) };
    }
    const EMPTY: [(&str, &str); 8] = [
        ("tasks", "tasks"),
        ("services", "services"),
        ("serviceDeployments", "deployments"),
        ("serviceRevisions", "revisions"),
        ("messages", "messages"),
        ("records", "records"),
        ("events", "events"),
        ("results", "rows"),
    ];
    if at.value.is_null() || at.value.as_array().is_some_and(Vec::is_empty) {
        return ReadError::NoneInIt { place, what: "tasks" };
    }
    let is_empty = |key: &str| {
        let own = at.value.as_object().and_then(|object| field(object, key));
        // Some write an empty list as null.
        own.is_some_and(|(_, value)| value.is_null() || value.as_array().is_some_and(Vec::is_empty))
    };
    if let Some((_, what)) = EMPTY.iter().find(|(key, _)| is_empty(key)) {
        return ReadError::NoneInIt { place, what };
    }
    const NAMES: [(&str, &str); 4] = [
        ("taskArns", "tasks"),
        ("serviceArns", "services"),
        ("taskDefinitionArns", "task definitions"),
        ("clusterArns", "clusters"),
    ];
    if let Some((_, what)) = NAMES.iter().find(|(key, _)| at.has(key)) {
        return ReadError::NamesOnly { place, what };
    }
    if names_in_list(at, ":task/") {
        let is_all = at
            .value
            .as_array()
            .is_some_and(|items| items.iter().all(|item| item.as_str().is_some_and(|text| is_arn(text, ":"))));
        return match is_all {
            true => ReadError::NamesOnly { place, what: "tasks" },
            false => ReadError::Projection { place, what: "task", found: answer::describe(at.value) },
        };
    }
    unknown(at)
}

/// Whether `at` is a list of texts, one of which is an ARN of that kind.
fn names_in_list(at: &At<'_>, kind: &str) -> bool {
    at.value
        .as_array()
        .is_some_and(|items| items.iter().any(|item| item.as_str().is_some_and(|text| is_arn(text, kind))))
}

fn is_arn(text: &str, kind: &str) -> bool {
    text.starts_with("arn:") && text.contains(kind)
}

/// Whether `at` says which task it is.
fn names_task(at: &At<'_>) -> bool {
    at.has("taskArn") || at.text("arn").is_some_and(|arn| is_arn(&arn, ":task/"))
}

/// A Task object says which it is and in what state.
fn is_task(at: &At<'_>) -> bool {
    names_task(at)
        && (at.has("lastStatus") || at.has("containers") || at.has("clusterArn"))
        && !at.has("containerArn")
        && !at.has("serviceArn")
        && !is_container_alone(at)
}

/// One of a task's `containers`: they say their task's ARN, too.
fn is_container_alone(at: &At<'_>) -> bool {
    at.has("name")
        && !["containers", "clusterArn", "taskDefinitionArn", "desiredStatus", "createdAt", "startedAt", "group"]
            .iter()
            .any(|key| at.has(key))
}

/// A Task object that lost its ARN: its containers tell.
fn is_nameless_task(at: &At<'_>) -> bool {
    let is_container = |at: &At<'_>| at.has("containerArn") || at.has("name") && at.has("lastStatus");
    ["lastStatus", "clusterArn", "attachments", "desiredStatus", "group", "createdAt"].iter().any(|key| at.has(key))
        && at.list("containers").first().is_some_and(is_container)
}

/// One of a service's `deployments`.
fn is_deployment(at: &At<'_>) -> bool {
    at.text("id").is_some_and(|id| id.starts_with("ecs-svc/")) && (at.has("status") || at.has("rolloutState"))
}

fn is_service(at: &At<'_>) -> bool {
    const FIELDS: [&str; 6] = ["deployments", "events", "status", "desiredCount", "runningCount", "taskDefinition"];
    if at.has("taskArn") || at.has("taskSetArn") || at.has("containerArn") {
        return false;
    }
    let is_named = at.has("serviceArn") || at.text("arn").is_some_and(|arn| is_arn(&arn, ":service/"));
    (is_named || at.has("serviceName")) && FIELDS.iter().any(|key| at.has(key))
        || at.list("deployments").first().is_some_and(is_deployment)
        || at.has("status") && of_list(&at.list("events")) == Shape::ServiceEvents
}

/// Of what `at` has some fields without the rest.
fn projection(at: &At<'_>) -> Option<&'static str> {
    const TASK: [&str; 8] = [
        "taskArn",
        "stoppedReason",
        "lastStatus",
        "pullStartedAt",
        "startedAt",
        "stopCode",
        "stoppedAt",
        "desiredStatus",
    ];
    const SERVICE: [&str; 5] = ["serviceName", "serviceArn", "rolloutState", "desiredCount", "runningCount"];
    let any = |keys: &[&str]| keys.iter().any(|key| at.has(key));
    let has_arn = |kind: &str| {
        let mut values = at.value.as_object().into_iter().flat_map(|object| object.values());
        values.any(|value| value.as_str().is_some_and(|text| is_arn(text, kind)))
    };
    if any(&TASK) || has_arn(":task/") || at.has("createdAt") && !at.has("message") {
        return Some("task");
    }
    (any(&SERVICE) || has_arn(":service/")).then_some("service")
}

/// Whether the field `name` of an answer holds what its name says: in other documents it may be anything.
pub(crate) fn holds_things(at: &At<'_>, name: &str) -> bool {
    let is_thing = |at: &At<'_>| match name {
        "tasks" | "task" => {
            is_snake(at)
                || is_task(at)
                || is_nameless_task(at)
                || metadata::is_agent_task(at)
                || metadata::is_task(at)
                || projection(at) == Some("task")
        }
        "services" | "service" => is_snake(at) || is_service(at) || projection(at) == Some("service"),
        "serviceDeployments" => at.has("serviceDeploymentArn"),
        _ => at.has("serviceRevisionArn"),
    };
    match at.value {
        Value::Array(items) => items.iter().any(|value| is_thing(&At { value, place: at.place.clone() })),
        Value::Object(_) => is_thing(at),
        _ => false,
    }
}

/// What is known and is no task.
fn other_kind(at: &At<'_>) -> Option<&'static str> {
    let has = |keys: &[&str]| keys.iter().all(|key| at.value.get(key).is_some());
    if has(&["containers", "status", "task"]) {
        return Some("what the agent submits to ECS, not what ECS knows");
    }
    // What ecspan itself wrote of tasks has their words, and is no answer.
    const OWN: [(&str, &str); 4] = [
        ("resourceSpans", "a request of OTLP, which `ecspan resend` sends"),
        ("ecspan_report", "a report of `ecspan deploy`, which its --baseline takes"),
        ("ecspan_stats", "what `ecspan stats` says of tasks, without the tasks"),
        ("ecspan_ls", "a row of `ecspan ls` (`ecspan show ARN` draws its task)"),
    ];
    if let Some((_, kind)) = OWN.iter().find(|(key, _)| has(&[key])) {
        return Some(kind);
    }
    if has(&["terraform_version"]) {
        return Some("a state or a plan of Terraform, which knows no tasks");
    }
    if at.has("__type") && at.has("message") || at.get("error").is_some_and(|error| error.has("code")) {
        return Some("an error of AWS, not an answer");
    }
    None
}

/// What is no answer of ECS's and has nothing of it inside.
fn foreign_kind(at: &At<'_>) -> Option<&'static str> {
    const KINDS: [(&[&str], &str); 6] = [
        (
            &["ClusterName", "Type", "Timestamp"],
            "a performance record of Container Insights, which knows no times of a task's phases",
        ),
        (&["AWSTemplateFormatVersion"], "a template of CloudFormation"),
        (&["apiVersion", "kind"], "an object of Kubernetes, not of Amazon ECS"),
        (&["ID", "Image", "Names"], "a row of `docker ps`, not of `docker inspect`"),
        (&["RepoTags", "RootFS"], "an image of docker, not a container"),
        (
            &["Cluster", "ContainerInstanceArn"],
            "what the agent says of itself (its /v1/metadata), not of tasks (/v1/tasks)",
        ),
    ];
    let is_filled =
        at.value.get("Records").is_some_and(|records| records.as_array().is_none_or(|list| !list.is_empty()));
    if is_filled {
        return Some("a message of another kind");
    }
    let has = |keys: &&[&str]| keys.iter().all(|key| at.value.get(key).is_some());
    KINDS.iter().find(|(keys, _)| has(keys)).map(|(_, kind)| *kind)
}

/// Whether the keys of `at` are written as Ruby and databases do: `task_arn`.
pub(crate) fn is_snake(at: &At<'_>) -> bool {
    ["task_arn", "service_arn", "container_definitions"].iter().any(|key| at.value.get(*key).is_some())
}

/// A value with its keys as the API writes them.
pub(crate) fn in_camel_case(value: &Value) -> Value {
    match value {
        Value::Array(items) => items.iter().map(in_camel_case).collect(),
        Value::Object(object) => {
            let camel = |key: &String| {
                let mut words = key.split('_');
                let first = words.next().unwrap_or_default().to_owned();
                words.fold(first, |name, word| name + &pascal(word))
            };
            Value::Object(object.iter().map(|(key, value)| (camel(key), in_camel_case(value))).collect())
        }
        scalar => scalar.clone(),
    }
}

/// Whether the keys of `at`, or of its detail, are in small letters, as Athena and Hive write them: `taskarn`.
pub(crate) fn is_in_small_letters(at: &At<'_>) -> bool {
    let is_so = |value: &Value| value.get("taskarn").is_some() || value.get("laststatus").is_some();
    is_so(at.value) || at.value.get("detail").is_some_and(is_so)
}

/// A value with the keys that the API has as it writes them.
pub(crate) fn in_letters_of_the_api(value: &Value) -> Value {
    match value {
        Value::Array(items) => items.iter().map(in_letters_of_the_api).collect(),
        Value::Object(object) => {
            let named = |key: &String| redact::field(key).map_or_else(|| key.clone(), str::to_owned);
            Value::Object(object.iter().map(|(key, value)| (named(key), in_letters_of_the_api(value))).collect())
        }
        scalar => scalar.clone(),
    }
}

/// A key as the API writes it.
pub(crate) fn camel(key: &str) -> String {
    let mut chars = key.chars();
    chars.next().map_or_else(String::new, |first| first.to_lowercase().chain(chars).collect())
}
