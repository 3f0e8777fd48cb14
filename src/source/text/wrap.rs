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
}

impl Wrap {
    /// What the lines of a value tell, of which some are broken inside of a string, at these places. Most of what a terminal broke is
    /// equally wide, but for lines that lost the space at their end. One alone says little: mail is narrower than any terminal, and
    /// of a value that was in one line all ends of lines tell.
    pub(super) fn of(before: usize, text: &str, broken: &[usize]) -> Self {
        const NARROWEST: usize = 80;
        /// The space at the end that was lost, or half a wide character.
        const NEARLY: usize = 2;
        let (mut widths, mut in_texts, mut at, mut first) = (vec![], vec![], 0, before);
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
        Self { width, is_by_columns }
    }

    /// Whether a line so wide was broken where a space was, before `next`.
    pub(super) fn is_between_words(self, width: usize, line: &str, next: &str) -> bool {
        if self.is_by_columns {
            return width < self.width;
        }
        // Words are broken behind such signs, too, and where one is longer than a line.
        let mut signs = line.chars().rev();
        let is_sign = signs.next().is_some_and(|c| matches!(c, '-' | '/')) && signs.next().is_some_and(|c| c != ' ');
        let word = |word: Option<&str>| word.map_or(0, UnicodeWidthStr::width);
        let joined = || word(line.rsplit(' ').next()) + word(next.split([' ', '"', '\n']).next());
        !is_sign && (width < self.width || joined() <= self.width)
    }
}

/// A line without what it was filled up with. One space may be its own.
pub(super) fn without_padding(line: &str) -> &str {
    let line = line.trim_end_matches(['\r', '\n']);
    let bare = line.trim_end_matches([' ', '\t']);
    if line.len() > bare.len() + 1 { bare } else { line }
}

/// Whether a text has spaces that are not the indentation of its lines.
pub(super) fn has_spaces_of_its_own(text: &str) -> bool {
    text.lines().any(|line| line.trim().contains(' '))
}
