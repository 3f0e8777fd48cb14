//! Tasks from files: what each holds is told apart and put together; what cannot be used is lost, and told. Main function:
//! [`read_files`].

use std::path::{Path, PathBuf};

use tokio::sync::oneshot;

use super::Course;
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
    for path in paths {
        match read(&path, course, stop).await {
            Some(Ok(contents)) => take(contents, &path, &mut observations, course),
            Some(Err(error)) => course.lose_to(&error),
            None => unread.push(path),
        }
    }
    let (tasks, unclaimed) = merge::by_task(observations);
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
    std::thread::spawn(move || tell.send(files::read_stdin()));
    tokio::select! {
        read = told => read.ok(),
        () = stop.wait() => None,
    }
}

fn take(contents: Contents, path: &Path, observations: &mut Vec<Observation>, course: &Course) {
    let Contents { observations: found, errors, missing, passed_by } = contents;
    if !passed_by.is_empty() {
        course.tell(&Notice::PassedBy { path: path.to_owned(), kinds: passed_by });
    }
    for error in errors {
        course.lose_in(path, &error);
    }
    for missing in missing {
        let error = format!("{}: ECS did not find {}: {}", path.display(), missing.arn, missing.reason);
        course.lose_one_of(&format!("{}: missing", path.display()), error, None);
    }
    observations.extend(found);
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
