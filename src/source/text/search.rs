//! The search for documents in a text that is not JSON alone. Main type: [`Search`].

mod beheaded;
mod blocks;
mod torn;
mod unread;

use std::borrow::Cow;
use std::ops::Range;

use serde_json::Value;

use super::foreign::{self, ASK};
use super::scan::{Broken, Mended, Odd, scan};
use super::{Remarks, Take, Taken, Trust, csv, errors, literal, margin, page, tidy, wrap, yaml};
use crate::source::error::{Place, ReadError};
use crate::source::packed;
use crate::source::twice::Json;

/// The search for documents in a text that is not JSON from there on.
pub(super) struct Search<'a> {
    origin: &'a str,
    before: Before,
    text: Cow<'a, str>,
    /// So many documents were read before.
    count: usize,
    mended: Mended,
    notes: Vec<&'static str>,
    known: usize,
    /// Where those stand.
    read: Vec<Range<usize>>,
    /// Why a document is not known, should none be.
    unknown: Option<ReadError>,
    /// What is wrong with documents that are known.
    errors: Vec<ReadError>,
    broken: Vec<Failure>,
    more_broken: usize,
    /// What is wrong with YAML of which a part is missing.
    torn: Vec<ReadError>,
    beheaded: beheaded::Rest,
    /// The beginning of what stands around the documents.
    around: String,
    /// What may still be scanned: text that is made to cost more is given up.
    left: usize,
    /// So often YAML between brackets is still looked for where it may be something else.
    tries: usize,
}

/// Where a text begins that stands in another: behind so many lines, and behind so many characters of the last.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::source) struct Before {
    lines: usize,
    columns: usize,
}

impl Before {
    /// More stands before it.
    pub(in crate::source) fn pass(&mut self, text: &str) {
        let lines = text.matches('\n').count();
        let own = text.rsplit('\n').next().unwrap_or_default().chars().count();
        self.lines += lines;
        self.columns = if lines == 0 { self.columns + own } else { own };
    }
}

/// Something that began as JSON and did not go on as such.
#[derive(Clone, Debug)]
struct Failure {
    start: usize,
    broken: Broken,
}

/// Takes something from a text, where it has such.
type Tidy = fn(&str) -> Option<String>;

/// So many broken documents are named; others are counted.
const NAMED: usize = 5;
/// So many brackets that hold words without quotes are read as YAML in vain: a log may have one a line.
const TRIES: usize = 16;
/// So much of the text around documents is looked at.
const AROUND: usize = 64 * 1024;

impl<'a> Search<'a> {
    pub(super) fn new(origin: &'a str, whole: &'a str, before: Before, count: usize) -> Self {
        let (mut text, mut notes) = (Cow::Borrowed(whole), vec![]);
        if let Some(plain) = tidy::without_colours(whole) {
            text = Cow::Owned(plain);
            notes.push("colours are taken out");
        }
        let ways: [(Tidy, &'static str); 4] = [
            (wrap::without_marks, "the marks where lines were broken are taken out"),
            (tidy::without_chunks, "the chunks of an HTTP answer are put together"),
            (tidy::without_soft_breaks, "quoted-printable is read as what it stands for"),
            (tidy::without_pager, "the marks of a pager are taken out"),
        ];
        for (tidy, note) in ways {
            if let Some(plain) = tidy(&text) {
                text = Cow::Owned(plain);
                notes.push(note);
            }
        }
        let left = text.len().saturating_mul(16).saturating_add(AROUND);
        let (mended, around) = (Mended::default(), String::new());
        Self {
            origin,
            before,
            text,
            count,
            mended,
            notes,
            known: 0,
            read: vec![],
            unknown: None,
            errors: vec![],
            broken: vec![],
            more_broken: 0,
            torn: vec![],
            beheaded: beheaded::Rest::default(),
            around,
            left,
            tries: TRIES,
        }
    }

    /// Looks the text through.
    pub(super) fn run(mut self, take: Take<'_>) -> Remarks {
        if let Some(form) = foreign::by_form(&self.text) {
            return Remarks { errors: vec![self.foreign(form)], notes: vec![] };
        }
        self.look(take);
        let ways: [(Tidy, &'static str); 13] = [
            (tidy::without_lost_colours, "colours are taken out"),
            (margin::without_margin, "what every line begins with is taken off"),
            (margin::without_numbers, "the numbers of lines are taken out"),
            (margin::without_ends, "what every line ends with is taken off"),
            (literal::without_written_breaks, "ends of lines that are written as signs between values are passed over"),
            (
                margin::without_broken_quoting,
                "the marks before quoted lines are taken off, and lines put together that were broken where they were full",
            ),
            (margin::without_quoting, "the marks before quoted lines are taken off"),
            (page::without_entities, "HTML entities are read as what they stand for"),
            (page::without_tags, "the tags of a page are taken out"),
            (page::without_percents, "URL-encoded characters are read as what they stand for"),
            (tidy::without_frame, "what frames it, or stands beside it, is taken off"),
            (margin::of_one_source, "lines of several sources are put together by what they begin with"),
            (packed::without_base64, "unpacked from base64"),
        ];
        for (tidy, note) in ways {
            if self.known > 0 && !self.names_more() {
                break;
            }
            let Some(text) = tidy(&self.unread()) else { continue };
            let (left, tries) = (self.left, self.tries);
            let new = Self::new(self.origin, "", self.before, self.count + self.known);
            let mut again = Self { text: Cow::Owned(text), notes: self.notes.clone(), left, tries, ..new };
            again.look(take);
            (self.left, self.tries) = (again.left, again.tries);
            if again.known > 0 {
                again.notes.push(note);
                self = self.and(again);
            }
        }
        self.remarks()
    }

    /// What was found before, and then in what is left of the text.
    fn and(mut self, mut again: Self) -> Self {
        if self.known == 0 {
            return again;
        }
        self.errors.append(&mut again.errors);
        again.mended.add(self.mended);
        Self { count: self.count, known: self.known + again.known, errors: self.errors, around: self.around, ..again }
    }

    /// The text less what was read of it: nothing moves.
    fn unread(&self) -> Cow<'_, str> {
        if self.read.is_empty() {
            return Cow::Borrowed(&self.text);
        }
        let (mut out, mut at) = (String::with_capacity(self.text.len()), 0);
        let mut read = self.read.clone();
        read.sort_unstable_by_key(|range| range.start);
        for range in read {
            out.push_str(self.text.get(at..range.start).unwrap_or_default());
            let blank = |byte: u8| if byte == b'\n' { '\n' } else { ' ' };
            out.extend(self.text.get(at.max(range.start)..range.end).unwrap_or_default().bytes().map(blank));
            at = at.max(range.end);
        }
        out.push_str(self.text.get(at..).unwrap_or_default());
        Cow::Owned(out)
    }

    /// Whether a task is named in what was not read, as answers and events name theirs.
    fn names_more(&self) -> bool {
        let text = self.unread();
        ["askArn\"", "askArn&quot;", "askArn: arn"].iter().any(|name| text.contains(name))
    }

    fn look(&mut self, take: Take<'_>) {
        if self.rows(take) {
            return;
        }
        if blocks::looks_like_yaml(&self.text) && self.yaml(take) {
            self.beside_yaml(take);
        } else {
            self.json(take);
            if self.known > 0 {
                // It was no YAML, then.
                self.torn.clear();
            }
        }
    }

    /// JSON that stands beside YAML, as another answer in the same paste does.
    fn beside_yaml(&mut self, take: Take<'_>) {
        let rest = self.unread().into_owned();
        if !rest.contains(['{', '[']) {
            return;
        }
        let text = std::mem::replace(&mut self.text, Cow::Owned(rest));
        let (known, around) = (self.known, std::mem::take(&mut self.around));
        self.json(take);
        if self.known == known {
            self.beheaded = beheaded::Rest::default();
        }
        (self.text, self.around) = (text, around);
    }

    fn rows(&mut self, take: Take<'_>) -> bool {
        let tables = csv::rows(&self.text);
        let is_only_one = self.count == 0 && tables.len() == 1;
        let mut unknown = vec![];
        for table in tables {
            if !self.offer(is_only_one, table, Trust::Found, take) {
                unknown.extend(self.unknown.take());
            }
        }
        if self.known > 0 {
            self.notes.push("read as CSV");
            self.errors.append(&mut unknown);
        }
        self.unknown = self.unknown.take().or(unknown.into_iter().next());
        self.known > 0
    }

    /// Hands on a document.
    fn offer(&mut self, is_only_one: bool, json: impl Into<Json>, trust: Trust, take: Take<'_>) -> bool {
        let number = self.count + self.known + 1;
        let place = if is_only_one { self.origin.to_owned() } else { format!("{}: document {number}", self.origin) };
        // `[]` and `[1]` stand in many a text.
        let json = json.into();
        let mut errors = json.errors(&Place::root(&place));
        let has_names = trust == Trust::Found && names(&json.value);
        match take(&place, json.value, trust) {
            Taken::Known => {
                self.errors.append(&mut errors);
                self.known += 1;
                true
            }
            Taken::Unknown(error) => {
                if has_names {
                    self.unknown = self.unknown.take().or(error);
                }
                false
            }
        }
    }

    /// Every bracket may begin a document. What fails costs what was read of it, and all failures together have a limit.
    fn json(&mut self, take: Take<'_>) {
        let text = std::mem::take(&mut self.text);
        let (mut at, mut broken_until, mut read_until) = (0, 0, 0);
        while self.left > 0
            && let Some(start) = text.get(at..).and_then(|rest| rest.find(['{', '['])).map(|found| at + found)
        {
            let trust = if start < broken_until { Trust::Salvaged } else { Trust::Found };
            // Pieces of what is broken are no other text.
            let around = text.get(at.max(broken_until)..start).unwrap_or_default();
            if let Some(length) = text.get(start..).and_then(page::wiki_macro) {
                at = start + length;
                self.pass(text.get(at.max(broken_until) - length..at).unwrap_or_default());
                continue;
            }
            match self.piece(&text, start, trust, take) {
                Ok((end, true)) => {
                    self.read.push(start..end);
                    self.pass(around);
                    self.beheaded.look(&text, read_until, start);
                    read_until = end;
                    if trust == Trust::Salvaged && stands_alone(&text, start, end) {
                        broken_until = self.ends_before(&text, start).unwrap_or(broken_until);
                    }
                    at = end;
                }
                Ok((end, false)) => {
                    self.pass(text.get(at.max(broken_until)..end).unwrap_or_default());
                    at = end;
                }
                Err(broken) => {
                    self.pass(if broken.keys > 0 {
                        around
                    } else {
                        text.get(at.max(broken_until)..=start).unwrap_or_default()
                    });
                    let is_prose = || text.get(start..).is_some_and(foreign::is_prose);
                    if start >= broken_until && broken.keys > 0 && !is_prose() || self.broken.is_empty() {
                        self.broken.push(Failure { start, broken: broken.clone() });
                    }
                    if self.broken.len() > NAMED {
                        self.more_broken += 1;
                        self.broken.truncate(NAMED);
                    }
                    if broken.keys > 0 {
                        broken_until = broken_until.max(start + broken.at);
                    }
                    at = start + 1;
                }
            }
        }
        self.pass(text.get(at.max(broken_until)..).unwrap_or_default());
        self.beheaded.look(&text, read_until, text.len());
        self.text = text;
    }

    /// What seemed to go on until the text's end ends before the document that begins at `start`: where.
    fn ends_before(&mut self, text: &str, start: usize) -> Option<usize> {
        let failure = self.broken.last_mut().filter(|failure| matches!(failure.broken.odd, Odd::End | Odd::Other))?;
        let end = text.get(..start)?.trim_end().len();
        failure.broken.at = end.checked_sub(failure.start)?;
        failure.broken.odd = Odd::End;
        Some(end)
    }

    /// The document that begins at `start`: where it ends, and whether it is known.
    fn piece(&mut self, text: &str, start: usize, trust: Trust, take: Take<'_>) -> Result<(usize, bool), Broken> {
        let rest = text.get(start..).unwrap_or_default();
        let before = text.get(..start).unwrap_or_default();
        let scanned = scan(before, rest);
        let is_complete = scanned.is_ok();
        let broken = match scanned {
            Ok(scanned) => {
                self.left = self.left.saturating_sub(scanned.end);
                // Whatever put odd spaces between values put them into texts, too.
                let json = if scanned.mended.spaces {
                    tidy::plain_spaces(&scanned.json)
                } else {
                    Cow::Borrowed(&*scanned.json)
                };
                match serde_json::from_str::<Json>(&json) {
                    Ok(value) => {
                        let ends = rest.get(scanned.end..).is_none_or(|rest| rest.trim().is_empty());
                        let is_only_one = self.count == 0 && ends && before.trim().is_empty();
                        let unknown = self.unknown.is_some();
                        let is_known = self.offer(is_only_one, value, trust, take);
                        if is_known {
                            self.mended.add(scanned.mended);
                        }
                        if is_known || !scanned.mended.words {
                            return Ok((start + scanned.end, is_known));
                        }
                        // Somebody else's notation is named as such.
                        self.unknown = self.unknown.take().filter(|_| unknown);
                        Broken { at: scanned.end, keys: scanned.keys, odd: Odd::BareKey }
                    }
                    Err(error) => {
                        let at = if matches!(scanned.json, Cow::Borrowed(_)) { offset(rest, &error) } else { 0 };
                        Broken { at, keys: scanned.keys, odd: Odd::Other }
                    }
                }
            }
            Err(broken) => {
                self.left = self.left.saturating_sub(broken.at + 1);
                broken
            }
        };
        let end = self.literal(before, rest, &broken, take);
        let end = end.or_else(|| if is_complete { None } else { self.bare_words(rest, &broken, take) });
        end.map(|end| (start + end, true)).ok_or(broken)
    }

    /// YAML between brackets, and what is spelled like it: words without quotes. Where it ends, if it is known.
    fn bare_words(&mut self, rest: &str, broken: &Broken, take: Take<'_>) -> Option<usize> {
        if broken.odd != Odd::BareKey || self.tries == 0 {
            return None;
        }
        self.tries -= 1;
        let read = yaml::between_brackets(rest);
        let (Ok((_, end)) | Err(end)) = read;
        self.left = self.left.saturating_sub(end);
        let value = read.ok()?.0;
        let unknown = self.unknown.is_some();
        let is_known = self.offer(false, value, Trust::Found, take);
        self.unknown = self.unknown.take().filter(|_| unknown);
        self.mended.words |= is_known;
        self.tries += usize::from(is_known);
        is_known.then_some(end)
    }

    /// JSON as text in the source of a program, or in other JSON: its quotes stand behind backslashes. Where it ends, if it is known.
    fn literal(&mut self, before: &str, rest: &str, broken: &Broken, take: Take<'_>) -> Option<usize> {
        /// As often as text is put into text.
        const WRAPPED: usize = 4;
        let quote = before.chars().next_back().filter(|c| matches!(c, '"' | '\'' | '`'));
        if quote == Some('"')
            && let Some((inner, end)) = literal::undoubled(rest)
        {
            self.left = self.left.saturating_sub(end);
            let scanned = scan("", &inner).ok()?;
            let value = serde_json::from_str::<Json>(&scanned.json).ok()?;
            return self.offer(false, value, Trust::Found, take).then_some(end);
        }
        let quote = quote.or((broken.odd == Odd::Escaped).then_some('"'))?;
        let (inner, end) = literal::literals(rest, quote);
        self.left = self.left.saturating_sub(end);
        let mut inner = literal::unescaped(&inner);
        for _ in 0..WRAPPED {
            match scan("", &inner) {
                Ok(scanned) => {
                    let value = serde_json::from_str::<Json>(&scanned.json).ok()?;
                    return self.offer(false, value, Trust::Found, take).then_some(end);
                }
                Err(Broken { odd: Odd::Escaped, .. }) => inner = literal::unescaped(&inner),
                Err(_) => return None,
            }
        }
        None
    }

    /// Text that is no document.
    fn pass(&mut self, text: &str) {
        if self.around.len() < AROUND {
            self.around.push_str(text);
        }
    }

    fn remarks(mut self) -> Remarks {
        let mut remarks = Remarks::default();
        if self.known + self.count == 0 {
            remarks.errors.push(self.nothing());
            return remarks;
        }
        let beheaded = self.beheaded.found().map(|rest| self.no_beginning(&self.text, "JSON", rest));
        // In a log many a thing looks like the beginning of JSON; what has keys was meant.
        let is_meant = |failure: &&Failure| {
            failure.broken.keys > 0 && !self.text.get(failure.start..).is_some_and(foreign::is_prose)
        };
        let broken = self.broken.iter().filter(is_meant).map(|failure| self.broken_off(failure));
        let meant: Vec<ReadError> = broken.collect();
        // The rest of what is broken is no other text.
        if beheaded.is_none() && meant.is_empty() && !self.around.trim().is_empty() {
            self.notes.push("the JSON stands in other text");
        }
        let mended = [
            (self.mended.comments, "comments are passed over"),
            (self.mended.commas, "commas before a closing bracket are passed over"),
            (self.mended.quotes, "curly quotes are read as straight ones"),
            (self.mended.spaces, "odd spaces are read as spaces"),
            (self.mended.breaks && !self.mended.guessed, "line breaks inside of values are taken out"),
            (
                self.mended.guessed,
                "line breaks inside of values are taken out, with a space in their place where the lines seem to be broken between words: that is a guess",
            ),
            (self.mended.numbers, "NaN is read as nothing"),
            (self.mended.words, "words without double quotes are read as if they had some"),
            (self.mended.halves, "halves of characters are read as �"),
            (self.mended.escapes, "characters that JSON wants escaped are read as they are"),
        ];
        self.notes.extend(mended.iter().filter(|(is_so, _)| *is_so).map(|(_, note)| *note));
        remarks.notes.extend(self.notes.iter().map(|note| (*note).to_owned()));
        remarks.errors.extend(beheaded);
        remarks.errors.append(&mut self.torn);
        remarks.errors.append(&mut self.errors);
        remarks.errors.extend(meant);
        if self.more_broken > 0 {
            remarks.errors.push(ReadError::MoreBroken { origin: self.origin.to_owned(), count: self.more_broken });
        }
        if let Some(error) = errors::of_the_cli(&self.around) {
            let what = format!("not answers alone: the AWS CLI's own error stands there too: {error}");
            remarks.errors.push(ReadError::Foreign { origin: self.origin.to_owned(), what, hint: ASK.to_owned() });
        }
        if self.left == 0 {
            remarks.errors.push(self.given_up());
        }
        remarks
    }
}

/// Whether lines of their own hold what stands there, and no list goes on around it.
fn stands_alone(text: &str, start: usize, end: usize) -> bool {
    let before = text.get(..start).unwrap_or_default();
    let after = text.get(end..).unwrap_or_default();
    before.ends_with('\n')
        && !before.trim_end().ends_with(['[', ','])
        && (after.trim().is_empty() || after.trim_start_matches([' ', '\t', '\r']).starts_with('\n'))
        && !after.trim_start().starts_with([',', ']', '}'])
}

/// Whether a text begins with a bracket that what JSON has follows.
fn begins_as_json(text: &str) -> bool {
    let text = text.trim_start();
    let after = text.strip_prefix('{').or_else(|| text.strip_prefix('[')).map(str::trim_start);
    after.is_some_and(|after| {
        after.is_empty() || after.starts_with(['"', '{', '[', '}', ']', '“', '\'', '.', '…']) || text.starts_with('{')
    })
}

/// Whether a value has names in it.
fn names(value: &Value) -> bool {
    match value {
        Value::Array(items) => items.iter().any(names),
        Value::Object(object) => !object.is_empty(),
        _ => false,
    }
}

/// Where in `text` an error of serde_json is.
fn offset(text: &str, error: &serde_json::Error) -> usize {
    let line: usize = text.split_inclusive('\n').take(error.line().saturating_sub(1)).map(str::len).sum();
    let mut at = (line + error.column().saturating_sub(1)).min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}
