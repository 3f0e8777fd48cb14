//! What is asked for and not read yet, so that a run that is told to stop can say how to ask for it again. Main type: [`Unread`].

use std::path::PathBuf;

use crate::model::Time;
use crate::model::observation::TaskRecord;
use crate::source::target::TaskTarget;

/// What was asked for and was not read before the run was told to stop.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Unread {
    /// Files; `-` is stdin.
    pub files: Vec<PathBuf>,
    /// Tasks that were named, and tasks of files of which AWS was to be asked for more.
    pub tasks: Vec<String>,
    /// Tasks that were found by the selection.
    pub selected: Vec<String>,
    /// What is selected was not even listed.
    pub is_unlisted: bool,
    /// Of what ECS has forgotten, those that stopped after this time.
    pub past: Option<Time>,
}

impl Unread {
    /// Whether all was read.
    pub const fn is_empty(&self) -> bool {
        self.files.is_empty()
            && self.tasks.is_empty()
            && self.selected.is_empty()
            && !self.is_unlisted
            && self.past.is_none()
    }
}

/// What is to be read, in the order in which it is, and how far that has come.
#[derive(Debug, Default)]
pub(super) struct ToRead {
    all: Unread,
    /// Tasks of files, which come first.
    of_files: usize,
    read: usize,
}

impl ToRead {
    /// `files` were not read, of `fetched` AWS is asked for more; then come `targets` and, where one is given, the selection.
    pub(super) fn new(files: Vec<PathBuf>, fetched: Vec<String>, targets: &[TaskTarget], is_selecting: bool) -> Self {
        let of_files = fetched.len();
        let tasks = fetched.into_iter().chain(targets.iter().map(typed)).collect();
        Self { all: Unread { files, tasks, is_unlisted: is_selecting, ..Unread::default() }, of_files, read: 0 }
    }

    /// These are the tasks that AWS has; what it does not have was told.
    pub(super) fn found(&mut self, named: Vec<String>, selected: Vec<String>) {
        self.all.tasks.truncate(self.of_files);
        self.all.tasks.extend(named);
        self.all.selected = selected;
        self.all.is_unlisted = false;
    }

    /// History is read so far; `None`: to its end, or not at all.
    pub(super) const fn read_past(&mut self, until: Option<Time>) {
        self.all.past = until;
    }

    /// The next of them is read and handed on.
    pub(super) const fn advance(&mut self) {
        self.read += 1;
    }

    pub(super) fn unread(&self) -> Unread {
        let Unread { files, tasks, selected, is_unlisted, past } = &self.all;
        let rest = |names: &[String], read: usize| names.get(read..).unwrap_or_default().to_vec();
        Unread {
            files: files.clone(),
            tasks: rest(tasks, self.read),
            selected: rest(selected, self.read.saturating_sub(tasks.len())),
            is_unlisted: *is_unlisted,
            past: *past,
        }
    }
}

fn typed(TaskTarget { id, cluster, region }: &TaskTarget) -> String {
    let name = cluster.as_ref().map_or_else(|| id.clone(), |cluster| format!("{cluster}/{id}"));
    region.as_ref().map_or_else(|| name.clone(), |region| format!("{name} in {region}"))
}

/// The name under which a task can be asked for.
pub(super) fn name(task: &TaskRecord) -> String {
    task.cluster_name().map_or_else(|| task.id.clone(), |cluster| format!("{cluster}/{}", task.id))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    fn target(id: &str, region: Option<&str>) -> TaskTarget {
        TaskTarget { id: id.to_owned(), cluster: Some("prod".to_owned()), region: region.map(str::to_owned) }
    }

    #[test]
    fn what_was_not_found_yet_is_named_as_it_was_typed() {
        let targets = [target("a", None), target("b", Some("eu-west-1"))];
        let to_read = ToRead::new(vec!["x.json".into()], vec![], &targets, true);
        let Unread { files, tasks, selected, is_unlisted, .. } = to_read.unread();
        assert_eq!((files, tasks), (vec!["x.json".into()], names(&["prod/a", "prod/b in eu-west-1"])));
        assert!(selected.is_empty() && is_unlisted);
    }

    #[test]
    fn what_was_read_is_not_named_any_more() {
        let mut to_read = ToRead::new(vec![], names(&["f"]), &[target("a", None), target("gone", None)], true);
        to_read.found(names(&["prod/a"]), names(&["prod/s", "prod/t"]));
        let mut left = vec![];
        for _ in 0..5 {
            let Unread { tasks, selected, .. } = to_read.unread();
            left.push((tasks.len(), selected.len()));
            to_read.advance();
        }
        assert_eq!(left, [(2, 2), (1, 2), (0, 2), (0, 1), (0, 0)]);
        assert!(to_read.unread().is_empty());
    }
}
