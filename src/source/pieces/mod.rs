//! An input read piece by piece: its documents, and the elements of long lists in them, each for itself, so that none of it has to be
//! held. Main types: [`Walk`], [`Piece`].
//!
//! What is found is what [`files::read_bytes`](super::files::read_bytes) finds in the whole, under the same places. Whatever has no such
//! form – text around JSON, YAML, a large document that is no list of things – is read whole, as it is there.

mod checked;
#[cfg(test)]
mod tests;
mod window;

use std::io::{self, BufReader, Read, Seek};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Map, Value};

use self::checked::Checked;
use self::window::Window;
use super::error::{Place, ReadError};
use super::files::{self, Contents};
use super::json::At;
use super::text::{self, Before};
use super::twice::Json;
use super::{document, shape, spread};
use crate::model::observation::{Observation, TaskRecord};

/// A document of so many bytes is parsed as it is; of a larger one the lists are looked for.
const SMALL: u64 = 64 * 1024;
/// No answer has so many fields.
const FIELDS: usize = 1_000;
/// So many bytes are read at once.
const CHUNK: usize = 64 * 1024;
/// So often who reads a long text is asked whether it is still wanted.
const PATIENCE: Duration = Duration::from_millis(50);
/// As much as the main thread has: what stands inside something is read inside it.
const STACK: usize = 8 * 1024 * 1024;
/// Each byte of an input may hold so many, packed in text inside.
const PACKED: usize = 16;

/// What can be read again by itself: where it begins, and the how many-th it is of which list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Piece {
    pub(crate) offset: u64,
    pub(crate) list: u32,
    pub(crate) number: u32,
}

/// What pieces are of.
#[derive(Debug)]
enum List {
    /// The documents of an input, counted from 1; 0 is the only one.
    Documents { origin: String },
    /// The elements of a list in one.
    Elements { place: Place, depth: usize },
}

impl List {
    fn place(&self, number: u32) -> Place {
        match self {
            Self::Documents { origin } if number == 0 => Place::root(origin),
            Self::Documents { origin } => Place::root(&format!("{origin}: document {number}")),
            Self::Elements { place, .. } => place.index(usize::try_from(number).unwrap_or(usize::MAX)),
        }
    }

    /// So deep inside of a document the pieces are.
    const fn depth(&self) -> usize {
        match self {
            Self::Documents { .. } => 0,
            Self::Elements { depth, .. } => *depth,
        }
    }
}

/// The lists that pieces are of, of several inputs.
#[derive(Debug, Default)]
pub(crate) struct Lists(Vec<List>);

impl Lists {
    /// So many there are.
    pub(crate) const fn len(&self) -> usize {
        self.0.len()
    }

    /// Where a piece stands.
    pub(crate) fn place(&self, piece: Piece) -> Place {
        self.get(piece.list).map_or_else(|| Place::root(""), |list| list.place(piece.number))
    }

    fn get(&self, list: u32) -> Option<&List> {
        self.0.get(usize::try_from(list).ok()?)
    }

    fn push(&mut self, list: List) -> u32 {
        self.0.push(list);
        u32::try_from(self.0.len() - 1).unwrap_or(u32::MAX)
    }
}

/// A field of an object: its name, and where its value begins and ends.
type Field = (String, u64, u64);

/// Who is told what is found.
pub(crate) trait Finder {
    /// Takes what `contents` holds; `again` where the piece that it was in can be read again.
    fn found(&mut self, contents: &mut Contents, again: Option<Piece>);
    /// So many bytes are read whole.
    fn reads_whole(&mut self, bytes: u64);
    /// Whether no more is wanted.
    fn is_done(&mut self) -> bool;
}

/// A walk through an input.
pub(crate) struct Walk<'a, R> {
    origin: &'a str,
    window: Window<R>,
    lists: &'a mut Lists,
    finder: &'a mut dyn Finder,
    contents: Contents,
    small: u64,
}

impl<'a, R: Read + Seek> Walk<'a, R> {
    /// `origin` is what to call the input in errors.
    pub(crate) fn new(origin: &'a str, input: R, lists: &'a mut Lists, finder: &'a mut dyn Finder) -> Self {
        Self { origin, window: Window::new(input, CHUNK), lists, finder, contents: Contents::default(), small: SMALL }
    }

    /// Walks, until the end or until no more is wanted. With an error nothing counts that was found before.
    pub(crate) fn run(mut self) -> Result<(), ReadError> {
        if text::Wide::of(self.bytes(0)?).is_some() {
            return self.whole();
        }
        let mut begin = 0;
        while self.bytes(begin)?.starts_with("\u{feff}".as_bytes()) {
            begin += 3;
        }
        let (first, mut count) = (begin, 0);
        let documents = self.lists.push(List::Documents { origin: self.origin.to_owned() });
        while let Some(start) = self.solid(begin)? {
            if self.finder.is_done() {
                return Ok(());
            }
            let is_open = matches!(self.bytes(start)?, [b'{' | b'[', ..]);
            let end = if is_open { self.end_of(start)? } else { None };
            let Some(end) = end else { return self.rest(first, begin, count) };
            let number = if count == 0 && self.is_blank(end)? { 0 } else { count + 1 };
            if number == 1 && self.may_be_spread(start, end)? {
                return self.whole();
            }
            if !self.document(start, end, documents, number)? {
                return self.rest(first, begin, count);
            }
            (begin, count) = (end, count + 1);
        }
        if count == 0 { self.whole() } else { Ok(()) }
    }

    /// Whether a document may hold a line of one that only all of them are.
    fn may_be_spread(&mut self, start: u64, end: u64) -> Result<bool, ReadError> {
        let size = self.window.size().map_err(|source| io_error(self.origin, source))?;
        if end - start > self.small || size > spread::LARGEST as u64 {
            return Ok(false);
        }
        Ok(self.value(start, end)?.is_some_and(|json| spread::may_be_one(&json.value)))
    }

    /// Whether nothing follows: then a document needs no number.
    fn is_blank(&mut self, at: u64) -> Result<bool, ReadError> {
        let Some(solid) = self.solid(at)? else { return Ok(true) };
        let rest = self.bytes(solid)?;
        // Spaces that are none in JSON: nobody has many.
        Ok(rest.len() < 64 && std::str::from_utf8(rest).is_ok_and(|rest| rest.trim().is_empty()))
    }

    /// A document; false if it is none, but part of other text.
    fn document(&mut self, start: u64, end: u64, documents: u32, number: u32) -> Result<bool, ReadError> {
        if end - start > self.small {
            return Ok(self.is_json(start, end)? && self.large(start, end, documents, number)?);
        }
        match self.value(start, end)? {
            Some(json) if number == 0 || !text::is_plain(&json.value) => {
                self.piece(&json, start, end, documents, number);
                Ok(true)
            }
            _ => Ok(false),
        }
    }

    /// One of a list in JSON that is known to be some.
    fn element(&mut self, start: u64, end: u64, list: u32, number: u32) -> Result<(), ReadError> {
        if end - start > self.small {
            return self.large(start, end, list, number).map(|_| ());
        }
        let json = self.surely(start, end)?;
        self.piece(&json, start, end, list, number);
        Ok(())
    }

    /// JSON that is large: the lists in it are read by their elements, if it has any; else it is read whole. False if it is no document.
    fn large(&mut self, start: u64, end: u64, list: u32, number: u32) -> Result<bool, ReadError> {
        let (place, depth) = self
            .lists
            .get(list)
            .map_or_else(|| (Place::root(self.origin), 0), |list| (list.place(number), list.depth()));
        if self.is_list(start, &place)? {
            self.elements(start, place, depth)?;
            return Ok(true);
        }
        if self.answer(start, &place, depth)? {
            return Ok(true);
        }
        self.finder.reads_whole(end - start);
        let json = self.surely(start, end)?;
        if depth == 0 && number != 0 && text::is_plain(&json.value) {
            return Ok(false);
        }
        self.piece(&json, start, end, list, number);
        Ok(true)
    }

    /// Whether a list of things begins there.
    fn is_list(&mut self, start: u64, place: &Place) -> Result<bool, ReadError> {
        let Some((from, to)) = self.first_element(start)? else { return Ok(false) };
        let first = self.surely(from, to)?.value;
        Ok(shape::begins_list(&At { value: &first, place: place.clone() }))
    }

    /// The elements of the list that begins there.
    fn elements(&mut self, start: u64, place: Place, depth: usize) -> Result<(), ReadError> {
        let list = self.lists.push(List::Elements { place, depth: depth + 1 });
        let mut number = 0;
        let mut next = self.first_element(start)?;
        while let Some((from, to)) = next {
            if self.finder.is_done() {
                return Ok(());
            }
            self.element(from, to, list, number)?;
            number += 1;
            next = self.next_element(to)?;
        }
        Ok(())
    }

    /// An answer: its long lists of tasks are read by their elements, in the order of its fields. False if it is none.
    fn answer(&mut self, start: u64, place: &Place, depth: usize) -> Result<bool, ReadError> {
        let Some(fields) = self.fields(start)? else { return Ok(false) };
        let is_long = |(name, from, to): &&Field| name.eq_ignore_ascii_case("tasks") && to - from > self.small;
        let long: Vec<(String, u64)> =
            fields.iter().filter(is_long).map(|(name, from, _)| (name.clone(), *from)).collect();
        if long.is_empty() {
            return Ok(false);
        }
        let (mut rest, mut errors) = (Map::new(), vec![]);
        for (name, from, to) in fields {
            let value = match self.first_element(from)? {
                // One is enough to see what they are.
                Some((from, to)) if long.iter().any(|(long, _)| *long == name) => {
                    Value::Array(vec![self.surely(from, to)?.value])
                }
                _ => {
                    self.finder.reads_whole(to - from);
                    let json = self.surely(from, to)?;
                    errors.append(&mut json.errors(&place.key(&name)));
                    json.value
                }
            };
            // Of two of one name the later counts, and where it stands the first does: nobody writes that.
            if rest.insert(name, value).is_some() {
                return Ok(false);
            }
        }
        let rest = Value::Object(rest);
        let at = At { value: &rest, place: place.clone() };
        let names: Vec<&str> = long.iter().map(|(name, _)| name.as_str()).collect();
        if !document::is_in_parts(&at, &names) {
            return Ok(false);
        }
        let mut around = Contents { errors, ..Contents::default() };
        around.inside.depth = depth;
        let mut result = Ok(());
        document::read_around(&at, &mut around, &mut |list, around| {
            let Some((_, from)) = long.iter().find(|(name, _)| place.key(name) == list.place) else {
                return document::read_elements(list, around);
            };
            self.finder.found(around, None);
            if result.is_ok() {
                result = self.elements(*from, list.place.clone(), depth);
            }
        });
        result?;
        self.finder.found(&mut around, None);
        Ok(true)
    }

    /// Hands on what one piece holds.
    fn piece(&mut self, json: &Json, start: u64, end: u64, list: u32, number: u32) {
        let Some(of) = self.lists.get(list) else { return };
        let bytes = usize::try_from(end - start).unwrap_or(usize::MAX);
        self.contents.inside.depth = of.depth();
        self.contents.inside.unpacked = self.contents.inside.unpacked.saturating_sub(bytes.saturating_mul(PACKED));
        let place = of.place(number);
        self.contents.errors.append(&mut json.errors(&place));
        document::read(&At { value: &json.value, place }, &mut self.contents);
        let is_task = |one: &&Observation| matches!(one, Observation::Task(_));
        // A large one is not read again for each of its tasks.
        let is_cheap = end - start <= self.small || self.contents.observations.iter().filter(is_task).count() == 1;
        let again = is_cheap.then_some(Piece { offset: start, list, number });
        self.finder.found(&mut self.contents, again);
    }

    /// Everything, as it is.
    fn whole(mut self) -> Result<(), ReadError> {
        let bytes = self.range(0, None)?;
        let origin = self.origin.to_owned();
        self.patiently(move |contents| files::read_unpacked(&origin, &bytes, contents))
    }

    /// What takes long and cannot be told to end is done beside: who wants no more does not wait for it.
    fn patiently<F>(&mut self, read: F) -> Result<(), ReadError>
    where
        F: FnOnce(&mut Contents) -> Result<(), ReadError> + Send + 'static,
    {
        let mut contents = std::mem::take(&mut self.contents);
        let (tell, told) = mpsc::channel();
        let reading = move || {
            let read = read(&mut contents);
            let _ = tell.send((read, contents));
        };
        let thread = std::thread::Builder::new().stack_size(STACK).spawn(reading);
        let thread = thread.map_err(|source| io_error(self.origin, source))?;
        loop {
            match told.recv_timeout(PATIENCE) {
                Ok((read, contents)) => {
                    self.contents = contents;
                    read?;
                    self.finder.found(&mut self.contents, None);
                    return Ok(());
                }
                Err(RecvTimeoutError::Timeout) if self.finder.is_done() => return Ok(()),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => match thread.join() {
                    Err(panic) => std::panic::resume_unwind(panic),
                    Ok(()) => return Ok(()),
                },
            }
        }
    }

    /// What is behind so many documents, and is not JSON alone in UTF-8.
    fn rest(mut self, first: u64, begin: u64, count: u32) -> Result<(), ReadError> {
        if count == 0 {
            return self.whole();
        }
        let bytes = self.range(begin, None)?;
        let mut before = Before::default();
        let mut at = first;
        while at < begin {
            // Whole characters: what is before it was JSON.
            let to = self.end_of_character(begin.min(at + CHUNK as u64))?;
            let bytes = self.range(at, Some(to))?;
            before.pass(&String::from_utf8_lossy(&bytes));
            at += bytes.len() as u64;
        }
        self.contents.inside = files::Inside::default();
        let (origin, count) = (self.origin.to_owned(), usize::try_from(count).unwrap_or(usize::MAX));
        self.patiently(move |contents| {
            let (text, note) = text::narrow(&bytes).ok_or_else(|| no_text(&origin, begin, &bytes))?;
            files::read_rest(&origin, &text, before, count, contents);
            contents.notes.extend(note.map(str::to_owned));
            Ok(())
        })
    }

    /// `at`, or where the character ends that it is inside of.
    fn end_of_character(&mut self, mut at: u64) -> Result<u64, ReadError> {
        while matches!(self.bytes(at)?, [0x80..0xc0, ..]) {
            at += 1;
        }
        Ok(at)
    }

    /// Whether it is JSON to its end, and what is read as such.
    fn is_json(&mut self, start: u64, end: u64) -> Result<bool, ReadError> {
        let input = self.window.input_at(start).map_err(|source| io_error(self.origin, source))?;
        let mut json = serde_json::Deserializer::from_reader(BufReader::with_capacity(CHUNK, input.take(end - start)));
        match Checked::deserialize(&mut json) {
            Ok(_) => Ok(true),
            Err(error) if error.is_io() => Err(io_error(self.origin, error.into())),
            Err(_) => Ok(false),
        }
    }

    /// The value there, if it is JSON.
    fn value(&mut self, start: u64, end: u64) -> Result<Option<Json>, ReadError> {
        Ok(serde_json::from_slice(&self.range(start, Some(end))?).ok())
    }

    /// The value there, which is JSON.
    fn surely(&mut self, start: u64, end: u64) -> Result<Json, ReadError> {
        self.value(start, end)?.ok_or_else(|| ReadError::Changed { place: Place::root(self.origin) })
    }

    /// The fields of the object that begins there; `None` if it is none, or has more than anything real.
    fn fields(&mut self, start: u64) -> Result<Option<Vec<Field>>, ReadError> {
        let mut fields = vec![];
        if !matches!(self.bytes(start)?, [b'{', ..]) {
            return Ok(None);
        }
        let mut next = self.first_element(start)?;
        while let Some((from, to)) = next {
            let Value::String(name) = self.surely(from, to)?.value else { return Ok(None) };
            let Some((value, end)) = self.next_element(to)? else { return Ok(None) };
            fields.push((name, value, end));
            if fields.len() > FIELDS {
                return Ok(None);
            }
            next = self.next_element(end)?;
        }
        Ok(Some(fields))
    }

    /// The first element of the list (or name of the object) that begins there, in JSON that is known to be some.
    fn first_element(&mut self, start: u64) -> Result<Option<(u64, u64)>, ReadError> {
        match self.bytes(start)? {
            [b'[' | b'{', ..] => self.next_element(start + 1),
            _ => Ok(None),
        }
    }

    /// What comes behind a comma or a colon.
    fn next_element(&mut self, at: u64) -> Result<Option<(u64, u64)>, ReadError> {
        let mut at = self.solid(at)?;
        if let Some(mark) = at
            && matches!(self.bytes(mark)?, [b',' | b':', ..])
        {
            at = self.solid(mark + 1)?;
        }
        let Some(at) = at else { return Ok(None) };
        if matches!(self.bytes(at)?, [b']' | b'}', ..]) {
            return Ok(None);
        }
        Ok(self.end_of(at)?.map(|end| (at, end)))
    }

    /// Where something stands that is no space, from there on.
    fn solid(&mut self, at: u64) -> Result<Option<u64>, ReadError> {
        self.window.solid(at).map_err(|source| io_error(self.origin, source))
    }

    fn end_of(&mut self, at: u64) -> Result<Option<u64>, ReadError> {
        self.window.end_of(at).map_err(|source| io_error(self.origin, source))
    }

    fn bytes(&mut self, at: u64) -> Result<&[u8], ReadError> {
        let origin = self.origin;
        self.window.bytes(at).map_err(|source| io_error(origin, source))
    }

    /// The bytes from there to there; to the end is as much as it takes.
    fn range(&mut self, from: u64, to: Option<u64>) -> Result<Vec<u8>, ReadError> {
        let mut bytes = vec![];
        if to.is_none() {
            let size = self.window.size().map_err(|source| io_error(self.origin, source))?;
            self.finder.reads_whole(size.saturating_sub(from));
        }
        self.window.read(from, to, &mut bytes).map_err(|source| io_error(self.origin, source))?;
        Ok(bytes)
    }
}

fn no_text(origin: &str, begin: u64, bytes: &[u8]) -> ReadError {
    match text::no_text(origin, bytes) {
        ReadError::NotUtf8 { origin, offset } => {
            let begin = usize::try_from(begin).unwrap_or(usize::MAX);
            ReadError::NotUtf8 { origin, offset: begin.saturating_add(offset) }
        }
        error => error,
    }
}

fn io_error(origin: &str, source: io::Error) -> ReadError {
    ReadError::Io { origin: origin.to_owned(), source }
}

/// Reads pieces again.
pub(crate) struct Again<R>(Window<R>);

impl<R: Read + Seek> Again<R> {
    /// As many bytes are read at once as one piece has: they may stand anywhere.
    pub(crate) fn anywhere(input: R) -> Self {
        Self(Window::new(input, CHUNK / 8))
    }

    /// They are read in their order.
    pub(crate) fn in_order(input: R) -> Self {
        Self(Window::new(input, CHUNK))
    }

    /// The tasks of a piece; `None` where it is none any more.
    pub(crate) fn tasks(&mut self, piece: Piece, lists: &Lists) -> Option<Vec<TaskRecord>> {
        let list = lists.get(piece.list)?;
        let end = self.0.end_of(piece.offset).ok()??;
        let mut bytes = vec![];
        self.0.read(piece.offset, Some(end), &mut bytes).ok()?;
        let value: Value = serde_json::from_slice(&bytes).ok()?;
        let mut contents = Contents::default();
        contents.inside.depth = list.depth();
        document::read(&At { value: &value, place: list.place(piece.number) }, &mut contents);
        let task = |observation| match observation {
            Observation::Task(task) => Some(*task),
            _ => None,
        };
        Some(contents.observations.into_iter().filter_map(task).collect())
    }
}
