//! Every form in which a line names a trace, and what only looks like one.

use proptest::prelude::*;

use super::*;

const T: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const S: &str = "00f067aa0ba902b7";
const U: &str = "b7ad6b7169203331";

/// As `FORM TRACE SPAN` with `+` for sampled and `-` for no span.
fn told(line: &str) -> Vec<String> {
    let text = |named: &NamedTrace| {
        let span = named.span_id.map_or_else(|| "-".to_owned(), |id| id.to_string());
        format!("{} {} {span}{}", named.form.name(), named.trace_id, if named.sampled { "+" } else { "" })
    };
    of_line(line).iter().map(text).collect()
}

fn one(form: &str, span: &str) -> Vec<String> {
    vec![format!("{form} {T} {span}")]
}

#[test]
fn traceparents() {
    let sampled = format!("{S}+");
    for line in [
        format!("00-{T}-{S}-01"),
        format!("calling b with 00-{T}-{S}-01."),
        format!("traceparent: 00-{T}-{S}-01"),
        format!("ts=1 traceparent=00-{T}-{S}-01 msg=x"),
        format!(r#"{{"headers":{{"traceparent":"00-{T}-{S}-01"}}}}"#),
        format!(r#"{{"message":"> traceparent: 00-{T}-{S}-01\n> accept: */*"}}"#),
        format!("traceparent=cc-{T}-{S}-01-what-will-come"),
    ] {
        assert_eq!(told(&line), one("traceparent", &sampled), "{line}");
    }
    assert_eq!(told(&format!("traceparent=00-{T}-{S}-00")), one("traceparent", S));
    assert_eq!(told(&format!("traceparent=00-{}-{S}-00", T.to_uppercase())), one("traceparent", S));
}

#[test]
fn fields_named_trace_id() {
    for line in [
        format!(r#"{{"level":"info","trace_id":"{T}","span_id":"{S}"}}"#),
        format!(r#"{{"spanId":"{S}","traceId":"{T}"}}"#),
        format!(r#"{{"traceID":"{T}","spanID":"{S}"}}"#),
        format!(r#"{{"trace.id":"{T}","span.id":"{S}"}}"#),
        format!(r#"{{"trace":{{"id":"{T}"}},"span":{{"id":"{S}"}}}}"#),
        format!(r#"{{"otelTraceID":"{T}","otelSpanID":"{S}","otelTraceSampled":true}}"#),
        format!(r#"{{"trace_id":"{T}","otelSpanID":"{S}"}}"#),
        format!(r#"{{"mdc":{{"trace_id":"{T}","span_id":"{S}"}}}}"#),
        format!(r#"[{{"TraceId":"{T}","SpanId":"{S}"}}]"#),
        format!(r#"{{"mdc.trace_id":"{T}","mdc.span_id":"{S}"}}"#),
        format!("level=info trace_id={T} span_id={S} msg=x"),
        format!(r#"msg="x" trace_id="{T}" span_id="{S}""#),
        format!("2026-11-20 10:00:00 INFO [app] [main.py:7] [trace_id={T} span_id={S} resource.service.name=x] - hi"),
        format!("INFO c.e.App traceId: {T}, spanId: {S} done"),
        format!(r#"12:00:01 INFO {{"trace":{{"id":"{T}"}},"span":{{"id":"{S}"}}}}"#),
        format!(r#"app | {{\"trace_id\":\"{T}\",\"span_id\":\"{S}\"}}"#),
        format!(r#"cut {{"log":"up\ntrace_id={T} span_id={S}"#),
        format!("\u{1b}[2mtrace_id\u{1b}[0m=\u{1b}[32m{T}\u{1b}[0m span_id={S}"),
        format!("größe=1 trace_id={T} span_id={S} ✓"),
    ] {
        assert_eq!(told(&line), one("trace_id", S), "{line}");
    }
    for line in [
        format!("trace_id={T}"),
        format!(r#"{{"trace_id":"{T}","span_id":"{S}0"}}"#),
        format!(r#"{{"trace_id":"{T}","span_id":"0000000000000000"}}"#),
        format!(r#"{{"span_id":"{S}","inner":{{"trace_id":"{T}"}}}}"#),
        format!("trace_id={T}\nspan_id"),
    ] {
        assert_eq!(told(&line), one("trace_id", "-"), "{line}");
    }
}

#[test]
fn xray_ids() {
    let root = format!("1-{}-{}", &T[..8], &T[8..]);
    let sampled = format!("{S}+");
    for (line, span) in [
        (format!("Root={root};Parent={S};Sampled=1"), sampled.as_str()),
        (format!("Self=1-67891233-abcdef012345678912345678;Root={root};Parent={S};Sampled=1"), &sampled),
        (format!("Sampled=1; Parent={S}; Self=1-67891233-abcdef012345678912345678; Root={root}"), &sampled),
        (format!(r#"{{"headers":{{"X-Amzn-Trace-Id":"Self=1-67891233-12456789abcdef012345678;Root={root}"}}}}"#), "-"),
        (format!("x-amzn-trace-id: Root={root};Parent={S};Sampled=0;Lineage=a87bd80c:1|68fd508a:5|c512fbe3:2"), S),
        (format!("Root={root};Sampled=0"), "-"),
        (format!("Root={root};Parent=53995c"), "-"),
        (format!("AWS-XRAY-TRACE-ID: {root}"), "-"),
        (format!("xray_trace_id={root} msg=x"), "-"),
        (format!(r#"{{"xray_trace_id":"{root}"}}"#), "-"),
        (format!(r#"{{"traceId":"{root}","spanId":"{S}"}}"#), S),
        (format!("REPORT RequestId: x XRAY TraceId: {root} SegmentId: {S}"), "-"),
        (format!("took 3 ms ({root})"), "-"),
    ] {
        assert_eq!(told(&line), one("xray", span), "{line}");
    }
}

#[test]
fn datadog_ids() {
    let (high, low) = (&T[..16], u64::from_str_radix(&T[16..], 16).expect("hex"));
    let span = u64::from_str_radix(S, 16).expect("hex");
    for line in [
        format!("[dd.service=web dd.env=prod dd.version= dd.trace_id={T} dd.span_id={span}] hi"),
        format!(r#"{{"dd.trace_id":"{T}","dd.span_id":"{span}"}}"#),
        format!(r#"{{"dd":{{"trace_id":"{T}","span_id":"{span}","service":"web"}}}}"#),
        format!(r#"{{"dd.trace_id":"{low}","dd.span_id":{span},"_dd.p.tid":"{high}"}}"#),
        format!("dd.trace_id={low} dd.span_id={span} dd.trace_id_hi={high}"),
        format!("_dd.p.tid={high} dd.span_id={S} dd.trace_id={low}"),
    ] {
        assert_eq!(told(&line), one("datadog", S), "{line}");
    }
    for half in [
        format!("dd.trace_id={low} dd.span_id={span}"),
        format!(r#"{{"dd":{{"trace_id":"{low}","span_id":"{span}"}}}}"#),
        format!("dd.trace_id={low} _dd.p.tid=0000000000000000"),
        format!("dd.trace_id={low} _dd.p.tid=abc"),
        "dd.trace_id=0 dd.span_id=0".to_owned(),
    ] {
        assert!(told(&half).is_empty(), "{half}");
    }
}

#[test]
fn lines_inside_firelens_records() {
    let inner = format!(r#"{{"trace_id":"{T}","span_id":"{S}","msg":"x"}}"#);
    let wrap = |log: &str| serde_json::json!({"container_name": "/ecs-x", "source": "stdout", "log": log}).to_string();
    for (line, form) in [
        (wrap(&inner), "trace_id"),
        (wrap(&wrap(&inner)), "trace_id"),
        (wrap(&format!("INFO up\ttrace_id={T} span_id={S}\n")), "trace_id"),
        (wrap(&format!("\u{1b}[32mINFO\u{1b}[0m 00-{T}-{S}-00")), "traceparent"),
    ] {
        assert_eq!(told(&line), one(form, S), "{line}");
    }
}

#[test]
fn a_line_whose_ids_disagree_names_them_all() {
    let line = format!(
        r#"{{"trace_id":"{T}","span_id":"{S}","traceparent":"00-11111111111111111111111111111111-{U}-01",
        "header":"Root=1-22222222-222222222222222222222222;Parent={U}","dd.trace_id":"33333333333333333333333333333333"}}"#
    );
    assert_eq!(
        told(&line),
        [
            format!("trace_id {T} {S}"),
            format!("traceparent 11111111111111111111111111111111 {U}+"),
            format!("xray 22222222222222222222222222222222 {U}"),
            "datadog 33333333333333333333333333333333 -".to_owned(),
        ]
    );
    let both =
        format!("trace_id={T} span_id={S} traceId=11111111111111111111111111111111 otelTraceID={T} otelSpanID={U}");
    assert_eq!(
        told(&both),
        [
            format!("trace_id {T} {S}"),
            "trace_id 11111111111111111111111111111111 -".to_owned(),
            format!("trace_id {T} {U}"),
        ]
    );
}

#[test]
fn what_only_looks_like_a_trace_id() {
    for line in [
        "",
        "trace",
        "Root=1-64",
        "Root=1-5759e988-bd862e3fe1be46a994272",
        "Root=1-5759e988-bd862e3fe1be46a99427279300",
        "Self=1-5759e988-bd862e3fe1be46a994272793",
        "trace_id=4bf92f3577b34da6a3ce",
        "trace_id=4bf92f3577b34da6a3ce929d0e0e47360",
        "trace_id=00000000000000000000000000000000",
        "trace_id=4bf92f3577b34da6a3ce929d0e0e473g",
        "trace_id=4bf92f35-77b3-4da6-a3ce-929d0e0e4736",
        "trace_id=+bf92f3577b34da6a3ce929d0e0e4736",
        r#"{"trace_id":12345678901234567890}"#,
        "4bf92f3577b34da6a3ce929d0e0e4736",
        "trace 4bf92f3577b34da6a3ce929d0e0e4736",
        "request_id=4bf92f3577b34da6a3ce929d0e0e4736",
        "stacktrace_id=4bf92f3577b34da6a3ce929d0e0e4736",
        "span_id=00f067aa0ba902b7",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-extra",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
        "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
        "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0",
        "1-00000000-000000000000000000000000",
        "21-5759e988-bd862e3fe1be46a994272793",
        "trace_id=,4bf92f3577b34da6a3ce929d0e0e4736",
        r#"{"traces":["trace_id"],"id":"4bf92f3577b34da6a3ce929d0e0e4736"}"#,
    ] {
        assert!(told(line).is_empty(), "{line}: {:?}", told(line));
    }
}

#[test]
fn what_stands_beyond_16_kib_is_not_looked_at() {
    let at = |bytes: usize| format!("{} trace_id={T}", "x".repeat(bytes));
    assert_eq!(told(&at(LOOKED_AT - 42)).len(), 1);
    assert_eq!(told(&at(LOOKED_AT)).len(), 0);
    // JSON that is cut is read as text.
    let long = format!(r#"{{"trace_id":"{T}","span_id":"{S}","body":"{}"}}"#, "ü".repeat(LOOKED_AT));
    assert_eq!(told(&long), one("trace_id", S));
}

proptest! {
    #[test]
    fn any_line_can_be_read(line in any::<String>()) {
        of_line(&line);
    }

    #[test]
    fn pieces_of_ids_in_any_order_can_be_read(pieces in prop::collection::vec(prop::sample::select(vec![
        "trace_id", "span_id", "dd.trace_id", "_dd.p.tid", "Root", "Self", "Parent", "trace", "id", "=", ":", "\"", "{", "}", "[", "]", "\\",
        "\\u00", "\\n", ";", ",", " ", "\n", "\u{1b}[", "\u{1b}[3", "1-", "00-", "-01", "-", ".", "ü", "🦀", T, S, "5759e988-bd862e3fe1be46a994272793", "0",
    ]), 0..40)) {
        let line: String = pieces.concat();
        for named in of_line(&line) {
            prop_assert!(named.trace_id != TraceId::INVALID && named.span_id != Some(SpanId::INVALID));
            prop_assert!(line.replace('-', "").contains(&named.trace_id.to_string()) || named.form == Form::Datadog);
        }
    }

    #[test]
    fn an_id_is_found_whatever_stands_around_it(before in "[^\\\\\u{1b}]{0,40}", after in "\\PC{0,40}") {
        let line = format!("{before} trace_id={T} {after}");
        prop_assert!(of_line(&line).iter().any(|named| named.trace_id.to_string() == T), "{}", line);
    }
}
