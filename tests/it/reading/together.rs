//! Several answers, and several sources of lines, in one paste: each is read, whatever stands beside it.

use super::*;

fn other() -> Value {
    serde_json::from_str(&task().to_string().replace("0123456789abcdef0", "f123456789abcdef0")).unwrap()
}

fn ids(contents: &Contents) -> Vec<String> {
    let mut ids: Vec<String> = tasks(contents).into_iter().map(|task| task.id).collect();
    ids.sort_unstable();
    ids
}

/// Both tasks are read from `text` and nothing is wrong with it; the notes.
fn both(text: impl AsRef<[u8]>) -> String {
    let text = text.as_ref();
    let contents = read(text);
    let expected = ["0123456789abcdef0123456789abcdef", "f123456789abcdef0123456789abcdef"];
    assert_eq!(ids(&contents), expected, "{}: {:?}", String::from_utf8_lossy(text), contents.errors);
    assert!(contents.errors.is_empty(), "{:?}", contents.errors);
    contents.notes.join("; ")
}

/// The first task alone, as it is; the notes.
fn one(text: impl AsRef<[u8]>) -> String {
    let text = text.as_ref();
    let contents = read(text);
    let told = (String::from_utf8_lossy(text), &contents.errors);
    assert_eq!(tasks(&contents), tasks(&read(answer().to_string())), "{told:?}");
    assert!(contents.errors.is_empty(), "{told:?}");
    contents.notes.join("; ")
}

#[test]
fn answers_in_yaml_and_json_may_stand_in_one_paste() {
    let yaml = format!(
        "failures: []\ntasks:\n- taskArn: {ARN}\n  lastStatus: PENDING\n  createdAt: '2026-11-20T10:00:00.100Z'\n"
    );
    let json = pretty(&json!({"tasks": [other()]}));
    for text in [
        format!("$ aws --output yaml\n{yaml}$ aws --output json\n{json}\n$ "),
        format!("$ aws --output json\n{json}\n$ aws --output yaml\n{yaml}$ "),
        format!("{json}\n{yaml}"),
        format!("{yaml}{json}\n"),
    ] {
        assert_eq!(both(text), "read as YAML");
    }
    let cut = read(format!("$ aws --output yaml\n{yaml}$ aws\n{}", json.get(..json.len() / 2).unwrap()));
    let told: Vec<String> = cut.errors.iter().map(ToString::to_string).collect();
    assert!(ids(&cut).len() == 1 && told.len() == 1 && told[0].contains("ends in the middle"), "{told:?}");
}

#[test]
fn what_the_first_way_of_reading_misses_is_looked_for_in_the_others() {
    let (short, second) = (answer().to_string(), json!({"tasks": [other()]}));
    let quoted: String = pretty(&second).lines().map(|line| format!("> {line}\n")).collect();
    for text in [
        format!("mine:\n{short}\nBen wrote:\n{quoted}"),
        format!("{short}\n<pre>{}</pre>\n", second.to_string().replace('"', "&quot;")),
        format!("{}\n{}\n", json!(short), json!(second.to_string())),
        format!("event {}\n{short}", second.to_string().replace('\\', "\\\\").replace('"', "\\u0022")),
        format!("10.0.0.1 \"{}\"\n{short}", second.to_string().replace('\\', "\\x5C").replace('"', "\\x22")),
        json!({"Records": [{"NewImage": {"event": {"S": short}}}, second]}).to_string(),
    ] {
        both(&text);
    }
    let literal = json!(short).to_string();
    let (begin, end) = literal.split_at(literal.find(',').unwrap());
    assert_eq!(one(format!("String s = {begin}\" +\n    \"{end};")), "the JSON stands in other text");
    let ends = "what every line ends with is taken off";
    assert_eq!(one(format!("{}$\n", pretty(&answer()).replace('\n', "$\n"))), ends);
    let mut task = task();
    task["stoppedReason"] = json!("x".repeat(3_000));
    let line = format!("{}\n", json!({"tasks": [task]}));
    let parts = [&line[..1_500], &line[1_500..2_500], &line[2_500..]].map(|part| json!({"log": part}).to_string());
    let read = read(parts.join("\n"));
    assert!(ids(&read).len() == 1 && read.errors.is_empty(), "{:?}", read.errors);
}

#[test]
fn tables_behind_one_another_are_read_by_their_own_names() {
    let columns = ["taskArn,lastStatus,createdAt", "createdAt,taskArn,lastStatus"];
    let arn = ARN.replace("0123456789abcdef0", "f123456789abcdef0");
    let first = format!("{}\n{ARN},PENDING,2026-11-20T10:00:00Z\n", columns[0]);
    assert_eq!(both(format!("{first}{}\n{arn},PENDING,2026-11-20T10:00:01Z\n", columns[0])), "read as CSV");
    assert_eq!(both(format!("{first}\n{}\n2026-11-20T10:00:01Z,{arn},PENDING\n", columns[1])), "read as CSV");
    let wrong = read(format!("{first}{}\nnever,{arn},PENDING\n", columns[1]));
    assert_eq!((ids(&wrong).len(), wrong.errors.len()), (1, 1), "{:?}", wrong.errors);
}

#[test]
fn lines_of_several_sources_are_told_apart_and_nobodys_document_is_lost() {
    let (whole, second) = (pretty(&answer()), pretty(&json!({"tasks": [other()]})));
    let at = |index: usize| format!("2026-11-26T08:51:{:02}.{:07}Z ", index % 60, 1_234_567 + index);
    let mut mixed = vec!["Attaching to web-1, worker".to_owned()];
    let (mut web, mut worker) = (whole.lines(), second.lines());
    loop {
        let next =
            [web.next().map(|line| format!("web-1   | {line}")), worker.next().map(|line| format!("worker  | {line}"))];
        if next.iter().all(Option::is_none) {
            break;
        }
        mixed.extend(next.into_iter().flatten());
    }
    let note = "lines of several sources are put together by what they begin with";
    assert!(both(mixed.join("\n")).contains(note));
    let stray = lines(&whole, |_| "web-1  | ".to_owned()) + "db-1   | ready {x}\nexited with code 0\n";
    assert!(one(stray).contains(note));
    // What stands in one line is found at once, and so is the rest.
    let log = format!("Run aws\n{}\ndone\n", [other().to_string(), whole].join("\n"));
    assert!(both(lines(&log, at)).contains("what every line begins with is taken off"));
}

#[test]
fn a_document_whose_lines_stand_in_records_of_their_own_is_put_together() {
    let whole = pretty(&answer());
    let records = |record: &dyn Fn(&str) -> Value| -> Vec<String> {
        whole.lines().map(|line| record(line).to_string()).collect()
    };
    let journal = records(&|line| json!({"_HOSTNAME": "h", "MESSAGE": line}));
    let docker = records(&|line| json!({"log": format!("{line}\n"), "stream": "stdout"}));
    let nested = records(&|line| json!({"_source": {"message": line}}));
    let mut newest_first = records(&|line| json!(["1795168260000000000", line]));
    newest_first.reverse();
    let notebook =
        json!({"cells": [{"outputs": [{"text": whole.lines().map(|line| format!("{line}\n")).collect::<Vec<_>>()}]}]});
    let recording: String = format!("$ aws ecs describe-tasks\r\n{}\r\n$ ", whole.replace('\n', "\r\n"))
        .as_bytes()
        .chunks(100)
        .map(|part| format!("{}\n", json!([0.5, "o", String::from_utf8_lossy(part)])))
        .collect();
    for text in [
        format!("{{\"MESSAGE\": \"Running aws\"}}\n{}\n", journal.join("\n")),
        docker.join("\n"),
        format!("{{\"hits\": {{\"hits\": [{}]}}}}", nested.join(",")),
        format!("{{\"data\": {{\"result\": [{{\"values\": [{}]}}]}}}}", newest_first.join(",")),
        notebook.to_string(),
        format!("{{\"version\": 2, \"width\": 80, \"height\": 24}}\n{recording}"),
    ] {
        assert!(one(&text).contains("lines that stand in records of their own are put together"), "{text}");
    }
    let (told, _) = error(
        "{\"MESSAGE\": \"{\"}\n{\"MESSAGE\": \"  \\\"a\\\": 1\"}\n{\"MESSAGE\": \"}\"}\n".lines().next().unwrap(),
    );
    assert!(told.contains("nothing that ecspan knows"), "{told}");
}

#[test]
fn what_pages_chats_and_logs_write_between_values_is_passed_over() {
    let whole = pretty(&answer());
    let cell =
        whole.replace("a \\\"quoted\\\" C:\\\\temp\\n reason", "r").replace('\n', "<br>").replace("  ", "&nbsp;&nbsp;");
    let contents = read(format!("| when | what |\n|---|---|\n| 10:00 | {cell} |\n"));
    assert_eq!((ids(&contents).len(), contents.errors.len()), (1, 0), "{contents:?}");
    assert_eq!(one(format!("{{{{{{\n#!json\n{whole}\n}}}}}}\n")), "the JSON stands in other text");
    let numbered: String = whole.lines().enumerate().map(|(at, line)| format!("{}\n{line}\n", at + 1)).collect();
    assert_eq!(one(numbered), "the numbers of lines are taken out");
    let written = "ends of lines that are written as signs between values are passed over";
    assert!(one(whole.replace('\n', "\\n")).contains(written));
    assert!(one(format!("Nov 26 10:00:00 host app: {}\n", whole.replace('\n', "#012"))).contains(written));
    let utf16 = |text: &str| text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>();
    let second = json!({"tasks": [other()]}).to_string();
    let mixed = "what was appended in another encoding is read in that";
    assert_eq!(both([utf16(&format!("\u{feff}{whole}\r\n")), second.clone().into_bytes()].concat()), mixed);
    assert_eq!(both([format!("{whole}\n").into_bytes(), utf16(&second)].concat()), mixed);
}

#[test]
fn a_message_that_was_broken_in_a_column_beside_its_time_is_read() {
    let event = event().to_string();
    let broken: Vec<String> = event.chars().collect::<Vec<_>>().chunks(90).map(|line| line.iter().collect()).collect();
    assert!(one(format!("2026-11-20T10:00:00.123+01:00 {}\n", broken.join("\n"))).contains("line breaks"));
    // A space that was guessed wrong makes no event of another kind.
    assert_eq!(one(event.replace("ECS Task State", "ECS Task St ate")), "");
}

#[test]
fn a_line_in_the_wrong_place_is_one_error_with_that_place() {
    let whole = pretty(&answer());
    let mut swapped: Vec<&str> = whole.lines().collect();
    let at = swapped.iter().position(|line| line.contains("\"exitCode\"")).unwrap();
    let last = (at..).find(|at| swapped[at + 1].trim() == "}").unwrap();
    swapped.swap(last, last + 1);
    let text = swapped.join("\n");
    let contents = read(&text);
    let told: Vec<String> = contents.errors.iter().map(ToString::to_string).collect();
    assert!(told.len() == 1 && told[0].starts_with(&format!("f: line {}, ", last + 1)), "{told:?}\n{text}");
    let missing = whole.replacen("\",\n", "\"\n", 1);
    let line = missing.lines().zip(whole.lines()).position(|(own, other)| own != other).unwrap() + 1;
    let (told, _) = error(&missing);
    assert!(told.starts_with(&format!("f: line {line}, ")) && told.contains("a comma"), "{told}\n{missing}");
}

#[test]
fn one_break_at_the_side_of_a_screen_has_its_space_where_words_of_reasons_meet_there() {
    let reason = "OutOfMemoryError: Container killed due to memory usage";
    let mut task = task();
    task["stoppedReason"] = json!(reason);
    let whole = pretty(&json!({"tasks": [task]}));
    for (at, said) in [("Container ", "Container"), ("Container kil", "Container kil")] {
        // The line is filled up so that it is full exactly there.
        let line = whole.lines().find(|line| line.contains("stoppedReason")).unwrap();
        let begin = line.find(reason).unwrap() + said.len();
        let wide = format!("{}{}", " ".repeat(100 - begin), line);
        let (first, rest) = wide.split_at(100);
        let broken = whole.replace(line, &format!("{first}\n{}", rest.trim_start()));
        let read = read(&broken);
        assert_eq!(tasks(&read)[0].stopped_reason.as_deref(), Some(reason), "{at}: {broken}");
        assert!(read.notes.concat().contains("that is a guess"), "{:?}", read.notes);
    }
}
