//! Untrusted text on its way into a page. Main function: [`shown`].

use jiff::tz::TimeZone;
use maud::{Markup, html};

use crate::model::Time;
use crate::render::{escape, moment};

/// What can be seen of a text: what would act on its reader unseen (controls, direction marks) is shown as an escape; its lines stay
/// lines. Markup is none of its business: templates and the data block escape that.
pub(in crate::render) fn shown(text: &str) -> String {
    let text = text.trim_end_matches(['\r', '\n']);
    let lines: Vec<String> =
        text.split('\n').map(|line| escape::text(line.strip_suffix('\r').unwrap_or(line))).collect();
    lines.join("\n")
}

/// So much of a text stands in a page at once …
const READ: usize = 1_200;
/// … and of a longer one so much, before it is opened.
const BEGINNING: usize = 400;

/// What can be seen of a text, of which the most is folded away where it is too long to be read.
pub(in crate::render) fn folded(text: &str) -> Markup {
    let safe = shown(text);
    let end = safe.char_indices().nth(BEGINNING).map_or(safe.len(), |(end, _)| end);
    let (beginning, rest) = safe.split_at(end);
    let total = safe.chars().count();
    html! {
        @if total <= READ { (safe) }
        @else { details class="long" { summary { (beginning) "… " span class="quiet" { "(all " (total) " characters)" } } p { (rest) } } }
    }
}

/// A name as one line: none of its own begins with it.
pub(in crate::render) fn name(text: &str) -> String {
    escape::text(text)
}

/// A time in a table, which may be broken before the hour and before the zone.
pub(in crate::render) fn time(time: Time, zone: &TimeZone) -> Markup {
    let exact = moment::exact(time, zone);
    let (day, hour) = exact.split_once('T').unwrap_or((&exact, ""));
    let (hour, zone) = hour.split_at(hour.find(['+', '-']).unwrap_or(hour.len()));
    html! { time { (day) "T" wbr; (hour) wbr; (zone) } }
}

/// An address that a link may lead to: nothing but the web's, whatever somebody configured.
pub(in crate::render) fn link(url: &str) -> Option<&str> {
    let scheme = url.split_once(':')?.0;
    (scheme.eq_ignore_ascii_case("https") || scheme.eq_ignore_ascii_case("http")).then_some(url)
}

/// A length, of which no unit stands on another line than its number.
pub(in crate::render) fn together(length: &str) -> String {
    let mut out = String::with_capacity(length.len() + 4);
    for c in length.chars() {
        let is_inside = c == ' ' && out.ends_with(|last: char| last.is_ascii_digit());
        out.push(if is_inside { '\u{a0}' } else { c });
    }
    out
}

/// `1 line`, `3 lines`.
pub(in crate::render) fn count(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::{folded, link, name, shown, together};

    #[test]
    fn a_number_keeps_its_unit() {
        assert_eq!(together("+11 min 55.444 s so far"), "+11\u{a0}min 55.444\u{a0}s so far");
    }

    #[test]
    fn lines_stay_lines_and_all_else_that_acts_is_seen() {
        assert_eq!(
            shown("exec failed:\n\tno such file\r\nat\rb\u{1b}[1J\n"),
            "exec failed:\n no such file\nat\\x0db\\x1b[1J"
        );
    }

    #[test]
    fn a_long_text_is_folded_and_whole() {
        assert_eq!(folded(&"ä".repeat(1_200)).into_string(), "ä".repeat(1_200));
        let page = folded(&"<".repeat(1_201)).into_string();
        assert_eq!(page.matches("&lt;").count(), 1_201, "{page}");
        assert!(page.contains("(all 1201 characters)</span></summary>"), "{page}");
        assert_eq!(name("a\nb\u{202e}"), "a\\x0ab\\u{202e}");
    }

    #[test]
    fn a_link_leads_to_the_web_only() {
        assert_eq!(link("https://jaeger.example/trace/1"), Some("https://jaeger.example/trace/1"));
        assert_eq!(link("HTTP://localhost:16686"), Some("HTTP://localhost:16686"));
        for url in ["javascript:alert(1)", " https://x", "data:text/html,x", "file:///etc", "trace/1", ""] {
            assert_eq!(link(url), None, "{url}");
        }
    }
}
