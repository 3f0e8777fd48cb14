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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_literal_is_the_text_that_it_stands_for() {
        assert_eq!(unescaped(r#"{\"a\": \"b\\nc\", \'d\': \u0041}\n"#), "{\"a\": \"b\\nc\", 'd': \\u0041}\n");
        assert_eq!(end_of_literal(r#"{\"a\": 1}" + x"#, '"'), 10);
    }
}
