//! Pages for a browser: held against files that were looked at (without the script and the style, which are files themselves), their
//! data against the model, hostile text against markup. What a page does in a browser is e2e/test_page.py's.

use ecspan::model::log::ContainerLog;
use ecspan::model::observation::Observation;
use ecspan::model::{TaskLife, merge};
use ecspan::render::html::{self, Shown};
use expect_test::expect_file;
use serde_json::Value;

use super::examples::observations;
use super::render::{NOW, example, style};

fn page(life: &TaskLife) -> String {
    html::draw(
        &[Shown { life, trace_id: &life.task.id, trace_url: Some("https://jaeger.example/trace/1") }],
        &style(80),
    )
}

/// The page without what is in files of its own, and without their hashes.
pub(super) fn bare(page: &str) -> String {
    let without = |page: &str, open: &str, close: &str| {
        let (before, rest) = page.split_once(open).unwrap();
        let (_, after) = rest.split_once(close).unwrap();
        format!("{before}{open}…{close}{after}")
    };
    let page = without(page, "<style>", "</style>");
    let page = without(&page, "<script>", "</script>");
    without(&page, "script-src", "; base-uri").replace("><", ">\n<")
}

pub(super) fn data(page: &str) -> Value {
    let (_, data) = page.split_once("class=\"data\">").unwrap();
    serde_json::from_str(data.split_once("</script>").unwrap().0).unwrap()
}

#[test]
fn the_examples_are_pages_as_they_were_looked_at() {
    expect_file!["drawn/nginx.html"].assert_eq(&bare(&page(&example("nginx"))));
    expect_file!["drawn/oom.html"].assert_eq(&bare(&page(&example("oom"))));
    expect_file!["drawn/wrong-image.html"].assert_eq(&bare(&page(&example("wrong-image"))));
}

#[test]
fn times_in_a_page_are_the_models_to_the_nanosecond() {
    let life = example("oom");
    let page = page(&life);
    let data = data(&page);
    let nanos = |value: &Value| value.as_str().unwrap().parse::<u64>().unwrap();
    let phases = life.phases.as_ref().unwrap();
    assert_eq!(nanos(&data["zero"]), phases.start.unix_nanos());
    let bars = data["bars"].as_array().unwrap();
    let bounds: Vec<[u64; 2]> = bars.iter().map(|bar| [nanos(&bar[0]), nanos(&bar[1])]).collect();
    assert_eq!(bounds[0], [phases.start, phases.end.unwrap()].map(|at| at.unix_nanos()));
    for phase in phases.all() {
        assert!(bounds.contains(&[phase.start, phase.end.unwrap()].map(|at| at.unix_nanos())), "{phase:?}");
    }
    let lines: Vec<u64> = data["lines"].as_array().unwrap().iter().map(|line| nanos(&line[0])).collect();
    let logs = life.containers.iter().filter_map(|container| container.log.as_ref());
    let mut expected: Vec<u64> = logs.flat_map(ContainerLog::lines).map(|line| line.time.unix_nanos()).collect();
    expected.sort_unstable();
    assert_eq!(lines, expected);
    for moment in &phases.moments {
        assert!(page.contains(&format!("<tr data-ns=\"{}\">", moment.time.unix_nanos())), "{moment:?}");
    }
}

/// Ends a script, a comment, an attribute and a string, and turns the direction of the text.
const CANARY: &str = "\"'`--></script></title><img src=x onerror=canary()>]]>&lt;\u{202e}\0\u{2028}${canary()}";

#[test]
fn no_text_of_a_task_becomes_markup() {
    let mut said = observations("oom");
    let poison = |text: &mut Option<String>| *text = Some(format!("{}{CANARY}", text.as_deref().unwrap_or_default()));
    for observation in &mut said {
        match observation {
            Observation::Task(task) => {
                for text in [
                    &mut task.last_status,
                    &mut task.stop_code,
                    &mut task.stopped_reason,
                    &mut task.started_by,
                    &mut task.capacity_provider,
                    &mut task.availability_zone,
                    &mut task.platform_version,
                    &mut task.cpu,
                    &mut task.memory,
                    &mut task.health_status,
                    &mut task.private_ip,
                    &mut task.group,
                    &mut task.launch_type,
                    &mut task.arn,
                    &mut task.task_definition_arn,
                    &mut task.cluster_arn,
                ] {
                    poison(text);
                }
                for container in &mut task.containers {
                    for text in [
                        &mut container.image,
                        &mut container.image_digest,
                        &mut container.reason,
                        &mut container.runtime_id,
                        &mut container.health_status,
                        &mut container.last_status,
                    ] {
                        poison(text);
                    }
                    container.name.push_str(CANARY);
                }
            }
            Observation::Log(log) => {
                let stream = log.stream.as_deref().unwrap();
                log.container = Some(format!("{}{CANARY}", stream.split('/').nth(1).unwrap()));
                log.head.iter_mut().chain(&mut log.tail).for_each(|line| line.message.push_str(CANARY));
            }
            _ => {}
        }
    }
    let (mut tasks, _) = merge::by_task(said);
    let life = TaskLife::new(tasks.remove(0), NOW, 128);
    assert!(life.findings.iter().any(|finding| finding.text.contains("canary")));
    let page = html::draw(&[Shown { life: &life, trace_id: CANARY, trace_url: Some(CANARY) }], &style(80));
    assert!(page.matches("canary()").count() > 40);
    for markup in ["<img", "--></", "\u{202e}", "\0", "\u{2028}"] {
        assert!(!page.contains(markup), "{markup:?}");
    }
    assert_eq!(page.matches("</script>").count(), 2);
    let lines = data(&page)["lines"].as_array().unwrap().len();
    assert_eq!(lines, 8, "the data can still be read");
}

#[test]
fn several_tasks_are_one_page_with_a_way_to_each() {
    let lives = [example("nginx"), example("oom")];
    let shown = lives.each_ref().map(|life| Shown { life, trace_id: &life.task.id, trace_url: None });
    let page = html::draw(&shown, &style(80));
    assert_eq!(page.matches("<article ").count(), 2);
    for at in 0..2 {
        assert!(page.contains(&format!("href=\"#task-{at}\"")) && page.contains(&format!("id=\"task-{at}\"")), "{at}");
    }
}
