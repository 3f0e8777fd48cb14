//! A deployment beside an earlier one. Main type: [`Comparison`].
//!
//! A phase differs in a way that matters when all of this holds: there are at least five tasks on both sides; the medians
//! differ by more than a second and by more than a fifth of the baseline's; and each median lies outside the other side's
//! middle half (first to third quartile). The last makes the rule blind to noise within one deployment: where tasks of
//! one image differ as much among themselves, nobody can tell the image from the weather.

use std::time::Duration;

use super::judge::State;
use super::life::DeploymentLife;
use super::spread::Spread;

/// The version of reports that can be compared with.
pub const REPORT_VERSION: i64 = 1;
/// Fewer tasks are a small sample: they are shown and not judged.
pub const LEAST_SAMPLE: usize = 5;
/// A difference of less is nobody's problem.
const LEAST_DIFFERENCE: Duration = Duration::from_secs(1);

/// What an earlier report says.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Baseline {
    /// What it is called: its file.
    pub origin: String,
    /// The service.
    pub service: Option<String>,
    /// The deployment's id.
    pub deployment: Option<String>,
    /// How it ended, as reports name it.
    pub outcome: Option<String>,
    /// Its failed tasks.
    pub failed: Option<usize>,
    /// How long its phases took, by name.
    pub phases: Vec<(String, Spread)>,
}

/// Whether a difference matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Matter {
    /// It takes longer, and that matters.
    Slower,
    /// It takes less time, and that matters.
    Faster,
    /// There is no difference that matters.
    Same,
    /// Too few tasks to tell.
    Small,
}

/// One phase on both sides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The phase's name.
    pub phase: String,
    /// Now.
    pub now: Spread,
    /// In the baseline.
    pub before: Spread,
    /// Whether it matters.
    pub matter: Matter,
}

/// A deployment beside its baseline.
#[derive(Clone, Debug, PartialEq)]
pub struct Comparison {
    /// The earlier report.
    pub baseline: Baseline,
    /// The phases that both have.
    pub differences: Vec<Difference>,
}

impl Difference {
    /// One phase on both sides, judged.
    pub fn new(phase: &str, now: Spread, before: Spread) -> Self {
        Self { phase: phase.to_owned(), now, before, matter: matter(&now, &before) }
    }

    /// How much it says: what is slower before what is faster, a phase before the whole launch, then by seconds.
    pub fn weight(&self) -> (bool, bool, Duration) {
        let is_part = self.phase != super::life::LAUNCH;
        (self.matter == Matter::Slower, is_part, self.now.p50.abs_diff(self.before.p50))
    }
}

impl Comparison {
    /// Puts a deployment beside an earlier one.
    pub fn new(life: &DeploymentLife, baseline: Baseline) -> Self {
        let both = life.phases().into_iter().filter_map(|(phase, now)| {
            let before = baseline.phases.iter().find(|(name, _)| name == phase)?.1;
            Some(Difference::new(phase, now, before))
        });
        Self { differences: both.collect(), baseline }
    }

    /// The difference that says most: of those that matter the one of the most seconds, of a phase rather than of the
    /// whole launch.
    pub(crate) fn foremost(&self) -> Option<&Difference> {
        let matters = |difference: &&Difference| matches!(difference.matter, Matter::Slower | Matter::Faster);
        self.differences.iter().filter(matters).max_by_key(|difference| difference.weight())
    }

    /// Whether some phase is slower in a way that matters.
    pub fn is_slower(&self) -> bool {
        self.differences.iter().any(|difference| difference.matter == Matter::Slower)
    }

    /// Whether no phase could be judged.
    pub(crate) fn is_small(&self) -> bool {
        self.differences.iter().all(|difference| difference.matter == Matter::Small)
    }

    /// Whether the outcome is another one than the baseline's.
    pub(crate) fn outcome_differs(&self, state: State) -> bool {
        self.baseline.outcome.as_deref().is_some_and(|outcome| outcome != state.name())
    }
}

fn matter(now: &Spread, before: &Spread) -> Matter {
    if now.count < LEAST_SAMPLE || before.count < LEAST_SAMPLE {
        return Matter::Small;
    }
    let difference = now.p50.abs_diff(before.p50);
    let outside = |median: Duration, other: &Spread| median < other.q1 || median > other.q3;
    let matters = difference > LEAST_DIFFERENCE
        && difference * 5 > before.p50
        && outside(now.p50, before)
        && outside(before.p50, now);
    match () {
        () if !matters => Matter::Same,
        () if now.p50 > before.p50 => Matter::Slower,
        () => Matter::Faster,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spread(millis: &[u64]) -> Spread {
        Spread::of(millis.iter().map(|n| Duration::from_millis(*n)).collect()).unwrap_or_default()
    }

    #[test]
    fn a_difference_matters_when_it_is_large_and_clear_of_the_noise_on_both_sides() {
        let six = spread(&[5_800, 5_900, 6_000, 6_100, 6_200]);
        let eighteen = spread(&[17_800, 17_900, 18_000, 18_100, 18_200]);
        assert_eq!((matter(&eighteen, &six), matter(&six, &eighteen)), (Matter::Slower, Matter::Faster));
        assert_eq!(matter(&six, &six), Matter::Same);
        // Four tasks tell nothing.
        assert_eq!(matter(&spread(&[18_000; 4]), &six), Matter::Small);
        assert_eq!(matter(&eighteen, &spread(&[6_000; 4])), Matter::Small);
        // A second, or a fifth, is not enough.
        assert_eq!(matter(&spread(&[7_000; 5]), &spread(&[6_000; 5])), Matter::Same);
        assert_eq!(matter(&spread(&[12_000; 5]), &spread(&[10_000; 5])), Matter::Same);
        assert_eq!(matter(&spread(&[12_001; 5]), &spread(&[10_000; 5])), Matter::Slower);
        // The medians differ by half, and each lies in the other's middle half.
        let (wide, other) =
            (spread(&[2_000, 4_000, 6_000, 12_000, 14_000]), spread(&[2_000, 4_000, 9_000, 12_000, 14_000]));
        assert_eq!(matter(&other, &wide), Matter::Same);
    }
}
