//! Recognises what a JSON document is, by its content. Main type: [`Shape`].

use super::error::ReadError;
use super::json::At;
use super::{docker, event, metadata};

/// What a JSON document is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// An answer with `tasks` or a `task`: DescribeTasks, RunTask, StartTask, StopTask.
    Answer,
    /// A Task object.
    Task,
    /// A task definition, or the answer that holds one.
    Definition,
    /// A page of log events.
    LogPage,
    /// A DescribeServices answer.
    Services,
    /// A ListServiceDeployments or a DescribeServiceDeployments answer.
    ServiceDeployments,
    /// A DescribeServiceRevisions answer.
    ServiceRevisions,
    /// What `ecspan record` writes.
    Bundle,
    /// An EventBridge event.
    Event,
    /// A metadata answer about a task.
    Metadata,
    /// A metadata answer about one container.
    MetadataContainer,
    /// A task of the agent's introspection API.
    AgentTask,
    /// The agent's list of tasks.
    AgentTasks,
    /// A container, as `docker inspect` prints it.
    DockerContainer,
    /// A message, or several, with documents as text inside.
    Envelope,
    /// Something that holds others: an array, or a document with a task somewhere inside.
    Nested,
}

/// What `at` is. What is known and holds no task is refused by name.
pub(crate) fn of(at: &At<'_>) -> Result<Shape, ReadError> {
    if at.value.is_array() {
        return Ok(Shape::Nested);
    }
    let has = |keys: &[&str]| keys.iter().all(|key| at.has(key));
    let is_log_line = |at: &At<'_>| at.has("timestamp") && at.has("message");
    if at.value.get("ecspan_bundle").is_some() {
        return Ok(Shape::Bundle);
    }
    if event::is_event(at) {
        return Ok(Shape::Event);
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
    if metadata::is_agent_list(at) {
        return Ok(Shape::AgentTasks);
    }
    if docker::is_container(at) {
        return Ok(Shape::DockerContainer);
    }
    if let Some(kind) = other_kind(at) {
        return Err(ReadError::NotYet { place: at.place.clone(), kind });
    }
    if is_task(at) {
        return Ok(Shape::Task);
    }
    if has(&["containerDefinitions"]) || at.get("taskDefinition").is_some_and(|inner| inner.has("containerDefinitions"))
    {
        return Ok(Shape::Definition);
    }
    if at.value.get("events").is_some_and(|_| at.list("events").first().map_or(has(&["nextForwardToken"]), is_log_line))
    {
        return Ok(Shape::LogPage);
    }
    if at.list("serviceDeployments").first().map_or(at.has("serviceDeployments"), |one| one.has("serviceDeploymentArn"))
    {
        return Ok(Shape::ServiceDeployments);
    }
    if at.list("serviceRevisions").first().map_or(at.has("serviceRevisions"), |one| one.has("serviceRevisionArn")) {
        return Ok(Shape::ServiceRevisions);
    }
    let services = at.list("services");
    let is_service = |service: &At<'_>| service.has("serviceArn") || service.has("events");
    if services.first().map_or(at.value.get("services").is_some(), is_service) {
        return Ok(Shape::Services);
    }
    let tasks = at.list("tasks").into_iter().chain(at.get("task")).collect::<Vec<_>>();
    if tasks.iter().any(is_task) || (at.has("failures") && at.value.get("tasks").is_some()) {
        return Ok(Shape::Answer);
    }
    let projected = tasks.first().unwrap_or(at);
    if is_projection(projected) {
        return Err(ReadError::Projection {
            place: projected.place.clone(),
            found: super::answer::describe(projected.value),
        });
    }
    if at.value.as_object().is_some_and(|object| object.values().any(|value| value.is_object() || value.is_array())) {
        return Ok(Shape::Nested);
    }
    Err(unknown(at))
}

/// `at` is nothing that is known.
pub(crate) fn unknown(at: &At<'_>) -> ReadError {
    ReadError::UnknownShape { place: at.place.clone(), found: super::answer::describe(at.value) }
}

/// A Task object says which it is and in what state.
fn is_task(at: &At<'_>) -> bool {
    at.has("taskArn")
        && (at.has("lastStatus") || at.has("containers") || at.has("clusterArn"))
        && !at.has("containerArn")
}

/// Some field that only tasks have, without the rest.
fn is_projection(at: &At<'_>) -> bool {
    ["taskArn", "stoppedReason", "lastStatus", "pullStartedAt", "createdAt", "startedAt", "stopCode"]
        .iter()
        .any(|key| at.has(key))
}

/// What is known and is no task.
fn other_kind(at: &At<'_>) -> Option<&'static str> {
    let has = |keys: &[&str]| keys.iter().all(|key| at.value.get(key).is_some());
    if has(&["containers", "status", "task"]) {
        return Some("what the agent submits to ECS, not what ECS knows");
    }
    has(&["Records"]).then_some("a message of another kind")
}
