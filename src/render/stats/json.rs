//! As JSON, for scripts. Main function: [`draw`]. Lengths are milliseconds.
//!
//! What is an `Option` with `skip_serializing_if` is there where it is asked for; all else always, null or empty where nothing is known.

use std::collections::BTreeSet;

use serde::Serialize;

use super::{View, heading, rule};
use crate::model::deployment::{self, Matter};
use crate::model::stats;
use crate::render::document::{self, Iso, Nanos};
use crate::render::report::PhaseSpread;
use crate::render::style::Style;

/// The version of the format.
const VERSION: u64 = 1;

/// Many tasks together, as `ecspan stats --format json` prints them.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct Document<'a> {
    /// The version of the format.
    #[cfg_attr(test, schemars(extend("const" = VERSION)))]
    ecspan_stats: u64,
    /// What has changed, in sentences, which may change.
    headline: Vec<String>,
    /// When the first task was created.
    from: Option<Iso>,
    /// The same.
    from_unix_nano: Option<Nanos>,
    /// When the last task was created.
    to: Option<Iso>,
    /// The same.
    to_unix_nano: Option<Nanos>,
    /// The services of these tasks.
    services: BTreeSet<&'a str>,
    /// The clusters of these tasks.
    clusters: Vec<&'a str>,
    /// So many tasks have no time at all.
    without_time: usize,
    /// When a difference matters.
    rule: String,
    /// What became slower or faster, and since when.
    changes: Vec<Change<'a>>,
    /// Tasks that failed, by reason.
    failures: Vec<Failures<'a>>,
    #[serde(flatten)]
    all: Summary,
    /// What groups are made by.
    #[serde(skip_serializing_if = "Option::is_none")]
    by: Option<String>,
    /// Each group.
    #[serde(skip_serializing_if = "Option::is_none")]
    groups: Option<Vec<Group<'a>>>,
    /// Groups in which a phase takes longer or shorter than in the others.
    #[serde(skip_serializing_if = "Option::is_none")]
    apart: Option<Vec<Apart<'a>>>,
}

/// How many tasks, and how long their phases took.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct Summary {
    /// How many.
    tasks: usize,
    /// So many of them started.
    started: usize,
    /// So many did not, and failed.
    failed_to_start: usize,
    /// So many failed after they had started.
    failed_later: usize,
    /// So many have not stopped.
    not_stopped: usize,
    /// Their phases.
    phases: Vec<Phase>,
}

/// A phase.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct Phase {
    #[serde(flatten)]
    spread: PhaseSpread<'static>,
    /// Its part of the launch, 0 to 1; null for what is no part of it.
    share: Option<f64>,
}

/// Tasks that failed for one reason.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct Failures<'a> {
    /// The reason.
    reason: &'a str,
    /// How many.
    count: usize,
    /// The first few.
    tasks: &'a [String],
}

/// A group.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct Group<'a> {
    #[serde(flatten)]
    summary: Summary,
    /// What these tasks have in common.
    group: &'a str,
}

/// A phase that differs.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct Difference<'a> {
    /// Its name.
    phase: &'a str,
    /// slower or faster.
    matters: &'static str,
    /// How long it takes.
    now: PhaseSpread<'a>,
    /// How long it took, or takes in the others.
    before: PhaseSpread<'a>,
}

/// A change.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct Change<'a> {
    #[serde(flatten)]
    difference: Difference<'a>,
    /// Of one service; null: of all together.
    service: Option<&'a str>,
    /// When it changed.
    since: Iso,
    /// The same.
    since_unix_nano: Nanos,
    /// The task definitions before and since, where it changed with them.
    revisions: Option<Revisions<'a>>,
}

/// Task definitions.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct Revisions<'a> {
    /// The one before.
    before: &'a str,
    /// The one since.
    now: &'a str,
}

/// A group that differs from the others.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct Apart<'a> {
    #[serde(flatten)]
    difference: Difference<'a>,
    /// Which group.
    group: &'a str,
}

/// The tasks as a JSON document that ends with a line end.
pub fn draw(view: &View<'_>, style: &Style) -> String {
    let time = |at| Iso::new(at, &style.zone);
    let (from, to) = view.stats.window().unzip();
    let apart =
        || view.apart.iter().map(|apart| Apart { difference: difference(&apart.difference), group: &apart.group });
    let groups = || view.groups.iter().map(|(group, summary)| Group { summary: self::summary(summary), group });
    document::pretty(&Document {
        ecspan_stats: VERSION,
        headline: view.headline(style),
        from: from.map(time),
        from_unix_nano: from.map(Nanos),
        to: to.map(time),
        to_unix_nano: to.map(Nanos),
        services: view.stats.services(),
        clusters: view.stats.clusters().collect(),
        without_time: view.stats.untimed,
        rule: rule(),
        changes: view.changes.iter().map(|one| change(one, style)).collect(),
        failures: view
            .stats
            .failures()
            .into_iter()
            .map(|group| Failures { reason: &group.reason, count: group.count, tasks: &group.tasks })
            .collect(),
        all: summary(&view.summary),
        by: view.by.map(|by| heading(by).to_lowercase()),
        groups: view.by.map(|_| groups().collect()),
        apart: view.by.map(|_| apart().collect()),
    })
}

fn change<'a>(change: &'a stats::Change, style: &Style) -> Change<'a> {
    Change {
        difference: difference(&change.difference),
        service: change.service.as_deref(),
        since: Iso::new(change.since, &style.zone),
        since_unix_nano: Nanos(change.since),
        revisions: change.revisions.as_ref().map(|(before, now)| Revisions { before, now }),
    }
}

fn summary(summary: &stats::Summary) -> Summary {
    let phase =
        |phase: &stats::PhaseStats| Phase { spread: PhaseSpread::new(phase.name, &phase.spread), share: phase.share };
    Summary {
        tasks: summary.tasks,
        started: summary.started,
        failed_to_start: summary.failed_to_start,
        failed_later: summary.failed_later,
        not_stopped: summary.running,
        phases: summary.phases.iter().map(phase).collect(),
    }
}

fn difference(difference: &deployment::Difference) -> Difference<'_> {
    Difference {
        phase: &difference.phase,
        matters: if difference.matter == Matter::Slower { "slower" } else { "faster" },
        now: PhaseSpread::new(&difference.phase, &difference.now),
        before: PhaseSpread::new(&difference.phase, &difference.before),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema;
    use expect_test::expect_file;

    #[test]
    fn its_schema_is_published() {
        expect_file!["../../../docs/json/stats.schema.json"]
            .assert_eq(&schema::of::<Document<'_>>("Many tasks: ecspan stats --format json"));
    }
}
