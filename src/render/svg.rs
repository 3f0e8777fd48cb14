//! The waterfall as an SVG picture, as a terminal shows it: for a README or a wiki, which run no script. Main function: [`draw`]; a task at a time: [`Picture`].
//!
//! Light or dark as the reader's system is. Each run of one colour stands at its own column, so that bars meet whatever the font.

use std::borrow::Cow;

use super::style::Style;
use super::{escape, waterfall};
use crate::model::{AsOf, TaskLife};

/// How wide a column is, and how high a line.
const COLUMN: f64 = 8.4;
const LINE: usize = 18;
const MARGIN: usize = 16;

/// The colours of the terminal's tones, light and dark, by the ANSI code that a tone begins with.
const CLASSES: [(&str, &str, &str, &str); 7] = [
    ("\u{1b}[1m", "t", "#1c1f24;font-weight:700", "#e7eaee"),
    ("\u{1b}[2m", "q", "#555d68", "#a3acb8"),
    ("\u{1b}[36m", "l", "#0e7490", "#22b8cf"),
    ("\u{1b}[32m", "r", "#15803d", "#4ac26b"),
    ("\u{1b}[35m", "s", "#a21caf", "#d67be8"),
    ("\u{1b}[1m\u{1b}[31m", "b", "#b91c1c;font-weight:700", "#ff7b72"),
    ("\u{1b}[33m", "w", "#8a5a00", "#e3b341"),
];

/// Draws these tasks, each with its trace id, under one another.
pub fn draw<'a>(tasks: impl IntoIterator<Item = (&'a TaskLife, &'a str)>, style: &Style) -> String {
    let mut picture = Picture::default();
    tasks.into_iter().for_each(|(life, trace_id)| picture.push(life, trace_id, style));
    picture.finish(style)
}

/// A picture in the making: of each task what is drawn of it, and no more.
#[derive(Debug, Default)]
pub struct Picture {
    drawn: Vec<String>,
    title: String,
}

impl Picture {
    /// Adds a task.
    pub fn push(&mut self, life: &TaskLife, trace_id: &str, style: &Style) {
        self.title = format!("Waterfall of task {}", life.family());
        // Who looks at a picture does so later: in it there is no "now".
        let as_it_was = match life.as_of {
            AsOf::Now(at) if !life.is_stopped() => Cow::Owned(TaskLife { as_of: AsOf::Saved(at), ..life.clone() }),
            _ => Cow::Borrowed(life),
        };
        self.drawn.push(waterfall::draw(&as_it_was, trace_id, &Style { color: true, ..style.clone() }));
    }

    /// The picture, as one document.
    pub fn finish(&self, style: &Style) -> String {
        let title = match self.drawn.len() {
            1 => self.title.clone(),
            count => format!("Waterfalls of {count} tasks"),
        };
        document(&title, &self.drawn.join("\n"), style)
    }
}

fn document(title: &str, drawn: &str, style: &Style) -> String {
    let lines: Vec<&str> = drawn.lines().collect();
    let (width, height) = (style.width as f64 * COLUMN + 2.0 * MARGIN as f64, lines.len() * LINE + 2 * MARGIN);
    let of = |dark: bool| {
        CLASSES
            .iter()
            .map(|(_, class, light, night)| format!(".{class}{{fill:{}}}", if dark { night } else { light }))
            .collect::<String>()
    };
    let title = xml(title);
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.0} {height}\" width=\"{width:.0}\" height=\"{height}\" role=\"img\" \
         aria-label=\"{title}\">\n<style>rect{{fill:#fff;stroke:#d5dae1}}text{{font:14px ui-monospace,Menlo,Consolas,'DejaVu Sans Mono',monospace;\
         white-space:pre;fill:#1c1f24}}{}@media(prefers-color-scheme:dark){{rect{{fill:#14171c;stroke:#343b45}}text{{fill:#e7eaee}}{}}}</style>\n\
         <rect x=\".5\" y=\".5\" width=\"{:.0}\" height=\"{}\" rx=\"8\"/>\n",
        of(false),
        of(true),
        width - 1.0,
        height - 1,
    );
    for (at, line) in lines.iter().enumerate() {
        let y = MARGIN + at * LINE + LINE - 5;
        let mut column = 0;
        for (class, text) in runs(line) {
            let columns = escape::columns(text);
            if !text.trim().is_empty() {
                let x = MARGIN as f64 + column as f64 * COLUMN;
                let class = class.map_or(String::new(), |class| format!(" class=\"{class}\""));
                let length = columns as f64 * COLUMN;
                out.push_str(&format!(
                    "<text{class} x=\"{x:.1}\" y=\"{y}\" textLength=\"{length:.1}\" lengthAdjust=\"spacingAndGlyphs\">{}</text>\n",
                    xml(text)
                ));
            }
            column += columns;
        }
    }
    out.push_str("</svg>\n");
    out
}

/// The runs of a line, each with its class.
fn runs(line: &str) -> Vec<(Option<&'static str>, &str)> {
    const RESET: &str = "\u{1b}[0m";
    let (mut runs, mut rest) = (vec![], line);
    while let Some(at) = rest.find('\u{1b}') {
        let (plain, coloured) = rest.split_at(at);
        runs.push((None, plain));
        // The longest first: bold alone begins bold red, too.
        let known = CLASSES.iter().filter(|(code, ..)| coloured.starts_with(code)).max_by_key(|(code, ..)| code.len());
        let (code, class) = known.map_or(("", None), |(code, class, ..)| (*code, Some(*class)));
        let inside = coloured.get(code.len()..).unwrap_or_default();
        let (text, after) = inside.split_once(RESET).unwrap_or((inside, ""));
        runs.push((class, text));
        rest = after;
    }
    runs.push((None, rest));
    runs
}

/// Spaces are kept by `white-space`; XML has three characters of its own, and quotes in attributes.
fn xml(text: &str) -> String {
    escape::text(text).replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_cut_into_its_colours() {
        let line = "a \u{1b}[1m\u{1b}[31mbad\u{1b}[0m \u{1b}[2mquiet\u{1b}[0m";
        assert_eq!(runs(line), [(None, "a "), (Some("b"), "bad"), (None, " "), (Some("q"), "quiet"), (None, "")]);
    }
}
