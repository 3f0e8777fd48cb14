//! What pages and chats made of the texts of a document on its way: letters set as one, links. Main function: [`repaired`].

use serde_json::Value;

use super::json::At;

const LIGATURES_NOTE: &str = "letters that were set as one (ﬁ, ﬂ) are read as two";
const LINKS_NOTE: &str = "links that a chat made of names are read as those";

/// Letters that a page was set with as one sign, and what they stand for.
const LIGATURES: [(char, &str); 7] =
    [('ﬀ', "ff"), ('ﬁ', "fi"), ('ﬂ', "fl"), ('ﬃ', "ffi"), ('ﬄ', "ffl"), ('ﬅ', "st"), ('ﬆ', "st")];

/// The document as it was, and what is said of that, where something was done to it.
pub(super) fn repaired(at: &At<'_>) -> Option<(Value, &'static str)> {
    if has_ligatures(at) {
        return Some((changed(at.value, true, &without_ligatures), LIGATURES_NOTE));
    }
    // Whole tasks and events alone: their texts are looked through once.
    let is_thing = at.value.get("detail").is_some() || at.value.get("containers").is_some();
    (is_thing && has_link(at.value)).then(|| (changed(at.value, false, &without_links), LINKS_NOTE))
}

/// Whether a key of `at`, or of what is in it, has such letters: then it was copied from a set page.
fn has_ligatures(at: &At<'_>) -> bool {
    let is_set = |key: &String| !key.is_ascii() && LIGATURES.iter().any(|(sign, _)| key.contains(*sign));
    let has = |value: &Value| value.as_object().is_some_and(|object| object.keys().any(is_set));
    has(at.value) || at.value.as_object().is_some_and(|object| object.values().any(has))
}

fn without_ligatures(text: &str) -> String {
    LIGATURES.iter().fold(text.to_owned(), |text, (sign, letters)| text.replace(*sign, letters))
}

fn has_link(value: &Value) -> bool {
    match value {
        Value::String(text) => links(text).next().is_some(),
        Value::Array(items) => items.iter().any(has_link),
        Value::Object(object) => object.values().any(has_link),
        _ => false,
    }
}

/// The links in a text that Slack made of what looks like an address, `<http://a.b/c|a.b/c>`, each with what it was.
fn links(text: &str) -> impl Iterator<Item = (&str, &str)> {
    const SCHEMES: [&str; 3] = ["http://", "https://", "mailto:"];
    let parts = text.split('<').skip(1).filter_map(|rest| rest.split_once('>'));
    parts.filter_map(|(link, _)| {
        let (to, shown) = link.split_once('|')?;
        let address = SCHEMES.iter().find_map(|scheme| to.strip_prefix(scheme))?;
        (!shown.is_empty() && (address == shown || to == shown)).then_some((link, shown))
    })
}

/// A text without them, and what Slack writes otherwise where it makes such as it was.
fn without_links(text: &str) -> String {
    let bare = links(text).fold(text.to_owned(), |bare, (link, shown)| bare.replace(&format!("<{link}>"), shown));
    bare.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
}

/// A value with all its texts changed so, and its keys if these are meant, too.
fn changed(value: &Value, keys: bool, change: &dyn Fn(&str) -> String) -> Value {
    match value {
        Value::Array(items) => items.iter().map(|item| changed(item, keys, change)).collect(),
        Value::Object(object) => {
            let named = |key: &String| if keys { change(key) } else { key.clone() };
            Value::Object(object.iter().map(|(key, value)| (named(key), changed(value, keys, change))).collect())
        }
        Value::String(text) => Value::String(change(text)),
        scalar => scalar.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn links_of_a_chat_are_what_they_were_made_of_and_others_stay() {
        let linked = json!({"containers": [{"image": "<http://1.dkr.ecr.x.amazonaws.com/web:1|1.dkr.ecr.x.amazonaws.com/web:1>",
            "reason": "see <https://a.b/c|https://a.b/c> &amp; <mailto:a@b.c|a@b.c>: x &lt; y"}]});
        let plain = json!({"containers": [{"image": "1.dkr.ecr.x.amazonaws.com/web:1",
            "reason": "see https://a.b/c & a@b.c: x < y"}]});
        assert_eq!(repaired(&At::root("f", &linked)), Some((plain.clone(), LINKS_NOTE)));
        assert_eq!(repaired(&At::root("f", &plain)), None);
        for text in ["<https://a.b|here>", "<a|a>", "a < b | c > d", "<https://a.b>", "&amp;"] {
            assert_eq!(repaired(&At::root("f", &json!({"containers": [], "reason": text}))), None, "{text}");
        }
    }
}
