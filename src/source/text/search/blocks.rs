//! YAML in a text, whole or in parts: what its indentation tells of what is missing. Main method: [`Search::yaml`].

use std::borrow::Cow;
use std::ops::Range;

use serde_json::Value;
use unicode_width::UnicodeWidthStr;

use super::beheaded::{self, task_in};
use super::{Search, Take, Trust};
use crate::source::answer::LISTS;
use crate::source::text::{foreign, tidy, wrap, yaml};

impl Search<'_> {
    pub(super) fn yaml(&mut self, take: Take<'_>) -> bool {
        let (original, mended) = (std::mem::take(&mut self.text), self.mended);
        let text = self.evenly_indented(original.clone());
        let text = self.unfolded(text);
        let whole = yaml::documents(&text, self.before.lines).unwrap_or_default();
        self.text_of_documents(&text, 0..text.len(), whole, take);
        if self.known == 0 {
            self.parts(&text, 0, take);
        }
        // The first line may be the rest of one.
        let first = text.find('\n').map_or(text.len(), |end| end + 1);
        if self.known == 0 && first < text.len() {
            let torn = std::mem::take(&mut self.torn);
            self.parts(&text, first, take);
            if self.known == 0 {
                self.torn = torn;
            }
        }
        if self.known > 0 {
            self.notes.push("read as YAML");
            self.text = text;
        } else {
            (self.text, self.mended) = (original, mended);
        }
        self.known > 0
    }

    /// With plain spaces, where others indent its lines.
    fn evenly_indented<'t>(&mut self, text: Cow<'t, str>) -> Cow<'t, str> {
        let is_odd = |line: &str| {
            let own = line.trim_start_matches(' ');
            own.starts_with(|c: char| !c.is_ascii() && c.is_whitespace()) && !own.trim().is_empty()
        };
        if !text.lines().any(is_odd) {
            return text;
        }
        self.mended.spaces = true;
        Cow::Owned(tidy::plain_spaces(&text).into_owned())
    }

    /// With the lines put together that were broken, where it is more of one piece then.
    fn unfolded<'t>(&mut self, text: Cow<'t, str>) -> Cow<'t, str> {
        let pieces = |text: &str| {
            let regions = regions(text);
            let is_broken = |(range, _): &&(Range<usize>, usize)| {
                yaml::documents(text.get(range.clone()).unwrap_or_default(), 0).is_err()
            };
            regions.len() + regions.iter().filter(is_broken).count()
        };
        match wrap::unfolded(&text, &is_yaml_line) {
            Some((joined, is_guess)) if pieces(&joined) < pieces(&text) => {
                self.mended.breaks = true;
                self.mended.guessed |= is_guess;
                Cow::Owned(joined)
            }
            _ => text,
        }
    }

    /// Reads the runs of lines from there on that may be YAML. Where one follows another directly, and is indented less, both are of one document, and
    /// what stood before the first is missing.
    fn parts(&mut self, text: &str, from: usize, take: Take<'_>) {
        self.torn.clear();
        let parts = regions(text.get(from..).unwrap_or_default());
        let parts: Vec<(Range<usize>, usize)> =
            parts.into_iter().map(|(range, indent)| (from + range.start..from + range.end, indent)).collect();
        let own = |range: &Range<usize>| text.get(range.clone()).unwrap_or_default();
        let begins = |range: &Range<usize>| {
            ["---", "failures:", "tasks:", "services:"].iter().any(|name| own(range).starts_with(name))
        };
        let is_of_answer =
            |range: &Range<usize>| own(range).starts_with("- ") || own(range).contains("Arn:") && !begins(range);
        let mut head: Option<beheaded::Found> = None;
        let (mut is_rest, mut torn_at) = (false, None);
        for (index, (range, indent)) in parts.iter().enumerate() {
            let goes_on = parts.get(index + 1).is_some_and(|(next, _)| next.start == range.end && is_of_answer(next));
            if torn_at.is_some_and(|torn| *indent > torn) {
                // Of the document that breaks off before it.
                continue;
            }
            let lines = self.before.lines + text.get(..range.start).unwrap_or_default().matches('\n').count();
            let read = yaml::documents(own(range), lines);
            let is_answer = |value: &Value| {
                let has = |name| value.get(name).is_some();
                value.is_array() || LISTS.into_iter().chain(["Tasks", "task", "taskDefinition"]).any(has)
            };
            let is_whole = read.as_ref().is_ok_and(|found| found.iter().all(|found| is_answer(&found.json.value)));
            if (is_rest || goes_on) && !(*indent == 0 && (is_whole || read.is_err())) {
                let from = head.as_ref().map_or(range.start, |head| head.at);
                head = Some(beheaded::Found { at: from, task: text.get(from..range.end).and_then(task_in) });
                is_rest = goes_on;
                if !is_whole {
                    continue;
                }
            }
            is_rest &= goes_on;
            let before = self.torn.len();
            match read {
                Ok(found) => self.text_of_documents(text, range.clone(), found, take),
                Err(broken) => {
                    let is_told = broken.whole.is_some() || foreign::is_yaml(own(range));
                    if let Some(value) = broken.whole
                        && self.offer(false, value, Trust::Found, take)
                    {
                        self.read.push(range.clone());
                    }
                    if is_told && self.torn.is_empty() {
                        self.torn_at(text, range.start, (range.start + broken.at).min(range.end));
                    }
                }
            }
            if self.torn.len() > before {
                torn_at = Some(*indent);
            }
        }
        let is_told = |head: &beheaded::Found| self.known > 0 || head.task.is_some();
        if let Some(head) = head.filter(is_told) {
            let error = self.no_beginning(text, "YAML", &head);
            self.torn.push(error);
        }
    }

    /// Hands on the documents of a part of the text, less a task at the end that is not all there.
    fn text_of_documents(&mut self, text: &str, range: Range<usize>, found: Vec<yaml::Document>, take: Take<'_>) {
        let is_only_one = found.len() == 1 && self.count == 0;
        let last = found.len().saturating_sub(1);
        for (index, mut document) in found.into_iter().enumerate() {
            if index == last && without_end(&mut document.json.value) && self.torn.is_empty() {
                self.torn_at(text, range.start, range.end);
            }
            let unknown = self.unknown.take();
            if self.offer(is_only_one, document.json, Trust::Found, take) {
                self.read.push(range.clone());
            } else if document.follows {
                // Half of a document, then: nobody else's.
                self.errors.extend(self.unknown.take());
            }
            self.unknown = unknown.or(self.unknown.take());
        }
    }

    /// YAML that begins at `from` breaks off in the line that ends, or is broken, at `at`.
    fn torn_at(&mut self, text: &str, from: usize, at: usize) {
        /// No mail and no terminal has less.
        const NARROWEST: usize = 40;
        let read = text.get(from..at).unwrap_or_default().trim_end();
        let after = text.get(from + read.len()..).unwrap_or_default();
        let rest_of_line = after.lines().next().unwrap_or_default();
        // What is no name yet is told before its own line.
        let behind = after.get(rest_of_line.len()..).unwrap_or_default().trim_end();
        let behind = behind.trim_start_matches(['\r', '\n']);
        let is_last = behind.is_empty() || !behind.contains('\n') && behind.starts_with([' ', '-']);
        let line = read.lines().next_back().unwrap_or_default();
        let end = from + read.len() + rest_of_line.len();
        let is_open = rest_of_line.is_empty() || rest_of_line.trim_start().starts_with(['"', '\'']);
        let width = line.width() + rest_of_line.width();
        let widths = || text.lines().map(UnicodeWidthStr::width).filter(|other| *other >= width);
        let is_full = width >= NARROWEST && is_open && widths().count() > 1 && widths().all(|other| other == width);
        let (at, message, hint) = if is_last {
            let at = text.trim_end().len();
            let hint = "what ends in the middle was copied or saved in part: save it again, whole";
            (at, "the YAML ends in the middle".to_owned(), hint)
        } else if is_full {
            let message = format!("the YAML was broken into lines of {width} characters, and goes on in the next");
            let hint = "save the answer into a file instead of copying it: aws ... --no-cli-pager > FILE";
            (end, message, hint)
        } else {
            let message = "the YAML breaks off: behind this a line stands that is not of it";
            (from + read.len(), message.to_owned(), "take that line out, and others like it; or save the answer again")
        };
        let error = self.at(text, at, message, hint);
        self.torn.push(error);
    }
}

/// Whether a line begins as YAML does that the CLI prints: a key, a colon, and nothing or a value.
pub(super) fn looks_like_yaml(text: &str) -> bool {
    text.lines().any(|line| is_yaml_line(line.trim_start_matches(' '))) && !text.trim_start().starts_with(['{', '['])
}

fn is_yaml_line(line: &str) -> bool {
    let line = line.strip_prefix("- ").unwrap_or(line);
    line.split_once(':').is_some_and(|(key, rest)| {
        let is_key =
            key.chars().all(|c| c.is_ascii_alphanumeric()) && key.starts_with(|c: char| c.is_ascii_alphabetic());
        is_key && (rest.trim().is_empty() || rest.starts_with(' '))
    })
}

/// The parts of a text that may be YAML: runs of lines that may be lines of it, each with what it is indented by.
fn regions(text: &str) -> Vec<(Range<usize>, usize)> {
    const MOST: usize = 1_000;
    let (mut found, mut begin, mut at) = (vec![], None, 0);
    for line in text.split_inclusive('\n').chain([""]) {
        let own = line.trim_start_matches(' ');
        let indent = line.len() - own.len();
        let begins = is_yaml_line(own) || own.trim_end() == "---";
        let is_of_it = match begin {
            _ if line.is_empty() => false,
            None => begins,
            Some((_, _)) if own.trim().is_empty() => true,
            Some((_, first)) => indent > first || indent == first && (begins || own.starts_with(['-', '#', ']', '}'])),
        };
        match begin {
            None if is_of_it => begin = Some((at, indent)),
            Some((from, first)) if !is_of_it => {
                found.push((from..at, first));
                begin = begins.then_some((at, indent));
            }
            _ => {}
        }
        at += line.len();
        if found.len() > MOST {
            break;
        }
    }
    found
}

/// Takes out the last of a list of tasks where it does not come to its name; whether it did.
fn without_end(value: &mut Value) -> bool {
    let is_named = value.is_object();
    let list = match value {
        Value::Object(object) => object.get_mut("tasks"),
        list => Some(list),
    };
    let Some(items) = list.and_then(Value::as_array_mut) else { return false };
    let is_cut = |item: &Value| {
        let has = |name: &str| item.get(name).is_some();
        let is_task = is_named || has("attachments") || has("containers");
        item.is_object() && is_task && !["taskArn", "TaskArn", "task_arn", "taskarn", "Arn"].into_iter().any(has)
    };
    let is_cut = items.last().is_some_and(is_cut);
    if is_cut {
        items.pop();
    }
    is_cut
}
