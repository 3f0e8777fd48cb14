//! For the terminal. Main function: [`draw`].

use super::{View, heading, launch, mostly, rule, share};
use crate::model::duration::short;
use crate::render::report::{failure, named};
use crate::render::style::{Style, Tone};
use crate::render::table::Table;
use crate::render::wrap::wrapped;

/// Draws the tasks.
pub fn draw(view: &View<'_>, style: &Style) -> String {
    let mut out = String::new();
    let tone = if view.changes.is_empty() { Tone::Title } else { Tone::Warn };
    for said in view.headline(style) {
        wrapped(&mut out, "", tone, &said, style);
    }
    if view.stats.is_empty() {
        return out;
    }
    out.push('\n');
    wrapped(&mut out, "", Tone::Plain, &view.about(style).join(style.pick(" · ", ", ")), style);
    wrapped(&mut out, "tasks: ", Tone::Plain, &view.counts(), style);
    if !view.summary.phases.is_empty() {
        out.push('\n');
        let mut table = Table::new(["PHASE", "TASKS", "P50", "P95", "MAX", "SHARE"]);
        for phase in &view.summary.phases {
            let [p50, p95, max] = [phase.spread.p50, phase.spread.p95, phase.spread.max].map(short);
            // What is inside provisioning is no more of the whole.
            let name = if phase.is_part() { format!("  {}", phase.name) } else { phase.name.to_owned() };
            table.push([name, phase.spread.count.to_string(), p50, p95, max, share(phase)]);
        }
        out.push_str(&table.draw(style));
    }
    let (reasons, more) = view.reasons();
    if !reasons.is_empty() {
        out.push('\n');
    }
    for group in reasons {
        wrapped(&mut out, style.pick("✗ ", "x "), Tone::Bad, &failure(group), style);
        wrapped(&mut out, "  ", Tone::Quiet, &named(group.count, &group.tasks), style);
    }
    if more > 0 {
        wrapped(&mut out, "  ", Tone::Quiet, &format!("{more} more reasons"), style);
    }
    if let Some(by) = view.by {
        out.push('\n');
        let mut table =
            Table::new([heading(by), "TASKS", "FAILED", "LAUNCH P50", "P95", "MAX", "MOSTLY"]).giving_way(&[0]);
        for (name, summary) in &view.groups {
            let [p50, p95, max] = launch(summary);
            let (tasks, failed) = (summary.tasks.to_string(), summary.failed().to_string());
            table.push([name.clone(), tasks, failed, p50, p95, max, mostly(summary)]);
        }
        out.push_str(&table.draw(style));
    }
    if !view.changes.is_empty() || !view.apart.is_empty() {
        out.push('\n');
        wrapped(&mut out, "", Tone::Quiet, &rule(), style);
    }
    out
}
