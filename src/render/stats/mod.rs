//! Many tasks together, drawn: for the terminal, as Markdown, as JSON for scripts. Main type: [`View`].
//!
//! What has changed comes first, in words; then numbers.

mod json;
mod markdown;
mod text;

use std::time::Duration;

use jiff::tz::TimeZone;

pub use json::draw as json;
pub use markdown::draw as markdown;
pub use text::draw as text;

use super::moment;
use super::report::{RULE, difference_sentence};
use super::style::Style;
use crate::model::Time;
use crate::model::deployment::LEAST_SAMPLE;
use crate::model::duration::short;
use crate::model::stats::{Apart, By, Change, PhaseStats, Stats, Summary};

/// So many changes are told, and groups that differ; the most important.
const MOST_TOLD: usize = 6;
/// So many reasons of failures are told.
const MOST_REASONS: usize = 10;

/// What the moments are between which something may have changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grain {
    /// Midnights.
    Day,
    /// Full hours.
    Hour,
    /// Ten minutes.
    TenMinutes,
}

impl Grain {
    /// What suits so long a time: of days there are some, and of the others not too many.
    pub fn of(length: Duration) -> Self {
        match length.as_secs() / 3_600 {
            48.. => Self::Day,
            4.. => Self::Hour,
            _ => Self::TenMinutes,
        }
    }

    /// Its name, in the plural.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Day => "days",
            Self::Hour => "hours",
            Self::TenMinutes => "10 minutes",
        }
    }

    /// The last such moment before a time.
    pub fn start_of(self, time: Time, zone: &TimeZone) -> Time {
        let seconds =
            |length: u64| Time::from_unix_nanos(time.unix_nanos() - time.unix_nanos() % (length * 1_000_000_000));
        match self {
            Self::Day => moment::start_of_day(time, zone),
            Self::Hour => seconds(3_600),
            Self::TenMinutes => seconds(600),
        }
    }
}

/// Tasks, and what is told of them.
#[derive(Debug)]
pub struct View<'a> {
    stats: &'a Stats,
    summary: Summary,
    changes: Vec<Change>,
    can_change: bool,
    grain: Grain,
    by: Option<By>,
    groups: Vec<(String, Summary)>,
    apart: Vec<Apart>,
}

impl<'a> View<'a> {
    /// Of these tasks, in groups where that is wanted. Days are those of the style's zone.
    pub fn new(stats: &'a Stats, by: Option<By>, style: &Style) -> Self {
        let length = stats.window().map_or(Duration::ZERO, |(from, to)| to.since(from));
        let grain = Grain::of(length);
        let start_of = |time| grain.start_of(time, &style.zone);
        let day = |time| moment::day(time, &style.zone);
        Self {
            stats,
            summary: stats.summary(),
            changes: stats.changes(&start_of),
            can_change: stats.can_change(&start_of),
            grain,
            by,
            groups: by.map_or_else(Vec::new, |by| stats.groups(by, &day)),
            apart: by.map_or_else(Vec::new, |by| stats.apart(by)),
        }
    }

    /// What has changed, the most important first; or that nothing has, or that nobody can tell.
    fn headline(&self, style: &Style) -> Vec<String> {
        let mut said: Vec<String> =
            self.changes.iter().take(MOST_TOLD).map(|change| self.change(change, style)).collect();
        let more = self.changes.len().saturating_sub(MOST_TOLD);
        said.extend((more > 0).then(|| format!("{more} more changes of less time")));
        if said.is_empty() {
            said.push(match (self.stats.is_empty(), self.can_change) {
                (true, _) => "no task".to_owned(),
                (_, true) => format!("nothing changed: over these {} no phase became slower or faster in a way that matters", self.grain.name()),
                (_, false) => {
                    format!("whether something changed cannot be told: a small sample (fewer than {LEAST_SAMPLE} launches before or since any of the {})", self.grain.name())
                }
            });
        }
        said.extend(
            self.apart
                .iter()
                .take(MOST_TOLD)
                .map(|apart| format!("{}: {}", apart.group, difference_sentence(&apart.difference, "in the others"))),
        );
        said
    }

    fn change(&self, change: &Change, style: &Style) -> String {
        let since = match self.grain {
            Grain::Day => moment::day(change.since, &style.zone),
            Grain::Hour | Grain::TenMinutes => moment::minute(change.since, &style.zone),
        };
        let service = change.service.as_ref().map_or_else(String::new, |service| format!("{service}: "));
        let revisions = change
            .revisions
            .as_ref()
            .map_or_else(String::new, |(before, now)| format!("; {now} then took the place of {before}"));
        format!("{service}{}{revisions}", difference_sentence(&change.difference, &format!("before {since}")))
    }

    /// `5000 launched, 4950 started, 50 failed to start, 12 failed later, 300 not stopped`.
    fn counts(&self) -> String {
        let Summary { tasks, started, failed_to_start, failed_later, running, .. } = self.summary;
        let untimed = self.stats.untimed;
        let untimed = if untimed > 0 { format!("; {untimed} without any time are not counted") } else { String::new() };
        format!(
            "{tasks} launched, {started} started, {failed_to_start} failed to start, {failed_later} failed later, {running} not stopped{untimed}"
        )
    }

    /// Of what, from when to when.
    fn about(&self, style: &Style) -> Vec<String> {
        let list = |what: &str, names: Vec<&str>| match names.as_slice() {
            [] => None,
            [one] => Some(format!("{what} {one}")),
            many => Some(format!("{} {what}s", many.len())),
        };
        let window = self.stats.window().map(|(from, to)| {
            let arrow = style.pick("→", "->");
            format!(
                "{} {arrow} {} ({})",
                moment::minute(from, &style.zone),
                moment::minute(to, &style.zone),
                short(to.since(from))
            )
        });
        let services = list("service", self.stats.services().into_iter().collect());
        [services, list("cluster", self.stats.clusters().collect()), window].into_iter().flatten().collect()
    }

    /// What reasons are told, and how many are not.
    fn reasons(&self) -> (Vec<&crate::model::deployment::FailureGroup>, usize) {
        let all = self.stats.failures();
        let more = all.len().saturating_sub(MOST_REASONS);
        (all.into_iter().take(MOST_REASONS).collect(), more)
    }
}

/// A phase's part of the launches: `54 %`.
fn share(phase: &PhaseStats) -> String {
    phase.share.map_or_else(String::new, |share| format!("{:.0} %", share * 100.0))
}

/// The phase that takes most of a group's launches: `image pull 54 %`.
fn mostly(summary: &Summary) -> String {
    summary.largest().map_or_else(String::new, |phase| format!("{} {}", phase.name, share(phase)))
}

/// `p50`, `p95` and `max` of a group's launches.
fn launch(summary: &Summary) -> [String; 3] {
    let spread = summary.phase(crate::model::deployment::LAUNCH).map(|phase| phase.spread);
    spread.map_or_else(Default::default, |spread| [spread.p50, spread.p95, spread.max].map(short))
}

/// What groups are called in a heading.
const fn heading(by: By) -> &'static str {
    match by {
        By::Service => "SERVICE",
        By::Revision => "REVISION",
        By::Zone => "ZONE",
        By::Day => "DAY",
    }
}

/// How what changed is decided.
fn rule() -> String {
    RULE.to_owned()
}
