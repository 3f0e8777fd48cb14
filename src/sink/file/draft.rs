//! Files that appear whole or not at all. Main type: [`Draft`].

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::hold::{Hold, hold};

/// Where nobody can tell whether its process lives, a draft that is older than this was left behind.
const STALE: Duration = Duration::from_secs(3_600);

/// A file beside its place; removed unless it is moved there. Held while its process lives.
pub(crate) struct Draft {
    file: File,
    at: PathBuf,
    place: PathBuf,
    is_moved: bool,
}

impl Drop for Draft {
    fn drop(&mut self) {
        if !self.is_moved {
            // Nobody is left to tell; at worst a hidden file stays behind, until somebody clears it.
            let _ = fs::remove_file(&self.at);
        }
    }
}

impl Draft {
    /// Opens a file for what is to be at `place`.
    pub(crate) fn beside(place: PathBuf) -> io::Result<(Self, File)> {
        let name = place.file_name().ok_or(io::ErrorKind::InvalidFilename)?.to_string_lossy();
        for number in 0..100 {
            let at = place.with_file_name(format!(".{name}.{}-{number}.tmp", std::process::id()));
            match OpenOptions::new().write(true).create_new(true).open(&at) {
                Ok(file) => {
                    if matches!(hold(&file), Hold::Ours | Hold::Unknown) {
                        let draft = Self { file: file.try_clone()?, at, place, is_moved: false };
                        return Ok((draft, file));
                    }
                    // Somebody who clears was quicker than our hold.
                }
                // Left behind by a process that had our number, or another destination of ours.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
        Err(io::ErrorKind::AlreadyExists.into())
    }

    /// Moves what was written to its place.
    pub(crate) fn put_in_place(mut self) -> io::Result<()> {
        self.file.sync_all()?;
        fs::rename(&self.at, &self.place)?;
        self.is_moved = true;
        Ok(())
    }
}

/// Removes the drafts of killed processes that were to be at `place`.
pub(crate) fn clear_beside(place: &Path) {
    let Some(name) = place.file_name().map(|name| name.to_string_lossy()) else { return };
    let folder = place.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    clear(folder, |draft| {
        let rest = draft.strip_prefix('.').and_then(|draft| draft.strip_prefix(&*name)?.strip_prefix('.'));
        let numbers = rest.and_then(|rest| rest.strip_suffix(".tmp")?.split_once('-'));
        numbers.is_some_and(|(process, number)| is_number(process) && is_number(number))
    });
}

/// Removes the drafts of killed processes in a folder, of those files whose names are such.
pub(crate) fn clear(folder: &Path, is_draft: impl Fn(&str) -> bool) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let is_file = entry.file_type().is_ok_and(|kind| kind.is_file());
        if !is_file || !is_draft(&entry.file_name().to_string_lossy()) {
            continue;
        }
        let Ok(file) = OpenOptions::new().write(true).open(entry.path()) else { continue };
        let is_left_behind = match hold(&file) {
            Hold::Ours => true,
            Hold::Theirs | Hold::Gone => false,
            Hold::Unknown => {
                let age = file.metadata().and_then(|data| data.modified()).ok().and_then(|at| at.elapsed().ok());
                age.is_some_and(|age| age > STALE)
            }
        };
        if is_left_behind {
            // It holds nothing that could be used; the next run tries again.
            let _ = fs::remove_file(entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn what_was_left_behind_is_cleared_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("out.jsonl");
        let left = [".out.jsonl.4711-0.tmp", ".out.jsonl.1-99.tmp"];
        let others =
            [".out.jsonl.tmp", ".out.jsonl.x-0.tmp", ".out.json.1-0.tmp", "out.jsonl.1-0.tmp", ".out.jsonl.1-0.tmp~"];
        left.iter().chain(&others).for_each(|name| fs::write(folder.path().join(name), "").unwrap());
        let (draft, _file) = Draft::beside(place.clone()).unwrap();
        clear_beside(&place);
        assert!(draft.at.exists(), "its process lives");
        assert!(left.iter().all(|name| !folder.path().join(name).exists()));
        assert!(others.iter().all(|name| folder.path().join(name).exists()));
    }
}
