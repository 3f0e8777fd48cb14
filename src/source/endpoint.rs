//! The task metadata endpoint, asked live: from inside a task, with no credentials. Main type: [`MetadataEndpoint`].

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
/// Far above any answer: the largest task has ten containers.
const MOST_BYTES: usize = 4 * 1024 * 1024;

/// The endpoint of the container that asks.
#[derive(Debug)]
pub struct MetadataEndpoint {
    base: String,
    client: reqwest::Client,
}

/// Why an answer could not be had.
#[derive(Debug, thiserror::Error)]
pub enum EndpointError {
    /// No variable says where it is.
    #[error("neither {} nor {} is set", VARIABLES[0], VARIABLES[1])]
    NotInATask,
    /// It asks to be asked less often.
    #[error("the task metadata endpoint answered 429: too many requests")]
    Throttled,
    /// Another status than success.
    #[error("the task metadata endpoint answered {0}")]
    Status(u16),
    /// No answer.
    #[error("the task metadata endpoint does not answer: {0}")]
    Unanswered(String),
    /// An answer that is none.
    #[error("{0}")]
    Unreadable(#[from] ReadError),
}

impl EndpointError {
    /// What to do about it.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::NotInATask => Some("ECS sets them in the containers of a task: run ecspan as one of them"),
            Self::Throttled | Self::Status(_) | Self::Unanswered(_) | Self::Unreadable(_) => None,
        }
    }
}

impl MetadataEndpoint {
    /// The endpoint that the environment names.
    pub fn from_env(env: impl Fn(&str) -> Option<String>) -> Result<Self, EndpointError> {
        let base = VARIABLES.iter().find_map(|name| env(name)).ok_or(EndpointError::NotInATask)?;
        // A proxy for the outside world is none for the link-local address.
        let client = reqwest::Client::builder().timeout(TIMEOUT).no_proxy().build();
        let client = client.map_err(|error| EndpointError::Unanswered(error.to_string()))?;
        Ok(Self { base: base.trim_end_matches('/').to_owned(), client })
    }

    /// The task, and what the endpoint itself could not learn.
    pub async fn task(&self) -> Result<(TaskRecord, Vec<Gap>), EndpointError> {
        let answer = self.get("/task").await?;
        Ok(metadata::task(&At::root("the task metadata", &answer))?)
    }

    /// The name of the container that asks.
    pub async fn own_container(&self) -> Result<String, EndpointError> {
        let answer = self.get("").await?;
        let at = At::root("the container metadata", &answer);
        let missing = ReadError::Expected { place: at.place.clone(), expected: "a container with a Name" };
        at.text("Name").ok_or_else(|| missing.into())
    }

    async fn get(&self, path: &str) -> Result<Value, EndpointError> {
        let unanswered = |error: reqwest::Error| EndpointError::Unanswered(error.without_url().to_string());
        let mut response = self.client.get(format!("{}{path}", self.base)).send().await.map_err(unanswered)?;
        match response.status().as_u16() {
            200..=299 => {}
            429 => return Err(EndpointError::Throttled),
            status => return Err(EndpointError::Status(status)),
        }
        let mut body = vec![];
        while let Some(chunk) = response.chunk().await.map_err(unanswered)? {
            body.extend_from_slice(&chunk);
            if body.len() > MOST_BYTES {
                return Err(EndpointError::Unanswered(format!("it sent more than {MOST_BYTES} bytes")));
            }
        }
        let mut documents = super::files::parse("the task metadata", &body)?;
        documents.pop().ok_or_else(|| EndpointError::Unanswered("it sent nothing".to_owned()))
    }
}
