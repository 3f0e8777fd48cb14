//! What a delivery did, and how that is judged. Main type: [`DeliveryReport`].

use std::path::PathBuf;
use std::sync::Arc;

use opentelemetry::trace::TraceId;

use super::fate::{Delivered, Fate, Loss, Lost};
use super::undelivered::Saved;
use crate::sink::reason::Reason;
use crate::sink::signal::Signal;
use crate::trace::TaskTrace;

/// The lines of tasks that a report keeps; more are counted. A worker's or a big file's report stays small.
pub const TASK_LINES: usize = 1_000;

/// The different reasons that a report keeps of one destination, likewise: those that come later are counted with the last.
const CAUSES: usize = 100;

/// The closing report of a delivery.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct DeliveryReport {
    /// The first [`TASK_LINES`] tasks, in the order in which they came.
    pub tasks: Vec<TaskLine>,
    /// How many tasks there were.
    pub task_count: u64,
    /// What became of the spans, for each destination.
    pub destinations: Vec<DestinationReport>,
}

/// One task.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
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
    /// Only its containers are sent: ECS has not spoken of it.
    pub containers_only: bool,
    /// Log lines that were read and are not among its events.
    pub dropped_log_lines: u64,
    /// More lines may be missing: nobody has read them.
    pub has_unread_log_lines: bool,
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
            containers_only: trace.containers_only,
            dropped_log_lines: trace.dropped_log_lines,
            has_unread_log_lines: trace.has_unread_log_lines,
        }
    }
}

/// What became of the spans at one destination: `accepted + rejected + undelivered` is `made`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct DestinationReport {
    /// What it is called.
    pub name: String,
    /// What it takes; the counts below are of spans or of log records.
    pub signal: Signal,
    /// The region, where it is X-Ray: its console links to traces.
    pub xray_region: Option<String>,
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
    /// How many of the undelivered ones are in the undelivered folder.
    pub saved: u64,
    /// Requests in the undelivered folder that a resend leaves alone unless asked: the receiver took a part of them, or states
    /// that it takes none of their spans.
    pub set_aside: u64,
    /// Why something could not be saved, each different thing once.
    pub unsaved: Vec<String>,
    /// The undelivered folder, when something was saved there.
    pub folder: Option<PathBuf>,
    /// What went wrong, each different thing once.
    pub troubles: Vec<Trouble>,
    /// What the receiver said while it accepted everything: the first different things.
    pub warnings: Vec<String>,
    /// Requests, those included that were then split.
    pub requests: u64,
    /// Attempts at them.
    pub attempts: u64,
    /// The bytes of their bodies, before compression, each counted once.
    pub bytes: u64,
    /// Log events that were left out of spans that were too large.
    pub dropped_events: u64,
    /// Log records whose text was cut so that they fit into a request.
    pub cut_records: u64,
}

/// Spans that were not accepted, for one reason.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Trouble {
    /// How they were lost.
    pub lost: Lost,
    /// How many.
    pub spans: u64,
    /// Out of how many of the requests concerned: a receiver gives a count, not names.
    pub of: u64,
    /// The first [`TASK_LINES`] tasks of those requests. None means all.
    pub tasks: Vec<Arc<str>>,
    /// How many more tasks there were.
    pub more_tasks: u64,
    /// Why.
    pub reason: Reason,
    /// That is the reason of the first: others differ in the span that they name.
    pub is_example: bool,
}

/// The judgement that exit codes are made from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Everything was accepted everywhere, or there was nothing to send.
    All,
    /// Some were accepted, others rejected or not delivered.
    Some,
    /// None was accepted anywhere.
    Nothing,
}

impl DeliveryReport {
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
        // A destination can fail without a span: a file that cannot be put in its place.
        let is_untroubled = self.destinations.iter().all(|destination| destination.troubles.is_empty());
        match accepted {
            _ if accepted == made && is_untroubled => Verdict::All,
            0 => Verdict::Nothing,
            _ => Verdict::Some,
        }
    }
}

impl DestinationReport {
    /// Books a request, and what became of it where it was to be saved.
    pub(crate) fn add(&mut self, delivered: &Delivered, saved: Option<Saved>) {
        if let Some(saved) = saved {
            self.add_saved(saved);
        }
        let Delivered { request, attempts, bytes, fate } = delivered;
        let spans = request.items();
        self.requests += u64::from(*attempts > 0);
        self.attempts += attempts;
        self.bytes += bytes;
        if let Some(Loss { lost, items, reason }) = delivered.loss() {
            self.accepted += spans - items;
            self.lose(lost, items, spans, request.tasks(), &reason);
            return;
        }
        self.accepted += spans;
        if let Fate::Accepted { message, .. } = fate
            && !message.is_empty()
            && self.warnings.len() < CAUSES
            && !self.warnings.contains(message)
        {
            self.warnings.push(message.clone());
        }
    }

    pub(crate) fn lose(&mut self, lost: Lost, spans: u64, of: u64, tasks: &[Arc<str>], reason: &Reason) {
        match lost {
            Lost::Partial | Lost::Rejected => self.rejected += spans,
            Lost::Undelivered => self.undelivered += spans,
            Lost::Unknown => {
                self.undelivered += spans;
                self.unknown += spans;
            }
        }
        let same = |trouble: &Trouble| trouble.lost == lost && is_alike(&trouble.reason, reason);
        let known = self.troubles.iter().position(same).or_else(|| {
            // A run without an end to a receiver that words each answer anew.
            let is_full = self.troubles.len() >= CAUSES;
            self.troubles.iter().rposition(|trouble| trouble.lost == lost).filter(|_| is_full)
        });
        let known = known.unwrap_or_else(|| {
            let reason = reason.clone();
            let trouble = Trouble { lost, spans: 0, of: 0, tasks: vec![], more_tasks: 0, reason, is_example: false };
            self.troubles.push(trouble);
            self.troubles.len() - 1
        });
        let trouble = &mut self.troubles[known];
        trouble.is_example |= trouble.reason != *reason;
        trouble.spans += spans;
        trouble.of += of;
        for task in tasks {
            // The parts of a task that was split follow one another.
            if trouble.tasks.last() == Some(task) {
                continue;
            }
            if trouble.tasks.len() < TASK_LINES {
                trouble.tasks.push(task.clone());
            } else {
                trouble.more_tasks += 1;
            }
        }
    }

    fn add_saved(&mut self, saved: Saved) {
        match saved.place {
            Ok(folder) => {
                self.folder = Some(folder);
                if saved.lost.is_resent() { self.saved += saved.items } else { self.set_aside += 1 }
            }
            Err(error) => {
                let told = error.to_string();
                if !self.unsaved.contains(&told) {
                    self.unsaved.push(told);
                }
            }
        }
    }

    /// What was accepted was not delivered after all.
    pub(crate) fn withdraw(&mut self, reason: Reason) {
        let spans = std::mem::take(&mut self.accepted);
        self.lose(Lost::Undelivered, spans, 0, &[], &reason);
        let theirs = |trouble: &&mut Trouble| trouble.lost == Lost::Undelivered && trouble.reason == reason;
        if let Some(trouble) = self.troubles.iter_mut().find(theirs) {
            // All of them, and some were told of before.
            trouble.of = self.made;
            trouble.tasks.clear();
            trouble.more_tasks = 0;
        }
    }
}

/// Whether two reasons are of one cause, whatever span they name.
fn is_alike(a: &Reason, b: &Reason) -> bool {
    match (a, b) {
        (Reason::SpanTooLarge { last: a, .. }, Reason::SpanTooLarge { last: b, .. }) => a == b,
        (Reason::SpanOverLimit { limit: a, .. }, Reason::SpanOverLimit { limit: b, .. })
        | (Reason::ResourceTooLarge { limit: a, .. }, Reason::ResourceTooLarge { limit: b, .. }) => a == b,
        (Reason::TooOld { limit: a, .. }, Reason::TooOld { limit: b, .. })
        | (Reason::InTheFuture { limit: a, .. }, Reason::InTheFuture { limit: b, .. }) => a == b,
        (a, b) => a == b,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sink::otlp::encode::{EncodedTask, Request};
    use crate::sink::testing::task;

    fn delivered(spans: u64, fate: Fate) -> Delivered {
        let spans = usize::try_from(spans).expect("a few");
        Delivered { request: Request::of_one(EncodedTask::spans(task("a", spans))), attempts: 2, bytes: 10, fate }
    }

    fn reason() -> Reason {
        Reason::Http { status: http::StatusCode::INTERNAL_SERVER_ERROR, message: String::new() }
    }

    #[test]
    fn the_same_reason_is_told_once() {
        let mut report = DestinationReport::default();
        report.add(&delivered(2, Fate::Undelivered { reason: reason() }), None);
        report.add(&delivered(3, Fate::Undelivered { reason: reason() }), None);
        report.add(&delivered(4, Fate::Unknown { reason: reason() }), None);
        let told: Vec<_> = report.troubles.iter().map(|t| (t.lost, t.spans, t.of, t.tasks.len())).collect();
        assert_eq!(told, [(Lost::Undelivered, 5, 5, 1), (Lost::Unknown, 4, 4, 1)]);
        assert_eq!((report.undelivered, report.unknown), (9, 4));
        assert_eq!((report.requests, report.attempts, report.bytes), (3, 6, 30));
    }

    #[test]
    fn one_cause_is_told_once_however_many_spans_it_names() {
        let mut report = DestinationReport::default();
        for span in ["a", "b", "b"] {
            let reason = Reason::SpanTooLarge { span: span.to_owned(), last: Box::new(reason()) };
            report.add(&delivered(1, Fate::Unacceptable { reason }), None);
        }
        let other = Reason::SpanTooLarge { span: "a".to_owned(), last: Box::new(Reason::NotSent) };
        report.add(&delivered(1, Fate::Unacceptable { reason: other }), None);
        let told: Vec<_> = report.troubles.iter().map(|t| (t.spans, t.of, t.is_example)).collect();
        assert_eq!(told, [(3, 3, true), (1, 1, false)]);
    }

    #[test]
    fn a_report_stays_small_whatever_a_receiver_says() {
        let mut report = DestinationReport::default();
        for number in 0..(TASK_LINES + 5) {
            let (label, message) = (number.to_string(), format!("request {number}"));
            let request = Request::of_one(EncodedTask::spans(task(&label, 1)));
            let mut add = |fate| report.add(&Delivered { request: request.clone(), attempts: 1, bytes: 1, fate }, None);
            add(Fate::Undelivered { reason: Reason::Rejected { message: message.clone() } });
            add(Fate::Unacceptable { reason: Reason::NotSent });
            add(Fate::Accepted { rejected: 0, message });
        }
        let number = TASK_LINES as u64 + 5;
        let (spans, tasks) =
            report.troubles.iter().fold((0, 0), |(spans, tasks), one| (spans + one.spans, tasks + one.tasks.len()));
        assert_eq!((report.troubles.len(), report.warnings.len(), spans), (CAUSES, CAUSES, 2 * number));
        assert!(report.troubles.last().is_some_and(|last| last.is_example));
        assert_eq!(report.troubles.iter().map(|one| one.more_tasks).sum::<u64>(), 2 * number - tasks as u64);
    }

    #[test]
    fn what_is_withdrawn_for_the_reason_of_a_trouble_is_counted_once() {
        let mut report = DestinationReport { made: 5, ..DestinationReport::default() };
        report.add(&delivered(2, Fate::Accepted { rejected: 0, message: String::new() }), None);
        report.add(&delivered(3, Fate::Undelivered { reason: reason() }), None);
        report.withdraw(reason());
        let told: Vec<_> = report.troubles.iter().map(|t| (t.spans, t.of, t.tasks.len())).collect();
        assert_eq!((told, report.undelivered), (vec![(5, 5, 0)], 5));
    }

    #[test]
    fn a_warning_is_no_trouble() {
        let mut report = DestinationReport::default();
        let fate = Fate::Accepted { rejected: 0, message: "use v2".to_owned() };
        report.add(&delivered(2, fate.clone()), None);
        report.add(&delivered(2, fate), None);
        assert_eq!((report.accepted, report.warnings, report.troubles), (4, vec!["use v2".to_owned()], Vec::new()));
    }

    #[test]
    fn what_is_withdrawn_was_not_delivered() {
        let mut report = DestinationReport { made: 2, ..DestinationReport::default() };
        report.add(&delivered(2, Fate::Accepted { rejected: 0, message: String::new() }), None);
        report.withdraw(reason());
        assert_eq!((report.accepted, report.undelivered), (0, 2));
        let mut empty = DestinationReport::default();
        empty.withdraw(reason());
        let report = DeliveryReport { destinations: vec![empty], ..DeliveryReport::default() };
        assert_eq!(report.verdict(), Verdict::Nothing, "a file that could not be put in place");
    }

    #[test]
    fn verdicts() {
        let destination = |made, accepted| DestinationReport { made, accepted, ..DestinationReport::default() };
        let verdict = |all: &[(u64, u64)]| {
            let destinations = all.iter().map(|&(made, accepted)| destination(made, accepted)).collect();
            DeliveryReport { destinations, ..DeliveryReport::default() }.verdict()
        };
        assert_eq!(verdict(&[]), Verdict::All);
        assert_eq!(verdict(&[(0, 0)]), Verdict::All);
        assert_eq!(verdict(&[(3, 3), (3, 3)]), Verdict::All);
        assert_eq!(verdict(&[(3, 0), (3, 0)]), Verdict::Nothing);
        assert_eq!(verdict(&[(3, 0), (3, 3)]), Verdict::Some);
        assert_eq!(verdict(&[(3, 2)]), Verdict::Some);
    }
}
