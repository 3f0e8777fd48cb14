//! What to do about an error. Main trait: [`Hint`].

use std::error::Error;

/// An error that may know what to do about it: the missing permission, the flag, the file to name.
pub trait Hint: Error {
    /// One sentence, or none where nobody knows.
    fn hint(&self) -> Option<String>;
}
