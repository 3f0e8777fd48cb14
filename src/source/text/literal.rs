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
            // Quotes and backslashes as .NET and nginx write them.
            Some(kind @ ('u' | 'x')) if let Some((sign, length)) = quote_in_digits(kind, chars.as_str()) => {
                out.push(sign);
                chars.nth(length - 1);
            }
            // JSON knows what they mean.
            Some(kept @ ('u' | 'b' | 'f')) => out.extend(['\\', kept]),
            Some(other) => out.push(other),
        }
    }
    out
}

/// The quote or backslash that digits of this kind stand for, and how many they are.
fn quote_in_digits(kind: char, text: &str) -> Option<(char, usize)> {
    let length = if kind == 'u' { 4 } else { 2 };
    let sign = char::from_u32(u32::from_str_radix(text.get(..length)?, 16).ok()?)?;
    matches!(sign, '"' | '\'' | '\\').then_some((sign, length))
}

/// The literal whose text begins there, as it is written, and where it ends: at its quote, or, where a source puts several together, at
/// the last one's.
pub(super) fn literals(text: &str, quote: char) -> (String, usize) {
    let (mut out, mut at) = (String::new(), 0);
    loop {
        let rest = text.get(at..).unwrap_or_default();
        let end = end_of_literal(rest, quote);
        out.push_str(rest.get(..end).unwrap_or_default());
        let after = rest.get(end + 1..).unwrap_or_default();
        let sum = after.trim_start().strip_prefix(['+', '.', '&', '\\']).map(str::trim_start);
        match sum.and_then(|next| next.strip_prefix(quote)) {
            Some(next) => at += rest.len() - next.len(),
            _ => return (out, at + end),
        }
    }
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
        assert_eq!(unescaped(r"{\x22a\x22: \u0022\x5C\x5c\u0041\u0022}"), "{\"a\": \"\\\\\\u0041\"}");
        let two = "{\\\"a\\\": \" +\n    \"1}\"; x(\"y\")";
        assert_eq!(literals(two, '"'), ("{\\\"a\\\": 1}".to_owned(), two.len() - 9));
        for other in ["{1}\", \"b\"", "{1}\"\n\"b\""] {
            assert_eq!(literals(other, '"'), ("{1}".to_owned(), 3));
        }
    }
}
