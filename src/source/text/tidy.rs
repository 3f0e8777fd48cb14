//! Takes from a text what terminals, mail programs and connections put around and into it. Each function says whether there was something.
//!
//! Lines stay lines, so that what is told of a place is true of the file.

use std::borrow::Cow;

use super::encoding;

/// The text without colours, where it has any.
pub(super) fn without_colours(text: &str) -> Option<String> {
    if text.contains("^[[") {
        // As `cat -v` shows them.
        return Some(plain(&text.replace("^[[", "\u{1b}[")));
    }
    text.contains(['\u{1b}', '\u{9b}']).then(|| plain(text))
}

/// Without the colours whose first character was lost on the way: `[34;1m"tasks"[0m`.
pub(super) fn without_lost_colours(text: &str) -> Option<String> {
    if !["\"[0m", "\"[m", "\"[39m"].iter().any(|sign| text.contains(sign)) {
        return None;
    }
    let (mut out, mut rest) = (String::with_capacity(text.len()), text);
    while let Some((before, after)) = rest.split_once('[') {
        out.push_str(before);
        let end = after.find(|c: char| !c.is_ascii_digit() && c != ';').unwrap_or(after.len());
        rest = after;
        match after.get(end..).and_then(|behind| behind.strip_prefix('m')) {
            Some(behind) => rest = behind,
            None => out.push('['),
        }
    }
    out.push_str(rest);
    Some(out)
}

/// Without the escape sequences of terminals: CSI, and the strings that go to programs (OSC, DCS, APC and their like).
fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        let kind = match c {
            '\u{1b}' => chars.next(),
            '\u{9b}' => Some('['),
            '\u{8}' => continue,
            _ => {
                out.push(c);
                continue;
            }
        };
        match kind {
            Some('[') => while chars.next().is_some_and(|c| !('@'..='~').contains(&c)) {},
            Some(']' | '_' | '^' | 'P' | 'X') => {
                while let Some(c) = chars.next() {
                    match c {
                        '\u{7}' => break,
                        '\u{1b}' => {
                            chars.next();
                            break;
                        }
                        _ => {}
                    }
                }
            }
            Some('(' | ')') => {
                chars.next();
            }
            _ => {}
        }
    }
    out
}

/// The text with plain spaces in the place of odd ones.
pub(super) fn plain_spaces(text: &str) -> Cow<'_, str> {
    let is_odd = |c: char| !c.is_ascii() && c.is_whitespace();
    if text.contains(is_odd) { Cow::Owned(text.replace(is_odd, " ")) } else { Cow::Borrowed(text) }
}

/// What a pager writes where it waits for a key, taken out: `--More--` wherever it stands, the prompts of `less` where a line begins.
pub(super) fn without_pager(text: &str) -> Option<String> {
    const MARK: &str = "--More--";
    let (mut out, mut found, mut before) = (String::with_capacity(text.len()), text.contains(MARK), "");
    let mut lines = text.split_inclusive('\n').peekable();
    while let Some(mut line) = lines.next() {
        if let Some(rest) = behind_prompt(before, line, lines.peek().copied().unwrap_or_default()) {
            line = rest;
            found = true;
        }
        if !line.trim().is_empty() {
            before = line;
        }
        let mut rest = line;
        while let Some((own, after)) = rest.split_once(MARK) {
            out.push_str(own);
            let share = after.strip_prefix('(').and_then(|share| share.split_once("%)"));
            rest = share.filter(|(share, _)| share.len() <= 3).map_or(after, |(_, after)| after);
        }
        out.push_str(rest);
    }
    found.then_some(out)
}

/// The line behind the prompt of `less` that it begins with: `:`, `(END)`, `a.json (END)`, `lines 1-40/118 34%`, `...skipping...`.
fn behind_prompt<'a>(before: &str, line: &'a str, next: &str) -> Option<&'a str> {
    let bare = line.trim_end();
    let end = line.get(bare.len()..);
    let name = bare.strip_suffix("(END)").filter(|name| name.is_empty() || name.ends_with(' '));
    if name.is_some_and(|name| !name.contains(['"', '{', '['])) || bare == "...skipping..." {
        return end;
    }
    if let Some(rest) = line.strip_prefix("lines ").filter(|rest| rest.starts_with(|c: char| c.is_ascii_digit())) {
        let numbers = rest.find(|c: char| !c.is_ascii_digit() && !matches!(c, '-' | '/')).unwrap_or(rest.len());
        let (numbers, rest) = rest.split_at_checked(numbers)?;
        let share = |text: &'a str| {
            let (number, behind) = text.strip_prefix(' ')?.split_once('%')?;
            number.bytes().all(|digit| digit.is_ascii_digit()).then_some(behind)
        };
        return numbers.contains('-').then(|| share(rest).unwrap_or(rest));
    }
    let rest = line
        .strip_prefix(':')
        .filter(|rest| rest.trim().is_empty() || rest.starts_with(['}', ']']) || rest.starts_with("  "))?;
    // The colon behind a name is the document's own.
    let follows = if rest.trim().is_empty() { next } else { rest };
    let is_own = before.trim_end().ends_with('"') && !follows.trim_start().starts_with(['}', ']']);
    (!is_own && !before.is_empty()).then_some(rest)
}

/// With what mail programs write as `=3D`, and the lines put together that they broke behind a `=` (quoted-printable). Unless a header
/// says so, every `=` must be one of those.
pub(super) fn without_soft_breaks(text: &str) -> Option<String> {
    const LONGEST: usize = 76;
    let soft = |line: &'_ str| line.trim_end().ends_with('=');
    let says_so = text.lines().any(|line| {
        let value = line.split_once(':').filter(|(name, _)| name.eq_ignore_ascii_case("Content-Transfer-Encoding"));
        value.is_some_and(|(_, value)| value.trim().eq_ignore_ascii_case("quoted-printable"))
    });
    let breaks = || text.lines().map(str::trim_end).filter(|line| soft(line));
    let is_such = || {
        let is_broken = breaks().any(|line| line.len() > LONGEST - 10) && breaks().all(|line| line.len() <= LONGEST);
        let is_code = |after: &str| {
            let code = after.as_bytes().first_chunk();
            let behind = after.trim_start_matches([' ', '\t', '\r']);
            code.is_some_and(|code: &[u8; 2]| code.iter().all(|c| matches!(c, b'0'..=b'9' | b'A'..=b'F')))
                || behind.is_empty()
                || behind.starts_with('\n')
        };
        is_broken && text.match_indices('=').all(|(at, _)| is_code(text.get(at + 1..).unwrap_or_default()))
    };
    if !(says_so || is_such()) {
        return None;
    }
    let mut out = Vec::with_capacity(text.len());
    let mut gone = 0;
    for line in text.split_inclusive('\n') {
        let is_soft = soft(line);
        let bare = if is_soft { line.trim_end().strip_suffix('=').unwrap_or(line) } else { line };
        let mut rest = bare;
        while let Some((before, after)) = rest.split_once('=') {
            out.extend_from_slice(before.as_bytes());
            let code = after.get(..2).and_then(|code| u8::from_str_radix(code, 16).ok());
            out.push(code.unwrap_or(b'='));
            rest = after.get(if code.is_some() { 2 } else { 0 }..).unwrap_or_default();
        }
        out.extend_from_slice(rest.as_bytes());
        if is_soft {
            gone += 1;
        } else {
            // Lines stay where they are, but for those that were one.
            out.extend(std::iter::repeat_n(b'\n', std::mem::take(&mut gone)));
        }
    }
    encoding::narrow(&out).map(|(text, _)| text.into_owned())
}

/// With the chunks of an HTTP answer put together, which `curl --raw` and captures of connections show with their sizes between them.
pub(super) fn without_chunks(text: &str) -> Option<String> {
    let says_so = |line: &str| {
        let value = line.split_once(':').filter(|(name, _)| name.eq_ignore_ascii_case("Transfer-Encoding"));
        value.is_some_and(|(_, value)| value.trim().eq_ignore_ascii_case("chunked"))
    };
    let (mut at, mut is_chunked) = (0, false);
    for line in text.split_inclusive('\n') {
        at += line.len();
        is_chunked |= says_so(line);
        if is_chunked && line.trim().is_empty() {
            break;
        }
    }
    let (head, mut rest) = text.split_at_checked(at).filter(|_| is_chunked)?;
    let mut out = head.to_owned();
    loop {
        let (size, after) = rest.split_once('\n')?;
        let size = usize::from_str_radix(size.split(';').next()?.trim(), 16).ok()?;
        let (chunk, behind) = after.split_at_checked(size)?;
        if size == 0 {
            out.push_str(behind);
            return Some(out);
        }
        out.push_str(chunk);
        rest = behind.strip_prefix("\r\n").or_else(|| behind.strip_prefix('\n'))?;
    }
}

/// Without the frame around a text, or what stands beside it in another pane: one column behind the other.
pub(super) fn without_frame(text: &str) -> Option<String> {
    const BARS: [char; 4] = ['│', '┃', '║', '▏'];
    /// Nobody has more side by side.
    const COLUMNS: usize = 4;
    if !text.contains(BARS) {
        return None;
    }
    let cells = |line: &'_ str| -> Vec<String> {
        line.strip_prefix(BARS).unwrap_or(line).splitn(COLUMNS, BARS).map(str::to_owned).collect()
    };
    // Frames stand off by a space.
    let is_padded = |at: usize| {
        let cell = |line: &str| cells(line).get(at).is_none_or(|cell| cell.trim().is_empty() || cell.starts_with(' '));
        text.lines().filter(|line| line.contains(BARS)).all(cell)
    };
    let padded: [bool; COLUMNS] = std::array::from_fn(is_padded);
    let mut columns = [const { String::new() }; COLUMNS];
    for line in text.lines() {
        let bare = line.strip_prefix(BARS).unwrap_or(line);
        let is_framed = line.contains(BARS);
        let cells = bare.splitn(COLUMNS, BARS).chain(std::iter::repeat(""));
        for ((column, cell), is_padded) in columns.iter_mut().zip(cells).zip(padded) {
            let cell = cell.strip_prefix(' ').filter(|_| is_padded && is_framed).unwrap_or(cell);
            column.push_str(cell.trim_end_matches(BARS).trim_end());
            column.push('\n');
        }
    }
    Some(columns.concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sequences_for_terminals_go_whole() {
        for text in
            ["\u{1b}_bk;t=1795168260000\u{7}{", "\u{1b}]8;;https://a\u{1b}\\{", "\u{1b}P1$r0m\u{1b}\\{", "\u{9b}1m{"]
        {
            assert_eq!(without_colours(text).as_deref(), Some("{"), "{text:?}");
        }
    }

    #[test]
    fn what_a_mail_program_broke_is_put_together_and_nothing_else_is() {
        let long = format!("{{\"a\": \"{}\"}}", "0123456789".repeat(9));
        let (begin, end) = long.split_at(75);
        assert_eq!(without_soft_breaks(&format!("{begin}=\n{end}\nx\n")), Some(format!("{long}\n\nx\n")));
        assert_eq!(without_soft_breaks(&format!("{begin}=  \r\n{end}=3D=C3=A9")), Some(format!("{long}=é\n")));
        assert_eq!(without_soft_breaks(&format!("{begin}=\n{end} --cluster=prod")), None);
        assert_eq!(without_soft_breaks("bmFtZQ=\n"), None);
        let header = "content-transfer-encoding: Quoted-Printable\n\n";
        assert_eq!(without_soft_breaks(&format!("{header}a=3D=\nb=E9")), Some(format!("{header}a=bé\n")));
    }

    #[test]
    fn chunks_are_put_together_where_all_of_them_are_there() {
        let answer = "HTTP/1.1 200 OK\r\ntransfer-encoding: Chunked\r\n\r\n4\r\n{\"a\"\r\n5;x\r\n: \"é\r\n2\r\n\"}\r\n0\r\n\r\n$ ";
        let bare = without_chunks(answer);
        assert!(bare.as_ref().is_some_and(|bare| bare.contains("\r\n\r\n{\"a\": \"é\"}\r\n$ ")), "{bare:?}");
        for other in [&answer.replace("4\r\n", "44\r\n"), "{\"a\": 1}", "Transfer-Encoding: chunked\n\n{}"] {
            assert_eq!(without_chunks(other), None, "{other}");
        }
    }

    #[test]
    fn frames_panes_and_pagers_go() {
        assert_eq!(
            without_frame("╭──╮\n│ a │\n│ b │\n").as_deref().map(|text| text
                .lines()
                .take(3)
                .collect::<Vec<_>>()
                .join("|")),
            Some("╭──╮|a|b".to_owned())
        );
        let panes = without_frame("$ top │ {\nx     │ \"a\": 1\n      │ }\n").unwrap_or_default();
        assert!(panes.contains("{\n\"a\": 1\n}\n"), "{panes}");
        for (text, bare) in [
            ("a\n--More--(52%)b--More--\n", "a\nb\n"),
            ("{\n:\n\"a\": 1\n}\n(END)\n", "{\n\n\"a\": 1\n}\n\n"),
            ("{\n:   \"a\": \"b\"\n:}\na.json (END)", "{\n   \"a\": \"b\"\n}\n"),
            ("{\nlines 1-40\n\"a\": 1,\nlines 1-40/80 50%\n\"b\"\n:\n2}\n", "{\n\n\"a\": 1,\n\n\"b\"\n:\n2}\n"),
        ] {
            assert_eq!(without_pager(text).as_deref(), Some(bare));
        }
        for text in ["{\"a\"\n:\n1}\n", ":\n", "lines 12 and 13\n", "lines of it\n", "{\"a\": \"(END)\n", ":task/a\n"] {
            assert_eq!(without_pager(text), None, "{text}");
        }
    }
}
