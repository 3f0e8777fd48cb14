//! Points in time as the model holds them: nanoseconds since the Unix epoch, in UTC. Main type: [`Time`].
//!
//! Reading and printing calendar times is the work of `source` and `render`; this module does arithmetic only.

use std::time::{Duration, SystemTime};

/// A point in time: nanoseconds since 1970-01-01T00:00:00Z, never before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time(u64);

const NANOS_PER_MILLI: u64 = 1_000_000;

impl Time {
    /// The time `nanos` nanoseconds after the Unix epoch.
    pub const fn from_unix_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// The time `millis` milliseconds after the Unix epoch; `None` past the year 2554.
    pub const fn from_unix_millis(millis: u64) -> Option<Self> {
        match millis.checked_mul(NANOS_PER_MILLI) {
            Some(nanos) => Some(Self(nanos)),
            None => None,
        }
    }

    /// Nanoseconds since the Unix epoch.
    pub const fn unix_nanos(self) -> u64 {
        self.0
    }

    /// Whole milliseconds since the Unix epoch.
    pub const fn unix_millis(self) -> u64 {
        self.0 / NANOS_PER_MILLI
    }

    /// The nearest millisecond: the precision of the ECS control plane.
    pub(crate) const fn round_to_millis(self) -> Self {
        Self(self.0.saturating_add(NANOS_PER_MILLI / 2)).floor_to_millis()
    }

    /// This time with everything below the millisecond cut off.
    pub(crate) const fn floor_to_millis(self) -> Self {
        Self(self.0 - self.0 % NANOS_PER_MILLI)
    }

    /// So much later.
    pub fn plus(self, length: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(length.as_nanos()).unwrap_or(u64::MAX)))
    }

    /// So much earlier.
    pub fn minus(self, length: Duration) -> Self {
        Self(self.0.saturating_sub(u64::try_from(length.as_nanos()).unwrap_or(u64::MAX)))
    }

    /// How long after `earlier` this is; zero when it is not after it.
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

impl From<Time> for SystemTime {
    fn from(time: Time) -> Self {
        SystemTime::UNIX_EPOCH + Duration::from_nanos(time.0)
    }
}

impl From<SystemTime> for Time {
    /// Times before the epoch become the epoch: no clock that this program can meet is that wrong.
    fn from(time: SystemTime) -> Self {
        let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        Self(u64::try_from(since.as_nanos()).unwrap_or(u64::MAX))
    }
}
