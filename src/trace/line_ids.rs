//! The traces that a log line names. Main function: [`of_line`].
//!
//! Two readers, chosen by what a line is: JSON is walked (its strings may be JSON again, as FireLens wraps lines), all else is
//! read in one pass as words and what stands between them. Both hand fields to `Group`, which knows names and forms. Lines
//! are untrusted: work is linear in a line's length, only [`LOOKED_AT`] bytes of it are looked at, and nothing but the
//! digits of ids leaves this module.

use std::sync::LazyLock;

use memchr::memchr_iter;
use memchr::memmem::Finder;
use opentelemetry::trace::{SpanId, TraceId};
use serde_json::{Map, Value};

/// So many bytes of a line are looked at; ids beyond them are not found.
pub(super) const LOOKED_AT: usize = 16 * 1024;
/// JSON in a string of JSON is opened so often.
const NESTED_STRINGS: usize = 4;

/// How a line writes the id of a trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// W3C: `00-32 hex digits-16 hex digits-01`.
    Traceparent,
    /// A field `trace_id`, `traceId`, `trace.id`, `otelTraceID` with 32 hex digits.
    TraceId,
    /// AWS X-Ray: `1-8 hex digits-24 hex digits`, alone or as `Root=` of a header.
    Xray,
    /// Datadog: `dd.trace_id` with all 128 bits.
    Datadog,
}

impl Form {
    /// As attributes give it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Traceparent => "traceparent",
            Self::TraceId => "trace_id",
            Self::Xray => "xray",
            Self::Datadog => "datadog",
        }
    }
}

/// A trace that a line names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedTrace {
    /// Never all zero.
    pub trace_id: TraceId,
    /// The span, where the line names it as well.
    pub span_id: Option<SpanId>,
    /// The line says that the trace is recorded.
    pub sampled: bool,
    /// How it was written.
    pub form: Form,
}

/// The traces that a line names, in its order. One that is named twice is there twice.
pub(crate) fn of_line(line: &str) -> Vec<NamedTrace> {
    let mut found = vec![];
    let end = line.floor_char_boundary(LOOKED_AT);
    in_text_or_json(line.get(..end).unwrap_or(line), NESTED_STRINGS, &mut found);
    found
}

fn in_text_or_json(text: &str, nested: usize, found: &mut Vec<NamedTrace>) {
    if !may_name_a_trace(text) {
        return;
    }
    let text = text.trim();
    if text.starts_with(['{', '['])
        && nested > 0
        && let Ok(value) = serde_json::from_str::<Value>(text)
    {
        in_json(&value, nested - 1, found);
    } else {
        in_text(text, found);
    }
}

/// Most lines name none, and are done with here: each form has the word trace in its key, or an id that begins
/// with `00-` or `1-` and 8 hex digits, and goes on.
pub(super) fn may_name_a_trace(text: &str) -> bool {
    static WORDS: LazyLock<[Finder<'static>; 2]> = LazyLock::new(|| [Finder::new("race"), Finder::new("RACE")]);
    let bytes = text.as_bytes();
    let begins_an_id = |at: usize| {
        let before = at.checked_sub(1).and_then(|before| bytes.get(before));
        let goes_on = |after: &u8| *after == b'-' || after.is_ascii_hexdigit();
        matches!(before, Some(b'0' | b'1'))
            && bytes.get(at + 1..at + 9).is_some_and(is_hex)
            && bytes.get(at + 9).is_some_and(goes_on)
    };
    WORDS.iter().any(|word| word.find(bytes).is_some()) || memchr_iter(b'-', bytes).any(begins_an_id)
}

fn in_json(value: &Value, nested: usize, found: &mut Vec<NamedTrace>) {
    match value {
        Value::Object(object) => {
            let mut group = Group::default();
            in_object(object, "", nested, &mut group, found);
            group.close(found);
        }
        Value::Array(items) => items.iter().for_each(|item| in_json(item, nested, found)),
        Value::String(text) => in_text_or_json(text, nested, found),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn in_object(object: &Map<String, Value>, prefix: &str, nested: usize, group: &mut Group, found: &mut Vec<NamedTrace>) {
    for (key, value) in object {
        let name = Name::of(&format!("{prefix}{key}"));
        match value {
            Value::String(text) if group.take(name, text.trim(), found) => {}
            Value::Number(number) => {
                group.take(name, &number.to_string(), found);
            }
            // `"dd": {"trace_id": …}` is dd.trace_id.
            Value::Object(inner) if key == "dd" && prefix.is_empty() => in_object(inner, "dd.", nested, group, found),
            Value::Object(inner) => {
                // `"trace": {"id": …}, "span": {"id": …}`: the two ids stand beside each other.
                if let (Some(name), Some(Value::String(id))) = (Name::of_nested(key, "id"), inner.get("id")) {
                    group.take(Some(name), id.trim(), found);
                }
                in_json(value, nested, found);
            }
            other => in_json(other, nested, found),
        }
    }
}

/// What stands between two words.
#[derive(Clone, Copy, Default)]
struct Between {
    assigns: bool,
    opens: bool,
    semicolon: bool,
    other: bool,
}

impl Between {
    /// The second word is the first one's value.
    const fn is_assignment(self) -> bool {
        self.assigns && !self.opens && !self.semicolon && !self.other
    }

    /// The second word is a key in an object that is the first one's value.
    const fn is_nesting(self) -> bool {
        self.assigns && self.opens && !self.semicolon && !self.other
    }

    /// The second word goes on with the header that the first one is in.
    const fn goes_on(self) -> bool {
        self.semicolon && !self.assigns && !self.opens && !self.other
    }
}

/// Reads text as words and what is between them: `key=value`, `"key": "value"`, `key: value`, ids that stand alone.
fn in_text(text: &str, found: &mut Vec<NamedTrace>) {
    let bytes = text.as_bytes();
    let is_word = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-');
    let mut group = Group::default();
    let mut header = Header::default();
    let (mut at, mut between) = (0, Between::default());
    // The word before and the one that it was assigned to.
    let (mut last, mut outer) = ("", "");
    while let Some(byte) = bytes.get(at) {
        if !is_word(byte) {
            at += skip(bytes.get(at..).unwrap_or(&[]), &mut between);
            continue;
        }
        let length = bytes.iter().skip(at).take_while(|byte| is_word(byte)).count();
        // Words are ASCII, so both ends are between characters.
        let word = text.get(at..at + length).unwrap_or_default().trim_matches(['.', '-']);
        let is_value = between.is_assignment();
        let key = if is_value { last } else { "" };
        let name = match (is_value, last, outer) {
            // The word before is `id`, in an object that a key before it opened.
            (true, "id", "trace" | "span") => Name::of_nested(outer, last),
            (true, ..) => Name::of(key),
            (false, ..) => None,
        };
        if is_value && header.take(key, word) {
            // Part of an X-Ray header.
        } else {
            group.take(name, word, found);
        }
        if !is_value && !between.goes_on() {
            header.close(found);
        }
        outer = if between.is_nesting() { last } else { "" };
        last = word;
        at += length;
        between = Between::default();
    }
    header.close(found);
    group.close(found);
}

/// How many bytes to go on, past one thing that is no word.
fn skip(rest: &[u8], between: &mut Between) -> usize {
    match rest {
        // A colour: `ESC [ 32 m`.
        [0x1b, b'[', colour @ ..] => {
            3 + colour.iter().take_while(|byte| byte.is_ascii_digit() || matches!(byte, b';' | b':')).count()
        }
        // Escapes of JSON that could not be read as JSON: `\n`, `\u001b`; and the backslash before a quote.
        [b'\\', b'u', digits @ ..] if digits.get(..4).is_some_and(is_hex) => {
            between.other = true;
            6
        }
        [b'\\', b'b' | b'f' | b'n' | b'r' | b't', ..] => {
            between.other = true;
            2
        }
        [b':' | b'=', ..] => {
            between.assigns = true;
            1
        }
        [b'{', ..] => {
            between.opens = true;
            1
        }
        [b';', ..] => {
            between.semicolon = true;
            1
        }
        [b' ' | b'\t' | b'"' | b'\'' | b'\\' | b'>', ..] => 1,
        _ => {
            between.other = true;
            1
        }
    }
}

/// An X-Ray header in the making: `Self=…;Root=1-…;Parent=…;Sampled=1`, in any order.
#[derive(Default)]
struct Header {
    root: Option<TraceId>,
    parent: Option<SpanId>,
    sampled: bool,
}

impl Header {
    /// Takes a field of the header; `false` when it is none.
    fn take(&mut self, key: &str, value: &str) -> bool {
        match key.to_ascii_lowercase().as_str() {
            "root" => self.root = self.root.or(xray(value)),
            "parent" => self.parent = self.parent.or(span_id(value)),
            "sampled" => self.sampled |= value == "1",
            // Names the load balancer's own part, not the trace.
            "self" => {}
            _ => return false,
        }
        true
    }

    fn close(&mut self, found: &mut Vec<NamedTrace>) {
        let Self { root, parent, sampled } = std::mem::take(self);
        found.extend(root.map(|trace_id| NamedTrace { trace_id, span_id: parent, sampled, form: Form::Xray }));
    }
}

/// What a field's name says of its value.
#[derive(Clone, Copy)]
enum Name {
    Trace(Family),
    Span(Family),
    DatadogTrace,
    DatadogSpan,
    /// The upper 64 bits.
    DatadogHigh,
}

/// Whose names they are: ids of one family stand beside each other.
#[derive(Clone, Copy)]
enum Family {
    Plain,
    Otel,
}

impl Name {
    fn of(key: &str) -> Option<Self> {
        Self::whole(key).or_else(|| Self::whole(key.rsplit_once('.')?.1))
    }

    /// `KEY: {"id": …}`.
    fn of_nested(key: &str, inner: &str) -> Option<Self> {
        match (key, inner) {
            ("trace", "id") => Some(Self::Trace(Family::Plain)),
            ("span", "id") => Some(Self::Span(Family::Plain)),
            _ => None,
        }
    }

    /// Names differ in case, dots, dashes and underscores from one library to the next.
    fn whole(key: &str) -> Option<Self> {
        const LONGEST: usize = 20;
        if key.len() > LONGEST {
            return None;
        }
        let plain: String =
            key.chars().filter(|c| !matches!(c, '_' | '.' | '-')).map(|c| c.to_ascii_lowercase()).collect();
        Some(match plain.as_str() {
            "traceid" => Self::Trace(Family::Plain),
            "spanid" => Self::Span(Family::Plain),
            "oteltraceid" => Self::Trace(Family::Otel),
            "otelspanid" => Self::Span(Family::Otel),
            "ddtraceid" => Self::DatadogTrace,
            "ddspanid" => Self::DatadogSpan,
            "ddptid" | "ddtraceidhi" | "ddtraceidhigh" => Self::DatadogHigh,
            _ => return None,
        })
    }
}

/// Fields that stand beside each other: of one JSON object, or of one line of text.
#[derive(Default)]
struct Group {
    plain: Pairing,
    otel: Pairing,
    datadog: Datadog,
}

/// Traces (by their place in what was found) and spans of one family.
#[derive(Default)]
struct Pairing {
    traces: Vec<usize>,
    spans: Vec<SpanId>,
    /// A span before its trace.
    waiting: Option<SpanId>,
}

#[derive(Default)]
struct Datadog {
    whole: Option<TraceId>,
    low: Option<u64>,
    high: Option<u64>,
    span_id: Option<SpanId>,
}

impl Group {
    /// Takes a value; `false` when it is no id that its name promises, and no id that speaks for itself.
    fn take(&mut self, name: Option<Name>, value: &str, found: &mut Vec<NamedTrace>) -> bool {
        if let Some(named) = traceparent(value) {
            found.push(named);
            return true;
        }
        let named = |trace_id, form| NamedTrace { trace_id, span_id: None, sampled: false, form };
        if let Some(trace_id) = xray(value) {
            if let Some(Name::Trace(family)) = name {
                self.family(family).add_trace(named(trace_id, Form::Xray), found);
            } else {
                found.push(named(trace_id, Form::Xray));
            }
            return true;
        }
        match name {
            None => return false,
            Some(Name::Trace(family)) => {
                let Some(trace_id) = trace_id(value) else { return false };
                self.family(family).add_trace(named(trace_id, Form::TraceId), found);
            }
            Some(Name::Span(family)) => {
                let Some(span_id) = span_id(value) else { return false };
                self.family(family).add_span(span_id, found);
            }
            Some(Name::DatadogTrace) => {
                self.datadog.whole = self.datadog.whole.or(trace_id(value));
                self.datadog.low = self.datadog.low.or(value.parse().ok());
            }
            Some(Name::DatadogSpan) => {
                let decimal = value.parse::<u64>().ok().map(|id| SpanId::from_bytes(id.to_be_bytes()));
                let id = decimal.filter(|id| *id != SpanId::INVALID).or_else(|| span_id(value));
                self.datadog.span_id = self.datadog.span_id.or(id);
            }
            Some(Name::DatadogHigh) => {
                let high = span_id(value).map(|id| u64::from_be_bytes(id.to_bytes()));
                self.datadog.high = self.datadog.high.or(high);
            }
        }
        true
    }

    const fn family(&mut self, family: Family) -> &mut Pairing {
        match family {
            Family::Plain => &mut self.plain,
            Family::Otel => &mut self.otel,
        }
    }

    fn close(self, found: &mut Vec<NamedTrace>) {
        let Self { plain, otel, datadog } = self;
        // A trace under one family's name and a span under the other's, where each stands alone, belong together.
        for (of_trace, of_span) in [(&plain, &otel), (&otel, &plain)] {
            if of_trace.spans.is_empty()
                && of_span.traces.is_empty()
                && let Some(named) = of_trace.traces.last().and_then(|at| found.get_mut(*at))
            {
                named.span_id = of_span.spans.first().copied();
            }
        }
        // Half an id is no id: a decimal one without its upper half names nothing that a backend could find.
        let joined = || Some(TraceId::from((u128::from(datadog.high?) << 64) | u128::from(datadog.low?)));
        let trace_id = datadog.whole.or_else(joined);
        found.extend(trace_id.map(|trace_id| NamedTrace {
            trace_id,
            span_id: datadog.span_id,
            sampled: false,
            form: Form::Datadog,
        }));
    }
}

impl Pairing {
    fn add_trace(&mut self, named: NamedTrace, found: &mut Vec<NamedTrace>) {
        self.traces.push(found.len());
        found.push(NamedTrace { span_id: self.waiting.take(), ..named });
    }

    /// A span belongs to the trace before it, if that has none yet; else to the next one.
    fn add_span(&mut self, span_id: SpanId, found: &mut [NamedTrace]) {
        self.spans.push(span_id);
        match self.traces.last().and_then(|at| found.get_mut(*at)) {
            Some(named) if named.span_id.is_none() => named.span_id = Some(span_id),
            _ => self.waiting = Some(span_id),
        }
    }
}

fn is_hex(digits: &[u8]) -> bool {
    digits.iter().all(u8::is_ascii_hexdigit)
}

/// 32 hex digits, not all zero.
fn trace_id(text: &str) -> Option<TraceId> {
    let id = TraceId::from_hex(text).ok().filter(|_| text.len() == 32 && is_hex(text.as_bytes()))?;
    (id != TraceId::INVALID).then_some(id)
}

/// 16 hex digits, not all zero.
fn span_id(text: &str) -> Option<SpanId> {
    let id = SpanId::from_hex(text).ok().filter(|_| text.len() == 16 && is_hex(text.as_bytes()))?;
    (id != SpanId::INVALID).then_some(id)
}

/// `1-8 hex digits-24 hex digits`.
fn xray(text: &str) -> Option<TraceId> {
    let (epoch, unique) = text.strip_prefix("1-")?.split_once('-')?;
    let fits = epoch.len() == 8 && unique.len() == 24;
    fits.then(|| trace_id(&format!("{epoch}{unique}"))).flatten()
}

/// `00-32 hex digits-16 hex digits-2 hex digits`; later versions may append fields.
fn traceparent(text: &str) -> Option<NamedTrace> {
    let mut fields = text.split('-');
    let (version, trace, span, flags) = (fields.next()?, fields.next()?, fields.next()?, fields.next()?);
    let byte = |text: &str| u8::from_str_radix(text, 16).ok().filter(|_| text.len() == 2 && is_hex(text.as_bytes()));
    let version = byte(version)?;
    if version == 0xff || (version == 0 && fields.next().is_some()) {
        return None;
    }
    let sampled = byte(flags)? & 1 == 1;
    Some(NamedTrace { trace_id: trace_id(trace)?, span_id: Some(span_id(span)?), sampled, form: Form::Traceparent })
}

#[cfg(test)]
#[path = "line_ids_tests.rs"]
mod tests;
