//! A task of which something cannot be read says which task it is, and what its containers are is never lost in silence.

use super::*;

const ID: &str = "0123456789abcdef0123456789abcdef";

fn told(contents: &Contents) -> Vec<String> {
    contents.errors.iter().map(ToString::to_string).collect()
}

#[test]
fn a_container_without_a_name_is_an_error_that_names_its_task_and_the_rest_is_read() {
    let app = task()["containers"][0].clone();
    for (odd, place) in [
        (json!([{"exitCode": 1}, app]), "[0]"),
        (json!([null, app]), "[0]"),
        (json!([app, {"name": null, "image": null}]), "[1]"),
        (json!([app, {"name": ""}]), "[1]"),
    ] {
        let mut task = task();
        task["containers"] = odd;
        let mut event = event();
        event["detail"] = task.clone();
        for (text, path) in [(json!({"tasks": [task]}), "$.tasks[0]"), (event, "$.detail")] {
            let contents = read(text.to_string());
            let expected =
                format!("f: {path}.containers{place}: a container without a name, of task {ID}: it is left out");
            assert_eq!(told(&contents), [expected], "{text}");
            assert_eq!(tasks(&contents)[0].containers.len(), 1, "{text}");
        }
    }
}

#[test]
fn containers_that_are_kept_by_name_are_read() {
    let expected = tasks(&read(answer().to_string()));
    let mut one = task();
    let mut app = one["containers"][0].clone();
    one["containers"] = json!({"app": app});
    let mut other = task();
    app.as_object_mut().unwrap().remove("name");
    other["containers"] = json!({"app": app});
    let mut alone = task();
    alone["containers"] = task()["containers"][0].clone();
    for task in [one, other, alone] {
        let contents = read(json!({"tasks": [task]}).to_string());
        assert_eq!((tasks(&contents), told(&contents)), (expected.clone(), vec![]), "{task}");
    }
}

#[test]
fn what_loses_a_task_names_it() {
    for (time, why) in [
        ("yesterday", ""),
        ("9999-12-31T23:59:59.999Z", ": it is out of range, which is 1970-01-01 to 2554-07-21"),
        ("2026-11-20T10:00:09", ": it has no zone"),
        ("Fri Nov 20 10:00:09 PST 2026", ": names of zones but UTC are not read, since several zones share one"),
    ] {
        let mut bad = task();
        bad["startedAt"] = json!(time);
        let contents = read(json!({"tasks": [bad, task()]}).to_string());
        let expected = format!("f: $.tasks[0].startedAt: \"{time}\" is no time{why} (task {ID} is left out)");
        assert_eq!((told(&contents), tasks(&contents).len()), (vec![expected], 1));
    }
}

#[test]
fn a_cut_names_the_task_in_which_it_is_and_no_other() {
    let whole = json!({"tasks": [{"taskArn": ARN, "lastStatus": "RUNNING"}]}).to_string();
    let second = ARN.replace("0123456789abcdef0", "f123456789abcdef0");
    for (text, expected) in [
        (whole.replace("}]}", ", \"cpu\": \"2"), Some(ID)),
        (
            whole.replace("}]}", &format!("}}, {{\"taskArn\": \"{second}\", \"cpu\": \"2")),
            Some("f123456789abcdef0123456789abcdef"),
        ),
        (whole.replace("}]}", "}, {\"attachments\": [{\"id\": \"x"), None),
        (format!("{{\"taskArn\": \"{ARN}\", \"containers\": [{{\"name\": \"a"), Some(ID)),
    ] {
        let told = told(&read(&text));
        let expected = expected.map_or(String::new(), |task| format!(", in task {task}"));
        assert!(
            told.len() == 1 && told[0].ends_with(&format!("the JSON ends in the middle{expected}")),
            "{text}: {told:?}"
        );
    }
}

#[test]
fn odd_spaces_in_the_texts_of_a_paste_are_spaces_and_those_of_an_answer_stay() {
    let expected = tasks(&read(pretty(&answer())));
    let clean = pretty(&answer());
    let paste = read(clean.replace(' ', "\u{a0}"));
    assert_eq!(tasks(&paste), expected, "{:?}", paste.errors);
    assert!(paste.notes.iter().any(|note| note == "odd spaces are read as spaces"), "{:?}", paste.notes);
    let own = clean.replace("Essential container", "Essential\u{a0}container");
    let kept = tasks(&read(own))[0].stopped_reason.clone();
    assert!(kept.is_some_and(|reason| reason.starts_with("Essential\u{a0}container")));
}

#[test]
fn letters_that_a_page_sets_as_one_are_read_apart() {
    let clean = answer().to_string().replace("a \\\"quoted\\\"", "a file flag");
    let expected = tasks(&read(&clean));
    let set = read(clean.replace("fi", "ﬁ").replace("fl", "ﬂ"));
    assert_eq!((tasks(&set), set.notes.len()), (expected, 1), "{:?}", set.notes);
    assert!(set.notes[0].contains("set as one"));
    // In texts alone they are their own.
    let own = clean.replace("a file flag", "a ﬁle flag");
    assert!(tasks(&read(own))[0].containers[0].reason.as_ref().is_some_and(|reason| reason.contains('ﬁ')));
}

#[test]
fn an_exit_code_that_is_no_number_is_an_error_and_never_another_one() {
    for code in [json!(true), json!(1.5), json!(1e20), json!([137]), json!({"code": 137}), json!("one")] {
        let mut task = task();
        task["containers"][0]["exitCode"] = code.clone();
        let (told, _) = error(json!({"tasks": [task]}).to_string());
        assert!(told.contains("$.tasks[0].containers[0].exitCode: expected a number"), "{code}: {told}");
    }
    for code in [json!(null), json!(""), json!("null")] {
        let mut task = task();
        task["containers"][0]["exitCode"] = code.clone();
        let read = read(json!({"tasks": [task]}).to_string());
        assert_eq!(tasks(&read).first().map(|task| task.containers[0].exit_code), Some(None), "{code}");
    }
}

#[test]
fn an_empty_list_may_be_null() {
    for text in ["{\"tasks\": null}", "{\"Tasks\": null, \"Failures\": []}"] {
        assert!(error(text).0.contains("an answer without tasks"), "{text}");
    }
}
