//! What can be wrong with an input, and where. Main type: [`ReadError`].

use crate::hint::Hint;
use std::fmt;
use std::sync::Arc;

/// A place in a file: its name and a JSON path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Shared by all places in it.
    origin: Arc<str>,
    path: String,
}

impl Place {
    pub(crate) fn root(origin: &str) -> Self {
        Self { origin: origin.into(), path: "$".to_owned() }
    }

    /// The field `key`; a key that is no name is shortened, for everything in it repeats it.
    pub(crate) fn key(&self, key: &str) -> Self {
        const LONGEST: usize = 80;
        let (key, more) = match key.char_indices().nth(LONGEST) {
            Some((end, _)) => (key.get(..end).unwrap_or_default(), "…"),
            None => (key, ""),
        };
        Self { origin: self.origin.clone(), path: [&self.path, ".", key, more].concat() }
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
#[non_exhaustive]
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
    /// It is packed, and not all of it is there.
    #[error("{origin} is packed with {packing}, and cut or damaged")]
    Damaged {
        /// The file.
        origin: String,
        /// With what.
        packing: &'static str,
    },
    /// What cannot be read twice is kept while it is read; there was no room.
    #[error("failed to keep {origin} in {} while it is read: {source}", .folder.display())]
    NoRoom {
        /// The file.
        origin: String,
        /// Where.
        folder: std::path::PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It was there when the file was looked through.
    #[error("{place} is not there any more: the file has changed while it was read")]
    Changed {
        /// Where.
        place: Place,
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
    /// It is another notation, or no data at all.
    #[error("{origin} is {what}")]
    Foreign {
        /// The file.
        origin: String,
        /// What it is.
        what: String,
        /// How to get what is read.
        hint: String,
    },
    /// More documents in a text are broken than are named.
    #[error("{origin}: {count} more begin{} as JSON and break off", if *.count == 1 { "s" } else { "" })]
    MoreBroken {
        /// The file.
        origin: String,
        /// So many.
        count: usize,
    },
    /// Text within text within text: nothing real goes so deep.
    #[error("{place}: text within text, too deep or too much to be unpacked")]
    TooDeep {
        /// Where.
        place: Place,
    },
    /// An answer that lists what there is, and says nothing of it.
    #[error("{place} holds the names of {what} alone")]
    NamesOnly {
        /// Where.
        place: Place,
        /// Of what.
        what: &'static str,
    },
    /// An answer that holds nothing.
    #[error("{place} is an answer without {what}")]
    NoneInIt {
        /// Where.
        place: Place,
        /// What it could hold.
        what: &'static str,
    },
    /// It is JSON of a kind that is known and not read.
    #[error("{place} is {kind}: it is not read")]
    NotYet {
        /// Where.
        place: Place,
        /// What it is.
        kind: &'static str,
    },
    /// What CloudTrail recorded of a call that answered tasks.
    #[error("{place} is what CloudTrail recorded of {call}, not what ECS knows of {}", named(tasks))]
    Recorded {
        /// Where.
        place: Place,
        /// The call.
        call: String,
        /// The tasks' ARNs.
        tasks: Vec<String>,
    },
    /// What Step Functions says of a failure, without a task in it.
    #[error("{place} is a failure without a task in it: {failure}")]
    Failure {
        /// Where.
        place: Place,
        /// Its error and its cause, cut.
        failure: String,
    },
    /// It is JSON of no known kind.
    #[error("{place} is nothing that ecspan knows: {found}")]
    UnknownShape {
        /// Where.
        place: Place,
        /// Its keys or its type.
        found: String,
    },
    /// A name stands twice in one object, with two values.
    #[error("{place} stands there twice, with two values: the last counts{}{}", line.map_or(String::new(), |line| format!(", in line {line}")), and_more(*more))]
    Twice {
        /// Where.
        place: Place,
        /// The line of the last, where that is known.
        line: Option<usize>,
        /// So many more are not named.
        more: usize,
    },
    /// A name stands in one object in two spellings, with two values.
    #[error("{place} stands there as {other}, too, with another value: one of them is not read{}", and_more(*more))]
    Spelled {
        /// Where.
        place: Place,
        /// The other spelling.
        other: String,
        /// So many more are not named.
        more: usize,
    },
    /// It looks like a selection of a task's fields (`--query`).
    #[error("{place} holds some fields of a {what}, not the {what}: {found}")]
    Projection {
        /// Where.
        place: Place,
        /// `task` or `service`.
        what: &'static str,
        /// Its keys.
        found: String,
    },
    /// A task that does not say which one it is.
    #[error("{place}: a task without taskArn")]
    NoTaskId {
        /// Where.
        place: Place,
    },
    /// A container that does not say which one it is.
    #[error("{place}: a container without a name, of task {task}: it is left out")]
    Nameless {
        /// Where.
        place: Place,
        /// Of which task.
        task: String,
    },
    /// What is wrong with a task that says which one it is.
    #[error("{error} (task {task} is left out)")]
    OfTask {
        /// What is wrong.
        error: Box<ReadError>,
        /// The task's id.
        task: String,
    },
    /// A name has a character that none has.
    #[error("{place}: no name of ECS has {odd:?} in it")]
    ForeignCharacter {
        /// Where.
        place: Place,
        /// The character.
        odd: char,
    },
    /// Something stands where a time should.
    #[error("{place}: {found} is no time{}", why.map_or(String::new(), |why| format!(": {why}")))]
    NotATime {
        /// Where.
        place: Place,
        /// What stands there, shortened.
        found: String,
        /// Why it is none, though it looks like one.
        why: Option<&'static str>,
    },
    /// A line that is the first part of an event.
    #[error("{place}: an event{} is cut off", task.as_ref().map_or(String::new(), |task| format!(" of task {task}")))]
    CutEvent {
        /// Where.
        place: Place,
        /// The task that it names before that.
        task: Option<String>,
    },
    /// An answer of a query that had not ended.
    #[error("{place} is the answer of a query that was {status}: rows may be missing")]
    Unfinished {
        /// Where.
        place: Place,
        /// How far the query was.
        status: String,
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

fn and_more(more: usize) -> String {
    if more > 0 { format!(" (and {more} more such)") } else { String::new() }
}

fn named(tasks: &[String]) -> String {
    match tasks {
        [first, .., _] => format!("{first} and {} more", tasks.len() - 1),
        _ => tasks.concat(),
    }
}

impl ReadError {
    /// Whether it says only that nothing is known of what stands there.
    pub(super) const fn is_of_nothing(&self) -> bool {
        matches!(
            self,
            Self::UnknownShape { .. }
                | Self::Projection { .. }
                | Self::NoneInIt { .. }
                | Self::NamesOnly { .. }
                | Self::Foreign { .. }
                | Self::NotJson { .. }
                | Self::Failure { .. }
        )
    }
}

impl Hint for ReadError {
    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Io { .. } => return None,
            Self::Directory { origin } => {
                return Some(format!("name the files in it: {}/*.json", origin.trim_end_matches('/')));
            }
            Self::NotJson { hint, .. } => return hint.clone(),
            Self::Foreign { hint, .. } => return Some(hint.clone()),
            Self::Recorded { tasks, .. } => {
                return Some(format!("`ecspan show {}` asks AWS for it", tasks.first().map_or("ARN", String::as_str)));
            }
            Self::Failure { .. } => {
                "a state that ran a task has it in the execution's events: aws stepfunctions get-execution-history \
                 --execution-arn ARN --output json"
            }
            Self::MoreBroken { .. } | Self::TooDeep { .. } => return None,
            Self::NamesOnly { .. } => {
                "ask for what they name: aws ecs describe-tasks --cluster CLUSTER --tasks ARN --output json; or `ecspan show ARN`"
            }
            Self::NoneInIt { what, .. } if *what != "tasks" => return None,
            Self::NoneInIt { .. } => {
                "ECS lists no task that it has forgotten, an hour or so after its end, and none of another cluster or region"
            }
            Self::Empty { .. } => {
                "save the answer of `aws ecs describe-tasks --cluster CLUSTER --tasks ID --output json` into it"
            }
            Self::NotUtf8 { .. } => {
                "ecspan reads JSON and YAML in UTF-8, UTF-16, UTF-32 or Windows-1252, packed with gzip or zstd or not; what is packed otherwise must be unpacked first"
            }
            Self::Damaged { .. } => "copy or download it again, whole",
            Self::NoRoom { .. } => "name a folder with more room in TMPDIR, or save it as a file and name that",
            Self::Changed { .. } => "read it again once nobody writes to it any more: what was sent stays as it is",
            Self::NotYet { .. } | Self::UnknownShape { .. } => {
                "ecspan reads answers of describe-tasks (and run-task, stop-task), describe-task-definition, \
                 describe-services (and create-service, update-service) and get-log-events, EventBridge events, answers of \
                 the task metadata endpoint and of the agent, docker inspect, and its own bundles"
            }
            Self::Twice { .. } | Self::Spelled { .. } => {
                "an object has a name once: take out the value that is not meant, or save the answer again"
            }
            Self::Projection { place, .. } if place.path.contains("results[") => {
                "a query of Logs Insights gives whole events as `fields @timestamp, @message`"
            }
            Self::Projection { .. } => "save the whole answer: leave out --query",
            Self::NoTaskId { .. } => {
                "a whole Task object has a taskArn, which says which trace is its own: put it back, or save the answer again"
            }
            Self::OfTask { error, .. } => return error.hint(),
            Self::Nameless { .. } => "a container has a name, by which its log and its exit code are told: put it back",
            Self::ForeignCharacter { .. } => {
                "a line was broken there on the way: copy it again, or save the answer into a file: aws ... > FILE"
            }
            Self::NotATime { .. } => "times are epoch numbers, or ISO 8601 with a zone: 2026-11-23T10:20:30.456Z",
            Self::CutEvent { .. } => {
                "a log event of CloudWatch Logs holds so many bytes and no more: what the task's other events say is all there is"
            }
            Self::Unfinished { .. } => "run `aws logs get-query-results` again once it says Complete",
            Self::Expected { .. } => "save the whole answer, in JSON",
            Self::NotAReport { .. } => {
                "a baseline is what `ecspan deploy SERVICE --report json` printed, kept from an earlier deployment"
            }
            Self::ReportVersion { .. } | Self::BundleVersion { .. } => "update ecspan",
        };
        Some(hint.to_owned())
    }
}
