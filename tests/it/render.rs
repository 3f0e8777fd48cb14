//! What is drawn, held against files that were looked at: `tests/it/drawn/`. `UPDATE_EXPECT=1 cargo test` writes them anew.

use ecspan::model::observation::{ContainerRecord, TaskRecord, TaskTimes};
use ecspan::model::{TaskLife, Time, merge};
use ecspan::render::compare::{self, Compared};
use ecspan::render::{Style, json, markdown, perfetto, svg, timeline, waterfall};
use expect_test::expect_file;
use jiff::tz::{Offset, TimeZone};
use proptest::prelude::*;
use unicode_width::UnicodeWidthStr;

use super::examples::observations;

/// 2026-11-23T12:00:00Z.
pub(super) const NOW: Time = Time::from_unix_nanos(1_795_435_200_000_000_000);
const DAY: u64 = 86_400_000;

pub(super) fn style(width: usize) -> Style {
    Style {
        width,
        unicode: true,
        color: false,
        zone: TimeZone::fixed(Offset::constant(9)),
        now: NOW,
        all_containers: false,
        logs: true,
    }
}

pub(super) fn example(name: &str) -> TaskLife {
    let (mut tasks, unclaimed) = merge::by_task(observations(name));
    assert!(unclaimed.is_empty(), "{unclaimed:?}");
    TaskLife::new(tasks.remove(0), NOW, 128)
}

fn ms(millis: u64) -> Option<Time> {
    Time::from_unix_millis(1_795_435_200_000 - 6 * DAY + millis)
}

fn made(times: TaskTimes, last_status: &str, containers: &[&str]) -> TaskLife {
    let container = |name: &&str| ContainerRecord { name: (*name).to_owned(), ..Default::default() };
    let task = TaskRecord {
        id: "0123456789abcdef0123456789abcdef".to_owned(),
        task_definition_arn: Some("arn:aws:ecs:eu-west-1:123456789012:task-definition/web:7".to_owned()),
        last_status: Some(last_status.to_owned()),
        times,
        containers: containers.iter().map(container).collect(),
        ..Default::default()
    };
    TaskLife::new(merge::TaskObservations { task, ..Default::default() }, NOW, 128)
}

fn drawn(life: &TaskLife, style: &Style) -> String {
    waterfall::draw(life, &life.task.id, style)
}

#[test]
fn the_examples_are_drawn_as_they_were_looked_at() {
    let nginx = example("nginx");
    expect_file!["drawn/nginx-80.txt"].assert_eq(&drawn(&nginx, &style(80)));
    expect_file!["drawn/nginx-200.txt"].assert_eq(&drawn(&nginx, &style(200)));
    expect_file!["drawn/nginx-ascii.txt"].assert_eq(&drawn(&nginx, &Style { unicode: false, ..style(80) }));
    expect_file!["drawn/nginx-color.txt"].assert_eq(&drawn(&nginx, &Style { color: true, ..style(80) }));
    expect_file!["drawn/nginx-timeline.txt"].assert_eq(&timeline::draw(&nginx, &style(80)));
    expect_file!["drawn/nginx.json"].assert_eq(&json::draw(&nginx, &nginx.task.id, &style(80)));
    expect_file!["drawn/wrong-image-80.txt"].assert_eq(&drawn(&example("wrong-image"), &style(80)));
    expect_file!["drawn/wrong-image-timeline.txt"].assert_eq(&timeline::draw(&example("wrong-image"), &style(80)));
    expect_file!["drawn/oom-100.txt"].assert_eq(&drawn(&example("oom"), &style(100)));
}

#[test]
fn two_tasks_are_drawn_beside_one_another_as_they_were_looked_at() {
    let (oom, nginx) = (example("oom"), example("nginx"));
    let compared = Compared::new(&oom, &nginx);
    expect_file!["drawn/compared-100.txt"].assert_eq(&compare::text(&compared, &style(100)));
    expect_file!["drawn/compared-ascii.txt"]
        .assert_eq(&compare::text(&compared, &Style { unicode: false, ..style(120) }));
    expect_file!["drawn/compared.md"].assert_eq(&compare::markdown(&compared, &style(100)));
    let same = compare::text(&Compared::new(&oom, &oom), &style(100));
    assert!(same.contains("A and B are one task") && !same.contains("differs") && !same.contains("times"), "{same}");
    for width in 40..130 {
        let text = compare::text(&compared, &style(width));
        assert!(text.lines().all(|line| line.chars().count() <= width), "{width}:\n{text}");
        // Whatever has no room, a slower phase is marked as one.
        assert!(text.contains("▲ +24.3 s") || text.contains("4.7 times as long"), "{width}:\n{text}");
    }
    // What never started was neither fast nor slow in it.
    let never = example("wrong-image");
    for (a, b) in [(&never, &nginx), (&nginx, &never)] {
        let text = compare::text(&Compared::new(a, b), &style(100));
        let rows = |name: &str| text.split(name).nth(1).map(|rest| rest.lines().take(2).collect::<String>());
        assert!(rows("\nstarting ").is_some_and(|rows| rows.contains('–')), "{text}");
        assert!(rows("\nlaunch ").is_some_and(|rows| !rows.contains("times as")), "{text}");
        assert!(!text.contains("faster in starting") && !text.contains("slower in starting"), "{text}");
    }
    // Of a task without any time there is nothing but its facts to compare.
    let empty = made(TaskTimes::default(), "", &[]);
    assert!(compare::text(&Compared::new(&oom, &empty), &style(100)).contains("task definition differs"));
}

/// `cargo run -q -- show --utc --width 100 --format svg examples/oom/*.json > docs/waterfall.svg`
#[test]
fn the_picture_in_the_readme_is_what_is_drawn() {
    let utc = Style { zone: TimeZone::UTC, ..style(100) };
    let oom = example("oom");
    expect_file!["../../docs/waterfall.svg"].assert_eq(&svg::draw([(&oom, &*oom.task.id)], &utc));
}

#[test]
fn json_has_what_it_promises_whatever_is_known() {
    let empty = made(TaskTimes::default(), "", &[]);
    let schema: serde_json::Value = serde_json::from_str(include_str!("../../docs/json/task.schema.json")).unwrap();
    let documents = [json::draw(&example("oom"), "1", &style(80)), json::draw(&empty, "1", &style(80))];
    for document in &documents {
        let document: serde_json::Value = serde_json::from_str(document).unwrap();
        assert_eq!(document["ecspan_task"], 1);
        let keys: Vec<&String> = document.as_object().unwrap().keys().collect();
        for key in schema["required"].as_array().unwrap() {
            assert!(keys.contains(&&key.as_str().unwrap().to_owned()), "{key} of {keys:?}");
        }
    }
    let line = json::line(&example("oom"), "1", &style(80));
    assert_eq!(line.lines().count(), 1);
    let values = [line, documents[0].clone()].map(|text| serde_json::from_str::<serde_json::Value>(&text).unwrap());
    assert_eq!(values[0], values[1]);
}

/// What the format's description asks of events: https://perfetto.dev/docs/getting-started/other-formats
#[test]
fn trace_events_are_whole_and_nest() {
    let lives = [example("oom"), example("nginx")];
    let drawn = perfetto::draw(lives.iter().map(|life| (life, "1")), &style(80));
    let drawn: serde_json::Value = serde_json::from_str(&drawn).unwrap();
    let events = drawn["traceEvents"].as_array().unwrap();
    let of = |kind: &str| events.iter().filter(|event| event["ph"] == kind).collect::<Vec<_>>();
    assert_eq!(of("M").len() + of("X").len() + of("i").len(), events.len());
    for event in events {
        assert!(event["name"].is_string() && event["pid"].is_u64() && event["tid"].is_u64(), "{event}");
        assert!(event["ph"] == "M" || event["ts"].is_f64(), "{event}");
    }
    // On one thread each lies inside of those before it, or after them.
    let bounds = |event: &serde_json::Value| {
        let start = event["ts"].as_f64().unwrap();
        (start, start + event["dur"].as_f64().unwrap())
    };
    for one in of("X") {
        for other in of("X") {
            let is_thread = one["pid"] == other["pid"] && one["tid"] == other["tid"];
            let ((a, b), (c, d)) = (bounds(one), bounds(other));
            let (is_apart, is_inside) =
                (b <= c + 1.0 || d <= a + 1.0, (a <= c && d <= b + 1.0) || (c <= a && b <= d + 1.0));
            assert!(!is_thread || is_apart || is_inside, "{one} {other}");
        }
    }
    let lines = lives.iter().flat_map(|life| &life.containers).filter_map(|container| container.log.as_ref());
    let lines: usize = lines.map(|log| log.len()).sum();
    assert_eq!(of("i").iter().filter(|event| event["cat"] == "log").count(), lines);
}

#[test]
fn the_examples_are_markdown_as_it_was_looked_at() {
    let markdown =
        |name: &str| markdown::draw(&example(name), "1", Some("https://jaeger.example/trace/1"), &style(200));
    expect_file!["drawn/nginx.md"].assert_eq(&markdown("nginx"));
    expect_file!["drawn/oom.md"].assert_eq(&markdown("oom"));
    expect_file!["drawn/wrong-image.md"].assert_eq(&markdown("wrong-image"));
}

/// ECS takes half a minute to give back the network of a task that could not start.
#[test]
fn a_container_that_its_task_has_given_up_is_not_drawn_as_running() {
    let times = TaskTimes { created: ms(0), pull_started: ms(4_000), stopping: ms(9_000), ..Default::default() };
    let row = |status| {
        let text = drawn(&made(times, status, &["app"]), &style(80));
        text.lines().find(|line| line.contains("container app")).unwrap().to_owned()
    };
    for status in ["DEPROVISIONING", "STOPPED"] {
        // One moment, and no bar up to now.
        assert!(row(status).contains("never started") && row(status).matches('│').count() == 1, "{}", row(status));
    }
}

#[test]
fn open_and_odd_lives_are_drawn_as_they_were_looked_at() {
    let pending = TaskTimes { created: ms(0), connected: ms(4_000), ..Default::default() };
    expect_file!["drawn/pending-80.txt"].assert_eq(&drawn(&made(pending, "PENDING", &["app"]), &style(80)));
    let running = TaskTimes { pull_started: ms(9_000), pull_stopped: ms(15_000), started: ms(17_000), ..pending };
    expect_file!["drawn/running-80.txt"].assert_eq(&drawn(&made(running, "RUNNING", &["app", "東京"]), &style(80)));
    // The agent's clock is behind, and all of the launch is in one moment.
    let odd = TaskTimes {
        pull_started: ms(9_000),
        pull_stopped: ms(9_000),
        started: ms(9_000),
        execution_stopped: ms(8_000),
        stopping: ms(40_000),
        stopped: ms(60_000),
        ..pending
    };
    expect_file!["drawn/reversed-80.txt"].assert_eq(&drawn(&made(odd, "STOPPED", &["app"]), &style(80)));
}

/// The seed of `tracer` has these kinds of lines, in this order.
#[test]
fn the_timeline_has_every_kind_of_line_in_the_order_of_tracer() {
    let text = timeline::draw(&example("nginx"), &style(80));
    let mut kinds: Vec<String> = vec![];
    for line in text.lines() {
        let (_, what) = line.split_once('\t').unwrap();
        let (who, said) = what.split_once('\t').unwrap();
        let kind = if who == "TASK" { said.split(':').next().unwrap() } else { who };
        if kinds.last().map(String::as_str) != Some(kind) {
            kinds.push(kind.to_owned());
        }
    }
    let expected = [
        "Created",
        "Pull started",
        "Pull stopped",
        "CONTAINER:nginx",
        "Started",
        "Stopping",
        "StoppedReason",
        "StoppedCode",
        "CONTAINER:nginx",
        "Execution stopped",
        "CONTAINER:nginx",
        "Stopped",
    ];
    assert_eq!(kinds, expected);
}

fn any_life() -> impl Strategy<Value = TaskLife> {
    let time =
        || proptest::option::of((0..3_u64, 0..100_000_u64).prop_map(|(days, millis)| ms(days * DAY + millis).unwrap()));
    let times = (time(), time(), time(), time(), time(), time(), time(), time());
    let names = proptest::collection::vec("\\PC{0,300}", 0..6);
    (times, any::<bool>(), names).prop_map(|(t, stopped, names)| {
        let times = TaskTimes {
            created: t.0,
            connected: t.1,
            pull_started: t.2,
            pull_stopped: t.3,
            started: t.4,
            stopping: t.5,
            execution_stopped: t.6,
            stopped: t.7,
        };
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        made(times, if stopped { "STOPPED" } else { "RUNNING" }, &names)
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn no_line_is_wider_than_the_terminal(life in any_life(), width in 40..250_usize, unicode: bool) {
        let text = drawn(&life, &Style { unicode, ..style(width) });
        for line in text.lines() {
            prop_assert!(line.width() <= width, "{} > {width}: {line}", line.width());
            prop_assert!(unicode || line.is_ascii(), "{line}");
        }
    }
}

#[test]
fn what_can_be_no_reason_is_cut_with_a_mark_wherever_it_is_told() {
    let reason = "word ".repeat(1_000_000);
    let answer = serde_json::json!({"tasks": [{
        "taskArn": "arn:aws:ecs:eu-west-1:1:task/prod/a1", "lastStatus": "STOPPED", "createdAt": 1_795_168_800, "stoppedAt": 1_795_168_900,
        "stoppedReason": reason, "stopCode": "TaskFailedToStart", "containers": [{"name": "app", "lastStatus": "STOPPED", "reason": reason}],
    }]});
    let read = ecspan::source::files::read_bytes("f", answer.to_string().as_bytes()).unwrap();
    let life = TaskLife::new(merge::by_task(read.observations).0.remove(0), Time::from_unix_nanos(0), 0);
    let style = Style {
        width: 100,
        unicode: true,
        color: false,
        zone: TimeZone::UTC,
        now: Time::from_unix_nanos(0),
        all_containers: true,
        logs: true,
    };
    let span = &ecspan::trace::TaskTrace::new(&life, &ecspan::trace::TraceOptions::default()).spans[0];
    let read = waterfall::draw(&life, "t", &style);
    assert!(read.contains("more bytes: an html page has them]") && read.lines().count() < 40, "{read}");
    for told in [timeline::draw(&life, &style), json::draw(&life, "t", &style), format!("{:?}", span.status)] {
        // Each mention of it has its own mark.
        assert!(told.contains("[cut: ") && told.len() < 200_000, "{} bytes", told.len());
    }
}
