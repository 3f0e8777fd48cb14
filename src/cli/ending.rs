//! What a run came to, and the exit code that this is: made in one match, whatever the command. Main type: [`Ending`].

use ecspan::model::deployment::State;
use ecspan::sink::Verdict;

use super::exit::Exit;
use super::signals;

/// What a run came to, as far as its exit code is concerned.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ending {
    /// The signal that ended it: not of what drains and ends well.
    pub(crate) signal: Option<Exit>,
    /// What became of the deployment that it reports on: drawn, whatever became of the delivery.
    pub(crate) deployment: Option<State>,
    /// A wait ran out of time.
    pub(crate) timed_out: bool,
    /// Something of `--fail-on` was found.
    pub(crate) found: bool,
    /// What became of the delivery.
    pub(crate) verdict: Verdict,
    /// So many things were tried and could not be read.
    pub(crate) lost: usize,
    /// Nothing was there to deliver or draw.
    pub(crate) is_empty: bool,
}

impl Ending {
    /// All is well, unless a signal came.
    pub(crate) fn new(verdict: Verdict) -> Self {
        Self {
            signal: signals::received(),
            deployment: None,
            timed_out: false,
            found: false,
            verdict,
            lost: 0,
            is_empty: false,
        }
    }

    /// All is well, also when a signal came: it was what the run was waiting for, unless it was cut short by another.
    pub(crate) fn of_drained(verdict: Verdict) -> Self {
        Self { signal: signals::cut_short(), ..Self::new(verdict) }
    }

    /// The code. What outranks what is in `docs/exit-codes.md`.
    pub(crate) const fn exit(self) -> Exit {
        let Self { signal, deployment, timed_out, found, verdict, lost, is_empty } = self;
        match (signal, deployment, verdict) {
            (Some(signal), _, _) => signal,
            (None, Some(State::RolledBack), _) => Exit::RolledBack,
            (None, Some(State::Failed), _) => Exit::DeployFailed,
            (None, Some(State::Held | State::InProgress) | None, _) if timed_out => Exit::TimedOut,
            (None, Some(State::Held | State::InProgress) | None, _) if found => Exit::Found,
            (None, Some(State::Held | State::InProgress), Verdict::Nothing | Verdict::Some) => Exit::PartlyDelivered,
            (None, None, Verdict::Some) => Exit::PartlyDelivered,
            (None, None, Verdict::Nothing) => Exit::Failed,
            (None, Some(State::Held | State::InProgress) | None, Verdict::All) => match (lost, is_empty) {
                (0, _) => Exit::Success,
                (_, true) => Exit::Failed,
                (_, false) => Exit::Incomplete,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_became_of_a_deployment_outranks_the_delivery_and_a_signal_all() {
        let well = Ending { signal: None, ..Ending::new(Verdict::All) };
        let held = Ending { deployment: Some(State::Held), ..well };
        let cases = [
            (well, 0),
            (Ending { verdict: Verdict::Nothing, lost: 3, ..well }, 1),
            (Ending { lost: 1, is_empty: true, ..well }, 1),
            (Ending { lost: 1, ..well }, 3),
            (Ending { verdict: Verdict::Some, lost: 1, ..well }, 4),
            (Ending { verdict: Verdict::Nothing, ..held }, 4),
            (Ending { deployment: Some(State::RolledBack), timed_out: true, found: true, ..well }, 10),
            (Ending { deployment: Some(State::Failed), verdict: Verdict::Nothing, ..well }, 11),
            (Ending { timed_out: true, found: true, lost: 1, ..held }, 12),
            (Ending { timed_out: true, verdict: Verdict::Some, ..well }, 12),
            (Ending { found: true, verdict: Verdict::Some, ..held }, 13),
            (Ending { signal: Some(Exit::Interrupted), deployment: Some(State::Failed), ..well }, 130),
            (Ending { signal: Some(Exit::Terminated), ..well }, 143),
        ];
        for (ending, code) in cases {
            assert_eq!(ending.exit().code(), code, "{ending:?}");
        }
    }
}
