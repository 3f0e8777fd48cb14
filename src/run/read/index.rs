//! Which tasks are named where in files: what is kept of a file of a million tasks. A task is put together from the places that name it
//! once its turn has come. Main types: [`Index`], [`Tasks`].

use std::fmt;
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::sorted::{Mention, Sorted, Sorter};
use super::{Course, unread};
use crate::model::merge::{Beside, Claims, Records, TaskObservations, Unclaimed};
use crate::model::observation::TaskRecord;
use crate::source::error::ReadError;
use crate::source::input::{Input, Seekable};
use crate::source::pieces::{Again, Lists, Piece};

/// The list of what is held, which is none: a piece's offset is the place of its record.
const HELD: u32 = u32::MAX;

/// What was seen of files.
#[derive(Debug)]
pub(super) struct Index {
    pub(super) lists: Lists,
    folder: PathBuf,
    inputs: Vec<Input>,
    /// Which input each list is of.
    input_of: Vec<usize>,
    /// By hash.
    mentions: Sorter,
    told: u32,
    forgotten: Vec<Range<u32>>,
    held: Vec<TaskRecord>,
}

impl Index {
    /// What it cannot hold is in `folder`.
    pub(super) fn new(folder: &Path) -> Self {
        let mentions = Sorter::new(|mention| (mention.hash, mention.at), folder);
        let (lists, folder) = (Lists::default(), folder.to_owned());
        Self { lists, folder, inputs: vec![], input_of: vec![], mentions, told: 0, forgotten: vec![], held: vec![] }
    }

    /// So far it has come: what comes later can be forgotten again.
    pub(super) const fn mark(&self) -> (u32, usize) {
        (self.told, self.held.len())
    }

    /// Forgets what came since.
    pub(super) fn forget(&mut self, (told, held): (u32, usize)) {
        self.forgotten.push(told..self.told);
        self.held.truncate(held);
    }

    /// A task is named, in a piece that can be read again or not.
    pub(super) fn mention(&mut self, record: TaskRecord, piece: Option<Piece>) {
        let hash = hash(&record.id);
        let piece = piece.unwrap_or_else(|| {
            self.held.push(record);
            Piece { offset: self.held.len() as u64 - 1, list: HELD, number: 0 }
        });
        self.mentions.push(Mention { hash, piece, at: self.told, first: 0 });
        self.told = self.told.saturating_add(1);
    }

    /// The lists that are new are of this input.
    pub(super) fn add(&mut self, input: Input) {
        self.inputs.push(input);
        self.input_of.resize(self.lists.len(), self.inputs.len() - 1);
    }

    /// Whether no task is named.
    pub(super) fn is_empty(&self) -> bool {
        self.told == self.forgotten.iter().map(|range| range.end - range.start).sum::<u32>()
    }

    /// The tasks, put together with what is said beside them; and what none of them claims.
    pub(super) fn tasks(self, beside: Beside, course: &Arc<Course>) -> (Tasks, Vec<Unclaimed>) {
        let mut places = Places::new(self, course);
        let (first, second) = (places.next_id(&mut |_| {}), places.next_id(&mut |_| {}));
        let is_one = second.is_none() && first.is_some_and(|of_id| of_id.len() == 1);
        let mut claims = Claims::new(beside, is_one);
        if claims.wants_a_look() {
            places.look(|at, task| claims.look_at(at, task));
        }
        let unclaimed = claims.settle();
        places.rewind();
        (Tasks { places, claims, number: 0, of_id: vec![].into_iter(), course: course.clone() }, unclaimed)
    }
}

fn hash(id: &str) -> u64 {
    BuildHasherDefault::<DefaultHasher>::default().hash_one(id.to_lowercase())
}

fn place(at: u32) -> usize {
    usize::try_from(at).unwrap_or(usize::MAX)
}

/// The mentions, on the way through them: those of a hash together, where the first of them stands.
struct Places {
    lists: Lists,
    folder: PathBuf,
    inputs: Vec<Input>,
    input_of: Vec<usize>,
    held: Vec<TaskRecord>,
    mentions: Sorted,
    next: Option<Mention>,
    /// What reads what comes next, and what reads ahead for it.
    in_order: Option<(usize, Again<Box<dyn Seekable>>)>,
    ahead: Option<(usize, Again<Box<dyn Seekable>>)>,
    /// What the piece read last in order holds of tasks that were not asked for yet.
    left: Option<(Piece, Vec<TaskRecord>)>,
}

impl Places {
    fn new(index: Index, course: &Course) -> Self {
        let Index { lists, folder, inputs, input_of, mentions, forgotten, held, .. } = index;
        let mut in_order = Sorter::new(|mention| (mention.first.into(), mention.at), &folder);
        let (mut by_hash, mut before) = (mentions.sorted(), None);
        for mut mention in by_hash.by_ref() {
            if forgotten.iter().any(|range| range.contains(&mention.at)) {
                continue;
            }
            let (_, first) =
                *before.insert(before.filter(|(hash, _)| *hash == mention.hash).unwrap_or((mention.hash, mention.at)));
            mention.first = first;
            in_order.push(mention);
        }
        if let Some(error) = unkept(&mut by_hash, &folder) {
            course.lose_to(&error);
        }
        let mut mentions = in_order.sorted();
        let next = mentions.next();
        Self { lists, folder, inputs, input_of, held, mentions, next, in_order: None, ahead: None, left: None }
    }

    fn rewind(&mut self) {
        self.mentions.rewind();
        (self.next, self.left) = (self.mentions.next(), None);
    }

    /// Looks at all tasks, numbered.
    fn look(&mut self, mut look: impl FnMut(usize, &TaskObservations)) {
        self.rewind();
        let mut number = 0;
        while let Some(tasks) = self.next_id(&mut |_| {}) {
            for task in tasks {
                look(number, &task);
                number += 1;
            }
        }
        self.rewind();
    }

    /// The tasks of the id that comes next; what is not there any more is lost.
    fn next_id(&mut self, lose: &mut dyn FnMut(&ReadError)) -> Option<Vec<TaskObservations>> {
        let Mention { hash: own, first, .. } = self.next?;
        // One hash may, once in a great while, be that of two ids.
        let mut by_id: Vec<(String, Records)> = vec![];
        let mut before = None;
        while let Some(Mention { piece, .. }) = self.next.filter(|next| next.first == first) {
            if before != Some(piece) {
                let records = self.records(piece, own, before.is_none());
                if records.is_empty() {
                    lose(&ReadError::Changed { place: self.lists.place(piece) });
                }
                for record in records {
                    let id = record.id.to_lowercase();
                    match by_id.iter_mut().find(|(known, _)| *known == id) {
                        Some((_, records)) => records.push(record),
                        None => {
                            let mut records = Records::default();
                            records.push(record);
                            by_id.push((id, records));
                        }
                    }
                }
            }
            before = Some(piece);
            self.next = self.mentions.next();
        }
        if let Some(error) = unkept(&mut self.mentions, &self.folder) {
            lose(&error);
        }
        Some(by_id.into_iter().flat_map(|(_, records)| records.tasks()).collect())
    }

    /// What a piece says of ids of that hash.
    fn records(&mut self, piece: Piece, own: u64, is_in_order: bool) -> Vec<TaskRecord> {
        if piece.list == HELD {
            let held = usize::try_from(piece.offset).ok().and_then(|at| self.held.get(at));
            return held.cloned().into_iter().collect();
        }
        let is_own = |record: &TaskRecord| hash(&record.id) == own;
        if !is_in_order {
            return self.read(piece, false).into_iter().filter(is_own).collect();
        }
        let left = match self.left.take() {
            Some((of, left)) if of == piece => left,
            _ => self.read(piece, true),
        };
        let (own, left) = left.into_iter().partition(is_own);
        self.left = Some((piece, left));
        own
    }

    fn read(&mut self, piece: Piece, is_in_order: bool) -> Vec<TaskRecord> {
        let Some(input) = self.input_of.get(place(piece.list)).copied() else { return vec![] };
        let open = if is_in_order { &mut self.in_order } else { &mut self.ahead };
        if open.as_ref().is_none_or(|(of, _)| *of != input) {
            let new = if is_in_order { Again::in_order } else { Again::anywhere };
            *open = self.inputs.get(input).and_then(|input| input.reader().ok()).map(|reader| (input, new(reader)));
        }
        let Some((_, again)) = open else { return vec![] };
        again.tasks(piece, &self.lists).unwrap_or_default()
    }
}

/// What of the mentions could not be read again.
fn unkept(mentions: &mut Sorted, folder: &Path) -> Option<ReadError> {
    let origin = format!("what is kept in {} while files are read", folder.display());
    mentions.failed().map(|source| ReadError::Io { origin, source })
}

/// The tasks of files, each put together once its turn has come.
pub(super) struct Tasks {
    places: Places,
    claims: Claims,
    number: usize,
    of_id: std::vec::IntoIter<TaskObservations>,
    course: Arc<Course>,
}

impl fmt::Debug for Tasks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tasks").field("number", &self.number).finish_non_exhaustive()
    }
}

impl Tasks {
    /// The names by which they can be asked for.
    pub(super) fn names(&mut self) -> Vec<String> {
        let mut names = vec![];
        self.places.look(|_, task| names.push(unread::name(&task.task)));
        names
    }
}

impl Iterator for Tasks {
    type Item = TaskObservations;

    fn next(&mut self) -> Option<TaskObservations> {
        loop {
            if let Some(mut task) = self.of_id.next() {
                self.claims.complete(self.number, &mut task);
                self.number += 1;
                return Some(task);
            }
            let course = &self.course;
            self.of_id = self.places.next_id(&mut |error| course.lose_to(error))?.into_iter();
        }
    }
}
