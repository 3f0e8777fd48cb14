//! From what was typed to the tasks that are meant: files are read, all else is asked of AWS. Main type: [`Tasks`].

use std::path::Path;

use ecspan::model::merge::{self, TaskObservations, Unclaimed};
use ecspan::model::observation::Observation;
use ecspan::source::files::{self, Contents};

use super::args::TaskArgs;
use super::exit::Exit;
use super::problem::Problem;
use super::terminal;

/// The tasks of one run, and what could not be read along the way.
#[derive(Debug, Default)]
pub(super) struct Tasks {
    pub(super) list: Vec<TaskObservations>,
    /// How many things were tried and could not be read. Each has been told.
    pub(super) unread: usize,
}

impl Tasks {
    /// How a run ends that delivered everything it had.
    pub(super) fn exit(&self) -> Exit {
        if self.unread == 0 { Exit::Success } else { Exit::Incomplete }
    }

    fn tell(&mut self, problem: &Problem) {
        problem.print();
        self.unread += 1;
    }
}

/// Reads the files among `args` (and stdin).
pub(super) fn read_files(args: &TaskArgs) -> Result<Tasks, Problem> {
    let mut tasks = Tasks::default();
    let mut observations = vec![];
    for name in &args.tasks {
        let read = if name == "-" { files::read_stdin() } else { files::read_path(Path::new(name)) };
        match read {
            Ok(contents) => take(contents, name, &mut observations, &mut tasks),
            Err(error) => tasks.tell(&Problem::failed(error.to_string()).hint(error.hint())),
        }
    }
    let (list, unclaimed) = merge::by_task(observations);
    for unclaimed in unclaimed {
        let problem = explain(unclaimed, list.is_empty());
        tasks.tell(&problem);
    }
    tasks.list = list;
    Ok(tasks)
}

fn take(contents: Contents, name: &str, observations: &mut Vec<Observation>, tasks: &mut Tasks) {
    let Contents { observations: found, errors, missing } = contents;
    for error in errors {
        tasks.tell(&Problem::failed(error.to_string()).hint(error.hint()));
    }
    for missing in missing {
        tasks.tell(&Problem::failed(format!("{name}: ECS did not find {}: {}", missing.arn, missing.reason)));
    }
    observations.extend(found);
}

fn explain(unclaimed: Unclaimed, no_tasks: bool) -> Problem {
    let hint = if no_tasks { "name the file of the task as well (the answer of `aws ecs describe-tasks`)" } else { "" };
    let problem = match unclaimed {
        Unclaimed::Log { origin, lines, why } => {
            Problem::failed(format!("{origin}: {lines} log lines are not used: {why}"))
        }
        Unclaimed::Definition { origin, family } => {
            let family = family.map_or(String::new(), |family| format!(" of {family}"));
            Problem::failed(format!("{origin}: the task definition{family} is not used: no task given runs it"))
        }
        Unclaimed::Gap(gap) => return Problem::failed(format!("{}: {}", gap.what, gap.why)).hint(gap.hint),
    };
    problem.hint(Some(hint.to_owned()).filter(|hint| !hint.is_empty()))
}

/// Nothing was found: everything that was wrong has been told.
pub(super) fn none(tasks: &Tasks) -> Exit {
    if tasks.unread == 0 {
        terminal::tell("note", "no tasks");
        return Exit::Success;
    }
    Exit::Failed
}
