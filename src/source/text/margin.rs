//! Takes from the lines of a text what each of them begins with. Main functions: [`without_margin`], [`without_quoting`].
//!
//! Lines stay lines, so that what is told of a place is true of the file.

use std::iter::Peekable;
use std::str::CharIndices;

use super::wrap;

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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::text::tidy;

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
            let bare = tidy::without_colours(text).or_else(|| without_margin(text)).unwrap_or_default();
            let value = serde_json::from_str::<serde_json::Value>(&bare).ok();
            assert_eq!(value, Some(serde_json::json!({"a": 1})), "{text}: {bare}");
            assert_eq!(bare.lines().count(), 3);
        }
        for text in ["{\n  \"a\": 1\n}\n", "[\n[\n1]]", "- a: 1\n- b: 2\n", "| a |\n| b |\n"] {
            assert_eq!(without_margin(text), None, "{text}");
        }
    }

    #[test]
    fn quoted_lines_lose_their_marks_and_others_stay() {
        assert_eq!(without_quoting("X wrote:\n> {\n>\n> }\n-- \n").as_deref(), Some("X wrote:\n{\n\n}\n-- \n"));
        let deep = "X wrote:\n> > {\r\n>>   \"a\": 1\n> >>\n>>}\n> yes\n";
        assert_eq!(without_quoting(deep).as_deref(), Some("X wrote:\n{\r\n  \"a\": 1\n\n}\nyes\n"));
        assert_eq!(without_quoting("> a\n"), None);
    }
}
