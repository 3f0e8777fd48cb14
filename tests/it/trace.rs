//! From a life to spans: parents, statuses, what is final, what a re-export sends.

use std::collections::{BTreeMap, HashSet};
use std::time::{Duration, SystemTime};

use ecspan::model::log::{ContainerLog, LogLine};
use ecspan::model::merge::{self, TaskObservations};
use ecspan::model::observation::{
    ContainerRecord, DefinitionRecord, Gap, Observation, TaskRecord, TaskTimes, TracedEnv,
};
use ecspan::model::{TaskLife, Time};
use ecspan::trace::{Mode, ParentPolicy, ServiceName, TaskTrace, TraceOptions, ids};
use opentelemetry::trace::{SpanId, Status};
use opentelemetry_sdk::trace::SpanData;
use proptest::prelude::*;

const ID: &str = "84b5991528504856a2f003b7da9b2b82";
const CALLER: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
const LATER: Time = Time::from_unix_nanos(10_000_000_000_000);

fn s(seconds: u64) -> Option<Time> {
    Time::from_unix_millis(1_000_000 + seconds * 1_000)
}

fn task(times: TaskTimes, last_status: &str) -> TaskRecord {
    TaskRecord {
        id: ID.to_owned(),
        arn: Some(format!("arn:aws:ecs:eu-west-1:123456789012:task/prod/{ID}")),
        cluster_arn: Some("arn:aws:ecs:eu-west-1:123456789012:cluster/prod".to_owned()),
        task_definition_arn: Some("arn:aws:ecs:eu-west-1:123456789012:task-definition/web:7".to_owned()),
        group: Some("service:shop".to_owned()),
        last_status: Some(last_status.to_owned()),
        times,
        containers: vec![container("app"), container("aws-guardduty-agent-x1")],
        ..Default::default()
    }
}

fn container(name: &str) -> ContainerRecord {
    ContainerRecord { name: name.to_owned(), runtime_id: Some(format!("{name}-id")), ..Default::default() }
}

fn running() -> TaskTimes {
    TaskTimes {
        created: s(0),
        connected: s(3),
        pull_started: s(8),
        pull_stopped: s(20),
        started: s(22),
        ..Default::default()
    }
}

fn stopped() -> TaskTimes {
    TaskTimes { stopping: s(100), execution_stopped: s(110), stopped: s(130), ..running() }
}

fn life(task: TaskRecord) -> TaskLife {
    TaskLife::new(TaskObservations { task, ..Default::default() }, LATER, 128)
}

fn trace(task: TaskRecord) -> TaskTrace {
    TaskTrace::new(&life(task), &TraceOptions::default())
}

fn named<'a>(trace: &'a TaskTrace, name: &str) -> &'a SpanData {
    trace.spans.iter().find(|span| span.name == name).unwrap_or_else(|| panic!("no span {name}"))
}

fn names(trace: &TaskTrace) -> Vec<&str> {
    trace.spans.iter().map(|span| span.name.as_ref()).collect()
}

fn attribute(span: &SpanData, key: &str) -> Option<String> {
    span.attributes.iter().find(|kv| kv.key.as_str() == key).map(|kv| kv.value.to_string())
}

fn is_error(span: &SpanData) -> bool {
    matches!(span.status, Status::Error { .. })
}

#[test]
fn a_stopped_task_becomes_one_tree_under_its_own_id() {
    let trace = trace(task(stopped(), "STOPPED"));
    let expected = [
        "task web",
        "provisioning",
        "placement and network",
        "waiting for pull",
        "image pull",
        "starting",
        "running",
        "stopping",
        "terminating",
        "deprovisioning",
        "container app",
    ];
    assert_eq!(names(&trace), expected);
    assert!(trace.pending.is_empty());
    assert_eq!(trace.trace_id.to_string(), ID);
    let known: HashSet<SpanId> = trace.spans.iter().map(|span| span.span_context.span_id()).collect();
    assert_eq!(known.len(), trace.spans.len(), "span ids are distinct");
    for span in &trace.spans {
        assert_eq!(span.span_context.trace_id(), trace.trace_id);
        assert_eq!(attribute(span, "aws.ecs.task.id").as_deref(), Some(ID), "{}", span.name);
        let keys: Vec<&str> = span.attributes.iter().map(|kv| kv.key.as_str()).collect();
        assert!(keys.is_sorted(), "{keys:?}");
        if span.name != "task web" {
            assert!(known.contains(&span.parent_span_id), "{} has a parent in the trace", span.name);
        }
    }
    let terminating = named(&trace, "terminating");
    assert_eq!(terminating.parent_span_id, ids::span_id(ID, "stopping"));
    assert_eq!(trace.resource.get(&"service.name".into()).map(|v| v.to_string()).as_deref(), Some("shop"));
}

#[test]
fn a_running_task_sends_its_launch_and_names_the_rest() {
    let trace = trace(task(running(), "RUNNING"));
    assert_eq!(names(&trace), ["provisioning", "placement and network", "waiting for pull", "image pull", "starting"]);
    assert_eq!(trace.pending, ["task web", "running", "container app"]);
}

#[test]
fn what_was_sent_while_it_ran_is_sent_again_unchanged_when_it_has_stopped() {
    let before = trace(task(running(), "RUNNING"));
    let mut ended = task(stopped(), "STOPPED");
    ended.stop_code = Some("TaskFailedToStart".to_owned());
    let after = trace(ended);
    for span in &before.spans {
        assert_eq!(format!("{span:?}"), format!("{:?}", named(&after, &span.name)));
    }
    assert_eq!(before.resource, after.resource);
}

#[test]
fn the_last_phase_with_a_length_carries_a_failed_launch() {
    let times = TaskTimes { started: None, execution_stopped: s(19), stopping: s(29), ..stopped() };
    let mut failed = task(times, "STOPPED");
    failed.stop_code = Some("TaskFailedToStart".to_owned());
    failed.stopped_reason = Some("CannotPullContainerError: no such image".to_owned());
    let trace = trace(failed);
    let errors: Vec<&str> = trace.spans.iter().filter(|span| is_error(span)).map(|span| span.name.as_ref()).collect();
    // Starting has no length: the pull ended after the execution did, by the agent's clock.
    assert_eq!(errors, ["task web", "image pull"]);
    assert_eq!(attribute(named(&trace, "task web"), "error.type").as_deref(), Some("CannotPullContainerError"));
}

#[test]
fn statuses_tell_failures_from_routine() {
    type Exit<'a> = (i64, Option<&'a str>);
    let cases: [(&str, &str, &[Exit<'_>], bool); 12] = [
        ("UserInitiated", "stopped by its user", &[(137, None)], false),
        ("ServiceSchedulerInitiated", "Scaling activity initiated by (deployment ecs-svc/1)", &[(143, None)], false),
        ("ServiceSchedulerInitiated", "Task failed container health checks", &[(137, None)], true),
        ("ServiceSchedulerInitiated", "Task failed ELB health checks in (target-group x)", &[(0, None)], true),
        ("SpotInterruption", "Your Spot Task was interrupted.", &[(137, None)], false),
        ("EssentialContainerExited", "Essential container in task exited", &[(0, None)], false),
        ("EssentialContainerExited", "Essential container in task exited", &[(1, None)], true),
        ("EssentialContainerExited", "Essential container in task exited", &[(137, None)], true),
        ("EssentialContainerExited", "Essential container in task exited", &[(137, None), (0, None)], false),
        (
            "EssentialContainerExited",
            "Essential container in task exited",
            &[(0, Some("OutOfMemoryError: killed"))],
            true,
        ),
        ("", "Task failed to start", &[], true),
        ("", "Essential container in task exited", &[(2, None), (0, None)], true),
    ];
    for (code, reason, containers, expected) in cases {
        let mut ended = task(stopped(), "STOPPED");
        ended.stop_code = (!code.is_empty()).then(|| code.to_owned());
        ended.stopped_reason = Some(reason.to_owned());
        let of = |(at, (exit, why)): (usize, &(i64, Option<&str>))| ContainerRecord {
            exit_code: Some(*exit),
            reason: why.map(str::to_owned),
            ..container(&format!("c{at}"))
        };
        ended.containers = containers.iter().enumerate().map(of).collect();
        let trace = trace(ended);
        assert_eq!(is_error(named(&trace, "task web")), expected, "{code} {reason} {containers:?}");
    }
}

#[test]
fn a_container_that_never_started_is_a_nanosecond_long() {
    let times = TaskTimes { pull_started: None, pull_stopped: None, started: None, ..stopped() };
    let mut failed = task(times, "STOPPED");
    failed.containers[0].runtime_id = None;
    failed.containers[0].reason = Some("CannotPullContainerError: no such image".to_owned());
    let trace = trace(failed);
    let app = named(&trace, "container app");
    let at = SystemTime::from(s(100).unwrap());
    assert_eq!((app.start_time, app.end_time), (at, at + Duration::from_nanos(1)));
    assert_eq!(attribute(app, "ecspan.container.never_started").as_deref(), Some("true"));
    assert!(is_error(app));
}

#[test]
fn log_lines_are_the_events_of_a_span_inside_their_containers() {
    let line = |time: Option<Time>, text: &str| LogLine {
        time: time.unwrap(),
        observed: None,
        message: text.to_owned(),
        origin: None,
    };
    let log = ContainerLog {
        container: Some("app".to_owned()),
        head: vec![line(s(21), "early"), line(s(22), "x")],
        tail: vec![line(s(200), "late")],
        dropped: 5,
        unread: true,
        ..Default::default()
    };
    let observed = TaskObservations { task: task(stopped(), "STOPPED"), logs: vec![log], ..Default::default() };
    let trace = TaskTrace::new(&TaskLife::new(observed, LATER, 128), &TraceOptions::default());
    let (app, log) = (named(&trace, "container app"), named(&trace, "log"));
    // Lines before and after it do not move the container, and their span does not leave it.
    let bounds = (SystemTime::from(s(22).unwrap()), SystemTime::from(s(110).unwrap()));
    assert_eq!((app.start_time, app.end_time), bounds);
    assert_eq!((log.start_time, log.end_time), bounds);
    assert_eq!(attribute(log, "ecspan.clock_adjusted").as_deref(), Some("true"));
    assert_eq!(log.parent_span_id, app.span_context.span_id());
    assert_eq!((app.events.events.len(), log.status.clone()), (0, Status::Unset));
    let events: Vec<&str> = log.events.iter().map(|event| event.name.as_ref()).collect();
    assert_eq!(events, ["log", "log", "log gap", "log"]);
    assert_eq!(log.events[0].timestamp, SystemTime::from(s(21).unwrap()), "the line's own");
    assert_eq!(log.events.dropped_count, 5);
    let gap = log.events[2].attributes[0].value.to_string();
    assert_eq!(gap, "lines between 1970-01-01T00:17:02.000Z and 1970-01-01T00:20:00.000Z not read");
    assert_eq!(attribute(log, "ecspan.log.last_line").as_deref(), Some("late"));
    let path = format!("container/app/log|{}", attribute(log, "ecspan.log.selection").unwrap());
    assert_eq!(log.span_context.span_id(), ids::span_id(ID, &path), "anybody can compute it from the span itself");
}

#[test]
fn nothing_is_without_length_and_nothing_leaves_what_is_around_it() {
    // Stopped in the moment in which it was created: phases without length are not sent, all else has a nanosecond.
    let moment = TaskTimes { created: s(5), stopped: s(5), ..Default::default() };
    let line = LogLine { time: s(5).unwrap(), observed: None, message: "one".to_owned(), origin: None };
    let log = ContainerLog { container: Some("app".to_owned()), head: vec![line], ..Default::default() };
    let late = TaskTimes { created: s(0), stopped: s(5), ..Default::default() };
    for (times, names) in [
        (moment, vec!["task web", "container app", "log"]),
        (late, vec!["task web", "provisioning", "container app", "log"]),
    ] {
        let observed = TaskObservations { task: task(times, "STOPPED"), logs: vec![log.clone()], ..Default::default() };
        let spans = TaskTrace::new(&TaskLife::new(observed, LATER, 128), &TraceOptions::default()).spans;
        assert_eq!(spans.iter().map(|span| span.name.as_ref()).collect::<Vec<_>>(), names);
        for span in &spans {
            assert!(span.start_time < span.end_time, "{span:?}");
            let parent = spans.iter().find(|parent| parent.span_context.span_id() == span.parent_span_id);
            assert!(
                parent.is_none_or(|parent| parent.start_time <= span.start_time && span.end_time <= parent.end_time),
                "{span:?}"
            );
        }
    }
}

#[test]
fn a_page_that_was_given_twice_is_there_once_and_lines_that_repeat_in_it_stay() {
    let line = |seconds: u64, text: &str| LogLine {
        time: s(seconds).unwrap(),
        observed: None,
        message: text.to_owned(),
        origin: None,
    };
    let page = |origin: &str, stream: Option<&str>, lines: Vec<LogLine>| ContainerLog {
        container: Some("app".to_owned()),
        origin: origin.to_owned(),
        stream: stream.map(str::to_owned),
        head: lines,
        ..Default::default()
    };
    let told = |logs: Vec<ContainerLog>| {
        let observed = TaskObservations { task: task(stopped(), "STOPPED"), logs, ..Default::default() };
        let life = TaskLife::new(observed, LATER, 128);
        life.containers[0].log.as_ref().unwrap().lines().map(|line| line.message.clone()).collect::<Vec<_>>()
    };
    let one = vec![line(30, "tick"), line(30, "tick"), line(31, "tock")];
    let saved = page("saved.json", None, one.clone());
    assert_eq!(told(vec![saved.clone(), saved.clone()]), ["tick", "tick", "tock"]);
    // A page that overlaps another, in either order, and the stream that a page may be of.
    let next = page("next.json", None, vec![line(31, "tock"), line(32, "tack"), line(32, "tack")]);
    let all = ["tick", "tick", "tock", "tack", "tack"];
    assert_eq!(told(vec![saved.clone(), next.clone()]), all);
    assert_eq!(told(vec![next, saved.clone()]), all);
    assert_eq!(told(vec![page("GetLogEvents", Some("s"), one.clone()), saved]), ["tick", "tick", "tock"]);
    // Of two streams a line is two lines.
    let streams = vec![page("a", Some("a"), one.clone()), page("b", Some("b"), one)];
    assert_eq!(told(streams).len(), 6);
}

#[test]
fn what_is_learned_later_is_absorbed_beside_what_was_there() {
    let gap = |what: &str| Gap { what: what.to_owned(), why: "refused".to_owned(), hint: None, container: None };
    let definition = |family: &str| DefinitionRecord { family: Some(family.to_owned()), ..Default::default() };
    let mut observed = TaskObservations {
        task: task(stopped(), "STOPPED"),
        definition: Some(definition("own")),
        gaps: vec![gap("own")],
        ..Default::default()
    };
    observed.absorb(TaskObservations {
        task: task(running(), "RUNNING"),
        definition: Some(definition("theirs")),
        logs: vec![ContainerLog::default()],
        gaps: vec![gap("theirs")],
        ..Default::default()
    });
    assert!(observed.task.is_stopped(), "its own record stays");
    assert_eq!(observed.definition.and_then(|one| one.family).as_deref(), Some("own"));
    assert_eq!((observed.logs.len(), observed.gaps), (1, vec![gap("own"), gap("theirs")]));
}

#[test]
fn a_long_line_is_cut_with_a_mark_that_tells_its_length() {
    let log = ContainerLog {
        container: Some("app".to_owned()),
        head: vec![LogLine { time: s(30).unwrap(), observed: None, message: "ä".repeat(5_000_000), origin: None }],
        ..Default::default()
    };
    let observed = TaskObservations { task: task(stopped(), "STOPPED"), logs: vec![log], ..Default::default() };
    let trace = TaskTrace::new(&TaskLife::new(observed, LATER, 128), &TraceOptions::default());
    let span = named(&trace, "log");
    let last = attribute(span, "ecspan.log.last_line").unwrap();
    for text in [span.events[0].attributes[0].value.to_string(), last] {
        assert!(text.len() <= 2048 && text.len() > 2040, "{}", text.len());
        assert!(text.ends_with("ä… [cut: 10000000 bytes]"));
    }
}

#[test]
fn a_caller_in_the_overrides_adopts_the_task_and_a_pointer_stays() {
    let mut called = task(stopped(), "STOPPED");
    let env = TracedEnv { traceparent: Some(CALLER.to_owned()), ..Default::default() };
    called.overrides = BTreeMap::from([("app".to_owned(), env)]);
    let adopted = trace(called.clone());
    assert_eq!(adopted.caller_trace_id.unwrap().to_string(), "4bf92f3577b34da6a3ce929d0e0e4736");
    let (root, pointer) = (&adopted.spans[0], &adopted.spans[1]);
    assert_eq!((root.parent_span_id.to_string().as_str(), root.parent_span_is_remote), ("00f067aa0ba902b7", true));
    assert_eq!(pointer.name, "task web (in its caller's trace)");
    assert_eq!(pointer.span_context.trace_id().to_string(), ID);
    let caller_trace = attribute(pointer, "ecspan.caller.trace_id");
    assert_eq!(caller_trace.as_deref(), Some("4bf92f3577b34da6a3ce929d0e0e4736"));
    assert_eq!((pointer.start_time, pointer.end_time), (root.start_time, root.end_time));
    assert_eq!(pointer.links[0].span_context, root.span_context);
    assert_eq!(pointer.span_context.span_id(), ids::span_id(ID, "pointer"));
    assert!(adopted.spans.iter().filter(|span| span.span_context.trace_id().to_string() == ID).count() == 1);

    let options = TraceOptions { parent: ParentPolicy::Link, ..Default::default() };
    let linked = TaskTrace::new(&life(called.clone()), &options);
    assert_eq!(linked.caller_trace_id, None);
    assert_eq!(linked.spans[0].links[0].span_context.span_id().to_string(), "00f067aa0ba902b7");

    let unsampled = TracedEnv { traceparent: Some(CALLER.replace("-01", "-00")), ..Default::default() };
    called.overrides = BTreeMap::from([("app".to_owned(), unsampled)]);
    let linked = trace(called);
    assert_eq!((linked.caller_trace_id, linked.spans[0].links.len()), (None, 1));
}

#[test]
fn a_running_task_with_a_caller_sends_its_launch_there_and_no_pointer_yet() {
    let mut called = task(running(), "RUNNING");
    let env = TracedEnv { traceparent: Some(CALLER.to_owned()), ..Default::default() };
    called.overrides = BTreeMap::from([("app".to_owned(), env)]);
    let trace = trace(called);
    assert!(trace.spans.iter().all(|span| span.span_context.trace_id().to_string() != ID));
    assert_eq!(trace.pending[0], "task web");
}

#[test]
fn a_snapshot_holds_everything_under_an_id_of_its_own() {
    let now = s(60).unwrap();
    let options = TraceOptions { mode: Mode::Snapshot(now), ..Default::default() };
    let trace = TaskTrace::new(&life(task(running(), "RUNNING")), &options);
    assert!(trace.pending.is_empty());
    assert_ne!(trace.trace_id.to_string(), ID);
    assert_eq!(trace.trace_id, ids::derived_trace_id(ID, "snapshot", now.unix_nanos()));
    for (name, open) in [("task web", true), ("running", true), ("container app", true), ("starting", false)] {
        let span = named(&trace, name);
        assert_eq!(attribute(span, "ecspan.in_progress").is_some(), open, "{name}");
        assert_eq!(span.end_time == SystemTime::from(now), open, "{name}");
    }
    assert_eq!(trace.spans[0].links[0].span_context.trace_id().to_string(), ID);
}

#[test]
fn a_rebased_copy_ends_now_and_keeps_every_length() {
    let now = s(1_000_000).unwrap();
    let options = TraceOptions { mode: Mode::Rebase(now), ..Default::default() };
    let original = trace(task(stopped(), "STOPPED"));
    let copy = TaskTrace::new(&life(task(stopped(), "STOPPED")), &options);
    assert_eq!(copy.spans[0].end_time, SystemTime::from(now));
    assert_eq!(copy.spans.len(), original.spans.len());
    for (a, b) in copy.spans.iter().zip(&original.spans) {
        assert_eq!(a.end_time.duration_since(a.start_time).unwrap(), b.end_time.duration_since(b.start_time).unwrap());
        assert_ne!(a.span_context.trace_id(), b.span_context.trace_id());
    }
}

#[test]
fn a_task_without_any_time_has_no_spans() {
    let trace = trace(task(TaskTimes::default(), "STOPPED"));
    assert!(trace.spans.is_empty() && trace.pending.is_empty());
}

#[test]
fn resource_attributes_outrank_each_other_as_documented() {
    let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
    let options = TraceOptions {
        service_name: ServiceName::Given("named".to_owned()),
        base_attributes: vec![pair("cloud.provider", "base"), pair("deployment.environment.name", "prod")],
        attributes: vec![pair("cloud.region", "given")],
        ..Default::default()
    };
    let trace = TaskTrace::new(&life(task(stopped(), "STOPPED")), &options);
    let value = |key: &'static str| trace.resource.get(&key.into()).map(|v| v.to_string()).unwrap();
    assert_eq!(value("service.name"), "named");
    assert_eq!(value("cloud.provider"), "aws");
    assert_eq!(value("deployment.environment.name"), "prod");
    assert_eq!(value("cloud.region"), "given");
    assert_eq!(value("aws.ecs.task.revision"), "7");
    assert_eq!(value("cloud.account.id"), "123456789012");
}

/// What may be said of one task at different moments of its life.
fn records() -> Vec<Observation> {
    let at = |version, times, status| {
        Observation::Task(Box::new(TaskRecord { version: Some(version), ..task(times, status) }))
    };
    let page = |origin: &str, from: u64| {
        let lines = (0..5).map(|i| LogLine {
            time: s(from + i / 2).unwrap(),
            observed: None,
            message: format!("{origin} {i}"),
            origin: None,
        });
        let head = lines.collect();
        Observation::Log(ContainerLog {
            container: Some("app".to_owned()),
            origin: origin.to_owned(),
            head,
            ..Default::default()
        })
    };
    vec![
        at(1, TaskTimes { created: s(0), ..Default::default() }, "PROVISIONING"),
        at(4, running(), "RUNNING"),
        at(6, stopped(), "STOPPED"),
        at(6, stopped(), "STOPPED"),
        page("a.json", 30),
        page("b.json", 31),
    ]
}

proptest! {
    #[test]
    fn the_order_of_arrival_never_matters(shuffled in Just(records()).prop_shuffle()) {
        let made = |observations| {
            let (mut tasks, unclaimed) = merge::by_task(observations);
            assert!(unclaimed.is_empty() && tasks.len() == 1);
            let life = TaskLife::new(tasks.remove(0), LATER, 128);
            format!("{:?}", TaskTrace::new(&life, &TraceOptions::default()).spans)
        };
        prop_assert_eq!(made(shuffled), made(records()));
    }
}
