//! One JSON value in a text that people handled: found to its end, and mended where only its spelling suffered. Main function:
//! [`scan`].
//!
//! Comments, trailing commas, curly and single quotes, names without quotes (JSON5), odd spaces and lines that a terminal broke are
//! mended; what a program printed in its own notation is not guessed at: it is [`Odd`]. The scan is one pass; whether the result is
//! JSON is serde_json's to say.

use std::borrow::Cow;

use unicode_width::UnicodeWidthStr;

use super::tidy::end_of_literal;
use super::wrap::{Words, Wrap, without_padding};

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
                    if self.open.is_empty() {
                        return Ok(());
                    }
                    continue;
                }
                _ => {}
            }
            self.comma = None;
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
                '`' => return Err(Odd::Python),
                '…' => return Err(self.ellipsis(next.len_utf8())),
                '\\' => return Err(Odd::Escaped),
                '=' => return Err(Odd::Equals),
                word if word.is_ascii_alphanumeric() || matches!(word, '-' | '+' | '.' | '_' | '$') => self.word()?,
                '<' | '(' if self.keys > 0 && is_left_out(self.rest()) => return Err(Odd::Ellipsis),
                _ => return Err(Odd::Other),
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

    fn string(&mut self) -> Result<(), Odd> {
        let bytes = self.text.as_bytes();
        let begin = self.at + 1;
        let (mut at, mut words) = (begin, None);
        // Whether a second half of a character is next.
        let mut is_second = false;
        loop {
            let Some(&byte) = bytes.get(at) else {
                return Err(Odd::End);
            };
            match byte {
                b'"' => break,
                b'\\' => {
                    match bytes.get(at + 1) {
                        None => return Err(Odd::End),
                        Some(b'u') => {
                            let escape = self.text.get(at..).unwrap_or_default();
                            let (was_second, is_first) = (is_second, !is_second && is_pair(escape));
                            is_second = is_first;
                            let lone = !was_second && !is_first && half(escape).is_some();
                            if lone {
                                self.mended.halves = true;
                                self.replace(at, at + 6, "\\ufffd");
                            }
                            at += if lone { 6 } else { 2 };
                            continue;
                        }
                        Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => {}
                        Some(b'\n' | b'\r') => {
                            let words = *words.get_or_insert_with(|| self.words(begin));
                            at = self.broken_escape(at, words);
                            continue;
                        }
                        Some(b'\'' | b'`' | b'$') => {
                            self.mended.escapes = true;
                            self.replace(at, at + 1, "");
                        }
                        Some(_) => {
                            self.mended.escapes = true;
                            self.replace(at, at + 1, "\\\\");
                            at += 1;
                            continue;
                        }
                    }
                    at += 2;
                    continue;
                }
                b'\n' | b'\r' => {
                    let words = *words.get_or_insert_with(|| self.words(begin));
                    at = self.broken_line(at, words);
                    continue;
                }
                0..0x20 => {
                    self.mended.escapes = true;
                    self.replace(at, at + 1, &format!("\\u{byte:04x}"));
                }
                _ => {}
            }
            at += 1;
        }
        self.at = at + 1;
        Ok(())
    }

    /// The words of the string whose text begins there.
    fn words(&self, begin: usize) -> Words {
        let inside = self.text.get(begin..).unwrap_or_default();
        Words::of(inside.get(..end_of_literal(inside, '"')).unwrap_or_default())
    }

    /// A backslash at the end of a line, at `at`: the line goes on, as shells and sources write it, or an escape was broken in two.
    /// Where it goes on.
    fn broken_escape(&mut self, at: usize, words: Words) -> usize {
        let behind = self.text.get(at + 1..).unwrap_or_default();
        let after = behind.trim_start_matches([' ', '\t', '\r', '\n']);
        let is_code =
            |text: &str| text.chars().filter(|c| !matches!(c, '\r' | '\n')).take(4).all(|c| c.is_ascii_hexdigit());
        let follows_another = self.text.get(..at).is_some_and(|before| before.ends_with("\\n"));
        self.slashes += 1;
        self.is_split = words == Words::Several
            && match after.chars().next() {
                Some('n' | '\\') => true,
                Some('t' | 'r') => follows_another,
                Some('u') => after.get(1..).is_some_and(is_code),
                _ => false,
            };
        self.mended.breaks = true;
        if self.splits && after.starts_with(['"', '\\', '/', 'b', 'f', 'n', 'r', 't', 'u']) {
            let next = at + 1 + behind.len() - after.len();
            self.broken.push(at + 1);
            self.replace(at + 1, next, "");
            return next + 1;
        }
        self.replace(at, at + 1, "");
        at + 1
    }

    /// Takes out the end of a line at `at`, inside of a string, and what the next line is indented by; where it goes on. A space that
    /// stood between words is put back.
    fn broken_line(&mut self, at: usize, words: Words) -> usize {
        const ENDS: [char; 2] = ['\r', '\n'];
        let rest = self.text.get(at..).unwrap_or_default();
        let after = rest.trim_start_matches([' ', '\t', '\r', '\n']);
        let blank = rest.get(..rest.len() - after.len()).unwrap_or_default();
        let indent = blank.len() - blank.rfind(ENDS).map_or(0, |end| end + 1);
        // One space may be the text's own; more are the indentation of the page.
        let is_spaced = indent == self.wrap.map_or(0, |wrap| wrap.hangs) + 1 && words != Words::Name;
        let next = at + blank.len() - usize::from(is_spaced);
        let begin = self.text.get(..at).and_then(|text| text.rfind(ENDS)).map_or(0, |end| end + 1);
        let line = without_padding(self.text.get(begin..at).unwrap_or_default());
        let width = line.width() + if begin == 0 { self.before } else { 0 };
        let is_at_quote = after.starts_with('"') || line.ends_with('"') && !line.ends_with("\\\"");
        let is_own = is_spaced || line.ends_with([' ', '\t']) || is_at_quote;
        let is_open =
            words != Words::Name && !is_own && !self.is_name() && !line.ends_with('\\') && !ends_in_escape(line);
        let may_be = is_open && words == Words::Several;
        // Nothing stands right before an ARN but a sign.
        let is_before_arn = may_be && after.starts_with("arn:") && line.ends_with(char::is_alphabetic);
        let is_lost =
            is_before_arn || may_be && self.wrap.is_some_and(|wrap| wrap.is_between_words(width, line, after));
        self.mended.breaks = true;
        self.mended.guessed |=
            is_open && !is_before_arn && self.wrap.is_some_and(|wrap| is_lost || !wrap.is_sure(width));
        self.broken.push(at);
        let end = begin + if words == Words::Name { line.trim_end().len() } else { line.len() };
        self.replace(self.copied.max(end), next, if is_lost { " " } else { "" });
        next
    }

    /// A string between quotes that a word processor made.
    fn curly(&mut self, quote: char) -> Result<(), Odd> {
        self.mended.quotes = true;
        let begin = self.at + quote.len_utf8();
        let Some(length) = self.text.get(begin..).and_then(|rest| rest.find(is_curly_or_straight)) else {
            return Err(Odd::End);
        };
        let inside = self.text.get(begin..begin + length).unwrap_or_default().to_owned();
        self.replace(self.at, begin, "\"");
        let words = Words::of(&inside);
        let mut at = begin;
        while let Some(end) = self.text.get(at..begin + length).and_then(|rest| rest.find(['\r', '\n'])) {
            at = self.broken_line(at + end, words).min(begin + length);
        }
        let close = self.text.get(begin + length..).and_then(|rest| rest.chars().next()).map_or(0, char::len_utf8);
        self.replace(begin + length, begin + length + close, "\"");
        self.at = begin + length + close;
        Ok(())
    }

    /// Whether what is next is a name.
    fn is_name(&self) -> bool {
        self.open.last() == Some(&b'{') && !self.is_value
    }

    /// A string in single quotes, as JSON5 has them, or their curly kind. Python puts them around every name.
    fn single(&mut self, quote: char) -> Result<(), Odd> {
        let begin = self.at + quote.len_utf8();
        let inside = self.text.get(begin..).unwrap_or_default();
        let is_close = |c: char| if quote == '\'' { c == quote } else { matches!(c, '‘' | '’') };
        let (mut string, mut is_escaped, mut length) = (String::from("\""), false, None);
        for (at, c) in inside.char_indices() {
            match c {
                '\n' | '\r' => return Err(Odd::Python),
                '\'' | '"' if is_escaped => {
                    string.pop();
                    string.extend((c == '"').then_some('\\'));
                    string.push(c);
                }
                '"' => string.push_str("\\\""),
                c if is_close(c) && !is_escaped => {
                    length = Some(at + c.len_utf8());
                    break;
                }
                c => string.push(c),
            }
            is_escaped = c == '\\' && !is_escaped;
        }
        let length = length.ok_or(Odd::End)?;
        let is_plain = string.chars().skip(1).all(|c| c.is_ascii_alphanumeric() || c == '_');
        if quote == '\'' && self.is_name() && is_plain {
            self.keys += 1;
            return Err(Odd::Python);
        }
        string.push('"');
        self.replace(self.at, begin + length, &string);
        self.at = begin + length;
        self.mended.words |= quote == '\'';
        self.mended.quotes |= quote != '\'';
        Ok(())
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

/// Whether a line ends in the middle of `\u00e9`.
fn ends_in_escape(line: &str) -> bool {
    let digits = line.rfind("\\u").and_then(|at| line.get(at + 2..));
    digits.is_some_and(|digits| digits.len() < 4 && digits.chars().all(|c| c.is_ascii_hexdigit()))
}

/// The half of a character beyond 16 bits that stands there as `\ud83d`.
fn half(text: &str) -> Option<u32> {
    let digits = text.strip_prefix("\\u")?.get(..4)?;
    u32::from_str_radix(digits, 16).ok().filter(|unit| (0xd800..0xe000).contains(unit))
}

/// Whether both halves of a character stand there, be they in two lines. Python writes one alone where a text was cut.
fn is_pair(text: &str) -> bool {
    let near: String = text.chars().filter(|c| !matches!(c, '\r' | '\n')).take(12).collect();
    let low = near.get(6..).and_then(half);
    half(&near).is_some_and(|high| high < 0xdc00) && low.is_some_and(|low| low >= 0xdc00)
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
    let word = text.trim_start_matches(['<', '(', '[', '-', ' ']).get(..8).unwrap_or(text).to_ascii_lowercase();
    WORDS.iter().any(|sign| word.contains(sign))
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
