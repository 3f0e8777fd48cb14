//! Takes from a text what terminals, mail programs and pages put around and into it. Each function says whether there was something.
//!
//! Lines stay lines, so that what is told of a place is true of the file.

use std::borrow::Cow;
use std::iter::Peekable;
use std::ops::Range;
use std::str::CharIndices;

use super::{encoding, wrap};

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

/// Without the escape sequences of terminals: CSI and OSC.
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
            Some(']') => {
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

/// Without what begins every line: the `>` of a mail, `//` of a source, the name of a container in `docker compose logs`, the time and
/// host of a journal, the numbers of lines.
pub(super) fn without_margin(text: &str) -> Option<String> {
    let mut lines = text.lines().filter(|line| !line.trim().is_empty());
    let first = lines.next()?;
    let mut margin = first.len();
    for line in lines {
        margin = margin.min(shared(first.get(..margin)?, line).0);
        if margin == 0 {
            return None;
        }
    }
    let margin = first.get(..margin)?;
    // Of what is shared, quotes and open brackets are the document's own.
    let margin = margin.get(..margin.find(['{', '}', '"', '“']).unwrap_or(margin.len()))?;
    let margin = margin.get(
        ..margin
            .rfind('[')
            .filter(|open| !margin.get(*open..).is_some_and(|rest| rest.contains(']')))
            .unwrap_or(margin.len()),
    )?;
    let is_mark = margin.chars().any(|c| !c.is_whitespace() && !c.is_alphabetic() && c != '_');
    // Lists, and rows of tables.
    let is_another = margin.trim_start().starts_with(['-', '\'']) || first.trim_end().ends_with('|');
    if !is_mark || is_another {
        return None;
    }
    let bare = text.split_inclusive('\n').map(|line| {
        let (whole, own) = shared(margin, line);
        // An empty line may lack the space at the margin's end.
        if whole >= margin.trim_end().len() { line.get(own..).unwrap_or_default() } else { line }
    });
    Some(bare.collect())
}

/// How far two texts are the same, in each: numbers are the same whatever they count.
fn shared(a: &str, b: &str) -> (usize, usize) {
    let (mut x, mut y) = (a.char_indices().peekable(), b.char_indices().peekable());
    loop {
        let ends = |x: Option<&(usize, char)>, text: &str| x.map_or(text.len(), |(at, _)| *at);
        let (at_a, at_b) = (ends(x.peek(), a), ends(y.peek(), b));
        match (x.next(), y.next()) {
            (Some((_, c)), Some((_, d))) if c.is_ascii_digit() && d.is_ascii_digit() => {
                while x.next_if(|(_, c)| c.is_ascii_digit()).is_some() {}
                while y.next_if(|(_, d)| d.is_ascii_digit()).is_some() {}
                // Of two times one may have no fraction.
                let dot = |c: Option<&(usize, char)>| c.is_some_and(|(_, c)| matches!(c, '.' | ','));
                match (dot(x.peek()), dot(y.peek())) {
                    (true, false) => fraction(&mut x),
                    (false, true) => fraction(&mut y),
                    _ => {}
                }
            }
            // Numbers are often aligned to the right.
            (Some((_, ' ')), Some((_, d))) if d.is_ascii_digit() && at_a == at_b => {
                while x.next_if(|(_, c)| *c == ' ' || c.is_ascii_digit()).is_some_and(|(_, c)| !c.is_ascii_digit()) {}
                while x.next_if(|(_, c)| c.is_ascii_digit()).is_some() {}
                while y.next_if(|(_, d)| d.is_ascii_digit()).is_some() {}
            }
            (Some((_, c)), Some((_, d))) if c == d => {}
            _ => return (at_a, at_b),
        }
    }
}

/// Passes over the fraction of a number, where digits follow the dot.
fn fraction(chars: &mut Peekable<CharIndices<'_>>) {
    let mut ahead = chars.clone();
    ahead.next();
    if ahead.next_if(|(_, c)| c.is_ascii_digit()).is_some() {
        while ahead.next_if(|(_, c)| c.is_ascii_digit()).is_some() {}
        *chars = ahead;
    }
}

/// Without the marks before the lines that are quoted, however deep, where the others are not.
pub(super) fn without_quoting(text: &str) -> Option<String> {
    const FEWEST: usize = 3;
    let bare = |line: &'_ str| {
        let mut rest = line.trim_start();
        if !rest.starts_with('>') {
            return ["// ", "# ", "| "].iter().find_map(|mark| rest.strip_prefix(mark)).map(str::len);
        }
        // Each program that quotes puts its own before it: `> >> `.
        while let Some(deeper) = rest.strip_prefix("> ").or_else(|| rest.strip_prefix('>')) {
            rest = deeper;
        }
        Some(rest.len())
    };
    let quoted = text.lines().filter(|line| bare(line).is_some()).count();
    let taken = |line: &'_ str| bare(line).map_or(0, |rest| line.len() - rest);
    (quoted >= FEWEST)
        .then(|| text.split_inclusive('\n').map(|line| line.get(taken(line)..).unwrap_or_default()).collect())
}

/// The same, of lines that were broken once they were quoted.
pub(super) fn without_broken_quoting(text: &str) -> Option<String> {
    without_quoting(&wrap::without_broken_quotes(text)?)
}

/// Whether a line begins as YAML does that the CLI prints: a key, a colon, and nothing or a value.
pub(super) fn looks_like_yaml(text: &str) -> bool {
    text.lines().any(|line| is_yaml_line(line.trim_start_matches(' '))) && !text.trim_start().starts_with(['{', '['])
}

fn is_yaml_line(line: &str) -> bool {
    let line = line.strip_prefix("- ").unwrap_or(line);
    line.split_once(':').is_some_and(|(key, rest)| {
        let is_key =
            key.chars().all(|c| c.is_ascii_alphanumeric()) && key.starts_with(|c: char| c.is_ascii_alphabetic());
        is_key && (rest.trim().is_empty() || rest.starts_with(' '))
    })
}

/// The parts of a text that may be YAML: runs of lines that may be lines of it, each with what it is indented by.
pub(super) fn yaml_regions(text: &str) -> Vec<(Range<usize>, usize)> {
    const MOST: usize = 1_000;
    let (mut found, mut begin, mut at) = (vec![], None, 0);
    for line in text.split_inclusive('\n').chain([""]) {
        let own = line.trim_start_matches(' ');
        let indent = line.len() - own.len();
        let begins = is_yaml_line(own) || own.trim_end() == "---";
        let is_of_it = match begin {
            _ if line.is_empty() => false,
            None => begins,
            Some((_, _)) if own.trim().is_empty() => true,
            Some((_, first)) => indent > first || indent == first && (begins || own.starts_with(['-', '#', ']', '}'])),
        };
        match begin {
            None if is_of_it => begin = Some((at, indent)),
            Some((from, first)) if !is_of_it => {
                found.push((from..at, first));
                begin = begins.then_some((at, indent));
            }
            _ => {}
        }
        at += line.len();
        if found.len() > MOST {
            break;
        }
    }
    found
}

/// Where the literal ends whose text begins there: at its quote, or all of it.
pub(super) fn end_of_literal(text: &str, quote: char) -> usize {
    let mut is_escaped = false;
    for (at, c) in text.char_indices() {
        match c {
            _ if is_escaped => is_escaped = false,
            '\\' => is_escaped = true,
            c if c == quote => return at,
            _ => {}
        }
    }
    text.len()
}

/// The text whose quotes are doubled, as CSV and C# write them, and where it ends; `None` where they are not.
pub(super) fn undoubled(text: &str) -> Option<(String, usize)> {
    text.trim_start_matches(['{', '[', ' ', '\r', '\n']).starts_with("\"\"").then_some(())?;
    let (mut out, mut rest) = (String::new(), text);
    while let Some((before, after)) = rest.split_once('"') {
        out.push_str(before);
        match after.strip_prefix('"') {
            Some(after) => {
                out.push('"');
                rest = after;
            }
            None => return Some((out, text.len() - after.len() - 1)),
        }
    }
    out.push_str(rest);
    Some((out, text.len()))
}

/// The text that a literal stands for.
pub(super) fn unescaped(literal: &str) -> String {
    let mut out = String::with_capacity(literal.len());
    let mut chars = literal.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        match chars.next() {
            Some('n') => out.push('\n'),
            Some('r') => out.push('\r'),
            Some('t') => out.push('\t'),
            // A line goes on.
            Some('\n') | None => {}
            // JSON knows what they mean.
            Some(kept @ ('u' | 'b' | 'f')) => out.extend(['\\', kept]),
            Some(other) => out.push(other),
        }
    }
    out
}

/// How long the macro of a wiki is that begins there, `{code:json}`: what stands between two is the document.
pub(super) fn wiki_macro(text: &str) -> Option<usize> {
    const LONGEST: usize = 400;
    let rest = text.strip_prefix('{')?;
    let is_one = ["code", "noformat", "quote", "panel"].iter().any(|name| {
        rest.strip_prefix(name).is_some_and(|rest| rest.starts_with([':', '}']) && !rest.starts_with(": "))
    });
    if !is_one {
        return None;
    }
    // No more of it is looked at: it may be one long line of such.
    let near = rest.get(..rest.floor_char_boundary(LONGEST))?;
    let end = near.lines().next()?.find('}')?;
    (!near.get(..end)?.contains(['"', '{'])).then_some(end + 2)
}

/// With the characters that pages write as entities, where it has such.
pub(super) fn without_entities(text: &str) -> Option<String> {
    let quoted = ["&quot;", "&#34;", "&#x22;", "&#X22;", "&#034;"].iter().any(|quote| text.contains(quote));
    quoted.then(|| plain_characters(text))
}

/// Without the tags of a page between which a document stands piece by piece.
pub(super) fn without_tags(text: &str) -> Option<String> {
    if !(text.contains("</") && text.contains(['{', '['])) {
        return None;
    }
    let (mut out, mut rest) = (String::with_capacity(text.len()), text);
    while let Some((before, tag)) = rest.split_once('<') {
        out.push_str(before);
        let is_tag = tag.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/' || c == '!');
        rest = match tag.split_once('>').filter(|_| is_tag) {
            Some((_, rest)) => rest,
            None => {
                out.push('<');
                tag
            }
        };
    }
    out.push_str(rest);
    Some(plain_characters(&out))
}

fn plain_characters(text: &str) -> String {
    const NAMED: [(&str, char); 6] =
        [("quot", '"'), ("apos", '\''), ("lt", '<'), ("gt", '>'), ("amp", '&'), ("nbsp", ' ')];
    /// Longer than any.
    const LONGEST: usize = 8;
    let (mut out, mut rest) = (String::with_capacity(text.len()), text);
    while let Some((before, after)) = rest.split_once('&') {
        out.push_str(before);
        rest = after;
        let end = after.bytes().take(LONGEST).position(|byte| byte == b';');
        let name = end.and_then(|end| after.get(..end)).unwrap_or_default();
        let number = |digits: &str| match digits.strip_prefix(['x', 'X']) {
            Some(hex) => u32::from_str_radix(hex, 16).ok(),
            None => digits.parse().ok(),
        };
        let named = NAMED.iter().find(|(known, _)| *known == name).map(|(_, c)| *c);
        match named.or_else(|| name.strip_prefix('#').and_then(number).and_then(char::from_u32)) {
            Some(c) => {
                out.push(c);
                rest = after.get(name.len() + 1..).unwrap_or_default();
            }
            None => out.push('&'),
        }
    }
    out.push_str(rest);
    out
}

/// With the characters that URLs and forms write as `%7B`, where it has such, however often they were.
pub(super) fn without_percents(text: &str) -> Option<String> {
    const OFTEN: usize = 4;
    let is_such = |text: &str| ["%7b", "%7B", "%5b", "%5B"].iter().any(|sign| text.contains(sign));
    let mut plain = text.to_owned();
    for _ in 0..OFTEN {
        let is_encoded = is_such(&plain) || plain.contains("%257") || plain.contains("%255");
        if !is_encoded {
            break;
        }
        // Forms write a space as a plus; elsewhere a plus is one.
        let is_form = plain.contains("%2B") || plain.contains("%2b") || !plain.contains("%20");
        let bytes = if is_form { plain.replace('+', " ") } else { plain };
        plain = percent_encoding::percent_decode_str(&bytes).decode_utf8_lossy().into_owned();
    }
    (plain != text).then_some(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_and_margins_go_and_lines_stay() {
        for text in [
            "\u{1b}[1;39m{\u{1b}[0m\n  \u{1b}[34;1m\"a\"\u{1b}[0m: 1\n}\n",
            "> {\n>   \"a\": 1\n> }\n",
            "// {\n//   \"a\": 1\n// }\n",
            "app-1  | {\napp-1  |   \"a\": 1\napp-1  | }\n",
            "     1\t{\n     2\t  \"a\": 1\n     3\t}\n",
            "9: {\n10:   \"a\": 1\n11: }\n",
            "a.json:9:{\na.json:10:  \"a\": 1\na.json:11:}\n",
            "Nov 26 10:00:01 host app[7]: {\nNov 26 10:00:01 host app[7]:   \"a\": 1\nNov 26 10:00:02 host app[7]: }\n",
            "2026-11-26T10:00:00.1Z {\n2026-11-26T10:00:00.12Z   \"a\": 1\n2026-11-26T10:00:00.2Z }\n",
            "2026-11-26T10:00:00Z {\n2026-11-26T10:00:00.12Z   \"a\": 1\n2026-11-26T10:00:01Z }\n",
            "[10:00:00.5] {\n[10:00:00]   \"a\": 1\n[10:00:01.25] }\n",
        ] {
            let bare = without_colours(text).or_else(|| without_margin(text)).unwrap_or_default();
            let value = serde_json::from_str::<serde_json::Value>(&bare).ok();
            assert_eq!(value, Some(serde_json::json!({"a": 1})), "{text}: {bare}");
            assert_eq!(bare.lines().count(), 3);
        }
        for text in ["{\n  \"a\": 1\n}\n", "[\n[\n1]]", "- a: 1\n- b: 2\n", "| a |\n| b |\n"] {
            assert_eq!(without_margin(text), None, "{text}");
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
        assert_eq!(wiki_macro("{code:title=a.json|x=y}\n{"), Some(23));
        assert_eq!((wiki_macro("{code: 1}"), wiki_macro("{\"code\": 1}")), (None, None));
    }

    #[test]
    fn quoted_lines_lose_their_marks_and_others_stay() {
        assert_eq!(without_quoting("X wrote:\n> {\n>\n> }\n-- \n").as_deref(), Some("X wrote:\n{\n\n}\n-- \n"));
        let deep = "X wrote:\n> > {\r\n>>   \"a\": 1\n> >>\n>>}\n> yes\n";
        assert_eq!(without_quoting(deep).as_deref(), Some("X wrote:\n{\r\n  \"a\": 1\n\n}\nyes\n"));
        assert_eq!(without_quoting("> a\n"), None);
    }

    #[test]
    fn a_literal_is_the_text_that_it_stands_for() {
        assert_eq!(unescaped(r#"{\"a\": \"b\\nc\", \'d\': \u0041}\n"#), "{\"a\": \"b\\nc\", 'd': \\u0041}\n");
        assert_eq!(end_of_literal(r#"{\"a\": 1}" + x"#, '"'), 10);
    }
}
