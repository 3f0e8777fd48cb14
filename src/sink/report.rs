//! What a delivery did, and how that is judged. Main type: [`Report`].

use std::sync::Arc;

use opentelemetry::trace::TraceId;

use super::reason::Reason;
use super::retry::{Delivered, Fate};
use crate::trace::TaskTrace;

/// The lines of tasks that a report keeps; more are counted. A worker's or a big file's report stays small.
pub const TASK_LINES: usize = 1_000;

/// The closing report of a delivery.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// The first [`TASK_LINES`] tasks, in the order in which they came.
    pub tasks: Vec<TaskLine>,
    /// How many tasks there were.
    pub task_count: u64,
    /// What became of the spans, for each destination.
    pub destinations: Vec<DestinationReport>,
}

/// One task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskLine {
    /// What it is called.
    pub label: String,
    /// The trace to look it up by: its own.
    pub trace_id: TraceId,
    /// The trace that its spans are in, if that is its caller's.
    pub caller_trace_id: Option<TraceId>,
    /// Its spans.
    pub spans: u64,
    /// The spans that were not made, for they are not final.
    pub pending: Vec<String>,
    /// Its status, as ECS gives it.
    pub status: String,
    /// Log lines that are not among its events.
    pub dropped_log_lines: u64,
}

impl TaskLine {
    fn new(trace: &TaskTrace) -> Self {
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

/// What became of the spans at one destination: `accepted + rejected + undelivered` is `made`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DestinationReport {
    /// What it is called.
    pub name: String,
    /// Whether nothing was really sent.
    pub dry_run: bool,
    /// The spans that were to go there.
    pub made: u64,
    /// The spans that the receiver accepted.
    pub accepted: u64,
    /// The spans that it refused, out of requests that it took or for their size.
    pub rejected: u64,
    /// The spans of requests that it did not take.
    pub undelivered: u64,
    /// How many of the undelivered ones may have arrived all the same.
    pub unknown: u64,
    /// Why spans were rejected.
    pub rejections: Vec<Rejection>,
    /// Why spans were not delivered.
    pub failures: Vec<Failure>,
    /// What the receiver said while it accepted everything.
    pub warnings: Vec<String>,
    /// Requests, repeats included.
    pub requests: u64,
    /// The bytes of their bodies, before compression.
    pub bytes: u64,
    /// Log events that were left out of spans that were too large.
    pub dropped_events: u64,
}

/// Spans that a receiver refused. It gives a count, not names – but for a span that was too large even alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejection {
    /// How many.
    pub spans: u64,
    /// Out of how many of that request.
    pub of: u64,
    /// What it said.
    pub message: String,
    /// The span, when it is known.
    pub span: Option<String>,
    /// The tasks of that request.
    pub labels: Vec<Arc<str>>,
}

/// Spans that were not delivered, for one reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// How many.
    pub spans: u64,
    /// Whether they may have arrived all the same.
    pub unknown: bool,
    /// Why.
    pub reason: Reason,
    /// The tasks whose spans they are.
    pub labels: Vec<Arc<str>>,
}

/// The judgement that exit codes are made from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Everything was accepted everywhere, or there was nothing to send.
    AllAccepted,
    /// There were spans, and none was accepted anywhere.
    NothingAccepted,
    /// Some were accepted, others rejected or not delivered.
    Partly,
}

impl Report {
    pub(crate) fn add_task(&mut self, trace: &TaskTrace) {
        self.task_count += 1;
        if self.tasks.len() < TASK_LINES {
            self.tasks.push(TaskLine::new(trace));
        }
    }

    /// How it went.
    pub fn verdict(&self) -> Verdict {
        let (made, accepted) =
            self.destinations.iter().fold((0, 0), |(made, accepted), one| (made + one.made, accepted + one.accepted));
        match accepted {
            _ if accepted == made => Verdict::AllAccepted,
            0 => Verdict::NothingAccepted,
            _ => Verdict::Partly,
        }
    }
}

impl DestinationReport {
    pub(crate) fn add(&mut self, delivered: Delivered) {
        let Delivered { labels, spans, requests, bytes, fate } = delivered;
        self.requests += requests;
        self.bytes += bytes;
        match fate {
            Fate::Accepted { rejected, message } => {
                self.accepted += spans - rejected;
                self.rejected += rejected;
                if rejected > 0 {
                    self.rejections.push(Rejection { spans: rejected, of: spans, message, span: None, labels });
                } else if !message.is_empty() && !self.warnings.contains(&message) {
                    self.warnings.push(message);
                }
            }
            Fate::TooLarge { span, reason } => {
                self.rejected += spans;
                let (span, message) = (Some(span), reason.to_string());
                self.rejections.push(Rejection { spans, of: spans, message, span, labels });
            }
            Fate::Undelivered { reason } => self.fail(spans, false, reason, labels),
            Fate::Unknown { reason } => self.fail(spans, true, reason, labels),
            Fate::Split => {}
        }
    }

    fn fail(&mut self, spans: u64, unknown: bool, reason: Reason, labels: Vec<Arc<str>>) {
        self.undelivered += spans;
        self.unknown += if unknown { spans } else { 0 };
        let same = self.failures.iter_mut().find(|failure| failure.unknown == unknown && failure.reason == reason);
        let Some(failure) = same else {
            self.failures.push(Failure { spans, unknown, reason, labels });
            return;
        };
        failure.spans += spans;
        for label in labels {
            if failure.labels.last() != Some(&label) {
                failure.labels.push(label);
            }
        }
    }

    /// What was accepted was not delivered after all.
    pub(crate) fn withdraw(&mut self, reason: Reason) {
        let spans = std::mem::take(&mut self.accepted);
        self.fail(spans, false, reason, Vec::new());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn delivered(spans: u64, fate: Fate) -> Delivered {
        Delivered { labels: vec!["a".into()], spans, requests: 1, bytes: 10, fate }
    }

    fn reason() -> Reason {
        Reason::Http { status: 500, message: String::new() }
    }

    #[test]
    fn the_same_reason_is_told_once() {
        let mut report = DestinationReport::default();
        report.add(delivered(2, Fate::Undelivered { reason: reason() }));
        report.add(delivered(3, Fate::Undelivered { reason: reason() }));
        report.add(delivered(4, Fate::Unknown { reason: reason() }));
        let told: Vec<_> = report.failures.iter().map(|f| (f.spans, f.unknown, f.labels.len())).collect();
        assert_eq!(told, [(5, false, 1), (4, true, 1)]);
        assert_eq!((report.undelivered, report.unknown, report.requests, report.bytes), (9, 4, 3, 30));
    }

    #[test]
    fn verdicts() {
        let destination = |made, accepted| DestinationReport { made, accepted, ..DestinationReport::default() };
        let verdict = |all: &[(u64, u64)]| {
            let destinations = all.iter().map(|&(made, accepted)| destination(made, accepted)).collect();
            Report { destinations, ..Report::default() }.verdict()
        };
        assert_eq!(verdict(&[]), Verdict::AllAccepted);
        assert_eq!(verdict(&[(0, 0)]), Verdict::AllAccepted);
        assert_eq!(verdict(&[(3, 3), (3, 3)]), Verdict::AllAccepted);
        assert_eq!(verdict(&[(3, 0), (3, 0)]), Verdict::NothingAccepted);
        assert_eq!(verdict(&[(3, 0), (3, 3)]), Verdict::Partly);
        assert_eq!(verdict(&[(3, 2)]), Verdict::Partly);
    }
}
