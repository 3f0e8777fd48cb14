//! The report of a deployment, held against files that were looked at. `UPDATE_EXPECT=1 cargo test` writes them anew.

use std::time::Duration;

use ecspan::model::deployment::{Baseline, Comparison, DeploymentLife, FailFast, Spread, Wanted, choose};
use ecspan::model::observation::{TaskRecord, TaskTimes};
use ecspan::render::report::{self, Report};
use ecspan::render::{Style, escape};
use ecspan::trace::{TraceOptions, deployment};
use expect_test::expect_file;
use jiff::tz::TimeZone;
use proptest::prelude::*;

use super::{BACK, NEW, OLD, bad, good, latest, primary, record, rolled_back, rolling_back, s, service, task, whole};

pub(super) fn style(unicode: bool) -> Style {
    Style { width: 100, unicode, color: false, zone: TimeZone::UTC, now: s(1_000.0), all_containers: false, logs: true }
}

fn spread(millis: u64, count: usize) -> Spread {
    Spread::of(vec![Duration::from_millis(millis); count]).unwrap()
}

fn baseline(pull: u64) -> Baseline {
    Baseline {
        origin: "before.json".to_owned(),
        service: Some("web".to_owned()),
        deployment: Some(OLD.to_owned()),
        outcome: Some("held".to_owned()),
        failed: Some(0),
        phases: vec![("launch".to_owned(), spread(10_000 + pull, 30)), ("image pull".to_owned(), spread(pull, 30))],
    }
}

pub(super) fn report<'a>(life: &'a DeploymentLife, comparison: Option<&'a Comparison>) -> Report<'a> {
    Report {
        life,
        comparison,
        trace_id: "0123456789abcdef0123456789abcdef",
        trace_url: None,
        timed_out: false,
        interrupted: false,
        bad: None,
        reached: None,
        is_told: false,
        notes: &[],
        gaps: &[],
    }
}

#[test]
fn the_reports_are_drawn_as_they_were_looked_at() {
    let (bad, good) = (bad(), good());
    expect_file!["../drawn/deploy-rolled-back.txt"].assert_eq(&report::text(&report(&bad, None), &style(true)));
    expect_file!["../drawn/deploy-rolled-back-ascii.txt"].assert_eq(&report::text(&report(&bad, None), &style(false)));
    expect_file!["../drawn/deploy-rolled-back.md"].assert_eq(&report::markdown(&report(&bad, None), &style(true)));
    expect_file!["../drawn/deploy-rolled-back.json"].assert_eq(&report::json(&report(&bad, None), &style(true)));
    let slower = Comparison::new(&good, baseline(2_000));
    expect_file!["../drawn/deploy-held.txt"].assert_eq(&report::text(&report(&good, Some(&slower)), &style(true)));
    expect_file!["../drawn/deploy-held.md"].assert_eq(&report::markdown(&report(&good, Some(&slower)), &style(true)));
}

#[cfg(feature = "html")]
#[test]
fn the_reports_are_pages_as_they_were_looked_at() {
    use crate::page::bare;
    let (bad, good) = (bad(), good());
    expect_file!["../drawn/deploy-rolled-back.html"].assert_eq(&bare(&report::html(&report(&bad, None), &style(true))));
    let slower = Comparison::new(&good, baseline(2_000));
    expect_file!["../drawn/deploy-held.html"]
        .assert_eq(&bare(&report::html(&report(&good, Some(&slower)), &style(true))));
}

#[cfg(feature = "html")]
#[test]
fn times_and_lines_in_a_page_are_the_models_to_the_nanosecond() {
    use ecspan::model::Time;
    use serde_json::json;
    let bad = bad();
    let data = crate::page::data(&report::html(&report(&bad, None), &style(true)));
    let rows = data["launches"].as_array().unwrap();
    assert_eq!(rows.len(), bad.launches.len() + bad.stops.len());
    let mut lines = 0;
    for (row, task) in rows.iter().zip(&bad.launches) {
        let nanos = |at: Time| at.unix_nanos().to_string();
        let (start, end) = task.launch().unwrap();
        assert_eq!((&row["id"], &row["start"]), (&json!(task.id), &json!(nanos(start))));
        assert_eq!(row["took"], end.unwrap().since(start).as_nanos().to_string());
        let phases = task.phases.iter().flat_map(|phases| phases.all());
        let phases: Vec<_> = phases.map(|phase| json!([nanos(phase.start), phase.end.map(nanos)])).collect();
        let drawn = row["phases"].as_array().unwrap().iter().map(|bar| json!([bar[2], bar[3]]));
        assert_eq!(drawn.collect::<Vec<_>>(), phases);
        let logs = task.containers.iter().filter_map(|container| container.log.as_ref());
        let told: Vec<_> = logs
            .flat_map(|log| log.lines())
            .map(|line| json!([nanos(line.time), escape::text(&line.message)]))
            .collect();
        let drawn = row["lines"].as_array().into_iter().flatten().map(|line| json!([line[0], line[3]]));
        assert_eq!(drawn.collect::<Vec<_>>(), told);
        lines += told.len();
    }
    assert!(lines > 0, "the launches that failed said something");
}

#[test]
fn the_first_line_says_what_matters_most() {
    let (good, bad) = (good(), bad());
    let first = |life: &DeploymentLife, pull| {
        let comparison = Comparison::new(life, baseline(pull));
        let text = report::text(&report(life, Some(&comparison)), &style(true));
        text.lines().next().unwrap().to_owned()
    };
    assert!(
        first(&good, 2_000)
            .starts_with("image pull is 3.1 times as slow as in the baseline (p50 6.1 s against 2.0 s, 30 ")
    );
    assert!(first(&good, 18_400).starts_with("image pull is 3.0 times as fast as"));
    assert_eq!(first(&good, 6_100), "no difference that matters to the baseline");
    assert!(first(&bad, 2_000).starts_with("✗ rolled back: "));
}

#[test]
fn what_to_do_now_is_in_every_form() {
    let bad = bad();
    let report = report(&bad, None);
    let shown = format!("ecspan show prod/{}", bad.failures()[0].tasks[0]);
    let json: serde_json::Value = serde_json::from_str(&report::json(&report, &style(true))).unwrap();
    assert_eq!(json["next"][0]["command"], shown.as_str(), "{json}");
    let forms = [
        report::text(&report, &style(true)),
        report::markdown(&report, &style(true)),
        #[cfg(feature = "html")]
        report::html(&report, &style(true)),
    ];
    forms.iter().for_each(|form| assert!(form.contains(&shown), "{form}"));
}

#[test]
fn why_tasks_failed_is_said_first_and_last_and_once_in_a_log_that_says_it_above() {
    let bad = bad();
    let (why, last) = ("Essential container in task exited; app: exit code 1", "fatal: no DATABASE_URL");
    let drawn = |is_told| report::text(&Report { is_told, ..report(&bad, None) }, &style(true));
    let count = |text: &str, words: &str| text.split_whitespace().collect::<Vec<_>>().join(" ").matches(words).count();
    let whole = drawn(false);
    let lines: Vec<&str> = whole.lines().collect();
    let (head, tail) = (lines[..10].join("\n"), lines[lines.len() - 10..].join("\n"));
    for words in [why, last] {
        assert_eq!([&whole, &head, &tail].map(|text| count(text, words)), [2, 1, 1], "{words} in {whole}");
    }
    let told = drawn(true);
    let lines: Vec<&str> = told.lines().collect();
    let tail = lines[lines.len() - 10..].join("\n");
    for words in [why, last] {
        assert_eq!([&told, &tail].map(|text| count(text, words)), [1, 1], "{words} in {told}");
    }
    // What failed otherwise is told once in either.
    assert_eq!([&whole, &told].map(|text| count(text, "1 task failed: CannotPull")), [1, 1]);
}

#[test]
fn what_took_its_place_is_looked_at_next() {
    let next = primary(record("ecs-svc/9", 100.0, "IN_PROGRESS"));
    let service = service(vec![next, record(NEW, 0.0, "IN_PROGRESS")], vec![]);
    let chosen = |id: &str| choose(&service, &[], &[], &Wanted::Id(id.to_owned())).unwrap();
    let json = |deployment| {
        let life = whole(deployment, vec![]);
        serde_json::from_str::<serde_json::Value>(&report::json(&report(&life, None), &style(true))).unwrap()
    };
    let shown = json(chosen(NEW));
    let expected = serde_json::json!([{"said": "the one that took its place", "command": "ecspan deploy prod/web --deployment ecs-svc/9"}]);
    assert_eq!(shown["next"], expected, "{shown}");
    assert_eq!(json(chosen("ecs-svc/9"))["next"], serde_json::json!([]));
    let mut gone = latest(&self::service(vec![primary(record(NEW, 0.0, "IN_PROGRESS"))], vec![]));
    gone.vanished(&service);
    assert_eq!(json(gone)["next"], expected);
}

#[test]
fn what_was_interrupted_still_went_on() {
    let going = whole(latest(&rolling_back()), vec![]);
    let report = Report { interrupted: true, ..report(&going, None) };
    let json: serde_json::Value = serde_json::from_str(&report::json(&report, &style(true))).unwrap();
    assert_eq!((&json["outcome"], &json["interrupted"]), (&"in progress".into(), &true.into()));
    let first = report::text(&report, &style(true)).lines().next().unwrap().to_owned();
    assert!(first.starts_with("… being rolled back (interrupted while its end was waited for)"), "{first}");
}

/// What scrolled away is said once more, also where the headline holds the cause.
#[test]
fn a_long_report_ends_with_what_happened_and_why() {
    let pulls = (0..12).map(|number| TaskRecord {
        times: TaskTimes { created: Some(s(1.0)), stopping: Some(s(9.0)), ..TaskTimes::default() },
        stop_code: Some("TaskFailedToStart".to_owned()),
        stopped_reason: Some("CannotPullContainerError: no such image".to_owned()),
        last_status: Some("STOPPED".to_owned()),
        ..task(NEW, &format!("{number:012x}{:020}", 0), 0.0)
    });
    let going = service(vec![primary(record(NEW, 0.0, "IN_PROGRESS"))], vec![]);
    let life = whole(latest(&going), pulls.collect());
    let bad = life.bad(&[FailFast::Certain]).unwrap();
    let drawn = report::text(&Report { bad: Some(&bad), ..report(&life, None) }, &style(true));
    let said = "✗ failing, and waited for no longer: 12 tasks failed alike: CannotPullContainerError: no such image";
    assert!(drawn.lines().count() > 24 && drawn.starts_with(said), "{drawn}");
    // Nothing of any of them has run.
    assert!(drawn.contains(&format!("{said}\nnext: one of those that failed:\n")), "{drawn}");
    // What was looked for is said once, and so is why.
    let bad = life.bad(&[FailFast::Finding("failed-to-start".to_owned())]).unwrap();
    assert!(bad.reason.starts_with("failed to start"), "{}", bad.reason);
    let drawn = report::text(&Report { bad: Some(&bad), ..report(&life, None) }, &style(true));
    let headline = drawn.split("\n\n").next().unwrap();
    assert_eq!(headline.matches("CannotPull").count(), 1, "{drawn}");
}

#[test]
fn a_report_is_a_baseline() {
    let good = good();
    let path = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(path.path(), report::json(&report(&good, None), &style(true))).unwrap();
    let read = ecspan::source::baseline::read(path.path()).unwrap();
    assert_eq!(read.phases, good.phases().into_iter().map(|(name, of)| (name.to_owned(), of)).collect::<Vec<_>>());
    assert_eq!((read.outcome.as_deref(), read.service.as_deref(), read.failed), (Some("held"), Some("web"), Some(0)));
    let other = r#"{"ecspan_report": 2}"#;
    std::fs::write(path.path(), other).unwrap();
    assert!(ecspan::source::baseline::read(path.path()).unwrap_err().to_string().ends_with("reads version 1"));
}

proptest! {
    #[test]
    fn no_time_and_no_text_of_ecs_breaks_a_report(
        times in prop::collection::vec(prop::collection::vec(prop::option::of(0..10_000_i32), 8), 0..40),
        reason in any::<String>(),
        started_by in prop::sample::select(vec![OLD, NEW, BACK, "x"]),
    ) {
        let at = |time: Option<i32>| time.map(|time| s(f64::from(time) / 10.0 - 300.0));
        for service in [rolled_back(), rolling_back(), service(vec![primary(record(NEW, 0.0, "COMPLETED"))], vec![])] {
            let tasks = times.iter().enumerate().map(|(number, t)| TaskRecord {
                times: TaskTimes {
                    created: at(t[0]), connected: at(t[1]), pull_started: at(t[2]), pull_stopped: at(t[3]),
                    started: at(t[4]), stopping: at(t[5]), execution_stopped: at(t[6]), stopped: at(t[7]),
                },
                stopped_reason: Some(reason.clone()),
                ..task(started_by, &format!("{number:012x}{:020}", 0), 0.0)
            });
            let life = whole(latest(&service), tasks.collect());
            let comparison = Comparison::new(&life, baseline(100));
            for unicode in [true, false] {
                let text = report::text(&report(&life, Some(&comparison)), &style(unicode));
                prop_assert!(text.lines().count() < 120);
                for line in text.lines() {
                    prop_assert!(escape::columns(line) <= 100 && !line.chars().any(char::is_control), "{line:?}");
                }
                report::markdown(&report(&life, None), &style(unicode));
                let json: serde_json::Value = serde_json::from_str(&report::json(&report(&life, None), &style(unicode))).unwrap();
                prop_assert_eq!(&json["ecspan_report"], 1);
            }
            for span in deployment::trace(&life, &TraceOptions::default()).spans {
                prop_assert!(span.end_time >= span.start_time);
            }
        }
    }
}
