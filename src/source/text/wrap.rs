//! How lines were broken that a terminal, a mail or a chat had no room for: in the middle of words, or between them, where a space
//! was lost. It is a guess, by how wide the lines are. Main type: [`Wrap`].

use unicode_width::UnicodeWidthStr;

/// How lines were broken that ended elsewhere.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wrap {
    /// The widest of them.
    width: usize,
    /// Where that many columns were full, as terminals do; else where a word would not have fitted.
    is_by_columns: bool,
    /// Whether more than one says so.
    is_certain: bool,
    /// So far the rests of all lines are indented.
    pub(super) hangs: usize,
    /// Whether what stands before the first line is none of it, but another column.
    is_apart: bool,
}

impl Wrap {
    /// What the lines of a value tell, of which some are broken inside of a string, at these places. Most of what a terminal broke is
    /// equally wide, but for lines that lost the space at their end. One alone says little: mail is narrower than any terminal, and
    /// of a value that was in one line all ends of lines tell.
    pub(super) fn of(before: usize, text: &str, broken: &[usize]) -> Self {
        const NARROWEST: usize = 80;
        /// The space at the end that was lost, or half a wide character.
        const NEARLY: usize = 2;
        let is_apart = is_apart(before, text);
        let (mut widths, mut in_texts, mut at, mut first) = (vec![], vec![], 0, if is_apart { 0 } else { before });
        let mut next = broken.iter().peekable();
        for line in text.split_inclusive('\n') {
            let own = std::mem::take(&mut first) + without_padding(line).width();
            widths.push(own);
            at += line.len();
            while next.next_if(|broken| **broken < at).is_some() {
                in_texts.push(own);
            }
        }
        let width = widths.iter().copied().max().unwrap_or_default();
        let full = in_texts.iter().filter(|own| **own == width).count();
        let is_in_one = || text.lines().next().is_some_and(|line| line.trim().len() > 2);
        let is_ragged = || is_in_one() && widths.iter().rev().skip(1).any(|own| *own < width);
        let is_full = full * 2 > in_texts.len() && in_texts.iter().all(|own| own + NEARLY >= width);
        let is_by_columns = is_full && (full > 1 || width >= NARROWEST && !is_ragged());
        let indent = |at: &usize| {
            let rest = text.get(*at..).unwrap_or_default().trim_start_matches('\r').trim_start_matches('\n');
            rest.len() - rest.trim_start_matches(' ').len()
        };
        let hangs = if broken.len() > 1 { broken.iter().map(indent).min().unwrap_or_default() } else { 0 };
        Self { width, is_by_columns, is_certain: is_by_columns && full > 1, hangs, is_apart }
    }

    /// How wide a line is, before which so much stands if it is the first.
    pub(super) fn width_of(self, line: &str, before: usize) -> usize {
        line.width() + if self.is_apart { 0 } else { before }
    }

    /// Whether a line so wide was surely broken where it was full.
    pub(super) fn is_sure(self, width: usize) -> bool {
        self.is_certain && width == self.width
    }

    /// Whether a line is wider than any that a screen or a mail has, and no other is.
    pub(super) const fn is_own_break(self, width: usize) -> bool {
        const WIDEST: usize = 1_000;
        width > WIDEST && !self.is_certain
    }

    /// Whether a line so wide was broken where a space was, before `next`.
    pub(super) fn is_between_words(self, width: usize, line: &str, next: &str) -> bool {
        if self.is_by_columns {
            return width < self.width || !self.is_certain && are_words(line, next);
        }
        // Words are broken behind such signs, too, and where one is longer than a line.
        let mut signs = line.chars().rev();
        let is_sign = signs.next().is_some_and(|c| matches!(c, '-' | '/')) && signs.next().is_some_and(|c| c != ' ');
        let word = |word: Option<&str>| word.map_or(0, UnicodeWidthStr::width);
        let joined = || word(line.rsplit(' ').next()) + word(next.split([' ', '"', '\n']).next());
        !is_sign && (width < self.width || joined() <= self.width)
    }
}

/// Whether a line ends with a word of ECS's reasons and the next one begins with another: then one alone that is full was broken between
/// them, by chance where a screen ends.
fn are_words(line: &str, next: &str) -> bool {
    const WORDS: [&str; 45] = [
        "a",
        "activity",
        "agent",
        "and",
        "another",
        "asset",
        "by",
        "check",
        "checks",
        "container",
        "containers",
        "could",
        "deployment",
        "disconnected",
        "due",
        "error",
        "essential",
        "exited",
        "failed",
        "for",
        "from",
        "group",
        "has",
        "health",
        "image",
        "in",
        "initiated",
        "instance",
        "is",
        "killed",
        "memory",
        "not",
        "of",
        "pull",
        "registry",
        "request",
        "scaling",
        "service",
        "stopped",
        "task",
        "the",
        "to",
        "unable",
        "usage",
        "was",
    ];
    let is_one = |word: &str| WORDS.contains(&word.trim_end_matches([',', ':', '.']).to_ascii_lowercase().as_str());
    let last = line.rsplit([' ', '"']).next().unwrap_or_default();
    let first = next.split([' ', '"', '\n']).next().unwrap_or_default();
    is_one(last) && is_one(first) && !matches!((last, first), ("in", "to") | ("an" | "a", "not"))
}

/// Whether the first line would be too wide with what stands before it: then the text was broken in a column of its own, as consoles show
/// messages beside their times.
fn is_apart(before: usize, text: &str) -> bool {
    const FEWEST: usize = 4;
    let mut widths: Vec<usize> = text.lines().map(|line| without_padding(line).width()).collect();
    // The last one says nothing.
    widths.pop();
    let widest = widths.iter().skip(1).max().copied().unwrap_or_default();
    let first = widths.first().copied().unwrap_or_default();
    before > 0 && widths.len() + 1 >= FEWEST && first <= widest && first + before > widest
}

/// A line without what it was filled up with. One space may be its own.
pub(super) fn without_padding(line: &str) -> &str {
    let line = line.trim_end_matches(['\r', '\n']);
    let bare = line.trim_end_matches([' ', '\t']);
    if line.len() > bare.len() + 1 { bare } else { line }
}

/// What a text that was broken is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Words {
    /// Words, with spaces that are not the indentation of its lines.
    Several,
    /// One, as far as can be seen.
    One,
    /// An ARN, an image, an id: no space is in one.
    Name,
}

impl Words {
    pub(super) fn of(text: &str) -> Self {
        let is_id = |text: &str| text.chars().all(|c| c.is_ascii_hexdigit() || c == '-' || c.is_whitespace());
        if text.lines().any(|line| line.trim().contains(' ')) {
            Self::Several
        } else if text.starts_with("arn:") || text.contains('/') || is_id(text) {
            Self::Name
        } else {
            Self::One
        }
    }
}

/// The text with the lines put together that an editor or a pager broke with marks: `↩` at their ends, `↪ ` before their rests.
pub(super) fn without_marks(text: &str) -> Option<String> {
    const ENDS: [char; 7] = ['↩', '↵', '⏎', '⤶', '↲', '⮐', '…'];
    const BEGINS: [&str; 5] = ["↪ ", "↳ ", "⤷ ", "+++ ", "> "];
    let end = |mark: char| joined(text, &|before, rest| Some((before.trim_end().strip_suffix(mark)?, rest)));
    let begin = |mark: &str| joined(text, &|before, rest| Some((before, rest.strip_prefix(mark)?)));
    let by_end = ENDS.into_iter().filter(|mark| text.contains(*mark)).find_map(end);
    let by_begin = || BEGINS.into_iter().filter(|mark| text.contains(mark)).find_map(begin);
    by_end.or_else(by_begin).or_else(|| if goes_on(text) { end('\\') } else { None })
}

/// Whether all lines that are full end with a backslash: one alone may be half of an escape.
fn goes_on(text: &str) -> bool {
    const FEWEST: usize = 2;
    if text.matches("\\\n").count() < FEWEST {
        return false;
    }
    let width = text.lines().map(UnicodeWidthStr::width).max();
    let mut full = text.lines().filter(|line| Some(line.width()) == width).peekable();
    full.peek().is_some() && full.all(|line| line.ends_with('\\'))
}

/// As [`without_marks`], of a text that was quoted and then broken: the rests have no mark where all else has.
pub(super) fn without_broken_quotes(text: &str) -> Option<String> {
    let is_quoted = |line: &str| line.starts_with('>');
    let first = text.split_inclusive('\n').take_while(|line| !is_quoted(line)).map(str::len).sum();
    let (head, text) = text.split_at_checked(first)?;
    let last = text.rfind("\n>").map_or(0, |at| at + 1);
    let (text, tail) = text.split_at_checked(last)?;
    let whole = joined(text, &|before, rest| (!is_quoted(rest) && !before.is_empty()).then_some((before, rest)))?;
    Some([head, &whole, tail].concat())
}

/// The text with the lines of YAML put together that `fold`, a terminal or a chat broke, and whether spaces are guessed in it. A line is
/// broken that is full or ends with a space, or has no room for the next word, before one that is neither indented nor a line of
/// its own.
pub(super) fn unfolded(text: &str, is_own: &dyn Fn(&str) -> bool) -> Option<(String, bool)> {
    /// No mail has less; and a terminal with less says little where one line alone is full.
    const NARROWEST: usize = 40;
    const NARROW: usize = 80;
    let bare = |line: &'_ str| line.trim_end_matches(['\r', '\n']).len();
    let width =
        text.lines().map(|line| line.trim_end_matches('\r').width()).max().filter(|width| *width >= NARROWEST)?;
    let full = text.lines().filter(|line| line.trim_end_matches('\r').width() == width).count();
    let (mut out, mut pending, mut found, mut is_guess) = (String::with_capacity(text.len()), 0, false, false);
    let mut lines = text.split_inclusive('\n').peekable();
    while let Some(line) = lines.next() {
        let (own, end) = line.split_at_checked(bare(line))?;
        out.push_str(own);
        let next = lines.peek().copied().unwrap_or_default();
        let word = next.split([' ', '\n']).next().unwrap_or_default().width();
        let (is_full, is_open) =
            (own.width() == width && (full > 1 || width >= NARROW), own.contains(':') || pending > 0);
        let is_rest =
            !next.trim().is_empty() && !next.starts_with(['-', '#']) && !is_own(next) && !next.starts_with("  ");
        let is_broken = own.ends_with(' ') || is_full || !next.starts_with(' ') && own.width() + 1 + word > width;
        if is_rest && is_open && is_broken && (is_full || !next.starts_with(' ')) {
            let is_lost = !(own.ends_with(' ') || is_full);
            out.extend(is_lost.then_some(' '));
            let is_certain = own.ends_with(' ') || is_full && full > 1;
            (found, is_guess, pending) = (true, is_guess || !is_certain, pending + 1);
            continue;
        }
        out.push_str(end);
        out.extend(std::iter::repeat_n('\n', std::mem::take(&mut pending)));
    }
    found.then_some((out, is_guess))
}

/// What is a line, and the rest of it in the next one; `None` where that is another line.
type Part<'a> = &'a dyn Fn(&'a str, &'a str) -> Option<(&'a str, &'a str)>;

/// The text with those lines put together, where all of them were broken because they were full. Lines stay where they are, but for
/// those that were one.
fn joined<'a>(text: &'a str, part: Part<'a>) -> Option<String> {
    let lines: Vec<&str> = text.lines().collect();
    let width = lines.iter().map(|line| line.width()).max()?;
    // A space at the end may be lost.
    let is_full = |line: &str| line.width() + 1 >= width;
    let is_rest = |rest: &str| !rest.trim().is_empty() && !rest.starts_with("  ") && !rest.starts_with('\t');
    let (mut out, mut pending, mut found, mut is_open) = (String::with_capacity(text.len()), 0, 0, false);
    let mut next: Option<&str> = None;
    for (at, line) in lines.iter().enumerate() {
        let own = next.take().unwrap_or(line);
        let after = lines.get(at + 1).copied();
        let parts = after.and_then(|after| part(line, after));
        let Some((kept, rest)) = parts else {
            out.push_str(own);
            out.extend(std::iter::repeat_n('\n', 1 + std::mem::take(&mut pending)));
            is_open = false;
            continue;
        };
        if !(is_full(line) && is_rest(rest) && (is_open || line.contains('"'))) {
            return None;
        }
        // Its mark is off at both ends.
        let kept = own.get(..own.len().saturating_sub(line.len() - kept.len())).unwrap_or_default();
        out.push_str(kept);
        if line.width() < width && kept.len() == own.len() {
            // Here a space may be lost: that is for the reader to tell.
            out.push('\n');
        } else {
            pending += 1;
        }
        next = Some(rest);
        (is_open, found) = (true, found + 1);
    }
    (found > 0).then_some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_reasons_are_told_from_halves_of_words() {
        for (line, next, is_so) in [
            ("Container", "killed due to", true),
            ("\"reason\": \"Task", "failed", true),
            ("OutOfMemoryError: Cont", "ainer killed", false),
            ("Container kil", "led", false),
            ("pulled in", "to", false),
            ("image", "web:1", false),
        ] {
            assert_eq!(are_words(line, next), is_so, "{line}|{next}");
        }
    }

    #[test]
    fn lines_of_yaml_that_were_folded_are_put_together() {
        let is_own = |line: &str| line.contains(": ") || line.trim_end().ends_with(':');
        let whole = "tasks:\n- reason: so many words that no line has room for all of them, however wide it is or may once grow to be\n  b: 1\n";
        for (broken, is_guess) in [
            (whole.replace("room for ", "room for \n").replace("grow ", "grow \n"), false),
            (whole.replace("room for ", "room for\n").replace("grow ", "grow\n"), true),
            (whole.replace("room for ", "room\n for ").replace("once", "o\nnce"), false),
        ] {
            let (joined, guess) = unfolded(&broken, &is_own).unwrap_or_default();
            let lines: Vec<&str> = joined.lines().filter(|line| !line.is_empty()).collect();
            assert_eq!((lines.join("\n") + "\n", guess), (whole.to_owned(), is_guess), "{broken}");
            assert_eq!(joined.lines().count(), broken.lines().count());
        }
        let one = "a: so many words that no line has room for all of them\nhowever wide\n";
        assert_eq!(unfolded(one, &is_own).map(|(_, is_guess)| is_guess), Some(true), "one alone says little");
        assert_eq!(unfolded(whole, &is_own), None);
        assert_eq!(unfolded("a: 1\nb: 2\n", &is_own), None);
    }
}
