//! Tests of the configuration: one table a setting.
#![allow(clippy::unwrap_used)]

use super::*;

fn resolve(overrides: &Overrides, variables: &[(&str, &str)]) -> Result<OtlpConfig, ConfigError> {
    let env = |name: &str| variables.iter().find(|(k, _)| *k == name).map(|(_, v)| (*v).to_owned());
    OtlpConfig::resolve(Signal::Traces, overrides, &env)
}

fn endpoint(flag: Option<&str>, variables: &[(&str, &str)]) -> Result<(String, Protocol), ConfigError> {
    let overrides = Overrides { endpoint: flag.map(str::to_owned), ..Overrides::default() };
    let endpoint = resolve(&overrides, variables)?.endpoint;
    Ok((endpoint.url().to_string(), endpoint.protocol()))
}

const GENERAL: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";
const TRACES: &str = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT";
const PROTO: &str = "OTEL_EXPORTER_OTLP_PROTOCOL";

#[test]
fn nothing_set_is_http_protobuf_on_localhost() {
    let config = resolve(&Overrides::default(), &[]).unwrap();
    assert_eq!(config.endpoint.to_string(), "http://localhost:4318/v1/traces");
    assert_eq!(config.endpoint.protocol(), Protocol::HttpProtobuf);
    assert_eq!((config.timeout, config.deadline), (Duration::from_secs(10), Duration::from_secs(60)));
    assert!(!config.gzip && config.headers == Headers::default() && config.tls == TlsFiles::default());
}

#[test]
fn endpoints() {
    use Protocol::{Grpc, HttpJson, HttpProtobuf};
    type Case = (Option<&'static str>, &'static [(&'static str, &'static str)], &'static str, Protocol);
    const INSECURE: (&str, &str) = ("OTEL_EXPORTER_OTLP_INSECURE", "TRUE");
    let cases: &[Case] = &[
        (None, &[(PROTO, "grpc")], "http://localhost:4317/", Grpc),
        (None, &[(PROTO, "http/json")], "http://localhost:4318/v1/traces", HttpJson),
        (None, &[(GENERAL, "http://c:4318")], "http://c:4318/v1/traces", HttpProtobuf),
        (None, &[(GENERAL, "http://c:4318/otlp/")], "http://c:4318/otlp/v1/traces", HttpProtobuf),
        (None, &[(GENERAL, "http://c/v1/traces")], "http://c/v1/traces/v1/traces", HttpProtobuf),
        (None, &[(TRACES, "http://c:4318"), (GENERAL, "http://d")], "http://c:4318/", HttpProtobuf),
        (None, &[(TRACES, ""), (GENERAL, "http://d")], "http://d/v1/traces", HttpProtobuf),
        (None, &[(GENERAL, "https://c:4317")], "https://c:4317/", Grpc),
        (None, &[(GENERAL, "https://c:4317/ignored?x=1")], "https://c:4317/", Grpc),
        (None, &[(GENERAL, "http://c:4317"), (PROTO, "http/protobuf")], "http://c:4317/v1/traces", HttpProtobuf),
        (None, &[(GENERAL, "c:4317")], "https://c:4317/", Grpc),
        (None, &[(GENERAL, "c:4317"), INSECURE], "http://c:4317/", Grpc),
        (None, &[(GENERAL, "https://c:4317"), INSECURE], "https://c:4317/", Grpc),
        (None, &[(GENERAL, "[::1]:4317"), INSECURE], "http://[::1]:4317/", Grpc),
        (Some("http://f:4318"), &[(TRACES, "http://c")], "http://f:4318/v1/traces", HttpProtobuf),
        (Some("http://f/v1/traces"), &[], "http://f/v1/traces", HttpProtobuf),
        (Some("https://f/otlp?key=1"), &[], "https://f/otlp/v1/traces?key=1", HttpProtobuf),
    ];
    for (flag, variables, url, protocol) in cases {
        let got = endpoint(*flag, variables).unwrap();
        assert_eq!(got, ((*url).to_owned(), *protocol), "{flag:?} {variables:?}");
    }
}

#[test]
fn endpoints_that_make_no_sense_are_named_without_their_text() {
    let cases: &[(&[(&str, &str)], &str)] = &[
        (&[(GENERAL, "http://")], "OTEL_EXPORTER_OTLP_ENDPOINT is not a url: empty host"),
        (&[(GENERAL, "http://h:s3cret/")], "OTEL_EXPORTER_OTLP_ENDPOINT is not a url: invalid port number"),
        (&[(TRACES, "collector:4318")], "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT must begin with http:// or https://"),
        (&[(GENERAL, "unix:///s3cret")], "OTEL_EXPORTER_OTLP_ENDPOINT names a Unix socket"),
        (&[(GENERAL, "unix:s3cret")], "OTEL_EXPORTER_OTLP_ENDPOINT names a Unix socket"),
        (&[(GENERAL, "https://u:s3cret@h:4317")], "OTEL_EXPORTER_OTLP_ENDPOINT holds a user name or a password"),
    ];
    for (variables, message) in cases {
        let error = endpoint(None, variables).unwrap_err().to_string();
        assert!(error.starts_with(message), "{error}");
        assert!(!error.contains("s3cret"), "{error}");
    }
}

#[test]
fn values_that_make_no_sense_are_errors_that_name_the_variable() {
    for (variable, value) in [
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "GRPC"),
        ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "http"),
        ("OTEL_EXPORTER_OTLP_COMPRESSION", "zstd"),
        ("OTEL_EXPORTER_OTLP_TRACES_COMPRESSION", "yes"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "10s"),
        ("OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "0"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "-1"),
    ] {
        let error = resolve(&Overrides::default(), &[(variable, value)]).unwrap_err().to_string();
        assert!(error.starts_with(&format!("{variable} is \"{value}\"")), "{error}");
    }
    let insecure = [(GENERAL, "c:4317"), ("OTEL_EXPORTER_OTLP_INSECURE", "1")];
    let error = resolve(&Overrides::default(), &insecure).unwrap_err().to_string();
    assert_eq!(error, "OTEL_EXPORTER_OTLP_INSECURE is \"1\", which is none of true, false");
}

#[test]
fn flags_outrank_traces_variables_and_these_the_general_ones() {
    let variables = [
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "1000"),
        ("OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "2000"),
        ("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip"),
        ("OTEL_EXPORTER_OTLP_TRACES_COMPRESSION", "NONE"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "a=general,b=general"),
        ("OTEL_EXPORTER_OTLP_TRACES_HEADERS", "a=traces"),
        ("OTEL_EXPORTER_OTLP_CERTIFICATE", "general.pem"),
        ("OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE", "traces.pem"),
    ];
    let config = resolve(&Overrides::default(), &variables).unwrap();
    assert_eq!(config.timeout, Duration::from_secs(2));
    assert!(!config.gzip);
    assert_eq!(config.headers.map().get("a").unwrap(), "traces");
    assert_eq!(config.headers.map().get("b"), None);
    assert_eq!(config.tls.ca, Some("traces.pem".into()));

    let overrides = Overrides {
        timeout: Some(Duration::from_secs(3)),
        deadline: Some(Duration::from_secs(4)),
        compression: Some("gzip".to_owned()),
        headers: vec!["A=flag".to_owned(), "c=flag".to_owned()],
        ca: Some("flag.pem".into()),
        ..Overrides::default()
    };
    let config = resolve(&overrides, &variables).unwrap();
    assert_eq!((config.timeout, config.deadline), (Duration::from_secs(3), Duration::from_secs(4)));
    assert!(config.gzip);
    assert_eq!(config.headers.map().get("a").unwrap(), "flag");
    assert_eq!(config.headers.map().get("c").unwrap(), "flag");
    assert_eq!(config.tls.ca, Some("flag.pem".into()));
}

#[test]
fn a_client_certificate_needs_its_key() {
    let cert = ("OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE", "c.pem");
    let key = ("OTEL_EXPORTER_OTLP_TRACES_CLIENT_KEY", "k.pem");
    let config = resolve(&Overrides::default(), &[cert, key]).unwrap();
    assert_eq!(config.tls.client, Some(("c.pem".into(), "k.pem".into())));
    let error = resolve(&Overrides::default(), &[cert]).unwrap_err().to_string();
    assert_eq!(
        error,
        "OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE is set, but neither --client-key nor OTEL_EXPORTER_OTLP_CLIENT_KEY is"
    );
    assert!(resolve(&Overrides::default(), &[key]).is_err());
}

#[test]
fn nothing_secret_is_in_debug_output() {
    let overrides = Overrides {
        endpoint: Some("http://me:s3cret@h/?k=s3cret".to_owned()),
        headers: vec!["x-key=s3cret".to_owned()],
        ..Overrides::default()
    };
    let config = resolve(&overrides, &[]).unwrap();
    assert!(!format!("{overrides:?} {config:?}").contains("s3cret"));
}
