//! Tables with aligned columns, as `ecspan ls` prints them. Main type: [`Table`].

use super::escape;
use super::style::{Style, Tone};
use super::wrap;

/// A last column that is narrower than this is no place for a sentence: it goes under its row.
const LEAST_SENTENCE: usize = 24;
/// What is under its row is so far from the left.
const INDENT: usize = 4;
/// A column that gives way keeps so much.
const LEAST_COLUMN: usize = 8;

/// Rows of text under a heading. The last column takes what room is left, on as many lines as it needs: it is never cut.
#[derive(Clone, Debug)]
pub struct Table<const N: usize> {
    heading: [&'static str; N],
    rows: Vec<[String; N]>,
    gives_way: &'static [usize],
}

impl<const N: usize> Table<N> {
    /// A table without rows.
    pub const fn new(heading: [&'static str; N]) -> Self {
        Self { heading, rows: Vec::new(), gives_way: &[] }
    }

    /// Columns that are cut where there is no room for all.
    pub fn giving_way(self, columns: &'static [usize]) -> Self {
        Self { gives_way: columns, ..self }
    }

    /// Adds a row; its text may be untrusted.
    pub fn push(&mut self, row: [String; N]) {
        self.rows.push(row);
    }

    /// Whether there is room for all columns, and for sentences in the last one.
    pub fn fits(&self, width: usize) -> bool {
        let widths = self.widths();
        let least = widths.last().map_or(0, |last| (*last).min(LEAST_SENTENCE));
        before(&widths).saturating_add(least) <= width
    }

    /// Draws it.
    pub fn draw(&self, style: &Style) -> String {
        let mut widths = self.widths();
        while before(&widths) > style.width {
            let widest = self.gives_way.iter().copied().max_by_key(|at| widths.get(*at));
            let Some(width) = widest.and_then(|at| widths.get_mut(at)).filter(|width| **width > LEAST_COLUMN) else {
                break;
            };
            *width -= 1;
        }
        if before(&widths) > style.width {
            return self.folded(style);
        }
        let before = before(&widths);
        let room = style.width.saturating_sub(before);
        let longest = widths.last().copied().unwrap_or_default();
        let is_under = longest > room && room < LEAST_SENTENCE;
        if let Some(last) = widths.last_mut() {
            *last = longest.min(if is_under { 0 } else { room });
        }
        let heading = self.heading.map(str::to_owned);
        let mut out = String::new();
        for (at, row) in std::iter::once(&heading).chain(&self.rows).enumerate() {
            let tone = if at == 0 { Tone::Quiet } else { Tone::Plain };
            let (columns, sentence) = row.split_at(N.saturating_sub(1));
            let cells: String = columns.iter().zip(widths).map(|(cell, width)| style.pad(cell, width) + "  ").collect();
            let sentence = sentence.first().map_or("", String::as_str);
            let (indent, room) = if is_under { (INDENT, style.width.saturating_sub(INDENT)) } else { (before, room) };
            let mut lines = wrap::lines(sentence, room.max(8)).into_iter();
            let first = if is_under { String::new() } else { style.fit(&lines.next().unwrap_or_default(), room) };
            let mut line = |text: String| {
                out.push_str(&style.paint(tone, text.trim_end()));
                out.push('\n');
            };
            line(cells + &first);
            let more = lines.map(|text| format!("{}{}", " ".repeat(indent), style.fit(&text, room)));
            more.filter(|text| !text.trim().is_empty()).for_each(line);
        }
        out
    }

    /// Rows on several lines each, where not even all columns but the last have room beside each other.
    fn folded(&self, style: &Style) -> String {
        let mut out = String::new();
        let widths = self.widths();
        let heading = self.heading.map(str::to_owned);
        for (at, row) in std::iter::once(&heading).chain(&self.rows).enumerate() {
            let tone = if at == 0 { Tone::Quiet } else { Tone::Plain };
            let (columns, sentence) = row.split_at(N.saturating_sub(1));
            let (mut text, mut used) = (String::new(), 0);
            let mut lines = vec![];
            for (cell, width) in columns.iter().zip(widths) {
                if used > INDENT && used + width > style.width {
                    lines.push(std::mem::replace(&mut text, " ".repeat(INDENT)));
                    used = INDENT;
                }
                let width = width.min(style.width.saturating_sub(used));
                text.push_str(&(style.pad(cell, width) + "  "));
                used += width + 2;
            }
            lines.push(text);
            let sentence = sentence.first().map_or("", String::as_str);
            let room = style.width.saturating_sub(INDENT).max(8);
            lines.extend(wrap::lines(sentence, room).into_iter().map(|text| " ".repeat(INDENT) + &text));
            for text in lines.iter().map(|line| line.trim_end()).filter(|text| !text.is_empty()) {
                out.push_str(&style.paint(tone, text));
                out.push('\n');
            }
        }
        out
    }

    /// How wide the widest text of each column is.
    fn widths(&self) -> [usize; N] {
        let mut widths = self.heading.map(escape::columns);
        for row in &self.rows {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(escape::columns(&escape::text(cell)));
            }
        }
        widths
    }
}

/// How wide all columns but the last are, with what is between them.
fn before<const N: usize>(widths: &[usize; N]) -> usize {
    widths.iter().take(N.saturating_sub(1)).map(|width| width + 2).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Time;
    use jiff::tz::TimeZone;

    const WHY: &str = "CannotPullContainerError: pull image manifest has been retried 5 time(s): not found";

    fn drawn(width: usize) -> String {
        let mut table = Table::new(["ID", "SERVICE", "WHY"]).giving_way(&[1]);
        table.push(["84b599".to_owned(), "a-service-with-a-long-name".to_owned(), WHY.to_owned()]);
        table.push(["09aaf2".to_owned(), "web".to_owned(), String::new()]);
        table.draw(&style(width))
    }

    fn style(width: usize) -> Style {
        Style {
            width,
            unicode: true,
            color: false,
            zone: TimeZone::UTC,
            now: Time::from_unix_nanos(0),
            all_containers: false,
            logs: false,
        }
    }

    #[test]
    fn a_row_that_has_no_room_beside_is_folded_and_nothing_is_cut() {
        let mut table = Table::new(["ID", "STATUS", "SERVICE", "AGE", "WHY"]).giving_way(&[2]);
        table.push(["0123456789ab", "PROVISIONING", "a-service-of-some-length", "3 min", WHY].map(str::to_owned));
        let style = style(40);
        expect_test::expect![[r#"
            ID            STATUS
                SERVICE                   AGE
                WHY
            0123456789ab  PROVISIONING
                a-service-of-some-length  3 min
                CannotPullContainerError: pull image
                manifest has been retried 5 time(s):
                not found
        "#]]
        .assert_eq(&table.draw(&style));
    }

    #[test]
    fn the_last_column_is_whole_at_every_width_and_no_line_is_longer() {
        for width in (24..200).chain([usize::MAX]) {
            let text = drawn(width);
            assert!(text.lines().all(|line| escape::columns(line) <= width), "{width}:\n{text}");
            let words: String = text.split_whitespace().collect();
            // In its column between those of the next row: only where it is not under its own.
            let all = WHY.split_whitespace().all(|word| words.contains(word) || word.len() > width.saturating_sub(8));
            assert!(all && !text.lines().any(|line| line.ends_with(' ')), "{width}:\n{text}");
        }
        assert_eq!(drawn(usize::MAX).lines().count(), 3, "without a width a row is a line");
        assert!(drawn(60).contains("a-service-with-a-long-name"), "{}", drawn(60));
    }
}
