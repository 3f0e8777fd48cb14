//! What people bring: one task in everything that a file can be, what is no answer by its name, and nothing that breaks the reader.

mod broken;
mod harmed;
mod in_part;
mod named;
mod pasted;
mod together;
mod torn;
mod wrapped;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use ecspan::Hint;
use ecspan::model::observation::{Observation, TaskRecord};
use ecspan::source::bundle::Bundle;
use ecspan::source::files::{Contents, ToRecord, bytes_to_record, read_bytes};
use flate2::Compression;
use flate2::write::GzEncoder;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use proptest::prelude::*;
use serde_json::{Value, json};
use std::io::Write;

const ARN: &str = "arn:aws:ecs:eu-west-1:123456789012:task/prod/0123456789abcdef0123456789abcdef";

fn task() -> Value {
    json!({
        "taskArn": ARN, "clusterArn": "arn:aws:ecs:eu-west-1:123456789012:cluster/prod", "lastStatus": "STOPPED",
        "taskDefinitionArn": "arn:aws:ecs:eu-west-1:123456789012:task-definition/web:7", "attachments": [], "version": 5,
        "createdAt": "2026-11-20T10:00:00.100Z", "startedAt": "2026-11-20T10:00:09.500Z", "cpu": "256",
        "stoppedAt": "2026-11-20T11:00:20.700Z", "stoppedReason": "Essential container exited: it's # over, // or so",
        "containers": [{"name": "app", "containerArn": "arn:aws:ecs:eu-west-1:123456789012:container/prod/c",
            "lastStatus": "STOPPED", "exitCode": 1, "reason": "a \"quoted\" C:\\temp\n reason"}],
    })
}

fn answer() -> Value {
    json!({"tasks": [task()], "failures": []})
}

fn event() -> Value {
    json!({"version": "0", "detail-type": "ECS Task State Change", "source": "aws.ecs", "resources": [ARN], "detail": task()})
}

fn pretty(value: &Value) -> String {
    format!("{value:#}")
}

fn gzip(text: &str) -> Vec<u8> {
    let mut packed = GzEncoder::new(vec![], Compression::fast());
    packed.write_all(text.as_bytes()).unwrap();
    packed.finish().unwrap()
}

fn read(text: impl AsRef<[u8]>) -> Contents {
    read_bytes("f", text.as_ref()).unwrap_or_else(|error| {
        let mut contents = Contents::default();
        contents.errors.push(error);
        contents
    })
}

/// The tasks that were read, less where they stood and who said so.
fn tasks(contents: &Contents) -> Vec<TaskRecord> {
    let task = |observation: &Observation| match observation {
        Observation::Task(record) => Some(TaskRecord { origin: String::new(), source: None, ..(**record).clone() }),
        _ => None,
    };
    contents.observations.iter().filter_map(task).collect()
}

fn error(text: impl AsRef<[u8]>) -> (String, String) {
    let contents = read(text);
    assert_eq!((contents.observations.len(), contents.errors.len()), (0, 1), "{contents:?}");
    (contents.errors[0].to_string(), contents.errors[0].hint().unwrap_or_default())
}

/// Each line of `text`, with something before it.
fn lines(text: &str, before: impl Fn(usize) -> String) -> String {
    text.lines().enumerate().map(|(index, line)| format!("{}{line}\n", before(index))).collect()
}

#[test]
fn one_task_is_the_same_in_whatever_text_it_stands() {
    let (whole, short, event) = (pretty(&answer()), answer().to_string(), event().to_string());
    let quoted = serde_json::to_string(&short).unwrap();
    let wrapped = short
        .as_bytes()
        .chunks(80)
        .map(|line| String::from_utf8_lossy(line).into_owned())
        .collect::<Vec<_>>()
        .join("\n");
    let keys_coloured =
        whole.replace("\"containers\"", "\u{1b}[34;1m\"containers\"\u{1b}[0m").replace('{', "\u{1b}[1;39m{\u{1b}[0m");
    let single = quoted.trim_matches('"').replace("\\\"", "\"").replace('\'', "\\'");
    let cases: Vec<(String, &str)> = vec![
        (whole.clone(), ""),
        (format!("\u{feff}{whole}"), ""),
        (whole.replace('\n', "\r\n"), ""),
        (quoted.clone(), ""),
        (serde_json::to_string(&quoted).unwrap(), ""),
        (
            format!(
                "[ec2-user@ip-10-0-0-1 ~]$ aws ecs describe-tasks --cluster {{prod}}\n{whole}\n[ec2-user@ip ~]$ exit"
            ),
            "other text",
        ),
        (format!("2026-11-20T10:00:00Z [INFO] {{main}} got event: {event}, done"), "other text"),
        (format!("12 {event}"), "other text"),
        (format!("# It fails\n```json\n{whole}\n```\nsee [1](x) and {{y}}"), "other text"),
        (format!("EVENT = '{single}'\n"), "other text"),
        (format!("var answer = {quoted};"), "other text"),
        (format!("level=info msg=\"got {}\" n=1", short.replace('\\', "\\\\").replace('"', "\\\"")), "other text"),
        (format!("2026,\"{}\",x\n", short.replace('"', "\"\"")), "other text"),
        (keys_coloured, "colours"),
        (whole.replace("\"containers\"", "[34;1m\"containers\"[0m[1;39m").replace("256", "[32m256[0m"), "colours"),
        (format!("➜  ops git:(main) ✗ aws    [10:22:01]\n{whole}\n➜  ops    [10:22:04]\n"), "other text"),
        (format!("h2. X\n{{code:json}}\n{whole}\n{{code}}\n{{color:red}}see{{color}} [a: b]\n"), "other text"),
        (whole.replace("\"containers\": [", "// its\n/* containers, */ \"containers\": [ # here\n"), "comments"),
        (whole.replace("\n    }\n", ",\n    }\n").replace("\n  ]\n", ",\n  ],\n"), "commas"),
        (whole.replace("\"cpu\": \"256\"", "“cpu”: „256“"), "curly"),
        (whole.replace("  \"", "\u{a0}\u{a0}\""), "spaces"),
        (wrapped, "line breaks"),
        (lines(&whole, |_| "> ".to_owned()), "every line"),
        (lines(&whole, |_| "// ".to_owned()), "every line"),
        (lines(&whole, |_| "app-1  | ".to_owned()), "every line"),
        (lines(&whole, |index| format!("{:6}\t", index + 1)), "every line"),
        (lines(&whole, |index| format!("task.json:{}:", index + 1)), "every line"),
        (lines(&whole, |index| format!("Nov 20 10:00:{:02} host app[{}]: ", index % 60, 7 * index)), "every line"),
        (format!("X wrote:\n{}-- \nX\n", lines(&whole, |_| "> ".to_owned())), "quoted lines"),
        (format!("X wrote:\n> Y wrote:\n{}> yes\n", lines(&whole, |_| ">> ".to_owned())), "quoted lines"),
        (format!("{}> yes\nno\n", lines(&whole, |_| "> > ".to_owned())), "quoted lines"),
        (
            lines(&whole, |index| if index == 7 { "\u{1b}[7m:\u{1b}[27m\u{1b}[K\n" } else { "" }.to_owned()) + "(END)",
            "pager",
        ),
        (lines(&whole, |index| if index % 9 == 8 { ":" } else { "" }.to_owned()), "pager"),
        (lines(&whole, |index| if index % 9 == 8 { "lines 1-9/40 20%\n" } else { "" }.to_owned()), "pager"),
        (format!("<pre>{}</pre>", whole.replace('"', "&quot;").replace('\'', "&#39;")), "entities"),
        (format!("<pre>{}</pre>", whole.replace('"', "&#x22;").replace('{', "&#123;")), "entities"),
        (
            format!(
                "<!doctype html><body><code>{}</code>",
                whole.replace("\"cpu\"", "<b class=\"k\">&quot;cpu&quot;</b>")
            ),
            "tags",
        ),
        (percent(&short, NON_ALPHANUMERIC), "URL-encoded"),
        (format!("https://x.example/?a=1&task={}&b=2", percent(&whole, NON_ALPHANUMERIC)), "URL-encoded"),
        (percent(&percent(&short, NON_ALPHANUMERIC), NON_ALPHANUMERIC), "URL-encoded"),
        (
            format!("payload={}&x=1", percent(&short, NON_ALPHANUMERIC).replace("%20", "+").replace("%7B", "%7b")),
            "URL-encoded",
        ),
        (whole.replace("\"cpu\": \"256\"", "‘cpu’: ’256‘").replace("\"name\"", "«name»"), "curly"),
        (format!("// one\n{}", json5(&whole)), "without double quotes"),
        (format!("> {}", json5(&short)), "without double quotes"),
        (STANDARD.encode(&event), "base64"),
        (STANDARD.encode(gzip(&event)), "base64"),
        (URL_SAFE_NO_PAD.encode(format!("\n {event}")), "base64"),
        (format!("\"{}\"", STANDARD_NO_PAD.encode(&whole)), "base64"),
        (format!("data:application/json;base64,{}", STANDARD.encode(&whole)), "base64"),
        (
            format!(
                "From: a@b.example\nContent-Type: multipart/mixed; boundary=b1\n\n--b1\nsee below\n--b1\nContent-Transfer-Encoding: \
                 base64\n\n{}\n--b1--\n",
                STANDARD.encode(&whole)
            ),
            "base64",
        ),
        (json!({"body": STANDARD.encode(&short), "isBase64Encoded": true}).to_string(), "base64"),
    ];
    let expected = tasks(&read(short));
    assert_eq!(expected.len(), 1);
    for (text, note) in cases {
        let contents = read(&text);
        assert_eq!(tasks(&contents), expected, "{text}\n{:?}", contents.errors);
        assert!(contents.errors.is_empty(), "{text}: {:?}", contents.errors);
        let notes = contents.notes.join("; ");
        assert!(if note.is_empty() { notes.is_empty() } else { notes.contains(note) }, "{text}: {notes}");
    }
    for bytes in [u16::to_le_bytes as fn(u16) -> [u8; 2], u16::to_be_bytes] {
        for mark in ["\u{feff}", ""] {
            let text: Vec<u8> = format!("{mark}{whole}").encode_utf16().flat_map(bytes).collect();
            assert_eq!((tasks(&read(&text)), read(&text).notes), (expected.clone(), vec!["read as UTF-16".to_owned()]));
        }
    }
    for bytes in [u32::to_le_bytes as fn(u32) -> [u8; 4], u32::to_be_bytes] {
        for mark in ["\u{feff}", ""] {
            let text: Vec<u8> = format!("{mark}{whole}").chars().map(u32::from).flat_map(bytes).collect();
            assert_eq!((tasks(&read(&text)), read(&text).notes), (expected.clone(), vec!["read as UTF-32".to_owned()]));
        }
    }
}

fn percent(text: &str, all: &'static AsciiSet) -> String {
    utf8_percent_encode(text, all).to_string()
}

/// The names without quotes, and texts in single ones where nothing in them has to be escaped.
fn json5(text: &str) -> String {
    let mut out = String::new();
    let mut parts = text.split('"');
    out.push_str(parts.next().unwrap_or_default());
    let mut escaped = false;
    while let (Some(inside), Some(after)) = (parts.next(), parts.next()) {
        escaped |= inside.contains(['\\', '\'']);
        out += &match (after.starts_with(':'), escaped) {
            (true, false) => inside.to_owned(),
            (false, false) => format!("'{inside}'"),
            _ => format!("\"{inside}\""),
        };
        out.push_str(after);
    }
    out
}

#[test]
fn yaml_of_the_cli_is_what_its_json_is() {
    let yaml = format!(
        "failures: []\ntasks:\n- taskArn: {ARN}\n  clusterArn: arn:aws:ecs:eu-west-1:123456789012:cluster/prod\n  attachments: []\n  \
         containers:\n  - containerArn: arn:aws:ecs:eu-west-1:123456789012:container/prod/c\n    exitCode: 1\n    lastStatus: STOPPED\n    \
         name: app\n    reason: \"a \\\"quoted\\\" C:\\\\temp\\n reason\"\n  cpu: '256'\n  createdAt: '2026-11-20T10:00:00.100000+00:00'\n  \
         lastStatus: STOPPED\n  startedAt: 1795168809.5\n  stoppedAt: '2026-11-20T11:00:20.700Z'\n  stoppedReason: 'Essential container \
         exited: it''s # over, // or so'\n  taskDefinitionArn: arn:aws:ecs:eu-west-1:123456789012:task-definition/web:7\n  version: 5\n"
    );
    let fenced = format!("it says:\n```yaml\n{yaml}```\nwhy?\n");
    let prompted = format!("$ aws ecs describe-tasks --output yaml\n{yaml}$ exit\n");
    let streamed = format!("- {}", yaml.trim_end().replace('\n', "\n  "));
    let crlf = prompted.replace('\n', "\r\n");
    let indented = format!("Look:\n\n{}\nwhy?\n", lines(&yaml, |_| "    ".to_owned()));
    let flow = yaml
        .replace("attachments: []", "attachments: [\n    ]\n  tags: {a: b, c: [d, 'e']}")
        .replace("failures: []", "failures: [ ]");
    let anchors = yaml
        .replace("attachments: []", "attachments: &none []\n  inferenceAccelerators: *none")
        .replace("  lastStatus: STOPPED\n  startedAt", "  lastStatus: *it\n  startedAt")
        .replace("    lastStatus: STOPPED", "    lastStatus: &it STOPPED");
    let block = yaml.replace(
        "'Essential container exited: it''s # over, // or so'",
        ">-\n    Essential container\n    exited: it's # over,\n    // or so",
    );
    let merged = yaml.replace("failures: []\n", "x: &x {version: 5, cpu: '1'}\n").replace("  version: 5", "  <<: *x");
    let last = format!("--- # one\n{yaml}...\n---\n{yaml}");
    for text in [&yaml, &fenced, &prompted, &streamed, &crlf, &indented, &flow, &anchors, &block, &merged, &last] {
        let contents = read(text);
        let mut found = tasks(&contents);
        found.dedup();
        assert_eq!(found, tasks(&read(answer().to_string())), "{text}\n{:?}", contents.errors);
        assert_eq!(contents.notes, ["read as YAML"]);
    }
    assert_eq!(tasks(&read(&last)).len(), 2);
}

#[test]
fn yaml_between_brackets_is_read_and_what_programs_print_like_it_is_not() {
    let flow = format!(
        "{{failures: [], tasks: [{{taskArn: {ARN}, clusterArn: 'arn:aws:ecs:eu-west-1:123456789012:cluster/prod',\n  attachments: [], \
         containers: [{{containerArn: arn:aws:ecs:eu-west-1:123456789012:container/prod/c, exitCode: 1, lastStatus: STOPPED,\n      name: app, \
         reason: \"a \\\"quoted\\\" C:\\\\temp\\n reason\"}}], cpu: '256', createdAt: 2026-11-20 10:00:00.1 +0000 UTC, \
         lastStatus: STOPPED,\n      startedAt: 1795168809.5, stoppedAt: 2026-11-20T11:00:20.700Z, stoppedReason: 'Essential container \
         exited: it''s # over, // or so',\n      taskDefinitionArn: arn:aws:ecs:eu-west-1:123456789012:task-definition/web:7, version: 5}}]}}\n"
    );
    let expected = tasks(&read(answer().to_string()));
    for text in [flow.clone(), format!("$ yq -o y .\n{flow}$ "), format!("# it\n{flow}")] {
        let contents = read(&text);
        assert_eq!(tasks(&contents), expected, "{text}\n{:?}", contents.errors);
        let notes = contents.notes.join(";");
        assert!(notes.contains("words without double quotes") || notes == "read as YAML", "{notes}");
    }
    for (from, to) in
        [("attachments: []", "attachments: [Array]"), ("lastStatus: STOPPED,\n", "lastStatus: undefined,\n")]
    {
        let (told, _) = error(flow.replace(from, to));
        assert!(told.contains("JavaScript"), "{told}");
    }
}

#[test]
fn what_was_shortened_inside_a_task_is_told() {
    for containers in [json!("..."), json!("@{name=app; exitCode=1}"), json!(["System.Object"])] {
        let mut task = task();
        task["containers"] = containers;
        let (told, _) = error(json!({"tasks": [task]}).to_string());
        assert!(told.starts_with("f: $.tasks[0].containers: expected what was there"), "{told}");
    }
}

#[test]
fn of_what_was_cut_the_tasks_that_are_whole_are_read_and_the_cut_is_an_error() {
    let text = pretty(&json!({"tasks": [task(), task()]}));
    let contents = read(&text[..text.len() - 40]);
    assert_eq!(tasks(&contents).len(), 1);
    let told = contents.errors[0].to_string();
    assert!(
        told.contains("the JSON ends in the middle, in task 0123456789abcdef") && contents.notes.is_empty(),
        "{told}"
    );
    let contents = read(format!(
        "{}\nAn error occurred (ThrottlingException) when calling the DescribeTasks operation: x",
        answer()
    ));
    assert_eq!(tasks(&contents).len(), 1);
    assert!(contents.errors[0].to_string().contains("ThrottlingException of DescribeTasks"), "{:?}", contents.errors);
}

#[test]
fn one_object_with_several_things_is_read_whole() {
    let service = json!({"serviceName": "web", "serviceArn": "arn:aws:ecs:eu-west-1:1:service/prod/web", "status": "ACTIVE",
        "deployments": [{"id": "ecs-svc/1", "status": "PRIMARY"}],
        "events": [{"id": "e", "createdAt": 1_795_168_809, "message": "(service web) has started 1 tasks: (task 0123)."}]});
    let definition = json!({"family": "web", "revision": 7, "containerDefinitions": [{"name": "app"}]});
    let page = json!([{"timestamp": 1_795_168_810_000_u64, "message": "hello"}]);
    let kinds = |value: Value| {
        let contents = read(value.to_string());
        assert!(contents.errors.is_empty(), "{value}: {:?}", contents.errors);
        let kind = |observation: &Observation| match observation {
            Observation::Task(_) => "task",
            Observation::Service(_) => "service",
            Observation::ServiceEvent(_) => "event",
            Observation::Definition(_) => "definition",
            Observation::Log(_) => "log",
            _ => "other",
        };
        let mut found: Vec<&str> = contents.observations.iter().map(kind).collect();
        found.extend(contents.missing.iter().map(|_| "missing"));
        found.sort_unstable();
        found.join(" ")
    };
    let failure = json!([{"arn": "arn:x", "reason": "MISSING"}]);
    let all = "definition event log missing service task";
    assert_eq!(
        kinds(
            json!({"services": [service], "tasks": [task()], "taskDefinition": definition, "events": page, "failures": failure})
        ),
        all
    );
    assert_eq!(
        kinds(
            json!({"a": {"Tasks": [task()], "Failures": failure}, "b": {"Service": service}, "c": [{"taskDefinition": definition}],
            "d": {"events": page}})
        ),
        all
    );
    let with_definition: Value = [task(), json!({"taskDefinition": definition})]
        .iter()
        .flat_map(|value| value.as_object().unwrap().clone())
        .collect::<serde_json::Map<_, _>>()
        .into();
    assert_eq!(kinds(with_definition), "definition task");
    for service_alone in
        [json!({"service": service}), json!([service]), service.clone(), json!({"services": [service]})]
    {
        assert_eq!(kinds(service_alone), "event service");
    }
    assert_eq!(kinds(json!({"name": "web", "deployments": service["deployments"]})), "service");
    assert_eq!(kinds(service["deployments"].clone()), "service");
    assert_eq!(kinds(service["deployments"][0].clone()), "service");
    assert_eq!(kinds(service["events"].clone()), "event");
    assert_eq!(kinds(page), "log");
}

#[test]
fn a_task_of_an_inventory_is_read_and_one_without_its_name_is_named() {
    let mut inventory = serde_json::Map::new();
    for (key, value) in task().as_object().unwrap() {
        let key = match key.as_str() {
            "taskArn" => "Arn".to_owned(),
            "createdAt" => "TimeCreated".to_owned(),
            key => key[..1].to_uppercase() + &key[1..],
        };
        inventory.insert(key, value.clone());
    }
    let contents = read(json!({"Tasks": [inventory], "Arn": "arn:aws:ecs:x:1:cluster/prod"}).to_string());
    assert_eq!(tasks(&contents), tasks(&read(answer().to_string())));

    let mut nameless = task();
    nameless.as_object_mut().unwrap().remove("taskArn");
    assert_eq!(error(json!({"tasks": [nameless]}).to_string()).0, "f: $.tasks[0]: a task without taskArn");
    let beside = read(json!({"tasks": [nameless, task()], "x": {"taskArn": ARN, "stopCode": "y"}}).to_string());
    assert_eq!((tasks(&beside).len(), beside.errors.len()), (1, 1));
}

#[test]
fn keys_and_times_as_ruby_and_go_print_them_are_those_of_the_api() {
    let snake = json!({"tasks": [{
        "task_arn": ARN, "cluster_arn": "arn:aws:ecs:eu-west-1:123456789012:cluster/prod", "last_status": "STOPPED",
        "task_definition_arn": "arn:aws:ecs:eu-west-1:123456789012:task-definition/web:7", "attachments": [], "version": 5,
        "created_at": "2026-11-20 10:00:00.1 +0000 UTC", "started_at": "2026-11-20 12:00:09.5 +0200", "cpu": "256",
        "stopped_at": "2026-11-20 11:00:20.7 UTC", "stopped_reason": "Essential container exited: it's # over, // or so",
        "containers": [{"name": "app", "container_arn": "arn:aws:ecs:eu-west-1:123456789012:container/prod/c",
            "last_status": "STOPPED", "exit_code": 1, "reason": "a \"quoted\" C:\\temp\n reason"}],
    }]});
    let expected = tasks(&read(answer().to_string()));
    assert_eq!(tasks(&read(snake.to_string())), expected);
    assert_eq!(tasks(&read(json!([snake["tasks"][0]]).to_string())), expected);
}

#[test]
fn streams_and_state_machines_carry_their_tasks_as_text() {
    let (event, packed) = (event().to_string(), STANDARD.encode(event().to_string()));
    let lines = json!({"messageType": "DATA_MESSAGE", "logEvents": [{"id": "1", "timestamp": 1, "message": event}]})
        .to_string();
    let control =
        json!({"messageType": "CONTROL_MESSAGE", "logEvents": [{"id": "", "timestamp": 1, "message": "Checking"}]})
            .to_string();
    let (subscription, control) = (STANDARD.encode(gzip(&lines)), STANDARD.encode(gzip(&control)));
    let cause = task().to_string();
    let expected = tasks(&read(answer().to_string()));
    for value in [
        json!({"Records": [{"eventSource": "aws:kinesis", "kinesis": {"partitionKey": "1", "data": packed}}]}),
        json!({"Records": [{"kinesis": {"data": subscription}}, {"kinesis": {"data": control}}]}),
        json!({"Records": [{"SequenceNumber": "1", "Data": packed, "PartitionKey": "1"}], "NextShardIterator": "x"}),
        json!({"invocationId": "i", "records": [{"recordId": "1", "data": packed}]}),
        json!([{"eventSource": "aws:kinesis", "partitionKey": "1", "data": packed}]),
        json!({"eventSource": "aws:kafka", "records": {"t-0": [{"topic": "t", "value": packed}]}}),
        json!({"results": [[{"field": "@message", "value": event}]]}),
        json!({"level": "info", "msg": format!("got {event}, done")}),
        json!({"Error": "States.TaskFailed", "Cause": cause}),
        json!({"executionArn": "x", "status": "FAILED", "input": "{\"a\": 1}", "cause": cause}),
        json!({"events": [{"timestamp": 1, "type": "ExecutionStarted", "executionStartedEventDetails": {"input": "{}"}},
            {"timestamp": 2, "type": "TaskFailed", "taskFailedEventDetails": {"resourceType": "ecs", "cause": cause}}]}),
    ] {
        let contents = read(value.to_string());
        assert_eq!(tasks(&contents), expected, "{value}: {:?}", contents.errors);
        assert!(contents.errors.is_empty(), "{value}: {:?}", contents.errors);
    }
    let kept = read(gzip(&format!("{event}{event}")));
    assert_eq!((tasks(&kept).len(), kept.notes.join(";")), (2, "unpacked from gzip".to_owned()));
    let three = read(format!("{event}{event}{event}"));
    assert_eq!(tasks(&three).len(), 3);
    let cut = error(json!({"Error": "x", "Cause": &cause[..cause.len() - 9]}).to_string()).0;
    assert!(
        cut.starts_with("f: $.Cause: line 1, column ")
            && cut.contains("the JSON ends in the middle, in task 0123456789abcdef"),
        "{cut}"
    );
    let one_bad =
        read(json!({"Records": [{"kinesis": {"data": packed}}, {"kinesis": {"data": "%"}}, {"x": 1}]}).to_string());
    assert_eq!((tasks(&one_bad).len(), one_bad.errors.len()), (1, 2));
}

#[test]
fn what_can_be_read_can_be_recorded_and_secrets_stay_out() {
    const SECRET: &str = "HUNTER2HUNTER2";
    let mut task = task();
    task["overrides"] = json!({"containerOverrides": [{"name": "app", "command": [SECRET], "environment": [{"name": "P", "value": SECRET}]}]});
    let whole = json!({"tasks": [task]}).to_string();
    let event =
        json!({"detail-type": "ECS Task State Change", "source": "aws.ecs", "resources": [ARN], "detail": task})
            .to_string();
    let rows = json!({"status": "Complete", "results": [[{"field": "@timestamp", "value": "2026-11-20 11:00:21.000"},
        {"field": "@message", "value": event}, {"field": "@ptr", "value": SECRET}]]});
    let line = json!({"results": [[{"field": "@timestamp", "value": "2026-11-20 11:00:21.000"}, {"field": "@message", "value": "hello"},
        {"field": "@logStream", "value": "ecs/app/0123456789abcdef0123456789abcdef"}]]});
    let cause = json!({"Error": "x", "Cause": task.to_string(), "Input": SECRET});
    for (bytes, count) in [
        (gzip(&whole), 1),
        (gzip(&format!("2026-11-20T11:00:21.000Z {event}\n2026-11-20T11:00:22.000Z {event}\n")), 2),
        (rows.to_string().into_bytes(), 1),
        (line.to_string().into_bytes(), 1),
        (format!("@timestamp,@message\n2026-11-20 11:00:21.000,\"{}\"\n", event.replace('"', "\"\"")).into_bytes(), 1),
        (STANDARD.encode(&whole).into_bytes(), 1),
        (
            json!({"Records": [{"body": event}, {"kinesis": {"data": STANDARD.encode(gzip(&event))}}]})
                .to_string()
                .into_bytes(),
            2,
        ),
        (wrapped::execution(json!({"cause": task.to_string(), "input": SECRET})).to_string().into_bytes(), 1),
        (cause.to_string().into_bytes(), 1),
        (whole.clone().into_bytes(), 1),
    ] {
        let shown = String::from_utf8_lossy(&bytes).into_owned();
        let ToRecord { contents, parts, .. } = bytes_to_record("f", &bytes).unwrap();
        assert_eq!(contents.observations.len(), count, "{shown}");
        let mut bundle = Bundle::default();
        parts.iter().for_each(|part| bundle.push("file", part));
        let bundle = bundle.to_json();
        assert!(!bundle.contains(SECRET), "{shown}: {bundle}");
        let again = read(&bundle);
        assert_eq!((again.observations.len(), again.errors.len()), (count, 0), "{shown}: {bundle}");
        assert_eq!(tasks(&again), tasks(&contents), "{shown}");
    }
}

/// Inputs that a reader which starts anew at each bracket, or unpacks whatever it finds, does not come to the end of.
#[test]
fn a_container_that_names_its_task_is_not_the_task() {
    let container = json!({
        "name": "app", "image": "x", "lastStatus": "STOPPED", "exitCode": 137, "runtimeId": "1", "taskArn": ARN,
    });
    for alone in [container.clone(), json!([container]), json!({"containers": [container]})] {
        let contents = read(alone.to_string());
        assert!(contents.observations.is_empty() && !contents.errors.is_empty(), "{alone}");
    }
}

#[test]
fn what_is_made_to_cost_is_given_up() {
    const MANY: usize = 100_000;
    let blank = STANDARD.encode(gzip(&" ".repeat(100_000_000)));
    let mut nested = answer().to_string();
    for _ in 0..40 {
        nested = json!({"Records": [{"kinesis": {"data": STANDARD.encode(gzip(&nested))}}]}).to_string();
    }
    for text in [
        "[".repeat(MANY),
        "{\"a\":".repeat(MANY),
        "'{x".repeat(MANY),
        "\"{\\\"a".repeat(MANY),
        "\"{\"\"a".repeat(MANY),
        "{“a".repeat(MANY),
        "> [\n".repeat(MANY),
        "{&quot;a&quot;:".repeat(MANY / 10),
        "- ".repeat(MANY),
        "a: [\n".repeat(MANY),
        "{/*".repeat(MANY),
        "\u{1b}[".repeat(MANY),
        json!({ "k".repeat(MANY): (0..2_000).map(|_| json!({"a": [1]})).collect::<Vec<_>>() }).to_string(),
        json!({"Records": (0..8).map(|_| json!({"kinesis": {"data": blank}})).collect::<Vec<_>>()}).to_string(),
    ] {
        assert!(!read(text).errors.is_empty());
    }
    assert!(!read(nested).observations.is_empty());
}

#[test]
fn what_is_broken_beside_an_answer_is_told_at_its_own_line() {
    let whole = answer().to_string();
    for (text, line) in [
        (format!("x\n{{\"broken\": \n{whole}\n"), 2),
        (format!("{{\"broken\": 1\n{whole}\n{{\"a\": 1}}\n"), 1),
        (format!("{{\"broken\":\n{}", pretty(&answer())), 1),
        (format!("{whole}\n{{\"tasks\": [{},\n{{\"taskArn\": ", task()), 3),
        (format!("{whole}\n{{\"tasks\": [\n{{\"taskArn\" \"a\"}}]}}\n"), 3),
    ] {
        let contents = read(&text);
        let told: Vec<String> = contents.errors.iter().map(ToString::to_string).collect();
        assert!(told.len() == 1 && told[0].starts_with(&format!("f: line {line}, ")), "{text}: {told:?}");
        assert!(!tasks(&contents).is_empty(), "{text}");
    }
    let second = read(format!("{whole}\n{{taskArn: arn, containers: [Array]}}\n"));
    assert_eq!((tasks(&second).len(), second.errors.len()), (1, 1), "{:?}", second.errors);
    let (told, _) = error(pretty(&answer()).replace("\"256\"", "undefined"));
    assert!(told.contains(", column ") && told.contains("`undefined` stands there"), "{told}");
}
