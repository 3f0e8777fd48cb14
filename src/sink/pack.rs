//! Cuts tasks into requests by exact encoded size, before anything is sent. Pure. Main type: [`Packer`].
//!
//! Several tasks share a request. A task that is larger than a request is spread over its own requests, its root last.
//! A span that is too large alone loses log events from its middle, counted, and is never left out itself.

use opentelemetry_proto::tonic::trace::v1::Span;
use prost::{Message, length_delimiter_len};

use super::encode::{EncodedTask, Request, group, root_last, scope};
use crate::trace::semconv;

/// What a receiver takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of a request, in protobuf and uncompressed. (JSON is larger by what its names take; receivers take 20 MiB
    /// over HTTP, and what one refuses as too large is split.)
    pub request_bytes: usize,
    /// A request of so many bytes is sent rather than filled further: while it is on its way the next one is encoded, which
    /// is half as fast again as filling requests up (`cargo bench -- delivery`).
    pub full_at_bytes: usize,
    /// Spans of a request.
    pub request_spans: usize,
    /// Bytes of a span.
    pub span_bytes: usize,
}

impl Default for Limits {
    /// What any OTLP receiver takes: gRPC ones refuse more than 4 MiB.
    fn default() -> Self {
        Self {
            request_bytes: 4 * 1024 * 1024,
            full_at_bytes: 512 * 1024,
            request_spans: usize::MAX,
            span_bytes: usize::MAX,
        }
    }
}

/// Fills requests.
#[derive(Debug)]
pub(crate) struct Packer {
    limits: Limits,
    open: Request,
    open_bytes: usize,
    open_spans: usize,
    dropped_events: u64,
}

impl Packer {
    pub(crate) fn new(limits: Limits) -> Self {
        Self { limits, open: Request::default(), open_bytes: 0, open_spans: 0, dropped_events: 0 }
    }

    /// The log events that were taken out of spans so far.
    pub(crate) const fn dropped_events(&self) -> u64 {
        self.dropped_events
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.open.is_empty()
    }

    /// Adds a task, and gives the requests that are full, to be sent in their order.
    pub(crate) fn push(&mut self, mut task: EncodedTask) -> Vec<Request> {
        let frame = Frame::of(&task);
        let fits = |len| len <= self.limits.span_bytes && frame.request_len(framed(len)) <= self.limits.request_bytes;
        let mut bytes = 0;
        for span in &mut task.spans {
            let mut len = span.encoded_len();
            if !fits(len) {
                self.dropped_events += shorten(span, len, fits);
                len = span.encoded_len();
            }
            bytes += framed(len);
        }
        let bytes = frame.request_len(bytes);
        let spans = task.spans.len();
        if bytes > self.limits.request_bytes || spans > self.limits.request_spans {
            return self.spread(task, &frame);
        }
        let is_full =
            self.open_bytes + bytes > self.limits.request_bytes || self.open_spans + spans > self.limits.request_spans;
        let full = if is_full { self.flush() } else { None };
        self.open.push(task.label, group(task.resource, task.spans));
        self.open_bytes += bytes;
        self.open_spans += spans;
        let is_full_now = self.open_bytes >= self.limits.full_at_bytes;
        full.into_iter().chain(if is_full_now { self.flush() } else { None }).collect()
    }

    /// What is in the request that is being filled.
    pub(crate) fn flush(&mut self) -> Option<Request> {
        (self.open_bytes, self.open_spans) = (0, 0);
        Some(std::mem::take(&mut self.open)).filter(|request| !request.is_empty())
    }

    /// The requests of a task that is larger than one.
    fn spread(&self, task: EncodedTask, frame: &Frame) -> Vec<Request> {
        let mut requests = Vec::new();
        let mut spans: Vec<Span> = Vec::new();
        let mut bytes = 0;
        let close = |spans| Request::of_one(task.label.clone(), task.resource.clone(), spans);
        for span in root_last(task.spans) {
            let size = framed(span.encoded_len());
            let is_full =
                frame.request_len(bytes + size) > self.limits.request_bytes || spans.len() >= self.limits.request_spans;
            if is_full && !spans.is_empty() {
                requests.push(close(std::mem::take(&mut spans)));
                bytes = 0;
            }
            spans.push(span);
            bytes += size;
        }
        requests.push(close(spans));
        requests
    }
}

/// What surrounds a task's spans in a request. All field numbers here are below 16: a tag is one byte.
struct Frame {
    resource: usize,
    scope: usize,
}

impl Frame {
    fn of(task: &EncodedTask) -> Self {
        Self { resource: framed(task.resource.encoded_len()), scope: framed(scope().encoded_len()) }
    }

    /// The size of a request with these spans alone.
    fn request_len(&self, spans: usize) -> usize {
        framed(self.resource + framed(self.scope + spans))
    }
}

/// The size of a message as a field of another.
fn framed(len: usize) -> usize {
    1 + length_delimiter_len(len) + len
}

/// Takes log events out of the middle of a span of this size until it fits, and says how many. Of those that stay, three
/// quarters are the last ones. A span that is too large for other reasons stays so: the receiver's answer will name it.
fn shorten(span: &mut Span, len: usize, fits: impl Fn(usize) -> bool) -> u64 {
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
    use crate::sink::encode::Format;
    use crate::sink::testing::{log_span, task, task_of};

    fn limits(request_bytes: usize) -> Limits {
        Limits { request_bytes, ..Limits::default() }
    }

    fn encoded(label: &str, spans: usize) -> EncodedTask {
        EncodedTask::new(task(label, spans))
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
            assert!(packer.push(encoded(label, count)).is_empty());
            assert_eq!(packer.open_bytes, packer.open.encoded_len());
        }
    }

    #[test]
    fn tasks_share_a_request_up_to_the_very_byte() {
        let one = {
            let mut packer = Packer::new(Limits::default());
            packer.push(encoded("a", 2));
            packer.open_bytes
        };
        for (bytes, expected) in [(3 * one, [3, 3]), (3 * one - 1, [2, 2])] {
            let mut packer = Packer::new(limits(bytes));
            let mut sent: Vec<usize> = Vec::new();
            for label in ["a", "b", "c", "d", "e", "f"] {
                sent.extend(packer.push(encoded(label, 2)).iter().map(|r| r.tasks().len()));
            }
            sent.extend(packer.flush().map(|r| r.tasks().len()));
            assert_eq!(sent.get(..2).unwrap(), expected);
            assert_eq!(sent.iter().sum::<usize>(), 6);
        }
    }

    #[test]
    fn a_task_larger_than_a_request_is_spread_with_its_root_last() {
        let whole = EncodedTask::new(task("a", 50));
        let limit = 1000;
        let requests = Packer::new(limits(limit)).push(whole.clone());
        assert!(requests.len() > 3);
        assert!(requests.iter().all(|request| request.encoded_len() <= limit));
        let mut all: Vec<Span> = requests.iter().flat_map(spans).collect();
        assert!(all.last().unwrap().parent_span_id.is_empty());
        all.rotate_right(1);
        assert_eq!(all, whole.spans);
    }

    #[test]
    fn a_limit_of_spans_holds_too() {
        let few = Limits { request_spans: 4, ..Limits::default() };
        let mut packer = Packer::new(few);
        assert!(packer.push(encoded("a", 3)).is_empty());
        assert_eq!(packer.push(encoded("b", 2)).iter().map(Request::spans).collect::<Vec<_>>(), [3]);
        let spread = packer.push(encoded("c", 9));
        assert_eq!(spread.iter().map(Request::spans).collect::<Vec<_>>(), [4, 4, 1]);
        assert_eq!(packer.flush().unwrap().spans(), 2);
        assert!(packer.is_empty() && packer.flush().is_none());
    }

    #[test]
    fn a_span_too_large_alone_loses_log_events_from_its_middle() {
        let limit = 4000;
        let mut packer = Packer::new(limits(limit));
        assert!(packer.push(EncodedTask::new(task_of("a", vec![log_span(1000)]))).is_empty());
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
        let mut packer = Packer::new(Limits { span_bytes: 10, ..Limits::default() });
        packer.push(encoded("a", 2));
        assert_eq!((packer.flush().unwrap().spans(), packer.dropped_events()), (2, 0));
    }
}
