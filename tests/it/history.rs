//! Events of a task that were written to a log: in every form in which a rule, an answer or a tool gives them, they are the task that
//! ECS would have told of in time.

use std::path::{Path, PathBuf};

use ecspan::model::merge::by_task;
use ecspan::model::{TaskLife, Time};
use ecspan::sink::resource_spans;
use ecspan::source::files::{Contents, read_bytes};
use ecspan::trace::{TaskTrace, TraceOptions};
use prost::Message;
use serde_json::{Value, json};

const ARN: &str = "arn:aws:ecs:eu-west-1:123456789012:task/prod/0123456789abcdef0123456789abcdef";

fn event() -> Value {
    json!({
        "version": "0", "id": "e", "detail-type": "ECS Task State Change", "source": "aws.ecs", "account": "123456789012",
        "time": "2026-11-20T11:00:20Z", "region": "eu-west-1", "resources": [ARN],
        "detail": {
            "taskArn": ARN,
            "clusterArn": "arn:aws:ecs:eu-west-1:123456789012:cluster/prod",
            "taskDefinitionArn": "arn:aws:ecs:eu-west-1:123456789012:task-definition/web:7",
            "lastStatus": "STOPPED", "desiredStatus": "STOPPED", "group": "service:web", "version": 7, "stopCode": "UserInitiated",
            "createdAt": "2026-11-20T10:00:00.100Z", "connectivityAt": "2026-11-20T10:00:02.2Z",
            "pullStartedAt": "2026-11-20T10:00:03.3Z", "pullStoppedAt": "2026-11-20T10:00:08.4Z",
            "startedAt": "2026-11-20T10:00:09.500Z", "stoppingAt": "2026-11-20T11:00:00.600Z",
            "executionStoppedAt": "2026-11-20T11:00:10.6Z", "stoppedAt": "2026-11-20T11:00:20.700Z",
            "updatedAt": "2026-11-20T11:00:20.700Z",
            "containers": [{ "name": "app", "image": "web:1", "lastStatus": "STOPPED", "exitCode": 0 }],
        },
    })
}

/// What an input transformer takes out.
fn trimmed(event: &Value, envelope: &[&str], detail: &[&str]) -> Value {
    let mut event = event.clone();
    let object = event.as_object_mut().unwrap();
    envelope.iter().for_each(|key| drop(object.remove(*key)));
    let inner = object["detail"].as_object_mut().unwrap();
    detail.iter().for_each(|key| drop(inner.remove(*key)));
    event
}

/// An event as rules write it.
fn written(event: &Value) -> Vec<Value> {
    vec![
        event.clone(),
        trimmed(event, &["time", "version", "id"], &[]),
        trimmed(event, &["time", "version", "id"], &["taskArn"]),
        trimmed(event, &["time", "version", "id", "detail-type", "account", "region"], &["taskArn", "updatedAt"]),
        trimmed(event, &["detail-type", "source", "account", "region"], &["taskArn"]),
        event["detail"].clone(),
    ]
}

/// The fields of a value, as Insights names them.
fn fields(path: &str, value: &Value, into: &mut Vec<Value>) {
    let inner = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
    match value {
        Value::Object(object) => object.iter().for_each(|(key, value)| fields(&inner(key), value, into)),
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(index, value)| fields(&inner(&index.to_string()), value, into));
        }
        scalar => {
            let text = scalar.as_str().map_or_else(|| scalar.to_string(), str::to_owned);
            into.push(json!({ "field": path, "value": text }));
        }
    }
}

/// Lines of a log group as answers and tools give them.
fn answered(lines: &[Value]) -> Vec<String> {
    let texts: Vec<String> = lines.iter().map(Value::to_string).collect();
    let rows = |fields: &dyn Fn(&String) -> Value| texts.iter().map(fields).collect::<Vec<_>>();
    let page = rows(
        &|text| json!({ "logStreamName": "s", "timestamp": 1_795_435_100_000_u64, "message": text, "eventId": "1" }),
    );
    let query = rows(&|text| {
        json!([
            { "field": "@timestamp", "value": "2026-11-20 11:00:20.000" },
            { "field": "@message", "value": text },
            { "field": "@ptr", "value": "p" },
        ])
    });
    let told = |line: &Value| format!("2026-11-20T11:00:20.700000+00:00 stream-1 \n{line:#}\n");
    let flat: Vec<Value> = lines
        .iter()
        .map(|line| {
            let mut row = vec![];
            fields("", line, &mut row);
            Value::Array(row)
        })
        .collect();
    let exported: Vec<Value> =
        lines.iter().map(|line| json!({ "@timestamp": "2026-11-20 11:00:20.000", "@message": line })).collect();
    vec![
        texts.join("\n"),
        json!({ "events": page, "searchedLogStreams": [] }).to_string(),
        json!({ "results": query, "statistics": { "bytesScanned": 1.0 }, "status": "Complete" }).to_string(),
        json!({ "results": flat, "status": "Complete" }).to_string(),
        lines.iter().map(told).collect(),
        json!(exported).to_string(),
    ]
}

fn read(text: &str) -> Contents {
    let contents = read_bytes("f", text.as_bytes());
    contents.unwrap_or_else(|error| panic!("{error}\n{text}"))
}

/// The bytes of each task that is in there.
fn bytes(contents: Contents) -> Vec<Vec<u8>> {
    assert!(contents.errors.is_empty(), "{:?}", contents.errors);
    let (tasks, unclaimed) = by_task(contents.observations);
    assert!(unclaimed.is_empty());
    let made = tasks.into_iter().map(|task| {
        let life = TaskLife::new(task, Time::from_unix_nanos(0), 128);
        resource_spans(TaskTrace::new(&life, &TraceOptions::default())).encode_to_vec()
    });
    made.collect()
}

#[test]
fn a_stopped_event_in_any_form_makes_the_bytes_of_the_answer() {
    let event = event();
    let mut task = event["detail"].clone();
    task.as_object_mut().unwrap().remove("updatedAt");
    let expected = bytes(read(&json!({ "tasks": [task], "failures": [] }).to_string()));
    assert_eq!(expected.len(), 1);
    for line in written(&event) {
        // Two rules write each event twice, and another one speaks of something else.
        for text in answered(&[line.clone(), line]) {
            assert_eq!(bytes(read(&text)), expected, "{text}");
        }
    }
}

#[test]
fn a_line_that_was_cut_is_named_with_its_task_and_hides_no_other() {
    let text = event().to_string();
    for end in [text.len() - 1, text.len() - 100, 500] {
        let page =
            json!({ "events": [{ "timestamp": 1, "message": &text[..end] }, { "timestamp": 2, "message": text }] });
        let contents = read(&page.to_string());
        assert!(!contents.observations.is_empty());
        let told: Vec<String> = contents.errors.iter().map(ToString::to_string).collect();
        assert_eq!(
            told,
            ["f: $.events[0].message: an event of task prod/0123456789abcdef0123456789abcdef is cut off"],
            "{end}"
        );
    }
}

#[test]
fn rows_of_a_query_that_goes_on_are_read_and_the_rest_is_told() {
    let text = answered(&[event()])[2].replace("Complete", "Running");
    let contents = read(&text);
    assert_eq!(contents.observations.len(), 1);
    assert_eq!(contents.errors[0].to_string(), "f: $ is the answer of a query that was Running: rows may be missing");
}

/// The events about stopped tasks of the public ECS data.
fn corpus() -> Vec<(PathBuf, Value)> {
    let Some(corpus) = std::env::var_os("ECSPAN_CORPUS") else { return vec![] };
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(Path::new(&corpus).join("events")).unwrap().map(|file| file.unwrap().path()).collect();
    files.sort();
    let mut found = vec![];
    for path in files {
        let documents = ecspan::source::files::documents(&path).unwrap();
        for document in documents {
            events_in(document, &mut |event| {
                if event["detail"]["lastStatus"] == "STOPPED" {
                    found.push((path.clone(), event));
                }
            });
        }
    }
    found
}

/// Every event in a document, also in the text of a message.
fn events_in(value: Value, take: &mut impl FnMut(Value)) {
    match value {
        Value::Object(ref object) if object.contains_key("detail") => take(value),
        Value::Object(object) => object.into_iter().for_each(|(_, value)| events_in(value, take)),
        Value::Array(items) => items.into_iter().for_each(|value| events_in(value, take)),
        Value::String(text) => {
            if let Ok(value @ (Value::Object(_) | Value::Array(_))) = serde_json::from_str(&text) {
                events_in(value, take);
            }
        }
        _ => {}
    }
}

#[test]
fn each_stopped_event_of_public_data_is_the_answer_that_was_saved_in_time() {
    let events = corpus();
    if events.is_empty() {
        return;
    }
    assert!(events.len() > 3, "{}", events.len());
    for (path, event) in events {
        let mut task = event["detail"].clone();
        let object = task.as_object_mut().unwrap();
        object.remove("updatedAt");
        object.entry("taskArn").or_insert_with(|| event["resources"][0].clone());
        let expected = bytes(read(&json!({ "tasks": [task], "failures": [] }).to_string()));
        for line in written(&event).into_iter().filter(|line| line.get("resources").is_some()) {
            for text in answered(&[line.clone(), line]).into_iter().take(3) {
                assert_eq!(bytes(read(&text)), expected, "{}", path.display());
            }
        }
    }
}

#[test]
fn a_line_that_is_no_event_is_passed_by_and_makes_the_page_no_containers_log() {
    let event = json!({"detail-type": "ECS Task State Change", "source": "aws.ecs", "detail": {
        "taskArn": "arn:aws:ecs:eu-west-1:1:task/prod/0123456789abcdef0123456789abcdef", "lastStatus": "STOPPED", "containers": []}});
    let line = |message: &str| json!({"timestamp": 1_795_166_174_000_u64, "message": message});
    for other in ["no event at all", "", "{\"level\": \"info\"}"] {
        let page = json!({"events": [line(&event.to_string()), line(other)]});
        let Contents { observations, errors, passed_by, .. } = read_bytes("page", page.to_string().as_bytes()).unwrap();
        assert_eq!((observations.len(), errors.len(), passed_by), (1, 0, vec!["log line that is no event".to_owned()]));
    }
}
