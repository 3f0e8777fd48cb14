//! Cuts tasks into requests by exact encoded size and by the receiver's other limits, before anything is sent. Pure. Main
//! type: [`Packer`].
//!
//! Several tasks share a request. A task that is larger than a request is spread over its own requests, its root last.
//! A span that is too large alone loses log events from its middle, counted, and is never left out itself – unless a
//! receiver states a limit that it breaks all the same: then it is handed back with the reason.

use std::time::{Duration, SystemTime};

use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::logs::v1::LogRecord;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::{Message, length_delimiter_len};

use super::encode::{EncodedTask, Items, Request, scope};
use crate::model::cut;
use crate::sink::reason::Reason;
use crate::trace::semconv;

/// What a receiver takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Limits {
    /// Bytes of a request, in protobuf and uncompressed. (JSON is larger by what its names take; receivers take 20 MiB
    /// over HTTP, and what one refuses as too large is split.)
    pub(crate) request_bytes: usize,
    /// A request of so many bytes is sent rather than filled further: while it is on its way the next one is encoded, which
    /// is half as fast again as filling requests up (`cargo bench -- delivery`), and what is on its way takes several times its size.
    pub(crate) full_at_bytes: usize,
    /// Spans (or log records) of a request.
    pub(crate) request_items: usize,
    /// Bytes of a span.
    pub(crate) item_bytes: usize,
    /// Bytes of the resource and the scope of a task.
    pub(crate) resource_bytes: usize,
    /// When spans may have started.
    pub(crate) starts: Option<StartLimits>,
}

/// When spans may have started, as a receiver states it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct StartLimits {
    /// At most so long ago.
    pub(crate) past: Duration,
    /// At most so far in the future.
    pub(crate) future: Duration,
    /// The time between any two starts in one request.
    pub(crate) spread: Duration,
}

impl Default for Limits {
    /// What any OTLP receiver takes: gRPC ones refuse more than 4 MiB.
    fn default() -> Self {
        Self {
            request_bytes: 4 * 1024 * 1024,
            full_at_bytes: 256 * 1024,
            request_items: usize::MAX,
            item_bytes: usize::MAX,
            resource_bytes: usize::MAX,
            starts: None,
        }
    }
}

/// What came out of packing: requests that are full, to be sent in their order, and what no request may hold.
#[derive(Debug, Default)]
pub(crate) struct Packed {
    pub(crate) requests: Vec<Request>,
    pub(crate) refused: Vec<(Request, Reason)>,
}

/// Fills requests.
#[derive(Debug)]
pub(crate) struct Packer {
    limits: Limits,
    open: Request,
    open_bytes: usize,
    open_items: usize,
    /// The first and the last start in the open request.
    open_starts: Option<(u64, u64)>,
    dropped_events: u64,
    cut_records: u64,
}

impl Packer {
    pub(crate) fn new(limits: Limits) -> Self {
        Self {
            limits,
            open: Request::default(),
            open_bytes: 0,
            open_items: 0,
            open_starts: None,
            dropped_events: 0,
            cut_records: 0,
        }
    }

    /// The log events that were taken out of spans so far.
    pub(crate) const fn dropped_events(&self) -> u64 {
        self.dropped_events
    }

    /// The log records whose bodies were cut so far.
    pub(crate) const fn cut_records(&self) -> u64 {
        self.cut_records
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.open.is_empty()
    }

    /// Adds a task.
    pub(crate) fn push(&mut self, mut task: EncodedTask, now: SystemTime) -> Packed {
        let mut packed = Packed::default();
        let overhead = Overhead::of(&task);
        if overhead.resource + overhead.scope > self.limits.resource_bytes {
            let (bytes, limit) = (overhead.resource + overhead.scope, self.limits.resource_bytes);
            packed.refused.push((Request::of_one(task), Reason::ResourceTooLarge { bytes, limit }));
            return packed;
        }
        let sizes = self.shorten(&mut task.items, &overhead);
        if self.limits.item_bytes == usize::MAX && self.limits.starts.is_none() {
            self.place(task, &sizes, &overhead, &mut packed.requests);
            return packed;
        }
        let task = self.without_unacceptable(task, now, &mut packed.refused);
        for part in self.in_windows(task) {
            let sizes = part.items.sizes();
            self.place(part, &sizes, &overhead, &mut packed.requests);
        }
        packed
    }

    /// What is in the request that is being filled.
    pub(crate) fn flush(&mut self) -> Option<Request> {
        (self.open_bytes, self.open_items, self.open_starts) = (0, 0, None);
        Some(std::mem::take(&mut self.open)).filter(|request| !request.is_empty())
    }

    /// Cuts what can be cut of spans and records that are too large alone, and says how large each is.
    fn shorten(&mut self, items: &mut Items, overhead: &Overhead) -> Vec<usize> {
        let fits =
            |len| len <= self.limits.item_bytes && overhead.request_len(framed(len)) <= self.limits.request_bytes;
        let mut sizes = items.sizes();
        match items {
            Items::Spans(spans) => {
                for (span, size) in spans.iter_mut().zip(&mut sizes).filter(|(_, size)| !fits(**size)) {
                    self.dropped_events += shorten_span(span, *size, fits);
                    *size = span.encoded_len();
                }
            }
            Items::Records(records) => {
                for (record, size) in records.iter_mut().zip(&mut sizes).filter(|(_, size)| !fits(**size)) {
                    self.cut_records += u64::from(shorten_record(record, *size, fits));
                    *size = record.encoded_len();
                }
            }
        }
        sizes
    }

    /// The task without the spans that the receiver states that it refuses.
    fn without_unacceptable(
        &self,
        task: EncodedTask,
        now: SystemTime,
        refused: &mut Vec<(Request, Reason)>,
    ) -> EncodedTask {
        let Items::Spans(spans) = task.items else { return task };
        let (label, resource) = (task.label, task.resource);
        let of = |spans| EncodedTask { label: label.clone(), resource: resource.clone(), items: Items::Spans(spans) };
        let now = since_epoch(now);
        let mut kept = Vec::with_capacity(spans.len());
        let mut objections: Vec<(Reason, Vec<Span>)> = Vec::new();
        for span in spans {
            let Some(reason) = self.objection(&span, now) else {
                kept.push(span);
                continue;
            };
            // Those of one reason stay together.
            match objections.iter_mut().find(|(other, _)| *other == reason) {
                Some((_, spans)) => spans.push(span),
                None => objections.push((reason, vec![span])),
            }
        }
        refused.extend(objections.into_iter().map(|(reason, spans)| {
            let reason = named(reason, &spans);
            (Request::of_one(of(spans)), reason)
        }));
        of(kept)
    }

    fn objection(&self, span: &Span, now: Duration) -> Option<Reason> {
        if self.limits.item_bytes < usize::MAX {
            let (bytes, limit) = (span.encoded_len(), self.limits.item_bytes);
            if bytes > limit {
                return Some(Reason::SpanOverLimit { span: span.name.clone(), bytes, limit });
            }
        }
        let starts = self.limits.starts?;
        let start = Duration::from_nanos(span.start_time_unix_nano);
        if start + starts.past < now {
            return Some(Reason::TooOld { spans: String::new(), limit: starts.past });
        }
        (start > now + starts.future).then_some(Reason::InTheFuture { spans: String::new(), limit: starts.future })
    }

    /// The task in parts whose spans may be in one request; the one with the first spans, and so the root, last.
    fn in_windows(&self, task: EncodedTask) -> Vec<EncodedTask> {
        let Some(starts) = self.limits.starts else { return vec![task] };
        let EncodedTask { label, resource, items: Items::Spans(mut spans) } = task else { return vec![task] };
        let spread = nanos(starts.spread);
        let mut parts = vec![];
        while let Some(last) = spans.iter().map(|span| span.start_time_unix_nano).max() {
            let (part, rest): (Vec<_>, Vec<_>) =
                spans.into_iter().partition(|span| last - span.start_time_unix_nano <= spread);
            parts.push(EncodedTask { label: label.clone(), resource: resource.clone(), items: Items::Spans(part) });
            spans = rest;
        }
        parts
    }

    /// Puts a task into the open request, or into requests of its own.
    fn place(&mut self, task: EncodedTask, sizes: &[usize], overhead: &Overhead, requests: &mut Vec<Request>) {
        let bytes = overhead.request_len(sizes.iter().copied().map(framed).sum());
        let items = task.items.len();
        if items == 0 {
            return;
        }
        let starts = starts(&task.items);
        if bytes > self.limits.request_bytes || items > self.limits.request_items {
            // What came before goes before.
            requests.extend(self.flush());
            self.spread(task, overhead, requests);
            return;
        }
        let is_full =
            self.open_bytes + bytes > self.limits.request_bytes || self.open_items + items > self.limits.request_items;
        if is_full || self.is_apart(starts) {
            requests.extend(self.flush());
        }
        self.open.push(task);
        self.open_bytes += bytes;
        self.open_items += items;
        self.open_starts = hull(self.open_starts, starts);
        if self.open_bytes >= self.limits.full_at_bytes {
            requests.extend(self.flush());
        }
    }

    /// Whether these starts are too far from those in the open request.
    fn is_apart(&self, starts: Option<(u64, u64)>) -> bool {
        let Some(limit) = self.limits.starts else { return false };
        hull(self.open_starts, starts).is_some_and(|(first, last)| last - first > nanos(limit.spread))
    }

    /// The requests of a task that is larger than one.
    fn spread(&self, task: EncodedTask, overhead: &Overhead, requests: &mut Vec<Request>) {
        let whole = task.with(Items::Spans(vec![]));
        let mut rest = task.items.root_last();
        let mut sizes = rest.sizes().into_iter().map(framed).peekable();
        while rest.len() > 0 {
            let (mut bytes, mut count) = (0, 0);
            let fits = |bytes, count| {
                overhead.request_len(bytes) <= self.limits.request_bytes && count < self.limits.request_items
            };
            while let Some(size) = sizes.next_if(|size| count == 0 || fits(bytes + size, count)) {
                bytes += size;
                count += 1;
            }
            let after = rest.split_off(count);
            requests.push(Request::of_one(whole.with(std::mem::replace(&mut rest, after))));
        }
    }
}

/// The reason, with the names of the spans that it is about.
fn named(reason: Reason, of: &[Span]) -> Reason {
    let names = || of.iter().map(|span| span.name.as_str()).collect::<Vec<_>>().join(", ");
    match reason {
        Reason::TooOld { limit, .. } => Reason::TooOld { spans: names(), limit },
        Reason::InTheFuture { limit, .. } => Reason::InTheFuture { spans: names(), limit },
        other => other,
    }
}

/// What surrounds a task's items in a request. All field numbers here are below 16: a tag is one byte.
struct Overhead {
    resource: usize,
    scope: usize,
}

impl Overhead {
    fn of(task: &EncodedTask) -> Self {
        Self { resource: framed(task.resource.encoded_len()), scope: framed(scope().encoded_len()) }
    }

    /// The size of a request with these items alone.
    fn request_len(&self, items: usize) -> usize {
        framed(self.resource + framed(self.scope + items))
    }
}

/// The size of a message as a field of another.
fn framed(len: usize) -> usize {
    1 + length_delimiter_len(len) + len
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

fn since_epoch(now: SystemTime) -> Duration {
    now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default()
}

/// The first and the last start of spans.
fn starts(items: &Items) -> Option<(u64, u64)> {
    let Items::Spans(spans) = items else { return None };
    let starts = || spans.iter().map(|span| span.start_time_unix_nano);
    starts().min().zip(starts().max())
}

fn hull(a: Option<(u64, u64)>, b: Option<(u64, u64)>) -> Option<(u64, u64)> {
    match (a, b) {
        (Some(a), Some(b)) => Some((a.0.min(b.0), a.1.max(b.1))),
        (one, other) => one.or(other),
    }
}

/// Cuts the end of a record's text, with a mark that says how long it was; whether it did.
fn shorten_record(record: &mut LogRecord, len: usize, fits: impl Fn(usize) -> bool) -> bool {
    let body = record.body.as_mut().and_then(|body| body.value.as_mut());
    let Some(Value::StringValue(text)) = body else { return false };
    let mark = cut::mark(text.len());
    // Shorter lengths may take fewer bytes to say; what fits with the longer ones fits.
    let others = len - text.len() + mark.len();
    let (mut low, mut high) = (0, text.len());
    while low < high {
        let middle = (low + high).div_ceil(2);
        if fits(others + middle) { low = middle } else { high = middle - 1 }
    }
    text.truncate(text.floor_char_boundary(low));
    text.push_str(&mark);
    true
}

/// Takes log events out of the middle of a span of this size until it fits, and says how many. Of those that stay, three
/// quarters are the last ones. A span that is too large for other reasons stays so.
fn shorten_span(span: &mut Span, len: usize, fits: impl Fn(usize) -> bool) -> u64 {
    let is_log = |name: &str| name == semconv::EVENT_LOG;
    let sizes: Vec<usize> =
        span.events.iter().filter(|event| is_log(&event.name)).map(|event| framed(event.encoded_len())).collect();
    // The counter of dropped events may grow to its full five bytes, and the tag.
    let mut len = len - sizes.iter().sum::<usize>() + 6;
    let (mut head, mut tail) = (0, sizes.len());
    while head < tail {
        let from_head = head * 3 < sizes.len() - tail;
        let size = if from_head { sizes.get(head) } else { sizes.get(tail - 1) };
        len += size.copied().unwrap_or_default();
        if !fits(len) {
            break;
        }
        if from_head { head += 1 } else { tail -= 1 }
    }
    let mut log = 0;
    span.events.retain(|event| {
        let position = log;
        log += usize::from(is_log(&event.name));
        !is_log(&event.name) || position < head || position >= tail
    });
    let dropped = tail - head;
    span.dropped_events_count = span.dropped_events_count.saturating_add(u32::try_from(dropped).unwrap_or(u32::MAX));
    dropped as u64
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;

    use super::*;
    use crate::sink::otlp::encode::Format;
    use crate::sink::testing::{log_span, task, task_of};

    fn limits(request_bytes: usize) -> Limits {
        Limits { request_bytes, ..Limits::default() }
    }

    fn encoded(label: &str, spans: usize) -> EncodedTask {
        EncodedTask::spans(task(label, spans))
    }

    fn push(packer: &mut Packer, task: EncodedTask) -> Vec<Request> {
        let packed = packer.push(task, SystemTime::now());
        assert!(packed.refused.is_empty());
        packed.requests
    }

    fn decoded(request: &Request) -> ExportTraceServiceRequest {
        ExportTraceServiceRequest::decode(request.encode(Format::Protobuf)).unwrap()
    }

    fn spans(request: &Request) -> Vec<Span> {
        let groups = decoded(request).resource_spans;
        groups.into_iter().flat_map(|g| g.scope_spans).flat_map(|s| s.spans).collect()
    }

    #[test]
    fn the_size_of_the_open_request_is_exact() {
        let mut packer = Packer::new(Limits::default());
        for (label, count) in [("a", 1), ("b", 40), ("c", 3)] {
            assert!(push(&mut packer, encoded(label, count)).is_empty());
            assert_eq!(packer.open_bytes, packer.open.encoded_len());
        }
    }

    #[test]
    fn tasks_share_a_request_up_to_the_very_byte() {
        let one = {
            let mut packer = Packer::new(Limits::default());
            push(&mut packer, encoded("a", 2));
            packer.open_bytes
        };
        for (bytes, expected) in [(3 * one, [3, 3]), (3 * one - 1, [2, 2])] {
            let mut packer = Packer::new(limits(bytes));
            let mut sent: Vec<usize> = Vec::new();
            for label in ["a", "b", "c", "d", "e", "f"] {
                sent.extend(push(&mut packer, encoded(label, 2)).iter().map(|r| r.tasks().len()));
            }
            sent.extend(packer.flush().map(|r| r.tasks().len()));
            assert_eq!(sent.get(..2).unwrap(), expected);
            assert_eq!(sent.iter().sum::<usize>(), 6);
        }
    }

    #[test]
    fn a_task_larger_than_a_request_is_spread_with_its_root_last() {
        let whole = EncodedTask::spans(task("a", 50));
        let limit = 1000;
        let requests = push(&mut Packer::new(limits(limit)), whole.clone());
        assert!(requests.len() > 3);
        assert!(requests.iter().all(|request| request.encoded_len() <= limit));
        let mut all: Vec<Span> = requests.iter().flat_map(spans).collect();
        assert!(all.last().unwrap().parent_span_id.is_empty());
        all.rotate_right(1);
        let Items::Spans(expected) = whole.items else { panic!("no spans") };
        assert_eq!(all, expected);
    }

    #[test]
    fn a_limit_of_spans_holds_too() {
        let few = Limits { request_items: 4, ..Limits::default() };
        let mut packer = Packer::new(few);
        assert!(push(&mut packer, encoded("a", 3)).is_empty());
        assert_eq!(push(&mut packer, encoded("b", 2)).iter().map(Request::items).collect::<Vec<_>>(), [3]);
        let spread = push(&mut packer, encoded("c", 9));
        assert_eq!(spread.iter().map(Request::items).collect::<Vec<_>>(), [2, 4, 4, 1]);
        assert!(packer.is_empty() && packer.flush().is_none());
    }

    #[test]
    fn a_span_too_large_alone_loses_log_events_from_its_middle() {
        let limit = 4000;
        let mut packer = Packer::new(limits(limit));
        assert!(push(&mut packer, EncodedTask::spans(task_of("a", vec![log_span(1000)]))).is_empty());
        let request = packer.flush().unwrap();
        assert!(request.encoded_len() <= limit && request.encoded_len() > limit - 100);
        let span = spans(&request).pop().unwrap();
        let kept = span.events.len();
        assert_eq!(packer.dropped_events(), 1000 - kept as u64);
        assert_eq!(u64::from(span.dropped_events_count), packer.dropped_events() + 5, "five were dropped before");
        let number =
            |event: &opentelemetry_proto::tonic::trace::v1::span::Event| (event.time_unix_nano % 10_000) as usize;
        let head = span.events.iter().take_while(|event| number(event) < 500).count();
        assert!(head * 3 <= kept && head * 5 >= kept, "{head} of {kept}");
        let expected: Vec<usize> = (0..head).chain(1000 - (kept - head)..1000).collect();
        assert_eq!(span.events.iter().map(number).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn a_span_without_log_events_is_kept_however_large() {
        let mut packer = Packer::new(Limits { item_bytes: usize::MAX, request_bytes: 10, ..Limits::default() });
        let sent = push(&mut packer, encoded("a", 2));
        assert_eq!(sent.iter().map(Request::items).sum::<u64>(), 2);
        assert_eq!(packer.dropped_events(), 0);
    }
}
