//! Every byte that is sent, held against `tests/it/sent/`: the OTLP JSON as it is, of the protobuf the hash. `UPDATE_EXPECT=1
//! cargo test` writes them anew.
//!
//! "The same bytes, also from a newer ecspan" is what makes sending twice harmless: a backend that has a span drops an
//! identical copy of it, and keeps one that differs. So a change here is a change that users see, and goes to `CHANGELOG.md`
//! with what it means for tasks that were sent before it.

use std::path::Path;
use std::time::Duration;

use ecspan::model::deployment::{DeploymentLife, Role, Wanted, choose};
use ecspan::model::observation::Observation;
use ecspan::model::{TaskLife, Time, merge};
use ecspan::sink::{Delivery, Destination, Overrides, Piece, Settings, Signal, Target, Verdict};
use ecspan::source::files::read_bytes;
use ecspan::trace::{Mode, TaskRecords, TaskTrace, TraceOptions, caller, deployment};
use expect_test::expect_file;
use futures::stream;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

use super::examples::observations;

/// Whoever reads it, the reader's clock must not matter.
const NOW: Time = Time::from_unix_nanos(1_795_435_200_000_000_000);
const LINES: usize = 128;

#[tokio::test]
async fn a_stopped_task_with_its_log_lines() {
    let told = "A task that was sent by an ecspan of before is there twice once it is sent again.";
    expect_file!["sent/nginx.jsonl"].assert_eq(&sent(told, traces(&observations("nginx"))).await);
}

#[tokio::test]
async fn a_task_whose_image_could_not_be_pulled() {
    let told = "Alerts and searches for failed launches (status, error.type, reason) may not find them any more.";
    expect_file!["sent/wrong-image.jsonl"].assert_eq(&sent(told, traces(&observations("wrong-image"))).await);
}

#[tokio::test]
async fn a_task_that_was_killed_for_want_of_memory() {
    let told = "Alerts and searches for tasks that ran out of memory may not find them any more.";
    expect_file!["sent/oom.jsonl"].assert_eq(&sent(told, traces(&observations("oom"))).await);
}

#[tokio::test]
async fn a_rollout_with_its_deployment() {
    let told = "A deployment, and its links to the tasks, are there twice once it is sent again.";
    let is_service = |one: &Observation| matches!(one, Observation::Service(_));
    let (services, tasks): (Vec<_>, Vec<_>) = observations("rollout").into_iter().partition(is_service);
    let Some(Observation::Service(service)) = services.first() else { panic!("the example has a service") };
    let mut life = DeploymentLife::new(choose(service, &[], &[], &Wanted::Latest).unwrap());
    let options = TraceOptions::default();
    let mut pieces = vec![];
    for task in lives(tasks) {
        life.add(&task, caller::of_task(&task.task).is_some_and(|caller| caller.is_sampled()));
        if matches!(life.deployment.role(&task.task), Role::Launch | Role::Stop) {
            pieces.push(Piece::from(TaskTrace::new(&task, &options)));
        }
    }
    life.sort();
    pieces.push(deployment::trace(&life, &options).into());
    expect_file!["sent/rollout.jsonl"].assert_eq(&sent(told, pieces).await);
}

#[tokio::test]
async fn a_task_in_its_callers_trace() {
    let told = "The task is not found any more from the trace of who ran it, or by pasting its id.";
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/wrong-image/task.json");
    let mut answer: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let container = answer["tasks"][0]["containers"][0]["name"].clone();
    answer["tasks"][0]["overrides"] = json!({ "containerOverrides": [{ "name": container, "environment": [
        { "name": "TRACEPARENT", "value": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01" },
        { "name": "TRACESTATE", "value": "vendor=1" },
    ] }] });
    let called = read_bytes("task.json", answer.to_string().as_bytes()).unwrap().observations;
    expect_file!["sent/caller.jsonl"].assert_eq(&sent(told, traces(&called)).await);
}

#[tokio::test]
async fn a_snapshot() {
    let told =
        "A snapshot has an id of its own: nothing that was sent is there twice, but links to the final trace may fail.";
    let options = TraceOptions { mode: Mode::Snapshot(NOW), ..TraceOptions::default() };
    let pieces = lives(observations("nginx")).iter().map(|life| TaskTrace::new(life, &options).into()).collect();
    expect_file!["sent/snapshot.jsonl"].assert_eq(&sent(told, pieces).await);
}

#[tokio::test]
async fn log_records() {
    let told = "Backends do not drop a log record that they have: what matters is that records still find their spans.";
    let options = TraceOptions { records: true, no_logs: true, ..TraceOptions::default() };
    let mut pieces: Vec<Piece> = vec![];
    for life in lives(observations("oom")) {
        pieces.extend(TaskRecords::of_life(&life, &options).into_iter().map(Piece::from));
        pieces.push(TaskTrace::new(&life, &options).into());
    }
    expect_file!["sent/records.jsonl"].assert_eq(&sent(told, pieces).await);
}

#[tokio::test]
async fn containers_of_a_sidecar() {
    let told = "A container's span differs from one that a sidecar of before sent for the same container.";
    let arn = "arn:aws:ecs:eu-west-1:123456789012:task/prod/0123456789abcdef0123456789abcdef";
    let answer = json!({
        "Cluster": "prod", "TaskARN": arn, "Family": "web", "Revision": "7", "DesiredStatus": "STOPPED", "KnownStatus": "RUNNING",
        "PullStartedAt": "2026-11-20T10:00:03.300000001Z", "PullStoppedAt": "2026-11-20T10:00:08.4Z",
        "AvailabilityZone": "eu-west-1a", "LaunchType": "FARGATE", "Limits": { "CPU": 0.25, "Memory": 512 },
        "Containers": [
            { "DockerId": "i", "Name": "init", "Type": "NORMAL", "KnownStatus": "STOPPED", "ExitCode": 0,
              "Image": "example.org/init:1", "ImageID": "sha256:01", "ContainerARN": "arn:aws:ecs:eu-west-1:123456789012:container/prod/x/y",
              "CreatedAt": "2026-11-20T10:00:09.2Z", "StartedAt": "2026-11-20T10:00:09.200809191Z", "FinishedAt": "2026-11-20T10:00:09.219711004Z" },
            { "DockerId": "a", "Name": "app", "Type": "NORMAL", "KnownStatus": "STOPPED", "ExitCode": 1, "RestartCount": 2,
              "CreatedAt": "2026-11-20T10:00:09.3Z", "StartedAt": "2026-11-20T10:00:10.123456789Z", "FinishedAt": "2026-11-20T10:30:00.5Z",
              "LogDriver": "awslogs", "LogOptions": { "awslogs-group": "/g", "awslogs-region": "eu-west-2", "awslogs-stream": "s/app/x" } },
        ],
    });
    let seen = read_bytes("metadata", answer.to_string().as_bytes()).unwrap().observations;
    expect_file!["sent/sidecar.jsonl"].assert_eq(&sent(told, traces(&seen)).await);
}

fn lives(observations: Vec<Observation>) -> Vec<TaskLife> {
    let (tasks, unclaimed) = merge::by_task(observations);
    assert!(unclaimed.is_empty(), "{unclaimed:?}");
    tasks.into_iter().map(|task| TaskLife::new(task, NOW, LINES)).collect()
}

fn traces(observations: &[Observation]) -> Vec<Piece> {
    let options = TraceOptions::default();
    lives(observations.to_vec()).iter().map(|life| TaskTrace::new(life, &options).into()).collect()
}

/// What a receiver gets of these pieces in either form, with what to think about when it changes.
async fn sent(told: &str, pieces: Vec<Piece>) -> String {
    let mut text = format!("# When this changes: {told}\n");
    let (json, protobuf) = (received("http/json", pieces.clone()).await, received("http/protobuf", pieces).await);
    for ((path, json), (_, protobuf)) in json.into_iter().zip(protobuf) {
        let hash: String = Sha256::digest(&protobuf).iter().map(|byte| format!("{byte:02x}")).collect();
        text.push_str(&format!("# {path}, SHA-256 of the protobuf: {hash}\n{}\n", String::from_utf8(json).unwrap()));
    }
    text
}

/// The requests that a receiver gets, by path.
async fn received(protocol: &str, pieces: Vec<Piece>) -> Vec<(String, Vec<u8>)> {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let overrides = Overrides {
        endpoint: Some(format!("http://{}", listener.local_addr().unwrap())),
        protocol: Some(protocol.to_owned()),
        compression: Some("none".to_owned()),
        timeout: Some(Duration::from_secs(60)),
        ..Overrides::default()
    };
    let (requests, mut seen) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            tokio::spawn(serve(socket, requests.clone()));
        }
    });
    let settings = Settings::new(&overrides, &|_| None);
    // How slow the machine is must not show in how many requests there are.
    let open = |signal| Destination::open(&Target::Otlp, signal, &settings).unwrap().unhurried();
    let report = Delivery::new(vec![open(Signal::Traces), open(Signal::Logs)]).run(stream::iter(pieces)).await;
    assert_eq!(report.verdict(), Verdict::All);
    let mut all: Vec<_> = std::iter::from_fn(|| seen.try_recv().ok()).collect();
    all.sort();
    all
}

/// Takes every request of a connection.
async fn serve(socket: TcpStream, requests: mpsc::UnboundedSender<(String, Vec<u8>)>) {
    let mut socket = BufReader::new(socket);
    loop {
        let (mut head, mut length) = (vec![], 0);
        loop {
            let mut line = String::new();
            if socket.read_line(&mut line).await.unwrap() == 0 {
                return;
            }
            if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().unwrap();
            }
            if line.trim().is_empty() {
                break;
            }
            head.push(line);
        }
        let mut body = vec![0; length];
        socket.read_exact(&mut body).await.unwrap();
        let path = head[0].split(' ').nth(1).unwrap().to_owned();
        // Told before it is answered: once it is, the test goes on.
        requests.send((path, body)).unwrap();
        socket.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await.unwrap();
    }
}
