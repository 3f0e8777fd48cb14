//! The log lines of a page: the last of a container, and what the script shows all of them with. Main functions: [`last`], [`parts`].

use maud::{Markup, html};

use super::text::{count, name, shown};
use crate::model::log::{ContainerLog, LogLine};
use crate::model::{Time, severity};
use crate::render::moment::offset;

/// So many of a container's last lines stand under it, whatever the log's own list shows.
const LAST_LINES: usize = 8;
/// Of a line that stands in a page's text, so many characters.
const LINE: usize = 400;

/// The last lines of a container's log, told from a time on.
pub(in crate::render) fn last(container: &str, log: &ContainerLog, zero: Option<Time>) -> Markup {
    let lines: Vec<&LogLine> = log.lines().collect();
    let last = lines.get(lines.len().saturating_sub(LAST_LINES)..).unwrap_or_default();
    html! {
        @if !last.is_empty() {
            p class="quiet" { @if last.len() < lines.len() { "The last " (last.len()) " of " (count(lines.len(), "line")) } @else { (count(lines.len(), "line")) } }
            (excerpt(container, last.iter().copied(), zero))
        }
    }
}

/// Lines of a container.
pub(in crate::render) fn excerpt<'a>(
    container: &str,
    lines: impl Iterator<Item = &'a LogLine>,
    zero: Option<Time>,
) -> Markup {
    html! {
        ol class="excerpt" tabindex="0" aria-label={ "Last lines of " (name(container)) } {
            @for line in lines { li class=[severe(line)] { span class="at" { (zero.map_or(String::new(), |zero| offset(line.time, zero))) } " " (cut(&line.message)) } }
        }
    }
}

fn severe(line: &LogLine) -> Option<&'static str> {
    severity::of(&line.message).and_then(|severity| match severity.number {
        17.. => Some("error"),
        13.. => Some("warning"),
        _ => None,
    })
}

fn cut(message: &str) -> String {
    let safe = shown(message);
    match safe.char_indices().nth(LINE) {
        Some((end, _)) => format!("{}…", safe.get(..end).unwrap_or_default()),
        None => safe,
    }
}

/// What the script shows a log with: `total` lines, of one container or of several. `id` names its heading, `zero` what times are
/// counted from.
pub(in crate::render) fn parts(total: usize, id: &str, has_several: bool, zero: &str) -> Markup {
    html! {
        p class="quiet" { "Times are counted from " (zero) "." }
        div class="tools" hidden {
            label { "Filter " input type="search" class="filter" autocomplete="off" spellcheck="false" placeholder="text"; }
            label { "Severity " select class="severity" {
                option value="-2" { "all" } option value="9" { "info and above" } option value="13" { "warnings and above" } option value="17" { "errors" }
            } }
            @if has_several { label { "Container " select class="container" { option value="" { "all" } } } }
            label { input type="checkbox" class="in-view"; " only what the timeline shows" }
            output class="count" aria-live="polite" { (count(total, "line")) }
        }
        div class="lines" hidden tabindex="0" role="list" aria-labelledby=(id) { div class="pad" role="presentation" {} }
        div class="line-whole" hidden { div class="tools" { span class="about" {} button type="button" class="copy" { "Copy" } button type="button" class="close" { "Close" } } pre tabindex="0" aria-label="The whole line" {} }
    }
}
