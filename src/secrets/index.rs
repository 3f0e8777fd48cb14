//! Where in a text secrets stand, in whichever form: as they are, in base64 of anything around them, in hexadecimal digits. What a
//! text says is gone through once. Pure. Main type: [`Index`].

use std::collections::BTreeMap;
use std::ops::Range;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::units::{self, Unit};
use crate::percent::percent_decoded;

/// Shorter ones than this are no secrets, and replacing them would garble messages.
const SHORTEST: usize = 3;
/// Up to this length they are only looked for as words of their own.
const WORD: usize = 5;
/// So many bytes of the begin of one tell too much: whoever repeats it may have cut it.
const PART: usize = 12;
/// So many of its first bytes may be missing where it is repeated: what cuts a text at a column takes some.
const MISSING: usize = 8;
/// Of base64 and hexadecimal digits that stand anywhere: fewer may be anything.
const FEWEST: usize = 6;

/// One form of a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    /// As it is.
    Plain,
    /// A part of base64: with it goes whatever of that stands around it.
    Base64,
    /// Digits.
    Hex,
}

/// What is looked for: by its first bytes, the longest first.
#[derive(Clone, Debug, Default)]
pub(super) struct Index {
    plain: ByBegin,
    base64: ByBegin,
    hex: ByBegin,
}

/// Forms by their length, up to `PART`, and their first bytes.
type ByBegin = BTreeMap<usize, BTreeMap<Vec<u8>, Vec<Vec<u8>>>>;

impl Index {
    /// Of these values.
    pub(super) fn new<'a>(values: impl IntoIterator<Item = &'a String>) -> Self {
        let mut index = Self::default();
        for (kind, form) in values.into_iter().flat_map(|value| forms(value)) {
            let by_begin = match kind {
                Kind::Plain => &mut index.plain,
                Kind::Base64 => &mut index.base64,
                Kind::Hex => &mut index.hex,
            };
            let begin = form.len().min(PART);
            let same =
                by_begin.entry(begin).or_default().entry(form.iter().take(begin).copied().collect()).or_default();
            if !same.contains(&form) {
                same.push(form);
            }
        }
        index
    }

    /// The longest form.
    pub(super) fn longest(&self) -> usize {
        let all = [&self.plain, &self.base64, &self.hex].into_iter().flat_map(BTreeMap::values);
        all.flat_map(BTreeMap::values).flatten().map(Vec::len).max().unwrap_or(0)
    }

    /// Where they stand, in order, and how many bytes had to be compared.
    pub(super) fn find(&self, text: &str) -> (Vec<Range<usize>>, usize) {
        let (mut found, mut steps) = (vec![], 0);
        let units = units::of(text);
        find(&self.plain, &units, Kind::Plain, &mut found, &mut steps);
        if !self.base64.is_empty() {
            let standard = |unit: &Unit| Unit { byte: standard(unit.byte), ..*unit };
            let units: Vec<Unit> = units.iter().map(standard).collect();
            find(&self.base64, &units, Kind::Base64, &mut found, &mut steps);
        }
        if !self.hex.is_empty() {
            find(&self.hex, &units::digits(&units), Kind::Hex, &mut found, &mut steps);
        }
        found.sort_by_key(|range| range.start);
        let mut merged: Vec<Range<usize>> = vec![];
        for range in found {
            match merged.last_mut() {
                Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
                _ => merged.push(range),
            }
        }
        (merged, steps)
    }
}

/// The letters of the URL's alphabet as the standard's.
fn standard(byte: u8) -> u8 {
    match byte {
        b'-' => b'+',
        b'_' => b'/',
        byte => byte,
    }
}

/// A value as it was given, as digits, and as what base64 has of it wherever it begins.
fn forms(value: &str) -> Vec<(Kind, Vec<u8>)> {
    let value = value.trim();
    let decoded = percent_decoded(value);
    let mut found = vec![];
    for plain in [value, &decoded] {
        for form in [plain, &plain.replace(' ', "+")].map(units::bytes_of) {
            found.extend(without_begin(&form).into_iter().map(|tail| (Kind::Plain, tail)));
            found.push((Kind::Plain, form));
        }
        if plain.len() < SHORTEST {
            continue;
        }
        found.push((Kind::Plain, units::bytes_of(&STANDARD.encode(plain))));
        let hex: String = plain.bytes().map(|byte| format!("{byte:02x}")).collect();
        found.push((Kind::Hex, hex.into_bytes()));
        for before in 0..3 {
            let whole = STANDARD.encode([&vec![0; before], plain.as_bytes()].concat());
            // What lies on both sides has a part in the characters at the ends.
            let (from, to) = ([0, 2, 3][before], (before + plain.len()) * 8 / 6);
            let inside = whole.get(from..to).unwrap_or_default();
            found.push((Kind::Base64, inside.bytes().map(|byte| byte.to_ascii_lowercase()).collect()));
        }
    }
    let fewest = |kind: Kind| if kind == Kind::Plain { SHORTEST } else { FEWEST };
    found.retain(|(kind, form)| form.len() >= fewest(*kind));
    found
}

/// A form without its first bytes, as long as enough is left. What begins as another does is found with that.
fn without_begin(form: &[u8]) -> Vec<Vec<u8>> {
    let mut begins: Vec<&[u8]> = form.get(..PART).into_iter().collect();
    let mut tails = vec![];
    for from in 1..=MISSING {
        let Some(begin) = form.get(from..from + PART) else { break };
        if !begins.contains(&begin) {
            begins.push(begin);
            tails.push(form.iter().skip(from).copied().collect());
        }
    }
    tails
}

fn find(forms: &ByBegin, units: &[Unit], kind: Kind, found: &mut Vec<Range<usize>>, steps: &mut usize) {
    let bytes: Vec<u8> = units.iter().map(|unit| unit.byte).collect();
    let mut at = 0;
    while at < bytes.len() {
        let rest = bytes.get(at..).unwrap_or_default();
        // The longest first.
        let length = forms.iter().rev().find_map(|(begin, forms)| {
            *steps += 1;
            let same = forms.get(rest.get(..*begin)?)?;
            let lengths = same.iter().map(|form| {
                let length = shared(form, rest, steps);
                (length, length == form.len())
            });
            lengths.max().filter(|(length, _)| is_one(units, at, *length, kind))
        });
        let Some((length, is_whole)) = length else {
            at += 1;
            continue;
        };
        let (from, to) = match kind {
            Kind::Base64 => around(units, at, at + length),
            Kind::Plain | Kind::Hex => (at, at + length),
        };
        if let (Some(first), Some(last)) = (units.get(from), to.checked_sub(1).and_then(|last| units.get(last))) {
            found.push(first.start..last.end);
        }
        // One that repeats its own begin may stand whole within what seemed a part of it.
        at = if is_whole || kind == Kind::Base64 { to.max(at + 1) } else { at + 1 };
    }
}

/// How much of the form the bytes begin with.
fn shared(form: &[u8], bytes: &[u8], steps: &mut usize) -> usize {
    let length = form.iter().zip(bytes).take_while(|(a, b)| a == b).count();
    *steps += length;
    length
}

/// Whether a short one is a word of its own.
fn is_one(units: &[Unit], at: usize, length: usize, kind: Kind) -> bool {
    let word = if kind == Kind::Hex { 2 * WORD } else { WORD };
    if length > word {
        return true;
    }
    let is_of_word = |unit: &Unit| unit.byte.is_ascii_alphanumeric() || unit.byte >= 0x80;
    let before = at.checked_sub(1).and_then(|before| units.get(before)).is_some_and(is_of_word);
    let begins = units.get(at).is_none_or(|first| first.is_apart) || !before;
    let after = units.get(at + length);
    let ends = after.is_none_or(|after| after.is_apart || !is_of_word(after));
    // In one piece, but for digits.
    let inside = units.get(at + 1..at + length).unwrap_or_default();
    begins && ends && (kind == Kind::Hex || inside.iter().all(|unit| !unit.is_apart))
}

/// The run of base64 that has these units in it.
fn around(units: &[Unit], mut from: usize, mut to: usize) -> (usize, usize) {
    let is_of_run = |unit: &Unit| unit.byte.is_ascii_alphanumeric() || matches!(unit.byte, b'+' | b'/' | b'=');
    while let Some(before) = from.checked_sub(1)
        && units.get(from).is_some_and(|first| !first.is_apart)
        && units.get(before).is_some_and(is_of_run)
    {
        from = before;
    }
    while units.get(to).is_some_and(|next| !next.is_apart && is_of_run(next)) {
        to += 1;
    }
    (from, to)
}
