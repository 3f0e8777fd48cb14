//! Tasks from files: what each holds is told apart and put together; what cannot be used is lost, and told. Main function:
//! [`read_files`].

use std::path::{Path, PathBuf};

use super::Course;
use crate::model::merge::{self, TaskObservations, Unclaimed};
use crate::model::observation::Observation;
use crate::run::notice::Notice;
use crate::source::files;

pub(super) fn read_files(paths: &[PathBuf], course: &Course) -> Vec<TaskObservations> {
    let mut observations = vec![];
    let (mut services, mut events) = (vec![], vec![]);
    for path in paths {
        let ReadFile { observations: found, passed_by, missing_services } = read_file(path, course);
        services.extend(missing_services.into_iter().map(|error| (error, None)));
        if !passed_by.is_empty() {
            course.tell(&Notice::PassedBy { path: path.to_owned(), kinds: passed_by });
        }
        let of_service = found.iter().filter(|one| matches!(one, Observation::ServiceEvent(_))).count();
        events.extend((of_service > 0).then(|| (path.display(), of_service)));
        services.extend(found.iter().find_map(|observation| service_of(observation, path)));
        observations.extend(found);
    }
    let (tasks, unclaimed) = merge::by_task(observations);
    if tasks.is_empty() {
        if services.is_empty() {
            for (path, count) in events {
                let hint = "name the file of a task that they speak of as well".to_owned();
                course.lose(format!("{path}: {count} events of a service, and no task"), Some(hint));
            }
        }
        for (error, hint) in services {
            course.lose(error, hint);
        }
    }
    for unclaimed in unclaimed {
        let (error, hint) = explain(unclaimed, tasks.is_empty());
        course.lose(error, hint);
    }
    tasks
}

/// What a file or stdin says.
#[derive(Debug, Default)]
pub(in crate::run) struct ReadFile {
    pub(in crate::run) observations: Vec<Observation>,
    /// What is not about a task, by kind.
    pub(in crate::run) passed_by: Vec<String>,
    /// Services that ECS did not find: tasks are drawn without them.
    pub(in crate::run) missing_services: Vec<String>,
}

/// Reads a file or stdin. What is lost of it in any case is told.
pub(in crate::run) fn read_file(path: &Path, course: &Course) -> ReadFile {
    let read = if path == Path::new("-") { files::read_stdin() } else { files::read_path(path) };
    let contents = match read {
        Ok(contents) => contents,
        Err(error) => {
            course.lose_to(&error);
            return ReadFile::default();
        }
    };
    if !contents.notes.is_empty() {
        let path = if path == Path::new("-") { PathBuf::from("stdin") } else { path.to_owned() };
        course.tell(&Notice::ReadWith { path, how: contents.notes });
    }
    for error in contents.errors {
        course.lose_to(&error);
    }
    let mut missing_services = vec![];
    for missing in contents.missing {
        let told = format!("{}: ECS did not find {}: {}", path.display(), missing.arn, missing.reason);
        if missing.arn.contains(":service/") {
            missing_services.push(told);
        } else {
            course.lose(told, None);
        }
    }
    ReadFile { observations: contents.observations, passed_by: contents.passed_by, missing_services }
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
