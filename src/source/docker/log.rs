//! Docker's log as lines: each entry begins with its time, and a long line comes in several. Pure. Main type: [`Assembler`].

use jiff::Timestamp;

use crate::model::Time;
use crate::model::log::{ContainerLog, LogLine, without_line_end};

/// A line that was written in pieces is put together up to this size; spans hold less.
const MOST_BYTES: usize = 64 * 1024;

/// Puts a log together from what Docker sends.
#[derive(Debug, Default)]
pub(crate) struct Assembler {
    lines: Vec<LogLine>,
    /// The line that goes on, of stdout and of stderr.
    open: [Option<usize>; 2],
    entries: usize,
}

impl Assembler {
    /// Takes an entry in: `2026-11-20T10:00:10.123456789Z text`, with a line end unless the line goes on.
    pub(crate) fn push(&mut self, is_stderr: bool, entry: &[u8]) {
        self.entries += 1;
        let entry = String::from_utf8_lossy(entry);
        let goes_on = !entry.ends_with('\n');
        let (time, text) = entry.split_once(' ').unwrap_or((entry.trim_end(), ""));
        let Some(open) = self.open.get_mut(usize::from(is_stderr)) else { return };
        match (parse(time), open.and_then(|at| self.lines.get_mut(at))) {
            (Some(_), Some(line)) => append(&mut line.message, text),
            (Some(time), None) => {
                *open = Some(self.lines.len());
                self.lines.push(LogLine { time, observed: None, message: cut(text).to_owned(), origin: None });
            }
            // No entry begins so: it belongs to the one before, whichever that was.
            (None, _) => {
                if let Some(line) = self.lines.last_mut() {
                    line.message.push('\n');
                    append(&mut line.message, &entry);
                }
            }
        }
        if !goes_on {
            *open = None;
        }
    }

    /// The log: all of it, or its last `most` lines. One entry more than those was asked for.
    pub(crate) fn finish(self, most: usize) -> ContainerLog {
        let Self { mut lines, entries, .. } = self;
        for line in &mut lines {
            line.message.truncate(without_line_end(&line.message).len());
        }
        if entries <= most {
            return ContainerLog { head: lines, ..ContainerLog::default() };
        }
        let tail = lines.split_off(lines.len().saturating_sub(most));
        ContainerLog { tail, unread: true, ..ContainerLog::default() }
    }
}

fn parse(time: &str) -> Option<Time> {
    let timestamp: Timestamp = time.parse().ok()?;
    u64::try_from(timestamp.as_nanosecond()).ok().map(Time::from_unix_nanos)
}

fn append(line: &mut String, text: &str) {
    let room = MOST_BYTES.saturating_sub(line.len());
    line.push_str(&text[..text.floor_char_boundary(room)]);
}

fn cut(text: &str) -> &str {
    &text[..text.floor_char_boundary(MOST_BYTES)]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log(entries: &[(bool, &str)], most: usize) -> ContainerLog {
        let mut assembler = Assembler::default();
        entries.iter().for_each(|(is_stderr, entry)| assembler.push(*is_stderr, entry.as_bytes()));
        assembler.finish(most)
    }

    fn texts(log: &ContainerLog) -> Vec<(u64, &str)> {
        log.lines().map(|line| (line.time.unix_nanos() % 1_000_000_000, line.message.as_str())).collect()
    }

    #[test]
    fn lines_keep_their_nanoseconds_and_lose_their_line_end() {
        let log =
            log(&[(false, "2026-11-20T10:00:10.123456789Z one\r\n"), (true, "2026-11-20T10:00:11.000000001Z \n")], 2);
        assert_eq!(texts(&log), [(123_456_789, "one"), (1, "")]);
        assert!(!log.unread && log.tail.is_empty());
    }

    #[test]
    fn a_line_that_came_in_pieces_is_one_line_whatever_the_other_stream_writes_meanwhile() {
        let entries = [
            (false, "2026-11-20T10:00:10.000000001Z a b"),
            (true, "2026-11-20T10:00:10.000000002Z err\n"),
            (false, "2026-11-20T10:00:10.000000003Z  c\n"),
            (false, "2026-11-20T10:00:10.000000004Z d\n"),
        ];
        assert_eq!(texts(&log(&entries, 9)), [(1, "a b c"), (2, "err"), (4, "d")]);
    }

    #[test]
    fn one_entry_more_than_is_wanted_means_that_there_is_more() {
        let entries: Vec<String> = (0..4).map(|i| format!("2026-11-20T10:00:10.00000000{i}Z {i}\n")).collect();
        let entries: Vec<(bool, &str)> = entries.iter().map(|entry| (false, entry.as_str())).collect();
        let more = log(&entries, 3);
        assert_eq!((texts(&more), more.unread), (vec![(1, "1"), (2, "2"), (3, "3")], true));
        assert!(!log(&entries, 4).unread);
    }

    #[test]
    fn what_has_no_time_belongs_to_the_line_before_and_nothing_grows_without_end() {
        let one = log(&[(false, "2026-11-20T10:00:10Z one\n"), (false, "two\n")], 5);
        assert_eq!(one.len(), 1);
        let long = "é".repeat(MOST_BYTES);
        let piece = format!("2026-11-20T10:00:10Z {long}");
        assert_eq!(log(&[(false, &piece), (false, &piece)], 5).head[0].message.len(), MOST_BYTES);
        assert!(log(&[(false, "no time\n")], 5).is_empty());
    }
}
