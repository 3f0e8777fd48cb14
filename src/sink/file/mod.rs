//! OTLP JSON lines: one request a line, in a file or on stdout. Main type: [`FileTransport`].
//!
//! A file is written beside its place and moved there when the run ends: an export that fails or is killed leaves the older
//! file as it was, and nobody ever reads half a line; the next one clears what a killed one left beside it. What exists and is no
//! regular file (a pipe, `/dev/null`) is written as it comes. A run without an end writes to the file's end instead, line by line.

pub(super) mod draft;
pub(super) mod hold;

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use futures::future::{BoxFuture, ready};

use self::draft::{Draft, clear_beside};
use crate::sink::otlp::encode::Format;
use crate::sink::reason::Reason;
use crate::sink::request::transport::{Answer, Transport};

/// Writes requests as lines.
pub(crate) struct FileTransport {
    path: PathBuf,
    state: Mutex<State>,
}

struct State {
    out: Box<dyn Write + Send>,
    /// The unfinished file, until it is moved to its place.
    draft: Option<Draft>,
    /// Why no more is written: after half a line, the next one would be lost too.
    failed: Option<Reason>,
    /// Whether anything was.
    is_written: bool,
}

impl FileTransport {
    /// Stdout, unless it is closed.
    pub(crate) fn stdout() -> io::Result<Self> {
        Ok(Self::new("stdout".into(), stdout()?, None))
    }

    /// Opens a file, so that a wrong path is known before any work is done.
    pub(crate) fn create(path: &Path) -> io::Result<Self> {
        let (file, draft) = create(path)?;
        Ok(Self::new(path.to_owned(), Box::new(file), draft))
    }

    /// Opens a file to write more lines to its end, each in place at once: for runs without an end.
    pub(crate) fn append(path: &Path) -> io::Result<Self> {
        let file = OpenOptions::new().append(true).create(true).open(path)?;
        Ok(Self::new(path.to_owned(), Box::new(file), None))
    }

    fn new(path: PathBuf, out: Box<dyn Write + Send>, draft: Option<Draft>) -> Self {
        Self { path, state: Mutex::new(State { out, draft, failed: None, is_written: false }) }
    }

    fn write(&self, mut line: Vec<u8>) -> Answer {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(reason) = &state.failed {
            return Answer::refused(reason.clone());
        }
        line.push(b'\n');
        let written = state.out.write_all(&line).and_then(|()| state.out.flush());
        match written {
            Ok(()) => {
                state.is_written = true;
                Answer::Accepted { rejected: 0, message: String::new() }
            }
            Err(error) => {
                let reason = self.reason(&error);
                state.failed = Some(reason.clone());
                Answer::refused(reason)
            }
        }
    }

    fn reason(&self, error: &io::Error) -> Reason {
        Reason::Write { path: self.path.clone(), detail: error.to_string() }
    }
}

/// Opens a file, or a draft of it where it can be moved into its place.
fn create(path: &Path) -> io::Result<(fs::File, Option<Draft>)> {
    match fs::metadata(path) {
        Ok(existing) if existing.is_dir() => Err(io::ErrorKind::IsADirectory.into()),
        Ok(existing) => {
            // Also says whether it may be written, which a move would not ask.
            let file = OpenOptions::new().write(true).open(path)?;
            if !existing.is_file() {
                return Ok((file, None));
            }
            // A link stays, and what it leads to is replaced.
            let place = fs::canonicalize(path)?;
            clear_beside(&place);
            let (draft, file) = Draft::beside(place)?;
            file.set_permissions(existing.permissions())?;
            Ok((file, Some(draft)))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            clear_beside(path);
            let (draft, file) = Draft::beside(path.to_owned())?;
            Ok((file, Some(draft)))
        }
        Err(error) => Err(error),
    }
}

/// Writes a file that only its owner reads, whole or not at all; what is no regular file (a pipe) gets it as it comes.
pub fn write_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let (mut file, draft) = create(path)?;
    #[cfg(unix)]
    if draft.is_some() {
        file.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
    }
    file.write_all(bytes)?;
    draft.map_or(Ok(()), Draft::put_in_place)
}

/// Stdout as a file, unless it is closed: to std's own handle a closed one is as good as any.
#[cfg(unix)]
pub fn stdout() -> io::Result<Box<dyn Write + Send>> {
    use std::os::fd::AsFd;
    let file = fs::File::from(io::stdout().as_fd().try_clone_to_owned()?);
    if is_closed(&file) {
        return Err(io::Error::other("it is closed (or /dev/null that is open to be read: file:/dev/null discards)"));
    }
    Ok(Box::new(file))
}

/// Stdout.
#[cfg(not(unix))]
pub fn stdout() -> io::Result<Box<dyn Write + Send>> {
    Ok(Box::new(io::stdout()))
}

/// Whether a program was started without this one: then std opens `/dev/null` in its place, to read and to write, where a
/// shell's `> /dev/null` is there to be written only.
#[cfg(unix)]
fn is_closed(mut file: &fs::File) -> bool {
    use std::io::Read;
    use std::os::unix::fs::MetadataExt;
    let device = |data: fs::Metadata| (data.rdev() > 0).then(|| data.rdev());
    let null = fs::metadata("/dev/null").ok().and_then(device);
    null.is_some() && null == file.metadata().ok().and_then(device) && file.read(&mut [0]).is_ok()
}

impl Transport for FileTransport {
    fn format(&self) -> Format {
        Format::Json
    }

    fn send(&self, body: Bytes) -> BoxFuture<'_, Answer> {
        Box::pin(ready(self.write(body.into())))
    }

    fn finish(&self) -> Result<(), Reason> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        match (state.draft.take(), &state.failed) {
            (Some(_), Some(reason)) => Err(reason.clone()),
            // Nothing was made, so nothing takes the place of what is there.
            (Some(_), None) if !state.is_written && self.path.exists() => Ok(()),
            (Some(draft), None) => draft.put_in_place().map_err(|error| self.reason(&error)),
            (None, _) => Ok(()),
        }
    }
}

/// Counts instead of sending.
pub(crate) struct DryRun(pub(crate) Format);

impl Transport for DryRun {
    fn format(&self) -> Format {
        self.0
    }

    fn send(&self, _body: Bytes) -> BoxFuture<'_, Answer> {
        Box::pin(ready(Answer::Accepted { rejected: 0, message: String::new() }))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn taken() -> Answer {
        Answer::Accepted { rejected: 0, message: String::new() }
    }

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<_> =
            fs::read_dir(folder).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn lines_are_added_to_what_is_there_and_are_in_place_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out.jsonl");
        fs::write(&path, "old\n").unwrap();
        for line in ["{}", "[]"] {
            assert_eq!(FileTransport::append(&path).unwrap().write(line.into()), taken());
        }
        assert_eq!(fs::read_to_string(&path).unwrap(), "old\n{}\n[]\n");
        assert_eq!(names(folder.path()), ["out.jsonl"]);
    }

    #[test]
    fn lines_are_in_place_when_finished_and_not_before() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out.jsonl");
        fs::write(&path, "old").unwrap();
        let transport = FileTransport::create(&path).unwrap();
        assert_eq!(transport.write(b"{}".to_vec()), taken());
        assert_eq!(transport.write(b"[]".to_vec()), taken());
        assert_eq!(fs::read_to_string(&path).unwrap(), "old");
        transport.finish().unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "{}\n[]\n");
        drop(transport);
        assert_eq!(names(folder.path()), ["out.jsonl"]);
    }

    #[test]
    fn where_nothing_was_made_nothing_takes_the_place_of_what_is_there() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out.jsonl");
        FileTransport::create(&path).unwrap().finish().unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "");
        fs::write(&path, "old").unwrap();
        FileTransport::create(&path).unwrap().finish().unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "old");
        assert_eq!(names(folder.path()), ["out.jsonl"]);
    }

    #[test]
    fn an_unfinished_file_leaves_nothing_and_changes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out.jsonl");
        let transport = FileTransport::create(&path).unwrap();
        assert_eq!(transport.write(b"{}".to_vec()), taken());
        drop(transport);
        assert!(names(folder.path()).is_empty());
    }

    #[test]
    fn a_path_that_cannot_be_written_is_known_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let kind = |path: PathBuf| FileTransport::create(&path).map(drop).unwrap_err().kind();
        assert_eq!(kind(folder.path().to_owned()), io::ErrorKind::IsADirectory);
        assert_eq!(kind(folder.path().join("no/such/folder")), io::ErrorKind::NotFound);
        assert_eq!(kind(PathBuf::from("..")), io::ErrorKind::IsADirectory);
    }

    #[cfg(unix)]
    #[test]
    fn a_link_stays_and_permissions_too() {
        use std::os::unix::fs::{PermissionsExt, symlink};
        let folder = tempfile::tempdir().unwrap();
        let (real, link) = (folder.path().join("real"), folder.path().join("link"));
        fs::write(&real, "old").unwrap();
        fs::set_permissions(&real, fs::Permissions::from_mode(0o600)).unwrap();
        symlink(&real, &link).unwrap();
        let transport = FileTransport::create(&link).unwrap();
        transport.write(b"{}".to_vec());
        transport.finish().unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::read_to_string(&real).unwrap(), "{}\n");
        assert_eq!(fs::metadata(&real).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[cfg(unix)]
    #[test]
    fn what_std_opens_in_place_of_a_closed_stdout_is_told_from_what_a_user_discards_into() {
        let opened = |read, write| OpenOptions::new().read(read).write(write).open("/dev/null").unwrap();
        assert!(is_closed(&opened(true, true)));
        assert!(!is_closed(&opened(false, true)));
        assert!(!is_closed(&tempfile::tempfile().unwrap()));
    }

    #[test]
    fn after_a_failed_write_nothing_more_is_written() {
        /// A disk with room for four bytes.
        struct Full(usize);
        impl Write for Full {
            fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
                let fitting = bytes.len().min(self.0);
                self.0 -= fitting;
                if fitting == 0 { Err(io::ErrorKind::StorageFull.into()) } else { Ok(fitting) }
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let folder = tempfile::tempdir().unwrap();
        let (draft, _) = Draft::beside(folder.path().join("out")).unwrap();
        let transport = FileTransport::new("out".into(), Box::new(Full(4)), Some(draft));
        assert_eq!(transport.write(b"{}".to_vec()), taken());
        let refused = transport.write(b"{}".to_vec());
        let Answer::Refused { reason, .. } = refused.clone() else { panic!("{refused:?}") };
        assert_eq!(reason.to_string(), "failed to write out: no storage space");
        assert_eq!(transport.write(Vec::new()), refused);
        assert_eq!(transport.finish(), Err(reason));
        assert!(names(folder.path()).is_empty());
    }
}
