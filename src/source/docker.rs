//! Docker: what the runtime itself knows of a container – when it finished, with which exit code, whether for want of
//! memory – and the log that it keeps. Main type: [`Docker`]; main function: `container`.
//!
//! Read by allow-list: environment, command, arguments, mounts and labels (but five of ECS's own) can hold secrets, and are
//! neither looked at nor kept. Errors never quote an answer.

use std::error::Error as _;
use std::io::ErrorKind;
use std::time::Duration;

use bollard::container::LogOutput;
use bollard::errors::Error;
use bollard::models::ContainerInspectResponse;
use bollard::query_parameters::{InspectContainerOptions, LogsOptionsBuilder};
use futures::StreamExt;
use serde_json::{Value, json};
use tokio::time::timeout;

use super::answer;
use super::docker_log::Assembler;
use super::endpoint;
use super::error::ReadError;
use super::json::At;
use crate::model::arn::last_part;
use crate::model::log::ContainerLog;
use crate::model::observation::{ContainerRecord, LogConfig, Source, TaskRecord};

/// Where Docker listens, unless somebody says otherwise.
pub const DEFAULT_HOST: &str = "unix:///var/run/docker.sock";
/// Docker answers within milliseconds; one that does not in this time is not waited for.
const TIMEOUT: Duration = Duration::from_secs(5);
/// A log may be long.
const LOG_TIMEOUT: Duration = Duration::from_secs(15);
/// The log drivers whose logs Docker itself has and gives back.
const READABLE_DRIVERS: [&str; 3] = ["json-file", "local", "journald"];
/// The reason that ECS's agent gives for a container that the kernel killed for want of memory.
const OUT_OF_MEMORY: &str = "OutOfMemoryError: Container killed due to memory usage";

/// Whether Docker gives back what containers with this log driver wrote.
pub fn can_read_logs(driver: &str) -> bool {
    READABLE_DRIVERS.contains(&driver)
}

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

/// The repository of an image reference: `[HOST[:PORT]/]NAME`.
fn repository(image: &str) -> &str {
    let image = image.split_once('@').map_or(image, |(rest, _)| rest);
    // A colon before the last slash is a registry's port.
    image.rsplit_once(':').filter(|(_, tag)| !tag.contains('/')).map_or(image, |(name, _)| name)
}

/// The digest under which an image was pulled; of several repositories', that of the one it was named by.
fn pulled_digest(image: &str, digests: &[String]) -> Option<String> {
    let mut pairs = digests.iter().filter_map(|digest| digest.split_once('@'));
    let named = pairs.clone().find(|(name, _)| *name == repository(image));
    let only = || pairs.next().filter(|_| digests.len() == 1);
    named.or_else(only).map(|(_, digest)| digest.to_owned())
}

/// Docker, at its socket or address.
#[derive(Clone, Debug)]
pub struct Docker {
    host: String,
}

/// Why Docker could not be asked.
#[derive(Debug, thiserror::Error)]
pub enum DockerError {
    /// No such kind of address.
    #[error("Docker at {host}: only unix:// and tcp:// are supported")]
    Unsupported {
        /// As it was given.
        host: String,
    },
    /// There is no socket.
    #[error("there is no Docker socket at {host}")]
    NoSocket {
        /// Where.
        host: String,
    },
    /// The socket is somebody else's.
    #[error("permission denied for the Docker socket at {host}")]
    Denied {
        /// Where.
        host: String,
    },
    /// It does not answer.
    #[error("Docker at {host} does not answer: {why}")]
    Unanswered {
        /// Where.
        host: String,
        /// What happened instead.
        why: String,
    },
    /// A log that is too long or comes too slowly.
    #[error("the log could not be read within {} s", LOG_TIMEOUT.as_secs())]
    SlowLog,
    /// It refuses.
    #[error("Docker answered {status}: {message}")]
    Status {
        /// HTTP's.
        status: u16,
        /// Docker's own words.
        message: String,
    },
    /// An answer that is none. What stands there is not quoted: it may be a secret.
    #[error("Docker's answer could not be understood")]
    Unreadable,
    /// An answer with something wrong in it.
    #[error("{0}")]
    Wrong(#[from] ReadError),
}

impl DockerError {
    /// Whether there is no Docker to be asked, rather than a trouble with one container.
    pub const fn is_absent(&self) -> bool {
        matches!(self, Self::NoSocket { .. } | Self::Denied { .. } | Self::Unanswered { .. })
    }

    /// What to do about it.
    pub const fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Unsupported { .. } => {
                Some("--docker unix:///var/run/docker.sock, --docker tcp://127.0.0.1:2375, or --docker none")
            }
            Self::NoSocket { .. } | Self::Unanswered { .. } => Some(
                "in a container, mount the socket (-v /var/run/docker.sock:/var/run/docker.sock); --docker or DOCKER_HOST names another",
            ),
            Self::Denied { .. } => Some(
                "run as root or in the group that owns the socket (docker run --group-add GID; on the machine, the group docker)",
            ),
            Self::SlowLog | Self::Status { .. } | Self::Unreadable | Self::Wrong(_) => None,
        }
    }

    fn of(host: &str, error: &Error) -> Self {
        let host = host.to_owned();
        match error {
            Error::DockerResponseServerError { status_code, message } => {
                Self::Status { status: *status_code, message: message.trim().to_owned() }
            }
            // They quote what they could not read.
            Error::JsonDataError { .. } | Error::JsonSerdeError { .. } | Error::StrParseError { .. } => {
                Self::Unreadable
            }
            Error::SocketNotFoundError(_) => Self::NoSocket { host },
            Error::UnsupportedURISchemeError { .. } => Self::Unsupported { host },
            Error::RequestTimeoutError => Self::timed_out(host),
            Error::IOError { err } if err.kind() == ErrorKind::PermissionDenied => Self::Denied { host },
            other => match io_kind(other) {
                Some(ErrorKind::PermissionDenied) => Self::Denied { host },
                Some(ErrorKind::NotFound) => Self::NoSocket { host },
                _ => Self::Unanswered { why: endpoint::cause(other), host },
            },
        }
    }

    fn timed_out(host: String) -> Self {
        Self::Unanswered { host, why: "it took too long".to_owned() }
    }
}

fn io_kind(error: &Error) -> Option<ErrorKind> {
    let mut source = error.source();
    while let Some(error) = source {
        if let Some(io) = error.downcast_ref::<std::io::Error>() {
            return Some(io.kind());
        }
        source = error.source();
    }
    None
}

impl Docker {
    /// Docker at `unix://PATH`, `tcp://HOST:PORT` or a bare path. Whether it is there shows when it is asked.
    pub fn at(host: &str) -> Result<Self, DockerError> {
        let host = if host.starts_with('/') { format!("unix://{host}") } else { host.to_owned() };
        let is_known = ["unix://", "tcp://"].iter().any(|scheme| host.starts_with(scheme));
        if is_known { Ok(Self { host }) } else { Err(DockerError::Unsupported { host }) }
    }

    /// What Docker says of a container that the agent named, and the id of its image; `None` when it does not know it any more.
    pub async fn container(
        &self,
        known: &ContainerRecord,
        is_over: bool,
    ) -> Result<Option<(ContainerRecord, Option<String>)>, DockerError> {
        let Some(id) = known.runtime_id.as_deref().filter(|id| is_id(id)) else { return Ok(None) };
        let client = self.client()?;
        let asked = client.inspect_container(id, None::<InspectContainerOptions>);
        let Some(answer) = self.answer(asked, TIMEOUT).await? else { return Ok(None) };
        let image_id = answer.image.clone();
        let answer = allowed(answer);
        let mut record = container(&At::root("docker inspect", &answer), known.name.clone(), is_over)?;
        // As the task definition has it, where the agent says: Docker's may be resolved to a digest.
        record.image = known.image.clone().or(record.image);
        record.may_restart |= record.finished.is_some() && known.may_restart && !is_over;
        Ok(Some((record, image_id)))
    }

    /// The digest under which an image was pulled, where Docker knows it.
    pub async fn digest(&self, image: &str, image_id: &str) -> Result<Option<String>, DockerError> {
        if !is_id(image_id) {
            return Ok(None);
        }
        let client = self.client()?;
        // The image may be gone while its container is not.
        let answer = self.answer(client.inspect_image(image_id), TIMEOUT).await?;
        let digests = answer.and_then(|answer| answer.repo_digests).unwrap_or_default();
        Ok(pulled_digest(image, &digests))
    }

    /// The last lines of a container's log, and what could not be read of them.
    pub async fn log(&self, task_id: &str, of: &ContainerRecord, lines: usize) -> Result<ContainerLog, DockerError> {
        let Some(id) = of.runtime_id.as_deref().filter(|id| is_id(id)) else { return Ok(ContainerLog::default()) };
        let client = self.client()?;
        // One more than is wanted tells whether there is more.
        let tail = (lines + 1).to_string();
        let options = LogsOptionsBuilder::default().stdout(true).stderr(true).timestamps(true).tail(&tail).build();
        let mut frames = client.logs(id, Some(options));
        let mut assembler = Assembler::default();
        let read = async {
            while let Some(frame) = frames.next().await {
                match frame.map_err(|error| DockerError::of(&self.host, &error))? {
                    LogOutput::StdErr { message } => assembler.push(true, &message),
                    LogOutput::StdOut { message } | LogOutput::StdIn { message } | LogOutput::Console { message } => {
                        assembler.push(false, &message);
                    }
                }
            }
            Ok(())
        };
        timeout(LOG_TIMEOUT, read).await.unwrap_or(Err(DockerError::SlowLog))?;
        let log = assembler.finish(lines);
        Ok(ContainerLog {
            task_id: Some(task_id.to_owned()),
            container: Some(of.name.clone()),
            origin: format!("Docker's log of container {}", of.name),
            ..log
        })
    }

    fn client(&self) -> Result<bollard::Docker, DockerError> {
        // Making one costs nothing: its connections are not kept.
        let client =
            bollard::Docker::connect_with_host(&self.host).map_err(|error| DockerError::of(&self.host, &error));
        client.map(|client| client.with_timeout(TIMEOUT))
    }

    /// An answer; `None` for what Docker does not know.
    async fn answer<T>(
        &self,
        asked: impl Future<Output = Result<T, Error>>,
        within: Duration,
    ) -> Result<Option<T>, DockerError> {
        match timeout(within, asked).await {
            Ok(Ok(answer)) => Ok(Some(answer)),
            Ok(Err(Error::DockerResponseServerError { status_code: 404, .. })) => Ok(None),
            Ok(Err(error)) => Err(DockerError::of(&self.host, &error)),
            Err(_) => Err(DockerError::timed_out(self.host.clone())),
        }
    }
}

/// What can stand in a path without changing it.
fn is_id(text: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | ':');
    !text.is_empty() && text.chars().all(is_plain)
}

/// What is read of an answer, and nothing else.
fn allowed(answer: ContainerInspectResponse) -> Value {
    let state = answer.state.unwrap_or_default();
    let host = answer.host_config.unwrap_or_default();
    json!({
        "Id": answer.id,
        "Created": answer.created,
        "RestartCount": answer.restart_count,
        "State": {
            "Status": state.status, "Running": state.running, "Paused": state.paused, "Restarting": state.restarting,
            "OOMKilled": state.oom_killed, "ExitCode": state.exit_code, "Error": state.error,
            "StartedAt": state.started_at, "FinishedAt": state.finished_at,
            "Health": { "Status": state.health.and_then(|health| health.status) },
        },
        "Config": { "Image": answer.config.and_then(|config| config.image) },
        "HostConfig": { "RestartPolicy": host.restart_policy, "LogConfig": host.log_config },
    })
}

#[cfg(test)]
#[path = "docker_tests.rs"]
mod tests;
