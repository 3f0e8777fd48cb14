//! What is told when something goes wrong: an `error:` line, a `hint:` line, an exit code. Main type: [`Problem`].

use ecspan::Hint;

use super::exit::Exit;
use super::terminal;

/// Something that went wrong.
#[derive(Debug)]
pub(crate) struct Problem {
    error: String,
    hint: Option<String>,
    exit: Exit,
}

impl Problem {
    /// Nothing could be delivered, because of this.
    pub(crate) fn failed(error: impl Into<String>) -> Self {
        Self { error: error.into(), hint: None, exit: Exit::Failed }
    }

    /// What was typed makes no sense.
    pub(crate) fn usage(error: impl Into<String>) -> Self {
        Self { exit: Exit::Usage, ..Self::failed(error) }
    }

    /// Nothing could be delivered, because of this error.
    pub(crate) fn of(error: &impl Hint) -> Self {
        Self::failed(error.to_string()).hint(error.hint())
    }

    /// What was typed makes no sense: this error says why.
    pub(crate) fn misuse(error: &impl Hint) -> Self {
        Self { exit: Exit::Usage, ..Self::of(error) }
    }

    /// A wait ran out of time before there was anything to show.
    pub(crate) fn timed_out(error: impl Into<String>) -> Self {
        Self { exit: Exit::TimedOut, ..Self::failed(error) }
    }

    /// What to do about it.
    pub(crate) fn hint(self, hint: impl Into<Option<String>>) -> Self {
        Self { hint: hint.into(), ..self }
    }

    /// The code that the process ends with, if it ends with this.
    pub(crate) const fn exit(&self) -> Exit {
        self.exit
    }

    /// Tells it on stderr.
    pub(crate) fn print(&self) {
        terminal::tell("error", &self.error);
        if let Some(hint) = &self.hint {
            terminal::tell("hint", hint);
        }
    }
}
