//! Lengths of time as people read them.

use std::time::Duration;

const MILLISECOND: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3_600);
const DAY: Duration = Duration::from_secs(86_400);

/// Half of it and more is a whole one, whatever the unit: a length that is told twice is never cut in one place and rounded in the other.
fn rounded(length: Duration, unit: Duration) -> Duration {
    let (length, unit) = (length.as_nanos(), unit.as_nanos());
    let nanos = (length + unit / 2) / unit * unit;
    let part = |nanos: u128| u64::try_from(nanos).unwrap_or(u64::MAX);
    Duration::from_secs(part(nanos / 1_000_000_000)) + Duration::from_nanos(part(nanos % 1_000_000_000))
}

/// To the millisecond below a day: `885 ms`, `14.493 s`, `11 min 55.444 s`, `3 h 2 min 1.500 s`, `5 d 3 h 7 min`.
pub fn exact(length: Duration) -> String {
    let to_the_millisecond = rounded(length, MILLISECOND);
    let length = if to_the_millisecond < DAY { to_the_millisecond } else { rounded(length, MINUTE) };
    let (seconds, millis) = (length.as_secs(), length.subsec_millis());
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60);
    match () {
        () if seconds == 0 => format!("{millis} ms"),
        () if seconds < 60 => format!("{seconds}.{millis:03} s"),
        () if seconds < 3_600 => format!("{minutes} min {}.{millis:03} s", seconds % 60),
        () if days == 0 => format!("{hours} h {minutes} min {}.{millis:03} s", seconds % 60),
        () => format!("{days} d {hours} h {minutes} min"),
    }
}

/// The two largest units, for where there is little room: `11 min 55 s`, `5 d 3 h`.
pub fn short(length: Duration) -> String {
    // What is rounded up to the next unit is told in that.
    let units = [(SECOND, MILLISECOND), (MINUTE, SECOND / 10), (HOUR, SECOND), (DAY, MINUTE)];
    let below = |(limit, unit)| Some(rounded(length, unit)).filter(|length| *length < limit);
    let length = units.into_iter().find_map(below).unwrap_or_else(|| rounded(length, HOUR));
    let (seconds, millis) = (length.as_secs(), length.subsec_millis());
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60);
    match () {
        () if seconds < 1 => format!("{millis} ms"),
        () if seconds < 60 => format!("{seconds}.{} s", millis / 100),
        () if seconds < 3_600 => format!("{minutes} min {} s", seconds % 60),
        () if days == 0 => format!("{hours} h {minutes} min"),
        () => format!("{days} d {hours} h"),
    }
}

/// In seconds, in as many digits as it takes: `4 s`, `1.5 s`, `0.02 s`.
pub fn seconds(length: Duration) -> String {
    match (length.as_secs(), length.subsec_nanos()) {
        // Somebody said more than a number can hold.
        (u64::MAX, _) => format!("more than {} s", u64::MAX - 1),
        // A fraction would have the last digits of a large number wrong.
        (seconds, 0) => format!("{seconds} s"),
        _ => format!("{} s", length.as_secs_f64()),
    }
}

/// To tenths of a second, and below that to the millisecond: never nothing, unless it is.
pub fn tenths(length: Duration) -> Duration {
    let millis = u64::try_from(length.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX);
    match millis {
        0..100 => Duration::from_millis(millis),
        _ => Duration::from_millis(millis.saturating_add(50) / 100 * 100),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_read_well_at_every_size() {
        let ms = Duration::from_millis;
        for (length, long, brief) in [
            (ms(0), "0 ms", "0 ms"),
            (ms(885), "885 ms", "885 ms"),
            (ms(14_493), "14.493 s", "14.5 s"),
            (ms(59_949), "59.949 s", "59.9 s"),
            (ms(59_960), "59.960 s", "1 min 0 s"),
            (ms(119_900), "1 min 59.900 s", "2 min 0 s"),
            (ms(715_444), "11 min 55.444 s", "11 min 55 s"),
            (ms(715_500), "11 min 55.500 s", "11 min 56 s"),
            (ms(3_599_700), "59 min 59.700 s", "1 h 0 min"),
            (ms(10_921_500), "3 h 2 min 1.500 s", "3 h 2 min"),
            (ms(86_399_999), "23 h 59 min 59.999 s", "1 d 0 h"),
            (ms(443_220_000), "5 d 3 h 7 min", "5 d 3 h"),
            (Duration::from_nanos(999_600_000), "1.000 s", "1.0 s"),
            (Duration::from_nanos(499_999), "0 ms", "0 ms"),
            (Duration::from_nanos(59_999_500_000), "1 min 0.000 s", "1 min 0 s"),
            (Duration::from_nanos(86_399_999_500_000), "1 d 0 h 0 min", "1 d 0 h"),
            (Duration::MAX, "213503982334601 d 7 h 0 min", "213503982334601 d 7 h"),
        ] {
            assert_eq!((exact(length).as_str(), short(length).as_str()), (long, brief));
        }
    }

    #[test]
    fn no_number_of_seconds_is_false() {
        for (length, said) in [
            (Duration::ZERO, "0 s"),
            (Duration::from_millis(20), "0.02 s"),
            (Duration::from_millis(1_500), "1.5 s"),
            (Duration::from_secs(5_400), "5400 s"),
            (Duration::from_secs(i64::MAX as u64), "9223372036854775807 s"),
            (Duration::from_secs(u64::MAX), "more than 18446744073709551614 s"),
            (Duration::MAX, "more than 18446744073709551614 s"),
        ] {
            assert_eq!(seconds(length), said);
        }
        let rounded = [(0, 0), (1, 1), (999_999, 1), (20_000_000, 20), (449_000_000, 400), (1_450_000_000, 1_500)];
        for (nanos, millis) in rounded {
            assert_eq!(tenths(Duration::from_nanos(nanos)), Duration::from_millis(millis), "{nanos}");
        }
    }
}
