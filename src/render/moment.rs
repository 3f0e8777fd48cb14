//! Points in time as people read them, in a time zone.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::model::{TaskLife, Time, duration};

/// `2021-11-27T01:49:41.251+09:00`: to the millisecond, with the offset; `Z` never, so that columns align.
pub fn iso(time: Time, zone: &TimeZone) -> String {
    formatted(time, zone, "%Y-%m-%dT%H:%M:%S%.3f%:z")
}

/// As exact as it is known: `2021-11-27T01:49:41.251123456+09:00`.
pub fn exact(time: Time, zone: &TimeZone) -> String {
    formatted(time, zone, "%Y-%m-%dT%H:%M:%S%.f%:z")
}

/// `2021-11-27 01:49:41.251 +09:00`.
pub(crate) fn spaced(time: Time, zone: &TimeZone) -> String {
    formatted(time, zone, "%Y-%m-%d %H:%M:%S%.3f %:z")
}

/// `2021-11-27 01:49`.
pub fn minute(time: Time, zone: &TimeZone) -> String {
    formatted(time, zone, "%Y-%m-%d %H:%M")
}

/// `2021-11-27`.
pub fn day(time: Time, zone: &TimeZone) -> String {
    formatted(time, zone, "%Y-%m-%d")
}

/// When the day began there.
pub fn start_of_day(time: Time, zone: &TimeZone) -> Time {
    let timestamp = Timestamp::from_nanosecond(i128::from(time.unix_nanos())).unwrap_or(Timestamp::MAX);
    let start = timestamp.to_zoned_datetime(zone.clone()).start_of_day();
    let nanos = start.ok().and_then(|start| u64::try_from(start.timestamp().as_nanosecond()).ok());
    Time::from_unix_nanos(nanos.unwrap_or_default())
}

/// The time of day: `01:49:41`.
pub fn clock(time: Time, zone: &TimeZone) -> String {
    formatted(time, zone, "%H:%M:%S")
}

/// `as of 2021-11-27 01:49:41.251 +09:00`, of what is kept of a task that was not over: also of what was true just now, for who reads it
/// does so later.
pub(super) fn as_of(life: &TaskLife, zone: &TimeZone) -> Option<String> {
    life.seen().map(|at| format!("as of {}", spaced(at, zone)))
}

/// How long after `zero`, or before it: `+14.5 s`, `-42 ms`.
pub(super) fn offset(time: Time, zero: Time) -> String {
    match time >= zero {
        true => format!("+{}", duration::short(time.since(zero))),
        false => format!("-{}", duration::short(zero.since(time))),
    }
}

fn formatted(time: Time, zone: &TimeZone, format: &str) -> String {
    let timestamp = Timestamp::from_nanosecond(i128::from(time.unix_nanos())).unwrap_or(Timestamp::MAX);
    timestamp.to_zoned_datetime(zone.clone()).strftime(format).to_string()
}
