//! As Markdown. Main function: [`draw`].

use super::{View, heading, launch, mostly, rule, share};
use crate::model::duration::short;
use crate::render::markup::text;
use crate::render::report::{failure, named};
use crate::render::style::Style;

/// Draws the tasks.
pub fn draw(view: &View<'_>, style: &Style) -> String {
    let mut blocks: Vec<String> = view.headline(style).iter().map(|said| format!("**{}**", text(said))).collect();
    if !view.stats.is_empty() {
        blocks.push(format!("- {}\n- {}", text(&view.about(style).join(" · ")), text(&view.counts())));
    }
    if !view.summary.phases.is_empty() {
        let mut rows =
            vec!["| phase | tasks | p50 | p95 | max | share |".to_owned(), "|---|---:|---:|---:|---:|---:|".to_owned()];
        rows.extend(view.summary.phases.iter().map(|phase| {
            let [p50, p95, max] = [phase.spread.p50, phase.spread.p95, phase.spread.max].map(short);
            format!("| {} | {} | {p50} | {p95} | {max} | {} |", phase.name, phase.spread.count, share(phase))
        }));
        blocks.push(rows.join("\n"));
    }
    let (reasons, more) = view.reasons();
    let mut failures: Vec<String> = reasons
        .iter()
        .map(|group| format!("- {} ({})", text(&failure(group)), text(&named(group.count, &group.tasks))))
        .collect();
    failures.extend((more > 0).then(|| format!("- {more} more reasons")));
    if !failures.is_empty() {
        blocks.push(failures.join("\n"));
    }
    if let Some(by) = view.by {
        let by = heading(by).to_lowercase();
        let mut rows = vec![
            format!("| {by} | tasks | failed | launch p50 | p95 | max | mostly |"),
            "|---|---:|---:|---:|---:|---:|---|".to_owned(),
        ];
        rows.extend(view.groups.iter().map(|(name, summary)| {
            let [p50, p95, max] = launch(summary);
            format!(
                "| {} | {} | {} | {p50} | {p95} | {max} | {} |",
                text(name),
                summary.tasks,
                summary.failed(),
                mostly(summary)
            )
        }));
        blocks.push(rows.join("\n"));
    }
    if !view.changes.is_empty() || !view.apart.is_empty() {
        blocks.push(text(&rule()));
    }
    blocks.join("\n\n") + "\n"
}
