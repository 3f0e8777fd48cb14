//! A container's log lines and the limit on how many of them are kept. Main type: [`ContainerLog`].

use super::time::Time;

/// One line (one CloudWatch Logs event).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogLine {
    /// The event's own time.
    pub time: Time,
    /// When CloudWatch Logs took it in.
    pub observed: Option<Time>,
    /// The message as it came, less one line end. Untrusted: may hold anything.
    pub message: String,
}

/// The lines of one container that were read: all of them, a head and a tail with unread lines between, or a tail.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ContainerLog {
    /// The id of the task, as written; `None` when the source does not say (a saved page of log events).
    pub task_id: Option<String>,
    /// The container's name; `None` when the source does not say.
    pub container: Option<String>,
    /// Where it stood.
    pub origin: String,
    /// Log group.
    pub group: Option<String>,
    /// Log stream.
    pub stream: Option<String>,
    /// The lines from the start of the log, in time order, then the stream's own.
    pub head: Vec<LogLine>,
    /// The lines from the end of the log; empty when `head` is all.
    pub tail: Vec<LogLine>,
    /// Lines that were read and not kept.
    pub dropped: u64,
    /// Whether there may be lines between head and tail (before the tail, without a head) that nobody read.
    pub unread: bool,
}

/// How many of `limit` lines are kept from the start of a log; the rest are from its end.
pub const fn head_share(limit: usize) -> usize {
    limit / 4
}

impl ContainerLog {
    /// All lines, in their order: the head, then the tail.
    pub fn lines(&self) -> impl DoubleEndedIterator<Item = &LogLine> {
        self.head.iter().chain(&self.tail)
    }

    /// How many lines are kept.
    pub fn len(&self) -> usize {
        self.head.len() + self.tail.len()
    }

    /// Whether no line is kept.
    pub fn is_empty(&self) -> bool {
        self.head.is_empty() && self.tail.is_empty()
    }

    /// The last line before and the first line after what was left out, when anything was.
    pub fn hole(&self) -> Option<(Time, Time)> {
        let (before, after) = (self.head.last()?.time, self.tail.first()?.time);
        (self.unread || self.dropped > 0).then_some((before, after))
    }

    /// The first line that is kept, when those before it were not read: Docker gives the end of a log only.
    pub fn begins_unread(&self) -> Option<Time> {
        let first = self.tail.first().filter(|_| self.unread && self.head.is_empty())?;
        Some(first.time)
    }

    /// Puts the lines in time order (lines of one time stay in the order of the stream) and keeps at most `limit`: a quarter from the start,
    /// the rest from the end. What is not kept is counted.
    pub fn limit(&mut self, limit: usize) {
        self.head.sort_by_key(|line| line.time);
        self.tail.sort_by_key(|line| line.time);
        let over = self.len().saturating_sub(limit);
        if over == 0 {
            return;
        }
        let mut all = std::mem::take(&mut self.head);
        all.append(&mut self.tail);
        let tail = all.split_off(head_share(limit) + over);
        all.truncate(head_share(limit));
        (self.head, self.tail) = (all, tail);
        self.dropped += over as u64;
    }
}
