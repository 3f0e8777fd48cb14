//! The phases of a task's life: how its eight times become spans that tile the whole. Main type: [`Phases`].
//!
//! The bounds, with X = execution stopped, G = stopping, Z = stopped and E = the earliest known of them:
//!
//! | bound | is |
//! |---|---|
//! | b0 | created, else the earliest known time (estimated) |
//! | b1 | pull started, else started, else E |
//! | b2 | with a pull: pull stopped, else started, else E; without one: b1 |
//! | b3 | started, else E |
//! | b4 | E |
//! | b5 | Z, else for a STOPPED task the latest known time (estimated) |
//!
//! Then each bound is moved up to the one before it, where it is earlier. Times are only ever moved up, so a phase
//! that is [final](Phase::is_final) does not change when later times arrive.

use super::observation::TaskTimes;
use super::time::Time;

/// What a phase is called; see `docs/mapping.md`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PhaseKind {
    /// b0 → b1.
    Provisioning,
    /// Created → connected, inside provisioning.
    PlacementAndNetwork,
    /// Connected → b1, inside provisioning: the pull may never have begun.
    WaitingForPull,
    /// b1 → b2: first pull's start to last pull's end, over all containers.
    ImagePull,
    /// b2 → b3.
    Starting,
    /// b3 → b4.
    Running,
    /// b4 → b5.
    Stopping,
    /// Asked to stop → execution stopped, inside stopping.
    Terminating,
    /// Execution stopped → stopping, inside stopping.
    ExitNoticed,
    /// The rest of stopping.
    Deprovisioning,
}

impl PhaseKind {
    /// The span's name, and the path that its id is made of.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Provisioning => "provisioning",
            Self::PlacementAndNetwork => "placement and network",
            Self::WaitingForPull => "waiting for pull",
            Self::ImagePull => "image pull",
            Self::Starting => "starting",
            Self::Running => "running",
            Self::Stopping => "stopping",
            Self::Terminating => "terminating",
            Self::ExitNoticed => "exit noticed",
            Self::Deprovisioning => "deprovisioning",
        }
    }

    /// Whether it is part of the end.
    pub const fn is_end(self) -> bool {
        matches!(self, Self::Stopping | Self::Terminating | Self::ExitNoticed | Self::Deprovisioning)
    }

    /// Whether it is part of the launch.
    pub const fn is_launch(self) -> bool {
        matches!(self, Self::Provisioning | Self::ImagePull | Self::Starting)
    }
}

/// One phase, with the phases inside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Phase {
    /// Which.
    pub kind: PhaseKind,
    /// Its start.
    pub start: Time,
    /// Its end; `None` while it goes on.
    pub end: Option<Time>,
    /// A bound of it was earlier than the bound before it and was moved up.
    pub clock_adjusted: bool,
    /// Its start is not a time that ECS gave for it.
    pub start_estimated: bool,
    /// Its end is not a time that ECS gave for it.
    pub end_estimated: bool,
    /// Nothing that can still happen to the task changes it.
    pub is_final: bool,
    /// The phases inside it.
    pub children: Vec<Phase>,
}

impl Phase {
    /// Whether it is over without having taken any time.
    pub fn is_empty(&self) -> bool {
        self.end == Some(self.start)
    }

    /// Its length; `None` while it goes on.
    pub fn length(&self) -> Option<std::time::Duration> {
        self.end.map(|end| end.since(self.start))
    }
}

/// Whose clock a time was read from: a property of the field, whoever delivered it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clock {
    /// The ECS agent's.
    Agent,
    /// The ECS control plane's.
    ControlPlane,
}

impl Clock {
    /// As attributes and text give it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Agent => "agent",
            Self::ControlPlane => "control plane",
        }
    }
}

/// A moment of the task's life with its time as it was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// `created`, `pull started` …
    pub name: &'static str,
    /// The raw time.
    pub time: Time,
    /// Whose clock it is.
    pub clock: Clock,
}

/// The life of a task as spans that tile it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Phases {
    /// b0.
    pub start: Time,
    /// b5; `None` while the task is not STOPPED.
    pub end: Option<Time>,
    /// b0 is not `createdAt`.
    pub start_estimated: bool,
    /// b5 is not `stoppedAt`.
    pub end_estimated: bool,
    /// Some bound was moved.
    pub clock_adjusted: bool,
    /// E: where the end began.
    pub end_began: Option<Time>,
    /// X where it lies: the task's execution stopped, within b4 … b5.
    pub execution_stopped: Option<Time>,
    /// b3 where started or an end is known: where running (or what would have been running) begins.
    pub launched: Option<Time>,
    /// The top-level phases, in order.
    pub list: Vec<Phase>,
    /// The raw times, in time order; equal times in the order of a normal life.
    pub moments: Vec<Moment>,
}

/// A bound: where it lies, whether it was moved up to get there, whether a rule had to stand in for a missing time.
#[derive(Clone, Copy)]
struct Bound {
    at: Time,
    moved: bool,
    estimated: bool,
}

impl Bound {
    fn at(at: Time) -> Self {
        Self { at, moved: false, estimated: false }
    }

    fn not_before(self, floor: Self) -> Self {
        if self.at < floor.at { Self { at: floor.at, moved: true, ..self } } else { self }
    }

    fn clamped(at: Time, low: Self, high: Option<Self>) -> Self {
        let up = at.max(low.at);
        let to = high.map_or(up, |high| up.min(high.at));
        Self { at: to, moved: to != at, estimated: false }
    }
}

impl TaskTimes {
    /// All times that are known, in the order of a normal life, with the clock that each is read from.
    pub fn moments(&self) -> Vec<Moment> {
        use Clock::{Agent, ControlPlane};
        let all = [
            ("created", self.created, ControlPlane),
            ("connected", self.connected, ControlPlane),
            ("pull started", self.pull_started, Agent),
            ("pull stopped", self.pull_stopped, Agent),
            ("started", self.started, ControlPlane),
            ("stopping", self.stopping, ControlPlane),
            ("execution stopped", self.execution_stopped, Agent),
            ("stopped", self.stopped, ControlPlane),
        ];
        let known = all.into_iter().filter_map(|(name, time, clock)| Some(Moment { name, time: time?, clock }));
        known.collect()
    }

    fn end_began(&self) -> Option<Time> {
        [self.execution_stopped, self.stopping, self.stopped].into_iter().flatten().min()
    }
}

impl Phases {
    /// The phases of a task with these times; `None` when no time is known at all.
    pub fn new(times: &TaskTimes, stopped: bool) -> Option<Self> {
        let mut moments = times.moments();
        let earliest = moments.iter().map(|moment| moment.time).min()?;
        let latest = moments.iter().map(|moment| moment.time).max()?;
        moments.sort_by_key(|moment| moment.time);

        let end_unknown = stopped && times.end_began().is_none();
        let e =
            times.end_began().map(Bound::at).or(end_unknown.then_some(Bound { estimated: true, ..Bound::at(latest) }));
        let pull = times.pull_started.map(Bound::at);
        let started = times.started.map(Bound::at);

        let b0 = times.created.map_or(Bound { estimated: true, ..Bound::at(earliest) }, Bound::at);
        let b1 = pull.or(started).or(e).map(|b| b.not_before(b0));
        let b2 = if pull.is_some() { times.pull_stopped.map(Bound::at).or(started).or(e) } else { b1 };
        let b2 = b1.and_then(|low| Some(b2?.not_before(low)));
        let b3 = b2.and_then(|low| Some(started.or(e)?.not_before(low)));
        let b4 = b3.and_then(|low| Some(e?.not_before(low)));
        let z = times.stopped.map(Bound::at);
        let b5 = z.or(stopped.then_some(Bound { estimated: true, ..Bound::at(latest) }));
        let b5 = b4.and_then(|low| Some(b5?.not_before(low)));

        // What was launched for good no longer depends on the end. Without `createdAt` the start is the earliest time of all,
        // and one that moves all others up may still come.
        let pulled_or_started = pull.is_some() || started.is_some();
        let provisioned = (pulled_or_started && times.created.is_some()) || stopped;
        let launched = (started.is_some() && times.created.is_some()) || stopped;
        let mut list = Vec::with_capacity(5);
        let mut push = |kind, start: Option<Bound>, end: Option<Bound>, is_final, children| {
            if let Some(start) = start {
                list.push(phase(kind, start, end, is_final, children));
            }
        };
        let inner = provisioning_children(times, b0, b1, provisioned);
        push(PhaseKind::Provisioning, Some(b0), b1, provisioned, inner);
        if pull.is_some() {
            push(PhaseKind::ImagePull, b1, b2, launched, vec![]);
        }
        if pulled_or_started {
            push(PhaseKind::Starting, b2, b3, launched, vec![]);
        }
        if started.is_some() {
            push(PhaseKind::Running, b3, b4, stopped, vec![]);
        }
        if let (Some(b4), Some(_)) = (b4, times.end_began()) {
            push(PhaseKind::Stopping, Some(b4), b5, stopped, stopping_children(times, b4, b5, stopped));
        }

        let moved = |b: Option<Bound>| b.is_some_and(|b| b.moved);
        Some(Self {
            start: b0.at,
            end: b5.map(|b| b.at),
            start_estimated: b0.estimated,
            end_estimated: b5.is_some_and(|b| b.estimated),
            clock_adjusted: [b1, b2, b3, b4, b5].into_iter().any(moved),
            end_began: b4.map(|b| b.at),
            execution_stopped: b4.and_then(|b4| Some(Bound::clamped(times.execution_stopped?, b4, b5).at)),
            launched: b3.map(|b| b.at),
            list,
            moments,
        })
    }

    /// The phase of this kind, at any depth.
    pub fn find(&self, kind: PhaseKind) -> Option<&Phase> {
        self.all().find(|phase| phase.kind == kind)
    }

    /// All phases: each before those inside it.
    pub fn all(&self) -> impl Iterator<Item = &Phase> {
        self.list.iter().flat_map(|phase| std::iter::once(phase).chain(&phase.children))
    }
}

fn phase(kind: PhaseKind, start: Bound, end: Option<Bound>, is_final: bool, children: Vec<Phase>) -> Phase {
    Phase {
        kind,
        start: start.at,
        end: end.map(|end| end.at),
        clock_adjusted: start.moved || end.is_some_and(|end| end.moved),
        start_estimated: start.estimated,
        end_estimated: end.is_some_and(|end| end.estimated),
        is_final: is_final && end.is_some(),
        children,
    }
}

fn provisioning_children(times: &TaskTimes, b0: Bound, b1: Option<Bound>, is_final: bool) -> Vec<Phase> {
    // `connectivityAt` is the last connection: one that is not strictly inside is a later one and says nothing here.
    let inside = |at: &Time| *at > b0.at && b1.is_none_or(|b1| *at < b1.at);
    let (Some(_), Some(connected)) = (times.created, times.connected.filter(inside).map(Bound::at)) else {
        return vec![];
    };
    // A pull that never began was waited for until something else ended the provisioning.
    vec![
        phase(PhaseKind::PlacementAndNetwork, b0, Some(connected), is_final, vec![]),
        phase(PhaseKind::WaitingForPull, connected, b1, is_final, vec![]),
    ]
}

fn stopping_children(times: &TaskTimes, b4: Bound, b5: Option<Bound>, is_final: bool) -> Vec<Phase> {
    let Some(x) = times.execution_stopped else { return vec![] };
    let bound = |at| Bound::clamped(at, b4, b5);
    let (first, split) = match times.stopping {
        Some(g) if x >= g => (Some(PhaseKind::Terminating), bound(x)),
        Some(g) => (Some(PhaseKind::ExitNoticed), bound(g)),
        // Then X is where the end began, or the later of two: b4 either way, so the children tile their parent.
        None => (None, bound(x)),
    };
    let mut children = Vec::with_capacity(2);
    if let Some(kind) = first {
        children.push(phase(kind, b4, Some(split), is_final, vec![]));
    }
    children.push(phase(PhaseKind::Deprovisioning, split, b5, is_final, vec![]));
    children
}
