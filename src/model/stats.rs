//! Many tasks together: how many were launched, why some failed, how long each phase took, and what has become slower. Pure. Main
//! type: [`Stats`].
//!
//! What has changed is decided by the rule that compares a deployment with its baseline ([`Matter`]), over the tasks before and since
//! each moment at which something may have changed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use super::TaskLife;
use super::arn::last_part;
use super::deployment::{Difference, FailureGroup, LAUNCH, LEAST_SAMPLE, Matter, Spread, launch_lengths};
use super::phases::{PhaseKind, Phases};
use super::time::Time;

/// To choose where something has changed, so many lengths are enough: they are taken evenly, by time.
const ENOUGH: usize = 50_000;

/// What tasks are put together by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// The service, else the family.
    Service,
    /// The task definition's revision.
    Revision,
    /// The availability zone.
    Zone,
    /// When they were created; what a day is, whoever asks says.
    Day,
}

/// What is kept of a task.
#[derive(Clone, Debug, PartialEq)]
pub struct Launch {
    /// When it was created.
    pub created: Time,
    /// Its service, else its family.
    pub service: Arc<str>,
    /// `FAMILY:REVISION`.
    pub revision: Option<Arc<str>>,
    /// Its availability zone.
    pub zone: Option<Arc<str>>,
    /// It has started.
    pub has_started: bool,
    /// It has stopped.
    pub is_stopped: bool,
    /// It failed.
    pub has_failed: bool,
    /// How long its launch took and each phase of it; how long its end.
    lengths: Box<[(&'static str, Duration)]>,
}

/// One phase of many tasks.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PhaseStats {
    /// Its name.
    pub name: &'static str,
    /// How long it took.
    pub spread: Spread,
    /// Its part of the time that all launches together took; `None` of what is no part of a launch.
    pub share: Option<f64>,
}

impl PhaseStats {
    /// Whether it is a part of the phase before it.
    pub fn is_part(&self) -> bool {
        [PhaseKind::PlacementAndNetwork, PhaseKind::WaitingForPull].iter().any(|kind| kind.name() == self.name)
    }
}

/// Some tasks together.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Summary {
    /// How many.
    pub tasks: usize,
    /// How many have started.
    pub started: usize,
    /// How many failed before they had started.
    pub failed_to_start: usize,
    /// How many failed after that.
    pub failed_later: usize,
    /// How many have not stopped.
    pub running: usize,
    /// The whole launch, its phases, and the end.
    pub phases: Vec<PhaseStats>,
}

impl Summary {
    /// How many failed.
    pub const fn failed(&self) -> usize {
        self.failed_to_start + self.failed_later
    }

    /// A phase by its name.
    pub fn phase(&self, name: &str) -> Option<&PhaseStats> {
        self.phases.iter().find(|phase| phase.name == name)
    }

    /// The phase that takes the largest part of the launches.
    pub fn largest(&self) -> Option<&PhaseStats> {
        let top = [PhaseKind::Provisioning, PhaseKind::ImagePull, PhaseKind::Starting];
        let is_top = |phase: &&PhaseStats| top.iter().any(|kind| kind.name() == phase.name);
        self.phases
            .iter()
            .filter(is_top)
            .max_by(|a, b| a.share.unwrap_or_default().total_cmp(&b.share.unwrap_or_default()))
    }
}

/// A phase that takes another time since some moment.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// The service, where there are several.
    pub service: Option<String>,
    /// Since when.
    pub since: Time,
    /// Since then, and before.
    pub difference: Difference,
    /// The revision that most of the tasks ran before, and since, when it is another.
    pub revisions: Option<(String, String)>,
}

/// A phase that takes another time in one group than in the others.
#[derive(Clone, Debug, PartialEq)]
pub struct Apart {
    /// The group.
    pub group: String,
    /// There, and in the others.
    pub difference: Difference,
}

/// Many tasks.
#[derive(Clone, Debug, Default)]
pub struct Stats {
    launches: Vec<Launch>,
    failures: Vec<FailureGroup>,
    index: BTreeMap<String, usize>,
    /// Tasks of which no time is known.
    pub untimed: usize,
    clusters: BTreeSet<String>,
    /// Of services, revisions, zones: many tasks have the same.
    names: BTreeSet<Arc<str>>,
}

impl Stats {
    /// Adds a task.
    pub fn add(&mut self, life: &TaskLife) {
        let task = &life.task;
        let Some(phases) = &life.phases else {
            self.untimed += 1;
            return;
        };
        self.clusters.extend(task.cluster_name().map(str::to_owned));
        let failure = life.outcome.failure.as_ref();
        if let Some(failure) = failure {
            let at = self.index.entry(FailureGroup::key(failure)).or_insert_with(|| {
                self.failures.push(FailureGroup::of(failure));
                self.failures.len() - 1
            });
            self.failures.get_mut(*at).into_iter().for_each(|group| group.count_in(&task.id));
        }
        let service = self.name(task.service().unwrap_or_else(|| life.family()));
        let revision = task.task_definition_arn.as_deref().map(|arn| self.name(last_part(arn)));
        let zone = task.availability_zone.as_deref().map(|zone| self.name(zone));
        self.launches.push(Launch {
            created: task.times.created.unwrap_or(phases.start),
            service,
            revision,
            zone,
            has_started: task.times.started.is_some(),
            is_stopped: life.is_stopped(),
            has_failed: failure.is_some(),
            lengths: lengths(life, phases),
        });
    }

    /// A name, held once however many tasks have it.
    fn name(&mut self, name: &str) -> Arc<str> {
        if let Some(known) = self.names.get(name) {
            return known.clone();
        }
        let new: Arc<str> = name.into();
        self.names.insert(new.clone());
        new
    }

    /// How many tasks there are.
    pub fn len(&self) -> usize {
        self.launches.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.launches.is_empty()
    }

    /// When the first and the last of them were created.
    pub fn window(&self) -> Option<(Time, Time)> {
        let created = || self.launches.iter().map(|launch| launch.created);
        Some((created().min()?, created().max()?))
    }

    /// Their clusters.
    pub fn clusters(&self) -> impl Iterator<Item = &str> {
        self.clusters.iter().map(String::as_str)
    }

    /// Their services, else families.
    pub fn services(&self) -> BTreeSet<&str> {
        self.launches.iter().map(|launch| &*launch.service).collect()
    }

    /// Failures by reason, the most frequent first.
    pub fn failures(&self) -> Vec<&FailureGroup> {
        let mut groups: Vec<&FailureGroup> = self.failures.iter().collect();
        groups.sort_by_key(|group| std::cmp::Reverse(group.count));
        groups
    }

    /// All of them together.
    pub fn summary(&self) -> Summary {
        summary(&self.launches.iter().collect::<Vec<_>>())
    }

    /// Them in groups, each by its name; `day` names a day.
    pub fn groups(&self, by: By, day: &dyn Fn(Time) -> String) -> Vec<(String, Summary)> {
        self.grouped(by, day).into_iter().map(|(name, launches)| (name, summary(&launches))).collect()
    }

    fn grouped(&self, by: By, day: &dyn Fn(Time) -> String) -> BTreeMap<String, Vec<&Launch>> {
        let mut groups: BTreeMap<String, Vec<&Launch>> = BTreeMap::new();
        let unknown = || "unknown".to_owned();
        for launch in &self.launches {
            let name = match by {
                By::Service => launch.service.to_string(),
                By::Revision => launch.revision.as_ref().map_or_else(unknown, |revision| revision.to_string()),
                By::Zone => launch.zone.as_ref().map_or_else(unknown, |zone| zone.to_string()),
                By::Day => day(launch.created),
            };
            groups.entry(name).or_default().push(launch);
        }
        groups
    }

    /// Which zones or revisions differ from the others in a way that matters, the most important first. Services differ by nature, and
    /// days are what [`changes`](Self::changes) looks at.
    pub fn apart(&self, by: By) -> Vec<Apart> {
        if matches!(by, By::Service | By::Day) {
            return vec![];
        }
        let mut found = vec![];
        let groups = self.grouped(by, &|_| String::new());
        for (name, own) in &groups {
            let others: Vec<&Launch> =
                groups.iter().filter(|(other, _)| *other != name).flat_map(|(_, all)| all.iter().copied()).collect();
            let (own, others) = (by_phase(own), by_phase(&others));
            for (phase, own) in own {
                let (Some(now), Some(before)) = (Spread::of(own), others.get(phase).cloned().and_then(Spread::of))
                else {
                    continue;
                };
                let difference = Difference::new(phase, now, before);
                if difference.matters() {
                    found.push(Apart { group: name.clone(), difference });
                }
            }
        }
        found.sort_by_key(|apart| std::cmp::Reverse(apart.difference.weight()));
        found
    }

    /// What takes another time than before, the most important first: of each service and phase the one moment that tells best.
    /// Moments are where `start_of` a time changes: days, say.
    pub fn changes(&self, start_of: &dyn Fn(Time) -> Time) -> Vec<Change> {
        let mut by_service: BTreeMap<&str, Vec<(Time, &Launch)>> = BTreeMap::new();
        for launch in &self.launches {
            by_service.entry(&launch.service).or_default().push((start_of(launch.created), launch));
        }
        let several = by_service.len() > 1;
        let mut found = vec![];
        for (service, launches) in by_service {
            for (phase, lengths) in timed_by_phase(&launches) {
                let Some((since, difference)) = change(phase, &lengths) else { continue };
                let service = several.then(|| service.to_owned());
                found.push(Change { service, since, difference, revisions: revisions(&launches, since) });
            }
        }
        found.sort_by_key(|change| std::cmp::Reverse(change.difference.weight()));
        found
    }

    /// Whether any phase could be judged: there are enough tasks before and since some moment.
    pub fn can_change(&self, start_of: &dyn Fn(Time) -> Time) -> bool {
        let mut counts: BTreeMap<Time, usize> = BTreeMap::new();
        for launch in self.launches.iter().filter(|launch| launch.has_started) {
            *counts.entry(start_of(launch.created)).or_default() += 1;
        }
        let all: usize = counts.values().sum();
        let mut before = 0;
        counts.values().any(|count| {
            before += count;
            before >= LEAST_SAMPLE && all - before >= LEAST_SAMPLE
        })
    }
}

/// How long its launch took, each phase of it, and its end.
fn lengths(life: &TaskLife, phases: &Phases) -> Box<[(&'static str, Duration)]> {
    let times = &life.task.times;
    let whole = phases.launched.filter(|_| times.started.is_some()).map(|end| (LAUNCH, end.since(phases.start)));
    let of_phases = launch_lengths(phases, times).map(|(kind, length)| (kind.name(), length));
    let stopping = phases.end.zip(phases.end_began).filter(|_| life.is_stopped());
    let stopping = stopping.map(|(end, began)| (PhaseKind::Stopping.name(), end.since(began)));
    whole.into_iter().chain(of_phases).chain(stopping).collect()
}

/// Phases as they are told: in the order of a task's life.
const ORDER: [&str; 7] = [
    LAUNCH,
    PhaseKind::Provisioning.name(),
    PhaseKind::PlacementAndNetwork.name(),
    PhaseKind::WaitingForPull.name(),
    PhaseKind::ImagePull.name(),
    PhaseKind::Starting.name(),
    PhaseKind::Stopping.name(),
];

fn by_phase(launches: &[&Launch]) -> BTreeMap<&'static str, Vec<Duration>> {
    let mut lengths: BTreeMap<&'static str, Vec<Duration>> = BTreeMap::new();
    for (phase, length) in launches.iter().flat_map(|launch| &launch.lengths) {
        lengths.entry(phase).or_default().push(*length);
    }
    lengths
}

fn timed_by_phase(launches: &[(Time, &Launch)]) -> BTreeMap<&'static str, Vec<(Time, Duration)>> {
    let mut lengths: BTreeMap<&'static str, Vec<(Time, Duration)>> = BTreeMap::new();
    for (at, launch) in launches {
        for (phase, length) in &launch.lengths {
            lengths.entry(phase).or_default().push((*at, *length));
        }
    }
    lengths.values_mut().for_each(|lengths| lengths.sort_unstable());
    lengths
}

fn summary(launches: &[&Launch]) -> Summary {
    let count = |is: &dyn Fn(&Launch) -> bool| launches.iter().filter(|launch| is(launch)).count();
    let mut lengths = by_phase(launches);
    // Of launches that came to their end, so that parts and whole are of the same tasks.
    let mut sums: BTreeMap<&str, Duration> = BTreeMap::new();
    for (phase, length) in launches.iter().filter(|launch| launch.has_started).flat_map(|launch| &launch.lengths) {
        *sums.entry(phase).or_default() += *length;
    }
    let whole = sums.get(LAUNCH).filter(|whole| !whole.is_zero());
    let share = |name: &str| {
        let of_launch = name != LAUNCH && name != PhaseKind::Stopping.name();
        Some(sums.get(name)?.as_secs_f64() / whole?.as_secs_f64()).filter(|_| of_launch)
    };
    let phases = ORDER
        .into_iter()
        .filter_map(|name| Some(PhaseStats { name, spread: Spread::of(lengths.remove(name)?)?, share: share(name) }));
    Summary {
        tasks: launches.len(),
        started: count(&|launch| launch.has_started),
        failed_to_start: count(&|launch| launch.has_failed && !launch.has_started),
        failed_later: count(&|launch| launch.has_failed && launch.has_started),
        running: count(&|launch| !launch.is_stopped),
        phases: phases.collect(),
    }
}

/// The moment that parts these lengths best into before and since, of those where the difference matters: so that lengths lie as near as can be
/// to the median of their side.
fn change(phase: &str, lengths: &[(Time, Duration)]) -> Option<(Time, Difference)> {
    let step = lengths.len().div_ceil(ENOUGH).max(1);
    let some: Vec<(Time, Duration)> = lengths.iter().step_by(step).copied().collect();
    let spread = |side: &[(Time, Duration)]| Spread::of(side.iter().map(|(_, length)| *length).collect());
    let split = |all: &[(Time, Duration)], since: Time| {
        let (before, now) = all.split_at(all.partition_point(|(at, _)| *at < since));
        let difference = Difference::new(phase, spread(now)?, spread(before)?);
        let far = |side: &[(Time, Duration)], median: Duration| -> Duration {
            side.iter().map(|(_, length)| length.abs_diff(median)).sum()
        };
        let cost = far(now, difference.now.p50) + far(before, difference.before.p50);
        difference.matters().then_some((cost, difference))
    };
    let moments: BTreeSet<Time> = some.iter().map(|(at, _)| *at).collect();
    let found = moments.into_iter().skip(1).filter_map(|since| Some((split(&some, since)?.0, since)));
    let (_, since) = found.min()?;
    Some((since, split(lengths, since)?.1))
}

/// What most tasks ran before and since a moment, when that is not the same. Of revisions that run side by side neither takes the other's place.
fn revisions(launches: &[(Time, &Launch)], since: Time) -> Option<(String, String)> {
    let counted = |is_now: bool| {
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for (_, launch) in launches.iter().filter(|(at, _)| (*at >= since) == is_now) {
            *counts.entry(launch.revision.as_deref()?).or_default() += 1;
        }
        Some(counts)
    };
    let most = |counts: &BTreeMap<&str, usize>| Some(counts.iter().max_by_key(|(_, count)| **count)?.0.to_string());
    let (before, now) = (counted(false)?, counted(true)?);
    let (old, new) = (most(&before)?, most(&now)?);
    let share = |counts: &BTreeMap<&str, usize>| {
        let own = counts.get(new.as_str()).copied().unwrap_or_default();
        own as f64 / counts.values().sum::<usize>() as f64
    };
    (old != new && share(&now) > 0.5 && share(&before) < 0.25).then_some((old, new))
}

impl Difference {
    /// Whether it matters.
    pub const fn matters(&self) -> bool {
        matches!(self.matter, Matter::Slower | Matter::Faster)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn days(lengths: &[&[u64]]) -> Vec<(Time, Duration)> {
        let of_day = |(day, lengths): (usize, &&[u64])| {
            let at = Time::from_unix_nanos(day as u64);
            lengths.iter().map(move |seconds| (at, Duration::from_secs(*seconds))).collect::<Vec<_>>()
        };
        let mut all: Vec<_> = lengths.iter().enumerate().flat_map(of_day).collect();
        all.sort_unstable();
        all
    }

    fn found(lengths: &[&[u64]]) -> Option<(u64, Matter)> {
        change("image pull", &days(lengths)).map(|(since, difference)| (since.unix_nanos(), difference.matter))
    }

    #[test]
    fn a_change_is_found_where_it_happened() {
        let (fast, slow): (&[u64], &[u64]) = (&[10, 11, 12, 10, 11], &[20, 22, 24, 21, 20]);
        assert_eq!(found(&[fast, fast, fast, slow, slow]), Some((3, Matter::Slower)));
        assert_eq!(found(&[slow, fast, fast, fast]), Some((1, Matter::Faster)));
        assert_eq!(found(&[fast, fast, fast]), None);
        assert_eq!(found(&[fast]), None, "one day is beside no other");
        assert_eq!(found(&[fast, fast, &[20, 20]]), None, "two tasks tell nothing");
        // A bad day among good ones is not since when it was slow.
        assert_eq!(found(&[fast, slow, fast, fast, fast, fast]), None);
    }
}
