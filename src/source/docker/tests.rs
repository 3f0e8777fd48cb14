//! From `docker inspect` to a record.

use std::io::ErrorKind;

use bollard::errors::Error;
use bollard::models::ContainerInspectResponse;
use serde_json::{Value, json};

use super::client::{allowed, is_id, pulled_digest};
use super::*;
use crate::hint::Hint;
use crate::model::Time;
use crate::source::files;

const ID: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
const SECRET: &str = "hunter2-Xq9vTz";

/// A container that ran and finished, with secrets wherever Docker has room for them.
fn finished() -> Value {
    json!({
        "Id": ID, "Created": "2026-11-20T10:00:09.3Z", "Path": SECRET, "Args": [SECRET], "Name": "/ecs-web-7-app-1", "RestartCount": 0,
        "State": {
            "Status": "exited", "Running": false, "Paused": false, "Restarting": false, "OOMKilled": false, "Dead": false, "Pid": 0,
            "ExitCode": 3, "Error": "", "StartedAt": "2026-11-20T10:00:10.123456789Z", "FinishedAt": "2026-11-20T10:59:58.999999999Z",
            "Health": { "Status": "unhealthy", "FailingStreak": 3, "Log": [{ "Output": SECRET }] },
        },
        "Image": "sha256:aa", "Mounts": [{ "Source": SECRET }],
        "Config": {
            "Image": "registry:5000/app:1", "Env": [format!("DB={SECRET}")], "Cmd": [SECRET], "Entrypoint": [SECRET],
            "Labels": {
                "com.amazonaws.ecs.task-arn": "arn:aws:ecs:eu-west-1:123456789012:task/prod/abc", "com.amazonaws.ecs.container-name": "app",
                "com.amazonaws.ecs.cluster": "prod", "com.amazonaws.ecs.task-definition-family": "web",
                "com.amazonaws.ecs.task-definition-version": "7", "secret": SECRET,
            },
        },
        "HostConfig": {
            "RestartPolicy": { "Name": "no", "MaximumRetryCount": 0 }, "Binds": [SECRET],
            "LogConfig": { "Type": "awslogs", "Config": { "awslogs-group": "/g", "awslogs-stream": "s/app/abc", "awslogs-credentials-endpoint": SECRET } },
        },
    })
}

fn with(changes: &[(&str, Value)]) -> Value {
    let mut document = finished();
    for (pointer, value) in changes {
        *document.pointer_mut(pointer).expect("it is there") = value.clone();
    }
    document
}

fn read(document: &Value, is_over: bool) -> ContainerRecord {
    container(&At::root("f", document), "app".to_owned(), is_over).expect("a container")
}

#[test]
fn a_container_that_finished_is_read_to_the_nanosecond() {
    let record = read(&finished(), false);
    let at =
        |text: &str| text.parse::<jiff::Timestamp>().ok().map(|at| Time::from_unix_nanos(at.as_nanosecond() as u64));
    assert_eq!(record.created, at("2026-11-20T10:00:09.3Z"));
    assert_eq!(record.started, at("2026-11-20T10:00:10.123456789Z"));
    assert_eq!(record.finished, at("2026-11-20T10:59:58.999999999Z"));
    assert_eq!((record.exit_code, record.reason, record.may_restart, record.restarts), (Some(3), None, false, None));
    assert_eq!((record.runtime_id.as_deref(), record.image.as_deref()), (Some(ID), Some("registry:5000/app:1")));
    assert_eq!((record.last_status.as_deref(), record.health_status.as_deref()), (Some("STOPPED"), Some("UNHEALTHY")));
    let options: Vec<String> = record.log.iter().flat_map(|log| log.options.keys().cloned()).collect();
    assert_eq!(options, ["awslogs-group", "awslogs-stream"]);
}

#[test]
fn a_secret_is_in_nothing_that_is_kept() {
    let record = task(&At::root("f", &finished())).expect("a task");
    assert!(!format!("{record:?}").contains(SECRET));
    // Nor in what is left of a live answer.
    let answer: ContainerInspectResponse = serde_json::from_value(finished()).expect("Docker's shape");
    let left = allowed(answer);
    assert_eq!(read(&left, false), read(&finished(), false));
    assert!(!left["Config"].to_string().contains(SECRET) && left.get("Mounts").is_none() && left.get("Args").is_none());
}

#[test]
fn one_that_runs_has_no_end_although_docker_remembers_the_one_before() {
    for running in ["Running", "Restarting", "Paused"] {
        let record =
            read(&with(&[(&format!("/State/{running}"), json!(true)), ("/State/OOMKilled", json!(true))]), false);
        assert_eq!((record.finished, record.exit_code, record.reason), (None, None, None), "{running}");
        assert_eq!(record.last_status.as_deref(), Some("RUNNING"));
    }
    let unset = json!("0001-01-01T00:00:00Z");
    let created = with(&[
        ("/State/Status", json!("created")),
        ("/State/StartedAt", unset.clone()),
        ("/State/FinishedAt", unset),
        ("/State/Error", json!("no such file")),
    ]);
    let record = read(&created, false);
    assert_eq!((record.started, record.finished, record.exit_code), (None, None, None));
    assert_eq!(
        (record.last_status.as_deref(), record.reason.as_deref()),
        (Some("CREATED"), Some("DockerStateError: no such file"))
    );
}

#[test]
fn want_of_memory_is_the_reason_before_any_other() {
    let record = read(
        &with(&[("/State/OOMKilled", json!(true)), ("/State/Error", json!("x")), ("/State/ExitCode", json!(137))]),
        false,
    );
    assert_eq!(record.reason.as_deref(), Some(OUT_OF_MEMORY));
    assert_eq!(crate::model::outcome::error_name(OUT_OF_MEMORY), Some("OutOfMemoryError"));
}

#[test]
fn what_may_be_started_again_is_not_final_while_its_task_goes_on() {
    let policy = |name: &str, most: i64, restarts: i64, code: i64| {
        with(&[
            ("/HostConfig/RestartPolicy", json!({ "Name": name, "MaximumRetryCount": most })),
            ("/RestartCount", json!(restarts)),
            ("/State/ExitCode", json!(code)),
        ])
    };
    for (name, most, restarts, code, may) in [
        ("no", 0, 0, 1, false),
        ("", 0, 0, 1, false),
        ("no", 0, 2, 1, true),
        ("always", 0, 0, 0, true),
        ("unless-stopped", 0, 0, 0, true),
        ("on-failure", 0, 4, 1, true),
        ("on-failure", 0, 4, 0, false),
        ("on-failure", 4, 4, 1, false),
        ("on-failure", 5, 4, 1, true),
    ] {
        let document = policy(name, most, restarts, code);
        assert_eq!(read(&document, false).may_restart, may, "{name} {most} {restarts} {code}");
        assert!(!read(&document, true).may_restart, "the task is over");
    }
    assert_eq!(read(&policy("always", 0, 2, 0), false).restarts, Some(2));
}

#[test]
fn the_digest_is_that_of_the_repository_the_image_was_named_by() {
    let digests = ["mirror/app@sha256:bb".to_owned(), "registry:5000/app@sha256:aa".to_owned()];
    assert_eq!(pulled_digest("registry:5000/app:1", &digests).as_deref(), Some("sha256:aa"));
    assert_eq!(pulled_digest("registry:5000/app", &digests).as_deref(), Some("sha256:aa"));
    assert_eq!(pulled_digest("mirror/app@sha256:bb", &digests).as_deref(), Some("sha256:bb"));
    assert_eq!(pulled_digest("other", &digests), None);
    assert_eq!(pulled_digest("other", &digests[..1]).as_deref(), Some("sha256:bb"));
    assert_eq!(pulled_digest("other", &[]), None);
}

#[test]
fn as_a_file_it_says_whose_it_is() {
    let mut side = finished();
    side["Config"]["Labels"]["com.amazonaws.ecs.container-name"] = json!("side");
    let text = json!([finished(), side]).to_string();
    let contents = files::read_bytes("f", text.as_bytes()).expect("two containers");
    let (tasks, _) = crate::model::merge::by_task(contents.observations);
    assert_eq!(tasks.len(), 1, "of one task");
    let task = &tasks[0].task;
    assert_eq!(
        (task.id.as_str(), task.family(), task.revision(), task.cluster_name()),
        ("abc", Some("web"), Some(7), Some("prod"))
    );
    let mut names: Vec<&str> = task.containers.iter().map(|container| container.name.as_str()).collect();
    names.sort_unstable();
    assert_eq!(names, ["app", "side"]);

    for labels in [json!({}), json!(null), json!({ "com.docker.compose.service": "db" })] {
        let foreign = json!([with(&[("/Config/Labels", labels)]), finished()]).to_string();
        let contents = files::read_bytes("f", foreign.as_bytes()).expect("a container of ECS's and another");
        assert_eq!((contents.observations.len(), contents.errors.len()), (1, 0));
        assert_eq!(contents.passed_by, ["container that ECS did not start"]);
    }
    // One without its configuration may be ECS's.
    let mut bare = finished();
    bare.as_object_mut().and_then(|container| container.remove("Config"));
    let error = files::read_bytes("f", bare.to_string().as_bytes()).expect_err("nobody's").to_string();
    assert_eq!(error, "f: $: expected a container that ECS started, with the label com.amazonaws.ecs.task-arn");
}

#[test]
fn what_stands_in_a_wrong_answer_is_not_quoted_and_what_is_missing_is_told() {
    let of = |error: Error| DockerError::of("unix:///s", &error);
    let wrong = of(Error::JsonDataError { message: format!("invalid type: string \"{SECRET}\""), column: 1 });
    assert_eq!((wrong.to_string().as_str(), wrong.is_absent()), ("Docker's answer could not be understood", false));
    let denied = of(std::io::Error::from(ErrorKind::PermissionDenied).into());
    assert!(denied.to_string().starts_with("permission denied") && denied.is_absent());
    assert!(denied.hint().is_some_and(|hint| hint.contains("group docker")));
    let missing = of(Error::SocketNotFoundError("/s".to_owned()));
    assert_eq!(missing.to_string(), "there is no Docker socket at unix:///s");
    assert!(missing.hint().is_some_and(|hint| hint.contains("-v /var/run/docker.sock")));
    assert!(of(Error::RequestTimeoutError).is_absent() && !DockerError::SlowLog.is_absent());
}

#[test]
fn addresses_of_docker() {
    assert!(
        ["unix:///run/docker.sock", "/run/docker.sock", "tcp://127.0.0.1:2375"]
            .iter()
            .all(|host| Docker::at(host).is_ok())
    );
    for host in ["ssh://host", "http://127.0.0.1:2375"] {
        let error = Docker::at(host).expect_err("not supported");
        assert!(error.hint().is_some() && !error.is_absent());
    }
    for id in ["", "a/b", "a?b", "..", "a%2fb"] {
        assert!(!is_id(id), "{id}");
    }
}
