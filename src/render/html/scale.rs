//! From times to the width of the picture: linear between knots. Main type: [`Scale`].

use crate::model::Time;
use crate::model::phases::Phases;
use crate::render::axis::broken;

/// So much of the width stands for what is broken out of the middle.
const MIDDLE: f64 = 0.12;

/// Knots of time and place, 0 … 1.
#[derive(Clone, Debug)]
pub(super) struct Scale {
    pub(super) knots: Vec<(Time, f64)>,
    pub(super) middle: Option<(Time, Time)>,
}

impl Scale {
    /// The scale of a life that is drawn until `end`.
    pub(super) fn new(phases: &Phases, end: Time) -> Self {
        let start = phases.start;
        // Everything needs a length.
        let end = end.max(Time::from_unix_nanos(start.unix_nanos().saturating_add(1)));
        let Some((from, to)) = broken(phases, end) else {
            return Self { knots: vec![(start, 0.0), (end, 1.0)], middle: None };
        };
        let (before, after) = (from.since(start).as_secs_f64(), end.since(to).as_secs_f64());
        let left = before / (before + after) * (1.0 - MIDDLE);
        let knots = vec![(start, 0.0), (from, left), (to, left + MIDDLE), (end, 1.0)];
        Self { knots, middle: Some((from, to)) }
    }

    /// Where `time` lies, 0 … 1.
    pub(super) fn place(&self, time: Time) -> f64 {
        let (mut before, mut place) = self.knots.first().copied().unwrap_or((time, 0.0));
        for &(at, there) in self.knots.iter().skip(1) {
            if time < at {
                let part = time.since(before).as_secs_f64() / at.since(before).as_secs_f64();
                return place + part * (there - place);
            }
            (before, place) = (at, there);
        }
        place
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::observation::TaskTimes;

    fn scale(started: u64, stopped: u64) -> Scale {
        let at = |seconds| Time::from_unix_millis(1_700_000_000_000 + seconds * 1_000);
        let times = TaskTimes {
            created: at(0),
            started: at(started),
            execution_stopped: at(stopped),
            stopped: at(stopped + 10),
            ..TaskTimes::default()
        };
        Scale::new(&Phases::new(&times, true).expect("is known"), at(stopped + 10).expect("is known"))
    }

    fn place(scale: &Scale, seconds: u64) -> f64 {
        scale.place(Time::from_unix_millis(1_700_000_000_000 + seconds * 1_000).expect("is known"))
    }

    #[test]
    fn what_is_short_is_linear_and_a_long_middle_takes_its_share() {
        let short = scale(10, 20);
        assert_eq!([0, 15, 30, 99].map(|at| place(&short, at)), [0.0, 0.5, 1.0, 1.0]);
        let long = scale(10, 1_010);
        assert!(long.middle.is_some());
        let [launched, middle, ended] = [10, 510, 1_010].map(|at| place(&long, at));
        assert!((launched - 0.44).abs() < 1e-9 && (middle - 0.5).abs() < 1e-9 && (ended - 0.56).abs() < 1e-9);
    }
}
