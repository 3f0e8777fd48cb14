//! Where somebody's UI shows a trace. Main type: [`UiUrl`].

use std::fmt::Display;
use std::str::FromStr;

/// What stands for the trace's id; without it the address is a Jaeger UI's.
const PLACE: &str = "{trace_id}";

/// The address of a UI. Empty, as an empty variable is: none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UiUrl(String);

impl UiUrl {
    /// Where a trace is in that UI.
    pub fn trace(&self, trace_id: impl Display) -> Option<String> {
        let url = match self.0.as_str() {
            "" => return None,
            template if template.contains(PLACE) => template.replace(PLACE, &trace_id.to_string()),
            base => format!("{}/trace/{trace_id}", base.trim_end_matches('/')),
        };
        Some(url)
    }
}

impl FromStr for UiUrl {
    type Err = String;

    fn from_str(given: &str) -> Result<Self, String> {
        const LIKE: &str = "as http://localhost:16686, or https://grafana.example/explore/{trace_id}";
        if given.is_empty() {
            return Ok(Self(String::new()));
        }
        let filled = given.replace(PLACE, "0");
        if given.contains(char::is_whitespace) || given.contains(char::is_control) {
            return Err(format!("an address has no spaces: {LIKE}"));
        }
        if filled.contains(['{', '}']) {
            return Err(format!("{PLACE} is all that is put in: {LIKE}"));
        }
        let is_web = |url: &reqwest::Url| matches!(url.scheme(), "http" | "https") && url.has_host();
        match reqwest::Url::parse(&filled) {
            Ok(url) if is_web(&url) => Ok(Self(given.to_owned())),
            _ => Err(format!("it is no address that begins with http:// or https://: {LIKE}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_leads_to_the_trace_and_nonsense_is_told() {
        let led = |given: &str| given.parse::<UiUrl>().map(|url| url.trace("84b5"));
        assert_eq!(led("http://localhost:16686/"), Ok(Some("http://localhost:16686/trace/84b5".to_owned())));
        assert_eq!(led("https://x.example/e?q={trace_id}&o=1"), Ok(Some("https://x.example/e?q=84b5&o=1".to_owned())));
        assert_eq!(led(""), Ok(None));
        for nonsense in [
            "localhost:16686",
            "jaeger.example/ui",
            "http://",
            "https://a b.example",
            " http://x.example",
            "javascript:alert(1)",
            "file:///etc/passwd",
            "https://x.example/{traceId}",
            "https://x.example/{trace_id",
        ] {
            assert!(led(nonsense).is_err(), "{nonsense}");
        }
    }
}
