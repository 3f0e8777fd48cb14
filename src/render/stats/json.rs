//! As JSON, for scripts. Main function: [`draw`]. `ecspan_stats` is the version of the format; fields may be added, never changed. Lengths are
//! milliseconds.

use serde_json::{Value, json};

use super::{View, heading, rule};
use crate::model::deployment::{Difference, Matter};
use crate::model::stats::{PhaseStats, Summary};
use crate::render::escape;
use crate::render::moment::iso;
use crate::render::report::spread_json;
use crate::render::style::Style;

/// The version of the format.
const VERSION: u64 = 1;

/// The tasks as a JSON document that ends with a line end.
pub fn draw(view: &View<'_>, style: &Style) -> String {
    let time = |at| iso(at, &style.zone);
    let changes = view.changes.iter().map(|change| {
        let mut found = difference(&change.difference);
        found["service"] = json!(change.service);
        found["since"] = json!(time(change.since));
        found["revisions"] =
            json!(change.revisions.as_ref().map(|(before, now)| json!({"before": before, "now": now})));
        found
    });
    let apart = view.apart.iter().map(|apart| {
        let mut found = difference(&apart.difference);
        found["group"] = json!(apart.group);
        found
    });
    let groups = view.groups.iter().map(|(name, summary)| {
        let mut found = self::summary(summary);
        found["group"] = json!(name);
        found
    });
    let mut document = json!({
        "ecspan_stats": VERSION,
        "headline": view.headline(style),
        "from": view.stats.window().map(|(from, _)| time(from)),
        "to": view.stats.window().map(|(_, to)| time(to)),
        "services": view.stats.services(),
        "clusters": view.stats.clusters().collect::<Vec<_>>(),
        "without_time": view.stats.untimed,
        "rule": rule(),
        "changes": changes.collect::<Vec<_>>(),
        "failures": view.stats.failures().iter().map(|group| json!({
            "reason": group.reason, "count": group.count, "tasks": group.tasks,
        })).collect::<Vec<_>>(),
    });
    if let (Some(all), Value::Object(own)) = (document.as_object_mut(), self::summary(&view.summary)) {
        all.extend(own);
    }
    if let Some(by) = view.by {
        document["by"] = json!(heading(by).to_lowercase());
        document["groups"] = groups.collect();
        document["apart"] = apart.collect();
    }
    escape::json(&format!("{document:#}\n"))
}

fn summary(summary: &Summary) -> Value {
    json!({
        "tasks": summary.tasks,
        "started": summary.started,
        "failed_to_start": summary.failed_to_start,
        "failed_later": summary.failed_later,
        "not_stopped": summary.running,
        "phases": summary.phases.iter().map(phase).collect::<Vec<_>>(),
    })
}

fn phase(phase: &PhaseStats) -> Value {
    let mut found = spread_json(phase.name, &phase.spread);
    found["share"] = json!(phase.share);
    found
}

fn difference(difference: &Difference) -> Value {
    json!({
        "phase": difference.phase,
        "matters": if difference.matter == Matter::Slower { "slower" } else { "faster" },
        "now": spread_json(&difference.phase, &difference.now),
        "before": spread_json(&difference.phase, &difference.before),
    })
}
