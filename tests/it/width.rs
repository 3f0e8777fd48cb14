//! What is readable at each width: the launch of a task that ran long, and of one that did not.

use std::time::Duration;

use ecspan::model::log::{ContainerLog, LogLine};
use ecspan::model::observation::{ContainerRecord, TaskRecord, TaskTimes};
use ecspan::model::{TaskLife, Time, merge};
use ecspan::render::{Style, waterfall};
use expect_test::expect_file;

use super::render::style;

fn at(millis: u64) -> Option<Time> {
    Time::from_unix_millis(1_795_000_000_000 + millis)
}

/// A Fargate task that ran so long.
fn ran(length: Duration) -> TaskLife {
    let millis = u64::try_from(length.as_millis()).unwrap();
    let after = |more: u64| at(29_333 + millis + more);
    let times = TaskTimes {
        created: at(0),
        connected: at(4_512),
        pull_started: at(12_001),
        pull_stopped: at(26_702),
        started: at(29_333),
        stopping: after(0),
        execution_stopped: after(30_900),
        stopped: after(55_800),
    };
    life(times)
}

fn life(times: TaskTimes) -> TaskLife {
    let task = TaskRecord {
        id: "0123456789abcdef0123456789abcdef".to_owned(),
        task_definition_arn: Some("arn:aws:ecs:eu-west-1:123456789012:task-definition/checkout-api:7".to_owned()),
        last_status: Some("STOPPED".to_owned()),
        times,
        containers: vec![ContainerRecord {
            name: "checkout-api".to_owned(),
            exit_code: Some(0),
            ..ContainerRecord::default()
        }],
        ..TaskRecord::default()
    };
    TaskLife::new(merge::TaskObservations { task, ..Default::default() }, at(0).unwrap(), 0)
}

#[test]
fn a_log_says_in_its_own_word_what_is_not_read_not_kept_and_not_shown() {
    let drawn = |count: u64, dropped: u64, unread: bool| {
        let mut life = ran(Duration::from_secs(3_600));
        let line = |number| LogLine {
            time: at(30_000 + number).unwrap(),
            observed: None,
            message: "a line".to_owned(),
            origin: None,
        };
        let log = ContainerLog { head: (0..count).map(line).collect(), dropped, unread, ..ContainerLog::default() };
        life.containers[0].log = Some(log);
        let drawn = waterfall::draw(&life, &life.task.id, &style(100));
        drawn.lines().find(|line| line.contains(" not ")).map(|line| line.replace(['│', '…'], "").trim().to_owned())
    };
    assert_eq!(drawn(10, 0, false), None);
    assert_eq!(drawn(12, 0, false).unwrap(), "2 lines not shown");
    assert_eq!(drawn(11, 0, false).unwrap(), "1 line not shown");
    assert_eq!(drawn(12, 32, false).unwrap(), "2 lines not shown, 32 not kept");
    assert_eq!(drawn(5, 32, true).unwrap(), "32 lines not kept, more not read");
    assert_eq!(drawn(5, 0, true).unwrap(), "some lines not read");
}

/// How many columns a row's bar has.
fn columns(drawn: &str, row: &str) -> usize {
    let of_bar = |line: &str| line.chars().filter(|c| "█▉▊▋▌▍▎▏".contains(*c)).count();
    drawn.lines().filter(|line| line.contains(row)).map(of_bar).max().unwrap()
}

#[test]
fn the_launch_of_a_task_that_ran_for_long_is_seen_at_every_width() {
    for hours in [1, 30, 24 * 365] {
        let life = ran(Duration::from_secs(hours * 3_600));
        for width in 60..200 {
            let drawn = waterfall::draw(&life, &life.task.id, &style(width));
            let launch = columns(&drawn, "provisioning") + columns(&drawn, "image pull");
            assert!(drawn.contains('╱') && launch >= if width < 80 { 2 } else { 4 }, "{width}:\n{drawn}");
        }
    }
    let hour = ran(Duration::from_secs(3_600));
    expect_file!["drawn/hour-80.txt"].assert_eq(&waterfall::draw(&hour, &hour.task.id, &style(80)));
    let ascii = Style { unicode: false, ..style(60) };
    expect_file!["drawn/hour-60-ascii.txt"].assert_eq(&waterfall::draw(&hour, &hour.task.id, &ascii));
}

#[test]
fn what_is_short_never_takes_most_of_the_axis() {
    // Provisioning that failed after 4.6 s, and 61 ms until it was stopped; the same slower; and a short life with a shorter end.
    let failed = |scale: u64| TaskTimes {
        created: at(0),
        stopping: at(4_615 * scale),
        execution_stopped: at(4_676 * scale),
        stopped: at(4_676 * scale),
        ..TaskTimes::default()
    };
    let brief = TaskTimes {
        created: at(0),
        started: at(20),
        stopping: at(4_620),
        execution_stopped: at(4_676),
        stopped: at(4_676),
        ..TaskTimes::default()
    };
    let long = TaskTimes { started: at(20), stopping: at(7_200_000), stopped: at(7_200_061), ..brief };
    let long = TaskTimes { execution_stopped: long.stopped, ..long };
    for times in [failed(1), failed(60), failed(3_600), brief, long] {
        let life = life(times);
        for width in 60..200 {
            let drawn = waterfall::draw(&life, &life.task.id, &style(width));
            let (all, end) = (columns(&drawn, "task checkout"), columns(&drawn, "─ stopping"));
            assert!(!drawn.contains('╱') && end * 4 <= all, "{width}:\n{drawn}");
        }
    }
}

#[test]
fn nothing_is_lost_or_runs_over_in_the_narrowest_terminals() {
    let mut life = ran(Duration::from_secs(3_600));
    life.containers[0].record.exit_code = Some(137);
    for width in 40..60 {
        for unicode in [true, false] {
            let drawn = waterfall::draw(&life, &life.task.id, &Style { unicode, ..style(width) });
            assert!(drawn.lines().all(|line| line.chars().count() <= width), "{width}:\n{drawn}");
            let says = |what: &str| drawn.lines().any(|line| line.contains(what));
            let id = &life.task.id;
            assert!(says("exit 137") && drawn.matches(id.as_str()).count() == 2, "{width}:\n{drawn}");
            assert!(drawn.lines().any(|line| line.contains("─ checkout-") || line.contains("`- checkout-")), "{drawn}");
        }
    }
}
