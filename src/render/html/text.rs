//! Untrusted text on its way into a page. Main function: [`shown`].

use crate::render::escape;

/// What can be seen of a text: what would act on its reader unseen (controls, direction marks) is shown as an escape. Markup is
/// none of its business: templates and the data block escape that.
pub(in crate::render) fn shown(text: &str) -> String {
    escape::text(text)
}

/// An address that a link may lead to: nothing but the web's, whatever somebody configured.
pub(in crate::render) fn link(url: &str) -> Option<&str> {
    let scheme = url.split_once(':')?.0;
    (scheme.eq_ignore_ascii_case("https") || scheme.eq_ignore_ascii_case("http")).then_some(url)
}

/// `1 line`, `3 lines`.
pub(in crate::render) fn count(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::link;

    #[test]
    fn a_link_leads_to_the_web_only() {
        assert_eq!(link("https://jaeger.example/trace/1"), Some("https://jaeger.example/trace/1"));
        assert_eq!(link("HTTP://localhost:16686"), Some("HTTP://localhost:16686"));
        for url in ["javascript:alert(1)", " https://x", "data:text/html,x", "file:///etc", "trace/1", ""] {
            assert_eq!(link(url), None, "{url}");
        }
    }
}
