//! Each finding fires on its evidence, and not on its neighbour.

use ecspan::model::around::Around;
use ecspan::model::finding::FindingKind;
use ecspan::model::merge::TaskObservations;
use ecspan::model::observation::{
    ContainerDefinition, ContainerRecord, DefinitionRecord, LogConfig, ServiceEvent, TaskRecord, TaskTimes, TracedEnv,
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
    assert_eq!(text, "has waited 16 min 37 s for a pull to start with the network attached so far");
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
fn of_service(stop_code: &str, reason: &str, exit_code: impl Into<Option<i64>>, ran: u64) -> TaskRecord {
    let times = TaskTimes { stopping: s(22 + ran), execution_stopped: s(23 + ran), stopped: s(40 + ran), ..stopped(1) };
    TaskRecord {
        group: Some("service:web".to_owned()),
        stop_code: Some(stop_code.to_owned()),
        stopped_reason: Some(reason.to_owned()),
        ..task(times, exit_code.into())
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
fn a_time_that_an_older_agent_cut_to_the_second_is_not_laid_to_a_clock() {
    let why = |execution_stopped: u64| {
        let mut times = stopped(10);
        times.started = Time::from_unix_millis(1_090_386);
        times.execution_stopped = Time::from_unix_millis(execution_stopped);
        let all = found(task(times, Some(0)), None);
        all.into_iter().find(|(kind, _)| *kind == FindingKind::ClockAdjusted).map(|(_, text)| text).unwrap_or_default()
    };
    assert!(why(1_090_000).contains("older agents cut theirs to the second"), "{}", why(1_090_000));
    for other in [1_090_100, 1_089_000] {
        assert!(why(other).contains("clock"), "{}", why(other));
    }
}

#[test]
fn times_that_one_clock_gave_in_an_impossible_order_are_not_laid_to_another() {
    let with = |change: &dyn Fn(&mut TaskTimes)| {
        let mut times = stopped(10);
        change(&mut times);
        let all = found(task(times, Some(0)), None);
        (has(&all, FindingKind::TimesOutOfOrder), has(&all, FindingKind::ClockSkew))
    };
    assert_eq!(with(&|times| std::mem::swap(&mut times.started, &mut times.stopped)), (true, false));
    assert_eq!(with(&|times| std::mem::swap(&mut times.created, &mut times.stopped)), (true, false));
    assert_eq!(with(&|times| std::mem::swap(&mut times.pull_started, &mut times.pull_stopped)), (true, false));
    assert_eq!(with(&|times| times.stopping = times.stopped), (false, false));
    assert_eq!(with(&|_| ()), (false, false));
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

/// The findings of a task, as `id: text`.
fn told(task: TaskRecord) -> Vec<String> {
    let life = TaskLife::new(TaskObservations { task, ..Default::default() }, s(1_000).unwrap(), 128);
    life.findings.iter().map(|finding| format!("{}: {}", finding.kind.id(), finding.text)).collect()
}

#[test]
fn a_containers_reason_is_told_at_every_stop_code_and_exit_code() {
    let codes = [
        "",
        "TaskFailedToStart",
        "EssentialContainerExited",
        "UserInitiated",
        "ServiceSchedulerInitiated",
        "SpotInterruption",
    ];
    for reason in ["CannotStartContainerError: no such log group", "OutOfMemoryError: killed", "unpacking took long"] {
        for stop_code in codes {
            for exit_code in [None, Some(0), Some(1), Some(137)] {
                for is_stopped in [true, false] {
                    let mut task = of_service(stop_code, "so it was", exit_code, 60);
                    task.containers[0].reason = Some(reason.to_owned());
                    task.stop_code = Some(stop_code.to_owned()).filter(|code| !code.is_empty());
                    if !is_stopped {
                        task.last_status = Some("RUNNING".to_owned());
                        task.times.stopped = None;
                    }
                    let all = told(task);
                    let says = |what: &str| all.iter().filter(|one| one.contains(what)).count();
                    let expected = if reason.starts_with("OutOf") { "ran out of memory" } else { reason };
                    let case = format!("{reason} {stop_code} {exit_code:?} {is_stopped}: {all:#?}");
                    assert_eq!(says(expected), 1, "{case}");
                }
            }
        }
    }
}

#[test]
fn a_container_that_could_not_start_fails_its_task() {
    let codes = ["EssentialContainerExited", "UserInitiated", "ServiceSchedulerInitiated"];
    // The runtime may have created it, and gives 128 to what it could not run.
    let traces = [(None, None), (Some("r"), None), (Some("r"), Some(128))];
    for (stop_code, (id, exit_code)) in codes.into_iter().flat_map(|code| traces.map(|left| (code, left))) {
        let mut task = of_service(stop_code, "Essential container in task exited", exit_code, 60);
        task.containers[0].runtime_id = id.map(str::to_owned);
        task.containers[0].reason = Some("CannotStartContainerError: no such log group".to_owned());
        let life = TaskLife::new(TaskObservations { task, ..Default::default() }, s(1_000).unwrap(), 128);
        assert!(life.containers[0].never_started, "{stop_code} {id:?}");
        let error_type = life.outcome.failure.and_then(|failure| failure.error_type);
        assert_eq!(error_type.as_deref(), Some("CannotStartContainerError"), "{stop_code} {id:?}");
    }
}

#[test]
fn a_job_that_did_its_work_is_no_problem() {
    let mut task = of_service("EssentialContainerExited", "Essential container in task exited", Some(0), 60);
    task.group = Some("family:job".to_owned());
    assert_eq!(told(task.clone())[0], "completed: stopped: Essential container in task exited");
    task.containers[0].exit_code = Some(3);
    assert!(told(task)[0].starts_with("essential-exit: "), "this one did not");
}

#[test]
fn a_task_that_is_being_stopped_says_by_whom() {
    let mut task = of_service("UserInitiated", "Task stopped by user", None, 60);
    task.last_status = Some("DEACTIVATING".to_owned());
    task.desired_status = Some("STOPPED".to_owned());
    task.times.stopped = None;
    task.times.execution_stopped = None;
    assert!(told(task).contains(&"stopped-on-purpose: is being stopped by its user: Task stopped by user".to_owned()));
}

#[test]
fn a_late_agent_explains_a_long_start() {
    use ecspan::model::observation::ManagedAgent;
    let mut task = of_service("UserInitiated", "done", Some(0), 60);
    task.times.pull_stopped = s(10);
    task.times.started = s(40);
    let agent = |seconds| ManagedAgent {
        name: "ExecuteCommandAgent".to_owned(),
        status: Some("RUNNING".to_owned()),
        started: s(seconds),
        reason: None,
    };
    let of = |seconds| {
        let mut task = task.clone();
        task.containers[0].managed_agents = vec![agent(seconds)];
        told(task).into_iter().find(|one| one.starts_with("managed-agent"))
    };
    let text = "managed-agent: managed agent ExecuteCommandAgent of container app started 29.0 s after the pull, part of the 30.0 s of starting";
    assert_eq!(of(39).as_deref(), Some(text));
    assert_eq!(of(12), None, "that is no while");
    assert_eq!(of(60), None, "it was started again later");
}

/// A task of service `web` with what its service said: seconds, and words.
fn around(times: TaskTimes, groups: &[&str], said: &[(u64, &str)], stop_timeout: Option<Option<u64>>) -> TaskLife {
    let task = TaskRecord { group: Some("service:web".to_owned()), ..task(times, Some(143)) };
    let event = |(at, words): &(u64, &str)| ServiceEvent {
        id: None,
        at: s(*at).unwrap(),
        message: format!("(service web) {words}"),
    };
    let events: Vec<ServiceEvent> = said.iter().map(event).collect();
    let groups: Vec<String> = groups.iter().map(|group| (*group).to_owned()).collect();
    let container = |stop_timeout| ContainerDefinition {
        name: "app".to_owned(),
        essential: true,
        stop_timeout,
        ..Default::default()
    };
    let definition =
        stop_timeout.map(|timeout| DefinitionRecord { containers: vec![container(timeout)], ..Default::default() });
    let around = Around::new(&task, &groups, &events);
    TaskLife::new(TaskObservations { task, definition, around, ..Default::default() }, s(1_000).unwrap(), 128)
}

fn text(life: &TaskLife, kind: FindingKind) -> Option<&str> {
    life.findings.iter().find(|finding| finding.kind == kind).map(|finding| finding.text.as_str())
}

#[test]
fn draining_is_slow_far_beyond_the_stop_timeout_of_a_task_with_a_target_group() {
    let drains = |terminating, groups, said, timeout| {
        let life = around(stopped(terminating), groups, said, timeout);
        text(&life, FindingKind::SlowDraining).map(str::to_owned)
    };
    let group: &[&str] = &["targetgroup/web/1"];
    let said: &[(u64, &str)] = &[(101, "has begun draining connections on 2 tasks.")];
    assert!(drains(305, group, &[], Some(None)).unwrap().contains("its stop timeout is 30 s"));
    assert!(drains(305, group, said, None).unwrap().ends_with("then: has begun draining connections on 2 tasks."));
    assert!(drains(305, &[], said, Some(Some(60))).is_some(), "the events tell of a target group");
    // No target group, no such event in its stopping, or not far beyond what its containers may take.
    assert_eq!(drains(305, &[], &[], Some(None)), None);
    assert_eq!(drains(305, &[], &[(99, "has begun draining connections on 2 tasks.")], Some(None)), None);
    assert_eq!(drains(89, group, said, Some(None)), None);
    assert_eq!(drains(179, group, said, None), None);
    assert_eq!(drains(305, group, said, Some(Some(300))), None);
}

#[test]
fn a_target_is_unhealthy_with_the_reason_of_the_event() {
    let said: &[(u64, &str)] =
        &[(50, "(port 80) is unhealthy in (target-group arn:x:targetgroup/web/1) due to (reason Request timed out)")];
    let reason = "Task failed ELB health checks in (target-group arn:x:targetgroup/web/1)";
    let with = |reason: &str, times| {
        let life = around(times, &[], said, None);
        let task = TaskRecord { stopped_reason: Some(reason.to_owned()), ..life.task };
        let life =
            TaskLife::new(TaskObservations { task, around: life.around, ..Default::default() }, s(1_000).unwrap(), 9);
        text(&life, FindingKind::UnhealthyTargets).map(str::to_owned)
    };
    assert_eq!(with(reason, stopped(10)).unwrap(), "a target was unhealthy in target group web: Request timed out");
    // That some target was unhealthy does not say that it was this one.
    assert_eq!(with("Scaling activity initiated by (deployment ecs-svc/2)", stopped(10)), None);
    // Before it was created.
    let late = TaskTimes { created: s(60), ..stopped(10) };
    assert_eq!(with(reason, late), None);
}

#[test]
fn a_slow_placement_tells_what_the_service_said_then_and_each_event_stands_with_what_the_task_was() {
    let times = TaskTimes {
        created: s(0),
        connected: s(90),
        pull_started: s(95),
        pull_stopped: s(99),
        started: s(100),
        ..Default::default()
    };
    let said: &[(u64, &str)] = &[
        (40, "was unable to place a task because no container instance met all of its requirements."),
        (97, "registered 1 targets in (target-group x)"),
        (120, "has reached a steady state."),
        (130, "has started 1 tasks: (task 0123456789abcdef0123456789abcdef)."),
    ];
    let life = around(times, &[], said, None);
    let placement = text(&life, FindingKind::SlowPlacement).unwrap();
    assert!(placement.ends_with(
        "the service said then: was unable to place a task because no container instance met all of its requirements."
    ));
    let meanwhile: Vec<_> =
        life.meanwhile().map(|(was, event)| (was, event.text().split(' ').next().unwrap())).collect();
    assert_eq!(meanwhile, [("provisioning", "was"), ("pulling", "registered")]);
}

/// A task of so many containers that all end as the function says.
fn many(count: usize, end: impl Fn(usize, &mut ContainerRecord)) -> TaskRecord {
    let mut task = task(stopped(10), None);
    task.containers = (0..count)
        .map(|at| {
            let mut container = ContainerRecord {
                name: format!("worker-{at:02}"),
                runtime_id: Some("r".to_owned()),
                image: Some("web:1".to_owned()),
                ..Default::default()
            };
            end(at, &mut container);
            container
        })
        .collect();
    task.stop_code = Some("EssentialContainerExited".to_owned());
    task.stopped_reason = Some("Essential container in task exited".to_owned());
    task
}

fn texts(found: Vec<(FindingKind, String)>, kind: FindingKind) -> Vec<String> {
    found.into_iter().filter(|(known, _)| *known == kind).map(|(_, text)| text).collect()
}

#[test]
fn many_containers_that_fail_alike_are_told_once_and_counted() {
    let exits = |at: usize, container: &mut ContainerRecord| container.exit_code = Some(if at == 7 { 3 } else { 1 });
    let told = found(many(66, exits), None);
    assert_eq!(
        texts(told, FindingKind::EssentialExit),
        [
            "stopped: Essential container in task exited; 65 containers (worker-00, worker-01, worker-02 and 62 more): exit code 1; worker-07: exit code 3"
        ]
    );
    let killed = |_: usize, container: &mut ContainerRecord| {
        container.exit_code = Some(137);
        container.reason = Some("OutOfMemoryError: killed".to_owned());
    };
    let told = found(many(66, killed), None);
    let who = "66 containers (worker-00, worker-01, worker-02 and 63 more)";
    assert_eq!(texts(told.clone(), FindingKind::OutOfMemory), [format!("{who} ran out of memory")]);
    let reason = format!("stopped: Essential container in task exited; {who}: exit code 137");
    assert_eq!(texts(told, FindingKind::EssentialExit), [reason]);
    // What is sent is whole, whoever is told what.
    let observed = TaskObservations { task: many(66, killed), ..Default::default() };
    let failure = TaskLife::new(observed, s(1_000).unwrap(), 0).outcome.failure.unwrap();
    assert_eq!(failure.description.matches("OutOfMemoryError: killed (exit code 137)").count(), 66);
}

#[test]
fn reasons_that_differ_are_all_told_of_as_many_containers_as_a_task_can_have() {
    let cannot = |at: usize, container: &mut ContainerRecord| {
        container.runtime_id = None;
        container.reason = Some(format!("CannotPullContainerError: web:{at} not found"));
    };
    let text = texts(found(many(10, cannot), None), FindingKind::EssentialExit).concat();
    assert!((0..10).all(|at| text.contains(&format!("web:{at} not found"))), "{text}");
    let few = |_: usize, container: &mut ContainerRecord| container.exit_code = Some(1);
    let text = texts(found(many(3, few), None), FindingKind::EssentialExit).concat();
    assert!(text.ends_with("worker-00: exit code 1; worker-01: exit code 1; worker-02: exit code 1"), "{text}");
}

#[test]
fn provisioning_that_goes_on_for_long_is_told_also_where_nobody_says_what_it_waits_for() {
    let pending = |created| found(task(TaskTimes { created: s(created), ..Default::default() }, None), None);
    let told = texts(pending(0), FindingKind::SlowPlacement);
    assert_eq!(told, ["provisioning has taken 16 min 40 s so far, before any pull"]);
    assert!(!has(&pending(941), FindingKind::SlowPlacement));
}
