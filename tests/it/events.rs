//! EventBridge events: in any order, any number of times, in any envelope, they are the task that the API would give.

use ecspan::model::merge::{Conflict, TaskObservations, by_task};
use ecspan::model::{AsOf, TaskLife, Time};
use ecspan::sink::resource_spans;
use ecspan::source::files::{Contents, read_bytes};
use ecspan::trace::{Mode, TaskTrace, TraceOptions};
use prost::Message;
use serde_json::{Value, json};

const ARN: &str = "arn:aws:ecs:eu-west-1:123456789012:task/prod/0123456789abcdef0123456789abcdef";

/// A task as it was at its Nth change of state, of seven.
fn detail(version: usize) -> Value {
    let times = [
        ("createdAt", "2026-11-20T10:00:00.100Z"),
        ("connectivityAt", "2026-11-20T10:00:02.200Z"),
        ("pullStartedAt", "2026-11-20T10:00:03.3Z"),
        ("pullStoppedAt", "2026-11-20T10:00:08.4000000Z"),
        ("startedAt", "2026-11-20T10:00:09.500Z"),
        ("stoppingAt", "2026-11-20T11:00:00.600Z"),
        ("stoppedAt", "2026-11-20T11:00:20.700Z"),
    ];
    let status = ["PROVISIONING", "PENDING", "PENDING", "ACTIVATING", "RUNNING", "DEPROVISIONING", "STOPPED"];
    let mut detail = json!({
        "taskArn": ARN,
        "clusterArn": "arn:aws:ecs:eu-west-1:123456789012:cluster/prod",
        "taskDefinitionArn": "arn:aws:ecs:eu-west-1:123456789012:task-definition/web:7",
        "lastStatus": status[version - 1],
        "desiredStatus": if version < 6 { "RUNNING" } else { "STOPPED" },
        "group": "service:web",
        "version": version,
        "updatedAt": times[version - 1].1,
        "containers": [{ "name": "app", "image": "web:1", "lastStatus": status[version - 1], "runtimeId": "r" }],
    });
    for (name, time) in &times[..version] {
        detail[*name] = json!(time);
    }
    if version >= 6 {
        detail["stopCode"] = json!("UserInitiated");
        detail["executionStoppedAt"] = json!("2026-11-20T11:00:10.650Z");
        detail["containers"][0]["exitCode"] = json!(0);
    }
    detail
}

fn event(version: usize) -> Value {
    json!({ "version": "0", "id": "e", "source": "aws.ecs", "detail-type": "ECS Task State Change", "resources": [ARN], "detail": detail(version) })
}

fn read(value: &Value) -> Contents {
    read_bytes("f", value.to_string().as_bytes()).unwrap()
}

/// The bytes that are sent of the only task in there.
fn bytes(contents: Contents) -> Vec<u8> {
    let (mut tasks, unclaimed) = by_task(contents.observations);
    assert!(contents.errors.is_empty() && unclaimed.is_empty() && tasks.len() == 1);
    let life = TaskLife::new(tasks.remove(0), Time::from_unix_nanos(0), 128);
    resource_spans(TaskTrace::new(&life, &TraceOptions::default())).encode_to_vec()
}

fn permutations(items: &mut Vec<usize>, from: usize, see: &mut impl FnMut(&[usize])) {
    if from == items.len() {
        see(items);
    }
    for at in from..items.len() {
        items.swap(from, at);
        permutations(items, from + 1, see);
        items.swap(from, at);
    }
}

#[test]
fn the_order_of_events_and_their_repeats_change_nothing() {
    let last = bytes(read(&event(7)));
    let backwards: Vec<Value> = (1..=7).rev().chain([3, 2]).map(event).collect();
    assert_eq!(bytes(read(&json!(backwards))), last);
    // What of all orders is the same before it is sent is the same when it is.
    let events: Vec<Vec<_>> = (1..=7).map(|version| read(&event(version)).observations).collect();
    let expected = by_task(events[6].clone());
    let mut orders = 0;
    permutations(&mut (0..7).collect(), 0, &mut |order| {
        orders += 1;
        // The first two come once more, at the end.
        let told = order.iter().chain(&order[..2]).flat_map(|&at| events[at].clone());
        assert_eq!(by_task(told.collect()), expected, "{order:?}");
    });
    assert_eq!(orders, 5_040);
}

#[test]
fn an_event_and_an_answer_of_the_api_are_the_same_bytes() {
    assert_eq!(bytes(read(&event(7))), bytes(read(&json!({ "tasks": [detail(7)], "failures": [] }))));
}

#[test]
fn envelopes_change_nothing() {
    let text = event(7).to_string();
    let notification = json!({ "Type": "Notification", "MessageId": "n", "Message": text }).to_string();
    let expected = bytes(read(&event(7)));
    for envelope in [
        json!({ "Messages": [{ "MessageId": "m", "ReceiptHandle": "h", "Body": text }] }),
        json!({ "Records": [{ "messageId": "m", "eventSource": "aws:sqs", "body": text }] }),
        json!({ "Records": [{ "messageId": "m", "eventSource": "aws:sqs", "body": notification }] }),
        json!({ "Records": [{ "EventSource": "aws:sns", "Sns": { "MessageId": "m", "Message": text } }] }),
        json!({ "messageId": "m", "body": text }),
        json!({ "messageType": "DATA_MESSAGE", "logEvents": [{ "id": "1", "timestamp": 1, "message": text }] }),
        json!({ "events": [{ "timestamp": 1, "message": text }], "nextForwardToken": "f/1" }),
        json!([event(7)]),
    ] {
        assert_eq!(bytes(read(&envelope)), expected, "{envelope}");
    }
}

#[test]
fn an_event_that_names_its_task_in_its_envelope_alone_is_read() {
    let mut event = event(7);
    event["detail"].as_object_mut().unwrap().remove("taskArn");
    assert_eq!(bytes(read(&event)), bytes(read(&self::event(7))));
}

#[test]
fn what_was_to_be_a_task_and_is_none_is_no_other_event() {
    let with = |key: &str, value: Value| {
        let mut event = event(7);
        event[key] = value;
        event
    };
    let arn_only = json!({ "taskArn": ARN });
    for detail in [Value::Null, json!("STOPPED"), json!([]), json!({}), arn_only, json!(detail(7).to_string())] {
        let error = read_bytes("f", with("detail", detail.clone()).to_string().as_bytes()).expect_err("no task");
        assert_eq!(error.to_string(), "f: $.detail: expected a task with its lastStatus", "{detail}");
    }
    let error = read_bytes("f", with("detail-type", Value::Null).to_string().as_bytes()).expect_err("no type");
    assert_eq!(error.to_string(), "f: $.detail-type: expected the type of an event");
    let foreign = json!({ "source": "my.own", "detail-type": "ECS Task State Change", "detail": null });
    assert_eq!(read(&foreign).passed_by, ["ECS Task State Change"]);
}

#[test]
fn other_events_are_passed_by_and_bad_messages_are_named() {
    let messages = [
        json!({ "detail-type": "EC2 Instance State-change", "detail": {} }).to_string(),
        "{".to_owned(),
        event(7).to_string(),
    ];
    let bodies: Vec<Value> = messages.iter().map(|body| json!({ "Body": body })).collect();
    let contents = read(&json!({ "Messages": bodies }));
    assert_eq!(contents.passed_by, ["EC2 Instance State-change"]);
    assert_eq!(contents.observations.len(), 1);
    let told = contents.errors.iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(told, ["f: $.Messages[1].Body: line 1, column 2: the JSON ends in the middle"]);
}

#[test]
fn the_same_bytes_however_many_digits_a_tool_prints() {
    let answer = |created: &str, times: &str| {
        let mut task = detail(7);
        for (name, value) in task.as_object_mut().unwrap().iter_mut().filter(|(name, _)| name.ends_with("At")) {
            let text = value.as_str().unwrap();
            let end = text.find('Z').unwrap();
            *value = json!(if name == "createdAt" { created.to_owned() } else { format!("{}{times}", &text[..end]) });
        }
        bytes(read(&json!({ "tasks": [task] })))
    };
    let exact = answer("2026-11-20T10:00:00.100Z", "Z");
    assert_eq!(answer("2026-11-20T10:00:00.0999998Z", "Z"), exact, ".NET, from a double");
    assert_eq!(answer("2026-11-20T19:00:00.100000+09:00", "Z"), exact, "Python");
}

#[test]
fn a_container_that_is_listed_twice_is_sent_once() {
    let mut task = detail(7);
    let again = task["containers"][0].clone();
    task["containers"].as_array_mut().unwrap().push(again);
    assert_eq!(bytes(read(&json!({ "tasks": [task] }))), bytes(read(&event(7))));
    let life = |task: &Value| {
        let task = by_task(read(&json!({ "tasks": [task] })).observations).0.remove(0);
        let findings = TaskLife::new(task, AsOf::Now(Time::from_unix_nanos(u64::MAX)), 128).findings;
        let told = findings.into_iter().filter(|finding| finding.kind.id() == "sources-disagree");
        told.map(|finding| finding.text).collect::<Vec<_>>()
    };
    assert!(life(&task).is_empty(), "the same twice is no matter");
    task["containers"][0]["exitCode"] = json!(137);
    task["containers"][0]["reason"] = json!("OutOfMemoryError: killed");
    let told = life(&task);
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].contains(" is listed twice in f: $.tasks[0]: exit code 0 is believed, not 137; reason none is believed, not OutOfMemoryError: killed"), "{told:?}");
}

#[test]
fn a_saved_task_is_known_up_to_its_latest_time() {
    let latest = |event: &Value| by_task(read(event).observations).0[0].latest().unwrap();
    let at = |text: &str| Time::from_unix_nanos(text.parse::<jiff::Timestamp>().unwrap().as_nanosecond() as u64);
    let mut running = event(5);
    assert_eq!(latest(&running), at("2026-11-20T10:00:09.500Z"), "its updatedAt");
    running["time"] = json!("2026-11-20T10:27:00Z");
    assert_eq!(latest(&running), at("2026-11-20T10:27:00Z"), "the event's own time");
    let mut answer = json!({ "tasks": [detail(5)] });
    answer["tasks"][0].as_object_mut().unwrap().remove("updatedAt");
    assert_eq!(latest(&answer), at("2026-11-20T10:00:09.500Z"), "the last thing that happened");
}

#[test]
fn a_snapshot_of_a_saved_task_ends_when_it_was_saved() {
    let task = by_task(read(&event(5)).observations).0.remove(0);
    let saved = task.latest().unwrap();
    let snapshot = |now: u64| {
        let life = TaskLife::new(task.clone(), AsOf::Saved(saved), 128);
        let mode = Mode::Snapshot(Time::from_unix_nanos(now));
        TaskTrace::new(&life, &TraceOptions { mode, ..TraceOptions::default() })
    };
    let (one, other) = (snapshot(u64::MAX), snapshot(1));
    assert_eq!(one.trace_id, other.trace_id, "the reader's clock makes no difference");
    assert_eq!(Time::from(one.spans[0].end_time), saved);
}

#[test]
fn two_tasks_of_one_id_are_two() {
    let changed = |field: &str, value: &str| {
        let mut other = event(7);
        other["detail"][field] = json!(value);
        let (tasks, _) = by_task(read(&json!([event(7), other])).observations);
        let told = |task: &TaskObservations| task.conflicts.iter().any(|one| matches!(one, Conflict::Identity { .. }));
        (tasks.len(), tasks.iter().filter(|task| told(task)).count())
    };
    assert_eq!(changed("createdAt", "2026-11-20T09:00:00.100Z"), (2, 2));
    assert_eq!(changed("taskDefinitionArn", "arn:aws:ecs:eu-west-1:123456789012:task-definition/web:8"), (2, 2));
    assert_eq!(changed("createdAt", "2026-11-20T10:00:00Z"), (1, 0), "to the second");
    assert_eq!(changed("taskDefinitionArn", "web"), (1, 0), "a revision may be missing");
    assert_eq!(changed("stoppedReason", "later"), (1, 0));
}
