//! Points in time as people read them, in a time zone.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::model::{Time, duration};

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

/// The time of day: `01:49:41`.
pub fn clock(time: Time, zone: &TimeZone) -> String {
    formatted(time, zone, "%H:%M:%S")
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
