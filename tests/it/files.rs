//! Tasks of files: read one after the other, they are what they are all at once.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use ecspan::model::merge::{TaskObservations, by_task};
use ecspan::run::Notices;
use ecspan::run::read::{ReadConfig, Reader};
use ecspan::run::{Notice, Stop};
use ecspan::source::files::read_path;
use ecspan::source::logs::LogLines;
use futures::StreamExt;
use serde_json::{Value, json};

struct Read {
    reader: Reader,
    told: Arc<Mutex<Vec<String>>>,
    _folder: tempfile::TempDir,
}

async fn open(files: &[PathBuf]) -> Read {
    let (told, folder) = (Arc::new(Mutex::new(vec![])), tempfile::tempdir().unwrap());
    let tell = told.clone();
    let notices: Arc<dyn Notices> = Arc::new(move |notice: &Notice| tell.lock().unwrap().push(notice.to_string()));
    let config = ReadConfig {
        files: files.to_vec(),
        temporary: folder.path().to_owned(),
        targets: vec![],
        selection: None,
        fetch: false,
        aws: None,
        wait: None,
        log_lines: LogLines::All,
        clock: || ecspan::model::Time::from_unix_nanos(0),
    };
    Read { reader: Reader::open(config, Stop::new(), notices).await, told, _folder: folder }
}

impl Read {
    async fn tasks(&mut self) -> Vec<TaskObservations> {
        self.reader.observed().map(|observed| observed.task).collect().await
    }
}

fn at_once(files: &[PathBuf]) -> Vec<TaskObservations> {
    by_task(files.iter().flat_map(|file| read_path(file).unwrap().observations).collect()).0
}

fn written(folder: &Path, name: &str, documents: &[Value]) -> PathBuf {
    let path = folder.join(name);
    fs::write(&path, documents.iter().map(|document| format!("{document}\n")).collect::<String>()).unwrap();
    path
}

const ARN: &str = "arn:aws:ecs:eu-west-1:123456789012";

fn task(id: &str, version: usize) -> Value {
    json!({"taskArn": format!("{ARN}:task/prod/{id}"), "lastStatus": "STOPPED", "version": version, "createdAt": 1_795_168_800,
        "stoppedAt": 1_795_168_900 + version, "taskDefinitionArn": format!("{ARN}:task-definition/web:7"),
        "containers": [{"name": "app", "lastStatus": "STOPPED", "exitCode": 1}]})
}

fn event(id: &str, version: usize) -> Value {
    json!({"source": "aws.ecs", "detail-type": "ECS Task State Change", "time": "2026-11-20T10:00:20Z", "detail": task(id, version)})
}

#[tokio::test]
async fn whatever_belongs_together_meets_wherever_it_stands() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, documents: &[Value]| written(folder.path(), name, documents);
    let ids: Vec<String> = (0..40).map(|number| format!("{number:032x}")).collect();
    let log = json!({"operation": "GetLogEvents", "request": {"logGroupName": "g", "logStreamName": "s"},
        "ecspan": {"taskId": ids[1], "container": "app"}, "head": [{"timestamp": 1_795_168_810_000_u64, "message": "hello"}], "tail": []});
    let events: Vec<Value> = (0..3).flat_map(|version| ids.iter().map(move |id| event(id, version))).collect();
    let mut masked = task("masked", 1);
    masked["createdAt"] = json!(1_795_100_000);
    let mut untold = task(&ids[5].to_uppercase(), 9);
    untold.as_object_mut().unwrap().remove("createdAt");
    let files = [
        file("events", &events),
        file("answer", &[json!({"tasks": ids.iter().rev().map(|id| task(id, 1)).collect::<Vec<_>>(), "failures": []})]),
        file(
            "definition",
            &[json!({"taskDefinition": {"family": "web", "revision": 7, "containerDefinitions": [{"name": "app"}]}})],
        ),
        file(
            "bundle",
            &[
                json!({"ecspan_bundle": 1, "answers": [log], "gaps": [{"taskId": ids[2], "what": "the log", "why": "no"}]}),
            ],
        ),
        file("masked", &[json!([task("masked", 1), masked, task("masked", 2), untold])]),
        file(
            "page",
            &[
                json!({"events": [{"createdAt": 1_795_168_801, "id": "e", "message": format!("has started task {}", ids[3])}]}),
            ],
        ),
        file(
            "stream",
            &[json!({"events": [{"timestamp": 1, "message": "x", "logStreamName": format!("ecs/app/{}", ids[4])}]})],
        ),
    ];
    let expected = at_once(&files);
    assert_eq!(expected.len(), 42);
    assert!(expected[1].logs.len() == 1 && expected[2].gaps.len() == 1 && expected[3].service_events.len() == 1);
    assert!(expected[4].logs.len() == 1 && expected[5].task.version == Some(9) && expected[0].definition.is_some());
    assert_eq!(open(&files).await.tasks().await, expected);
    // In whatever order they are named.
    let turned: Vec<PathBuf> = files.into_iter().rev().collect();
    assert_eq!(open(&turned).await.tasks().await, at_once(&turned));
}

#[tokio::test]
async fn one_task_has_the_definition_that_names_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let mut bare = task("a", 1);
    bare.as_object_mut().unwrap().remove("taskDefinitionArn");
    let definition = written(folder.path(), "definition", &[json!({"containerDefinitions": [{"name": "app"}]})]);
    for (name, tasks) in [("one", vec![bare.clone(), bare.clone()]), ("two", vec![bare, task("b", 1)])] {
        let files = [written(folder.path(), name, &tasks), definition.clone()];
        let (mut read, expected) = (open(&files).await, at_once(&files));
        assert_eq!(read.tasks().await, expected);
        assert_eq!(expected[0].definition.is_some(), name == "one");
        assert_eq!(read.told.lock().unwrap().iter().any(|told| told.contains("definition is not used")), name == "two");
    }
}

#[tokio::test]
async fn what_is_gone_from_a_file_meanwhile_is_named_and_the_rest_is_read() {
    let folder = tempfile::tempdir().unwrap();
    // More than is read at once.
    let tasks: Vec<Value> = (0..1_000).map(|number| task(&format!("{number:032x}"), 1)).collect();
    let path = written(folder.path(), "f.json", &tasks);
    let mut read = open(std::slice::from_ref(&path)).await;
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replacen(&format!("{:032x}", 900), &"f".repeat(32), 1)).unwrap();
    assert_eq!((read.tasks().await.len(), read.reader.course.lost()), (999, 1));
    let told = read.told.lock().unwrap().join("\n");
    assert!(told.contains("f.json: document 901: $ is not there any more: the file has changed"), "{told}");
}

#[tokio::test]
async fn of_a_file_that_is_no_text_nothing_counts() {
    let folder = tempfile::tempdir().unwrap();
    let path = written(folder.path(), "f.json", &[task("a", 1), task("b", 1)]);
    let other = written(folder.path(), "g.json", &[task("b", 1)]);
    fs::write(&path, [fs::read(&path).unwrap(), b"{\"\0\xff\": 1}".to_vec()].concat()).unwrap();
    let mut read = open(&[path, other]).await;
    assert_eq!(read.tasks().await.len(), 1);
    assert_eq!(read.reader.course.lost(), 1);
    assert!(read.told.lock().unwrap().join("\n").contains("f.json is not UTF-8 text: byte"));
}

#[test]
fn what_ecspan_wrote_of_tasks_is_told_as_what_it_is_and_not_taken_for_an_answer() {
    let folder = tempfile::tempdir().unwrap();
    let report = fs::read_to_string("tests/it/drawn/deploy-rolled-back.json").unwrap();
    let arn = json!({"key": "aws.ecs.task.arn", "value": {"stringValue": format!("{ARN}:task/prod/x")}});
    let failures = json!([{"reason": "Essential container in task exited", "tasks": ["x"]}]);
    for (document, says) in [
        (serde_json::from_str(&report).unwrap(), "a report of `ecspan deploy`"),
        (json!({"ecspan_stats": 1, "services": ["web"], "failures": failures}), "what `ecspan stats` says"),
        (
            json!([{"ecspan_ls": 1, "id": "x", "status": "STOPPED", "arn": format!("{ARN}:task/prod/x")}]),
            "`ecspan show ARN`",
        ),
        (json!({"resourceSpans": [{"resource": {"attributes": [arn]}, "scopeSpans": []}]}), "`ecspan resend`"),
    ] {
        let error = read_path(&written(folder.path(), "own.json", &[document])).unwrap_err().to_string();
        assert!(error.contains(says), "{error}");
    }
}
