//! What is typed of the past: where ECS's events are kept, and since when. Main types: [`HistoryArgs`], [`When`].

use std::time::Duration;

use clap::Args;
use ecspan::model::Time;
use ecspan::source::history::HistoryChoice;

use super::duration;

/// Where ECS's events are kept.
#[derive(Args, Clone, Debug)]
pub(crate) struct HistoryArgs {
    /// The log group that keeps ECS's events, its name or ARN: for tasks that ECS has forgotten. auto: that of the cluster's event
    /// capture, if there is one; off: none
    #[arg(long, value_name = "GROUP|auto|off", default_value = "auto", env = "ECSPAN_HISTORY", value_parser = choice)]
    pub(crate) history: HistoryChoice,
}

fn choice(text: &str) -> Result<HistoryChoice, String> {
    match text.trim() {
        "" | "auto" => Ok(HistoryChoice::Auto),
        "off" | "none" => Ok(HistoryChoice::Off),
        group if group.contains(char::is_whitespace) => Err("a log group's name has no spaces".to_owned()),
        group => Ok(HistoryChoice::Group(group.to_owned())),
    }
}

/// A moment, as it is typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum When {
    /// So long ago.
    Ago(Duration),
    /// At this time.
    At(Time),
}

impl When {
    /// Reads `7d`, or a time with its zone.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let at = text.parse::<jiff::Timestamp>().ok().and_then(|at| u64::try_from(at.as_nanosecond()).ok());
        match at {
            Some(nanos) => Ok(Self::At(Time::from_unix_nanos(nanos))),
            None => duration(text).map(Self::Ago).map_err(|error| {
                format!("{error}; or a time with its zone: 2026-11-20T03:00:00Z, 2026-11-20T03:00+01:00")
            }),
        }
    }

    /// The moment, seen from now.
    pub(crate) fn seen_from(self, now: Time) -> Time {
        match self {
            Self::At(time) => time,
            Self::Ago(ago) => {
                let nanos = u64::try_from(ago.as_nanos()).unwrap_or(u64::MAX);
                Time::from_unix_nanos(now.unix_nanos().saturating_sub(nanos))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_a_length_of_time_ago_or_a_time_with_its_zone() {
        let now = Time::from_unix_nanos(1_795_435_200_000_000_000);
        let at = |text: &str| When::parse(text).map(|when| when.seen_from(now).unix_nanos() / 1_000_000_000);
        assert_eq!(at("1h"), Ok(1_795_431_600));
        assert_eq!(at("2026-11-23T12:00:00Z"), Ok(1_795_435_200));
        assert_eq!(at("2026-11-23T13:00+01:00"), Ok(1_795_435_200));
        assert_eq!(at("100w"), Ok(1_795_435_200 - 100 * 7 * 86_400));
        for nonsense in ["", "yesterday", "2026-11-23", "2026-11-23T12:00:00", "7", "1969-12-31T00:00:00Z"] {
            assert!(at(nonsense).is_err(), "{nonsense}");
        }
    }
}
