//! Mentions in an order of theirs: what is more than memory should hold is in a file that has no name. Main types: [`Sorter`], [`Sorted`].

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use crate::source::pieces::Piece;

/// So many are sorted at once, 8 MiB, and none is put away before.
const RUN: usize = 256 * 1024;
/// So many are read at once.
const BLOCK: usize = 512;
const SIZE: usize = 32;

/// Where a task is named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Mention {
    /// Of its id, by which all its mentions are found.
    pub(super) hash: u64,
    pub(super) piece: Piece,
    /// The how many-th it is of all.
    pub(super) at: u32,
    /// And which of its hash is the first.
    pub(super) first: u32,
}

impl Mention {
    fn bytes(&self) -> [u8; SIZE] {
        let mut bytes = [0; SIZE];
        bytes[..8].copy_from_slice(&self.hash.to_le_bytes());
        bytes[8..16].copy_from_slice(&self.piece.offset.to_le_bytes());
        for (to, number) in
            bytes[16..].chunks_exact_mut(4).zip([self.piece.list, self.piece.number, self.at, self.first])
        {
            to.copy_from_slice(&number.to_le_bytes());
        }
        bytes
    }

    fn of(bytes: &[u8; SIZE]) -> Self {
        let long = |at: usize| u64::from_le_bytes(std::array::from_fn(|byte| bytes[at + byte]));
        let short = |at: usize| u32::from_le_bytes(std::array::from_fn(|byte| bytes[at + byte]));
        let piece = Piece { offset: long(8), list: short(16), number: short(20) };
        Self { hash: long(0), piece, at: short(24), first: short(28) }
    }
}

/// By what they are sorted; no two may be alike.
pub(super) type Key = fn(&Mention) -> (u64, u32);

/// Takes mentions in any order.
#[derive(Debug)]
pub(super) struct Sorter {
    key: Key,
    folder: PathBuf,
    most: usize,
    run: Vec<Mention>,
    runs: Vec<Run>,
    file: Option<File>,
    end: u64,
}

/// Some of them, sorted.
#[derive(Debug)]
enum Run {
    Held(Vec<Mention>),
    /// From there on in the file.
    Kept {
        from: u64,
        count: usize,
    },
}

impl Sorter {
    /// What it puts away is in `folder`.
    pub(super) fn new(key: Key, folder: &Path) -> Self {
        Self { key, folder: folder.to_owned(), most: RUN, run: vec![], runs: vec![], file: None, end: 0 }
    }

    pub(super) fn push(&mut self, mention: Mention) {
        if self.run.len() == self.most {
            let mut run = std::mem::take(&mut self.run);
            run.sort_unstable_by_key(self.key);
            match self.keep(&run) {
                Ok(kept) => {
                    self.runs.push(kept);
                    run.clear();
                    self.run = run;
                }
                // It is memory, then: slower beats not at all.
                Err(_) => self.runs.push(Run::Held(run)),
            }
        }
        self.run.push(mention);
    }

    fn keep(&mut self, run: &[Mention]) -> io::Result<Run> {
        let file = match &mut self.file {
            Some(file) => file,
            none => none.insert(tempfile::tempfile_in(&self.folder)?),
        };
        file.seek(SeekFrom::Start(self.end))?;
        let mut to = io::BufWriter::new(file);
        run.iter().try_for_each(|mention| to.write_all(&mention.bytes()))?;
        to.flush()?;
        let kept = Run::Kept { from: self.end, count: run.len() };
        self.end += (run.len() * SIZE) as u64;
        Ok(kept)
    }

    /// All of them, in their order.
    pub(super) fn sorted(mut self) -> Sorted {
        self.run.sort_unstable_by_key(self.key);
        self.runs.push(Run::Held(self.run));
        let cursors = self.runs.into_iter().map(|run| Cursor { run, next: 0, block: vec![] }).collect();
        let mut sorted = Sorted { key: self.key, file: self.file, cursors, heads: BinaryHeap::new(), failed: None };
        sorted.rewind();
        sorted
    }
}

/// Gives them in their order, as often as one likes.
#[derive(Debug)]
pub(super) struct Sorted {
    key: Key,
    file: Option<File>,
    cursors: Vec<Cursor>,
    /// What comes next of each run.
    heads: BinaryHeap<Reverse<((u64, u32), usize)>>,
    failed: Option<io::Error>,
}

#[derive(Debug)]
struct Cursor {
    run: Run,
    /// The how many-th comes next.
    next: usize,
    block: Vec<Mention>,
}

impl Cursor {
    /// What comes next.
    fn head(&mut self, file: Option<&mut File>) -> io::Result<Option<Mention>> {
        let (from, count) = match &self.run {
            Run::Held(run) => return Ok(run.get(self.next).copied()),
            Run::Kept { from, count } => (*from, *count),
        };
        if self.next == count {
            return Ok(None);
        }
        let within = self.next % BLOCK;
        if within == 0
            && let Some(file) = file
        {
            let mut bytes = vec![0; (count - self.next).min(BLOCK) * SIZE];
            file.seek(SeekFrom::Start(from + (self.next * SIZE) as u64))?;
            file.read_exact(&mut bytes)?;
            self.block.clear();
            self.block.extend(bytes.as_chunks().0.iter().map(Mention::of));
        }
        Ok(self.block.get(within).copied())
    }
}

impl Sorted {
    /// Begins anew.
    pub(super) fn rewind(&mut self) {
        self.heads.clear();
        for at in 0..self.cursors.len() {
            self.cursors[at].next = 0;
            self.queue(at);
        }
    }

    /// What the run has next waits for its turn.
    fn queue(&mut self, at: usize) {
        match self.cursors[at].head(self.file.as_mut()) {
            Ok(Some(mention)) => self.heads.push(Reverse(((self.key)(&mention), at))),
            Ok(None) => {}
            Err(error) => self.failed = Some(error),
        }
    }

    /// What could not be read, once.
    pub(super) const fn failed(&mut self) -> Option<io::Error> {
        self.failed.take()
    }
}

impl Iterator for Sorted {
    type Item = Mention;

    fn next(&mut self) -> Option<Mention> {
        let Reverse((_, at)) = self.heads.pop()?;
        let mention = self.cursors[at].head(None).ok().flatten();
        self.cursors[at].next += 1;
        self.queue(at);
        mention
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mention(at: u32) -> Mention {
        // Their order is neither that of `at` nor its reverse.
        let hash = u64::from(at).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        Mention { hash, piece: Piece { offset: u64::MAX - u64::from(at), list: at / 3, number: at }, at, first: at / 2 }
    }

    #[test]
    fn all_come_in_their_order_again_and_again_where_there_is_room_and_where_there_is_none() {
        let folder = tempfile::tempdir().expect("a folder");
        // More than a block is put away of a run; the last is none whole.
        let (most, count) = (BLOCK + 7, 5 * BLOCK as u32);
        let mut expected: Vec<_> = (0..count).map(mention).collect();
        expected.sort_by_key(|one| (one.hash, one.at));
        for (folder, is_kept) in [(folder.path().to_owned(), true), (folder.path().join("nowhere"), false)] {
            let mut sorter = Sorter { most, ..Sorter::new(|one| (one.hash, one.at), &folder) };
            (0..count).map(mention).for_each(|one| sorter.push(one));
            assert_eq!(sorter.file.is_some(), is_kept);
            let mut sorted = sorter.sorted();
            assert_eq!(sorted.by_ref().take(BLOCK * 2).collect::<Vec<_>>(), expected[..BLOCK * 2]);
            for _ in 0..2 {
                sorted.rewind();
                assert_eq!(sorted.by_ref().collect::<Vec<_>>(), expected);
            }
            assert!(sorted.failed().is_none());
        }
        assert_eq!(std::fs::read_dir(folder.path()).expect("it is there").count(), 0);
    }

    #[test]
    fn what_is_not_there_any_more_is_told() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut sorter = Sorter { most: BLOCK * 2, ..Sorter::new(|one| (0, one.at), folder.path()) };
        (0..BLOCK as u32 * 3).map(mention).for_each(|one| sorter.push(one));
        let mut sorted = sorter.sorted();
        sorted.file.as_ref().expect("much is put away").set_len(SIZE as u64 * BLOCK as u64).expect("it shrinks");
        assert!(sorted.by_ref().count() < BLOCK * 3);
        assert!(sorted.failed().is_some());
    }
}
