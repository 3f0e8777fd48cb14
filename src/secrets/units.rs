//! A text as what it says, whatever it is written as: percent-encoded, escaped for JSON or HTML, in either case of letters, broken by
//! spaces, line ends and colours. Pure. Main type: [`Unit`].

/// One byte that a text says, and where.
#[derive(Clone, Copy, Debug)]
pub(super) struct Unit {
    /// In small letters.
    pub(super) byte: u8,
    /// Where it stands in the text: its first byte, and behind its last.
    pub(super) start: usize,
    pub(super) end: usize,
    /// Whether something that says nothing stands before it: a space, a line end, a colour.
    pub(super) is_apart: bool,
}

/// So often something may have been encoded.
const OFTEN: usize = 3;

/// What `text` says.
pub(super) fn of(text: &str) -> Vec<Unit> {
    let unit = |(start, byte)| Unit { byte, start, end: start + 1, is_apart: false };
    let mut units: Vec<Unit> = text.bytes().enumerate().map(unit).collect();
    for _ in 0..OFTEN {
        let (read, is_more) = once(&units);
        units = read;
        if !is_more {
            break;
        }
    }
    units.iter_mut().for_each(|unit| unit.byte.make_ascii_lowercase());
    units
}

/// Only the bytes of it.
pub(super) fn bytes_of(text: &str) -> Vec<u8> {
    of(text).iter().map(|unit| unit.byte).collect()
}

/// What is behind it, less what only separates the digits of bytes: `41:42`, `41, 42`, `0x41 0x42`.
pub(super) fn digits(units: &[Unit]) -> Vec<Unit> {
    let mut found: Vec<Unit> = Vec::with_capacity(units.len());
    let mut is_apart = false;
    let mut rest = units.iter().copied().peekable();
    while let Some(unit) = rest.next() {
        let is_mark = unit.byte == b'0' && rest.peek().is_some_and(|next| next.byte == b'x');
        if is_mark {
            rest.next();
        }
        if is_mark || matches!(unit.byte, b':' | b',' | b'-' | b'_' | b'.') {
            is_apart = true;
            continue;
        }
        found.push(Unit { is_apart: unit.is_apart || is_apart, ..unit });
        is_apart = false;
    }
    found
}

/// Reads what is encoded once; whether there may be more.
fn once(units: &[Unit]) -> (Vec<Unit>, bool) {
    let mut found: Vec<Unit> = Vec::with_capacity(units.len());
    let (mut at, mut is_apart, mut is_more) = (0, false, false);
    while let Some(first) = units.get(at) {
        let rest = units.get(at..).unwrap_or_default();
        let (read, length) = one(rest);
        let length = length.max(1);
        is_more |= length > 1 && read.is_some();
        let end = rest.get(length - 1).map_or(first.end, |last| last.end);
        match read {
            Some(byte) => {
                found.push(Unit { byte, start: first.start, end, is_apart: first.is_apart || is_apart });
                is_apart = false;
            }
            None => is_apart = true,
        }
        at += length;
    }
    (found, is_more)
}

/// What the first units say, and how many they are: a byte, or nothing.
fn one(units: &[Unit]) -> (Option<u8>, usize) {
    let byte = |at: usize| units.get(at).map_or(0, |unit| unit.byte);
    let hex = |from: usize, count: usize| {
        let mut digits = units.get(from..from + count)?.iter().map(|unit| char::from(unit.byte).to_digit(16));
        digits.try_fold(0_u32, |sum, digit| Some(sum * 16 + digit?)).and_then(|number| u8::try_from(number).ok())
    };
    match byte(0) {
        b'%' => hex(1, 2).map_or((Some(b'%'), 1), |byte| (fill_or(byte), 3)),
        b'\\' => match byte(1) {
            b'u' => hex(2, 4).map_or((Some(b'\\'), 1), |byte| (fill_or(byte), 6)),
            b'x' => hex(2, 2).map_or((Some(b'\\'), 1), |byte| (fill_or(byte), 4)),
            b'r' | b'n' | b't' => (None, 2),
            escaped if escaped.is_ascii_punctuation() => (Some(escaped), 2),
            _ => (Some(b'\\'), 1),
        },
        b'&' => entity(units).unwrap_or((Some(b'&'), 1)),
        0x1b if byte(1) == b'[' => {
            let end = units.iter().skip(2).position(|unit| unit.byte.is_ascii_alphabetic());
            (None, end.map_or(units.len(), |end| end + 3))
        }
        byte => (fill_or(byte), 1),
    }
}

fn fill_or(byte: u8) -> Option<u8> {
    (!byte.is_ascii_whitespace() && !byte.is_ascii_control()).then_some(byte)
}

/// A character as HTML writes it, and how many units that takes.
fn entity(units: &[Unit]) -> Option<(Option<u8>, usize)> {
    const NAMED: [(&[u8], u8); 6] =
        [(b"amp", b'&'), (b"lt", b'<'), (b"gt", b'>'), (b"quot", b'"'), (b"apos", b'\''), (b"nbsp", b' ')];
    /// Longer than any.
    const LONGEST: usize = 8;
    let name: Vec<u8> =
        units.iter().skip(1).take(LONGEST).map(|unit| unit.byte).take_while(|byte| *byte != b';').collect();
    if units.get(name.len() + 1)?.byte != b';' {
        return None;
    }
    let number = || {
        let digits = std::str::from_utf8(name.strip_prefix(b"#")?).ok()?;
        match digits.strip_prefix(['x', 'X']) {
            Some(hex) => u8::from_str_radix(hex, 16).ok(),
            None => digits.parse().ok(),
        }
    };
    let named = NAMED.iter().find(|(known, _)| *known == name).map(|(_, byte)| *byte);
    named.or_else(number).map(|byte| (fill_or(byte), name.len() + 2))
}
