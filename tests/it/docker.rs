//! Docker's word on containers, beside ECS's, and the end of a log.

use ecspan::model::container::BoundSource;
use ecspan::model::log::{ContainerLog, LogLine};
use ecspan::model::merge::{TaskObservations, by_task};
use ecspan::model::{TaskLife, Time};
use ecspan::render::timeline;
use ecspan::source::files::read_bytes;
use ecspan::trace::{TaskRecords, TaskTrace, TraceOptions};
use serde_json::{Value, json};

const ARN: &str = "arn:aws:ecs:eu-west-1:123456789012:task/prod/0123456789abcdef0123456789abcdef";

fn inspected() -> Value {
    json!([{
        "Id": "a1", "Created": "2026-11-20T10:00:09.3Z", "RestartCount": 0,
        "State": { "Status": "exited", "Running": false, "OOMKilled": true, "ExitCode": 137, "Error": "",
            "StartedAt": "2026-11-20T10:00:10.123456789Z", "FinishedAt": "2026-11-20T10:59:58.999999999Z" },
        "Config": { "Image": "app:1", "Labels": { "com.amazonaws.ecs.task-arn": ARN, "com.amazonaws.ecs.container-name": "app" } },
        "HostConfig": { "RestartPolicy": { "Name": "no" }, "LogConfig": { "Type": "json-file", "Config": {} } },
    }])
}

fn stopped(reason: Option<&str>) -> Value {
    json!({
        "taskArn": ARN, "clusterArn": "arn:aws:ecs:eu-west-1:123456789012:cluster/prod", "lastStatus": "STOPPED", "version": 7,
        "createdAt": "2026-11-20T10:00:00.100Z", "startedAt": "2026-11-20T10:00:11.500Z", "executionStoppedAt": "2026-11-20T11:00:10.650Z",
        "stoppedAt": "2026-11-20T11:00:20.700Z", "containers": [{ "name": "app", "exitCode": 137, "reason": reason }],
    })
}

fn observed(documents: &[Value]) -> TaskObservations {
    let text: Vec<String> = documents.iter().map(Value::to_string).collect();
    let contents = read_bytes("f", text.join("\n").as_bytes()).unwrap();
    assert!(contents.errors.is_empty(), "{:?}", contents.errors);
    let (mut tasks, _) = by_task(contents.observations);
    assert_eq!(tasks.len(), 1);
    tasks.remove(0)
}

fn life(observed: TaskObservations) -> TaskLife {
    TaskLife::new(observed, Time::from_unix_nanos(0), 128)
}

#[test]
fn beside_ecs_it_gives_times_and_a_reason_only_where_ecs_has_none() {
    for (said, believed) in [
        (None, "OutOfMemoryError: Container killed due to memory usage"),
        (Some("CannotStartContainerError: x"), "CannotStartContainerError: x"),
    ] {
        let life = life(observed(&[inspected(), stopped(said)]));
        let app = &life.containers[0];
        assert_eq!(app.start.unwrap().source, BoundSource::Docker);
        assert_eq!(app.end.unwrap().at.unix_nanos() % 1_000_000_000, 999_999_999);
        assert_eq!(app.record.reason.as_deref(), Some(believed));
        let error = app.failure.as_ref().unwrap().error_type.as_deref();
        assert_eq!(error, believed.split(':').next());
        assert!(life.conflicts.is_empty() && !life.task.is_standalone());
    }
}

#[test]
fn that_only_the_end_of_a_log_was_read_is_said_everywhere() {
    let line = |second: u64| LogLine {
        time: Time::from_unix_nanos((1_795_168_860 + second) * 1_000_000_000),
        observed: None,
        message: format!("line {second}"),
        origin: None,
    };
    let log = |unread| ContainerLog {
        container: Some("app".to_owned()),
        tail: vec![line(5), line(6)],
        unread,
        ..ContainerLog::default()
    };
    let life_with = |unread| life(TaskObservations { logs: vec![log(unread)], ..observed(&[inspected()]) });
    let said = "lines before 2026-11-20T10:01:05.000Z not read";
    let told = |life: &TaskLife| {
        let trace = TaskTrace::new(life, &TraceOptions::default());
        let events = trace.spans.last().unwrap().events.iter().filter(|event| event.name == "log gap");
        let events: Vec<String> = events.map(|event| event.attributes[0].value.to_string()).collect();
        let records = TaskRecords::of_life(life, &TraceOptions::default());
        let records = records[0].records.iter().filter(|record| record.event_name == "log gap").count();
        (events, records, timeline::draw(life, &super::render::style(100)).contains("[lines before "))
    };
    assert_eq!(told(&life_with(true)), (vec![said.to_owned()], 1, true));
    assert_eq!(told(&life_with(false)), (vec![], 0, false));
}
