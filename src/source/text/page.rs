//! Takes from a text what pages, wikis and URLs put around and into it. Main functions: [`without_tags`], [`without_entities`].
//!
//! Lines stay lines, so that what is told of a place is true of the file.

/// How long the macro of a wiki is that begins there, `{code:json}` or `{{{`: what stands between two is the document.
pub(super) fn wiki_macro(text: &str) -> Option<usize> {
    const LONGEST: usize = 400;
    const BRACES: &str = "{{{";
    if text.strip_prefix(BRACES).is_some_and(|rest| rest.trim_start_matches(' ').starts_with(['\n', '\r', '#'])) {
        return Some(BRACES.len());
    }
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
    if !((text.contains("</") || text.contains("<br")) && text.contains(['{', '['])) {
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
    fn a_macro_of_a_wiki_is_told_from_an_object() {
        assert_eq!(wiki_macro("{code:title=a.json|x=y}\n{"), Some(23));
        assert_eq!(
            (wiki_macro("{{{\n#!json\n"), wiki_macro("{{{#!json\n"), wiki_macro("{{{}}}")),
            (Some(3), Some(3), None)
        );
        assert_eq!((wiki_macro("{code: 1}"), wiki_macro("{\"code\": 1}")), (None, None));
    }
}
