//! Texts in JSON: escapes, characters in halves, and lines that were broken inside of them. They are methods of [`Scan`], which keeps where
//! it is.

use unicode_width::UnicodeWidthStr;

use super::{Odd, Scan, is_curly_or_straight};
use crate::source::text::literal::end_of_literal;
use crate::source::text::wrap::{Words, without_padding};

impl Scan<'_> {
    pub(super) fn string(&mut self) -> Result<(), Odd> {
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
        let before = if begin == 0 { self.before } else { 0 };
        let width = self.wrap.map_or(line.width() + before, |wrap| wrap.width_of(line, before));
        let is_at_quote = after.starts_with('"') || line.ends_with('"') && !line.ends_with("\\\"");
        let is_own = is_spaced || line.ends_with([' ', '\t']) || is_at_quote;
        let is_open =
            words != Words::Name && !is_own && !self.is_name() && !line.ends_with('\\') && !ends_in_escape(line);
        let may_be = is_open && words == Words::Several;
        // Nothing stands right before an ARN but a sign.
        let is_before_arn = may_be && after.starts_with("arn:") && line.ends_with(char::is_alphabetic);
        let is_lost =
            is_before_arn || may_be && self.wrap.is_some_and(|wrap| wrap.is_between_words(width, line, after));
        if self.wrap.is_some_and(|wrap| wrap.is_own_break(width)) {
            // Nothing breaks lines so long: the text has more than one.
            self.mended.escapes = true;
            self.broken.push(at);
            let end = at + usize::from(rest.starts_with("\r\n"));
            self.replace(at, end + 1, "\\n");
            return end + 1;
        }
        self.mended.breaks = true;
        self.mended.guessed |=
            is_open && !is_before_arn && self.wrap.is_some_and(|wrap| is_lost || !wrap.is_sure(width));
        self.broken.push(at);
        let end = begin + if words == Words::Name { line.trim_end().len() } else { line.len() };
        self.replace(self.copied.max(end), next, if is_lost { " " } else { "" });
        next
    }

    /// A string between quotes that a word processor made.
    pub(super) fn curly(&mut self, quote: char) -> Result<(), Odd> {
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

    /// A string in single quotes, as JSON5 has them, or their curly kind. Python puts them around every name.
    pub(super) fn single(&mut self, quote: char) -> Result<(), Odd> {
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
        let is_plain = string.len() > 1 && string.chars().skip(1).all(|c| c.is_ascii_alphanumeric() || c == '_');
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
