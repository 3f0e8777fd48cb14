//! One id, one form: whatever the options, whoever sends it and whatever else is known, a span id has the same bytes. Every set
//! of options with every way in, over every example; two forms of one id show in Jaeger as "duplicate span IDs".

use std::collections::BTreeMap;
use std::path::Path;

use ecspan::model::merge;
use ecspan::model::observation::Observation;
use ecspan::model::{TaskLife, Time};
use ecspan::source::files::read_bytes;
use ecspan::trace::{TaskTrace, TraceOptions};
use serde_json::{Value, json};

use super::examples::observations;

const NOW: Time = Time::from_unix_nanos(1_795_435_200_000_000_000);

/// A task's answer with its times as events have them, and without what they lack.
fn detail(task: &Value) -> Value {
    let mut detail = task.clone();
    let fields = detail.as_object_mut().unwrap();
    fields.remove("healthStatus");
    for (name, value) in fields.iter_mut().filter(|(name, _)| name.ends_with("At")) {
        let time: jiff::Timestamp = value.as_str().unwrap().parse().unwrap_or_else(|error| panic!("{name}: {error}"));
        *value = json!(time.to_string());
    }
    fields.insert("updatedAt".to_owned(), json!("2026-11-26T00:00:00Z"));
    for container in fields["containers"].as_array_mut().unwrap() {
        container.as_object_mut().unwrap().remove("healthStatus");
    }
    detail
}

fn event(detail: &Value) -> String {
    json!({ "detail-type": "ECS Task State Change", "source": "aws.ecs", "time": "2026-11-26T00:00:00Z", "detail": detail })
        .to_string()
}

/// The task before it stopped, or before it had started.
fn earlier(detail: &Value, version: u64, status: &str, unknown: &[&str]) -> Value {
    let mut earlier = detail.clone();
    let fields = earlier.as_object_mut().unwrap();
    for name in ["stoppingAt", "executionStoppedAt", "stoppedAt", "stopCode", "stoppedReason"].iter().chain(unknown) {
        fields.remove(*name);
    }
    fields.insert("lastStatus".to_owned(), json!(status));
    fields.insert("version".to_owned(), json!(version));
    for container in fields["containers"].as_array_mut().unwrap() {
        let container = container.as_object_mut().unwrap();
        container.insert("lastStatus".to_owned(), json!(status));
        for name in ["exitCode", "reason"] {
            container.remove(name);
        }
    }
    earlier
}

/// What the example's task is known by: the answer, the event, all its events, those until it ran.
fn ways(task: &Value) -> Vec<Vec<Observation>> {
    let detail = detail(task);
    let launching = earlier(&detail, 1, "PENDING", &["startedAt", "pullStoppedAt"]);
    let running = earlier(&detail, 2, "RUNNING", &[]);
    let history = [&launching, &running, &detail].map(event).join("\n");
    [json!({ "tasks": [task] }).to_string(), event(&detail), history, event(&running), event(&launching)]
        .iter()
        .map(|text| read_bytes("input.json", text.as_bytes()).unwrap().observations)
        .collect()
}

fn option_sets() -> Vec<TraceOptions> {
    let mut sets = vec![];
    for bits in 0..16 {
        let is = |bit: u32| bits & (1 << bit) != 0;
        sets.push(TraceOptions {
            all_containers: is(0),
            no_containers: is(1),
            no_logs: is(2),
            records: is(3),
            ..TraceOptions::default()
        });
    }
    sets
}

/// The forms of each id, each with who sent it first.
#[derive(Default)]
struct Forms(BTreeMap<String, BTreeMap<String, String>>);

impl Forms {
    fn add(&mut self, trace: &TaskTrace, who: &str) {
        let mut resource: Vec<String> = trace.resource.iter().map(|(key, value)| format!("{key}={value}")).collect();
        resource.sort();
        for span in &trace.spans {
            let id = format!("{} {}", span.span_context.trace_id(), span.span_context.span_id());
            let form = format!("{resource:?} {span:?}");
            self.0.entry(id).or_default().entry(form).or_insert_with(|| who.to_owned());
        }
    }

    fn assert_one_each(&self) {
        for (id, forms) in &self.0 {
            assert!(forms.len() == 1, "{id} has {} forms:\n{forms:#?}", forms.len());
        }
    }
}

#[test]
fn no_option_no_sender_and_no_knowledge_changes_a_span() {
    let mut forms = Forms::default();
    let mut logs_seen = 0;
    for name in ["nginx", "oom", "wrong-image", "rollout"] {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples").join(name);
        let file = ["task.json", "tasks.json"].iter().map(|file| folder.join(file)).find(|path| path.exists());
        let answer: Value = serde_json::from_slice(&std::fs::read(file.unwrap()).unwrap()).unwrap();
        let beside =
            |is: fn(&Observation) -> bool| -> Vec<Observation> { observations(name).into_iter().filter(is).collect() };
        let logs = beside(|one| matches!(one, Observation::Log(_)));
        let definitions = beside(|one| matches!(one, Observation::Definition(_)));
        for task in answer["tasks"].as_array().unwrap() {
            let one_task = answer["tasks"].as_array().unwrap().len() == 1;
            for (way, seen) in ways(task).into_iter().enumerate() {
                for known in 0..4 {
                    let mut seen = seen.clone();
                    seen.extend(logs.iter().filter(|_| known & 1 != 0 && one_task).cloned());
                    seen.extend(definitions.iter().filter(|_| known & 2 != 0).cloned());
                    for lines in [1, 7, 128] {
                        let (tasks, _) = merge::by_task(seen.clone());
                        for task in tasks {
                            let life = TaskLife::new(task, NOW, lines);
                            for options in option_sets() {
                                let trace = TaskTrace::new(&life, &options);
                                logs_seen += trace.spans.iter().filter(|span| span.name == "log").count();
                                let who = format!("{name}, way {way}, known {known}, {lines} lines, {options:?}");
                                forms.add(&trace, &who);
                            }
                        }
                    }
                }
            }
        }
    }
    assert!(logs_seen > 0);
    forms.assert_one_each();
}

#[test]
fn a_log_of_which_more_was_read_is_another_span() {
    let logs = |limit: usize| -> Vec<String> {
        let (tasks, _) = merge::by_task(observations("oom"));
        let lives = tasks.into_iter().map(|task| TaskLife::new(task, NOW, limit));
        let spans = lives.flat_map(|life| TaskTrace::new(&life, &TraceOptions::default()).spans);
        spans.filter(|span| span.name == "log").map(|span| span.span_context.span_id().to_string()).collect()
    };
    assert_eq!(logs(128), logs(10_000), "both have the whole log");
    assert!(logs(128).iter().all(|id| !logs(2).contains(id)));
}
