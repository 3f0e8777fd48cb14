//! Traces of applications that log lines name: as links of the log's span, and drawn under the container.

use std::collections::BTreeMap;

use ecspan::model::log::{ContainerLog, LogLine};
use ecspan::model::merge::TaskObservations;
use ecspan::model::observation::{ContainerRecord, TaskRecord, TaskTimes, TracedEnv};
use ecspan::model::{TaskLife, Time};
use ecspan::render::{Style, json, waterfall};
use ecspan::trace::{ApplicationTraces, ParentPolicy, TaskTrace, TraceOptions, caller, ids};
use expect_test::expect_file;
use jiff::tz::TimeZone;

const ID: &str = "84b5991528504856a2f003b7da9b2b82";
const CALLER: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
const SPAN: &str = "b7ad6b7169203331";

fn s(seconds: u64) -> Time {
    Time::from_unix_nanos((1_800_000_000 + seconds) * 1_000_000_000)
}

fn trace_id(number: usize) -> String {
    format!("{:032x}", 0xabc0_0000_0000_0000_0000_u128 + number as u128)
}

fn life(lines: &[String], caller: Option<&str>) -> TaskLife {
    let container = |name: &str| ContainerRecord { name: name.to_owned(), exit_code: Some(0), ..Default::default() };
    let env = TracedEnv { traceparent: caller.map(str::to_owned), ..TracedEnv::default() };
    let head = lines.iter().zip(20..).map(|(text, at)| LogLine {
        time: s(at),
        observed: None,
        message: text.clone(),
        origin: None,
    });
    let task = TaskRecord {
        id: ID.to_owned(),
        task_definition_arn: Some("arn:aws:ecs:eu-west-1:123456789012:task-definition/web:7".to_owned()),
        last_status: Some("STOPPED".to_owned()),
        times: TaskTimes { created: Some(s(0)), started: Some(s(10)), stopped: Some(s(60)), ..Default::default() },
        overrides: BTreeMap::from([("app".to_owned(), env)]),
        containers: vec![container("app"), container("quiet")],
        ..Default::default()
    };
    let log = ContainerLog { container: Some("app".to_owned()), head: head.collect(), ..ContainerLog::default() };
    let observed = TaskObservations { task, logs: vec![log], ..Default::default() };
    TaskLife::new(observed, s(100), 10_000)
}

/// The links of the span of a container's log, as `TRACE SPAN FORM`, and how many were dropped.
fn links(trace: &TaskTrace, container: &str) -> (Vec<String>, u32) {
    let container = ids::span_id(ID, &ids::container_path(container));
    let Some(span) = trace.spans.iter().find(|span| span.parent_span_id == container) else { return (vec![], 0) };
    let text = |link: &opentelemetry::trace::Link| {
        let value = |key: &str| link.attributes.iter().find(|kv| kv.key.as_str() == key).unwrap().value.to_string();
        assert_eq!(value("ecspan.link.kind"), "log line");
        format!("{} {} {}", link.span_context.trace_id(), link.span_context.span_id(), value("ecspan.link.form"))
    };
    (span.links.links.iter().map(text).collect(), span.links.dropped_count)
}

fn lines() -> Vec<String> {
    let one = trace_id(1);
    let root = format!("1-{}-{}", &trace_id(2)[..8], &trace_id(2)[8..]);
    vec![
        format!(r#"{{"msg":"in","trace_id":"{one}","span_id":"{SPAN}"}}"#),
        format!("again trace_id={one}, and the task's own trace_id={ID}"),
        format!("caller {CALLER}"),
        format!("Root={root}"),
        format!("00-{}-{SPAN}-01", trace_id(3).replace("000", "0f0")),
    ]
}

#[test]
fn the_logs_span_links_to_the_traces_that_its_lines_name() {
    let life = life(&lines(), Some(CALLER));
    let third = trace_id(3).replace("000", "0f0");
    let expected = vec![
        format!("{} {SPAN} trace_id", trace_id(1)),
        format!("{} 0000000000000000 xray", trace_id(2)),
        format!("{third} {SPAN} traceparent"),
    ];
    let adopted = TaskTrace::new(&life, &TraceOptions::default());
    assert_eq!(links(&adopted, "app"), (expected.clone(), 0));
    assert_eq!(links(&adopted, "quiet"), (vec![], 0));
    // Whether lines are events, records or neither, and whatever becomes of the caller.
    for options in [
        TraceOptions { no_logs: true, ..Default::default() },
        TraceOptions { no_logs: true, records: true, ..Default::default() },
        TraceOptions { parent: ParentPolicy::Link, ..Default::default() },
    ] {
        assert_eq!(links(&TaskTrace::new(&life, &options), "app"), (expected.clone(), 0), "{options:?}");
    }
}

#[test]
fn a_caller_that_is_named_by_hand_is_none_of_the_application() {
    let parent = ParentPolicy::Explicit(caller::from_w3c(CALLER, None).unwrap());
    let life = life(&[format!("{CALLER} trace_id={}", trace_id(1))], None);
    let own = format!("{} 0000000000000000 trace_id", trace_id(1));
    let theirs = "4bf92f3577b34da6a3ce929d0e0e4736 00f067aa0ba902b7 traceparent".to_owned();
    let trace = |parent| TaskTrace::new(&life, &TraceOptions { parent, ..Default::default() });
    assert_eq!(links(&trace(ParentPolicy::FromTask), "app").0, [theirs, own.clone()]);
    assert_eq!(links(&trace(parent), "app").0, [own]);
}

#[test]
fn lines_that_were_read_and_are_not_held_are_linked_all_the_same() {
    let all: Vec<String> = (1..=300).map(|number| format!("trace_id={}", trace_id(number))).collect();
    let whole = TaskTrace::new(&life(&all, None), &TraceOptions::default());
    let mut read = ApplicationTraces::new([]);
    all.iter().for_each(|line| read.read(line));
    let ends = life(&[all[0].clone(), all[299].clone()], None);
    let read = BTreeMap::from([("app".to_owned(), read)]);
    let streamed = TaskTrace::with_application_traces(&ends, &TraceOptions::default(), &read);
    assert_eq!(links(&streamed, "app").1, 172);
    assert_eq!(links(&streamed, "app"), links(&whole, "app"));
}

#[test]
fn they_are_drawn_under_the_container() {
    let style = |width, unicode| Style {
        width,
        unicode,
        color: false,
        zone: TimeZone::UTC,
        now: s(100),
        all_containers: false,
        logs: true,
    };
    let life = life(&lines(), Some(CALLER));
    expect_file!["drawn/links-100.txt"].assert_eq(&waterfall::draw(&life, ID, &style(100, true)));
    expect_file!["drawn/links-60-ascii.txt"].assert_eq(&waterfall::draw(&life, ID, &style(60, false)));
    let document: serde_json::Value = serde_json::from_str(&json::draw(&life, ID, &style(100, true))).unwrap();
    let container = &document["containers"][0];
    let expected = serde_json::json!({"trace_id": trace_id(1), "span_id": SPAN, "form": "trace_id"});
    assert_eq!(container["links"][0], expected);
    assert_eq!(container["links"][1], serde_json::json!({"trace_id": trace_id(2), "form": "xray"}));
    assert_eq!(container["links_dropped"], 0);
}
