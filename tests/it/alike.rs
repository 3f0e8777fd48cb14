//! Containers that are alike are drawn once, and what tells others apart is seen.

use ecspan::model::observation::{ContainerRecord, TaskRecord, TaskTimes};
use ecspan::model::{AsOf, TaskLife, Time, merge};
use ecspan::render::compare::{self, Compared};
use ecspan::render::{Style, markdown, perfetto, svg, waterfall};

use super::render::style;

fn at(seconds: u64) -> Option<Time> {
    Time::from_unix_millis(1_795_000_000_000 + seconds * 1_000)
}

fn task(containers: Vec<ContainerRecord>) -> TaskRecord {
    TaskRecord {
        id: "0123456789abcdef0123456789abcdef".to_owned(),
        task_definition_arn: Some("arn:aws:ecs:eu-west-1:123456789012:task-definition/web:7".to_owned()),
        last_status: Some("STOPPED".to_owned()),
        times: TaskTimes {
            created: at(0),
            pull_started: at(10),
            pull_stopped: at(20),
            started: at(25),
            execution_stopped: at(80),
            stopped: at(100),
            ..TaskTimes::default()
        },
        containers,
        ..TaskRecord::default()
    }
}

fn life(task: TaskRecord) -> TaskLife {
    TaskLife::new(merge::TaskObservations { task, ..Default::default() }, at(200).unwrap(), 128)
}

fn workers(count: usize, more: impl Fn(usize, &mut ContainerRecord)) -> Vec<ContainerRecord> {
    let worker = |at: usize| {
        let mut container = ContainerRecord {
            name: format!("worker-{at:02}"),
            last_status: Some("STOPPED".to_owned()),
            exit_code: Some(0),
            ..Default::default()
        };
        more(at, &mut container);
        container
    };
    (0..count).map(worker).collect()
}

fn drawn(life: &TaskLife, style: &Style) -> String {
    waterfall::draw(life, "t", style)
}

#[test]
fn many_containers_that_are_alike_are_one_row_that_says_how_to_see_each() {
    let exits = |at: usize, container: &mut ContainerRecord| container.exit_code = Some(i64::from(at == 7));
    let life = life(task(workers(66, exits)));
    let text = drawn(&life, &style(80));
    let rows: Vec<&str> = text.lines().filter(|line| line.contains("container")).collect();
    assert!(rows[0].starts_with("├─ 65 containers ") && rows[0].ends_with("55.000 s  exit 0"), "{text}");
    assert!(rows[1].starts_with("│    worker-00, worker-01, worker-02 and 62 more: --all-containers"), "{text}");
    assert!(rows[2].starts_with("└─ container worker-07 ") && rows[2].ends_with("✗ exit 1"), "{text}");
    let all = drawn(&life, &Style { all_containers: true, ..style(80) });
    assert_eq!(all.lines().filter(|line| line.contains("─ container worker-")).count(), 66, "{all}");
    let narrow = drawn(&life, &style(40));
    assert!(narrow.contains("├─ 65 alike "), "{narrow}");
    assert!(markdown::draw(&life, "t", None, &style(80)).contains("├─ 65 containers "));
    assert!(svg::draw([(&life, "t")], &style(80)).contains("65 containers"));
    // A file for another viewer holds all.
    let trace = perfetto::draw([(&life, "t")], &style(80));
    assert!((0..66).all(|at| trace.contains(&format!("\"container worker-{at:02}\""))), "{trace}");
}

#[test]
fn a_handful_and_what_differs_stay_rows_of_their_own() {
    let count = |containers| drawn(&life(task(containers)), &style(100)).matches("─ container worker-").count();
    assert_eq!(count(workers(5, |_, _| ())), 5);
    assert_eq!(count(workers(6, |_, _| ())), 0);
    assert_eq!(count(workers(12, |at, container| container.exit_code = Some(at as i64))), 12);
    assert_eq!(count(workers(12, |at, container| container.reason = Some("a b c ".repeat(at)))), 12);
    assert_eq!(
        count(workers(12, |at, container| container.health_status = Some(["UNHEALTHY", "HEALTHY"][at / 7].to_owned()))),
        5
    );
    assert_eq!(count(workers(12, |seconds, container| container.finished = at(60 + seconds as u64))), 12);
}

#[test]
fn of_a_task_without_times_many_that_are_alike_are_one_line() {
    let task = TaskRecord { times: TaskTimes::default(), ..task(workers(66, |_, _| ())) };
    let text = drawn(&life(task), &style(100));
    assert!(
        text.contains("66 containers (worker-00, worker-01, worker-02 and 63 more): STOPPED, exit code 0\n"),
        "{text}"
    );
}

#[test]
fn reasons_that_differ_in_their_images_are_one_row_and_one_sentence() {
    let cannot = |at: usize, container: &mut ContainerRecord| {
        container.exit_code = None;
        container.image = Some(format!("team/image-{at}:v1"));
        container.reason = Some(format!("CannotPullContainerError: docker.io/team/image-{at}:v1: not found"));
    };
    let text = drawn(&life(task(workers(66, cannot))), &style(100));
    assert!(
        text.contains("     worker-00: CannotPullContainerError: docker.io/team/image-0:v1: not found\n"),
        "{text}"
    );
    assert_eq!(text.matches("not found").count(), 2, "{text}");
    assert!(text.contains("and 63 more), each with its own"), "{text}");
}

#[test]
fn what_tells_names_apart_is_in_a_narrow_terminal() {
    let names = ["payments-api-gateway-blue", "payments-api-gateway-green", "payments-api-cron"];
    let containers = names.map(|name| ContainerRecord { name: name.to_owned(), ..Default::default() }).to_vec();
    let text = drawn(&life(task(containers)), &style(40));
    for end in ["gateway-b…", "gateway-g…", "api-cron"] {
        assert_eq!(text.matches(end).count(), 1, "{text}");
    }
}

#[test]
fn a_container_of_which_no_time_is_known_says_how_it_stands() {
    let waits =
        ContainerRecord { name: "app".to_owned(), last_status: Some("PENDING".to_owned()), ..Default::default() };
    let task = TaskRecord {
        last_status: Some("PENDING".to_owned()),
        times: TaskTimes { created: at(0), ..TaskTimes::default() },
        ..task(vec![waits])
    };
    let text = drawn(&life(task), &style(80));
    assert!(text.lines().any(|line| line.starts_with("└─ container app ") && line.ends_with(" PENDING")), "{text}");
}

#[test]
fn a_container_that_was_restarted_says_how_often() {
    let restarts = |at: usize, container: &mut ContainerRecord| container.restarts = Some([0, 1, 7][at.min(2)]);
    let text = drawn(&life(task(workers(9, restarts))), &style(80));
    let lines: Vec<&str> = text.lines().filter(|line| line.contains("worker") || line.contains("restarted")).collect();
    assert!(lines[0].contains("container worker-00") && lines[1].contains("container worker-01"), "{text}");
    assert_eq!(lines[2], "│    restarted once", "{text}");
    assert_eq!(lines[4], "     restarted 7 times", "{text}");
}

/// Who reads a page or an issue does so later.
#[test]
fn what_is_kept_says_as_of_when_a_task_was_seen() {
    let task = TaskRecord {
        last_status: Some("RUNNING".to_owned()),
        times: TaskTimes { created: at(0), started: at(25), ..TaskTimes::default() },
        ..task(vec![])
    };
    let observed = merge::TaskObservations { task, ..Default::default() };
    for as_of in [AsOf::Now(at(200).unwrap()), AsOf::Saved(at(200).unwrap())] {
        let life = TaskLife::new(observed.clone(), as_of, 0);
        let compared = compare::text(&Compared::new(&life, &life), &style(80));
        assert_eq!(compared.matches("as of 2026-11-18 20:10:00.000").count(), 2, "{compared}");
        let kept = [
            markdown::draw(&life, "t", None, &style(80)),
            svg::draw([(&life, "t")], &style(80)),
            #[cfg(feature = "html")]
            {
                let shown = ecspan::render::html::Shown { life: &life, trace_id: "t", trace_url: None };
                ecspan::render::html::draw(&[shown], &style(80))
            },
        ];
        for text in kept {
            assert!(text.contains("RUNNING as of 2026-11-18 20:10:00.000"), "{text}");
            // Of a page also its title, which is all that is seen of a tab.
            assert!(!text.starts_with("<!") || text.contains("<title>web running as of 2026-11-18 20:10 – "), "{text}");
            assert!(text.contains("since ") && !text.contains("going on") && !text.contains("→ now"), "{text}");
        }
    }
}

#[cfg(feature = "html")]
#[test]
fn in_a_page_the_row_of_many_unfolds_to_each() {
    let long = |at: usize, container: &mut ContainerRecord| {
        if at < 2 {
            container.name = format!("{}-{at}", "name".repeat(60));
            container.exit_code = Some(1);
        }
    };
    let life = life(task(workers(66, long)));
    let shown = ecspan::render::html::Shown { life: &life, trace_id: "t", trace_url: None };
    let page = ecspan::render::html::draw(&[shown], &style(80));
    assert!(page.contains("<span class=\"name\">64 containers</span>"), "no row of many");
    assert!(page.contains("<div class=\"alike\">") && page.contains("<span class=\"name\">container worker-65</span>"));
    assert!(
        page.contains("<strong>64 containers that are alike: </strong>worker-02, worker-03, worker-04 and 61 more")
    );
    // The end, which tells them apart, beside the bar; the whole in the row's details.
    for at in 0..2 {
        assert!(page.contains(&format!("namename-{at}</span>")), "{at}");
        assert!(page.contains(&format!("<dt>Name</dt><dd>{}-{at}</dd>", "name".repeat(60))), "{at}");
    }
}
