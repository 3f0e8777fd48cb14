//! How long things took that happened many times. Main type: [`Spread`].

use std::time::Duration;

/// The spread of some lengths. Percentiles are by nearest rank: each is a length that was measured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Spread {
    /// How many there are.
    pub count: usize,
    /// The first quartile.
    pub q1: Duration,
    /// The median.
    pub p50: Duration,
    /// The third quartile.
    pub q3: Duration,
    /// The 95th percentile.
    pub p95: Duration,
    /// The longest.
    pub max: Duration,
}

impl Spread {
    /// The spread of these lengths; `None` of none.
    pub fn of(mut lengths: Vec<Duration>) -> Option<Self> {
        lengths.sort_unstable();
        let max = *lengths.last()?;
        // The smallest length that at least so many per cent are not longer than.
        let rank = |percent: usize| {
            let rank = (lengths.len() * percent).div_ceil(100).max(1);
            lengths.get(rank - 1).copied().unwrap_or(max)
        };
        Some(Self { count: lengths.len(), q1: rank(25), p50: rank(50), q3: rank(75), p95: rank(95), max })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_by_nearest_rank() {
        let seconds = |numbers: &[u64]| Spread::of(numbers.iter().map(|n| Duration::from_secs(*n)).collect());
        assert_eq!(seconds(&[]), None);
        let of = |numbers: &[u64]| {
            let spread = seconds(numbers).unwrap_or_default();
            [spread.q1, spread.p50, spread.q3, spread.p95, spread.max].map(|length| length.as_secs())
        };
        assert_eq!(of(&[7]), [7; 5]);
        assert_eq!(of(&[40, 10, 30, 20]), [10, 20, 30, 40, 40]);
        assert_eq!(of(&(1..=20).collect::<Vec<_>>()), [5, 10, 15, 19, 20]);
        assert_eq!(of(&(1..=100).collect::<Vec<_>>()), [25, 50, 75, 95, 100]);
    }
}
