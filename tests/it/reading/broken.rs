//! Lines that were broken on the way, with marks or without, and what is left of a name where nothing puts it right.

use super::*;

const REASON: &str = "CannotPullContainerError: API error (500): Get https://registry.example/v2/: request canceled while waiting for \
                      connection\n\tstatus code: 400, (target-group arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/web/1)";

fn whole() -> Value {
    let mut task = task();
    task["stoppedReason"] = json!(REASON);
    json!({"tasks": [task]})
}

/// Each line in lines of so many columns: what follows a break begins with `begin`, what goes on ends with `end`.
fn broken(text: &str, width: usize, begin: &str, end: &str) -> String {
    let columns = |text: &str| text.chars().count();
    let line = |line: &str| {
        let (mut out, mut rest) = (String::new(), line.to_owned());
        while columns(&rest) > width {
            let at = rest.char_indices().nth(width - columns(end)).map_or(rest.len(), |(at, _)| at);
            out += &format!("{}{end}\n", &rest[..at]);
            rest = format!("{begin}{}", &rest[at..]);
        }
        out + &rest
    };
    text.lines().map(line).collect::<Vec<_>>().join("\n")
}

#[test]
fn marks_where_lines_were_broken_are_taken_out() {
    let expected = tasks(&read(whole().to_string()));
    for text in [pretty(&whole()), whole().to_string()] {
        for width in [60, 80, 97] {
            for mark in ["↩", "↵", "⏎", "…", "\\"] {
                let contents = read(broken(&text, width, "", mark));
                assert_eq!(tasks(&contents), expected, "{mark} {width} {:?}", contents.errors);
                let notes = contents.notes.concat();
                assert!(contents.errors.is_empty() && notes.contains("are taken out"), "{notes} {:?}", contents.errors);
            }
            for mark in ["↪ ", "+++ ", "> "] {
                let contents = read(broken(&text, width, mark, ""));
                assert_eq!(tasks(&contents), expected, "{mark} {width} {:?}", contents.errors);
                assert!(contents.notes.concat().contains("the marks where lines were broken"), "{:?}", contents.notes);
            }
        }
    }
}

#[test]
fn lines_that_hang_in_a_frame_or_behind_quotes_are_put_together_to_the_letter() {
    let expected = tasks(&read(whole().to_string()));
    let text = pretty(&whole());
    for width in [60, 80, 97] {
        let framed = |(at, line): (usize, &str)| {
            let head = |rest: usize| if rest == 0 { format!("{:>4}   │ ", at + 1) } else { "       │ ".to_owned() };
            broken(line, width, "", "")
                .lines()
                .enumerate()
                .map(|(rest, own)| head(rest) + own + "\n")
                .collect::<String>()
        };
        let bat = format!(
            "───────┬───\n       │ File: a.json\n───────┼───\n{}",
            text.lines().enumerate().map(framed).collect::<String>()
        );
        let quoted = broken(&lines(&text, |_| "> ".to_owned()), width, "", "");
        let compact = broken(&whole().to_string(), width, "  ", "");
        for text in [broken(&text, width, "    ", ""), compact, bat, quoted] {
            let contents = read(&text);
            assert_eq!(tasks(&contents), expected, "{width} {:?}\n{text}", contents.errors);
            assert!(contents.errors.is_empty() && !contents.notes.is_empty(), "{:?}", contents.errors);
        }
    }
}

#[test]
fn an_escape_that_was_broken_in_two_is_one_again() {
    let with = |reason: &str| pretty(&answer()).replace("Essential container exited: it's # over, // or so", reason);
    for (reason, said) in [
        ("no such file\\\nnstatus code 400", "no such file\nstatus code 400"),
        ("no such file\\n\\\ntstatus code 400", "no such file\n\tstatus code 400"),
        ("exec: \\\n\"/x\\\": no such file", "exec: \"/x\": no such file"),
        ("in C:\\\n\\temp of it", "in C:\\temp of it"),
        ("at the caf\\u0\n0e9 of it", "at the café of it"),
        ("at the caf\\\nu00e9 of it", "at the café of it"),
        ("at the caf\\u\n    00e9 of it", "at the café of it"),
        // Here it is the mark of a shell.
        ("no such fi\\\nle at all", "no such file at all"),
        ("no such fi\\\r\nle at all", "no such file at all"),
    ] {
        let contents = read(with(reason));
        let found = tasks(&contents).first().and_then(|task| task.stopped_reason.clone());
        assert_eq!(found.as_deref(), Some(said), "{reason} {:?}", contents.errors);
        assert!(contents.notes.concat().contains("line breaks inside of values"), "{:?}", contents.notes);
    }
}

#[test]
fn what_was_joined_without_certainty_is_called_a_guess_and_an_arn_gets_its_space() {
    let with = |reason: &str| json!({"tasks": [{"taskArn": ARN, "lastStatus": "STOPPED", "stoppedReason": reason}]});
    let long = pretty(&with(&format!("{REASON}, and so on, and on")));
    let one = read(broken(&long, 200, "", ""));
    assert!(one.notes.concat().contains("that is a guess"), "{:?}", one.notes);
    let text = pretty(&with(
        "(target-group@arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/web/1) is unhealthy",
    ));
    let said = tasks(&read(text.replace('@', "\n"))).first().and_then(|task| task.stopped_reason.clone());
    assert!(said.as_deref().unwrap_or_default().starts_with("(target-group arn:aws:"), "{said:?}");
}

#[test]
fn characters_of_no_width_are_taken_out_of_a_task_and_left_in_a_log() {
    let expected = tasks(&read(answer().to_string()));
    for odd in ["\u{200b}", "\u{ad}", "\u{2060}", "\u{feff}"] {
        for text in [answer().to_string(), event().to_string()] {
            let pasted = text
                .replace("task/prod/0", &format!("task/prod/{odd}0"))
                .replace("\"app\"", &format!("\"a{odd}pp\""))
                .replace("over", &format!("o{odd}ver"));
            let contents = read(&pasted);
            assert_eq!(tasks(&contents), expected, "{pasted} {:?}", contents.errors);
            assert_eq!(contents.notes, ["characters of no width are taken out of values"]);
        }
        let line = format!("a{odd}b");
        let log = read(json!({"events": [{"timestamp": 1_795_168_800_000_u64, "message": line}]}).to_string());
        let said = log.observations.iter().find_map(|observation| match observation {
            Observation::Log(log) => log.head.first().map(|line| line.message.clone()),
            _ => None,
        });
        assert_eq!((said, log.notes.len()), (Some(line), 0));
    }
    assert!(read(answer().to_string().replace("over", "över 👩\u{200d}💻")).notes.is_empty());
}

#[test]
fn a_task_whose_name_is_broken_is_left_out_and_told_with_its_place() {
    for (odd, place) in [
        (
            "task/prod/0123 456789abcdef0123456789abcdef",
            "taskArn: no name of ECS has ' ' in it (task 0123 456789abcdef",
        ),
        ("task/prod/0123↩456789abcdef0123456789abcdef", "taskArn: no name of ECS has '↩'"),
        ("task/prod/0123│456789abcdef0123456789abcdef", "taskArn: no name of ECS has '│'"),
        ("task/prod/0123\u{200d}456789abcdef0123456789abcdef", "taskArn: no name of ECS has '\\u{200d}'"),
        ("task/prod/0123…456789abcdef0123456789abcdef", "taskArn: no name of ECS has '…'"),
        ("task/pr od/0123456789abcdef0123456789abcdef", "taskArn: no name of ECS has ' '"),
    ] {
        let whole = "task/prod/0123456789abcdef0123456789abcdef";
        let (told, hint) = error(answer().to_string().replace(whole, odd));
        assert!(told.starts_with("f: $.tasks[0].") && told.contains(place), "{told}");
        assert!(hint.contains("copy it again"), "{hint}");
        let other = task().to_string().replace(whole, odd);
        let both = read(format!("{{\"tasks\": [{other}, {}]}}", task()));
        assert_eq!((tasks(&both).len(), both.errors.len()), (1, 1), "one hides no other");
    }
    let (told, _) = error(answer().to_string().replace("cluster/prod", "cluster/pr od"));
    assert!(told.contains("$.tasks[0].clusterArn: no name of ECS has ' '"), "{told}");
    // What stands in the place of a name, and the ids of AWS's own examples.
    for masked in ["<task id>", "[my task]", "1d2e…", "████████", "74de0355a10a4f979ac495c14EXAMPLE", "任务一"]
    {
        let text = answer().to_string().replace("0123456789abcdef0123456789abcdef", masked);
        let contents = read(&text);
        assert_eq!((tasks(&contents).len(), contents.errors.len()), (1, 0), "{masked} {:?}", contents.errors);
    }
}
