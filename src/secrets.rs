//! What no output may show, taken out of every text that came from outside: whoever is sent a key may repeat it. Pure, but for
//! [`remember`]. Main type: [`Secrets`].
//!
//! A value is looked for as it was sent and in each form in which it may have been read: percent-encoded and decoded, base64
//! and what is in it, quoted for JSON and for HTML; in either case of letters.

use std::borrow::Cow;
use std::collections::BTreeSet;
#[cfg(feature = "aws")]
use std::sync::{Mutex, PoisonError};

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use percent_encoding::percent_decode_str;

/// What stands for a secret.
pub(crate) const MASK: &str = "***";

/// Longest text of a stranger that is shown, in characters.
pub(crate) const MESSAGE_LEN: usize = 400;

/// Of a longer text only so many bytes are looked at: far more than is shown.
const LOOKED_AT: usize = 16 * 1024;

/// Of a body that is none of a message: its first words.
const WORDS_LEN: usize = 120;

/// Values of which a message is cleaned.
#[derive(Clone, Default)]
pub(crate) struct Secrets(Vec<String>);

impl Secrets {
    /// Shorter ones than this are no secrets, and replacing them would garble messages.
    const SHORTEST: usize = 3;
    /// Up to this length they are only looked for as words of their own.
    const WORD: usize = 5;
    /// So many bytes of the begin of one tell too much: whoever repeats it may have cut it.
    const PART: usize = 12;

    /// Of these values, in any form.
    pub(crate) fn new(values: impl IntoIterator<Item = String>) -> Self {
        let forms: BTreeSet<String> = values.into_iter().flat_map(|value| forms(&value)).collect();
        let mut forms: Vec<String> = forms.into_iter().filter(|form| form.len() >= Self::SHORTEST).collect();
        // The longest first: one may be part of another.
        forms.sort_by_key(|form| std::cmp::Reverse(form.len()));
        Self(forms)
    }

    /// And of these.
    pub(crate) fn and(&self, values: impl IntoIterator<Item = String>) -> Self {
        let mut all = self.clone();
        all.0.extend(Self::new(values).0);
        all.0.sort_by_key(|form| std::cmp::Reverse(form.len()));
        all
    }

    /// A stranger's words on one line, without control characters, without our secrets, and not too long.
    pub(crate) fn clean(&self, text: &str) -> String {
        shortened(&one_line(&self.mask(text)), MESSAGE_LEN)
    }

    /// The first of a stranger's words, in the same way.
    pub(crate) fn first_words(&self, text: &str) -> String {
        shortened(&one_line(&self.mask(text)), WORDS_LEN)
    }

    fn mask(&self, text: &str) -> String {
        let looked_at = if text.len() > LOOKED_AT {
            let longest = self.0.first().map_or(0, String::len);
            text.get(..text.floor_char_boundary(LOOKED_AT - longest.min(LOOKED_AT))).unwrap_or_default()
        } else {
            text
        };
        let masked = self.0.iter().fold(looked_at.to_owned(), |text, secret| without(&text, secret, secret.len()));
        // Then what is left of one that was cut: part of the longest may be all of another.
        let long = self.0.iter().filter(|secret| secret.len() > Self::PART);
        let masked = long.fold(masked, |text, secret| without(&text, secret, Self::PART));
        without_signatures(&masked)
    }

    /// The end of a text that was cut while it was read may hold the begin of a secret: it goes.
    pub(crate) fn uncut<'a>(&self, bytes: &'a [u8]) -> &'a [u8] {
        let longest = self.0.first().map_or(0, String::len);
        bytes.get(..bytes.len().saturating_sub(longest)).unwrap_or(bytes)
    }
}

/// Control characters, and the marks that turn the direction of text around.
pub(crate) fn is_unsafe(c: char) -> bool {
    c.is_control() || matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

fn one_line(text: &str) -> String {
    let printable: String = text.chars().map(|c| if is_unsafe(c) { ' ' } else { c }).collect();
    printable.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn shortened(text: &str, length: usize) -> String {
    match text.char_indices().nth(length) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

/// A value as it was given, as it may have been read, and as base64.
fn forms(value: &str) -> Vec<String> {
    let plain = [value.trim().to_owned(), percent_decoded(value.trim())];
    plain.iter().flat_map(|plain| [STANDARD.encode(plain), URL_SAFE_NO_PAD.encode(plain), plain.clone()]).collect()
}

/// What is secret of a header's value: all of it, what follows a scheme (`Bearer`), what that says in base64 (`Basic`), and the
/// values in it (`key=…`).
pub(crate) fn of_header(value: &str) -> Vec<String> {
    let mut found = vec![value.to_owned()];
    let rest = value.split_once(' ').map_or(value, |(_, rest)| rest.trim());
    if let Some(signed) = value.strip_prefix("AWS4-") {
        let named = |name: &str| signed.split(name).nth(1).and_then(|rest| rest.split([',', ' ']).next());
        let (scope, signature) = (named("Credential="), named("Signature="));
        found.extend([rest, scope.unwrap_or_default(), signature.unwrap_or_default()].map(str::to_owned));
        found.extend(scope.and_then(|scope| scope.split('/').next()).map(str::to_owned));
        return found;
    }
    found.push(rest.to_owned());
    let decoded = STANDARD.decode(rest).or_else(|_| STANDARD_NO_PAD.decode(rest.trim_end_matches('='))).ok();
    if let Some((user, password)) = decoded.and_then(|bytes| String::from_utf8(bytes).ok()).as_deref().and_then(pair) {
        found.extend(of_user(user, password));
    }
    let parts = rest.split([' ', ',', ';']);
    found.extend(parts.filter_map(|part| Some(part.split_once('=')?.1.trim_matches(['"', '=']).to_owned())));
    found
}

fn pair(text: &str) -> Option<(&str, &str)> {
    text.split_once(':').filter(|_| !text.chars().any(is_unsafe))
}

/// A user's name and password, as they are and as basic authentication sends them.
pub(crate) fn of_user(user: &str, password: &str) -> Vec<String> {
    let both = format!("{user}:{password}");
    vec![user.to_owned(), password.to_owned(), STANDARD.encode(&both), both]
}

/// The text without any of this, or of so many bytes of its begin.
fn without(text: &str, secret: &str, least: usize) -> String {
    let (mut out, mut rest) = (String::with_capacity(text.len()), text);
    while let Some(c) = rest.chars().next() {
        let found = begin_of(rest, secret, least).and_then(|length| rest.get(length..));
        let is_part = secret.len() <= Secrets::WORD
            && (out.ends_with(char::is_alphanumeric)
                || found.is_some_and(|after| after.starts_with(char::is_alphanumeric)));
        match found.filter(|_| !is_part) {
            Some(after) => {
                out.push_str(MASK);
                rest = after;
            }
            None => {
                out.push(c);
                rest = rest.get(c.len_utf8()..).unwrap_or_default();
            }
        }
    }
    out
}

/// How much of the text's begin is this secret, or at least so many bytes of its begin: as it is, in whichever characters percent-encoded, escaped for JSON
/// or HTML, and broken into lines.
fn begin_of(text: &str, secret: &str, least: usize) -> Option<usize> {
    let (all, mut rest) = (text.len(), text.as_bytes());
    let may_be_broken = secret.len() > Secrets::WORD;
    for (at, byte) in secret.bytes().enumerate() {
        let broken = || (may_be_broken && at > 0).then(|| after(past_fill(rest), byte)).flatten();
        match after(rest, byte).or_else(broken) {
            Some(next) => rest = next,
            None => return (at >= least).then_some(all - rest.len()),
        }
    }
    Some(all - rest.len())
}

/// What follows what breaks a long word: line ends, also as JSON has them, spaces, colours.
fn past_fill(mut text: &[u8]) -> &[u8] {
    loop {
        text = match text {
            [b'\\', b'r' | b'n' | b't', rest @ ..] => rest,
            [0x1b, b'[', rest @ ..] => {
                let end = rest.iter().position(u8::is_ascii_alphabetic).map_or(rest.len(), |end| end + 1);
                rest.get(end..).unwrap_or_default()
            }
            [byte, rest @ ..] if byte.is_ascii_whitespace() || byte.is_ascii_control() => rest,
            _ => return text,
        }
    }
}

/// What follows this byte, if the text begins with it in any form.
fn after(text: &[u8], byte: u8) -> Option<&[u8]> {
    let (first, rest) = text.split_first()?;
    let is_it = |found: u8| found.eq_ignore_ascii_case(&byte);
    let hex = |digits: &[u8]| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok();
    if is_it(*first) {
        return Some(rest);
    }
    match first {
        b'%' => rest.split_at_checked(2).filter(|(digits, _)| hex(digits).is_some_and(is_it)).map(|(_, rest)| rest),
        b'+' if byte == b' ' => Some(rest),
        b'\\' => match rest.strip_prefix(b"u00") {
            Some(rest) => {
                rest.split_at_checked(2).filter(|(digits, _)| hex(digits).is_some_and(is_it)).map(|(_, rest)| rest)
            }
            None => rest.split_first().filter(|(found, _)| is_it(**found)).map(|(_, rest)| rest),
        },
        b'&' => {
            const NAMED: [(&[u8], u8); 6] =
                [(b"amp;", b'&'), (b"lt;", b'<'), (b"gt;", b'>'), (b"quot;", b'"'), (b"#39;", b'\''), (b"#34;", b'"')];
            NAMED.iter().filter(|(_, found)| is_it(*found)).find_map(|(name, _)| rest.strip_prefix(*name))
        }
        _ => None,
    }
}

/// The text without the parts of a signature of AWS, which is another for each request: whoever refuses one quotes it.
fn without_signatures(text: &str) -> String {
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

/// What AWS says, without what it quotes of a request: what was remembered, and what looks like a key, a signature or a token.
#[cfg(feature = "aws")]
pub(crate) fn aws_said(text: &str) -> String {
    let text = REMEMBERED.lock().unwrap_or_else(PoisonError::into_inner).mask(text);
    let is_of_run = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '=');
    let mut out = String::with_capacity(text.len());
    let mut rest = text.as_str();
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

/// A task's or a deployment's words, for people who are told of it where others read along: as [`aws_said`], on one line, and not too long.
#[cfg(feature = "aws")]
pub(crate) fn told_to_people(text: &str) -> String {
    Secrets::default().clean(&aws_said(text))
}

/// What this process has sent to AWS, and what else nobody may see.
#[cfg(feature = "aws")]
static REMEMBERED: Mutex<Secrets> = Mutex::new(Secrets(vec![]));

/// Remembers what was sent to AWS: its errors are told where nobody knows the request any more.
#[cfg(feature = "aws")]
pub(crate) fn remember(values: impl IntoIterator<Item = String>) {
    let mut known = REMEMBERED.lock().unwrap_or_else(PoisonError::into_inner);
    let is_new = |value: &String| !known.0.contains(value);
    let new: Vec<String> = values.into_iter().filter(is_new).collect();
    if !new.is_empty() {
        *known = known.and(new);
    }
}

/// The text with what is percent-encoded in it; what is badly so stays.
pub(crate) fn percent_decoded(text: &str) -> String {
    percent_decode_str(text).decode_utf8().map_or_else(|_| text.to_owned(), Cow::into_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cleaned(values: &[&str], text: &str) -> String {
        Secrets::new(values.iter().map(|value| (*value).to_owned())).clean(text)
    }

    #[test]
    fn secrets_that_are_repeated_are_masked() {
        assert_eq!(cleaned(&["Bearer abcdef", "abcdef", "no"], "no: Bearer abcdef, xabcdefx"), "no: ***, x***x");
        assert_eq!(cleaned(&["abc"], "abc, abcd, (ABC)"), "***, abcd, (***)", "a short one as a word only");
        assert_eq!(
            cleaned(&["a/b+c d\"e"], "a%2Fb%2bc%20d%22e a/b+c+d%22e a/b+c d\\\"e a\\/b+c d&quot;e"),
            "*** *** *** ***"
        );
    }

    #[test]
    fn what_is_broken_into_lines_or_cut_is_masked() {
        let secret = "tok_abcdefghij0123456789";
        for echo in [
            "tok_abcdefgh\r\nij0123456789",
            "tok_abcdefgh\\r\\nij0123456789",
            "tok_abcde\u{1b}[1mfghij\u{1b}[0m0123456789",
            "tok_ abcdefghij 0123456789",
        ] {
            assert_eq!(cleaned(&[secret], &format!("what is '{echo}'?")), "what is '***'?", "{echo:?}");
        }
        assert_eq!(cleaned(&[secret], "what is tok_abcdefghij…"), "what is ***…", "a part of it");
        assert_eq!(cleaned(&[secret], "a tok_abc is no key"), "a tok_abc is no key", "a word that begins alike");
        let basic = format!(
            "Basic {}",
            STANDARD.encode("a-user:a password that is long enough for two lines of base64, in MIME")
        );
        let (first, rest) = basic.split_at(70);
        assert_eq!(Secrets::new(of_header(&basic)).clean(&format!("got {first}\n{rest}, sorry")), "got ***, sorry");
    }

    #[test]
    fn what_is_in_a_header_is_masked_in_each_form() {
        let basic = format!("Basic {}", STANDARD.encode("ann:hunter22"));
        let secrets = Secrets::new(of_header(&basic));
        for echo in
            [basic.as_str(), &STANDARD.encode("ann:hunter22"), "ann:hunter22", "hunter22", "ann", "ann%3Ahunter22"]
        {
            let said = secrets.clean(&format!("what is {echo}?"));
            assert_eq!(said, "what is ***?", "{echo}");
        }
        let secrets = Secrets::new(of_header("sentry sentry_key=0123456789abcdef, sentry_version=7"));
        assert_eq!(secrets.clean("no key 0123456789ABCDEF in version 7"), "no key *** in version 7");
    }

    #[test]
    fn parts_of_a_signature_are_masked_wherever_they_are_quoted() {
        let signed = "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20261123/eu-west-1/xray/aws4_request, SignedHeaders=host, Signature=0123456789abcdef0123456789abcdef";
        let secrets = Secrets::new(of_header(signed));
        let said =
            secrets.clean(&format!("got '{signed}' of AKIDEXAMPLE in eu-west-1, 0123456789ABCDEF0123456789abcdef"));
        assert_eq!(said, "got '***' of *** in eu-west-1, ***");
        let said = Secrets::default()
            .clean("Signature=abcdefghijklmnop&x=1 \"x-amz-security-token\": \"tok/en+\" the signature: it is wrong");
        assert_eq!(said, "Signature=***&x=1 \"x-amz-security-token\": \"***\" the signature: it is wrong");
    }

    #[cfg(feature = "aws")]
    #[test]
    fn aws_says_nothing_of_a_key() {
        remember(["a-token-of-nobody".to_owned()]);
        let hash = "0f".repeat(32);
        let said = aws_said(&format!(
            "a-token-of-nobody AKIAIOSFODNN7EXAMPLE {hash} sha256:{hash} arn:aws:ecs:eu-west-1:1:task/a"
        ));
        assert_eq!(said, format!("*** *** *** sha256:{hash} arn:aws:ecs:eu-west-1:1:task/a"));
    }

    #[test]
    fn the_end_of_a_text_that_was_cut_goes() {
        assert!(!Secrets::new(["abcdefgh".to_owned()]).uncut(b"0123456789abcd").contains(&b'a'));
        assert_eq!(Secrets::default().uncut(b"0123"), b"0123");
        let long = format!("{}abcdefgh", " ".repeat(LOOKED_AT - 4));
        assert_eq!(cleaned(&["abcdefgh"], &long), "");
    }
}
