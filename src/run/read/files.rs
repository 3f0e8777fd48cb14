//! Tasks from files: what each holds is told apart and put together; what cannot be used is lost, and told. Main function:
//! [`read_files`].

use std::path::{Path, PathBuf};

use tokio::sync::oneshot;

use super::Course;
use crate::model::action::ActionRecord;
use crate::model::merge::{self, TaskObservations, Unclaimed};
use crate::model::observation::Observation;
use crate::run::notice::Notice;
use crate::run::stop::Stop;
use crate::source::error::ReadError;
use crate::source::files::{self, Contents};

/// A file of so many bytes is felt in memory: docs/sources.md has numbers.
const LARGE: u64 = 64 * 1024 * 1024;

/// The tasks, and the files that were not read before somebody asked to stop.
pub(super) async fn read_files(
    paths: Vec<PathBuf>,
    course: &Course,
    stop: &Stop,
) -> (Vec<TaskObservations>, Vec<PathBuf>) {
    let (mut observations, mut unread) = (vec![], vec![]);
    let (mut services, mut events) = (vec![], vec![]);
    for path in paths {
        let ReadFile { observations: found, passed_by, missing_services, actions: _ } =
            match read(&path, course, stop).await {
                Some(Ok(contents)) => taken(contents, &path, course),
                Some(Err(error)) => {
                    course.lose_to(&error);
                    continue;
                }
                None => {
                    unread.push(path);
                    continue;
                }
            };
        services.extend(missing_services.into_iter().map(|error| (error, None)));
        if !passed_by.is_empty() {
            course.tell(&Notice::PassedBy { path: path.clone(), kinds: passed_by });
        }
        let of_service = found.iter().filter(|one| matches!(one, Observation::ServiceEvent(_))).count();
        events.extend((of_service > 0).then(|| (path.clone(), of_service)));
        services.extend(found.iter().find_map(|observation| service_of(observation, &path)));
        observations.extend(found);
    }
    let (tasks, unclaimed) = merge::by_task(observations);
    if tasks.is_empty() {
        if services.is_empty() {
            for (path, count) in events {
                let hint = "name the file of a task that they speak of as well".to_owned();
                course.lose(format!("{}: {count} events of a service, and no task", path.display()), Some(hint));
            }
        }
        for (error, hint) in services {
            course.lose(error, hint);
        }
    }
    for unclaimed in unclaimed {
        let kind = match &unclaimed {
            Unclaimed::Log { .. } => "a log",
            Unclaimed::Definition { .. } => "a definition",
            Unclaimed::Deployment { .. } => "a deployment",
            Unclaimed::Gap(_) => "a gap",
        };
        let (error, hint) = explain(unclaimed, tasks.is_empty());
        course.lose_one_of(kind, error, hint);
    }
    (tasks, unread)
}

/// What a file holds; `None` when told to stop first. Whoever writes to stdin may never come to an end.
async fn read(path: &Path, course: &Course, stop: &Stop) -> Option<Result<Contents, ReadError>> {
    if stop.is_requested() {
        return None;
    }
    if path != Path::new("-") {
        if let Some(bytes) = std::fs::metadata(path).ok().map(|data| data.len()).filter(|bytes| *bytes >= LARGE) {
            course.tell(&Notice::Large { path: path.to_owned(), bytes });
        }
        return Some(files::read_path(path));
    }
    let (tell, told) = oneshot::channel();
    // No task of the runtime's, whose end would wait for it.
    std::thread::spawn(move || {
        // Told to stop meanwhile, nobody waits for it.
        let _ = tell.send(files::read_stdin());
    });
    tokio::select! {
        read = told => read.ok(),
        () = stop.wait() => None,
    }
}

/// What a file or stdin says.
#[derive(Debug, Default)]
pub(in crate::run) struct ReadFile {
    pub(in crate::run) observations: Vec<Observation>,
    /// What is not about a task, by kind.
    pub(in crate::run) passed_by: Vec<String>,
    /// Of those what is about a service or its deployments, each with its type.
    pub(in crate::run) actions: Vec<(String, ActionRecord)>,
    /// Services that ECS did not find: tasks are drawn without them.
    pub(in crate::run) missing_services: Vec<String>,
}

/// Reads a file or stdin. What is lost of it in any case is told.
pub(in crate::run) fn read_file(path: &Path, course: &Course) -> ReadFile {
    let read = if path == Path::new("-") { files::read_stdin() } else { files::read_path(path) };
    match read {
        Ok(contents) => taken(contents, path, course),
        Err(error) => {
            course.lose_to(&error);
            ReadFile::default()
        }
    }
}

fn taken(contents: Contents, path: &Path, course: &Course) -> ReadFile {
    if !contents.notes.is_empty() {
        let path = if path == Path::new("-") { PathBuf::from("stdin") } else { path.to_owned() };
        course.tell(&Notice::ReadWith { path, how: contents.notes });
    }
    for error in contents.errors {
        course.lose_in(path, &error);
    }
    let mut missing_services = vec![];
    for missing in contents.missing {
        let told = format!("{}: ECS did not find {}: {}", path.display(), missing.arn, missing.reason);
        if missing.arn.contains(":service/") {
            missing_services.push(told);
        } else {
            course.lose_one_of(&format!("{}: missing", path.display()), told, None);
        }
    }
    let (observations, passed_by, actions) = (contents.observations, contents.passed_by, contents.actions);
    ReadFile { observations, passed_by, actions, missing_services }
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
            let hint = "`ecspan deploy --from FILE…` reads it".to_owned();
            (format!("{arn}: a service's deployment tells nothing of a task"), Some(hint))
        }
        Unclaimed::Gap(gap) => (format!("{}: {}", gap.what, gap.why), gap.hint),
    }
}
