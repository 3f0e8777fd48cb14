//! One JSON value in a text that people handled: found to its end, and mended where only its spelling suffered. Main function:
//! [`scan`].
//!
//! Comments, trailing commas, curly and single quotes, names without quotes (JSON5), odd spaces and lines that a terminal broke are
//! mended; what a program printed in its own notation is not guessed at: it is [`Odd`]. The scan is one pass, but where lines were broken
//! inside of texts: only all of them tell how. Whether the result is JSON is serde_json's to say.

mod strings;

use std::borrow::Cow;

use unicode_width::UnicodeWidthStr;

use super::wrap::Wrap;

/// As deep as serde_json reads.
const DEEPEST: usize = 127;

/// A value's text, mended.
#[derive(Debug)]
pub(super) struct Scanned<'a> {
    /// Where it ends.
    pub(super) end: usize,
    /// The JSON: the text itself, where nothing was mended.
    pub(super) json: Cow<'a, str>,
    /// So many keys it has.
    pub(super) keys: usize,
    /// What was mended.
    pub(super) mended: Mended,
}

/// What was mended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Mended {
    pub(super) comments: bool,
    pub(super) commas: bool,
    pub(super) quotes: bool,
    pub(super) spaces: bool,
    pub(super) breaks: bool,
    /// Spaces were put where lines seem to be broken between words.
    pub(super) guessed: bool,
    pub(super) escapes: bool,
    pub(super) numbers: bool,
    pub(super) words: bool,
    pub(super) halves: bool,
}

impl Mended {
    /// Both.
    pub(super) fn add(&mut self, other: Self) {
        self.comments |= other.comments;
        self.commas |= other.commas;
        self.quotes |= other.quotes;
        self.spaces |= other.spaces;
        self.breaks |= other.breaks;
        self.guessed |= other.guessed;
        self.escapes |= other.escapes;
        self.numbers |= other.numbers;
        self.words |= other.words;
        self.halves |= other.halves;
    }
}

/// Why a text is no JSON value, and how far it looked like one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Broken {
    /// Where.
    pub(super) at: usize,
    /// So many keys were read until there.
    pub(super) keys: usize,
    pub(super) odd: Odd,
}

/// What stands where JSON should go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Odd {
    /// Nothing: the text ends.
    End,
    /// `...`: somebody shortened it.
    Ellipsis,
    /// A name in single quotes that needs none, or a word that only Python has.
    Python,
    /// A word without quotes.
    BareKey,
    /// `undefined`, between names that have their quotes.
    Undefined,
    /// `=` or `=>` between a key and its value.
    Equals,
    /// A backslash before the quotes: JSON as text in a program or in JSON.
    Escaped,
    /// A closing bracket of the wrong kind.
    Bracket,
    /// More brackets than anything real has.
    Depth,
    /// Anything else.
    Other,
}

/// Scans the value that begins at the start of `text` with a bracket; `before` it stands what its line begins with, and more.
pub(super) fn scan<'a>(before: &str, text: &'a str) -> Result<Scanned<'a>, Broken> {
    let mut scan = Scan::new(text);
    let mut done = scan.run();
    // Where lines go on behind backslashes, all broken ones do.
    let splits = scan.slashes > 0
        && (done.is_err() || scan.slashes < scan.broken.len() || scan.broken.len() == 1 && scan.is_split);
    if splits {
        let mut other = Scan { splits, ..Scan::new(text) };
        let read = other.run();
        if read.is_ok() {
            let is_guess = done.is_ok() && scan.slashes == scan.broken.len();
            (scan, done) = (other, read);
            scan.is_split = is_guess;
        }
    }
    if done.is_ok() && !scan.broken.is_empty() {
        // Only now: a long line may have many a bracket.
        let before = before.rsplit('\n').next().unwrap_or_default().width();
        let wrap = Wrap::of(before, text.get(..scan.at).unwrap_or_default(), &scan.broken);
        let guessed = scan.splits && scan.is_split;
        scan = Scan { before, wrap: Some(wrap), splits: scan.splits, ..Scan::new(text) };
        done = scan.run();
        scan.mended.guessed |= guessed;
    }
    match done {
        Ok(()) => {
            let end = scan.at;
            let json = if scan.copied == 0 {
                Cow::Borrowed(text.get(..end).unwrap_or_default())
            } else {
                scan.replace(end, end, "");
                Cow::Owned(scan.out)
            };
            Ok(Scanned { end, json, keys: scan.keys, mended: scan.mended })
        }
        Err(odd) => {
            let at = if odd == Odd::End { text.len() } else { scan.at };
            Err(Broken { at, keys: scan.keys, odd })
        }
    }
}

struct Scan<'a> {
    /// So wide is what stands before it in its line.
    before: usize,
    text: &'a str,
    at: usize,
    /// What is before it is in `out`, mended.
    copied: usize,
    out: String,
    open: Vec<u8>,
    keys: usize,
    /// In an object: whether what is next is a value, not a name.
    is_value: bool,
    /// Where a value or a name has ended that nothing has followed yet.
    ended: Option<usize>,
    /// Where a comma stands that nothing has followed yet.
    comma: Option<usize>,
    mended: Mended,
    /// Where lines end inside of strings.
    broken: Vec<usize>,
    /// What those tell, once all were seen.
    wrap: Option<Wrap>,
    /// So many of them end with a backslash.
    slashes: usize,
    /// Whether such a backslash and what follows seem to be one escape.
    is_split: bool,
    /// Whether they are read as one.
    splits: bool,
}

impl<'a> Scan<'a> {
    fn new(text: &'a str) -> Self {
        Self {
            before: 0,
            text,
            at: 0,
            copied: 0,
            out: String::new(),
            open: vec![],
            keys: 0,
            is_value: false,
            ended: None,
            comma: None,
            mended: Mended::default(),
            broken: vec![],
            wrap: None,
            slashes: 0,
            is_split: false,
            splits: false,
        }
    }

    fn rest(&self) -> &str {
        self.text.get(self.at..).unwrap_or_default()
    }

    /// Puts `with` where `from..to` stands.
    fn replace(&mut self, from: usize, to: usize, with: &str) {
        self.out.push_str(self.text.get(self.copied..from).unwrap_or_default());
        self.out.push_str(with);
        self.copied = to;
    }

    fn run(&mut self) -> Result<(), Odd> {
        loop {
            let Some(next) = self.rest().chars().next() else { return Err(Odd::End) };
            match next {
                ' ' | '\n' | '\r' | '\t' => {
                    self.at += 1;
                    continue;
                }
                '/' | '#' => {
                    self.comment()?;
                    continue;
                }
                odd if odd.is_whitespace() || is_invisible(odd) => {
                    self.replace(self.at, self.at + odd.len_utf8(), " ");
                    self.at += odd.len_utf8();
                    self.mended.spaces = true;
                    continue;
                }
                ']' | '}' => {
                    if let Some(comma) = self.comma.take() {
                        self.without_comma(comma);
                    }
                    let opening = if next == ']' { b'[' } else { b'{' };
                    if self.open.last() != Some(&opening) {
                        return Err(Odd::Bracket);
                    }
                    self.open.pop();
                    self.is_value = false;
                    self.at += 1;
                    self.ended = Some(self.at);
                    if self.open.is_empty() {
                        return Ok(());
                    }
                    continue;
                }
                _ => {}
            }
            self.comma = None;
            if let Some(ended) = self.ended.take()
                && (matches!(next, '[' | '{' | '"') || is_curly(next))
                && !(self.keys == 0 || next == '[' && is_left_out(self.rest()))
            {
                // Where a line begins with a bracket, another document does.
                let is_another = next != '"' && self.text.get(..self.at).is_some_and(|before| before.ends_with('\n'));
                // Else a comma is missing, or a line stands in the wrong place.
                self.at = ended;
                return Err(if is_another { Odd::End } else { Odd::Other });
            }
            match next {
                '[' | '{' => {
                    if self.open.len() >= DEEPEST {
                        return Err(Odd::Depth);
                    }
                    self.open.push(next as u8);
                    self.is_value = false;
                    self.at += 1;
                }
                ',' => {
                    self.is_value = false;
                    self.comma = Some(self.at);
                    self.at += 1;
                }
                ':' => {
                    self.keys += 1;
                    self.is_value = true;
                    self.at += 1;
                }
                '"' => self.string()?,
                quote if is_curly(quote) => self.curly(quote)?,
                '\'' | '‘' | '’' => self.single(next)?,
                '…' => return Err(self.ellipsis(next.len_utf8())),
                '\\' => return Err(Odd::Escaped),
                '=' => return Err(Odd::Equals),
                word if word.is_ascii_alphanumeric() || matches!(word, '-' | '+' | '.' | '_' | '$') => self.word()?,
                '<' | '(' if self.keys > 0 && is_left_out(self.rest()) => return Err(Odd::Ellipsis),
                _ => return Err(Odd::Other),
            }
            if !matches!(next, '[' | '{' | ',' | ':') {
                self.ended = Some(self.at);
            }
        }
    }

    /// Drops the comma at `comma` though what follows it is copied already, or not.
    fn without_comma(&mut self, comma: usize) {
        self.mended.commas = true;
        if comma >= self.copied {
            self.replace(comma, comma + 1, "");
            return;
        }
        // Only white space and mended comments came after it.
        let kept = self.out.trim_end().len();
        if self.out.get(..kept).is_some_and(|out| out.ends_with(',')) {
            self.out.truncate(kept - 1);
        }
    }

    fn comment(&mut self) -> Result<(), Odd> {
        let rest = self.rest();
        let (opens, length) = if rest.starts_with("//") {
            (2, rest.find('\n').unwrap_or(rest.len()))
        } else if rest.starts_with('#') {
            (1, rest.find('\n').unwrap_or(rest.len()))
        } else if rest.starts_with("/*") {
            (2, rest.find("*/").map(|end| end + 2).ok_or(Odd::End)?)
        } else {
            return Err(Odd::Other);
        };
        let says = rest.get(opens..length).unwrap_or_default().trim_end_matches("*/").trim();
        if ["...", "…"].iter().any(|dots| says.starts_with(dots) || says.ends_with(dots)) {
            return Err(Odd::Ellipsis);
        }
        self.replace(self.at, self.at + length, " ");
        self.at += length;
        self.mended.comments = true;
        Ok(())
    }

    /// Whether what is next is a name.
    fn is_name(&self) -> bool {
        self.open.last() == Some(&b'{') && !self.is_value
    }

    /// A name without quotes, where a colon follows it.
    fn name(&mut self) -> bool {
        let length =
            self.rest().find(|c: char| !c.is_ascii_alphanumeric() && !matches!(c, '_' | '$' | '-')).unwrap_or(0);
        let name = self.rest().get(..length).unwrap_or_default().to_owned();
        let after = self.rest().get(length..).unwrap_or_default().trim_start();
        let is_one = self.is_name() && after.starts_with(':') && !name.starts_with(|c: char| c.is_ascii_digit());
        if is_one && length > 0 {
            self.replace(self.at, self.at + length, &format!("\"{name}\""));
            self.at += length;
            self.mended.words = true;
        }
        is_one && length > 0
    }

    /// A number or a literal, which a terminal may have broken.
    fn word(&mut self) -> Result<(), Odd> {
        if self.name() {
            return Ok(());
        }
        let begin = self.at;
        let mut end = begin + self.word_length();
        let broken_at = |end: usize| {
            let rest = self.text.get(end..)?;
            // Rests of lines may hang.
            let rest = rest.strip_prefix('\r').unwrap_or(rest).strip_prefix('\n')?.trim_start_matches(' ');
            rest.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '.').then_some(self.text.len() - rest.len())
        };
        let mut word = self.text.get(begin..end).unwrap_or_default().to_owned();
        while word.len() < 40
            && let Some(next) = broken_at(end)
        {
            self.at = next;
            let more = self.word_length();
            word.push_str(self.text.get(next..next + more).unwrap_or_default());
            end = next + more;
        }
        self.at = begin;
        if word.starts_with("..") {
            return Err(self.ellipsis(word.len()));
        }
        if matches!(word.as_str(), "NaN" | "Infinity" | "-Infinity") {
            self.mended.numbers = true;
            self.replace(begin, end, "null");
            self.at = end;
            return Ok(());
        }
        if let Some(number) = number_of_json5(&word) {
            self.mended.words = true;
            self.replace(begin, end, &number);
            self.at = end;
            return Ok(());
        }
        let is_number = word.starts_with(|c: char| c.is_ascii_digit() || c == '-') && word.parse::<f64>().is_ok();
        if !is_number && !matches!(word.as_str(), "true" | "false" | "null") {
            let after = self.text.get(end..).unwrap_or_default().trim_start();
            return Err(match word.as_str() {
                "None" | "True" | "False" | "datetime.datetime" => Odd::Python,
                _ if after.starts_with('=') => Odd::Equals,
                _ if after.starts_with(':') => Odd::BareKey,
                "undefined" if !self.mended.words => Odd::Undefined,
                "undefined" | "new" => Odd::BareKey,
                _ if self.keys > 0 && is_left_out(&word) => Odd::Ellipsis,
                _ if self.mended.words => Odd::BareKey,
                _ => Odd::Other,
            });
        }
        if word.len() < end - begin {
            self.mended.breaks = true;
            self.replace(begin, end, &word);
        }
        self.at = end;
        Ok(())
    }

    /// Dots before more of the document were meant for what is missing, whatever was read until there.
    fn ellipsis(&mut self, length: usize) -> Odd {
        let after = self.rest().get(length..).unwrap_or_default().trim_start();
        self.keys += usize::from(after.starts_with([',', '"', '{']));
        Odd::Ellipsis
    }

    fn word_length(&self) -> usize {
        let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '+' | '.' | '_' | '$');
        let rest = self.rest();
        rest.find(|c| !is_part(c)).unwrap_or(rest.len())
    }
}

/// A number that JSON5 has and JSON has not: `+5`, `.5`, `5.`, `0x1f`.
fn number_of_json5(word: &str) -> Option<String> {
    if let Some(digits) = word.strip_prefix("0x").or_else(|| word.strip_prefix("0X")) {
        return u64::from_str_radix(digits, 16).ok().map(|number| number.to_string());
    }
    let bare = word.strip_prefix('+').unwrap_or(word);
    let is_such = bare.len() < word.len() || bare.starts_with('.') || bare.ends_with('.');
    let is_number = bare.starts_with(|c: char| c.is_ascii_digit() || c == '.') && bare.parse::<f64>().is_ok();
    let (before, after) = (bare.starts_with('.'), bare.ends_with('.'));
    (is_such && is_number).then(|| format!("{}{bare}{}", if before { "0" } else { "" }, if after { "0" } else { "" }))
}

/// Whether a text begins with a word for what is not there: `<snip>`, `(omitted)`.
fn is_left_out(text: &str) -> bool {
    const WORDS: [&str; 9] = ["snip", "omit", "trunc", "redact", "removed", "cut", "more", "etc", "skip"];
    let bare = text.trim_start_matches(['<', '(', '[', '-', ' ']);
    let word = bare.get(..8).unwrap_or(text).to_ascii_lowercase();
    bare.starts_with(['.', '…']) || WORDS.iter().any(|sign| word.contains(sign))
}

/// Quotes of word processors that open or close a string.
fn is_curly(c: char) -> bool {
    matches!(c, '“' | '”' | '„' | '‟' | '″' | '＂' | '«' | '»')
}

fn is_curly_or_straight(c: char) -> bool {
    is_curly(c) || c == '"'
}

/// Of no width: what copying from pages leaves.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}' | '\u{ad}')
}

#[cfg(test)]
#[path = "scan_tests.rs"]
mod tests;
