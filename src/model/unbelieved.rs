//! What answers and events said of a task that the one which is believed says otherwise. Main type: [`Unbelieved`].
//!
//! A task goes on, and what is told of it grows; what has ended and what one `version` says does not change.

use std::collections::BTreeMap;

use super::fill::{Conflict, Offset};
use super::observation::TaskRecord;
use super::time::Time;

/// A fact that two records may both say: those of one version alone have one, those that last have none.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Fact {
    container: Option<String>,
    what: &'static str,
    version: Option<u64>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Said {
    Nothing,
    Text(String),
    At(Time),
}

/// What was said, and where: of several places that say the same the first by name, so that the order of arrival does not matter.
#[derive(Debug, Default)]
pub(super) struct Unbelieved {
    said: BTreeMap<(Fact, Said), String>,
}

impl Unbelieved {
    /// Keeps what a record says that is not believed.
    pub(super) fn add(&mut self, record: &TaskRecord) {
        facts(record).into_iter().for_each(|said| self.keep(said, &record.origin));
    }

    /// Keeps what another has kept.
    pub(super) fn absorb(&mut self, other: Self) {
        other.said.into_iter().for_each(|(said, origin)| self.keep(said, &origin));
    }

    fn keep(&mut self, said: (Fact, Said), origin: &str) {
        let known = self.said.entry(said).or_insert_with(|| origin.to_owned());
        if origin < known.as_str() {
            origin.clone_into(known);
        }
    }

    /// Where that is something else than what the believed one says.
    pub(super) fn against(&self, believed: &TaskRecord) -> Vec<Conflict> {
        // Nearly always: a task that was told once.
        if self.said.is_empty() {
            return vec![];
        }
        let own: BTreeMap<Fact, Said> = facts(believed).into_iter().collect();
        let conflict = |((fact, said), origin): (&(Fact, Said), &String)| {
            let known = own.get(fact).filter(|known| *known != said)?;
            let what = match &fact.container {
                Some(container) => format!("{} of container {container}", fact.what),
                None => fact.what.to_owned(),
            };
            match (known, said) {
                (_, Said::Nothing) => None,
                (Said::At(known), Said::At(said)) => {
                    let off = Offset::of(*said, *known);
                    let (believed, other) = (believed.origin.clone(), origin.clone());
                    (!off.is_tolerated()).then_some(Conflict::Time { what, believed, other, off })
                }
                (known, said) => {
                    let believed = (known.to_string(), believed.origin.clone());
                    Some(Conflict::Fact { what, believed, other: (said.to_string(), origin.clone()) })
                }
            }
        };
        self.said.iter().filter_map(conflict).collect()
    }
}

impl std::fmt::Display for Said {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Nothing => f.write_str("none"),
            Self::Text(text) => f.write_str(text),
            Self::At(time) => write!(f, "{}", time.unix_millis()),
        }
    }
}

fn facts(record: &TaskRecord) -> Vec<(Fact, Said)> {
    let mut found = vec![];
    let mut add = |container: Option<&str>, what, version, said: Option<Said>| {
        let fact = || Fact { container: container.map(str::to_owned), what, version };
        found.extend(said.map(|said| (fact(), said)));
    };
    let text = |text: &Option<String>| text.clone().map(Said::Text);
    let or_nothing = |said: Option<Said>| Some(said.unwrap_or(Said::Nothing));
    let times = &record.times;
    let lasting = [
        ("connectivityAt", times.connected),
        ("startedAt", times.started),
        ("stoppingAt", times.stopping),
        ("executionStoppedAt", times.execution_stopped),
        ("stoppedAt", times.stopped),
    ];
    lasting.into_iter().for_each(|(what, time)| add(None, what, None, time.map(Said::At)));
    if record.is_stopped() {
        add(None, "stopCode", None, text(&record.stop_code));
        add(None, "stoppedReason", None, or_nothing(text(&record.stopped_reason)));
    }
    if record.version.is_some() {
        let pull = [("pullStartedAt", times.pull_started), ("pullStoppedAt", times.pull_stopped)];
        pull.into_iter().for_each(|(what, time)| add(None, what, record.version, time.map(Said::At)));
    }
    for container in &record.containers {
        let name = Some(container.name.as_str());
        let has_ended = container.last_status.as_ref().map_or(record.is_stopped(), |status| status == "STOPPED");
        if has_ended {
            add(name, "exit code", None, container.exit_code.map(|code| Said::Text(code.to_string())));
            add(name, "reason", None, or_nothing(text(&container.reason)));
        }
        if record.version.is_some() {
            add(name, "image", record.version, text(&container.image));
            add(name, "runtime id", record.version, text(&container.runtime_id));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use crate::model::merge::{Conflict, by_task};
    use crate::model::observation::{ContainerRecord, Observation, TaskRecord, TaskTimes};
    use crate::model::time::Time;

    fn record(origin: &str, version: u64, change: impl FnOnce(&mut TaskRecord)) -> TaskRecord {
        let app = ContainerRecord {
            name: "app".to_owned(),
            last_status: Some("STOPPED".to_owned()),
            exit_code: Some(137),
            reason: Some("OutOfMemoryError".to_owned()),
            ..Default::default()
        };
        let (created, stopped) = (Time::from_unix_millis(1_000), Time::from_unix_millis(90_000));
        let mut record = TaskRecord {
            id: "t".to_owned(),
            origin: origin.to_owned(),
            version: Some(version),
            last_status: Some("STOPPED".to_owned()),
            times: TaskTimes { created, stopped, ..Default::default() },
            containers: vec![app],
            ..Default::default()
        };
        change(&mut record);
        record
    }

    /// What is told of two, which is the same whatever comes first.
    fn told(a: &TaskRecord, b: &TaskRecord) -> Vec<String> {
        let told = |records: [&TaskRecord; 2]| {
            let records = records.map(|record| Observation::Task(Box::new(record.clone())));
            let conflicts = by_task(records.into()).0.remove(0).conflicts;
            let text = |conflict| match conflict {
                Conflict::Fact { what, believed, other } => format!("{what}: {} not {}", believed.0, other.0),
                Conflict::Time { what, off, .. } => format!("{what}: {} s", off.distance().as_secs()),
                other => format!("{other:?}"),
            };
            conflicts.into_iter().map(text).collect::<Vec<_>>()
        };
        let found = told([a, b]);
        assert_eq!(found, told([b, a]));
        found
    }

    #[test]
    fn what_has_ended_does_not_change_unseen() {
        let one = record("a", 6, |_| {});
        for version in [6, 7] {
            let other = record("b", version, |task| {
                task.times.stopped = Time::from_unix_millis(3_690_000);
                task.containers[0].exit_code = Some(1);
                task.containers[0].reason = None;
            });
            let expected = [
                "stoppedAt: 3600 s",
                "exit code of container app: 1 not 137",
                "reason of container app: none not OutOfMemoryError",
            ];
            assert_eq!(told(&one, &other), expected, "version {version}");
        }
    }

    #[test]
    fn what_goes_on_is_no_conflict() {
        let last = record("b", 6, |_| {});
        let running = record("a", 3, |task| {
            task.last_status = Some("RUNNING".to_owned());
            task.times.stopped = None;
            let app = &mut task.containers[0];
            (app.last_status, app.exit_code, app.reason) = (Some("RUNNING".to_owned()), None, None);
            app.image = Some("app:latest".to_owned());
        });
        let to_the_second = record("c", 6, |task| task.times.stopped = Time::from_unix_millis(89_100));
        let without_reason = record("d", 5, |task| task.containers[0].reason = None);
        for other in [running, to_the_second, without_reason, record("e", 6, |_| {})] {
            assert_eq!(told(&last, &other), Vec::<String>::new(), "{}", other.origin);
        }
        let image = |image: &str| Some(image.to_owned());
        let pushed = record("f", 6, |task| task.containers[0].image = image("app:2"));
        let other = record("g", 6, |task| task.containers[0].image = image("app:1"));
        assert_eq!(told(&pushed, &other), ["image of container app: app:1 not app:2"]);
    }
}
