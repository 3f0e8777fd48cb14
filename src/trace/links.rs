//! Traces of applications that a container's log lines name, as links of its span. Main type: [`ApplicationTraces`].

use std::collections::HashSet;

use opentelemetry::KeyValue;
use opentelemetry::trace::{Link, SpanContext, SpanId, TraceFlags, TraceId, TraceState};
use opentelemetry_sdk::trace::SpanLinks;

use super::line_ids::{NamedTrace, may_name_a_trace, of_line};
use super::{caller, ids, semconv};
use crate::model::TaskLife;
use crate::model::container::Container;
use crate::model::log::{ContainerLog, LogLine};

/// The most links of a span: OpenTelemetry's own limit.
pub(super) const MOST_LINKS: usize = 128;
/// So many distinct traces are told apart, which bounds memory; more are not counted.
pub(super) const MOST_COUNTED: usize = 100_000;

/// The distinct traces that log lines name, in the order of their first mention.
#[derive(Clone, Debug, Default)]
pub struct ApplicationTraces {
    first: Vec<NamedTrace>,
    seen: HashSet<TraceId>,
    /// Traces that the task's own spans are in, or its caller's.
    own: Vec<TraceId>,
}

impl ApplicationTraces {
    /// None yet. `own` are no application's.
    pub fn new(own: impl IntoIterator<Item = TraceId>) -> Self {
        Self { own: own.into_iter().collect(), ..Self::default() }
    }

    /// Those of a container, whose task may have a caller.
    pub(crate) fn of_container(life: &TaskLife, container: &Container) -> Self {
        let caller = caller::of_task(&life.task).map(|caller| caller.trace_id());
        let mut traces = Self::new([ids::trace_id(&life.task.id)].into_iter().chain(caller));
        traces.read_log(container.log.as_ref());
        traces
    }

    /// Adds those of a log, in the order of time.
    pub(crate) fn read_log(&mut self, log: Option<&ContainerLog>) {
        let lines = log.into_iter().flat_map(ContainerLog::lines);
        let mut lines: Vec<&LogLine> = lines.filter(|line| may_name_a_trace(&line.message)).collect();
        lines.sort_by_key(|line| line.time);
        lines.into_iter().for_each(|line| self.read(&line.message));
    }

    /// Adds those of a line.
    pub fn read(&mut self, line: &str) {
        for named in of_line(line) {
            if self.own.contains(&named.trace_id) {
                continue;
            }
            if let Some(known) = self.first.iter_mut().find(|known| known.trace_id == named.trace_id) {
                // A line that names a span as well says more than one that does not.
                known.span_id = known.span_id.or(named.span_id);
                known.sampled |= named.sampled;
            } else if self.seen.len() < MOST_COUNTED
                && self.seen.insert(named.trace_id)
                && self.first.len() < MOST_LINKS
            {
                self.first.push(named);
            }
        }
    }

    /// The traces that become links.
    pub fn linked(&self) -> &[NamedTrace] {
        &self.first
    }

    /// How many more there are.
    pub fn dropped(&self) -> usize {
        self.seen.len() - self.first.len()
    }

    /// The links. One without a span has the span id zero: the specification has links with attributes recorded
    /// all the same, and an id that is made up would lead nowhere.
    pub(super) fn links(&self) -> SpanLinks {
        let link = |named: &NamedTrace| {
            let flags = TraceFlags::default().with_sampled(named.sampled);
            let span_id = named.span_id.unwrap_or(SpanId::INVALID);
            let attributes = vec![
                KeyValue::new(semconv::LINK_FORM, named.form.name()),
                KeyValue::new(semconv::LINK_KIND, "log line"),
            ];
            Link::new(SpanContext::new(named.trace_id, span_id, flags, true, TraceState::default()), attributes, 0)
        };
        let mut links = SpanLinks::default();
        links.links = self.first.iter().map(link).collect();
        links.dropped_count = u32::try_from(self.dropped()).unwrap_or(u32::MAX);
        links
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Time;

    const OWN: &str = "84b5991528504856a2f003b7da9b2b82";

    fn line(seconds: u64, message: String) -> LogLine {
        LogLine { time: Time::from_unix_nanos(seconds * 1_000_000_000), observed: None, message, origin: None }
    }

    fn id(number: u128) -> TraceId {
        TraceId::from(number)
    }

    fn traces(log: &ContainerLog) -> ApplicationTraces {
        let mut traces = ApplicationTraces::new([ids::trace_id(OWN)]);
        traces.read_log(Some(log));
        traces
    }

    #[test]
    fn traces_are_linked_once_in_the_order_of_time() {
        let said = |number| format!("trace_id={} span_id=00f067aa0ba902b7", id(number));
        let log = ContainerLog {
            head: vec![line(3, said(30)), line(9, said(9))],
            tail: vec![line(1, said(10)), line(5, said(30))],
            ..ContainerLog::default()
        };
        let ids: Vec<_> = traces(&log).linked().iter().map(|named| named.trace_id).collect();
        assert_eq!(ids, [id(10), id(30), id(9)]);
    }

    #[test]
    fn a_span_that_is_named_later_is_taken() {
        let head = vec![line(1, format!("trace_id={}", id(7))), line(2, format!("00-{}-00f067aa0ba902b7-01", id(7)))];
        let links = traces(&ContainerLog { head, ..ContainerLog::default() }).links();
        let [link] = &links.links[..] else { panic!("{links:?}") };
        assert_eq!(link.span_context.span_id().to_string(), "00f067aa0ba902b7");
        assert!(link.span_context.is_sampled());
        let attributes: Vec<String> = link.attributes.iter().map(|kv| format!("{}={}", kv.key, kv.value)).collect();
        assert_eq!(attributes, ["ecspan.link.form=trace_id", "ecspan.link.kind=log line"]);
    }

    #[test]
    fn beyond_128_they_are_counted() {
        let said = |number: u128| line(1, format!("trace_id={} trace_id={}", id(number + 1), id(number + 1)));
        let log = ContainerLog { head: (0..300).map(said).collect(), ..ContainerLog::default() };
        let links = traces(&log).links();
        assert_eq!((links.links.len(), links.dropped_count), (128, 172));
        assert_eq!(links.links.last().map(|link| link.span_context.trace_id()), Some(id(128)));
    }

    #[test]
    fn the_tasks_own_trace_is_none_of_an_application() {
        let log = ContainerLog {
            head: vec![line(1, format!("trace_id={OWN} traceId=1-84b59915-28504856a2f003b7da9b2b82"))],
            ..ContainerLog::default()
        };
        assert_eq!(traces(&log).linked(), []);
    }
}
