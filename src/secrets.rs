//! What no output may show, taken out of every text that came from outside: whoever is sent a key may repeat it. Pure, but for
//! [`remember`]. Main type: [`Secrets`].
//!
//! A value is looked for as it was sent and in each form in which it may be repeated: percent-encoded and decoded, base64 of it or of
//! anything around it, hexadecimal digits, quoted for JSON and for HTML, broken into pieces; in either case of letters.

mod index;
mod units;

#[cfg(feature = "aws")]
use std::sync::{LazyLock, Mutex, PoisonError};

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};

use self::index::Index;
#[cfg(feature = "aws")]
use crate::quote::without_keys;
use crate::quote::{LOOKED_AT, one_line, shortened, without_signatures};
pub(crate) use crate::quote::{MASK, is_unsafe};

/// Longest text of a stranger that is shown, in characters.
pub(crate) const MESSAGE_LEN: usize = 400;

/// Of a body that is none of a message: its first words.
const WORDS_LEN: usize = 120;

/// Values of which a message is cleaned.
#[derive(Clone, Default)]
pub(crate) struct Secrets {
    values: Vec<String>,
    index: Index,
    longest: usize,
}

impl Secrets {
    /// Of these values, in any form.
    pub(crate) fn new(values: impl IntoIterator<Item = String>) -> Self {
        let mut values: Vec<String> = values.into_iter().collect();
        values.sort_unstable();
        values.dedup();
        let index = Index::new(&values);
        let longest = index.longest();
        Self { values, index, longest }
    }

    /// And of these.
    pub(crate) fn and(&self, values: impl IntoIterator<Item = String>) -> Self {
        Self::new(self.values.iter().cloned().chain(values))
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
        let looked_at = match text.len() > LOOKED_AT {
            true => text.get(..text.floor_char_boundary(LOOKED_AT - self.longest.min(LOOKED_AT))).unwrap_or_default(),
            false => text,
        };
        let (mut out, mut rest) = (String::with_capacity(looked_at.len()), 0);
        for found in self.index.find(looked_at).0 {
            let start = looked_at.floor_char_boundary(found.start).max(rest);
            out.push_str(looked_at.get(rest..start).unwrap_or_default());
            out.push_str(MASK);
            rest = looked_at.ceil_char_boundary(found.end);
        }
        out.push_str(looked_at.get(rest..).unwrap_or_default());
        without_signatures(&out)
    }

    /// The end of a text that was cut while it was read may hold the begin of a secret: it goes.
    pub(crate) fn uncut<'a>(&self, bytes: &'a [u8]) -> &'a [u8] {
        bytes.get(..bytes.len().saturating_sub(self.longest)).unwrap_or(bytes)
    }
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

/// What AWS says, without what it quotes of a request: what was remembered, and what looks like a key, a signature or a token.
#[cfg(feature = "aws")]
pub(crate) fn aws_said(text: &str) -> String {
    without_keys(&REMEMBERED.lock().unwrap_or_else(PoisonError::into_inner).mask(text))
}

/// A task's or a deployment's words, for people who are told of it where others read along: as [`aws_said`], on one line, and not too long.
#[cfg(feature = "aws")]
pub(crate) fn told_to_people(text: &str) -> String {
    Secrets::default().clean(&aws_said(text))
}

/// What this process has sent to AWS, and what else nobody may see.
#[cfg(feature = "aws")]
static REMEMBERED: LazyLock<Mutex<Secrets>> = LazyLock::new(Mutex::default);

/// Remembers what was sent to AWS: its errors are told where nobody knows the request any more.
#[cfg(feature = "aws")]
pub(crate) fn remember(values: impl IntoIterator<Item = String>) {
    let mut known = REMEMBERED.lock().unwrap_or_else(PoisonError::into_inner);
    let is_new = |value: &String| !known.values.contains(value);
    let new: Vec<String> = values.into_iter().filter(is_new).collect();
    if !new.is_empty() {
        *known = known.and(new);
    }
}

#[cfg(test)]
mod tests {
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use proptest::prelude::*;

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
        for from in 1..=8 {
            let rest = secret.get(from..).unwrap_or_default();
            assert_eq!(cleaned(&[secret], &format!("what is …{rest}?")), "what is …***?", "without its begin");
            let part = rest.get(..12).unwrap_or_default();
            assert_eq!(cleaned(&[secret], &format!("what is …{part}…")), "what is …***…", "and its end");
        }
        assert_eq!(cleaned(&[secret], "a tok_abc is no key"), "a tok_abc is no key", "a word that begins alike");
        for repeating in ["abcabcabcabcXYZsecret99", "aaaaaaaaaaaaZ9secret", "TOKtoktokTOK+/==abcdefghijklmno"] {
            let begin = repeating.get(..3).unwrap_or_default();
            assert_eq!(cleaned(&[repeating], &format!("it is {begin}{repeating}, isn't it")), "it is ***, isn't it");
        }
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

    /// How a peer may repeat a key, with something on both sides of it where that is within the encoding.
    const ECHOES: [fn(&str, &str, &str) -> String; 16] = [
        |_, key, _| key.to_owned(),
        |_, key, _| key.to_ascii_uppercase(),
        |_, key, _| STANDARD.encode(key),
        |before, key, after| STANDARD.encode(format!("{before}{key}{after}")),
        |before, key, after| URL_SAFE_NO_PAD.encode(format!("{before}{key}{after}")),
        |before, key, after| percent(&STANDARD.encode(format!("{before}{key}{after}"))),
        |before, key, after| apart(&STANDARD.encode(format!("{before}{key}{after}")), 7, "\r\n"),
        |_, key, _| hex(key, ""),
        |_, key, _| hex(key, " ").to_ascii_uppercase(),
        |_, key, _| hex(key, ":"),
        |_, key, _| hex(key, ", 0x"),
        |_, key, _| percent(key),
        |_, key, _| percent(&percent(key)),
        |_, key, _| key.chars().map(|c| format!("\\u{:04x}", u32::from(c))).collect(),
        |_, key, _| key.chars().map(|c| format!("&#x{:X};", u32::from(c))).collect(),
        |_, key, _| apart(key, 4, " "),
    ];

    fn percent(text: &str) -> String {
        text.bytes().map(|byte| format!("%{byte:02X}")).collect()
    }

    fn hex(text: &str, between: &str) -> String {
        text.bytes().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(between)
    }

    fn apart(text: &str, length: usize, between: &str) -> String {
        let parts: Vec<&str> =
            text.as_bytes().chunks(length).filter_map(|part| std::str::from_utf8(part).ok()).collect();
        parts.join(between)
    }

    proptest! {
        #[test]
        fn a_key_is_masked_however_it_is_repeated(
            key in "[A-Za-z0-9+/_.~-]{16,48}",
            before in "(|[a-z]{1,9}:|Bearer |\\{\"k\": \")",
            after in "(|[a-z ]{1,9}|\"\\})",
            echo in 0..ECHOES.len(),
        ) {
            let repeated = ECHOES[echo](&before, &key, &after);
            let said = cleaned(&[&key], &format!("what is '{repeated}'?"));
            prop_assert!(said.contains(MASK), "{}", said);
            // Whatever is left of base64 is of what stands around the key.
            let core = STANDARD.encode(&key);
            let left: String = said.replace("what is", "").replace(MASK, "").chars().filter(char::is_ascii_alphanumeric).collect();
            let most = 2 * STANDARD.encode(format!("{before}{after}")).len() + 8;
            prop_assert!(left.len() <= most && !left.contains(&core), "{}: {}", repeated, said);
        }

        #[test]
        fn what_is_no_key_stays(text in "[a-z0-9 .,:/-]{0,200}", key in "[A-Z0-9]{20,30}") {
            let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
            prop_assert_eq!(cleaned(&[&key], &text), text);
        }
    }

    /// Texts that repeat the begins of a key, or a key, or what may be a key in each encoding.
    #[test]
    fn a_text_is_gone_through_once() {
        const LENGTH: usize = 1_000_000;
        let key = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab";
        let long = "ab".repeat(2_000);
        let values: Vec<String> = [key, &long, "ann", "hunter", "hunter22"].map(str::to_owned).to_vec();
        let index = Index::new(&values);
        for piece in [
            "a",
            "aaaaaaaaaaaaaaaaaaaaaaaaaaa ",
            "ab",
            "%61",
            "%2561",
            "\\u0061",
            "&#97;",
            "&",
            "\\",
            "%",
            "YWFh",
            "616161",
            "ann",
            " ",
            "\u{1b}[",
        ] {
            let text = piece.repeat(LENGTH / piece.len());
            let (found, steps) = index.find(&text);
            assert!(steps <= 50 * text.len(), "{piece}: {steps}");
            assert!(found.windows(2).all(|pair| pair[0].end < pair[1].start), "{piece}");
        }
    }

    #[test]
    fn the_end_of_a_text_that_was_cut_goes() {
        assert!(!Secrets::new(["abcdefgh".to_owned()]).uncut(b"0123456789abcd").contains(&b'a'));
        assert_eq!(Secrets::default().uncut(b"0123"), b"0123");
        let long = format!("{}abcdefgh", " ".repeat(LOOKED_AT - 4));
        assert_eq!(cleaned(&["abcdefgh"], &long), "");
    }
}
