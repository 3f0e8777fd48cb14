//! What of an answer was lost on its way, at its head, in its middle or at its end, and names that stand twice: told, and the tasks that
//! are whole are read.

use super::*;

fn told(contents: &Contents) -> Vec<String> {
    contents.errors.iter().map(ToString::to_string).collect()
}

/// A task of another id.
fn other() -> Value {
    serde_json::from_str(&task().to_string().replace("0123456789abcdef0", "f123456789abcdef0")).unwrap()
}

#[test]
fn a_task_whose_beginning_is_missing_is_told_and_those_behind_it_are_read() {
    let text = pretty(&json!({"failures": [], "tasks": [task(), other()]}));
    let lines: Vec<&str> = text.lines().collect();
    let expected = tasks(&read(json!({"tasks": [other()]}).to_string()));
    let second = lines.iter().position(|line| line.trim() == "},").unwrap();
    for cut in 4..second {
        for before in ["", "$ aws ecs describe-tasks | tail\n"] {
            let contents = read(format!("{before}{}", lines[cut..].join("\n")));
            assert_eq!(tasks(&contents), expected, "{cut}: {:?}", contents.errors);
            let told = told(&contents);
            assert!(told.iter().any(|told| told.contains("the JSON has no beginning")), "{cut}: {told:?}");
            assert!(contents.errors.iter().all(|error| error.hint().is_some()), "{told:?}");
        }
    }
    // Nothing of a task is missing.
    let contents = read(lines[1..].join("\n"));
    assert_eq!((tasks(&contents).len(), told(&contents)), (2, vec![]));
}

#[test]
fn a_name_in_two_spellings_with_two_values_is_told() {
    let one = task().to_string();
    let twice =
        |name: &str, value: &str| one.replacen("\"lastStatus\"", &format!("\"{name}\":\"{value}\",\"lastStatus\""), 1);
    for name in ["LastStatus", "last_status"] {
        let contents = read(format!("{{\"tasks\":[{}]}}", twice(name, "RUNNING")));
        let told = told(&contents);
        assert!(told.len() == 1 && told[0].contains("too, with another value: one of them is not read"), "{told:?}");
        assert!(told[0].contains(name) && told[0].contains("lastStatus"), "{told:?}");
        assert!(read(twice(name, "STOPPED")).errors.is_empty());
    }
    // What is nobody's name at ECS may be there in two.
    let labels = twice("Owner", "a").replace("\"Owner\":\"a\"", "\"Owner\":\"a\",\"owner\":\"b\"");
    assert!(read(labels).errors.is_empty());
}

/// As `aws --output yaml` prints it: names in the order of the alphabet, a list no deeper than its name.
fn yaml(value: &Value, indent: usize) -> String {
    let pad = " ".repeat(indent);
    match value {
        Value::Object(object) => {
            let mut names: Vec<(&String, &Value)> = object.iter().collect();
            names.sort_by_key(|(name, _)| *name);
            let line = |(name, value): (&String, &Value)| match value {
                Value::Array(items) if !items.is_empty() => format!("{pad}{name}:\n{}", yaml(value, indent)),
                Value::Object(inner) if !inner.is_empty() => format!("{pad}{name}:\n{}", yaml(value, indent + 2)),
                scalar => format!("{pad}{name}: {scalar}\n"),
            };
            names.into_iter().map(line).collect()
        }
        Value::Array(items) => {
            items.iter().map(|item| format!("{pad}- {}", yaml(item, indent + 2).trim_start())).collect()
        }
        scalar => format!("{pad}{scalar}\n"),
    }
}

#[test]
fn answers_in_yaml_that_follow_one_another_are_all_read() {
    let (one, two) = (json!({"failures": [], "tasks": [task()]}), json!({"failures": [], "tasks": [other()]}));
    let both = tasks(&read(json!({"tasks": [task(), other()]}).to_string()));
    let (one, two) = (yaml(&one, 0), yaml(&two, 0));
    for text in [
        format!("{one}{two}"),
        format!("{one}---\n{two}"),
        format!("$ aws a\n{one}$ aws b\n{two}$ exit\n"),
        format!("{}{}", yaml(&json!({"tasks": [task()]}), 0), yaml(&json!({"tasks": [other()]}), 0)),
        format!("{}{}", yaml(&task(), 0), yaml(&other(), 0)),
    ] {
        let contents = read(&text);
        assert_eq!((tasks(&contents), told(&contents)), (both.clone(), vec![]), "{text}");
    }
    let noted = read(format!("# Run\n  note: x\n{one}"));
    assert_eq!((tasks(&noted).len(), told(&noted)), (1, vec![]));
    let half = read(format!("{one}failures: x\n"));
    assert_eq!((tasks(&half).len(), half.errors.len()), (1, 1), "{:?}", half.errors);
}

#[test]
fn a_name_that_stands_twice_in_yaml_is_told_with_its_line() {
    let text = yaml(&json!({"tasks": [task()]}), 0);
    let line = text.lines().position(|line| line.starts_with("  lastStatus")).unwrap() + 1;
    let twice =
        text.replace("  lastStatus: \"STOPPED\"\n  started", "  lastStatus: RUNNING\n  lastStatus: STOPPED\n  started");
    for (before, lines) in [("", 0), ("$ aws\nIt is:\n\n", 3)] {
        let contents = read(format!("{before}{twice}"));
        let expected = format!(
            "f: $.tasks[0].lastStatus stands there twice, with two values: the last counts, in line {}",
            line + 1 + lines
        );
        assert_eq!((told(&contents), tasks(&contents).len()), (vec![expected], 1), "{before}{twice}");
    }
    let spelled = twice.replacen("lastStatus: RUNNING", "LastStatus: RUNNING", 1);
    assert!(told(&read(spelled))[0].contains("stands there as"));
    let merged = format!("x: &x {{lastStatus: RUNNING}}\n{}", text.replace("  cpu:", "  <<: *x\n  cpu:"));
    assert_eq!(told(&read(merged)), Vec::<String>::new(), "what an object has of others is not said by it");
}

#[test]
fn of_yaml_that_was_torn_the_whole_tasks_are_read_and_the_place_is_told() {
    let text = yaml(&json!({"failures": [], "tasks": [task(), other()]}), 0);
    let lines: Vec<&str> = text.lines().collect();
    let second = lines.iter().rposition(|line| line.starts_with("- ")).unwrap();
    let name = |from: usize| from + lines[from..].iter().position(|line| line.starts_with("  taskArn")).unwrap();
    let (first_name, second_name) = (name(2), name(second));
    let read_of = |text: String, ids: &[Value], says: &str| {
        let contents = read(&text);
        assert_eq!(tasks(&contents), tasks(&read(json!(ids).to_string())), "{text}\n{:?}", contents.errors);
        let told = told(&contents);
        assert!(told.len() == 1 && told[0].contains(says), "{says}: {told:?}\n{text}");
        assert!(contents.errors[0].hint().is_some());
    };
    for cut in 3..second {
        read_of(lines[cut..].join("\n"), &[other()], "the YAML has no beginning");
    }
    for cut in second + 2..=second_name {
        read_of(lines[..cut].join("\n"), &[task()], &format!("line {cut}, "));
        read_of(lines[..cut].join("\n"), &[task()], "the YAML ends in the middle");
        let last = lines[cut - 1];
        let half = [&lines[..cut - 1], &[&last[..last.len() - 2]]].concat().join("\n");
        read_of(half, &[task()], "the YAML ends in the middle");
    }
    for cut in 4..first_name {
        let torn = [&lines[..cut], &["[me@host ~]$ "], &lines[cut..]].concat().join("\n");
        read_of(torn, &[other()], &format!("line {cut}, "));
    }
    let wrapped: Vec<String> = text
        .lines()
        .flat_map(|line| line.as_bytes().chunks(60).map(|part| String::from_utf8_lossy(part).into_owned()))
        .collect();
    let wrapped = read(wrapped.join("\n"));
    assert_eq!(tasks(&wrapped), tasks(&read(json!([task(), other()]).to_string())), "{:?}", wrapped.errors);
    assert!(
        wrapped.notes.iter().any(|note| note == "line breaks inside of values are taken out"),
        "{:?}",
        wrapped.notes
    );
}
