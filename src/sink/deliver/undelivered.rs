//! The undelivered folder: what receivers did not accept, as OTLP JSON lines with a note under the key `ecspan`, which
//! receivers ignore. Written so that a file is there whole or not at all; sends nothing. Main types: [`Undelivered`],
//! [`Waiting`].

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::fate::{Delivered, Loss, Lost};
use crate::sink::file::draft::{self, Draft};
use crate::sink::file::hold::{Hold, hold};
use crate::sink::otlp::encode::{Format, Request};
use crate::sink::signal::Signal;

/// What the folder's files end with; those that begin with a dot are not complete.
const EXTENSION: &str = "jsonl";

/// The folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Undelivered {
    folder: PathBuf,
}

/// Where a request was to go.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub struct MeantFor {
    /// As `--to` names it: `otlp`, `xray:eu-west-1`.
    pub to: String,
    /// The URL, its secrets masked.
    pub endpoint: String,
    /// As `--protocol` names it.
    pub protocol: String,
}

/// What stands beside a request under the key `ecspan`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Note {
    /// Why it is here.
    pub outcome: Lost,
    /// Where it was to go.
    #[serde(flatten)]
    pub meant_for: MeantFor,
    /// How many spans or log records it has.
    pub items: u64,
    /// How many of them the receiver rejected, of a partial success.
    pub rejected: u64,
    /// Why.
    pub reason: String,
    /// The receiver may have wanted another protocol.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub protocol_in_doubt: bool,
    /// The tasks, in the order of the groups of the request.
    pub tasks: Vec<Arc<str>>,
    /// When it was saved.
    pub saved_at: Timestamp,
}

/// Why something could not be saved.
#[derive(Debug, thiserror::Error)]
#[error("failed to save what was not delivered in {}: {source}", folder.display())]
pub(crate) struct SaveError {
    folder: PathBuf,
    source: io::Error,
}

/// A request that waits to be sent again.
#[derive(Debug)]
pub struct Waiting {
    /// What is sent.
    pub request: Request,
    /// What is known about it; a file of somebody else has nothing.
    pub note: Option<Note>,
}

/// A line of a file that is no request.
#[derive(Debug, thiserror::Error)]
#[error("{}: line {line}: {why}", path.display())]
pub struct LineError {
    path: PathBuf,
    line: usize,
    why: String,
}

impl Undelivered {
    /// The folder at this path; it is made when something is saved.
    pub const fn at(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// The folder in the user's state directory, where the system has one.
    pub fn of_user() -> Option<Self> {
        use etcetera::BaseStrategy;
        let places = etcetera::choose_base_strategy().ok()?;
        // Windows knows no state directory.
        let state = places.state_dir().unwrap_or_else(|| places.data_dir());
        Some(Self::at(state.join("ecspan").join("undelivered")))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.folder
    }

    /// The complete files in it, oldest first. None, when there is no folder.
    pub fn files(&self) -> io::Result<Vec<PathBuf>> {
        let entries = match fs::read_dir(&self.folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(vec![]),
            Err(error) => return Err(error),
        };
        let mut files = vec![];
        for entry in entries {
            let path = entry?.path();
            let is_hidden = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
            if !is_hidden && path.extension().is_some_and(|extension| extension == EXTENSION) {
                files.push(path);
            }
        }
        // Their names begin with the time.
        files.sort();
        Ok(files)
    }

    /// Removes unfinished files that nobody writes any more.
    pub fn tidy(&self) {
        draft::clear(&self.folder, |name| name.starts_with('.') && name.ends_with(".tmp"));
    }

    fn write(&self, line: &[u8]) -> io::Result<()> {
        static COUNTER: AtomicU64 = AtomicU64::new(0);
        let mut folder = fs::DirBuilder::new();
        folder.recursive(true);
        // Log lines are in it, which are nobody else's business.
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut folder, 0o700);
        folder.create(&self.folder)?;
        let at = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_nanos();
        let number = COUNTER.fetch_add(1, Ordering::Relaxed);
        let name = format!("{at}-{}-{number}.{EXTENSION}", std::process::id());
        let (draft, mut file) = Draft::beside(self.folder.join(name))?;
        // The folder may have been there before, open to others.
        #[cfg(unix)]
        file.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
        file.write_all(line)?;
        draft.put_in_place()
    }
}

/// Saves what one destination does not accept.
#[derive(Clone, Debug)]
pub(crate) struct Keeper {
    pub(crate) folder: Undelivered,
    pub(crate) meant_for: MeantFor,
}

/// What became of what was to be saved.
#[derive(Debug)]
pub(crate) struct Saved {
    pub(crate) lost: Lost,
    pub(crate) items: u64,
    /// The folder that it is in now.
    pub(crate) place: Result<PathBuf, SaveError>,
}

/// Saves a request unless all of it was accepted, where there is a place for it.
pub(crate) async fn keep(keeper: Option<&Keeper>, delivered: &Delivered) -> Option<Saved> {
    let keeper = keeper?.clone();
    let Loss { lost, items: rejected, reason } = delivered.loss()?;
    let (request, items) = (delivered.request.clone(), delivered.request.items());
    let folder = keeper.folder.folder.clone();
    let protocol_in_doubt = lost.is_resent() && reason.puts_protocol_in_doubt();
    let rejected = if lost == Lost::Partial { rejected } else { 0 };
    let written = tokio::task::spawn_blocking(move || {
        let Keeper { folder, meant_for } = keeper;
        let (tasks, saved_at) = (request.tasks().to_vec(), Timestamp::now());
        folder.write(&line(
            &request,
            &Note {
                outcome: lost,
                meant_for,
                items,
                rejected,
                reason: reason.to_string(),
                protocol_in_doubt,
                tasks,
                saved_at,
            },
        ))
    });
    let written = written.await.unwrap_or_else(|error| Err(io::Error::other(error)));
    let place = written.map(|()| folder.clone()).map_err(|source| SaveError { folder, source });
    Some(Saved { lost, items, place })
}

/// OTLP JSON with the note in front, so that a glance at the file's beginning tells what it is.
fn line(request: &Request, note: &Note) -> Vec<u8> {
    let mut line = b"{\"ecspan\":".to_vec();
    line.extend(serde_json::to_vec(note).expect("memory does not fail and all keys are strings"));
    line.push(b',');
    let body = request.encode(Format::Json);
    line.extend_from_slice(body.strip_prefix(b"{").unwrap_or(&body));
    line.push(b'\n');
    line
}

/// A file of the folder, in whose hand it is.
#[derive(Debug)]
pub(crate) enum Held {
    /// In ours, for as long as this is open.
    Ours(File),
    /// Another process sends it.
    Theirs,
    /// Another process has sent it.
    Gone,
}

/// Takes a file of the folder in hand, so that nobody else sends it meanwhile.
pub(crate) fn take_in_hand(path: &Path) -> io::Result<Held> {
    let file = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Held::Gone),
        file => file?,
    };
    Ok(match hold(&file) {
        // What cannot be locked is sent, at worst twice: the spans are identical.
        Hold::Ours | Hold::Unknown => Held::Ours(file),
        Hold::Theirs => Held::Theirs,
        Hold::Gone => Held::Gone,
    })
}

/// Reads the requests of a file, one by one: of ours, of `--to file:` or of a collector's file exporter.
pub fn read_waiting(path: &Path) -> io::Result<impl Iterator<Item = Result<Waiting, LineError>> + use<>> {
    waiting_in(path, File::open(path)?)
}

/// The same of one that is open; its path is for errors.
pub(crate) fn waiting_in(
    path: &Path,
    file: File,
) -> io::Result<impl Iterator<Item = Result<Waiting, LineError>> + use<>> {
    if file.metadata()?.is_dir() {
        return Err(io::ErrorKind::IsADirectory.into());
    }
    let path = path.to_owned();
    let mut is_broken = false;
    let lines = BufReader::new(file).split(b'\n').enumerate().map_while(move |(index, line)| {
        let request = match line {
            _ if is_broken => return None,
            Ok(line) if line.iter().all(u8::is_ascii_whitespace) => return Some(None),
            Ok(line) => parse(&line),
            Err(error) => {
                is_broken = true;
                Err(error.to_string())
            }
        };
        Some(Some(request.map_err(|why| LineError { path: path.clone(), line: index + 1, why })))
    });
    Ok(lines.flatten())
}

fn parse(line: &[u8]) -> Result<Waiting, String> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Line {
        ecspan: Option<Note>,
        resource_spans: Option<serde::de::IgnoredAny>,
        resource_logs: Option<serde::de::IgnoredAny>,
    }
    // Some editors put a mark before the first line.
    let line = line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line);
    let text = std::str::from_utf8(line).map_err(|error| format!("not UTF-8 from byte {}", error.valid_up_to()))?;
    if !text.trim_start().starts_with('{') {
        return Err("not OTLP JSON: no object".to_owned());
    }
    // Each line is one to the reader of JSON: its own line number says nothing.
    let told = |error: serde_json::Error| format!("not OTLP JSON: {error}").replace(" at line 1 column", ", at column");
    let Line { ecspan: note, resource_spans, resource_logs } = serde_json::from_str(text).map_err(told)?;
    let signal = match (resource_spans, resource_logs) {
        (Some(_), None) => Signal::Traces,
        (None, Some(_)) => Signal::Logs,
        _ => return Err("neither resourceSpans nor resourceLogs: not OTLP JSON of traces or logs".to_owned()),
    };
    let tasks = note.as_ref().map_or(&[][..], |note| &note.tasks);
    Ok(Waiting { request: Request::from_json(text, signal, tasks).map_err(told)?, note })
}
