//! What is mended, and what is not.

use super::*;

fn read(text: &str) -> Option<serde_json::Value> {
    serde_json::from_str(&scan("", text).ok()?.json).ok()
}

#[test]
fn what_only_spelling_suffered_from_is_mended() {
    let expected = serde_json::json!({"a": [1, true, null], "b": "x y"});
    for text in [
        r#"{"a": [1, true, null], "b": "x y"}"#,
        "{\"a\": [1, true, null,], // why\n \"b\": \"x y\",\n}",
        "{\"a\": [1, /* one, */ true, # two\n null , \n ] , \"b\": \"x y\" /* , */ , // end\n}",
        "{“a”: [1, true, null], „b“: “x y”}",
        "{\u{a0}\"a\":\u{a0}[1, true, null],\u{200b}\r\n\"b\":\u{3000}\"x y\"}",
        "{\"a\": [1, tr\nue, nul\r\nl], \"b\": \"x\n y\"}",
        "{\"a\": [1, true, null], \"b\": \"x \r\n    y\"}",
        "{\"a\": [1, true, null], \"b\": \"x\\\n y\"}",
        "{a: [+1, true, null,], // why\n b: 'x y', }",
        "{ a:[0x1, true, null], b: 'x y'}",
        "{‘a’: [1, true, null], ’b‘: ‘x y’}",
        "{«a»: [1, true, null], «b»: «x y»}",
    ] {
        assert_eq!(read(text), Some(expected.clone()), "{text}");
    }
    assert_eq!(read(r#"{"a": "it\'s \d"}"#), Some(serde_json::json!({"a": "it's \\d"})));
    for (text, expected) in [
        (r#"{"a": "\ud83d\ude00"}"#, "😀"),
        ("{\"a\": \"\\ud83d\\u\nde00\"}", "😀"),
        ("{\"a\": \"\\u20\n1c\"}", "“"),
        (r#"{"a": "\ud83d"}"#, "�"),
        (r#"{"a": "\ude00\ud83d\ud83d\ude00"}"#, "��😀"),
    ] {
        assert_eq!(read(text), Some(serde_json::json!({"a": expected})), "{text}");
    }
    assert_eq!(read("{\"a\": NaN}"), Some(serde_json::json!({"a": null})));
    assert_eq!(read("{\"a\": \"tab\there\"}"), Some(serde_json::json!({"a": "tab\there"})));
    assert_eq!(
        read("{\"a\": \"// no # comment, /* */ ,]\"}"),
        Some(serde_json::json!({"a": "// no # comment, /* */ ,]"}))
    );
}

#[test]
fn what_is_no_json_is_told_apart() {
    let odd = |text: &str| scan("", text).map(|scanned| scanned.json.into_owned()).map_err(|broken| broken.odd);
    for (text, expected) in [
        ("{\"a\": [1, 2", Odd::End),
        ("{\"a\": \"b", Odd::End),
        ("{\"a\": 1, ...}", Odd::Ellipsis),
        ("{\"a\": [{\"b\": 1}, …]}", Odd::Ellipsis),
        ("{\"a\": 1, // ... more\n\"b\": 2}", Odd::Ellipsis),
        ("{'a': 1}", Odd::Python),
        ("{\"a\": None}", Odd::Python),
        ("{a: b}", Odd::BareKey),
        ("{a: [Array]}", Odd::BareKey),
        ("{a: undefined}", Odd::BareKey),
        ("{\"a\": undefined}", Odd::Undefined),
        ("{a=1}", Odd::Equals),
        ("{\"a\"=>1}", Odd::Equals),
        ("{\\\"a\\\": 1}", Odd::Escaped),
        ("{\"a\": [1}", Odd::Bracket),
        ("{\"a\": <snip>}", Odd::Ellipsis),
        ("{\"a\": <b>}", Odd::Other),
    ] {
        assert_eq!(odd(text), Err(expected), "{text}");
    }
    assert_eq!(odd(&"[".repeat(1_000)), Err(Odd::Depth));
}

#[test]
fn lines_that_were_broken_between_words_get_their_spaces_back() {
    let reason = "OutOfMemoryError: Container killed due to memory usage of /usr/bin/java-17 in eu-west-1";
    let value = serde_json::json!({"taskArn": "arn:aws:ecs:eu-west-1:123456789012:task/prod/0123456789abcdef0123456789abcdef",
        "stoppedReason": reason, "overrides": {}, "detail-type": "ECS Task State Change"});
    let by_words = |text: &str, width: usize| {
        let (mut out, mut length) = (String::new(), 0);
        for word in text.split_inclusive(' ') {
            if length + word.trim_end().len() > width {
                out.truncate(out.trim_end_matches(' ').len());
                out.push('\n');
                length = 0;
            }
            out.push_str(word);
            length += word.len();
        }
        out
    };
    let by_columns = |text: &str, width: usize| {
        let lines: Vec<&str> =
            text.as_bytes().chunks(width).filter_map(|line| std::str::from_utf8(line).ok()).collect();
        lines.join("\n")
    };
    for text in [value.to_string(), format!("{value:#}"), value.to_string().replace("\":", "\": ")] {
        for width in 24..200 {
            let lines = text.lines().map(|line| by_columns(line, width)).collect::<Vec<_>>().join("\n");
            assert_eq!(read(&lines), Some(value.clone()), "{width}: {lines}");
        }
    }
    // Where most lines happen to be full they look as if a terminal had broken them.
    let value = serde_json::json!({"stoppedReason": format!("{reason} and then it was never started again, since nobody had looked at the alarm of that night for hours"), "detail-type": "ECS Task State Change"});
    let text = value.to_string().replace("\":", "\": ").replace(",\"", ", \"");
    let wrong: Vec<usize> = (24..110).filter(|width| read(&by_words(&text, *width)) != Some(value.clone())).collect();
    assert!(wrong.len() < 4, "{wrong:?}");
    for (text, expected) in [
        ("{\"a\": \"due to\nmemory usage\"}", "due to memory usage"),
        ("{\"a\": \"due to \nmemory usage\"}", "due to memory usage"),
        ("{\"a\": \"due to        \r\n     memory usage\"}", "due to memory usage"),
        ("{“a”: “due to\nmemory usage”}", "due to memory usage"),
        ("{\"a\": \"in eu-\nwest-1\"}", "in eu-west-1"),
        ("{\"a\": \"in -\nwest-1\"}", "in - west-1"),
        ("{\"a\": \"us\n       er\"}", "user"),
    ] {
        assert_eq!(read(text), Some(serde_json::json!({"a": expected})), "{text}");
    }
}
