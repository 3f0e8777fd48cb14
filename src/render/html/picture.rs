//! The bars of a page as SVG, and the buttons that move them. Places are percents, so a bar is as wide as the page makes it. Main
//! function: [`bar`].

use maud::{Markup, html};

use super::scale::Scale;
use crate::render::rows::Row;
use crate::render::style::Tone;

/// The class that a tone's colours are under.
pub(in crate::render) const fn class(tone: Tone) -> &'static str {
    match tone {
        Tone::Plain | Tone::Title | Tone::Quiet => "plain",
        Tone::Launch => "launch",
        Tone::Running => "running",
        Tone::Stopping => "stopping",
        Tone::Bad => "bad",
        Tone::Warn => "warn",
    }
}

/// Of the width of the picture, a bar takes so much at least.
const LEAST: f64 = 0.0015;

/// A bar in a row of its own. It says nothing to a screen reader: name and length stand beside it.
pub(super) fn bar(row: &Row<'_>, scale: &Scale) -> Markup {
    html! {
        svg class="bar" aria-hidden="true" focusable="false" {
            @if let Some(bar) = row.bar {
                // However short, it can be seen, also at the end of the scale.
                @let left = scale.place(bar.start).min(1.0 - LEAST);
                @let right = scale.place(bar.end).max(left + LEAST);
                @let classes = [class(row.tone), if row.is_estimated() { "estimated" } else { "" }, if bar.open { "open" } else { "" }];
                @let classes = classes.iter().filter(|class| !class.is_empty()).copied().collect::<Vec<_>>().join(" ");
                rect class=(classes) x=(percent(left)) width=(percent(right - left)) y="3" height="14" rx="2" {}
                @if bar.open { text class="goes-on" x=(percent(right)) y="14" { "▸" } }
            }
        }
    }
}

pub(in crate::render) fn percent(part: f64) -> String {
    format!("{:.3}%", part * 100.0)
}

/// The buttons that zoom and move a timeline.
pub(in crate::render) fn zoom() -> Markup {
    html! {
        button type="button" data-do="in" aria-label="Zoom in" { "+" }
        button type="button" data-do="out" aria-label="Zoom out" { "−" }
        button type="button" data-do="left" aria-label="Earlier" { "←" }
        button type="button" data-do="right" aria-label="Later" { "→" }
        button type="button" data-do="all" { "All" }
    }
}
