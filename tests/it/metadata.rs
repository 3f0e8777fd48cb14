//! The metadata endpoint's and the agent's word: alone, and beside what ECS says.

use ecspan::model::container::BoundSource;
use ecspan::model::merge::by_task;
use ecspan::model::phases::PhaseKind;
use ecspan::model::{TaskLife, Time};
use ecspan::source::files::read_bytes;
use ecspan::trace::{TaskTrace, TraceOptions};
use serde_json::{Value, json};

const ARN: &str = "arn:aws:ecs:eu-west-1:123456789012:task/prod/0123456789abcdef0123456789abcdef";

fn metadata() -> Value {
    json!({
        "Cluster": "prod", "TaskARN": ARN, "Family": "web", "Revision": "7", "DesiredStatus": "RUNNING", "KnownStatus": "RUNNING",
        "PullStartedAt": "2026-11-20T10:00:03.300000001Z", "PullStoppedAt": "2026-11-20T10:00:08.4Z",
        "Limits": { "CPU": 0.25, "Memory": 512 },
        "ClockDrift": { "ClockErrorBound": 0.33, "ClockSynchronizationStatus": "SYNCHRONIZED" },
        "Containers": [
            { "DockerId": "p", "Name": "~internal~ecs~pause", "Type": "CNI_PAUSE", "KnownStatus": "RESOURCES_PROVISIONED",
              "CreatedAt": "2026-11-20T10:00:01.5Z", "StartedAt": "2026-11-20T10:00:01.9Z" },
            { "DockerId": "i", "Name": "init", "Type": "NORMAL", "KnownStatus": "STOPPED", "ExitCode": 0,
              "CreatedAt": "2026-11-20T10:00:09.2Z", "StartedAt": "2026-11-20T10:00:09.200809191Z", "FinishedAt": "2026-11-20T10:00:09.219711004Z" },
            { "DockerId": "a", "Name": "app", "Type": "NORMAL", "KnownStatus": "RUNNING", "RestartCount": 0,
              "CreatedAt": "2026-11-20T10:00:09.3Z", "StartedAt": "2026-11-20T10:00:10.123456789Z",
              "LogDriver": "awslogs", "LogOptions": { "awslogs-group": "/g", "awslogs-region": "eu-west-2", "awslogs-stream": "s/app/x" } },
        ],
    })
}

fn stopped() -> Value {
    json!({
        "taskArn": ARN, "clusterArn": "arn:aws:ecs:eu-west-1:123456789012:cluster/prod", "lastStatus": "STOPPED", "version": 7,
        "taskDefinitionArn": "arn:aws:ecs:eu-west-1:123456789012:task-definition/web:7",
        "createdAt": "2026-11-20T10:00:00.100Z", "pullStartedAt": "2026-11-20T10:00:03.300Z", "pullStoppedAt": "2026-11-20T10:00:08.400Z",
        "startedAt": "2026-11-20T10:00:11.500Z", "executionStoppedAt": "2026-11-20T11:00:10.650Z", "stoppedAt": "2026-11-20T11:00:20.700Z",
        "containers": [{ "name": "init", "exitCode": 0 }, { "name": "app", "exitCode": 0 }],
    })
}

fn life(documents: &[Value]) -> TaskLife {
    let text: Vec<String> = documents.iter().map(Value::to_string).collect();
    let contents = read_bytes("f", text.join("\n").as_bytes()).unwrap();
    assert!(contents.errors.is_empty(), "{:?}", contents.errors);
    let (mut tasks, _) = by_task(contents.observations);
    assert_eq!(tasks.len(), 1);
    TaskLife::new(tasks.remove(0), Time::from_unix_nanos(0), 128)
}

fn names(trace: &TaskTrace) -> Vec<&str> {
    trace.spans.iter().map(|span| &*span.name).collect()
}

#[test]
fn alone_it_bounds_the_phases_and_sends_only_what_has_finished() {
    let life = life(&[metadata()]);
    let phases = life.phases.as_ref().unwrap();
    let at = |text: &str| Time::from_unix_nanos(text.parse::<jiff::Timestamp>().unwrap().as_nanosecond() as u64);
    // The task was launched when the last container was. Of what was before the pull nobody says anything.
    assert_eq!(phases.start, at("2026-11-20T10:00:03.3Z"));
    assert_eq!(phases.list[0].kind, PhaseKind::ImagePull);
    assert_eq!(phases.launched, Some(at("2026-11-20T10:00:10.123Z")));
    assert!(phases.start_estimated && phases.list.iter().all(|phase| phase.start_estimated));
    assert_eq!(phases.moments.iter().map(|moment| moment.name).collect::<Vec<_>>(), ["pull started", "pull stopped"]);
    assert_eq!(phases.find(PhaseKind::Running).unwrap().end, None);
    assert_eq!((life.task.cpu.as_deref(), life.task.memory.as_deref()), (Some("256"), Some("512")));

    let trace = TaskTrace::new(&life, &TraceOptions::default());
    assert_eq!(names(&trace), ["container init"]);
    assert!(trace.containers_only);
    let init = &trace.spans[0];
    let nanos = |time: std::time::SystemTime| Time::from(time);
    assert_eq!(
        (nanos(init.start_time), nanos(init.end_time)),
        (at("2026-11-20T10:00:09.200809191Z"), at("2026-11-20T10:00:09.219711004Z"))
    );
    let standalone = TaskTrace::new(&life, &TraceOptions { standalone: true, ..Default::default() });
    assert_eq!(names(&standalone), ["image pull", "starting", "container init"]);
}

#[test]
fn a_container_that_may_be_restarted_is_not_final() {
    let mut document = metadata();
    document["Containers"][2]["FinishedAt"] = json!("2026-11-20T10:30:00Z");
    assert_eq!(names(&TaskTrace::new(&life(&[document.clone()]), &TraceOptions::default())), ["container init"]);
    document["DesiredStatus"] = json!("STOPPED");
    assert_eq!(
        names(&TaskTrace::new(&life(&[document]), &TraceOptions::default())),
        ["container init", "container app"]
    );
}

#[test]
fn beside_ecs_it_gives_the_containers_times_and_ecs_the_phases() {
    let mut metadata = metadata();
    metadata["Containers"][2]["ExitCode"] = json!(137);
    metadata["Containers"][2]["FinishedAt"] = json!("2026-11-20T11:00:09.999999999Z");
    for documents in [[metadata.clone(), stopped()], [stopped(), metadata.clone()]] {
        let life = life(&documents);
        let phases = life.phases.as_ref().unwrap();
        assert!(!phases.start_estimated && !life.task.is_standalone());
        let app = life.containers.iter().find(|container| container.name() == "app").unwrap();
        assert_eq!(app.start.unwrap().source, BoundSource::Metadata);
        assert_eq!(app.end.unwrap().at.unix_nanos() % 1_000_000_000, 999_999_999);
        assert_eq!(app.log_config().unwrap().options["awslogs-stream"], "s/app/x");
        // Two say something else about the exit code: ECS is believed, and it is said.
        assert_eq!(app.record.exit_code, Some(0));
        let told: Vec<&str> =
            life.findings.iter().filter(|f| f.kind.id() == "sources-disagree").map(|f| f.text.as_str()).collect();
        assert_eq!(told.len(), 1);
        assert!(
            told[0].contains("exit code of container app: 0 (f: document") && told[0].contains("not 137 (f: document"),
            "{told:?}"
        );
        // The root's bytes are those of the event alone.
        let root = |life: &TaskLife| TaskTrace::new(life, &TraceOptions::default()).spans.remove(0);
        assert_eq!(format!("{:?}", root(&life)), format!("{:?}", root(&self::life(&[stopped()]))));
    }
}

fn disagreements(documents: &[Value]) -> Vec<String> {
    let findings = life(documents).findings;
    findings.into_iter().filter(|finding| finding.kind.id() == "sources-disagree").map(|finding| finding.text).collect()
}

#[test]
fn a_time_that_differs_is_told_with_its_distance() {
    let mut document = metadata();
    let told = |document: &Value| disagreements(&[document.clone(), stopped()]);
    assert_eq!(told(&document), [""; 0]);
    document["PullStartedAt"] = json!("2026-11-20T10:00:05.4Z");
    assert_eq!(
        told(&document),
        [
            "sources disagree about the pull started: that of f: document 2 is believed; that of f: document 1 is 2.1 s later"
        ]
    );
    document["PullStartedAt"] = json!("2026-11-20T10:00:04.3Z");
    assert_eq!(told(&document), [""; 0], "a second is tolerated");
}

#[test]
fn a_clock_that_is_off_is_told_once() {
    let mut document = metadata();
    document["PullStartedAt"] = json!("2026-11-20T09:40:19.2Z");
    document["PullStoppedAt"] = json!("2026-11-20T09:40:24.4Z");
    let told = disagreements(&[document.clone(), stopped()]);
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(
        told[0],
        "all times of f: document 1 are 1184.1 s earlier than those of f: document 2, which are believed: its clock, or another run"
    );
    // One that fits is a sign that the clock does.
    document["ExecutionStoppedAt"] = json!("2026-11-20T11:00:10.650Z");
    assert_eq!(disagreements(&[document.clone(), stopped()]).len(), 2);
    // And so are two that are off by different amounts.
    document["ExecutionStoppedAt"] = json!("2026-11-20T10:50:10.650Z");
    assert_eq!(disagreements(&[document, stopped()]).len(), 3);
}

#[test]
fn metadata_and_docker_may_disagree_about_a_container() {
    let mut document = metadata();
    let app = &mut document["Containers"][2];
    app["FinishedAt"] = json!("2026-11-20T10:59:58Z");
    app["ExitCode"] = json!(1);
    let docker = |finished: &str, restarts: u64| {
        json!({
            "Id": "a", "RestartCount": restarts,
            "State": { "Status": "exited", "ExitCode": 0, "StartedAt": "2026-11-20T10:00:10.2Z", "FinishedAt": finished },
            "Config": { "Labels": { "com.amazonaws.ecs.task-arn": ARN, "com.amazonaws.ecs.container-name": "app" } },
        })
    };
    let mut event = stopped();
    event["containers"] = json!([{ "name": "app" }]);
    let told = |docker: Value| disagreements(&[event.clone(), document.clone(), docker]);
    assert_eq!(
        told(docker("2026-11-20T11:00:10Z", 0)),
        [
            "sources disagree about the exit code of container app: 1 (f: document 2) is believed, not 0 (f: document 3)",
            "sources disagree about the end of container app: that of f: document 2 is believed; that of f: document 3 is 12.0 s later",
        ],
        "metadata is believed, not the event that knows nothing of it"
    );
    assert_eq!(told(docker("2026-11-20T10:59:58.9Z", 0)).len(), 1);
    // Each run has its own times.
    assert_eq!(told(docker("2026-11-20T11:00:10Z", 1)).len(), 1);
}

#[test]
fn where_no_state_is_known_what_has_started_counts_as_started() {
    let labels = json!({ "com.amazonaws.ecs.task-arn": ARN });
    let mut container = json!({
        "DockerId": "a", "Name": "app", "Labels": labels, "KnownStatus": "RUNNING", "CreatedAt": "2026-11-20T10:00:09.3Z",
        "StartedAt": "2026-11-20T10:00:10.123456789Z",
    });
    let drawn = |document: &Value| {
        let phases = life(std::slice::from_ref(document)).phases.unwrap();
        let all_estimated =
            phases.all().all(|phase| phase.start_estimated && (phase.end.is_none() || phase.end_estimated));
        assert!(all_estimated && phases.start_estimated);
        let lengths =
            phases.list.iter().map(|phase| (phase.kind.name(), phase.length().map(|length| length.as_millis())));
        lengths.collect::<Vec<_>>()
    };
    let launch = [("starting", Some(823))];
    assert_eq!(drawn(&container), [&launch[..], &[("running", None)]].concat());
    container["FinishedAt"] = json!("2026-11-20T10:30:10.123456789Z");
    assert_eq!(drawn(&container), [&launch[..], &[("running", Some(1_800_000)), ("stopping", Some(0))]].concat());
    // A state that is known counts.
    let mut pending = metadata();
    pending["KnownStatus"] = json!("PENDING");
    assert!(drawn(&pending).iter().all(|(name, _)| *name != "running"));
}

#[test]
fn an_agent_that_knows_no_time_makes_no_trace() {
    let agent = json!({ "Tasks": [{ "Arn": ARN, "KnownStatus": "RUNNING", "Family": "web", "Version": "7", "Containers": [{ "DockerId": "a", "Name": "app" }] }] });
    let life = life(&[agent]);
    assert!(life.phases.is_none() && life.task.family() == Some("web") && life.containers.len() == 1);
}

#[test]
fn a_clock_that_may_be_wrong_is_told() {
    let mut document = metadata();
    let has = |document: &Value| {
        life(std::slice::from_ref(document)).findings.iter().any(|finding| finding.kind.id() == "clock-uncertain")
    };
    assert!(!has(&document));
    document["ClockDrift"]["ClockErrorBound"] = json!(450.0);
    assert!(has(&document));
    document["ClockDrift"] = json!({ "ClockSynchronizationStatus": "NOT_SYNCHRONIZED" });
    assert!(has(&document));
}
