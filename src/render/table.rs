//! Tables with aligned columns, as `ecspan ls` prints them. Main type: [`Table`].

use super::escape;
use super::style::{Style, Tone};

/// Rows of text under a heading. The last column takes what room is left.
#[derive(Clone, Debug)]
pub struct Table<const N: usize> {
    heading: [&'static str; N],
    rows: Vec<[String; N]>,
}

impl<const N: usize> Table<N> {
    /// A table without rows.
    pub const fn new(heading: [&'static str; N]) -> Self {
        Self { heading, rows: Vec::new() }
    }

    /// Adds a row; its text may be untrusted.
    pub fn push(&mut self, row: [String; N]) {
        self.rows.push(row);
    }

    /// Draws it. Every column but the last is as wide as its widest text.
    pub fn draw(&self, style: &Style) -> String {
        let heading = self.heading.map(str::to_owned);
        let mut widths = [0; N];
        for row in std::iter::once(&heading).chain(&self.rows) {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(escape::columns(&escape::text(cell)));
            }
        }
        let before: usize = widths.iter().take(N.saturating_sub(1)).map(|width| width + 2).sum();
        if let Some(last) = widths.last_mut() {
            *last = style.width.saturating_sub(before).clamp(8, (*last).max(8));
        }
        let mut out = String::new();
        for (at, row) in std::iter::once(&heading).chain(&self.rows).enumerate() {
            let cells: Vec<String> = row.iter().zip(widths).map(|(cell, width)| style.pad(cell, width)).collect();
            let line = cells.join("  ");
            let tone = if at == 0 { Tone::Quiet } else { Tone::Plain };
            out.push_str(&style.paint(tone, line.trim_end()));
            out.push('\n');
        }
        out
    }
}
