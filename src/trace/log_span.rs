//! What tells the spans of a container's log apart. Main function: [`selection`].
//!
//! Everything that depends on what was read, with which limit, by whom and with what other knowledge stands on the span `log`,
//! so that its container's is one and the same for all who send it. And so that a span id has one form here as well, the id is
//! made of what the span holds: whoever has read the same sends the same span, whoever has read something else sends another.

use std::hash::Hasher;
use std::time::{SystemTime, UNIX_EPOCH};

use opentelemetry::trace::{Event, Link};
use opentelemetry::{KeyValue, Value};
use opentelemetry_sdk::trace::{SpanEvents, SpanLinks};
use twox_hash::XxHash3_64;

use super::attributes::Attributes;
use super::span::Bounds;
use crate::model::Time;
use crate::model::log::ContainerLog;

/// From the first to the last line that is held, and that line.
pub(super) fn bounds(log: &ContainerLog) -> Option<(Bounds, &str)> {
    let start = log.lines().map(|line| line.time).min()?;
    let last = log.lines().max_by_key(|line| line.time)?;
    Some((Bounds { start, end: Some(last.time) }, &last.message))
}

/// What tells this selection of the log from every other: a digest of all that is said of it.
pub(super) fn selection(lines: Bounds, attributes: &Attributes, events: &SpanEvents, links: &SpanLinks) -> String {
    let mut content = Content { hash: XxHash3_64::new(), waiting: Vec::with_capacity(2 * AT_ONCE) };
    content.number(lines.start.unix_nanos());
    content.number(lines.end.map_or(0, Time::unix_nanos));
    content.attributes(attributes.pairs());
    for Event { name, timestamp, attributes, .. } in &events.events {
        content.text(name);
        content.time(*timestamp);
        content.attributes(attributes);
    }
    for Link { span_context, attributes, .. } in &links.links {
        content.part(&span_context.trace_id().to_bytes());
        content.part(&span_context.span_id().to_bytes());
        content.number(span_context.is_sampled().into());
        content.attributes(attributes);
    }
    content.number(events.dropped_count.into());
    content.number(links.dropped_count.into());
    content.finish()
}

/// So many bytes are hashed at once: a line has eight parts, most of them a few bytes.
const AT_ONCE: usize = 4 * 1024;

/// A digest of parts, each told apart from the next. Whole logs go through it, and nobody gains from two that are alike: a quick
/// hash will do.
struct Content {
    hash: XxHash3_64,
    waiting: Vec<u8>,
}

impl Content {
    fn bytes(&mut self, bytes: &[u8]) {
        self.waiting.extend_from_slice(bytes);
        if self.waiting.len() >= AT_ONCE {
            self.hash.write(&self.waiting);
            self.waiting.clear();
        }
    }

    fn part(&mut self, part: &[u8]) {
        self.number(part.len() as u64);
        self.bytes(part);
    }

    fn number(&mut self, number: u64) {
        self.bytes(&number.to_le_bytes());
    }

    fn text(&mut self, text: &str) {
        self.part(text.as_bytes());
    }

    fn time(&mut self, time: SystemTime) {
        let nanos = time.duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
        self.bytes(&nanos.to_le_bytes());
    }

    fn attributes(&mut self, attributes: &[KeyValue]) {
        for KeyValue { key, value, .. } in attributes {
            self.text(key.as_str());
            match value {
                Value::String(text) => self.text(text.as_str()),
                other => self.text(&other.to_string()),
            }
        }
    }

    /// Its 16 hex digits.
    fn finish(mut self) -> String {
        self.hash.write(&self.waiting);
        format!("{:016x}", self.hash.finish())
    }
}
