//! The frame of a page: its head, its policy, its footer. Main function: [`around`].
//!
//! The policy lets nothing be loaded and runs the one script that is written here: `default-src 'none'`, and a hash each for
//! script and style.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use sha2::{Digest, Sha256};

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// What stands before and after the main part of a page with this title.
pub(in crate::render) fn around(title: &str, navigation: Option<Markup>) -> [String; 2] {
    let policy = format!(
        "default-src 'none'; script-src '{}'; style-src '{}'; base-uri 'none'; form-action 'none'",
        hash(SCRIPT),
        hash(STYLE)
    );
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(policy);
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="generator" content="ecspan";
                meta name="referrer" content="no-referrer";
                title { (title) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                a class="skip" href="#main" { "Skip to the content" }
                @if let Some(navigation) = navigation { (navigation) }
                main id="main" tabindex="-1" { (PreEscaped(MIDDLE)) }
                footer {
                    p { "Made by ecspan. This page is one file: it loads nothing and sends nothing." }
                    p class="keys" hidden {
                        "Keys, once the timeline or something in it has the focus: " kbd { "+" } " " kbd { "−" } " zoom, "
                        kbd { "←" } " " kbd { "→" } " move, " kbd { "0" } " all, " kbd { "u" } " unfold the middle. "
                        "Drag over the timeline to zoom in, with Shift to move; the wheel zooms with Ctrl, or over the scale."
                    }
                }
                script { (PreEscaped(SCRIPT)) }
            }
        }
    };
    let page = page.into_string();
    let (before, after) = page.split_once(MIDDLE).unwrap_or((&page, ""));
    [before.to_owned(), format!("{after}\n")]
}

/// Stands where the main part goes: thousands of tasks are written there, not copied.
const MIDDLE: &str = "<!--main-->";

fn hash(text: &str) -> String {
    format!("sha256-{}", STANDARD.encode(Sha256::digest(text)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_can_stand_in_a_page() {
        for (part, end) in
            [(SCRIPT, "</script"), (STYLE, "</style"), (SCRIPT, "<!--"), (SCRIPT, MIDDLE), (STYLE, MIDDLE)]
        {
            assert!(!part.to_ascii_lowercase().contains(end), "{end}");
        }
        // A parser turns `\r\n` into `\n`, and the hash would be another one.
        assert!(!SCRIPT.contains('\r') && !STYLE.contains('\r'));
    }
}
