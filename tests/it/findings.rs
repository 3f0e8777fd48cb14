//! Each finding fires on its evidence, and not on its neighbour.

use ecspan::model::finding::FindingKind;
use ecspan::model::merge::TaskObservations;
use ecspan::model::observation::{
    ContainerDefinition, ContainerRecord, DefinitionRecord, TaskRecord, TaskTimes, TracedEnv,
};
use ecspan::model::{TaskLife, Time};

fn s(seconds: u64) -> Option<Time> {
    Time::from_unix_millis(1_000_000 + seconds * 1_000)
}

fn stopped(terminating: u64) -> TaskTimes {
    TaskTimes {
        created: s(0),
        connected: s(3),
        pull_started: s(8),
        pull_stopped: s(20),
        started: s(22),
        stopping: s(100),
        execution_stopped: s(100 + terminating),
        stopped: s(200 + terminating),
    }
}

fn task(times: TaskTimes, exit_code: Option<i64>) -> TaskRecord {
    let container =
        ContainerRecord { name: "app".to_owned(), runtime_id: Some("r".to_owned()), exit_code, ..Default::default() };
    let last_status = Some(if times.stopped.is_some() { "STOPPED" } else { "PENDING" }.to_owned());
    TaskRecord { id: "a1".to_owned(), last_status, times, containers: vec![container], ..Default::default() }
}

fn found(task: TaskRecord, stop_timeout: Option<u64>) -> Vec<(FindingKind, String)> {
    let container = ContainerDefinition { name: "app".to_owned(), essential: true, stop_timeout, ..Default::default() };
    let definition = Some(DefinitionRecord { containers: vec![container], ..Default::default() });
    let observed = TaskObservations { task, definition, ..Default::default() };
    let life = TaskLife::new(observed, s(1_000).unwrap(), 128);
    life.findings.into_iter().map(|finding| (finding.kind, finding.text)).collect()
}

fn has(found: &[(FindingKind, String)], kind: FindingKind) -> bool {
    found.iter().any(|(known, _)| *known == kind)
}

#[test]
fn a_kill_is_probable_when_the_stop_timeout_had_passed() {
    for (terminating, exit_code, timeout, expected) in [
        (30, 137, None, true),
        (29, 137, None, false),
        (30, 137, Some(60), false),
        (61, 137, Some(60), true),
        (31, 143, None, false),
        (31, 0, None, false),
    ] {
        let found = found(task(stopped(terminating), Some(exit_code)), timeout);
        assert_eq!(
            has(&found, FindingKind::ProbablyKilled),
            expected,
            "{terminating} s, exit {exit_code}, {timeout:?}"
        );
    }
    let mut out_of_memory = task(stopped(31), Some(137));
    out_of_memory.containers[0].reason = Some("OutOfMemoryError: killed".to_owned());
    let found = found(out_of_memory, None);
    assert!(!has(&found, FindingKind::ProbablyKilled) && has(&found, FindingKind::OutOfMemory));
}

#[test]
fn a_wait_for_a_pull_is_told_from_a_minute_on_also_while_it_lasts() {
    let waited = |from, to| {
        found(
            task(
                TaskTimes {
                    connected: s(from),
                    pull_started: s(to),
                    pull_stopped: s(to + 1),
                    started: s(to + 2),
                    ..stopped(1)
                },
                None,
            ),
            None,
        )
    };
    assert!(has(&waited(3, 63), FindingKind::WaitedForPull));
    assert!(!has(&waited(3, 62), FindingKind::WaitedForPull));
    let pending = found(task(TaskTimes { created: s(0), connected: s(3), ..Default::default() }, None), None);
    let text = &pending.iter().find(|(kind, _)| *kind == FindingKind::WaitedForPull).unwrap().1;
    assert_eq!(text, "has waited 16.6 min for a pull to start with the network attached so far");
}

#[test]
fn the_longest_phase_of_a_launch_is_named_with_its_share() {
    let found = found(task(stopped(1), Some(0)), None);
    assert_eq!(found.last().unwrap().1, "image pull took 12.0 s, 55 % of the launch of 22.0 s");
}

#[test]
fn callers_that_disagree_are_told_and_those_that_agree_are_not() {
    let env =
        |id: &str| TracedEnv { traceparent: Some(format!("00-{id:0>32}-00f067aa0ba902b7-01")), ..Default::default() };
    for (other, expected) in [("1", false), ("2", true)] {
        let mut called = task(stopped(1), Some(0));
        called.overrides = [("app".to_owned(), env("1")), ("b".to_owned(), env(other))].into();
        assert_eq!(has(&found(called, None), FindingKind::CallersDisagree), expected);
    }
}
