//! Each finding fires on its evidence, and not on its neighbour.

use ecspan::model::finding::FindingKind;
use ecspan::model::merge::TaskObservations;
use ecspan::model::observation::{
    ContainerDefinition, ContainerRecord, DefinitionRecord, LogConfig, TaskRecord, TaskTimes, TracedEnv,
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

/// A task of a service that ended with this reason, its only container with this exit code.
fn of_service(stop_code: &str, reason: &str, exit_code: i64, ran: u64) -> TaskRecord {
    let times = TaskTimes { stopping: s(22 + ran), execution_stopped: s(23 + ran), stopped: s(40 + ran), ..stopped(1) };
    TaskRecord {
        group: Some("service:web".to_owned()),
        stop_code: Some(stop_code.to_owned()),
        stopped_reason: Some(reason.to_owned()),
        ..task(times, Some(exit_code))
    }
}

#[test]
fn a_service_whose_essential_container_ends_well_is_told() {
    let essential = "Essential container in task exited";
    let has_it = |task| has(&found(task, None), FindingKind::ExitedZero);
    assert!(has_it(of_service("EssentialContainerExited", essential, 0, 60)));
    assert!(!has_it(of_service("EssentialContainerExited", essential, 1, 60)), "a failure");
    assert!(!has_it(of_service("UserInitiated", "bye", 0, 60)), "stopped on purpose");
    let job =
        TaskRecord { group: Some("family:job".to_owned()), ..of_service("EssentialContainerExited", essential, 0, 60) };
    assert!(!has_it(job), "a job may end");
}

#[test]
fn a_short_grace_is_suspected_only_of_tasks_that_had_just_started() {
    let reason = "Task failed ELB health checks in (target-group arn:aws:elasticloadbalancing:…)";
    let told = |reason: &str, ran| found(of_service("ServiceSchedulerInitiated", reason, 143, ran), None);
    let told_of = told(reason, 42);
    let text = &told_of.iter().find(|(kind, _)| *kind == FindingKind::HealthCheckGrace).unwrap().1;
    assert!(text.contains("42.0 s after it had started"), "{text}");
    assert!(!has(&told(reason, 300), FindingKind::HealthCheckGrace), "it had been well for long");
    assert!(
        !has(&told("Task failed container health checks", 42), FindingKind::HealthCheckGrace),
        "not the load balancer"
    );
}

#[test]
fn a_pull_and_a_placement_are_slow_from_a_minute_on() {
    let with = |connected, pull_stopped| {
        let times = TaskTimes {
            connected: s(connected),
            pull_started: s(connected + 1),
            pull_stopped: s(pull_stopped),
            started: s(pull_stopped + 1),
            stopping: s(500),
            execution_stopped: s(501),
            stopped: s(510),
            created: s(0),
        };
        found(task(times, Some(0)), None)
    };
    assert!(has(&with(3, 64), FindingKind::SlowPull) && !has(&with(3, 63), FindingKind::SlowPull));
    assert!(has(&with(60, 64), FindingKind::SlowPlacement) && !has(&with(59, 64), FindingKind::SlowPlacement));
}

#[test]
fn an_impossible_time_is_skew_and_a_reversed_one_is_not() {
    let with = |change: &dyn Fn(&mut TaskTimes)| {
        let mut times = stopped(10);
        change(&mut times);
        let all = found(task(times, Some(0)), None);
        (has(&all, FindingKind::ClockSkew), has(&all, FindingKind::ClockAdjusted))
    };
    assert_eq!(with(&|times| times.created = s(11)), (true, true), "a pull before the task was created");
    assert!(with(&|times| times.execution_stopped = s(220)).0, "execution after the task had stopped");
    assert_eq!(
        with(&|times| times.execution_stopped = s(90)),
        (false, false),
        "containers end before the task is asked to"
    );
    assert_eq!(with(&|times| times.pull_stopped = s(23)), (false, true), "each container's pull moves it on");
}

#[test]
fn a_failed_container_whose_log_is_elsewhere_is_told() {
    let failed = |exit_code, log: Option<&str>| {
        let log = log.map(|driver| LogConfig { driver: driver.to_owned(), ..Default::default() });
        let container = ContainerDefinition { name: "app".to_owned(), essential: true, log, ..Default::default() };
        let definition = Some(DefinitionRecord { containers: vec![container], ..Default::default() });
        let task = of_service("EssentialContainerExited", "Essential container in task exited", exit_code, 60);
        let life = TaskLife::new(TaskObservations { task, definition, ..Default::default() }, s(1_000).unwrap(), 128);
        life.findings.into_iter().any(|finding| finding.kind == FindingKind::LogsMissing)
    };
    assert!(failed(1, Some("splunk")) && failed(1, None));
    assert!(!failed(0, Some("splunk")), "it went well");
    assert!(!failed(1, Some("awslogs")), "nobody says that it could not be had");
}

#[test]
fn each_finding_has_its_section_in_the_catalogue() {
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/findings.md")).unwrap();
    for kind in FindingKind::ALL {
        assert!(page.contains(&format!("| `{}` |", kind.id())), "{}", kind.id());
    }
    let rows = page.lines().filter(|line| line.starts_with("| `")).count();
    assert!(rows >= FindingKind::ALL.len(), "{rows}");
}
