//! Asks Docker about containers, over its socket or plain TCP. Main type: [`Docker`].

use std::io::ErrorKind;
use std::time::Duration;

use bollard::container::LogOutput;
use bollard::errors::Error;
use bollard::models::ContainerInspectResponse;
use bollard::query_parameters::{InspectContainerOptions, LogsOptionsBuilder};
use futures::StreamExt;
use serde_json::{Value, json};
use tokio::time::timeout;

use super::container;
use super::log::Assembler;
use crate::hint::Hint;
use crate::layers::{innermost, io_kind};
use crate::model::log::ContainerLog;
use crate::model::observation::ContainerRecord;
use crate::source::error::ReadError;
use crate::source::json::At;

/// Where Docker listens, unless somebody says otherwise.
pub const DEFAULT_HOST: &str = "unix:///var/run/docker.sock";
/// Docker answers within milliseconds; one that does not in this time is not waited for.
const TIMEOUT: Duration = Duration::from_secs(5);
/// A log may be long.
const LOG_TIMEOUT: Duration = Duration::from_secs(15);
/// The log drivers whose logs Docker itself has and gives back.
const READABLE_DRIVERS: [&str; 3] = ["json-file", "local", "journald"];

/// Whether Docker gives back what containers with this log driver wrote.
pub(crate) fn can_read_logs(driver: &str) -> bool {
    READABLE_DRIVERS.contains(&driver)
}

/// Docker, at its socket or address.
#[derive(Clone, Debug)]
pub struct Docker {
    host: String,
}

/// Why Docker could not be asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
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
    pub(crate) const fn is_absent(&self) -> bool {
        matches!(self, Self::NoSocket { .. } | Self::Denied { .. } | Self::Unanswered { .. })
    }
    pub(super) fn of(host: &str, error: &Error) -> Self {
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
                _ => Self::Unanswered { why: innermost(other), host },
            },
        }
    }

    fn timed_out(host: String) -> Self {
        Self::Unanswered { host, why: "it took too long".to_owned() }
    }
}

impl Hint for DockerError {
    fn hint(&self) -> Option<String> {
        let hint = match self {
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
        };
        hint.map(str::to_owned)
    }
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
        let tail = lines.saturating_add(1).to_string();
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
pub(super) fn is_id(text: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | ':');
    !text.is_empty() && text.chars().all(is_plain)
}

/// What is read of an answer, and nothing else.
pub(super) fn allowed(answer: ContainerInspectResponse) -> Value {
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

/// The repository of an image reference: `[HOST[:PORT]/]NAME`.
fn repository(image: &str) -> &str {
    let image = image.split_once('@').map_or(image, |(rest, _)| rest);
    // A colon before the last slash is a registry's port.
    image.rsplit_once(':').filter(|(_, tag)| !tag.contains('/')).map_or(image, |(name, _)| name)
}

/// The digest under which an image was pulled; of several repositories', that of the one it was named by.
pub(super) fn pulled_digest(image: &str, digests: &[String]) -> Option<String> {
    let mut pairs = digests.iter().filter_map(|digest| digest.split_once('@'));
    let named = pairs.clone().find(|(name, _)| *name == repository(image));
    let only = || pairs.next().filter(|_| digests.len() == 1);
    named.or_else(only).map(|(_, digest)| digest.to_owned())
}
