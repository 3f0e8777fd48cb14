//! A container's log lines and the limit on how many of them are kept. Main type: [`ContainerLog`].

use std::collections::HashMap;

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
    /// What a log router says of where it came from.
    pub origin: Option<Box<LineOrigin>>,
}

/// Where a line came from, as the log router that passed it on has it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LineOrigin {
    /// `stdout` or `stderr`.
    pub iostream: Option<String>,
    /// The EC2 instance.
    pub host: Option<String>,
}

/// A message less the one line end that drivers leave on it.
pub fn without_line_end(message: &str) -> &str {
    let message = message.strip_suffix('\n').unwrap_or(message);
    message.strip_suffix('\r').unwrap_or(message)
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
pub(crate) const fn head_share(limit: usize) -> usize {
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
    pub(crate) fn begins_unread(&self) -> Option<Time> {
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

/// What was read of logs, one log a container, whatever the order of arrival. What several say of one stream is there once:
/// somebody gave a page twice, or a page and the log that it is of. Lines that repeat inside what one says stay.
pub(super) fn join(mut logs: Vec<ContainerLog>) -> Vec<ContainerLog> {
    let first = |log: &ContainerLog| log.lines().next().map(|line| line.time);
    logs.sort_by(|a, b| (&a.container, first(a), &a.origin).cmp(&(&b.container, first(b), &b.origin)));
    let mut joined: Vec<Joined> = Vec::with_capacity(logs.len());
    for log in logs {
        match joined.last_mut() {
            Some(last) if last.log.container == log.container => last.take(log),
            _ => joined.push(Joined { log, sources: vec![] }),
        }
    }
    joined.into_iter().map(|joined| joined.log).collect()
}

/// A container's log, of which several told.
struct Joined {
    log: ContainerLog,
    /// The logs that it is of, once there are several.
    sources: Vec<Counted>,
}

/// How often each line stands in what one tells of a log.
struct Counted {
    group: Option<String>,
    stream: Option<String>,
    lines: HashMap<(Time, String), usize>,
}

impl Counted {
    fn of(log: &ContainerLog) -> Self {
        let mut lines = HashMap::with_capacity(log.len());
        for line in log.lines() {
            *lines.entry((line.time, line.message.clone())).or_default() += 1;
        }
        Self { group: log.group.clone(), stream: log.stream.clone(), lines }
    }

    /// Whether both may be of one stream: a saved page does not say of which it is.
    fn may_be_of_one_stream(&self, other: &Self) -> bool {
        let may_equal = |a: &Option<String>, b: &Option<String>| a.is_none() || b.is_none() || a == b;
        may_equal(&self.group, &other.group) && may_equal(&self.stream, &other.stream)
    }
}

impl Joined {
    fn take(&mut self, log: ContainerLog) {
        if self.sources.is_empty() {
            self.sources.push(Counted::of(&self.log));
        }
        let ContainerLog { group, stream, head, tail, dropped, unread, .. } = log;
        let mut counted = Counted { group, stream, lines: HashMap::new() };
        let alike: Vec<&Counted> = self.sources.iter().filter(|known| known.may_be_of_one_stream(&counted)).collect();
        let mut news = vec![];
        for line in head.into_iter().chain(tail) {
            let key = (line.time, line.message.clone());
            let known = alike.iter().filter_map(|one| one.lines.get(&key)).max().copied().unwrap_or_default();
            let count = counted.lines.entry(key).or_default();
            *count += 1;
            if *count > known {
                news.push(line);
            }
        }
        // Whoever has nothing to add has counted the same lines too.
        if !news.is_empty() || alike.is_empty() {
            self.log.dropped = self.log.dropped.saturating_add(dropped);
        }
        self.log.unread |= unread;
        self.log.tail.extend(news);
        self.sources.push(counted);
    }
}
