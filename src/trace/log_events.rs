//! A container's log lines as span events. Main function: [`events`].

use jiff::Timestamp;
use opentelemetry::KeyValue;
use opentelemetry::trace::Event;

use super::attributes::capped;
use super::semconv;
use crate::model::Time;
use crate::model::log::{ContainerLog, LogLine};

/// One event a line, in their order, and one where lines are missing.
pub(super) fn events(log: &ContainerLog, shifted: impl Fn(Time) -> Time) -> Vec<Event> {
    let event = |line: &LogLine| {
        let mut attributes = vec![KeyValue::new(semconv::LOG_RECORD_ORIGINAL, capped(&line.message))];
        attributes.extend(origin(line).map(|(key, value)| KeyValue::new(key, value.to_owned())));
        Event::new(semconv::EVENT_LOG, shifted(line.time).into(), attributes, 0)
    };
    let mut events = Vec::with_capacity(log.len() + 1);
    if let Some(first) = log.begins_unread() {
        events.push(gap(shifted(first), before_text(shifted(first))));
    }
    events.extend(log.head.iter().map(event));
    if let Some((before, after)) = log.hole() {
        events.push(gap(shifted(before), gap_text(log, shifted(before), shifted(after))));
    }
    events.extend(log.tail.iter().map(event));
    events
}

/// What a log router said of where a line came from.
pub(super) fn origin(line: &LogLine) -> impl Iterator<Item = (&'static str, &str)> {
    let origin = line.origin.as_deref();
    let iostream = origin.and_then(|origin| origin.iostream.as_deref());
    let host = origin.and_then(|origin| origin.host.as_deref());
    [(semconv::LOG_IOSTREAM, iostream), (semconv::HOST_ID, host)]
        .into_iter()
        .filter_map(|(key, value)| Some((key, value?)))
}

fn gap(at: Time, text: String) -> Event {
    Event::new(semconv::EVENT_LOG_GAP, at.into(), vec![KeyValue::new(semconv::LOG_GAP, text)], 0)
}

/// What is missing before a time.
pub(super) fn before_text(first: Time) -> String {
    format!("lines before {} not read", iso(first))
}

/// What is missing between two times.
pub(super) fn gap_text(log: &ContainerLog, before: Time, after: Time) -> String {
    let (before, after) = (iso(before), iso(after));
    if log.unread {
        format!("lines between {before} and {after} not read")
    } else {
        format!("{} lines between {before} and {after} not kept", log.dropped)
    }
}

fn iso(time: Time) -> String {
    let timestamp = Timestamp::from_nanosecond(i128::from(time.unix_nanos()));
    timestamp.map_or_else(|_| format!("{} ns", time.unix_nanos()), |timestamp| format!("{timestamp:.3}"))
}
