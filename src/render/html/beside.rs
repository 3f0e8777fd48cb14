//! Two tasks beside one another, above the articles of both. Main function: [`section`].

use std::time::Duration;

use maud::{Markup, html};

use super::picture::percent;
use super::text::{folded, name, shown, together};
use crate::model::duration;
use crate::render::compare::{Compared, Line, Side, signed};

/// Of the width of the picture, a bar takes so much at least.
const LEAST: f64 = 0.004;

/// What the two are called.
pub(super) const SIDES: [&str; 2] = ["A", "B"];

/// What differs, first in words, then phase by phase from a common zero.
pub(super) fn section(compared: &Compared<'_>) -> Markup {
    html! {
        section class="beside" aria-labelledby="beside" {
            h1 id="beside" { (name(compared.lives[0].family())) " beside " (name(compared.lives[1].family())) }
            ul class="sides" { @for (at, life) in compared.lives.iter().enumerate() {
                li {
                    span class="side" { (SIDES[at]) } " " a href={ "#task-" (at) } { (name(life.family())) " " code { (shown(&life.task.id)) } } " "
                    svg class="sample" aria-hidden="true" { rect class=(bar_class(at, false)) x="1" y="1" width="26" height="10" {} }
                    @if at == 0 && compared.lines.iter().any(Line::is_slower) { " " svg class="sample" aria-hidden="true" { rect class=(bar_class(at, true)) x="1" y="1" width="26" height="10" {} } " where it is slower" }
                }
            } }
            ul class="found" { @for said in &compared.said { li class="remark" { span class="mark" aria-hidden="true" { "•" } (folded(said)) } } }
            div class="scroll" tabindex="0" role="group" aria-label="Table of both" {
                table {
                    thead { tr {
                        th scope="col" { "Phase" } th scope="col" class="number" { "A takes" } th scope="col" class="number" { "B takes" }
                        th scope="col" class="number" { "A − B" } th scope="col" { "A is" } th scope="col" class="wide" { "The launches, from a common zero: A above B" }
                    } }
                    tbody { @for line in &compared.lines { (row(line, compared.span)) } }
                }
            }
        }
    }
}

fn row(line: &Line, span: Duration) -> Markup {
    let length = |side: Option<Side>| match side {
        Some(Side { length: Some(length), .. }) => duration::exact(length),
        Some(Side { length: None, .. }) => "goes on".to_owned(),
        None => String::new(),
    };
    html! {
        tr class=(if line.is_inner { "depth-2" } else { "depth-1" }) {
            th scope="row" { (line.name) }
            @for side in line.sides { td class="number" { (together(&length(side))) } }
            td class="number" { @if let Some(difference) = line.difference() { (together(&signed(difference))) } }
            td class="word" { @if let Some(word) = line.matters() { span class=(if line.is_slower() { "bad" } else { "running" }) { @if line.is_slower() { "✗ " } (word) } } }
            td class="wide" { (pair(line, span)) }
        }
        // Where the picture has no room beside the numbers it is under them.
        @if line.sides.iter().flatten().any(|side| side.bar().is_some()) {
            tr class="under" aria-hidden="true" { td colspan="5" { (pair(line, span)) } }
        }
    }
}

/// The bars of both, one above the other.
fn pair(line: &Line, span: Duration) -> Markup {
    html! {
        svg class="pair" aria-hidden="true" focusable="false" {
            @for (at, side) in line.sides.iter().enumerate() {
                @if let Some((begins, length)) = side.and_then(Side::bar) {
                    rect class=(bar_class(at, line.is_slower())) x=(percent(part(begins, span).min(1.0 - LEAST))) width=(percent(part(length, span).max(LEAST))) y=(3 + at * 11) height="8" {}
                }
            }
        }
    }
}

/// The colour of the first (0) and the other.
const fn bar_class(side: usize, is_slower: bool) -> &'static str {
    match (side, is_slower) {
        (0, true) => "bad",
        (0, false) => "launch",
        _ => "plain",
    }
}

fn part(length: Duration, span: Duration) -> f64 {
    if span.is_zero() { 0.0 } else { length.as_secs_f64() / span.as_secs_f64() }
}
