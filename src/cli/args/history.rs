//! What is typed of the past: where ECS's events are kept, and since when. Main types: [`HistoryArgs`], [`When`].

use std::time::Duration;

use clap::Args;
use ecspan::model::Time;
use ecspan::model::arn::Arn;
use ecspan::source::history::HistoryChoice;

use super::duration;

/// Where ECS's events are kept.
#[derive(Args, Clone, Debug)]
pub(crate) struct HistoryArgs {
    /// The log group that keeps ECS's events, its name or ARN: for tasks that ECS has forgotten. auto, or an empty value: that of the
    /// cluster's event capture, if there is one; off or none: nobody is asked
    #[arg(long, value_name = "GROUP|auto|off", default_value = "auto", env = "ECSPAN_HISTORY", value_parser = choice)]
    pub(crate) history: HistoryChoice,
}

fn choice(text: &str) -> Result<HistoryChoice, String> {
    let is_plain = |char: char| char.is_ascii_alphanumeric() || "._-/#".contains(char);
    match text.trim() {
        "" | "auto" => Ok(HistoryChoice::Auto),
        "off" | "none" => Ok(HistoryChoice::Off),
        arn if arn.starts_with("arn:") => match Arn::parse(arn) {
            Some(Arn { service: "logs", resource, .. }) if resource.starts_with("log-group:") => {
                Ok(HistoryChoice::Group(arn.to_owned()))
            }
            _ => Err("this is the ARN of something else: arn:aws:logs:REGION:ACCOUNT:log-group:NAME".to_owned()),
        },
        group if group.chars().all(is_plain) => Ok(HistoryChoice::Group(group.to_owned())),
        _ => Err("no log group has such a name: letters, digits and . _ - / # are in it; or auto, or off".to_owned()),
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
    fn each_word_for_where_history_is_means_one_thing() {
        for auto in ["auto", "", " "] {
            assert_eq!(choice(auto), Ok(HistoryChoice::Auto));
        }
        for off in ["off", "none"] {
            assert_eq!(choice(off), Ok(HistoryChoice::Off));
        }
        let arn = "arn:aws:logs:eu-west-1:123456789012:log-group:/my/events";
        for group in ["/my/events", "offside", arn, &format!("{arn}:*")] {
            assert_eq!(choice(group), Ok(HistoryChoice::Group(group.to_owned())));
        }
        for wrong in ["my events", "GROUP,off", "arn:aws:ecs:eu-west-1:1:cluster/prod", "arn:aws"] {
            assert!(choice(wrong).is_err(), "{wrong}");
        }
    }

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
