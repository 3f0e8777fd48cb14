//! What can be wrong with an input, and where. Main type: [`ReadError`].

use crate::hint::Hint;
use std::fmt;

/// A place in a file: its name and a JSON path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    origin: String,
    path: String,
}

impl Place {
    pub(crate) fn root(origin: &str) -> Self {
        Self { origin: origin.to_owned(), path: "$".to_owned() }
    }

    pub(crate) fn key(&self, key: &str) -> Self {
        Self { origin: self.origin.clone(), path: format!("{}.{key}", self.path) }
    }

    pub(crate) fn index(&self, index: usize) -> Self {
        Self { origin: self.origin.clone(), path: format!("{}[{index}]", self.path) }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.origin, self.path)
    }
}

/// Why an input could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The file could not be opened or read.
    #[error("failed to read {origin}: {source}")]
    Io {
        /// The file.
        origin: String,
        /// Why.
        source: std::io::Error,
    },
    /// The path is a directory.
    #[error("{origin} is a directory")]
    Directory {
        /// The path.
        origin: String,
    },
    /// There is nothing in it.
    #[error("{origin} is empty")]
    Empty {
        /// The file.
        origin: String,
    },
    /// It is not text.
    #[error("{origin} is not UTF-8 text: byte {offset} is not part of a character")]
    NotUtf8 {
        /// The file.
        origin: String,
        /// The first byte that is wrong.
        offset: usize,
    },
    /// It is not JSON.
    #[error("{origin}: line {line}, column {column}: {message}")]
    NotJson {
        /// The file.
        origin: String,
        /// Counted from 1.
        line: usize,
        /// Counted from 1.
        column: usize,
        /// What is wrong there.
        message: String,
        /// What to do.
        hint: Option<String>,
    },
    /// It is JSON of a kind that is known and not read.
    #[error("{place} is {kind}: it is not read")]
    NotYet {
        /// Where.
        place: Place,
        /// What it is.
        kind: &'static str,
    },
    /// It is JSON of no known kind.
    #[error("{place} is nothing that ecspan knows: {found}")]
    UnknownShape {
        /// Where.
        place: Place,
        /// Its keys or its type.
        found: String,
    },
    /// It looks like a selection of a task's fields (`--query`).
    #[error("{place} holds some fields of a task, not the task: {found}")]
    Projection {
        /// Where.
        place: Place,
        /// Its keys.
        found: String,
    },
    /// A task that does not say which one it is.
    #[error("{place}: a task without taskArn")]
    NoTaskId {
        /// Where.
        place: Place,
    },
    /// Something stands where a time should.
    #[error("{place}: {found} is no time")]
    NotATime {
        /// Where.
        place: Place,
        /// What stands there, shortened.
        found: String,
    },
    /// A required field is missing or of the wrong type.
    #[error("{place}: expected {expected}")]
    Expected {
        /// Where.
        place: Place,
        /// What should be there.
        expected: &'static str,
    },
    /// What should be a report of `ecspan deploy` is none.
    #[error("{origin} is no report of ecspan deploy")]
    NotAReport {
        /// The file.
        origin: String,
    },
    /// A report of a later ecspan.
    #[error("{origin}: a report of version {version}, and this ecspan reads version {supported}")]
    ReportVersion {
        /// The file.
        origin: String,
        /// The report's version.
        version: i64,
        /// Ours.
        supported: i64,
    },
    /// A bundle of a later ecspan.
    #[error("{place}: a bundle of version {version}, and this ecspan reads version {supported}")]
    BundleVersion {
        /// Where.
        place: Place,
        /// The bundle's version.
        version: i64,
        /// Ours.
        supported: i64,
    },
}

impl Hint for ReadError {
    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Io { .. } => return None,
            Self::Directory { origin } => {
                return Some(format!("name the files in it: {}/*.json", origin.trim_end_matches('/')));
            }
            Self::NotJson { hint, .. } => return hint.clone(),
            Self::Empty { .. } => {
                "save the answer of `aws ecs describe-tasks --cluster CLUSTER --tasks ID --output json` into it"
            }
            Self::NotUtf8 { .. } => "ecspan reads JSON; a compressed file must be unpacked first",
            Self::NotYet { .. } | Self::UnknownShape { .. } => {
                "ecspan reads answers of describe-tasks (and run-task, stop-task), describe-task-definition, \
                 describe-services and get-log-events, EventBridge events, answers of the task metadata endpoint and of \
                 the agent, docker inspect, and its own bundles"
            }
            Self::Projection { .. } => "save the whole answer: leave out --query",
            Self::NoTaskId { .. } => "a whole Task object has a taskArn",
            Self::NotATime { .. } => "times are epoch numbers, or ISO 8601 with a zone: 2026-11-23T10:20:30.456Z",
            Self::Expected { .. } => "save the whole answer, in JSON",
            Self::NotAReport { .. } => {
                "a baseline is what `ecspan deploy SERVICE --report json` printed, kept from an earlier deployment"
            }
            Self::ReportVersion { .. } | Self::BundleVersion { .. } => "update ecspan",
        };
        Some(hint.to_owned())
    }
}
