#![allow(clippy::unwrap_used)]
use super::*;

/// The proxy on the way to a URL, or what is wrong with it.
fn to(url: &str, env: &[(&str, &str)]) -> String {
    let get = |name: &str| env.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
    match Proxies::from_env(&get).to(&url.parse().unwrap()) {
        Ok(proxy) => proxy.map_or("none".to_owned(), |proxy| proxy.to_string()),
        Err(error) => error.to_string(),
    }
}

#[test]
fn the_scheme_of_the_url_decides_which_variable_counts() {
    let env = [("HTTP_PROXY", "http://plain:1"), ("HTTPS_PROXY", "tls:2"), ("ALL_PROXY", "http://all:3")];
    assert_eq!(to("http://receiver:4317", &env), "http://plain:1");
    assert_eq!(to("https://receiver:4317", &env), "http://tls:2");
    assert_eq!(to("https://receiver", &[("all_proxy", "http://all:3"), ("HTTPS_PROXY", "")]), "http://all:3");
    assert_eq!(to("https://receiver", &env[..1]), "none");
    assert_eq!(to("http://receiver", &[("HTTP_PROXY", "http://evil:1"), ("REQUEST_METHOD", "GET")]), "none");
}

#[test]
fn no_proxy_is_of_names_and_addresses_alike() {
    let cases = [
        ("*", "http://127.0.0.1:4317", true),
        ("*", "http://receiver:4317", true),
        ("*", "http://[::1]:4317", true),
        ("a, *", "http://10.0.0.1", true),
        ("127.0.0.1:4317", "http://127.0.0.1:4317", true),
        ("127.0.0.1:4318", "http://127.0.0.1:4317", false),
        ("127.0.0.1", "http://127.0.0.1:4317", true),
        ("127.0.0.0/8", "http://127.1.2.3:4317", true),
        ("10.0.0.0/8,192.168.0.0/16", "http://192.168.7.1", true),
        ("10.0.0.0/8", "http://11.0.0.1", false),
        ("[::1]:4317", "http://[::1]:4317", true),
        ("[::1]:4318", "http://[::1]:4317", false),
        ("::1", "http://[::1]:4317", true),
        ("receiver:4317", "http://receiver:4317", true),
        ("receiver:4317", "http://receiver:4318", false),
        ("receiver:80", "http://receiver", true),
        ("example.com", "http://otel.example.com", true),
        (".example.com", "http://otel.example.com", true),
        ("*.example.com", "http://otel.example.com", true),
        ("example.com:4318", "http://otel.example.com:4318", true),
        ("example.com", "http://notexample.com", false),
        ("", "http://receiver", false),
    ];
    for (no, url, is_around) in cases {
        let expected = if is_around { "none" } else { "http://p:1" };
        assert_eq!(to(url, &[("HTTP_PROXY", "http://p:1"), ("no_proxy", no)]), expected, "NO_PROXY={no} {url}");
    }
}

#[test]
fn what_can_be_no_host_is_told_where_there_is_a_proxy() {
    let told = |env: &[(&str, &str)]| {
        let get = |name: &str| env.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
        Proxies::from_env(&get).not_hosts().join(" ")
    };
    let good = "*,a, .b.example ,*.c,d:80,10.0.0.1,10.0.0.0/8,::1,[::1]:80,fd00::/8,10.0.0.1:80,a_b-c,bücher.example";
    assert_eq!(told(&[("HTTP_PROXY", "http://p:1"), ("NO_PROXY", good)]), "");
    let bad = "127.*,http://a,<local>,\"b\",10.0.,a.*.b,c/d,10.0.0.0/x,e;f,1::2::3";
    assert_eq!(told(&[("ALL_PROXY", "http://p:1"), ("NO_PROXY", bad)]), bad.replace(',', " "));
    assert_eq!(told(&[("ALL_PROXY", "http://p:1"), ("NO_PROXY", "http://u:hunter22@h/")]), "h/");
    assert_eq!(told(&[("NO_PROXY", bad)]), "", "then it does not matter");
}

#[test]
fn of_a_password_that_is_not_encoded_nothing_becomes_a_host() {
    for value in [
        "http://u:topsecret/pw@127.0.0.1:9",
        "u:topsecret?pw@h:9",
        "u:1234#pw@h",
        "http://u:top@secret@h:9",
        "u:1234/pw@h",
    ] {
        let said = to("http://receiver", &[("HTTP_PROXY", value)]);
        assert!(said.contains("HTTP_PROXY names no proxy") && said.contains("%2F"), "{said}");
        assert!(!said.contains("secret") && !said.contains("1234"), "{said}");
    }
    for value in ["http://127.0.0.1:99999", "http://:3128", "h:0", "u:p@:80"] {
        let said = to("http://receiver", &[("HTTP_PROXY", value)]);
        assert!(said.starts_with("HTTP_PROXY names no proxy"), "{value}: {said}");
    }
    for value in ["http://u:p%2Fq@h:9/", "h", "http://[::1]:3128", "[::1]"] {
        let said = to("http://receiver", &[("HTTP_PROXY", value)]);
        assert!(said.starts_with("http://"), "{value}: {said}");
    }
}

#[test]
fn what_a_machine_says_of_itself_is_never_asked_through_a_proxy() {
    for url in ["http://169.254.169.254/latest", "http://169.254.170.2/v4", "http://[fd00:ec2::254]/"] {
        assert_eq!(to(url, &[("ALL_PROXY", "http://p:1")]), "none");
    }
}

#[test]
fn what_names_no_proxy_is_refused_without_quoting_it_unless_it_is_gone_around() {
    for wrong in ["socks5://u:hunter22@p:1", "ftp://u:hunter22@p", "http://", "http://u:hunter22@ p", "://hunter22"] {
        let said = to("https://receiver", &[("ALL_PROXY", wrong)]);
        assert!(said.starts_with("ALL_PROXY names no proxy that ecspan can use"), "{wrong}: {said}");
        assert!(!said.contains("hunter22"), "{said}");
        assert_eq!(to("https://receiver", &[("ALL_PROXY", wrong), ("NO_PROXY", "receiver")]), "none");
    }
}

#[test]
fn credentials_are_used_and_not_shown() {
    let env = |name: &str| (name == "HTTP_PROXY").then(|| "http://me:hunter%3222@p:1".to_owned());
    let proxy = Proxies::from_env(&env).to(&Uri::from_static("http://receiver")).unwrap().unwrap();
    assert_eq!(proxy.to_string(), "http://p:1");
    assert_eq!(proxy.user(), Some(("me".to_owned(), "hunter222".to_owned())));
    assert!(proxy.auth().is_some());
    assert!(!format!("{proxy:?}").contains("hunter"));
    let secrets = proxy.secrets();
    assert!(secrets.contains(&"hunter222".to_owned()) && secrets.len() == 2);
}
