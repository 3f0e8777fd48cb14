//! Which tasks are named where in files: what is kept of a file of a million tasks. A task is put together from the places that name it
//! once its turn has come. Main types: [`Index`], [`Tasks`].

use std::fmt;
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};
use std::sync::Arc;

use super::{Course, unread};
use crate::model::merge::{Beside, Claims, Records, TaskObservations, Unclaimed};
use crate::model::observation::TaskRecord;
use crate::source::error::ReadError;
use crate::source::input::{Input, Seekable};
use crate::source::pieces::{Again, Lists, Piece};

/// Where a task is named.
#[derive(Clone, Copy, Debug)]
struct Mention {
    /// Of its id, by which all its mentions are found.
    hash: u64,
    /// A list of this number is none: the record is held, and this is its place.
    piece: Piece,
}

/// The list of what is held.
const HELD: u32 = u32::MAX;
/// No mention.
const NONE: u32 = u32::MAX;

/// What was seen of files.
#[derive(Debug, Default)]
pub(super) struct Index {
    pub(super) lists: Lists,
    inputs: Vec<Input>,
    /// Which input each list is of.
    input_of: Vec<usize>,
    mentions: Vec<Mention>,
    held: Vec<TaskRecord>,
}

impl Index {
    /// So far it has come: what comes later can be forgotten again.
    pub(super) const fn mark(&self) -> (usize, usize) {
        (self.mentions.len(), self.held.len())
    }

    /// Forgets what came since.
    pub(super) fn forget(&mut self, (mentions, held): (usize, usize)) {
        self.mentions.truncate(mentions);
        self.held.truncate(held);
    }

    /// A task is named, in a piece that can be read again or not.
    pub(super) fn mention(&mut self, record: TaskRecord, piece: Option<Piece>) {
        let hash = hash(&record.id);
        let piece = piece.unwrap_or_else(|| {
            self.held.push(record);
            Piece { offset: self.held.len() as u64 - 1, list: HELD, number: 0 }
        });
        self.mentions.push(Mention { hash, piece });
    }

    /// The lists that are new are of this input.
    pub(super) fn add(&mut self, input: Input) {
        self.inputs.push(input);
        self.input_of.resize(self.lists.len(), self.inputs.len() - 1);
    }

    /// Whether no task is named.
    pub(super) const fn is_empty(&self) -> bool {
        self.mentions.is_empty()
    }

    /// The tasks, put together with what is said beside them; and what none of them claims.
    pub(super) fn tasks(self, beside: Beside, course: &Arc<Course>) -> (Tasks, Vec<Unclaimed>) {
        let mut places = Places::new(self);
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

    fn reader(&self, input: usize) -> Option<Box<dyn Seekable>> {
        self.inputs.get(input)?.reader().ok()
    }
}

fn hash(id: &str) -> u64 {
    BuildHasherDefault::<DefaultHasher>::default().hash_one(id.to_lowercase())
}

/// How a mention goes on: the next of its hash, if there is one, and whether it is the first.
#[derive(Clone, Copy, Debug)]
struct Link {
    next: u32,
    is_first: bool,
}

fn links(mentions: &[Mention]) -> Vec<Link> {
    let hash = |at: u32| mentions.get(place(at)).map(|mention| mention.hash);
    let mut order: Vec<u32> = (0..u32::try_from(mentions.len()).unwrap_or(u32::MAX)).collect();
    order.sort_unstable_by_key(|at| (hash(*at), *at));
    let mut links = vec![Link { next: NONE, is_first: true }; mentions.len()];
    for pair in order.windows(2).filter(|pair| hash(pair[0]) == hash(pair[1])) {
        links[place(pair[0])].next = pair[1];
        links[place(pair[1])].is_first = false;
    }
    links
}

fn place(at: u32) -> usize {
    usize::try_from(at).unwrap_or(usize::MAX)
}

/// The mentions, on the way through them.
struct Places {
    index: Index,
    links: Vec<Link>,
    at: usize,
    /// What reads what comes next, and what reads ahead for it.
    in_order: Option<(usize, Again<Box<dyn Seekable>>)>,
    ahead: Option<(usize, Again<Box<dyn Seekable>>)>,
    /// What the piece read last in order holds of tasks that were not asked for yet.
    left: Option<(Piece, Vec<TaskRecord>)>,
}

impl Places {
    fn new(index: Index) -> Self {
        Self { links: links(&index.mentions), index, at: 0, in_order: None, ahead: None, left: None }
    }

    fn rewind(&mut self) {
        (self.at, self.left) = (0, None);
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
        while !self.links.get(self.at)?.is_first {
            self.at += 1;
        }
        let mut at = self.at;
        self.at += 1;
        // One hash may, once in a great while, be that of two ids.
        let mut by_id: Vec<(String, Records)> = vec![];
        let mut before = None;
        while let Some(Mention { hash: own, piece }) = self.index.mentions.get(at).copied() {
            if before != Some(piece) {
                let records = self.records(piece, own, before.is_none());
                if records.is_empty() {
                    lose(&ReadError::Changed { place: self.index.lists.place(piece) });
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
            at = self.links.get(at).map_or(usize::MAX, |link| place(link.next));
        }
        Some(by_id.into_iter().flat_map(|(_, records)| records.tasks()).collect())
    }

    /// What a piece says of ids of that hash.
    fn records(&mut self, piece: Piece, own: u64, is_in_order: bool) -> Vec<TaskRecord> {
        if piece.list == HELD {
            let held = usize::try_from(piece.offset).ok().and_then(|at| self.index.held.get(at));
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
        let Some(input) = self.index.input_of.get(place(piece.list)).copied() else { return vec![] };
        let open = if is_in_order { &mut self.in_order } else { &mut self.ahead };
        if open.as_ref().is_none_or(|(of, _)| *of != input) {
            let new = if is_in_order { Again::in_order } else { Again::anywhere };
            *open = self.index.reader(input).map(|reader| (input, new(reader)));
        }
        let Some((_, again)) = open else { return vec![] };
        again.tasks(piece, &self.index.lists).unwrap_or_default()
    }
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
        f.debug_struct("Tasks").field("mentions", &self.places.links.len()).finish_non_exhaustive()
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
