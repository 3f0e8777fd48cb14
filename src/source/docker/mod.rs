//! Docker: what the runtime itself knows of a container – when it finished, with which exit code, whether for want of
//! memory – and the log that it keeps. Here `docker inspect` is read, saved
//! or live (main function: `task`); `client` asks (feature `docker`).
//!
//! Read by allow-list: environment, command, arguments, mounts and labels (but five of ECS's own) can hold secrets, and are
//! neither looked at nor kept. Errors never quote an answer.

#[cfg(feature = "docker")]
mod client;
#[cfg(feature = "docker")]
mod log;

use serde_json::Value;

#[cfg(feature = "docker")]
pub(crate) use self::client::can_read_logs;
#[cfg(feature = "docker")]
pub use self::client::{DEFAULT_HOST, Docker, DockerError};
use super::answer;
use super::error::ReadError;
use super::json::At;
use crate::model::arn::last_part;
use crate::model::observation::{ContainerRecord, LogConfig, Source, TaskRecord};

/// The reason that ECS's agent gives for a container that the kernel killed for want of memory.
const OUT_OF_MEMORY: &str = "OutOfMemoryError: Container killed due to memory usage";

/// Whether `at` is a container as `docker inspect` prints it.
pub(crate) fn is_container(at: &At<'_>) -> bool {
    let is_object = |key: &str| at.value.get(key).is_some_and(Value::is_object);
    at.value.get("Id").is_some() && is_object("State") && (is_object("Config") || is_object("HostConfig"))
}

/// What a container is called that ECS did not start.
pub const FOREIGN: &str = "container that ECS did not start";

/// Whether `at`, a container, is one that ECS did not start (its own agent, for one): it has none of ECS's labels.
pub(crate) fn is_foreign(at: &At<'_>) -> bool {
    let label = |config: &At<'_>| config.get("Labels").is_some_and(|labels| labels.has("com.amazonaws.ecs.task-arn"));
    at.get("Config").is_some_and(|config| !label(&config))
}

/// A container of `docker inspect`, as a task of which no more is known: ECS's labels say which one.
pub(crate) fn task(at: &At<'_>) -> Result<TaskRecord, ReadError> {
    let labels = at.get("Config").and_then(|config| config.get("Labels"));
    let label = |name: &str| labels.as_ref()?.text(&format!("com.amazonaws.ecs.{name}"));
    let expected = || ReadError::Expected {
        place: at.place.clone(),
        expected: "a container that ECS started, with the label com.amazonaws.ecs.task-arn",
    };
    let arn = label("task-arn").ok_or_else(expected)?;
    let name = label("container-name").ok_or_else(expected)?;
    let revision = label("task-definition-version").map_or(String::new(), |revision| format!(":{revision}"));
    Ok(TaskRecord {
        source: Some(Source::Docker),
        origin: at.place.to_string(),
        id: last_part(&arn).to_owned(),
        arn: arn.starts_with("arn:").then(|| arn.clone()),
        cluster_arn: label("cluster"),
        task_definition_arn: label("task-definition-family").map(|family| format!("{family}{revision}")),
        containers: vec![container(at, name, false)?],
        ..TaskRecord::default()
    })
}

/// What Docker says of a container. Of a task that is over nothing is started again.
pub(crate) fn container(at: &At<'_>, name: String, is_over: bool) -> Result<ContainerRecord, ReadError> {
    let expected = || ReadError::Expected { place: at.place.clone(), expected: "a container with a State" };
    let state = at.get("State").ok_or_else(expected)?;
    let is = |key: &str| state.boolean(key) == Some(true);
    // One that was started again still tells when it finished before.
    let runs = is("Running") || is("Restarting") || is("Paused");
    let finished = state.exact_time("FinishedAt")?.filter(|_| !runs);
    let exit_code = state.integer("ExitCode").filter(|_| finished.is_some());
    let host = at.get("HostConfig");
    let config = |key: &str| host.as_ref()?.get(key);
    let restarts = at.integer("RestartCount").and_then(|count| u64::try_from(count).ok()).unwrap_or_default();
    let policy = config("RestartPolicy");
    let policy_name = policy.as_ref().and_then(|policy| policy.text("Name")).filter(|name| name != "no");
    let most = policy.as_ref().and_then(|policy| policy.integer("MaximumRetryCount")).filter(|most| *most > 0);
    let is_exhausted = most.and_then(|most| u64::try_from(most).ok()).is_some_and(|most| restarts >= most);
    let may_restart = match policy_name.as_deref() {
        Some("on-failure") => exit_code != Some(0) && !is_exhausted,
        Some(_) => true,
        // Docker did not do it, so somebody else may again.
        None => restarts > 0,
    };
    let log = config("LogConfig").and_then(|log| {
        Some(LogConfig { driver: log.text("Type")?, options: answer::log_options(log.get("Config").as_ref()) })
    });
    let health = state.get("Health").and_then(|health| health.text("Status")).filter(|health| health != "none");
    Ok(ContainerRecord {
        name,
        runtime_id: at.text("Id"),
        image: at.get("Config").and_then(|config| config.text("Image")),
        last_status: status(&state, runs),
        health_status: health.map(|health| health.to_ascii_uppercase()),
        exit_code,
        reason: reason(&state, runs, finished.is_some()),
        created: at.exact_time("Created")?,
        started: state.exact_time("StartedAt")?,
        finished,
        may_restart: may_restart && finished.is_some() && !is_over,
        restarts: (policy_name.is_some() || restarts > 0).then_some(restarts),
        log,
        ..ContainerRecord::default()
    })
}

/// In ECS's words.
fn status(state: &At<'_>, runs: bool) -> Option<String> {
    let status = match state.text("Status").as_deref() {
        _ if runs => "RUNNING",
        Some("exited" | "dead" | "removing") => "STOPPED",
        Some("created") => "CREATED",
        _ => return None,
    };
    Some(status.to_owned())
}

/// Why it ended, as ECS's agent puts it.
fn reason(state: &At<'_>, runs: bool, has_finished: bool) -> Option<String> {
    if has_finished && state.boolean("OOMKilled") == Some(true) {
        return Some(OUT_OF_MEMORY.to_owned());
    }
    state.text("Error").filter(|_| !runs).map(|error| format!("DockerStateError: {error}"))
}

#[cfg(all(test, feature = "docker"))]
#[allow(clippy::unwrap_used)]
mod tests;
