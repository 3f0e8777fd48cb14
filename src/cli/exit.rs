//! Exit codes. Documented for users in `docs/exit-codes.md`; 10–13 belong to `ecspan deploy`. Main type: [`Exit`].

use std::process::ExitCode;

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Everything was delivered; notes are allowed.
    Success,
    /// Nothing was accepted, written or drawn.
    Failed,
    /// What was typed makes no sense.
    Usage,
    /// Delivered, but something that was tried could not be read.
    Incomplete,
    /// Some was accepted, the rest was rejected or not delivered.
    PartlyDelivered,
    /// The deployment was rolled back.
    RolledBack,
    /// The deployment failed.
    DeployFailed,
    /// `--wait` ran out of time.
    TimedOut,
    /// `--fail-on`: a finding that was not to be.
    Found,
    /// Interrupted by Ctrl-C.
    Interrupted,
    /// Ended by SIGTERM.
    Terminated,
}

impl Exit {
    /// The code that the process ends with.
    pub(crate) const fn code(self) -> u8 {
        match self {
            Self::Success => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::Incomplete => 3,
            Self::PartlyDelivered => 4,
            Self::RolledBack => 10,
            Self::DeployFailed => 11,
            Self::TimedOut => 12,
            Self::Found => 13,
            Self::Interrupted => 130,
            Self::Terminated => 143,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}
