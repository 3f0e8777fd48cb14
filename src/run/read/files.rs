//! Tasks from files: what each holds is told apart and put together; what cannot be used is lost, and told. Main function:
//! [`read_files`].

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::sync::oneshot;

use super::Course;
use super::index::{Index, Tasks};
use crate::model::action::ActionRecord;
use crate::model::merge::{Beside, Unclaimed};
use crate::model::observation::Observation;
use crate::run::notice::Notice;
use crate::run::stop::Stop;
use crate::source::answer::MissingTask;
use crate::source::error::ReadError;
use crate::source::files::{Contents, is_of_ecs};
use crate::source::input::Input;
use crate::source::pieces::{Finder, Lists, Piece, Walk};

/// A file of so many bytes is felt in memory: docs/sources.md has numbers.
const LARGE: u64 = 64 * 1024 * 1024;

/// Errors of a file that wait for its end: an error that is all there is of it is told otherwise.
const WAITING: usize = 1_000;

/// What to do with a file of something else.
const OF_ECS: &str = "ECS's events have the source aws.ecs (see the pattern of the rule or archive that wrote them), and containers that it \
                      started its labels";

/// The tasks, and the files that were not read before somebody asked to stop. What cannot be read twice is kept in `folder`.
pub(super) async fn read_files(
    paths: Vec<PathBuf>,
    folder: &Path,
    course: &Arc<Course>,
    stop: &Stop,
) -> (Tasks, Vec<PathBuf>) {
    let (mut index, mut beside, mut unread) = (Index::new(folder), Beside::default(), vec![]);
    let (mut services, mut events, mut foreign, mut has_own) = (vec![], vec![], vec![], false);
    for path in paths {
        let (mark, mut own, mut service) = (index.mark(), Beside::default(), None);
        let mut lists = std::mem::take(&mut index.lists);
        let mut each = |observation: Observation, again: Option<Piece>| {
            if service.is_none() {
                service = service_of(&observation, &path);
            }
            if let Some(record) = own.take(observation) {
                index.mention(record, again);
            }
        };
        // A task is told of by none of what is heard.
        let read = read_file(&path, folder, &mut lists, course, stop, &mut each, &mut |_, _| {}).await;
        index.lists = lists;
        let ReadFile { input, passed_by, missing_services } = match read {
            Some(Ok(read)) => read,
            Some(Err(error)) => {
                index.forget(mark);
                course.lose_to(&error);
                continue;
            }
            None => {
                index.forget(mark);
                unread.push(path);
                continue;
            }
        };
        index.add(input);
        services.extend(missing_services.into_iter().map(|error| (error, None)));
        if !passed_by.is_empty() {
            let own = passed_by.keys().any(|kind| is_of_ecs(kind));
            has_own |= own;
            foreign.extend((!own).then(|| path.clone()));
            course.tell(&Notice::PassedBy { path: path.clone(), kinds: passed_by });
        }
        events.extend((own.service_events() > 0).then(|| (path.clone(), own.service_events())));
        services.extend(service);
        beside.append(own);
    }
    let is_empty = index.is_empty();
    if is_empty {
        if services.is_empty() {
            for (path, count) in events {
                let hint = "name the file of a task that they speak of as well".to_owned();
                course.lose(format!("{}: {count} events of a service, and no task", path.display()), Some(hint));
            }
        }
        for path in foreign.iter().filter(|_| services.is_empty() && !has_own) {
            course.lose(
                format!("{}: nothing is in it that ECS said or started", path.display()),
                Some(OF_ECS.to_owned()),
            );
        }
        for (error, hint) in services {
            course.lose(error, hint);
        }
    }
    let (tasks, unclaimed) = index.tasks(beside, course);
    for unclaimed in unclaimed {
        let kind = match &unclaimed {
            Unclaimed::Log { .. } => "a log",
            Unclaimed::Definition { .. } => "a definition",
            Unclaimed::Deployment { .. } => "a deployment",
            Unclaimed::Gap(_) => "a gap",
        };
        let (error, hint) = explain(unclaimed, is_empty);
        course.lose_one_of(kind, error, hint);
    }
    (tasks, unread)
}

/// What a file or stdin says beside its observations.
#[derive(Debug)]
pub(in crate::run) struct ReadFile {
    pub(in crate::run) input: Input,
    /// What is not about a task, by kind, and how often.
    pub(in crate::run) passed_by: BTreeMap<String, usize>,
    /// Services that ECS did not find: tasks are drawn without them.
    pub(in crate::run) missing_services: Vec<String>,
}

/// What takes the observations of a file, one by one; those of a piece that can be read again come with it.
pub(in crate::run) type Each<'e> = &'e mut (dyn FnMut(Observation, Option<Piece>) + Send);

/// What takes what ECS says by name of a service or its deployments, each with its type; it is passed by, too.
pub(in crate::run) type Heard<'h> = &'h mut (dyn FnMut(String, ActionRecord) + Send);

/// Reads a file or stdin; `None` when told to stop first. What is lost of it is told, but for an error, with which nothing counts that
/// was found before.
pub(in crate::run) async fn read_file(
    path: &Path,
    folder: &Path,
    lists: &mut Lists,
    course: &Course,
    stop: &Stop,
    each: Each<'_>,
    heard: Heard<'_>,
) -> Option<Result<ReadFile, ReadError>> {
    if stop.is_requested() {
        return None;
    }
    let (tell, told) = oneshot::channel();
    let (of, folder) = (path.to_owned(), folder.to_owned());
    // No task of the runtime's, whose end would wait for it: whoever writes to stdin may never come to an end.
    std::thread::spawn(move || {
        // Told to stop meanwhile, nobody waits for it.
        let _ = tell.send(Input::open(&of, &folder));
    });
    let opened = tokio::select! {
        opened = told => opened.ok()?,
        () = stop.wait() => return None,
    };
    let mut finding = Finding {
        path,
        course,
        stop,
        each,
        heard,
        is_known: false,
        errors: vec![],
        notes: BTreeSet::new(),
        passed_by: BTreeMap::new(),
        missing: vec![],
        is_stopped: false,
    };
    let walked = opened.and_then(|input| {
        let reader = input.reader().map_err(|source| ReadError::Io { origin: input.origin.clone(), source })?;
        Walk::new(&input.origin, reader, lists, &mut finding).run()?;
        Ok(input)
    });
    if finding.is_stopped {
        return None;
    }
    Some(walked.and_then(|input| finding.end(input)))
}

/// What is found in one file.
struct Finding<'a> {
    path: &'a Path,
    course: &'a Course,
    stop: &'a Stop,
    each: Each<'a>,
    heard: Heard<'a>,
    /// It holds more than errors.
    is_known: bool,
    errors: Vec<ReadError>,
    notes: BTreeSet<String>,
    passed_by: BTreeMap<String, usize>,
    missing: Vec<MissingTask>,
    is_stopped: bool,
}

impl Finder for Finding<'_> {
    fn found(&mut self, contents: &mut Contents, again: Option<Piece>) {
        let Contents { observations, errors, missing, passed_by, actions, notes, .. } = contents;
        self.is_known |= !(observations.is_empty() && missing.is_empty() && passed_by.is_empty());
        observations.drain(..).for_each(|observation| (self.each)(observation, again));
        actions.drain(..).for_each(|(kind, action)| (self.heard)(kind, action));
        self.notes.extend(notes.drain(..));
        for kind in passed_by.drain(..) {
            *self.passed_by.entry(kind).or_default() += 1;
        }
        self.missing.append(missing);
        self.errors.append(errors);
        if self.errors.len() > WAITING {
            self.tell_errors();
        }
    }

    fn reads_whole(&mut self, bytes: u64) {
        if bytes >= LARGE {
            self.course.tell(&Notice::Large { path: self.path.to_owned(), bytes });
        }
    }

    fn is_done(&mut self) -> bool {
        self.is_stopped |= self.stop.is_requested();
        self.is_stopped
    }
}

impl Finding<'_> {
    fn tell_errors(&mut self) {
        self.is_known = true;
        for error in self.errors.drain(..) {
            self.course.lose_in(self.path, &error);
        }
    }

    /// All was found.
    fn end(mut self, input: Input) -> Result<ReadFile, ReadError> {
        self.notes.extend(input.note.clone());
        if !self.is_known && self.errors.len() == 1 {
            return Err(self.errors.remove(0));
        }
        if !self.notes.is_empty() {
            let path = if self.path == Path::new("-") { PathBuf::from("stdin") } else { self.path.to_owned() };
            self.course.tell(&Notice::ReadWith { path, how: self.notes.iter().cloned().collect() });
        }
        self.tell_errors();
        let mut missing_services = vec![];
        for missing in self.missing {
            let told = format!("{}: ECS {}: {}", self.path.display(), missing.what(), missing.reason);
            if missing.arn.contains(":service/") {
                missing_services.push(told);
            } else {
                self.course.lose_one_of(&format!("{}: missing", self.path.display()), told, None);
            }
        }
        Ok(ReadFile { input, passed_by: self.passed_by, missing_services })
    }
}

/// A service has no lines to draw of its own.
fn service_of(observation: &Observation, path: &Path) -> Option<(String, Option<String>)> {
    let Observation::Service(record) = observation else { return None };
    let name = if record.name.is_empty() { String::new() } else { format!(" {}", record.name) };
    let hint = format!("`ecspan deploy --from {}` reads its deployments", path.display());
    Some((format!("{}: a service{name}, and no task", record.origin), Some(hint)))
}

fn explain(unclaimed: Unclaimed, no_tasks: bool) -> (String, Option<String>) {
    let hint =
        no_tasks.then(|| "name the file of the task as well (the answer of `aws ecs describe-tasks`)".to_owned());
    match unclaimed {
        Unclaimed::Log { origin, lines, why } => (format!("{origin}: {lines} log lines are not used: {why}"), hint),
        Unclaimed::Definition { origin, family } => {
            let family = family.map_or(String::new(), |family| format!(" of {family}"));
            (format!("{origin}: the task definition{family} is not used: no task given runs it"), hint)
        }
        Unclaimed::Deployment { arn } => {
            // `arn:…:service-deployment/CLUSTER/SERVICE/ID`
            let mut names = arn.split('/').skip(1);
            let (cluster, service) = (names.next().unwrap_or("CLUSTER"), names.next().unwrap_or("SERVICE"));
            let hint = format!(
                "`ecspan deploy --from FILE service.json` reads it beside its service: aws ecs describe-services --cluster {cluster} \
                 --services {service} --output json > service.json"
            );
            (format!("{arn}: a service's deployment tells nothing of a task"), Some(hint))
        }
        Unclaimed::Gap(gap) => (format!("{}: {}", gap.what, gap.why), gap.hint),
    }
}
