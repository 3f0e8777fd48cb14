#![allow(clippy::unwrap_used)]
//! What is read piece by piece is what is read whole.

use std::io::Cursor;

use serde_json::{Value, json};

use super::*;
use crate::model::observation::Observation;

/// Keeps all, and reads again what can be.
#[derive(Default)]
struct Keeps {
    all: Contents,
    pieces: Vec<(Piece, Vec<TaskRecord>)>,
    whole: u64,
    wants: Option<usize>,
}

impl Finder for Keeps {
    fn found(&mut self, contents: &mut Contents, again: Option<Piece>) {
        let task = |observation: &Observation| match observation {
            Observation::Task(task) => Some((**task).clone()),
            _ => None,
        };
        let tasks: Vec<TaskRecord> = contents.observations.iter().filter_map(task).collect();
        self.pieces.extend(again.map(|piece| (piece, tasks)));
        self.all.observations.append(&mut contents.observations);
        self.all.errors.append(&mut contents.errors);
        self.all.missing.append(&mut contents.missing);
        self.all.passed_by.append(&mut contents.passed_by);
        self.all.notes.append(&mut contents.notes);
    }

    fn reads_whole(&mut self, bytes: u64) {
        self.whole = self.whole.max(bytes);
    }

    fn is_done(&mut self) -> bool {
        self.wants.is_some_and(|wants| self.pieces.len() >= wants)
    }
}

fn walked(text: &[u8], small: u64) -> (Result<Keeps, ReadError>, Lists) {
    let (mut keeps, mut lists) = (Keeps::default(), Lists::default());
    let mut walk = Walk::new("f", Cursor::new(text), &mut lists, &mut keeps);
    walk.small = small;
    let result = walk.run();
    (result.map(|()| keeps), lists)
}

/// Everything that is told of a reading, errors in whatever order.
fn told(contents: &Contents) -> String {
    let Contents { observations, errors, missing, passed_by, notes, .. } = contents;
    let mut errors: Vec<String> = errors.iter().map(ToString::to_string).collect();
    errors.sort();
    format!("{observations:#?}\n{errors:#?}\n{missing:?}\n{passed_by:?}\n{notes:?}")
}

fn assert_same(text: &[u8]) {
    let whole = match files::read_bytes("f", text) {
        Ok(contents) => told(&contents),
        Err(error) => told(&Contents { errors: vec![error], ..Contents::default() }),
    };
    for small in [0, 200, SMALL] {
        let shown = String::from_utf8_lossy(text);
        let (keeps, lists) = walked(text, small);
        let of_error =
            |error| Keeps { all: Contents { errors: vec![error], ..Contents::default() }, ..Keeps::default() };
        let mut keeps = keeps.unwrap_or_else(of_error);
        if keeps.all.count() == 1 && keeps.all.errors.len() == 1 {
            // As there: an error that is all there is.
            keeps = of_error(keeps.all.errors.remove(0));
        }
        assert_eq!(told(&keeps.all), whole, "pieces of {small} of {shown}");
        for (piece, tasks) in keeps.pieces {
            let again = Again::anywhere(Cursor::new(text)).tasks(piece, &lists).unwrap();
            assert_eq!(again, tasks, "{piece:?} of {shown}");
        }
    }
}

fn task(number: usize) -> Value {
    json!({"taskArn": format!("arn:aws:ecs:eu-west-1:1:task/prod/{number:032x}"), "lastStatus": "STOPPED", "createdAt": 1_795_168_800,
        "stoppedReason": "it's \"ä\\", "containers": [{"name": "app", "lastStatus": "STOPPED", "exitCode": 1}]})
}

fn event(number: usize) -> Value {
    json!({"source": "aws.ecs", "detail-type": "ECS Task State Change", "time": "2026-11-20T10:00:20Z", "detail": task(number)})
}

fn many(count: usize, of: fn(usize) -> Value) -> Vec<Value> {
    (1..=count).map(of).collect()
}

fn shapes() -> Vec<String> {
    let service = json!({"serviceName": "web", "serviceArn": "arn:aws:ecs:eu-west-1:1:service/prod/web", "status": "ACTIVE",
        "deployments": [{"id": "ecs-svc/1", "status": "PRIMARY"}],
        "events": [{"id": "e", "createdAt": 1_795_168_809, "message": "(service web) has started 1 tasks."}]});
    let definition = json!({"family": "web", "revision": 7, "containerDefinitions": [{"name": "app"}]});
    let failures = json!([{"arn": "arn:x", "reason": "MISSING"}]);
    let lines = json!([{"timestamp": 1_795_168_810_000_u64, "message": "hello"}, {"timestamp": 1_795_168_810_001_u64, "message": "you"}]);
    let snake = json!({"task_arn": "arn:aws:ecs:eu-west-1:1:task/prod/5", "last_status": "STOPPED", "created_at": 1_795_168_800});
    let answer = json!({"tasks": many(4, task), "failures": failures});
    let mut texts: Vec<String> = [
        answer.clone(),
        json!({"failures": failures, "Tasks": many(3, task), "services": [service], "taskDefinition": definition, "events": lines}),
        json!({"services": [service], "tasks": [snake, task(1), 7, "x", null, [], {"a": 1}]}),
        json!({"tasks": [1, task(1)], "taskDefinition": {"tasks": many(2, task)}}),
        json!({"tasks": [{"a": 1}, {"b": 2}], "task": task(3)}),
        json!({"tasks": [{"taskArn": "arn:aws:ecs:eu-west-1:1:task/prod/1"}], "stoppedReason": "no"}),
        json!({"detail-type": "x", "detail": {}, "tasks": many(2, task)}),
        json!({"messages": [{"body": event(1).to_string()}], "tasks": many(2, task)}),
        json!({"ecspan_bundle": 1, "answers": [{"operation": "DescribeTasks", "response": answer}], "gaps": [{"taskId": "x", "what": "w", "why": "y"}]}),
        json!({"a": {"tasks": many(2, task)}, "tasks": []}),
        json!(many(3, task)),
        json!(many(3, event)),
        json!([answer, answer, event(9), {"detail-type": "Other", "detail": {}}, "text", 1, null, [], [task(7)]]),
        json!([[task(1), task(2)], [task(3)]]),
        lines.clone(),
        json!([lines[0], task(1)]),
        service["events"].clone(),
        service["deployments"].clone(),
        json!([{"a": 1}]),
        json!([1, [2, ["arn:aws:ecs:x:1:task/a"]]]),
        json!([]),
        json!({}),
        json!("text"),
        json!(many(1, task)[0].to_string()),
    ]
    .iter()
    .flat_map(|value| [value.to_string(), format!("{value:#}")])
    .collect();
    texts.push(format!("\u{feff}\u{feff} \n{}\n\n{}{}\n{}", event(1), event(2), event(1), answer));
    texts.push(format!("{answer}\n[1]\n{answer}"));
    texts.push(format!("{answer}\n{{\"tasks\": [{},]}}\nbehind {}\n", task(8), task(9)));
    texts.push(format!("{answer}\u{a0}\n"));
    texts.push(format!("{answer} \u{feff}\n"));
    texts.push(format!("[INFO] {answer}\n[INFO] {answer}\n"));
    texts.push(format!("{{\"tasks\": [{}], \"tasks\": [{}]}}", task(1), task(2)));
    texts.push(format!("{{\"tasks\": [{}], \"x\": \"\\ud800\"}}", task(1)));
    texts.push(format!("{{\"tasks\": [{}], \"x\": 1e999}}", task(1)));
    texts.push(format!("{{\"tasks\": [{}], \"x\": {}{}}}", task(1), "[".repeat(130), "]".repeat(130)));
    texts.push("- taskArn: arn:aws:ecs:eu-west-1:1:task/prod/1\n  lastStatus: STOPPED\n".to_owned());
    texts.extend(["", " \n\u{3000}", "[", "{", "\"", "{}{}", "[]{}", "1", "hello"].map(str::to_owned));
    texts
}

/// What goes as deep as JSON may takes more of a stack than a test's thread has, without optimisation.
fn with_room(test: fn()) {
    std::thread::Builder::new().stack_size(16 * 1024 * 1024).spawn(test).unwrap().join().unwrap();
}

#[test]
fn in_pieces_everything_is_found_that_is_in_the_whole_and_nothing_else() {
    with_room(|| {
        for text in shapes() {
            assert_same(text.as_bytes());
            let utf16: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
            assert_same(&utf16);
            let windows: Vec<u8> = text.chars().map(|c| u8::try_from(c).unwrap_or(b'?')).collect();
            assert_same(&windows);
        }
    });
}

#[test]
fn whatever_is_done_to_a_text_is_read_alike() {
    const MARKS: [&[u8]; 9] = [b"", b"\"", b"{", b"]", b",", b"\\", b" ", b"\xff", b"x"];
    with_room(|| {
        for (number, text) in shapes().into_iter().enumerate() {
            let bytes = text.as_bytes();
            // Others each time, and the same in each run.
            for at in (number % 7..bytes.len()).step_by(149) {
                let mark = MARKS[(at + number) % MARKS.len()];
                assert_same(&bytes[..at]);
                assert_same(&[&bytes[..at], mark, &bytes[at + 1..]].concat());
                assert_same(&[&bytes[..at], mark, &bytes[at..]].concat());
            }
        }
    });
}

#[test]
fn long_lists_are_read_by_their_elements_and_what_has_none_is_told_to_be_read_whole() {
    for (value, pieces) in [
        (json!({"tasks": many(500, task), "failures": []}), 500),
        (json!(many(500, event)), 500),
        (json!([{"tasks": many(400, task)}, {"tasks": many(3, task)}]), 401),
    ] {
        let text = value.to_string();
        let (keeps, _) = walked(text.as_bytes(), SMALL);
        let keeps = keeps.unwrap();
        assert_eq!((keeps.pieces.len(), keeps.whole < SMALL), (pieces, true), "{}", &text[..80]);
        assert_same(text.as_bytes());
    }
    let text = json!({"x": {"tasks": many(500, task)}}).to_string();
    let keeps = walked(text.as_bytes(), SMALL).0.unwrap();
    assert_eq!((keeps.pieces.len(), keeps.whole), (0, text.len() as u64));
}

#[test]
fn who_wants_no_more_gets_no_more() {
    let text = json!({"tasks": many(500, task)}).to_string();
    let (mut keeps, mut lists) = (Keeps { wants: Some(3), ..Keeps::default() }, Lists::default());
    Walk::new("f", Cursor::new(text.as_bytes()), &mut lists, &mut keeps).run().unwrap();
    assert_eq!(keeps.all.observations.len(), 3);
}
