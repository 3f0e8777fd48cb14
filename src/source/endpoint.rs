//! What answers JSON over plain HTTP on the machine itself, with no credentials: the task metadata endpoint, asked from
//! inside a task, and the ECS agent (`super::agent`). Main types: [`MetadataEndpoint`], `Local`.

use std::time::Duration;

use serde_json::Value;

use super::error::ReadError;
use super::json::At;
use super::metadata;
use crate::hint::Hint;
use crate::layers::innermost;
use crate::model::observation::{Gap, TaskRecord};

/// Where ECS says that the endpoint is, the newest version first.
const VARIABLES: [&str; 2] = ["ECS_CONTAINER_METADATA_URI_V4", "ECS_CONTAINER_METADATA_URI"];
/// Who is asked, in errors.
const METADATA_ENDPOINT: &str = "the task metadata endpoint";
/// It answers within milliseconds; one that does not in this time is not waited for.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Why an answer could not be had. Each names who was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EndpointError {
    /// No variable says where it is.
    #[error("neither {} nor {} is set", VARIABLES[0], VARIABLES[1])]
    NotInATask,
    /// A variable holds something else.
    #[error("{variable} holds no URL of the form http://HOST:PORT/…")]
    NotAUrl {
        /// Which.
        variable: &'static str,
    },
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
    /// The task metadata endpoint was not waited for any longer.
    pub fn late(why: &str) -> Self {
        Self::Unanswered { whom: METADATA_ENDPOINT, why: why.to_owned() }
    }
}

impl Hint for EndpointError {
    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::NotInATask => Some("ECS sets them in the containers of a task: run ecspan as one of them"),
            Self::NotAUrl { .. } => {
                Some("ECS sets it in the containers of a task: leave it as it is, or name where an endpoint listens")
            }
            Self::Throttled(_) | Self::Status { .. } | Self::Unanswered { .. } | Self::Unreadable(_) => None,
        };
        hint.map(str::to_owned)
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
        let client = reqwest::Client::builder().timeout(TIMEOUT).no_proxy().redirect(redirects()).build();
        let client = client.map_err(|error| EndpointError::Unanswered { whom, why: error.to_string() })?;
        Ok(Self { whom, origin, base: base.trim_end_matches('/').to_owned(), most_bytes, client })
    }

    pub(super) async fn get(&self, path: &str) -> Result<Value, EndpointError> {
        let body = self.bytes(path).await?;
        self.read(&body)
    }

    /// An answer as it is.
    async fn bytes(&self, path: &str) -> Result<Vec<u8>, EndpointError> {
        let whom = self.whom;
        let unanswered =
            |error: reqwest::Error| EndpointError::Unanswered { whom, why: innermost(&error.without_url()) };
        let mut response = self.client.get(format!("{}{path}", self.base)).send().await.map_err(unanswered)?;
        match response.status().as_u16() {
            200..=299 => {}
            429 => return Err(EndpointError::Throttled(whom)),
            300..=399 => {
                let why = "it redirects to another host, which is not asked".to_owned();
                return Err(EndpointError::Unanswered { whom, why });
            }
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
        Ok(body)
    }

    fn read(&self, body: &[u8]) -> Result<Value, EndpointError> {
        let mut documents = super::files::parse(self.origin, body)?;
        let nothing = || EndpointError::Unanswered { whom: self.whom, why: "it sent nothing".to_owned() };
        documents.pop().ok_or_else(nothing)
    }
}

/// What answers of itself sends nobody elsewhere: whoever stands there could say anything of the task.
fn redirects() -> reqwest::redirect::Policy {
    const MOST: usize = 5;
    reqwest::redirect::Policy::custom(|attempt| {
        let origin = |url: &reqwest::Url| (url.scheme().to_owned(), url.host_str().map(str::to_owned), url.port());
        let before = attempt.previous().last().map(origin);
        if attempt.previous().len() > MOST || before.is_none_or(|before| before != origin(attempt.url())) {
            return attempt.stop();
        }
        attempt.follow()
    })
}

/// The endpoint of the container that asks.
#[derive(Debug)]
pub struct MetadataEndpoint {
    local: Local,
    /// The last answer about the task that could be read.
    last: Vec<u8>,
}

impl MetadataEndpoint {
    /// The endpoint that the environment names.
    pub fn from_env(env: impl Fn(&str) -> Option<String>) -> Result<Self, EndpointError> {
        // The largest task has ten containers.
        const MOST_BYTES: usize = 4 * 1024 * 1024;
        let found = VARIABLES.into_iter().find_map(|name| Some((name, env(name)?)));
        let (variable, base) = found.ok_or(EndpointError::NotInATask)?;
        // It is not quoted: a URL can hold a password.
        if !reqwest::Url::parse(&base).is_ok_and(|url| url.scheme() == "http" && url.has_host()) {
            return Err(EndpointError::NotAUrl { variable });
        }
        let local = Local::new(METADATA_ENDPOINT, "the task metadata", &base, MOST_BYTES)?;
        Ok(Self { local, last: vec![] })
    }

    /// The task, and what the endpoint itself could not learn. `None`: byte for byte the answer before, which was read.
    pub async fn news(&mut self) -> Result<Option<(TaskRecord, Vec<Gap>)>, EndpointError> {
        let body = self.local.bytes("/task").await?;
        if body == self.last {
            return Ok(None);
        }
        let answer = self.local.read(&body)?;
        let task = metadata::task(&At::root("the task metadata", &answer))?;
        self.last = body;
        Ok(Some(task))
    }

    /// The name of the container that asks.
    pub(crate) async fn own_container(&self) -> Result<String, EndpointError> {
        let answer = self.local.get("").await?;
        let at = At::root("the container metadata", &answer);
        let missing = ReadError::Expected { place: at.place.clone(), expected: "a container with a Name" };
        at.text("Name").ok_or_else(|| missing.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_url_is_refused_without_quoting_it() {
        let of = |value: &str| {
            let value = value.to_owned();
            MetadataEndpoint::from_env(move |name| (name == VARIABLES[0]).then(|| value.clone()))
        };
        for url in ["http://169.254.170.2/v4/0123-4567", "http://127.0.0.1:51679/v4/xyz/", "http://[::1]:80"] {
            assert!(of(url).is_ok(), "{url}");
        }
        for other in ["", "notaurl", "hunter2:51679/v4", "http://", "/v4/hunter2", "ftp://u:hunter2@h/v4", "unix:///x"]
        {
            let error = of(other).expect_err(other);
            assert!(error.hint().is_some() && !error.to_string().contains("hunter2"), "{error}");
            assert!(error.to_string().starts_with("ECS_CONTAINER_METADATA_URI_V4 holds no URL"), "{error}");
        }
    }
}
