//! What screens, mails and pages do to a document on its way: put right and said, or named with its place.

use super::*;

/// Lines of so many characters at most, broken where spaces are.
fn wrapped(text: &str, width: usize) -> String {
    let wrap = |line: &str| {
        let (mut lines, mut last) = (vec![], String::new());
        for word in line.split(' ') {
            if !last.trim().is_empty() && last.chars().count() + 1 + word.chars().count() > width {
                lines.push(std::mem::take(&mut last));
            } else if !last.is_empty() || word.is_empty() {
                last.push(' ');
            }
            last.push_str(word);
        }
        lines.push(last);
        lines.join("\n")
    };
    text.lines().map(wrap).collect::<Vec<_>>().join("\n")
}

#[test]
fn a_mail_that_broke_lines_between_words_is_read_with_its_spaces_and_says_that_they_are_guessed() {
    let reason = "OutOfMemoryError: Container killed due to memory usage of the process that the application had started \
                  a while before, and of others";
    let mut task = task();
    task["stoppedReason"] = json!(reason);
    for width in [72, 76, 78] {
        let contents = read(wrapped(&pretty(&json!({"tasks": [task]})), width));
        let said = contents.observations.iter().find_map(|observation| match observation {
            Observation::Task(task) => task.stopped_reason.clone(),
            _ => None,
        });
        assert_eq!(said.as_deref(), Some(reason), "{width}");
        assert!(contents.notes.concat().contains("that is a guess"), "{:?}", contents.notes);
        assert!(contents.errors.is_empty(), "{:?}", contents.errors);
    }
}

#[test]
fn a_name_that_stands_twice_with_two_values_is_told_and_the_rest_is_read() {
    let one = task().to_string();
    let twice = one.replacen("\"lastStatus\":\"STOPPED\"", "\"lastStatus\":\"RUNNING\",\"lastStatus\":\"STOPPED\"", 1);
    for (text, place) in [
        (format!("{{\"tasks\":[{twice}]}}"), "$.tasks[0].lastStatus"),
        (format!("{{\"tasks\":[],\"tasks\":[{one}]}}"), "$.tasks"),
        (format!("$ aws ecs describe-tasks\n{{\"tasks\":[{twice}]}}"), "$.tasks[0].lastStatus"),
        (
            json!({"Messages": [{"MessageId": "m", "Body": format!("{{\"tasks\":[{twice}]}}")}]}).to_string(),
            "$.tasks[0].lastStatus",
        ),
    ] {
        let contents = read(&text);
        let told: Vec<String> = contents.errors.iter().map(ToString::to_string).collect();
        assert!(told.iter().any(|told| told.contains(&format!("{place} stands there twice"))), "{text}: {told:?}");
        assert_eq!(tasks(&contents), tasks(&read(answer().to_string())), "{text}");
    }
    let same = one.replacen("\"lastStatus\":\"STOPPED\"", "\"lastStatus\":\"STOPPED\",\"lastStatus\":\"STOPPED\"", 1);
    assert!(read(same).errors.is_empty());
}

#[test]
fn what_tore_a_document_is_named_with_its_place() {
    let whole = pretty(&answer());
    let lines: Vec<&str> = whole.lines().collect();
    let cut = |mark: &str| {
        let line = |line: &&str| match line.len() > 60 {
            true => format!("{}{mark}", &line[..60 - mark.len()]),
            false => (*line).to_owned(),
        };
        lines.iter().map(line).collect::<Vec<_>>().join("\n")
    };
    let between = |line: &str| [&lines[..6], &[line], &lines[6..]].concat().join("\n");
    for (text, says) in [
        (cut(""), "`less -S`"),
        (cut(">"), "and marked there"),
        (between("Runbook of ECS        page 1 of 3"), "line 7, column 1: a line stands in the JSON that is not of it"),
        (between("<<<<<<< HEAD"), "as git marks a conflict"),
        (answer().to_string().bytes().map(|byte| format!("{byte:02x}")).collect(), "bytes in hexadecimal digits"),
        ("00000000: 7b22 7461 736b 7322 3a5b 7b22 7461 736b  {\"tasks\":[{\"task\n".to_owned(), "a dump of bytes"),
        ("reason,count\nOutOfMemory,5\n\"a, b\",1\n".to_owned(), "a table (CSV)"),
    ] {
        let (told, hint) = error(&text);
        assert!(told.contains(says) && !hint.is_empty(), "{told}: {text}");
    }
    let (_, hint) = error("@timestamp,detail.lastStatus,detail.stoppedReason\n2026-11-20 10:10:46.000,STOPPED,x\n");
    assert!(hint.contains("fields @timestamp, @message"), "{hint}");
}

#[test]
fn a_line_of_a_log_that_is_none_hides_no_other() {
    let lines = json!({"events": [{"timestamp": 1_795_168_800_000_u64, "message": "a"}, {"timestamp": 1_795_168_800_001_u64},
        {"timestamp": "x", "message": "b"}, {"timestamp": 1_795_168_800_002_u64, "message": "c"}]});
    let contents = read(lines.to_string());
    let said = |observation: &Observation| match observation {
        Observation::Log(log) => log.head.iter().map(|line| line.message.clone()).collect::<Vec<_>>(),
        _ => vec![],
    };
    assert_eq!(contents.observations.iter().flat_map(said).collect::<Vec<_>>(), ["a", "c"]);
    let told: Vec<String> = contents.errors.iter().map(ToString::to_string).collect();
    assert_eq!(told, ["f: $.events[1].message: expected text", "f: $.events[2].timestamp: expected a time"]);
}

#[test]
fn keys_in_small_letters_are_read_and_an_exit_code_that_is_none_is_told() {
    fn small(value: &Value) -> Value {
        match value {
            Value::Array(items) => items.iter().map(small).collect(),
            Value::Object(object) => {
                Value::Object(object.iter().map(|(key, value)| (key.to_lowercase(), small(value))).collect())
            }
            scalar => scalar.clone(),
        }
    }
    for (text, whole) in [(small(&answer()), answer()), (small(&event()), event())] {
        assert_eq!(tasks(&read(text.to_string())), tasks(&read(whole.to_string())), "{text}");
    }
    let mut odd = task();
    odd["containers"][0]["exitCode"] = json!("one");
    let (told, _) = error(json!({"tasks": [odd]}).to_string());
    assert!(told.starts_with("f: $.tasks[0].containers[0].exitCode: expected a number"), "{told}");
}

#[test]
fn what_a_spreadsheet_rounded_is_no_time_and_what_names_a_task_says_how_to_ask_for_it() {
    let (told, _) = error(format!("taskArn,lastStatus,createdAt\n{ARN},STOPPED,1.79517E+12\n"));
    assert!(told.contains("is no time: it is rounded"), "{told}");
    let (_, hint) = error(format!("Task overview\nLast status\nStopped\nARN\n{ARN}\nCreated at\nNovember 20\n"));
    assert!(hint.starts_with(&format!("`ecspan show {ARN}`")), "{hint}");
    for (text, named) in [
        ("$VAR1 = {\n  'tasks' => [ { 'taskArn' => 'a' } ]\n};\n", "Perl"),
        ("{ Tasks = System.Collections.Generic.List`1[Amazon.ECS.Model.Task] }", ".NET"),
        ("DescribeTasksResponse(Some(List(Task(Some(a)))))", "as a program prints it"),
    ] {
        assert!(error(text).0.contains(named), "{text}");
    }
}
