//! For the terminal. Main function: [`draw`].

use super::{View, heading, launch, mostly, rule, share};
use crate::model::duration::short;
use crate::model::stats::By;
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
        let left_out = phases(&mut out, view, style);
        if !left_out.is_empty() {
            let text = format!("{left_out}: in a wider terminal, or by --format json");
            wrapped(&mut out, "", Tone::Quiet, &text, style);
        }
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
        groups(&mut out, by, view, style);
    }
    if !view.changes.is_empty() || !view.apart.is_empty() {
        out.push('\n');
        wrapped(&mut out, "", Tone::Quiet, &rule(), style);
    }
    out
}

/// The table of phases, with as many columns as have room. Says which have not.
fn phases(out: &mut String, view: &View<'_>, style: &Style) -> &'static str {
    let rows = || {
        view.summary.phases.iter().map(|phase| {
            let [p50, p95, max] = [phase.spread.p50, phase.spread.p95, phase.spread.max].map(short);
            // What is inside provisioning is no more of the whole.
            let name = if phase.is_part() { format!("  {}", phase.name) } else { phase.name.to_owned() };
            [name, phase.spread.count.to_string(), p50, p95, max, share(phase)]
        })
    };
    let mut all = Table::new(["PHASE", "TASKS", "P50", "P95", "MAX", "SHARE"]);
    rows().for_each(|row| all.push(row));
    if all.fits(style.width) {
        out.push_str(&all.draw(style));
        return "";
    }
    let mut some = Table::new(["PHASE", "P50", "P95", "SHARE"]);
    rows().for_each(|[name, _, p50, p95, _, share]| some.push([name, p50, p95, share]));
    if some.fits(style.width) {
        out.push_str(&some.draw(style));
        return "TASKS and MAX";
    }
    let mut few = Table::new(["PHASE", "P50", "SHARE"]).giving_way(&[0]);
    rows().for_each(|[name, _, p50, _, _, share]| few.push([name, p50, share]));
    out.push_str(&few.draw(style));
    "TASKS, P95 and MAX"
}

/// The table of groups, in little room without what is not typical.
fn groups(out: &mut String, by: By, view: &View<'_>, style: &Style) {
    let rows = || {
        view.groups.iter().map(|(name, summary)| {
            let [p50, p95, max] = launch(summary);
            [name.clone(), summary.tasks.to_string(), summary.failed().to_string(), p50, p95, max, mostly(summary)]
        })
    };
    let mut all = Table::new([heading(by), "TASKS", "FAILED", "LAUNCH P50", "P95", "MAX", "MOSTLY"]).giving_way(&[0]);
    rows().for_each(|row| all.push(row));
    let mut few = Table::new([heading(by), "TASKS", "FAILED", "LAUNCH P50", "MOSTLY"]).giving_way(&[0]);
    rows().for_each(|[name, tasks, failed, p50, _, _, mostly]| few.push([name, tasks, failed, p50, mostly]));
    out.push_str(&if all.fits(style.width) { all.draw(style) } else { few.draw(style) });
}
