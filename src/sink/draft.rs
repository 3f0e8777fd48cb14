//! Files that appear whole or not at all. Main type: [`Draft`].

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::PathBuf;

/// A file beside its place; removed unless it is moved there.
pub(crate) struct Draft {
    file: File,
    at: PathBuf,
    place: PathBuf,
    is_moved: bool,
}

impl Drop for Draft {
    fn drop(&mut self) {
        if !self.is_moved {
            // Nobody is left to tell; at worst a hidden file stays behind.
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
                    let draft = Self { file: file.try_clone()?, at, place, is_moved: false };
                    return Ok((draft, file));
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
