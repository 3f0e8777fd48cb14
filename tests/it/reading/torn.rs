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
