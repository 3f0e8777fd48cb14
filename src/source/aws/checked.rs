//! Regions and endpoints as people set them: what cannot be meant is told with the setting that says so, before the SDK says it of some
//! call. Asks nobody. Main functions: [`region`], [`endpoint`].

use aws_types::os_shim_internal::Env;

use super::AwsError;
use crate::proxy::host_and_port;

/// The form of all regions.
const EXAMPLE: &str = "a region is written like eu-west-1; --region outranks the others";

/// Whether a region can be meant. At an address of its own (`is_elsewhere`) a stand-in for AWS may have regions of any name.
pub(super) fn region(setting: &str, value: &str, is_elsewhere: bool) -> Result<(), AwsError> {
    if is_region(value) {
        return Ok(());
    }
    let meant = plain(value);
    let zone = meant.strip_suffix(|last: char| last.is_ascii_lowercase()).filter(|region| is_region(region));
    let (why, meant) = match zone {
        Some(region) => ("that is an availability zone", Some(region)),
        None if is_region(&meant) => ("that is no region's name", Some(meant.as_str())),
        None if is_elsewhere && is_label(value) => return Ok(()),
        None => ("that is no region's name", None),
    };
    let hint = meant.map_or_else(|| EXAMPLE.to_owned(), |meant| format!("write {meant}"));
    Err(AwsError::Setting { setting: setting.to_owned(), value: value.to_owned(), why, hint })
}

/// `eu-west-1`, `us-gov-east-1`, `eusc-de-east-1`.
fn is_region(name: &str) -> bool {
    let parts: Vec<&str> = name.split('-').collect();
    let is_word = |word: &&str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase());
    match parts.as_slice() {
        [words @ .., number] if words.len() >= 2 => {
            words.iter().all(is_word)
                && (1..=2).contains(&number.len())
                && number.bytes().all(|byte| byte.is_ascii_digit())
        }
        _ => false,
    }
}

/// As it would be written: without what stands around it, in small letters, with hyphens.
fn plain(value: &str) -> String {
    let inner = value.trim_matches(|around: char| !around.is_ascii_alphanumeric()).to_ascii_lowercase();
    inner.split([' ', '_', '-']).filter(|part| !part.is_empty()).collect::<Vec<_>>().join("-")
}

/// Whether it may stand in a host's name.
fn is_label(value: &str) -> bool {
    let is_inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    !value.is_empty()
        && value.len() <= 63
        && value.bytes().all(is_inner)
        && !value.starts_with('-')
        && !value.ends_with('-')
}

/// Whether an address can be asked.
pub(super) fn endpoint(setting: &str, value: &str) -> Result<(), AwsError> {
    let (why, hint) = match wrong(value) {
        Some(why) => {
            (why, "write http://HOST:PORT or https://HOST, as for AWS's own CLI; unset, AWS's own address is asked")
        }
        None => return Ok(()),
    };
    // What is before the @ of a URL is a password, and a query may hold a key.
    let shown = if value.contains(['@', '?']) { "a URL".to_owned() } else { value.chars().take(100).collect() };
    Err(AwsError::Setting { setting: setting.to_owned(), value: shown, why, hint: hint.to_owned() })
}

fn wrong(value: &str) -> Option<&'static str> {
    if value.contains(|c: char| c.is_whitespace() || c.is_control()) {
        return Some("a URL has no spaces");
    }
    if value.contains(['"', '\'']) {
        return Some("the quotes are part of it");
    }
    let Some((scheme, rest)) = value.split_once("://") else {
        return Some("it begins with neither http:// nor https://");
    };
    if !["http", "https"].iter().any(|known| scheme.eq_ignore_ascii_case(known)) {
        return Some("it begins with neither http:// nor https://");
    }
    if rest.contains(['?', '#']) {
        return Some("an endpoint has no query");
    }
    let authority = rest.split('/').next().unwrap_or_default();
    if authority.contains('@') {
        return Some("an endpoint has no user: requests are signed with AWS's credentials");
    }
    match host_and_port(authority) {
        ("", _) => Some("there is no host in it"),
        (_, Some(port)) if port.parse::<u16>().is_err() => Some("its port is none"),
        _ if value.parse::<http::Uri>().is_err() => Some("that is no URL"),
        _ => None,
    }
}

/// Whether keys of the environment can be keys, and are whole: the SDK ends the program at a line break in one. They are never quoted.
pub(super) fn keys(env: &Env) -> Result<(), AwsError> {
    const NAMES: [&str; 3] = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"];
    let is_no_key = |value: String| !value.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\''));
    let wrong = |problem: String| AwsError::Settings { problem };
    if let Some(name) = NAMES.iter().find(|name| env.get(name).is_ok_and(is_no_key)) {
        return Err(wrong(format!(
            "{name} holds quotes, a space, a line break or what is no ASCII, which no key does"
        )));
    }
    let [id, secret, _] = NAMES;
    match (env.get(id).is_ok(), env.get(secret).is_ok()) {
        (true, false) => Err(wrong(format!("{id} is set, and {secret} is not"))),
        (false, true) => Err(wrong(format!("{secret} is set, and {id} is not"))),
        (true, true) | (false, false) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::hint::Hint;

    fn said(checked: Result<(), AwsError>) -> String {
        checked.map_or_else(|error| format!("{error}; {}", error.hint().unwrap_or_default()), |()| "fine".to_owned())
    }

    #[test]
    fn regions_are_those_that_there_may_be() {
        for name in
            ["eu-west-1", "us-gov-east-1", "us-isob-east-1", "eusc-de-east-1", "cn-northwest-1", "ap-southeast-7"]
        {
            assert_eq!(said(region("AWS_REGION", name, false)), "fine");
        }
        for name in ["local", "us-fake", "region1"] {
            assert_eq!(said(region("AWS_REGION", name, true)), "fine");
            assert_eq!(
                said(region("AWS_REGION", name, false)),
                format!("AWS_REGION is {name:?}, and that is no region's name; {EXAMPLE}")
            );
        }
    }

    #[test]
    fn what_was_meant_is_named() {
        for name in [
            "eu west 1",
            "\"eu-west-1\"",
            "eu-west-1\n",
            " eu-west-1",
            "EU-WEST-1",
            "eu_west_1",
            "'eu-west-1'",
            "eu-west-1,",
        ] {
            for is_elsewhere in [true, false] {
                assert_eq!(
                    said(region("--region", name, is_elsewhere)),
                    format!("--region is {name:?}, and that is no region's name; write eu-west-1")
                );
            }
        }
        for zone in ["eu-west-1a", "EU-WEST-1B", "eu-west-1a\r\n"] {
            assert_eq!(
                said(region("AWS_REGION", zone, true)),
                format!("AWS_REGION is {zone:?}, and that is an availability zone; write eu-west-1")
            );
        }
        assert!(said(region("AWS_REGION", "Europe (Ireland)", true)).ends_with(EXAMPLE));
    }

    #[test]
    fn keys_that_are_none_or_half_are_named_and_not_quoted() {
        let of = |set: &[(&str, &str)]| said(keys(&Env::from_slice(set)));
        let (id, secret) = (("AWS_ACCESS_KEY_ID", "AKIDX"), ("AWS_SECRET_ACCESS_KEY", "a/b+c="));
        assert_eq!((of(&[]), of(&[id, secret])), ("fine".to_owned(), "fine".to_owned()));
        assert!(of(&[id]).starts_with("AWS_ACCESS_KEY_ID is set, and AWS_SECRET_ACCESS_KEY is not"));
        assert!(of(&[secret]).starts_with("AWS_SECRET_ACCESS_KEY is set, and AWS_ACCESS_KEY_ID is not"));
        for (name, value) in [
            ("AWS_ACCESS_KEY_ID", "AKIDX\n"),
            ("AWS_SECRET_ACCESS_KEY", "\"hunter22\""),
            ("AWS_SESSION_TOKEN", "hunter22\nb"),
            ("AWS_SECRET_ACCESS_KEY", " hunter22"),
        ] {
            let said = of(&[id, secret, (name, value)]);
            assert!(said.starts_with(&format!("{name} holds ")) && !said.contains("hunter22"), "{said}");
        }
    }

    #[test]
    fn endpoints_that_cannot_be_asked_are_told() {
        for url in [
            "http://localhost:4566",
            "https://vpce-1.ecs.eu-west-1.vpce.amazonaws.com",
            "http://[::1]:4566/",
            "HTTP://gateway/aws/ecs",
        ] {
            assert_eq!(said(endpoint("AWS_ENDPOINT_URL", url)), "fine");
        }
        for (url, why) in [
            ("localhost:4566", "neither http:// nor https://"),
            ("https//x", "neither http:// nor https://"),
            ("ftp://x", "neither http:// nor https://"),
            ("http://a b", "has no spaces"),
            ("http://a\n", "has no spaces"),
            ("\"http://a\"", "quotes"),
            ("http://", "no host"),
            ("http://:80", "no host"),
            ("http://a:99999", "port"),
            ("http://a:", "port"),
            ("http://a/?x=1", "no query"),
            ("http://me:hunter22@a", "no user"),
            ("http://[::1", "no URL"),
        ] {
            let said = said(endpoint("AWS_ENDPOINT_URL_ECS", url));
            assert!(said.starts_with("AWS_ENDPOINT_URL_ECS is ") && said.contains(why), "{said}");
            assert!(!said.contains("hunter22"), "{said}");
        }
    }
}
