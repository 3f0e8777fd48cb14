//! Lengths of time as people read them.

use std::time::Duration;

/// To the millisecond below a day: `885 ms`, `14.493 s`, `11 min 55.444 s`, `3 h 2 min 1.500 s`, `5 d 3 h 7 min`.
pub fn exact(length: Duration) -> String {
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
    let seconds = length.as_secs();
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60);
    match () {
        () if seconds < 1 => format!("{} ms", length.as_millis()),
        () if seconds < 60 => format!("{:.1} s", length.as_secs_f64().min(59.9)),
        () if seconds < 3_600 => format!("{minutes} min {} s", seconds % 60),
        () if days == 0 => format!("{hours} h {minutes} min"),
        () => format!("{days} d {hours} h"),
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
            (ms(59_999), "59.999 s", "59.9 s"),
            (ms(715_444), "11 min 55.444 s", "11 min 55 s"),
            (ms(10_921_500), "3 h 2 min 1.500 s", "3 h 2 min"),
            (ms(443_220_000), "5 d 3 h 7 min", "5 d 3 h"),
        ] {
            assert_eq!((exact(length).as_str(), short(length).as_str()), (long, brief));
        }
    }
}
