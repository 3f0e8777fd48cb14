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

/// Without the numbers of lines that stand each in a line of its own, as pages of code give them.
pub(super) fn without_numbers(text: &str) -> Option<String> {
    const FEWEST: usize = 3;
    let mut out = String::with_capacity(text.len());
    let mut next: Option<u32> = None;
    let mut found = 0;
    for line in text.split_inclusive('\n') {
        let number = line.trim().parse::<u32>().ok().filter(|number| next.is_none_or(|next| next == *number));
        match number {
            Some(number) => {
                out.push('\n');
                (next, found) = (number.checked_add(1), found + 1);
            }
            None => out.push_str(line),
        }
    }
    (found >= FEWEST).then_some(out)
}

/// Without the mark that ends almost every line: the `$` of `cat -A`, the `+` of psql.
pub(super) fn without_ends(text: &str) -> Option<String> {
    const MARKS: [char; 3] = ['$', '+', '¶'];
    const FEWEST: usize = 3;
    /// Of ten lines.
    const ALMOST_ALL: usize = 8;
    let lines = || text.lines().filter(|line| !line.trim().is_empty());
    let ends = |mark: &char| lines().filter(|line| line.ends_with(*mark)).count();
    let is_such = |mark: &char| ends(mark) >= FEWEST && ends(mark) * 10 >= lines().count() * ALMOST_ALL;
    let mark = MARKS.into_iter().find(is_such)?;
    let bare = text.lines().flat_map(|line| [line.strip_suffix(mark).unwrap_or(line).trim_end(), "\n"]);
    Some(bare.collect())
}

/// The lines of each source by itself, where those of several stand among one another, as `docker compose logs` and `stern` show them:
/// of each in which a document begins, what its lines begin with is taken off, and the others are left out.
pub(super) fn of_one_source(text: &str) -> Option<String> {
    const MOST: usize = 8;
    const FEWEST: usize = 3;
    let mut margins: Vec<&str> = vec![];
    for margin in text.lines().filter_map(before_document) {
        let is_known = |own: &&str| shared(own, margin).0 >= own.len() && name_in(own) == name_in(margin);
        if margins.len() < MOST && !margins.iter().any(is_known) {
            margins.push(margin);
        }
    }
    let mut out = String::with_capacity(text.len());
    for margin in margins {
        let own = |line: &str| {
            let (whole, own) = shared(margin, line);
            (whole >= margin.trim_end().len() && line.starts_with(name_in(margin))).then_some(own)
        };
        if text.lines().filter(|line| own(line).is_some()).count() < FEWEST {
            continue;
        }
        for line in text.split_inclusive('\n') {
            out.push_str(own(line).map_or("\n", |own| line.get(own..).unwrap_or_default()));
        }
    }
    (!out.is_empty()).then_some(out)
}

/// The name that a margin begins with, `web-1`, if it does: there numbers do not count on.
fn name_in(margin: &str) -> &str {
    margin.split(' ').next().filter(|word| word.starts_with(char::is_alphabetic)).unwrap_or_default()
}

/// What stands before the first line of a document that has a line a value: a bracket alone, or a name of YAML.
fn before_document(line: &str) -> Option<&str> {
    const BEGINS: [&str; 4] = ["{", "[", "failures: []", "tasks:"];
    let bare = line.trim_end();
    let margin = BEGINS.iter().find_map(|begin| bare.strip_suffix(begin))?;
    let is_mark = margin.contains(|c: char| !c.is_whitespace() && !c.is_alphanumeric() && c != '_');
    (is_mark && !margin.contains(['"', '{', '“', '\''])).then_some(margin)
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
    fn marks_at_the_ends_of_lines_go() {
        assert_eq!(without_ends("{$\n \"a\": \"$\"$\n}$\n").as_deref(), Some("{\n \"a\": \"$\"\n}\n"));
        let rows = "x\n {     +\n a     +\n a     +\n a     +\n a     +\n a     +\n a     +\n a     +\n }\n";
        assert!(without_ends(rows).is_some_and(|rows| rows.starts_with("x\n {\n a\n")));
        assert_eq!(without_ends("a$\nb\nc$\n"), None);
    }

    #[test]
    fn numbers_between_lines_go_where_they_count_on() {
        let text = "page\n1\n{\n2\n  \"a\": [\n3\n7\n4\n]}\n";
        assert_eq!(without_numbers(text).as_deref(), Some("page\n\n{\n\n  \"a\": [\n\n7\n\n]}\n"));
        assert_eq!(without_numbers("[\n1\n,\n1\n,\n2\n]\n"), None);
    }

    #[test]
    fn lines_of_several_sources_are_told_apart() {
        let text =
            "Attaching to web, db\nweb-1  | {\ndb-1   | ready {x}\nweb-1  |   \"a\": 1\nweb-1  | }\ndb-1   | bye\n";
        assert_eq!(of_one_source(text).as_deref(), Some("\n{\n\n  \"a\": 1\n}\n\n"));
        let yaml = "10:00:01 a tasks:\nx\n10:00:01 a - b: 1\n10:00:02 a   c: 2\n";
        let replicas = "a-1 | {\na-2 | {\na-1 |  \"b\": 1\na-2 |  \"b\": 2\na-2 | }\na-1 | }\n";
        assert_eq!(
            of_one_source(replicas).map(|text| text.replace('\n', "")),
            Some("{ \"b\": 1}{ \"b\": 2}".to_owned())
        );
        assert_eq!(of_one_source(yaml).as_deref(), Some("tasks:\n\n- b: 1\n  c: 2\n"));
        for text in ["{\n  \"a\": 1\n}\n", "a | {\nb | {\n", "\"a\": {\n\"a\": {\n\"a\": {\n"] {
            assert_eq!(of_one_source(text), None, "{text}");
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
