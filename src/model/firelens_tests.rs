use serde_json::json;

use super::*;
use crate::model::Time;

const TASK: &str = "84b599ae5fbf4f0c9a7d4d3e2c1b0a98";

fn task() -> TaskRecord {
    let container = |name: &str, runtime: &str| ContainerRecord {
        name: name.to_owned(),
        runtime_id: Some(runtime.to_owned()),
        ..ContainerRecord::default()
    };
    TaskRecord {
        id: TASK.to_owned(),
        arn: Some(format!("arn:aws:ecs:eu-west-1:111122223333:task/prod/{TASK}")),
        task_definition_arn: Some("arn:aws:ecs:eu-west-1:111122223333:task-definition/web:7".to_owned()),
        containers: vec![container("app", "id-of-app"), container("web-app", "id-of-web")],
        ..TaskRecord::default()
    }
}

fn config(options: &[(&str, &str)]) -> LogConfig {
    let options = options.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    LogConfig { driver: "awsfirelens".to_owned(), options }
}

fn streams(options: &[(&str, &str)]) -> Vec<String> {
    let places = places(&config(options), &task(), "app").into_iter();
    places.map(|place| format!("{}:{}", place.group, place.stream)).collect()
}

#[test]
fn a_stream_is_where_the_options_put_it() {
    let go = ("Name", "cloudwatch");
    let prefix = ("log_stream_prefix", "from-");
    let tag = format!("app-firelens-{TASK}");
    assert_eq!(streams(&[go, ("log_group_name", "g"), prefix]), [format!("g:from-{tag}")]);
    assert_eq!(streams(&[("Name", "CloudWatch_Logs"), ("log_group_name", "g"), ("log_stream_name", "all")]), ["g:all"]);
    assert_eq!(
        streams(&[("@type", "cloudwatch_logs"), ("log_group_name", "g"), ("use_tag_as_stream", "true")]),
        [format!("g:{tag}")]
    );
    let stream = ("log_stream_name", "$(ecs_cluster)/$(tag[0])");
    let filled = [format!("g:prod/{tag}"), "g:/fluentbit-default".to_owned()];
    assert_eq!(
        streams(&[go, ("log_group_name", "g"), stream]),
        filled,
        "what cannot be filled in is in the default stream"
    );
    let groups = [("log_group_name", "/ecs/$(ecs_cluster)/$(kubernetes['x'])"), ("default_log_group_name", "rest")];
    assert_eq!(streams(&[go, groups[0], groups[1], ("log_stream_name", "s")]), ["rest:s"]);
    let c = [("Name", "cloudwatch_logs"), ("log_group_name", "g"), ("log_stream_name", "s")];
    assert_eq!(
        streams(&[c[0], c[1], c[2], ("log_stream_template", "$ecs_cluster.$container_name")]),
        ["g:prod.app", "g:s"]
    );
    assert_eq!(streams(&[c[0], c[1], c[2], ("log_stream_template", "$labels['app'].x")]), ["g:s"]);
    assert_eq!(streams(&[("Name", "datadog")]), [""; 0]);
    assert_eq!(streams(&[c[0], c[1]]), [""; 0], "without a stream nobody knows it");
}

#[test]
fn a_group_that_another_accounts_role_writes_to_is_named_by_its_arn() {
    let options = |role| {
        [
            ("Name", "cloudwatch"),
            ("region", "us-west-2"),
            ("log_group_name", "g"),
            ("log_stream_name", "s"),
            ("role_arn", role),
        ]
    };
    assert_eq!(
        streams(&options("arn:aws:iam::444455556666:role/logs")),
        ["arn:aws:logs:us-west-2:444455556666:log-group:g:s"]
    );
    assert_eq!(streams(&options("arn:aws:iam::111122223333:role/logs")), ["g:s"], "its own account");
}

fn read(records: &Option<Records>, messages: &[serde_json::Value]) -> Vec<String> {
    let line = |message: &serde_json::Value| LogLine {
        time: Time::from_unix_nanos(1),
        observed: None,
        message: message.as_str().map_or_else(|| message.to_string(), str::to_owned),
        origin: None,
    };
    let lines = messages.iter().map(line).collect();
    let read = records.as_ref().map_or_else(Vec::new, |records| records.read(lines));
    read.into_iter().map(|line| line.message).collect()
}

fn of(config: Option<&LogConfig>, container: usize) -> Option<Records> {
    let task = task();
    Records::of(&task, &task.containers[container], config)
}

#[test]
fn a_record_is_what_the_container_wrote_and_what_stands_beside_it() {
    let records = of(Some(&config(&[("Name", "cloudwatch")])), 0);
    let identity =
        json!({"container_id": "id-of-app", "container_name": "app", "ecs_cluster": "prod", "source": "stderr"});
    let with = |more: serde_json::Value| {
        let all = identity.as_object().into_iter().chain(more.as_object()).flatten();
        serde_json::Value::Object(all.map(|(key, value)| (key.clone(), value.clone())).collect())
    };
    let lines = [
        with(json!({"log": "hello\r\n"})),
        with(json!({"log": "hello", "level": "error", "trace": {"id": 7}})),
        with(json!({"msg": "parsed", "level": "warn"})),
        json!("no record {"),
        json!({"log": "nothing says whose"}),
        with(json!({"log": "one ", "partial_message": "true", "partial_id": "p", "partial_ordinal": "1"})),
        with(json!({"log": "line", "partial_message": "true", "partial_id": "p", "partial_last": "true"})),
    ];
    let expected = [
        "hello",
        r#"hello {"level":"error","trace":{"id":7}}"#,
        r#"{"msg":"parsed","level":"warn"}"#,
        "no record {",
        "nothing says whose",
        "one line",
    ];
    assert_eq!(read(&records, &lines), expected);
}

#[test]
fn the_lines_of_others_are_not_this_containers() {
    let records = of(Some(&config(&[("Name", "cloudwatch")])), 0);
    let arn = |id: &str| format!("arn:aws:ecs:eu-west-1:111122223333:task/prod/{id}");
    let own = [
        json!({"log": "1", "container_id": "id-of-app"}),
        json!({"log": "2", "container_name": "/ecs-web-7-app-cafe12"}),
        json!({"log": "3", "container_name": "app", "ecs_task_arn": arn(TASK)}),
        json!({"log": "4", "container_id": "started again", "container_name": "app", "ecs_task_arn": arn(TASK)}),
    ];
    let others = [
        json!({"log": "5", "container_id": "id-of-web", "container_name": "web-app"}),
        json!({"log": "6", "container_name": "/ecs-web-7-web-app-cafe12"}),
        json!({"log": "7", "container_name": "app", "ecs_task_arn": arn("00000000000000000000000000000000")}),
        json!({"log": "8", "container_id": "of another task", "container_name": "app"}),
    ];
    assert_eq!(read(&records, &own), ["1", "2", "3", "4"]);
    assert_eq!(read(&records, &others), [""; 0]);
}

#[test]
fn text_stays_text() {
    let awslogs = LogConfig { driver: "awslogs".to_owned(), ..LogConfig::default() };
    assert!(of(Some(&awslogs), 0).is_none());
    assert!(
        of(Some(&config(&[("Name", "cloudwatch"), ("log_key", "log")])), 0).is_none(),
        "the router wrote one field"
    );
    // Nobody knows what wrote it: an application's JSON is left as it is.
    let records = of(None, 0);
    let lines = [
        json!({"log": "a", "level": "info"}),
        json!({"log": "b", "container_id": "id-of-app", "container_name": "app"}),
    ];
    assert_eq!(read(&records, &lines), [r#"{"log":"a","level":"info"}"#, "b"]);
}

#[test]
fn other_outputs_are_named_with_their_place() {
    assert!(
        elsewhere(&config(&[("Name", "s3"), ("bucket", "logs"), ("region", "eu-west-1")]))
            .contains("to s3 (bucket logs)")
    );
    assert!(elsewhere(&config(&[("Name", "http"), ("host", "user:pass@x")])).contains("to http: its lines are there"));
    assert!(elsewhere(&config(&[])).contains("its router's own configuration"));
}
