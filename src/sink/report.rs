//! What became of every span. Main type: [`Report`].

use opentelemetry::trace::TraceId;

use super::transport::Reason;
use crate::trace::TaskTrace;

/// What became of all spans of a run.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// A line for each task, in the order in which they came.
    pub tasks: Vec<TaskLine>,
    /// What became of them at each destination.
    pub destinations: Vec<DestinationReport>,
}

/// What was made of a task.
#[derive(Clone, Debug)]
pub struct TaskLine {
    /// `CLUSTER/ID`.
    pub label: String,
    /// Where it is found.
    pub trace_id: TraceId,
    /// The caller's trace, when its spans are in that one.
    pub caller_trace_id: Option<TraceId>,
    /// How many spans.
    pub spans: u64,
    /// Spans that exist but are not final yet.
    pub pending: Vec<String>,
    /// The task's status.
    pub status: String,
    /// Log lines that were read and not kept.
    pub dropped_log_lines: u64,
}

impl From<&TaskTrace> for TaskLine {
    fn from(trace: &TaskTrace) -> Self {
        Self {
            label: trace.label.clone(),
            trace_id: trace.trace_id,
            caller_trace_id: trace.caller_trace_id,
            spans: trace.spans.len() as u64,
            pending: trace.pending.clone(),
            status: trace.status.clone(),
            dropped_log_lines: trace.dropped_log_lines,
        }
    }
}

/// What became of the spans at one destination: accepted + rejected + undelivered = made, exactly.
#[derive(Clone, Debug, Default)]
pub struct DestinationReport {
    /// Where, as it may be shown.
    pub name: String,
    /// Nothing was sent: this is what would be.
    pub dry_run: bool,
    /// Spans that were to be delivered.
    pub made: u64,
    /// Spans that the receiver accepted.
    pub accepted: u64,
    /// Spans that the receiver refused for good.
    pub rejected: u64,
    /// Spans that did not reach it, or of which nobody knows.
    pub undelivered: u64,
    /// Requests that were answered for good or given up.
    pub requests: u64,
    /// Attempts at them.
    pub attempts: u64,
    /// Encoded bytes before compression.
    pub bytes: u64,
    /// Log events that had to go so that a span fits into a request.
    pub dropped_events: u64,
    /// What went wrong, one line for each different thing.
    pub troubles: Vec<Trouble>,
    /// Words of the receiver that came with success.
    pub warnings: Vec<String>,
}

/// Something that went wrong with some spans.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    /// `rejected`, `not delivered`, `of unknown outcome`.
    pub what: &'static str,
    /// How many spans.
    pub spans: u64,
    /// How many spans were in the requests concerned.
    pub of: u64,
    /// The tasks concerned: the first few.
    pub tasks: Vec<String>,
    /// How many more tasks.
    pub more_tasks: u64,
    /// Why.
    pub reason: Reason,
}

/// How it went as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Every span was accepted – or there was none to send.
    All,
    /// Some were.
    Some,
    /// None was.
    Nothing,
}

impl Report {
    /// How it went as a whole.
    pub fn verdict(&self) -> Verdict {
        let made: u64 = self.destinations.iter().map(|destination| destination.made).sum();
        let accepted: u64 = self.destinations.iter().map(|destination| destination.accepted).sum();
        // A destination can fail without having been given a span: a file that cannot be put in place.
        let troubled = self.destinations.iter().any(|destination| !destination.troubles.is_empty());
        match () {
            () if accepted == made && !troubled => Verdict::All,
            () if accepted == 0 => Verdict::Nothing,
            () => Verdict::Some,
        }
    }
}

impl DestinationReport {
    /// So many tasks are named for one trouble.
    const NAMED: usize = 5;

    /// Adds a trouble; the same one again only adds to its numbers.
    pub(super) fn trouble(&mut self, what: &'static str, spans: u64, of: u64, tasks: &[String], reason: Reason) {
        let at = self.troubles.iter().position(|known| known.what == what && known.reason == reason);
        let at = at.unwrap_or_else(|| {
            self.troubles.push(Trouble { what, spans: 0, of: 0, tasks: vec![], more_tasks: 0, reason });
            self.troubles.len() - 1
        });
        let Some(known) = self.troubles.get_mut(at) else { return };
        known.spans += spans;
        known.of += of;
        for task in tasks.iter().filter(|task| !known.tasks.contains(task)).collect::<Vec<_>>() {
            if known.tasks.len() < Self::NAMED {
                known.tasks.push(task.clone());
            } else {
                known.more_tasks += 1;
            }
        }
    }
}
