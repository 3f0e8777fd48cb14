//! Which process has a file in hand: whoever lives holds its lock, and nobody holds what a killed one left behind. Main function:
//! [`hold`].

use std::fs::{File, TryLockError};

/// Whose a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hold {
    /// Ours, until it is closed.
    Ours,
    /// Another process has it.
    Theirs,
    /// It was removed after it was opened.
    Gone,
    /// The file system knows no locks.
    Unknown,
}

/// Takes a file in hand, unless somebody has it.
pub(crate) fn hold(file: &File) -> Hold {
    match file.try_lock() {
        Ok(()) if is_removed(file) => Hold::Gone,
        Ok(()) => Hold::Ours,
        Err(TryLockError::WouldBlock) => Hold::Theirs,
        Err(TryLockError::Error(_)) => Hold::Unknown,
    }
}

#[cfg(unix)]
fn is_removed(file: &File) -> bool {
    use std::os::unix::fs::MetadataExt;
    file.metadata().is_ok_and(|data| data.nlink() == 0)
}

/// What is open is not removed there.
#[cfg(not(unix))]
const fn is_removed(_file: &File) -> bool {
    false
}

#[cfg(all(test, unix))]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn one_has_it_until_it_is_closed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        let first = File::create(&path).unwrap();
        assert_eq!(hold(&first), Hold::Ours);
        let second = File::open(&path).unwrap();
        assert_eq!(hold(&second), Hold::Theirs);
        drop(first);
        assert_eq!(hold(&second), Hold::Ours);
        let third = File::open(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
        drop(second);
        assert_eq!(hold(&third), Hold::Gone);
    }
}
