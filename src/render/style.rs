//! How to draw: width, characters, colours, time zone. Main type: [`Style`].

use anstyle::{AnsiColor, Style as Ansi};
#[cfg(feature = "html")]
use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::escape;
use crate::model::Time;
use crate::model::phases::PhaseKind;

/// How to draw.
#[derive(Clone, Debug)]
pub struct Style {
    /// Columns; no line is longer (the timeline's and JSON's are as long as they are).
    pub width: usize,
    /// Unicode characters; otherwise ASCII only.
    pub unicode: bool,
    /// ANSI colours.
    pub color: bool,
    /// The zone that times are given in.
    pub zone: TimeZone,
    /// Where open ends are drawn to.
    pub now: Time,
    /// Also the containers that ECS adds, and each of many that are alike.
    pub all_containers: bool,
    /// Log lines under their containers.
    pub logs: bool,
}

/// What a piece of text is, which decides its colour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Tone {
    #[default]
    Plain,
    Title,
    Quiet,
    Launch,
    Running,
    Stopping,
    Bad,
    Warn,
}

impl Tone {
    /// That of a phase that went well.
    pub(crate) const fn of_phase(kind: PhaseKind) -> Self {
        match kind {
            PhaseKind::Running => Self::Running,
            kind if kind.is_end() => Self::Stopping,
            _ => Self::Launch,
        }
    }
}

impl Style {
    /// `text` (escaped before) in the colour of `tone`. The default foreground and the ANSI colours that can be read on
    /// light and dark backgrounds; no background.
    pub(crate) fn paint(&self, tone: Tone, text: &str) -> String {
        let color = |color: AnsiColor| Ansi::new().fg_color(Some(color.into()));
        let ansi = match tone {
            _ if !self.color || text.is_empty() => return text.to_owned(),
            Tone::Plain => return text.to_owned(),
            Tone::Title => Ansi::new().bold(),
            Tone::Quiet => Ansi::new().dimmed(),
            Tone::Launch => color(AnsiColor::Cyan),
            Tone::Running => color(AnsiColor::Green),
            Tone::Stopping => color(AnsiColor::Magenta),
            Tone::Bad => color(AnsiColor::Red).bold(),
            Tone::Warn => color(AnsiColor::Yellow),
        };
        format!("{ansi}{text}{ansi:#}")
    }

    /// How far east of UTC times are shown, in seconds.
    #[cfg(feature = "html")]
    pub(crate) fn east(&self, at: Time) -> i32 {
        let timestamp = Timestamp::from_nanosecond(i128::from(at.unix_nanos())).unwrap_or(Timestamp::MAX);
        self.zone.to_offset(timestamp).seconds()
    }

    /// The Unicode form, or the ASCII one.
    pub(crate) const fn pick(&self, unicode: &'static str, ascii: &'static str) -> &'static str {
        if self.unicode { unicode } else { ascii }
    }

    /// Marks where text was cut.
    pub(crate) const fn cut(&self) -> char {
        if self.unicode { escape::CUT } else { '>' }
    }

    /// Untrusted text, safe to draw and cut to `width` columns.
    pub(crate) fn fit(&self, text: &str, width: usize) -> String {
        let safe = escape::fit(text, width, self.cut());
        if self.unicode { safe } else { ascii(&safe, width) }
    }

    /// The same, filled up with spaces.
    pub(crate) fn pad(&self, text: &str, width: usize) -> String {
        let safe = self.fit(text, width);
        let missing = width.saturating_sub(escape::columns(&safe));
        safe + &" ".repeat(missing)
    }
}

/// ASCII-only text: what is not ASCII becomes `?`, one for each column.
fn ascii(text: &str, width: usize) -> String {
    let all: String = text
        .chars()
        .flat_map(|c| if c.is_ascii() { vec![c] } else { vec!['?'; escape::columns(&c.to_string())] })
        .collect();
    all.chars().take(width).collect()
}
