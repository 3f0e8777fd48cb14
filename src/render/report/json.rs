//! The report as JSON: for scripts, and for the next deployment's `--baseline`. Main function: [`draw`].
//!
//! `ecspan_report` is the version of the format; fields may be added, never changed. Lengths are milliseconds.

use serde_json::{Map, Value, json};

use super::Report;
use super::sentences;
use crate::model::deployment::{DeployedTask, Matter, REPORT_VERSION, Spread};
use crate::model::phases::Phase;
use crate::render::escape;
use crate::render::moment::iso;
use crate::render::style::Style;

/// Of larger deployments only failed launches are listed one by one.
const MOST_LISTED: usize = 500;

/// The report as a JSON document that ends with a line end.
pub fn draw(report: &Report<'_>, style: &Style) -> String {
    let (life, deployment) = (report.life, &report.life.deployment);
    let zone = &style.zone;
    let time = |at| json!(iso(at, zone));
    let started = life.first_and_last_started();
    let is_listed = |task: &&DeployedTask| life.launches.len() <= MOST_LISTED || task.has_failed();
    let document = object([
        ("ecspan_report", json!(REPORT_VERSION)),
        ("headline", json!(sentences::first_lines(report))),
        ("cluster_arn", json!(deployment.cluster_arn)),
        ("service", json!(deployment.service)),
        ("deployment", json!(deployment.id)),
        ("service_deployment_arn", json!(deployment.arn)),
        ("task_definition", json!(deployment.task_definition)),
        ("trace_id", json!(report.trace_id)),
        ("trace_url", json!(report.trace_url)),
        ("outcome", json!(sentences::outcome_word(report))),
        ("deleted", json!(deployment.deleted)),
        ("stage", json!(deployment.stage)),
        ("reason", json!(deployment.outcome.reason)),
        ("said_by", json!(deployment.standing_said_by())),
        ("timed_out", if report.timed_out { json!(true) } else { Value::Null }),
        ("strategy", json!(deployment.strategy)),
        ("reached", json!(report.reached)),
        ("failing", report.bad.map_or(Value::Null, |bad| object([("reason", json!(bad.reason)), ("finding", json!(bad.finding))]))),
        ("created", json!(deployment.created.map(time))),
        ("created_estimated", if deployment.created_estimated { json!(true) } else { Value::Null }),
        ("started", json!(deployment.started.map(time))),
        ("finished", json!(deployment.finished.map(|finish| time(finish.at)))),
        ("finished_source", json!(deployment.finished.map(|finish| finish.source))),
        ("as_of", json!(life.saved.filter(|_| !deployment.is_over()).map(time))),
        ("duration_ms", json!(deployment.created.zip(deployment.finished).map(|(a, b)| millis(b.at.since(a))))),
        ("path", life.path().map_or(Value::Null, |path| json!({
            "launch_ms": millis(path.launch), "stopping_ms": millis(path.stopping), "waiting_ms": millis(path.waiting),
        }))),
        ("rollback", deployment.rollback.as_ref().map_or(Value::Null, |rollback| object([
            ("started", json!(rollback.started.map(time))),
            ("finished", json!(rollback.finished.map(time))),
            ("reason", json!(rollback.reason)),
            ("deployment", json!(rollback.deployment)),
        ]))),
        ("circuit_breaker", deployment.circuit_breaker.as_ref().map_or(Value::Null, |breaker| object([
            ("status", json!(breaker.status)),
            ("failures", json!(breaker.failures)),
            ("threshold", json!(breaker.threshold)),
        ]))),
        ("triggered_alarms", if deployment.triggered_alarms.is_empty() { Value::Null } else { json!(deployment.triggered_alarms) }),
        ("tasks", object([
            ("desired", json!(deployment.desired)),
            ("launched", json!(life.launches.len())),
            ("started", json!(life.started())),
            ("failed", json!(life.failed())),
            ("failed_as_ecs_counts", json!(deployment.failed_tasks)),
            ("stopped", json!(life.stops.len())),
        ])),
        ("first_started_ms", json!(started.map(|(first, _)| millis(first)))),
        ("last_started_ms", json!(started.map(|(_, last)| millis(last)))),
        ("phases", life.phases().into_iter().map(|(name, of)| spread(name, &of)).collect()),
        ("stopping", life.stopping().map_or(Value::Null, |of| spread("stopping", &of))),
        ("slowest", life.slowest().map_or(Value::Null, |task| launch(task, style))),
        ("failures", life.failures().into_iter().map(|group| object([
            ("reason", json!(group.reason)),
            ("count", json!(group.count)),
            ("tasks", json!(group.tasks)),
            ("sample", group.sample.as_ref().map_or(Value::Null, |sample| object([
                ("task", json!(sample.task_id)),
                ("container", json!(sample.container)),
                ("lines", sample.lines.iter().map(|line| json!({"time": iso(line.time, zone), "message": line.message})).collect()),
            ]))),
        ])).collect()),
        ("findings", life.findings.iter().map(|(kind, found)| {
            json!({"id": kind.id(), "count": found.count, "old_tasks": found.old, "task": found.task_id, "text": found.text})
        }).collect()),
        ("actions", if life.deployment.actions.is_empty() { Value::Null } else { life.deployment.actions.iter().map(|action| object([
            ("time", json!(iso(action.at, zone))),
            ("name", json!(action.name)),
            ("level", json!(action.level)),
            ("reason", json!(action.reason)),
            ("message", json!(action.words())),
            ("source", json!(action.source.name())),
            ("finding", json!(action.is_problem().then(|| action.finding()))),
        ])).collect() }),
        ("apart", life.apart().map(|apart| json!({"what": apart.what, "count": apart.count, "tasks": apart.tasks})).collect()),
        ("baseline", report.comparison.map_or(Value::Null, |comparison| object([
            ("origin", json!(comparison.baseline.origin)),
            ("deployment", json!(comparison.baseline.deployment)),
            ("outcome", json!(comparison.baseline.outcome)),
            ("rule", json!(sentences::RULE)),
            ("differences", comparison.differences.iter().map(|difference| json!({
                "phase": difference.phase,
                "p50_ms": millis(difference.now.p50),
                "baseline_p50_ms": millis(difference.before.p50),
                "tasks": difference.now.count,
                "baseline_tasks": difference.before.count,
                "matters": match difference.matter {
                    Matter::Slower => "slower",
                    Matter::Faster => "faster",
                    Matter::Same => "no",
                    Matter::Small => "small sample",
                },
            })).collect()),
        ]))),
        ("launches", life.launches.iter().filter(is_listed).map(|task| launch(task, style)).collect()),
        ("service_events", deployment.events().map(|event| json!({"time": iso(event.at, zone), "message": event.message})).collect()),
        ("service_events_cut", if deployment.events_cut { json!(true) } else { Value::Null }),
        ("gaps", report.gaps.iter().map(|gap| json!({"what": gap.what, "why": gap.why})).collect()),
        ("notes", json!(report.notes)),
    ]);
    escape::json(&format!("{document:#}\n"))
}

fn millis(length: std::time::Duration) -> f64 {
    length.as_nanos() as f64 / 1e6
}

pub(in crate::render) fn spread(name: &str, spread: &Spread) -> Value {
    json!({
        "name": name,
        "tasks": spread.count,
        "q1_ms": millis(spread.q1),
        "p50_ms": millis(spread.p50),
        "q3_ms": millis(spread.q3),
        "p95_ms": millis(spread.p95),
        "max_ms": millis(spread.max),
        "small_sample": sentences::is_small(spread),
    })
}

fn launch(task: &DeployedTask, style: &Style) -> Value {
    let (start, end) = task.launch().unzip();
    let end = end.flatten();
    let phase = |phase: &Phase| {
        let length = phase.length()?;
        Some(json!({"name": phase.kind.name(), "duration_ms": millis(length)}))
    };
    let launch = task.phases.iter().flat_map(|phases| phases.all());
    let is_launch = |phase: &&Phase| {
        use crate::model::phases::PhaseKind::{PlacementAndNetwork, WaitingForPull};
        phase.kind.is_launch() || matches!(phase.kind, PlacementAndNetwork | WaitingForPull)
    };
    object([
        ("task", json!(task.id)),
        ("availability_zone", json!(task.zone)),
        ("created", json!(start.map(|start| iso(start, &style.zone)))),
        ("launch_ms", json!(start.zip(end).map(|(start, end)| millis(end.since(start))))),
        ("has_started", json!(task.has_started())),
        ("end", json!(task.end.map(|end| end.name()))),
        ("failure", json!(task.failure.as_ref().filter(|_| task.has_failed()).map(|failure| &failure.description))),
        ("phases", launch.filter(is_launch).filter_map(phase).collect()),
    ])
}

/// Absent facts are absent, not null.
fn object<const N: usize>(fields: [(&str, Value); N]) -> Value {
    let known = fields.into_iter().filter(|(_, value)| !value.is_null());
    Value::Object(known.map(|(key, value)| (key.to_owned(), value)).collect::<Map<_, _>>())
}
