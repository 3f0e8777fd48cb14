//! What answers JSON over plain HTTP on the machine itself, with no credentials: the task metadata endpoint, asked from
//! inside a task, and the ECS agent (`super::agent`). Main types: [`MetadataEndpoint`], `Local`.

use std::time::Duration;

use serde_json::Value;

use super::error::ReadError;
use super::json::At;
use super::metadata;
use crate::model::observation::{Gap, TaskRecord};

/// Where ECS says that the endpoint is, the newest version first.
const VARIABLES: [&str; 2] = ["ECS_CONTAINER_METADATA_URI_V4", "ECS_CONTAINER_METADATA_URI"];
/// It answers within milliseconds; one that does not in this time is not waited for.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Why an answer could not be had. Each names who was asked.
#[derive(Debug, thiserror::Error)]
pub enum EndpointError {
    /// No variable says where it is.
    #[error("neither {} nor {} is set", VARIABLES[0], VARIABLES[1])]
    NotInATask,
    /// It asks to be asked less often.
    #[error("{0} answered 429: too many requests")]
    Throttled(&'static str),
    /// Another status than success.
    #[error("{whom} answered {status}")]
    Status {
        /// Who was asked.
        whom: &'static str,
        /// HTTP's.
        status: u16,
    },
    /// No answer.
    #[error("{whom} does not answer: {why}")]
    Unanswered {
        /// Who was asked.
        whom: &'static str,
        /// What happened instead.
        why: String,
    },
    /// An answer that is none.
    #[error("{0}")]
    Unreadable(#[from] ReadError),
}

impl EndpointError {
    /// What to do about it.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::NotInATask => Some("ECS sets them in the containers of a task: run ecspan as one of them"),
            Self::Throttled(_) | Self::Status { .. } | Self::Unanswered { .. } | Self::Unreadable(_) => None,
        }
    }
}

/// One that is asked.
#[derive(Debug)]
pub(super) struct Local {
    whom: &'static str,
    /// What its answers are called in errors.
    origin: &'static str,
    base: String,
    /// Far above any answer.
    most_bytes: usize,
    client: reqwest::Client,
}

impl Local {
    pub(super) fn new(
        whom: &'static str,
        origin: &'static str,
        base: &str,
        most_bytes: usize,
    ) -> Result<Self, EndpointError> {
        // A proxy for the outside world is none for the machine itself.
        let client = reqwest::Client::builder().timeout(TIMEOUT).no_proxy().build();
        let client = client.map_err(|error| EndpointError::Unanswered { whom, why: error.to_string() })?;
        Ok(Self { whom, origin, base: base.trim_end_matches('/').to_owned(), most_bytes, client })
    }

    pub(super) async fn get(&self, path: &str) -> Result<Value, EndpointError> {
        let whom = self.whom;
        let unanswered = |error: reqwest::Error| EndpointError::Unanswered { whom, why: cause(&error.without_url()) };
        let mut response = self.client.get(format!("{}{path}", self.base)).send().await.map_err(unanswered)?;
        match response.status().as_u16() {
            200..=299 => {}
            429 => return Err(EndpointError::Throttled(whom)),
            status => return Err(EndpointError::Status { whom, status }),
        }
        let mut body = vec![];
        while let Some(chunk) = response.chunk().await.map_err(unanswered)? {
            body.extend_from_slice(&chunk);
            if body.len() > self.most_bytes {
                let why = format!("it sent more than {} bytes", self.most_bytes);
                return Err(EndpointError::Unanswered { whom, why });
            }
        }
        let mut documents = super::files::parse(self.origin, &body)?;
        documents.pop().ok_or_else(|| EndpointError::Unanswered { whom, why: "it sent nothing".to_owned() })
    }
}

/// What is at the bottom of an error: `Connection refused`, where the top says that a request failed.
pub(super) fn cause(error: &dyn std::error::Error) -> String {
    let mut deepest = error;
    while let Some(source) = deepest.source() {
        deepest = source;
    }
    deepest.to_string()
}

/// The endpoint of the container that asks.
#[derive(Debug)]
pub struct MetadataEndpoint(Local);

impl MetadataEndpoint {
    /// The endpoint that the environment names.
    pub fn from_env(env: impl Fn(&str) -> Option<String>) -> Result<Self, EndpointError> {
        // The largest task has ten containers.
        const MOST_BYTES: usize = 4 * 1024 * 1024;
        let base = VARIABLES.iter().find_map(|name| env(name)).ok_or(EndpointError::NotInATask)?;
        Local::new("the task metadata endpoint", "the task metadata", &base, MOST_BYTES).map(Self)
    }

    /// The task, and what the endpoint itself could not learn.
    pub async fn task(&self) -> Result<(TaskRecord, Vec<Gap>), EndpointError> {
        let answer = self.0.get("/task").await?;
        Ok(metadata::task(&At::root("the task metadata", &answer))?)
    }

    /// The name of the container that asks.
    pub async fn own_container(&self) -> Result<String, EndpointError> {
        let answer = self.0.get("").await?;
        let at = At::root("the container metadata", &answer);
        let missing = ReadError::Expected { place: at.place.clone(), expected: "a container with a Name" };
        at.text("Name").ok_or_else(|| missing.into())
    }
}
