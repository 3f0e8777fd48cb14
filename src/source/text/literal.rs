//! Texts as the sources of programs hold them: where one ends, and what it stands for. Main functions: [`end_of_literal`], [`unescaped`].

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

/// Without the ends of lines that a log wrote as `\n`, or as `#012`, between values whose quotes stand as they are: with spaces in their
/// places. Inside of texts they are the document's own.
pub(super) fn without_written_breaks(text: &str) -> Option<String> {
    const BREAKS: [&str; 6] = ["\\r", "\\n", "\\t", "#015", "#012", "#011"];
    let begins = |text: &str| {
        let mut rest = text;
        while let Some(next) = BREAKS.iter().find_map(|sign| rest.strip_prefix(sign)) {
            rest = next.trim_start_matches(' ');
        }
        rest.len() < text.len() && rest.starts_with(['"', '{'])
    };
    let is_such = |at: usize| text.get(at + 1..).is_some_and(begins);
    let first = text.match_indices(['{', '[']).map(|(at, _)| at).find(|at| is_such(*at))?;
    let (before, mut rest) = text.split_at_checked(first)?;
    let mut out = before.to_owned();
    while let Some(c) = rest.chars().next() {
        if c == '"' {
            let end = rest.get(1..).map_or(rest.len(), |inside| end_of_literal(inside, '"') + 2).min(rest.len());
            let (literal, after) = rest.split_at_checked(end)?;
            out.push_str(literal);
            rest = after;
        } else if let Some(after) = BREAKS.iter().find_map(|sign| rest.strip_prefix(sign)) {
            out.push(' ');
            rest = after;
        } else {
            out.push(c);
            rest = rest.get(c.len_utf8()..)?;
        }
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn breaks_that_were_written_as_signs_go_between_values_only() {
        for (text, bare) in [
            ("x: {\\n\\t\"a\": \"b\\nc\"\\n}", "x: {  \"a\": \"b\\nc\" }"),
            ("[#012  {#012#011\"a#012\": 1}]", "[   {  \"a#012\": 1}]"),
        ] {
            assert_eq!(without_written_breaks(text).as_deref(), Some(bare));
        }
        for text in ["{\\n\\\"a\\\": 1}", "{\n\"a\": 1}", "{#01 \"a\""] {
            assert_eq!(without_written_breaks(text), None, "{text}");
        }
    }

    #[test]
    fn a_literal_is_the_text_that_it_stands_for() {
        assert_eq!(unescaped(r#"{\"a\": \"b\\nc\", \'d\': \u0041}\n"#), "{\"a\": \"b\\nc\", 'd': \\u0041}\n");
        assert_eq!(end_of_literal(r#"{\"a\": 1}" + x"#, '"'), 10);
    }
}
