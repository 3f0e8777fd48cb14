//! Somebody's words, as they are told: on one line, cut, and without what looks like a secret. Pure. Main function: [`quoted`].
//!
//! Which secrets those are that were sent is known to `secrets`; here is what anybody's look like.

use std::borrow::Cow;

/// What stands for a secret.
pub(crate) const MASK: &str = "***";

/// Of a longer text only so many bytes are looked at: far more than is shown.
pub(crate) const LOOKED_AT: usize = 16 * 1024;

/// Somebody's words that are told, without what looks like a secret in them, on one line and cut.
pub(crate) fn quoted(text: &str) -> String {
    const LONGEST: usize = 200;
    let text = without_signatures(text.get(..text.floor_char_boundary(LOOKED_AT)).unwrap_or_default());
    shortened(&one_line(&without_assigned(&without_keys(&text))), LONGEST)
}

/// Control characters, and the marks that turn the direction of text around.
pub(crate) fn is_unsafe(c: char) -> bool {
    c.is_control() || matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

pub(crate) fn one_line(text: &str) -> String {
    let printable: String = text.chars().map(|c| if is_unsafe(c) { ' ' } else { c }).collect();
    printable.split_whitespace().collect::<Vec<_>>().join(" ")
}

pub(crate) fn shortened(text: &str, length: usize) -> String {
    match text.char_indices().nth(length) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

/// The text without the parts of a signature of AWS, which is another for each request: whoever refuses one quotes it.
pub(crate) fn without_signatures(text: &str) -> String {
    ["signature", "credential", "security-token"].into_iter().fold(text.to_owned(), |text, name| {
        let lower = text.to_ascii_lowercase();
        let (mut out, mut from) = (String::with_capacity(text.len()), 0);
        while let Some(at) = lower.get(from..).and_then(|rest| rest.find(name)) {
            let after = from + at + name.len();
            let rest = lower.get(after..).unwrap_or_default();
            // `="…`, `: …`, `":"…`, and as they look once they are quoted.
            let between = rest.len() - rest.trim_start_matches(['"', '\\', '\'', ' ']).len();
            let sign = rest.get(between..).unwrap_or_default();
            let Some(sign) = sign.strip_prefix([':', '=']).or_else(|| sign.strip_prefix("%3d")) else {
                out.push_str(text.get(from..after).unwrap_or_default());
                from = after;
                continue;
            };
            let value = sign.trim_start_matches(['"', '\\', '\'', ' ']);
            let length = value.find(|c: char| c.is_whitespace() || "\"'\\,&<>;".contains(c)).unwrap_or(value.len());
            let start = lower.len() - value.len();
            out.push_str(text.get(from..start).unwrap_or_default());
            // Words are no values: "the signature: it is wrong".
            let is_value = length >= 16 || lower.get(..after).is_some_and(|head| head.ends_with("security-token"));
            out.push_str(if is_value && length > 0 {
                MASK
            } else {
                text.get(start..start + length).unwrap_or_default()
            });
            from = start + length;
        }
        out.push_str(text.get(from..).unwrap_or_default());
        out
    })
}

/// The text without what looks like a key of AWS, a signature or a token.
pub(crate) fn without_keys(text: &str) -> String {
    let is_of_run = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '=');
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let length = rest.find(|c| !is_of_run(c)).unwrap_or(rest.len()).max(c.len_utf8());
        let (run, after) = rest.split_at(length);
        let key = ["AKIA", "ASIA"].iter().any(|begin| run.starts_with(begin)) && run.len() >= 16;
        let hash = run.len() == 64 && run.bytes().all(|byte| byte.is_ascii_hexdigit()) && !out.ends_with("sha256:");
        out.push_str(if key || hash || run.len() > 200 { MASK } else { run });
        rest = after;
    }
    out
}

/// The text without the values of names that say what they are (`PASSWORD=…`, `"token": "…"`, `Bearer …`), and without what a URL has
/// before its host.
fn without_assigned(text: &str) -> String {
    const NAMES: [&str; 9] =
        ["password", "passwd", "secret", "token", "api_key", "apikey", "access_key", "private_key", "authorization"];
    let mut out: Vec<Cow<'_, str>> = vec![];
    let mut is_named = false;
    for word in text.split_inclusive(char::is_whitespace) {
        let bare = word.trim_end();
        let lower = bare.to_ascii_lowercase();
        let name = NAMES.iter().filter_map(|name| Some(lower.find(name)? + name.len())).max();
        let value = name.and_then(|end| Some(end + bare.get(end..)?.find(['=', ':'])? + 1));
        let url = bare.find("://").map(|at| at + 3);
        let host = url.and_then(|at| Some((at, at + bare.get(at..)?.split('/').next()?.rfind('@')?)));
        let (from, to) = match (value, host) {
            (Some(from), _) => (from, bare.len()),
            (None, Some(user)) => user,
            (None, None) if is_named => (0, bare.len()),
            (None, None) => (0, 0),
        };
        let is_scheme = matches!(lower.trim_start_matches('"'), "bearer" | "basic");
        is_named = is_scheme || value.is_some_and(|from| from == bare.len());
        out.push(match (from < to && !is_scheme, bare.get(..from), word.get(to..)) {
            (true, Some(before), Some(after)) => format!("{before}{MASK}{after}").into(),
            _ => word.into(),
        });
    }
    out.concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_that_are_quoted_hold_no_secret() {
        for (text, said) in [
            ("failed with AKIAIOSFODNN7EXAMPLE, sorry", "failed with ***, sorry"),
            ("DB_PASSWORD=hunter2 and x=1", "DB_PASSWORD=*** and x=1"),
            ("{\"api_key\": \"abc\", \"n\": 1}", "{\"api_key\": *** \"n\": 1}"),
            ("got Authorization: Bearer abc.def from it", "got Authorization: Bearer *** from it"),
            ("at https://ann:hunter2@host/x?a=1", "at https://***@host/x?a=1"),
            ("Timeout of the token bucket\n after 3 s", "Timeout of the token bucket after 3 s"),
        ] {
            assert_eq!(quoted(text), said, "{text}");
        }
        assert_eq!(quoted(&"word ".repeat(100)).chars().count(), 201);
    }
}
