//! Untrusted text in Markdown as GitHub renders it. Main function: [`text`].

use super::escape;

/// A block, and the empty line after it.
pub(super) fn push(out: &mut String, block: &str) {
    if !out.is_empty() {
        out.push('\n');
    }
    out.push_str(block);
    out.push('\n');
}

/// Untrusted text in a paragraph or a list, as much as is read at once: nothing in it is markup, and nobody is called by it.
pub(super) fn text(text: &str) -> String {
    let shown = escape::brief(text.trim());
    let mut safe = String::with_capacity(shown.len());
    // `1.`, `-` and the like at its start would begin a list.
    let marks = shown.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (number, rest) = shown.split_at(shown.len() - marks);
    safe.push_str(number);
    if rest.starts_with(['-', '+', '=']) || (!number.is_empty() && rest.starts_with(['.', ')'])) {
        safe.push('\\');
    }
    let mut before = number.chars().next_back();
    let mut chars = rest.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '&' => safe.push_str("&amp;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '#' | '|' | '~' | '!' | '@' => {
                safe.push('\\');
                safe.push(c);
            }
            c => safe.push(c),
        }
        // GitHub looks for people and issues in what is rendered, so a backslash does not help: `@name`, `#1`.
        let is_call = matches!(c, '@' | '#') && !before.is_some_and(char::is_alphanumeric);
        if is_call && chars.peek().is_some_and(|next| next.is_alphanumeric()) {
            safe.push('\u{200b}');
        }
        before = Some(c);
    }
    safe
}

/// An address that can stand in a link as it is; what would end the link is percent-encoded.
pub(super) fn link(url: &str) -> Option<String> {
    let is_web = url.starts_with("https://") || url.starts_with("http://");
    let encoded = |c: char| match c {
        '(' | ')' | '<' | '>' | '[' | ']' | '"' | '\\' | '`' | ' ' => format!("%{:02X}", u32::from(c)),
        c => c.to_string(),
    };
    (is_web && !url.contains(char::is_control)).then(|| url.chars().map(encoded).collect())
}

/// Untrusted text as code in a line.
pub(super) fn code(text: &str) -> String {
    format!("`{}`", escape::text(text).replace('`', "'"))
}

/// Lines as a block of code that none of them ends.
pub(super) fn fenced(lines: &str) -> String {
    let longest = lines.split(|c| c != '`').map(str::len).max().unwrap_or_default();
    let fence = "`".repeat(longest.max(2) + 1);
    format!("{fence}text\n{}\n{fence}", lines.trim_end_matches('\n'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_text_is_markup() {
        assert_eq!(text("a*b_c|<b>&\n`"), "a\\*b\\_c\\|&lt;b&gt;&amp; \\`");
        assert_eq!(text("1. one"), "1\\. one");
        assert_eq!(text("- one"), "\\- one");
        assert_eq!(text("14.5 s"), "14\\.5 s");
    }

    #[test]
    fn nobody_is_called_by_a_text() {
        assert_eq!(text("thanks @octocat, see #12"), "thanks \\@\u{200b}octocat, see \\#\u{200b}12");
        assert_eq!(text("nginx@sha256 a@b.example"), "nginx\\@sha256 a\\@b.example");
    }

    #[test]
    fn a_line_never_ends_its_block() {
        assert_eq!(fenced("a\n```\n`````x\n"), "``````text\na\n```\n`````x\n``````");
    }
}
