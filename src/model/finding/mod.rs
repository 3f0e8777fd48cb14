//! What is worth pointing out in a task's life, each with its evidence. Main type: [`Finding`]. `docs/findings.md` says of each
//! why it matters and what to do.

mod end;
mod launch;
mod sources;

use super::life::TaskLife;
use super::time::Time;

/// What kind of thing was found. The names are stable: scripts may depend on them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FindingKind {
    /// The longest phase of the launch.
    LongestLaunchPhase,
    /// The image pull took long.
    SlowPull,
    /// Placement and network took long.
    SlowPlacement,
    /// It waited for a pull with its network attached.
    WaitedForPull,
    /// A container was probably killed when its stop timeout ran out.
    ProbablyKilled,
    /// A container ran out of memory.
    OutOfMemory,
    /// The task failed to start.
    FailedToStart,
    /// An essential container exited.
    EssentialExit,
    /// It was stopped on purpose, by whom or what.
    StoppedOnPurpose,
    /// Health checks failed.
    Unhealthy,
    /// Fargate Spot or a termination notice took the capacity away.
    Interrupted,
    /// The load balancer's health checks ended it soon after it had started.
    HealthCheckGrace,
    /// An essential container of a service exited 0: the service starts it again, and again.
    ExitedZero,
    /// A container failed and its log could not be had.
    LogsMissing,
    /// Tasks of a deployment start and fail alike, one after the other.
    CrashLoop,
    /// Many tasks of a deployment pull their images at one time.
    PullsTogether,
    /// Several overrides name different callers.
    CallersDisagree,
    /// Two sources say something else about one fact.
    SourcesDisagree,
    /// The instance's clock is not synchronised, or may be off by much.
    ClockUncertain,
    /// The agent's clock and the control plane's differ by so much that one of their times is impossible.
    ClockSkew,
    /// Times had to be moved: the agent's clock and the control plane's differ.
    ClockAdjusted,
}

impl FindingKind {
    /// All that a task or a deployment can have.
    pub const ALL: [Self; 21] = [
        Self::CrashLoop,
        Self::OutOfMemory,
        Self::FailedToStart,
        Self::EssentialExit,
        Self::Unhealthy,
        Self::HealthCheckGrace,
        Self::ExitedZero,
        Self::ProbablyKilled,
        Self::Interrupted,
        Self::LogsMissing,
        Self::WaitedForPull,
        Self::SlowPull,
        Self::SlowPlacement,
        Self::CallersDisagree,
        Self::SourcesDisagree,
        Self::ClockUncertain,
        Self::ClockSkew,
        Self::LongestLaunchPhase,
        Self::StoppedOnPurpose,
        Self::PullsTogether,
        Self::ClockAdjusted,
    ];

    /// The stable name.
    pub const fn id(self) -> &'static str {
        match self {
            Self::LongestLaunchPhase => "longest-launch-phase",
            Self::SlowPull => "slow-pull",
            Self::SlowPlacement => "slow-placement",
            Self::WaitedForPull => "waited-for-pull",
            Self::ProbablyKilled => "probably-killed",
            Self::OutOfMemory => "out-of-memory",
            Self::FailedToStart => "failed-to-start",
            Self::EssentialExit => "essential-exit",
            Self::StoppedOnPurpose => "stopped-on-purpose",
            Self::Unhealthy => "unhealthy",
            Self::Interrupted => "interrupted",
            Self::HealthCheckGrace => "health-check-grace",
            Self::ExitedZero => "exited-zero",
            Self::LogsMissing => "logs-missing",
            Self::CrashLoop => "crash-loop",
            Self::PullsTogether => "pulls-together",
            Self::CallersDisagree => "callers-disagree",
            Self::SourcesDisagree => "sources-disagree",
            Self::ClockUncertain => "clock-uncertain",
            Self::ClockSkew => "clock-skew",
            Self::ClockAdjusted => "clock-adjusted",
        }
    }

    /// Whether it tells of something that went wrong, rather than of where time went.
    pub const fn is_problem(self) -> bool {
        !matches!(self, Self::LongestLaunchPhase | Self::StoppedOnPurpose | Self::PullsTogether | Self::ClockAdjusted)
    }
}

/// Something worth pointing out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What kind.
    pub kind: FindingKind,
    /// A sentence with the evidence in it. Quotes untrusted text: escape before drawing.
    pub text: String,
}

/// All findings of a life: problems first, then where the time went.
pub(super) fn all(life: &TaskLife, now: Time) -> Vec<Finding> {
    let mut found = Vec::new();
    let mut add = |kind, text| found.push(Finding { kind, text });
    end::why_it_stopped(life, &mut add);
    end::probably_killed(life, &mut add);
    end::exited_zero(life, &mut add);
    end::health_check_grace(life, &mut add);
    sources::logs_missing(life, &mut add);
    launch::waited_for_pull(life, now, &mut add);
    launch::slow(life, now, &mut add);
    sources::callers_disagree(life, &mut add);
    sources::disagree(life, &mut add);
    launch::longest_phase(life, &mut add);
    sources::clock(life, &mut add);
    // A stable sort: problems first.
    found.sort_by_key(|finding| !finding.kind.is_problem());
    found
}

type Add<'a> = &'a mut dyn FnMut(FindingKind, String);
