//! Which kinds of findings there are. Main types: [`Finding`], [`FindingKind`].

/// The table of findings: each with its stable name, and whether it is a problem or a remark. All else about kinds is made of it,
/// so that none can be forgotten; `docs/findings.md` is held against it by a test.
macro_rules! findings {
    ($($(#[$doc:meta])* $kind:ident = $id:literal, $what:ident;)*) => {
        /// What kind of thing was found. The names are stable: scripts may depend on them.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum FindingKind {
            $($(#[$doc])* $kind,)*
        }

        impl FindingKind {
            /// All that a task or a deployment can have.
            pub const ALL: &[Self] = &[$(Self::$kind),*];

            /// The stable name.
            pub const fn id(self) -> &'static str {
                match self {
                    $(Self::$kind => $id,)*
                }
            }

            /// Whether it tells of something that went wrong, rather than of where time went.
            pub const fn is_problem(self) -> bool {
                match self {
                    $(Self::$kind => findings!(@$what),)*
                }
            }
        }
    };
    (@problem) => { true };
    (@remark) => { false };
}

findings! {
    /// The longest phase of the launch.
    LongestLaunchPhase = "longest-launch-phase", remark;
    /// The image pull took long.
    SlowPull = "slow-pull", problem;
    /// Placement and network took long.
    SlowPlacement = "slow-placement", problem;
    /// Its targets took long to leave the load balancer.
    SlowDraining = "slow-draining", problem;
    /// In a deployment, started tasks took long to be healthy.
    SlowToHealthy = "slow-to-healthy", problem;
    /// The load balancer called targets unhealthy.
    UnhealthyTargets = "unhealthy-targets", problem;
    /// It waited for a pull with its network attached.
    WaitedForPull = "waited-for-pull", problem;
    /// A container was probably killed when its stop timeout ran out.
    ProbablyKilled = "probably-killed", problem;
    /// A container ran out of memory.
    OutOfMemory = "out-of-memory", problem;
    /// The task failed to start.
    FailedToStart = "failed-to-start", problem;
    /// An essential container exited, and not well.
    EssentialExit = "essential-exit", problem;
    /// A container failed of which nothing else tells.
    ContainerFailed = "container-failed", problem;
    /// The task ended because its containers had done their work.
    Completed = "completed", remark;
    /// What is said of a container that nothing else tells.
    ContainerReason = "container-reason", remark;
    /// An agent that ECS runs in a container was late, or does not run.
    ManagedAgent = "managed-agent", remark;
    /// It was stopped on purpose, by whom or what.
    StoppedOnPurpose = "stopped-on-purpose", remark;
    /// Health checks failed.
    Unhealthy = "unhealthy", problem;
    /// Fargate Spot or a termination notice took the capacity away.
    Interrupted = "interrupted", problem;
    /// The load balancer's health checks ended it soon after it had started.
    HealthCheckGrace = "health-check-grace", problem;
    /// An essential container of a service exited 0: the service starts it again, and again.
    ExitedZero = "exited-zero", problem;
    /// A container failed and its log could not be had.
    LogsMissing = "logs-missing", problem;
    /// Tasks of a deployment start and fail alike, one after the other.
    CrashLoop = "crash-loop", problem;
    /// Many tasks of a deployment pull their images at one time.
    PullsTogether = "pulls-together", remark;
    /// Several overrides name different callers.
    CallersDisagree = "callers-disagree", problem;
    /// Two sources say something else about one fact.
    SourcesDisagree = "sources-disagree", problem;
    /// The instance's clock is not synchronised, or may be off by much.
    ClockUncertain = "clock-uncertain", problem;
    /// Times that one clock gave are in an order that nothing can have.
    TimesOutOfOrder = "times-out-of-order", problem;
    /// The agent's clock and the control plane's differ by so much that one of their times is impossible.
    ClockSkew = "clock-skew", problem;
    /// Times had to be moved: the agent's clock and the control plane's differ.
    ClockAdjusted = "clock-adjusted", remark;
}

/// Something worth pointing out.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Finding {
    /// What kind.
    pub kind: FindingKind,
    /// A sentence with the evidence in it. Quotes untrusted text: escape before drawing.
    pub text: String,
}
