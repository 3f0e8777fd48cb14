//! Takes from a text what terminals, mail programs and pages put around and into it. Each function says whether there was something.
//!
//! Lines stay lines, so that what is told of a place is true of the file.

/// The text without colours, where it has any.
pub(super) fn without_colours(text: &str) -> Option<String> {
    text.contains(['\u{1b}', '\u{9b}']).then(|| plain(text))
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

/// Without what begins every line: the `>` of a mail, `//` of a source, the name of a container in `docker compose logs`, or the numbers
/// of lines.
pub(super) fn without_margin(text: &str) -> Option<String> {
    let mut lines = text.lines().filter(|line| !line.trim().is_empty());
    let first = lines.next()?;
    let second = lines.next()?;
    let mut margin = common(first, second);
    for line in lines {
        if margin.is_empty() {
            break;
        }
        margin = margin.get(..common(margin, line).len())?;
    }
    // Of what is shared, brackets and quotes are the document's own.
    let margin = margin.get(..margin.find(['{', '[', ']', '}', '"', '“']).unwrap_or(margin.len()))?;
    let is_mark = margin.chars().any(|c| !c.is_whitespace() && !c.is_alphanumeric() && c != '_');
    let is_another = margin.trim_start().starts_with(['-', '\'']) || first.trim_end().ends_with('|');
    if is_mark && !is_another {
        let bare = text
            .split_inclusive('\n')
            .map(|line| line.strip_prefix(margin).unwrap_or(line.trim_start_matches(margin.trim_end())));
        return Some(bare.collect());
    }
    without_numbers(text)
}

fn common<'a>(a: &'a str, b: &str) -> &'a str {
    let same = a.chars().zip(b.chars()).take_while(|(a, b)| a == b).map(|(a, _)| a.len_utf8()).sum();
    a.get(..same).unwrap_or_default()
}

/// Lines that are numbered, as editors and `cat -n` do it.
fn without_numbers(text: &str) -> Option<String> {
    let bare = |line: &'_ str| -> Option<(u64, usize)> {
        let digits = line.trim_start();
        let end = digits.find(|c: char| !c.is_ascii_digit())?;
        let rest = digits.get(end..)?;
        let marked = rest.trim_start_matches([' ', '\t']);
        let after = marked.strip_prefix([':', '|', '│', ')', '.']).unwrap_or(marked);
        let is_apart = after.len() < rest.len() || rest.trim().is_empty();
        is_apart.then_some((digits.get(..end)?.parse().ok()?, line.len() - after.len()))
    };
    let mut out = String::with_capacity(text.len());
    let mut last = None;
    for line in text.split_inclusive('\n') {
        if line.trim().is_empty() {
            out.push_str(line);
            continue;
        }
        let (number, begin) = bare(line)?;
        if last.is_some_and(|last: u64| number != last.saturating_add(1)) {
            return None;
        }
        last = Some(number);
        out.push_str(line.get(begin..)?);
    }
    last.map(|_| out)
}

/// Whether a line begins as YAML does that the CLI prints: a key, a colon, and nothing or a value.
pub(super) fn looks_like_yaml(text: &str) -> bool {
    text.lines().any(is_yaml_line) && !text.trim_start().starts_with(['{', '['])
}

fn is_yaml_line(line: &str) -> bool {
    let line = line.strip_prefix("- ").unwrap_or(line);
    line.split_once(':').is_some_and(|(key, rest)| {
        let is_key =
            key.chars().all(|c| c.is_ascii_alphanumeric()) && key.starts_with(|c: char| c.is_ascii_alphabetic());
        is_key && (rest.trim().is_empty() || rest.starts_with(' '))
    })
}

/// The parts of a text that may be YAML: all of it, and from the first such line to a code fence, a prompt or the end.
pub(super) fn yaml_regions(text: &str) -> impl Iterator<Item = &str> {
    let begin = text.split_inclusive('\n').take_while(|line| !is_yaml_line(line)).map(str::len).sum();
    let rest: &str = text.get(begin..).unwrap_or_default();
    let is_of_it = |line: &&str| line.trim().is_empty() || line.starts_with([' ', '-', '#']) || is_yaml_line(line);
    let end = rest.split_inclusive('\n').take_while(is_of_it).map(str::len).sum();
    [text, rest.get(..end).unwrap_or_default()].into_iter()
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

/// With the characters that pages write as entities, where it has such.
pub(super) fn without_entities(text: &str) -> Option<String> {
    let quoted = text.contains("&quot;") || text.contains("&#34;");
    quoted.then(|| {
        text.replace("&quot;", "\"")
            .replace("&#34;", "\"")
            .replace("&#39;", "'")
            .replace("&lt;", "<")
            .replace("&gt;", ">")
            .replace("&amp;", "&")
    })
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
        ] {
            let bare = without_colours(text).or_else(|| without_margin(text)).unwrap_or_default();
            let value = serde_json::from_str::<serde_json::Value>(&bare).ok();
            assert_eq!(value, Some(serde_json::json!({"a": 1})), "{text}: {bare}");
            assert_eq!(bare.lines().count(), 3);
        }
        for text in ["{\n  \"a\": 1\n}\n", "[\n[\n1]]", "- a: 1\n- b: 2\n", "| a |\n| b |\n", "1 a\n7 b\n"] {
            assert_eq!(without_margin(text), None, "{text}");
        }
    }

    #[test]
    fn a_literal_is_the_text_that_it_stands_for() {
        assert_eq!(unescaped(r#"{\"a\": \"b\\nc\", \'d\': \u0041}\n"#), "{\"a\": \"b\\nc\", 'd': \\u0041}\n");
        assert_eq!(end_of_literal(r#"{\"a\": 1}" + x"#, '"'), 10);
    }
}
