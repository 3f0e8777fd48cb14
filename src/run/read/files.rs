//! Tasks from files: what each holds is told apart and put together; what cannot be used is lost, and told. Main function:
//! [`read_files`].

use std::path::{Path, PathBuf};

use super::Course;
use crate::model::merge::{self, TaskObservations, Unclaimed};
use crate::model::observation::Observation;
use crate::run::notice::Notice;
use crate::source::files::{self, Contents};

pub(super) fn read_files(paths: &[PathBuf], course: &Course) -> Vec<TaskObservations> {
    let mut observations = vec![];
    for path in paths {
        let read = if path == Path::new("-") { files::read_stdin() } else { files::read_path(path) };
        match read {
            Ok(contents) => take(contents, path, &mut observations, course),
            Err(error) => course.lose_to(&error),
        }
    }
    let (tasks, unclaimed) = merge::by_task(observations);
    for unclaimed in unclaimed {
        let (error, hint) = explain(unclaimed, tasks.is_empty());
        course.lose(error, hint);
    }
    tasks
}

fn take(contents: Contents, path: &Path, observations: &mut Vec<Observation>, course: &Course) {
    let Contents { observations: found, errors, missing, passed_by } = contents;
    if !passed_by.is_empty() {
        course.tell(&Notice::PassedBy { path: path.to_owned(), kinds: passed_by });
    }
    for error in errors {
        course.lose_to(&error);
    }
    for missing in missing {
        course.lose(format!("{}: ECS did not find {}: {}", path.display(), missing.arn, missing.reason), None);
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
