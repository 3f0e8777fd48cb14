//! Deployments: which tasks are whose, and what they are judged to be. The fixtures are here; the report and the trace have files of
//! their own.

mod balancer;
mod report;
mod trace;

use ecspan::model::deployment::{Deployment, DeploymentLife, End, Role, State, Wanted, choose, deployment_ids};
use ecspan::model::finding::FindingKind;
use ecspan::model::log::{ContainerLog, LogLine};
use ecspan::model::merge::TaskObservations;
use ecspan::model::observation::{ContainerRecord, ServiceEvent, TaskRecord, TaskTimes};
use ecspan::model::service::{DeploymentRecord, RollbackRecord, ServiceDeploymentRecord, ServiceRecord};
use ecspan::model::{TaskLife, Time};

const OLD: &str = "ecs-svc/1";
const NEW: &str = "ecs-svc/2";
const BACK: &str = "ecs-svc/3";
const BREAKER: &str = "ECS deployment circuit breaker: tasks failed to start.";
const START: u64 = 1_795_435_200_000;
const CLUSTER: &str = "arn:aws:ecs:eu-west-1:123456789012:cluster/prod";

fn s(seconds: f64) -> Time {
    Time::from_unix_millis(START.saturating_add_signed((seconds * 1e3) as i64)).unwrap()
}

fn event(seconds: f64, message: &str) -> ServiceEvent {
    ServiceEvent { id: Some(format!("{seconds}")), at: s(seconds), message: format!("(service web) {message}") }
}

fn record(id: &str, created: f64, state: &str) -> DeploymentRecord {
    DeploymentRecord {
        id: id.to_owned(),
        status: Some("ACTIVE".to_owned()),
        task_definition: Some("arn:aws:ecs:eu-west-1:123456789012:task-definition/web:8".to_owned()),
        desired: Some(3),
        running: Some(3),
        pending: Some(0),
        failed: Some(0),
        created: Some(s(created)),
        updated: Some(s(created + 300.0)),
        stability: None,
        rollout_state: Some(state.to_owned()),
        rollout_state_reason: Some(format!("ECS deployment {id} {}.", state.to_lowercase())),
        told_by: None,
    }
}

fn service(deployments: Vec<DeploymentRecord>, events: Vec<ServiceEvent>) -> ServiceRecord {
    ServiceRecord {
        name: "web".to_owned(),
        cluster_arn: Some(CLUSTER.to_owned()),
        deployments,
        events,
        ..ServiceRecord::default()
    }
}

fn primary(record: DeploymentRecord) -> DeploymentRecord {
    DeploymentRecord { status: Some("PRIMARY".to_owned()), ..record }
}

fn latest(service: &ServiceRecord) -> Deployment {
    choose(service, &[], &[], &Wanted::Latest).unwrap()
}

/// A deployment that was created at 0 and held at 300.
fn held() -> Deployment {
    latest(&service(vec![primary(record(NEW, 0.0, "COMPLETED"))], vec![]))
}

fn task(started_by: &str, id: &str, created: f64) -> TaskRecord {
    let times = TaskTimes {
        created: Some(s(created)),
        connected: Some(s(created + 3.0)),
        pull_started: Some(s(created + 8.0)),
        pull_stopped: Some(s(created + 14.0)),
        started: Some(s(created + 16.0)),
        ..TaskTimes::default()
    };
    TaskRecord {
        id: id.to_owned(),
        arn: Some(format!("arn:aws:ecs:eu-west-1:123456789012:task/prod/{id}")),
        cluster_arn: Some(CLUSTER.to_owned()),
        task_definition_arn: Some("arn:aws:ecs:eu-west-1:123456789012:task-definition/web:8".to_owned()),
        last_status: Some("RUNNING".to_owned()),
        started_by: Some(started_by.to_owned()),
        group: Some("service:web".to_owned()),
        times,
        containers: vec![ContainerRecord {
            name: "app".to_owned(),
            runtime_id: Some("r".to_owned()),
            ..Default::default()
        }],
        ..TaskRecord::default()
    }
}

fn stopped(task: TaskRecord, at: f64, code: &str, reason: &str) -> TaskRecord {
    let times = TaskTimes {
        stopping: Some(s(at)),
        execution_stopped: Some(s(at + 10.0)),
        stopped: Some(s(at + 25.0)),
        ..task.times
    };
    let (stop_code, stopped_reason) = (Some(code.to_owned()), Some(reason.to_owned()));
    TaskRecord { times, stop_code, stopped_reason, last_status: Some("STOPPED".to_owned()), ..task }
}

fn scaled(task: TaskRecord, at: f64) -> TaskRecord {
    stopped(task, at, "ServiceSchedulerInitiated", "Scaling activity initiated by (deployment ecs-svc/2)")
}

fn crashed(mut task: TaskRecord, at: f64) -> TaskRecord {
    task.containers[0].exit_code = Some(1);
    stopped(task, at, "EssentialContainerExited", "Essential container in task exited")
}

fn life(task: TaskRecord) -> TaskLife {
    TaskLife::new(TaskObservations { task, ..TaskObservations::default() }, s(1_000.0), 10)
}

fn whole(deployment: Deployment, tasks: Vec<TaskRecord>) -> DeploymentLife {
    let mut whole = DeploymentLife::new(deployment);
    tasks.into_iter().for_each(|task| whole.add(&life(task), false));
    whole.sort();
    whole
}

#[test]
fn a_task_is_told_by_who_started_it_and_when() {
    let deployment = held();
    let role = |task: &TaskRecord| deployment.role(task);
    assert_eq!(role(&task(NEW, "a", 10.0)), Role::Launch);
    // A failed one is started again: that is the rollout, too.
    assert_eq!(role(&task(NEW, "a", 299.0)), Role::Launch);
    assert_eq!(role(&task(NEW, "a", 301.0)), Role::Replacement);
    assert_eq!(role(&scaled(task(OLD, "a", -900.0), 100.0)), Role::Stop);
    // The same, before it began and after it was over.
    assert_eq!(role(&scaled(task(OLD, "a", -900.0), -5.0)), Role::Elsewhere);
    assert_eq!(role(&scaled(task(OLD, "a", -900.0), 301.0)), Role::Elsewhere);
    assert_eq!(role(&task(OLD, "a", -900.0)), Role::Elsewhere);
    assert_eq!(role(&crashed(task(OLD, "a", -900.0), 100.0)), Role::EndedMeanwhile);
    // A later deployment's tasks are its own business.
    assert_eq!(role(&scaled(task("ecs-svc/9", "a", 50.0), 100.0)), Role::Elsewhere);
    let unhealthy = "Task failed ELB health checks in (target-group web)";
    assert_eq!(
        role(&stopped(task(OLD, "a", -900.0), 100.0, "ServiceSchedulerInitiated", unhealthy)),
        Role::EndedMeanwhile
    );
    assert_eq!(role(&TaskRecord { started_by: None, ..task(NEW, "a", 10.0) }), Role::Elsewhere);
    let rebalanced = "Availability Zone rebalancing initiated by the service scheduler";
    assert_eq!(
        role(&stopped(task(OLD, "a", -900.0), 100.0, "ServiceSchedulerInitiated", rebalanced)),
        Role::Rebalancing
    );
}

#[test]
fn events_name_the_tasks_that_are_moved_between_zones() {
    let events = vec![
        event(400.0, "has started 2 tasks in euw1-az1 to AZ Rebalance: (task AB12) (task cd34)."),
        event(10.0, "has started 1 tasks: (task ef56)."),
    ];
    let deployment = latest(&service(vec![primary(record(NEW, 0.0, "COMPLETED"))], events));
    assert_eq!(deployment.role(&task(NEW, "ab12", 400.0)), Role::Rebalancing);
    assert_eq!(deployment.role(&task(NEW, "cd34", 400.0)), Role::Rebalancing);
    assert_eq!(deployment.role(&task(NEW, "ef56", 10.0)), Role::Launch);

    // What is moved away was the rollout's launch all the same; an old task was moved, not replaced.
    let (own, old) = ("0123456789abcdef0123456789abcde1", "0123456789abcdef0123456789abcde2");
    let text = format!("has stopped 2 running tasks in euw1-az1 due to AZ rebalancing: {own}, {old}.");
    let deployment = latest(&service(vec![primary(record(NEW, 0.0, "COMPLETED"))], vec![event(200.0, &text)]));
    let moved = whole(deployment.clone(), vec![scaled(task(NEW, own, 10.0), 200.0)]);
    assert_eq!((moved.launches.len(), moved.launches[0].end), (1, Some(End::Rebalanced)));
    assert_eq!(deployment.role(&scaled(task(OLD, old, -900.0), 200.0)), Role::Rebalancing);
}

#[test]
fn how_a_launched_task_ended_is_told_by_when_it_was_and_why() {
    let end = |task: TaskRecord| whole(held(), vec![task]).launches[0].end;
    assert_eq!(end(task(NEW, "a", 10.0)), None);
    assert_eq!(end(crashed(task(NEW, "a", 10.0), 30.0)), Some(End::Failed));
    assert_eq!(end(crashed(task(NEW, "a", 10.0), 900.0)), Some(End::FailedLater));
    assert_eq!(end(scaled(task(NEW, "a", 10.0), 900.0)), Some(End::ScaledIn));
    assert_eq!(end(scaled(task(NEW, "a", 10.0), 200.0)), Some(End::Other));
    assert_eq!(end(stopped(task(NEW, "a", 10.0), 900.0, "UserInitiated", "by me")), Some(End::Other));
    let moved = stopped(task(NEW, "a", 10.0), 900.0, "ServiceSchedulerInitiated", "AZ rebalancing");
    assert_eq!(end(moved), Some(End::Rebalanced));
    let all = whole(held(), vec![crashed(task(NEW, "a", 10.0), 900.0), crashed(task(NEW, "b", 10.0), 40.0)]);
    assert_eq!((all.failed(), all.failures()[0].tasks.as_slice()), (1, &["b".to_owned()][..]));
}

/// What the old API says while a rollback goes on, and when it is over and the failed deployment is gone.
fn rolling_back() -> ServiceRecord {
    let back = DeploymentRecord {
        rollout_state_reason: Some(
            "ECS deployment circuit breaker: rolling back to deploymentId ecs-svc/1.".to_owned(),
        ),
        ..primary(record(BACK, 100.0, "IN_PROGRESS"))
    };
    let failed = DeploymentRecord { rollout_state_reason: Some(BREAKER.to_owned()), ..record(NEW, 0.0, "FAILED") };
    service(vec![back, failed], rollback_events())
}

fn rollback_events() -> Vec<ServiceEvent> {
    vec![
        event(99.0, "rolling back to deployment ecs-svc/1."),
        event(98.0, "(deployment ecs-svc/2) deployment failed: tasks failed to start."),
    ]
}

fn rolled_back() -> ServiceRecord {
    let mut events = rollback_events();
    events.insert(0, event(160.0, "(deployment ecs-svc/3) deployment completed."));
    service(vec![primary(record(BACK, 100.0, "COMPLETED"))], events)
}

#[test]
fn a_rollback_belongs_to_the_deployment_that_it_undoes() {
    let going = latest(&rolling_back());
    assert_eq!((going.id.as_str(), going.outcome.state, going.is_over()), (NEW, State::InProgress, false));
    assert_eq!(going.outcome.reason.as_deref(), Some(BREAKER));
    assert_eq!(going.role(&task(BACK, "a", 101.0)), Role::RollbackLaunch);

    let mut gone = latest(&rolled_back());
    assert_eq!((gone.id.as_str(), gone.outcome.state), (NEW, State::RolledBack));
    assert_eq!(gone.finished.map(|finish| finish.at), Some(s(160.0)));
    let rollback = gone.rollback.clone().unwrap();
    assert_eq!((rollback.started, rollback.finished), (Some(s(100.0)), Some(s(160.0))));
    // ECS no longer says when it was created: its first task does.
    assert_eq!(gone.created, None);
    gone.estimate_created(s(5.0));
    gone.estimate_created(s(2.0));
    gone.estimate_created(s(9.0));
    assert_eq!((gone.created, gone.created_estimated), (Some(s(2.0)), true));
    assert_eq!(gone.role(&scaled(task(OLD, "a", -900.0), 30.0)), Role::Stop);
    let all = whole(gone, vec![scaled(task(NEW, "a", 3.0), 110.0), crashed(task(NEW, "b", 3.0), 40.0)]);
    assert_eq!(
        all.launches.iter().map(|task| task.end).collect::<Vec<_>>(),
        [Some(End::RolledBack), Some(End::Failed)]
    );

    assert_eq!(all.deployment.events().count(), 3);
    // What an earlier answer said is not forgotten, and outranks a guess.
    let mut later = latest(&rolled_back());
    later.remember(&going);
    later.estimate_created(s(30.0));
    assert_eq!((later.created, later.created_estimated), (Some(s(0.0)), false));

    // Where no event tells of it either, the next deployment does.
    let silent = service(vec![primary(record(BACK, 100.0, "COMPLETED"))], vec![]);
    assert!(choose(&silent, &[], &[], &Wanted::Id(NEW.to_owned())).is_err());
    let mut gone = going.clone();
    gone.vanished(&silent);
    assert_eq!((gone.outcome.state, gone.finished.map(|finish| finish.at)), (State::RolledBack, Some(s(400.0))));
    let mut gone = latest(&service(vec![primary(record(NEW, 0.0, "IN_PROGRESS"))], vec![]));
    gone.vanished(&silent);
    assert_eq!((gone.outcome.state, gone.finished.map(|finish| finish.at)), (State::Failed, Some(s(100.0))));
    let mut still = going.clone();
    still.vanished(&service(vec![primary(record(BACK, 100.0, "IN_PROGRESS"))], vec![]));
    assert_eq!(still.outcome.state, State::InProgress);

    // A newer deployment is the latest, and the one before it the one that failed.
    let mut later = rolled_back();
    later.deployments = vec![primary(record("ecs-svc/7", 5_000.0, "IN_PROGRESS")), record(BACK, 100.0, "COMPLETED")];
    assert_eq!(latest(&later).id, "ecs-svc/7");
    assert_eq!(choose(&later, &[], &[], &Wanted::Previous).unwrap().id, NEW);
}

#[test]
fn every_state_of_the_old_api_is_judged() {
    let state = |deployments| latest(&service(deployments, vec![])).outcome.state;
    assert_eq!(state(vec![primary(record(NEW, 0.0, "COMPLETED"))]), State::Held);
    assert_eq!(
        state(vec![primary(record(NEW, 0.0, "IN_PROGRESS")), record(OLD, -9.0, "COMPLETED")]),
        State::InProgress
    );
    assert_eq!(state(vec![primary(record(NEW, 0.0, "FAILED"))]), State::Failed);
    // Before there were rollout states, or of another controller: the counts.
    let silent = |record: DeploymentRecord| DeploymentRecord { rollout_state: None, ..record };
    assert_eq!(state(vec![primary(silent(record(NEW, 0.0, "")))]), State::Held);
    assert_eq!(state(vec![primary(silent(record(NEW, 0.0, ""))), silent(record(OLD, -9.0, ""))]), State::InProgress);
    // Another took its place.
    let two = service(vec![primary(record("ecs-svc/7", 60.0, "IN_PROGRESS")), record(NEW, 0.0, "IN_PROGRESS")], vec![]);
    let first = choose(&two, &[], &[], &Wanted::Id("2".to_owned())).unwrap();
    assert_eq!((first.outcome.state, first.finished.map(|finish| finish.at)), (State::Failed, Some(s(60.0))));
    assert!(first.outcome.reason.unwrap().starts_with("ecs-svc/7 took its place"));
}

#[test]
fn a_crash_loop_is_tasks_that_fail_one_after_the_other() {
    let crash =
        |at: usize, every: f64| crashed(task(NEW, &format!("a{at}"), at as f64 * every), at as f64 * every + 30.0);
    let told = |count: usize, every: f64| {
        whole(held(), (0..count).map(|at| crash(at, every)).collect()).findings.contains_key(&FindingKind::CrashLoop)
    };
    assert!(told(3, 60.0));
    assert!(!told(2, 60.0), "twice is no loop");
    assert!(!told(3, 1.0), "side by side they are one attempt");
    assert!(!told(20, 1.4), "however many, the last began before the second attempt was over");
    let some =
        (0..3).map(|at| crash(at, 60.0)).chain((0..9).map(|at| task(NEW, &format!("b{at}"), f64::from(at) * 10.0)));
    assert!(!whole(held(), some.collect()).findings.contains_key(&FindingKind::CrashLoop), "most stayed up");
    let mut other = crash(2, 60.0);
    other.stopped_reason = Some("OutOfMemoryError: killed".to_owned());
    let three = vec![crash(0, 60.0), crash(1, 60.0), other];
    assert!(!whole(held(), three).findings.contains_key(&FindingKind::CrashLoop), "not for one reason");
}

#[test]
fn pulls_at_one_time_are_counted() {
    // A pull takes 6 s.
    let told = |count: usize, every: f64| {
        let tasks = (0..count).map(|at| task(NEW, &format!("a{at}"), at as f64 * every)).collect();
        whole(held(), tasks).findings.get(&FindingKind::PullsTogether).map(|found| found.count)
    };
    assert_eq!(told(10, 0.5), Some(10));
    assert_eq!(told(9, 0.5), None);
    assert_eq!(told(20, 3.0), None, "two at a time");
    assert_eq!(told(20, 0.5), Some(12), "a pull that begins when another ends is not beside it");
}

fn of_new_api(id: &str, created: f64, status: &str, finished: Option<f64>) -> ServiceDeploymentRecord {
    ServiceDeploymentRecord {
        arn: format!("arn:aws:ecs:eu-west-1:123456789012:service-deployment/prod/web/D{created}"),
        created: Some(s(created)),
        started: Some(s(created + 2.0)),
        finished: finished.map(s),
        status: Some(status.to_owned()),
        status_reason: Some("said".to_owned()),
        target_revision: Some(format!(
            "arn:aws:ecs:eu-west-1:123456789012:service-revision/prod/web/{}",
            id.replace("ecs-svc/", "")
        )),
        ..ServiceDeploymentRecord::default()
    }
}

#[test]
fn every_status_of_the_new_api_is_judged_and_outranks_the_old_one() {
    let old = service(vec![primary(record(NEW, 0.0, "COMPLETED"))], vec![]);
    for (status, state) in [
        ("SUCCESSFUL", State::Held),
        ("ROLLBACK_SUCCESSFUL", State::RolledBack),
        ("ROLLBACK_FAILED", State::Failed),
        ("STOPPED", State::Failed),
        ("PENDING", State::InProgress),
        ("IN_PROGRESS", State::InProgress),
        ("STOP_REQUESTED", State::InProgress),
        ("ROLLBACK_REQUESTED", State::InProgress),
        ("ROLLBACK_IN_PROGRESS", State::InProgress),
        ("SOMETHING_NEW", State::InProgress),
    ] {
        let new = of_new_api(NEW, -1.0, status, Some(250.0));
        let found = choose(&old, &[new], &[], &Wanted::Latest).unwrap();
        assert_eq!((found.outcome.state, found.id.as_str()), (state, NEW), "{status}");
        assert_eq!(found.finished.map(|finish| finish.at), found.is_over().then(|| s(250.0)), "{status}");
        assert_eq!((found.created, found.started), (Some(s(-1.0)), Some(s(1.0))));
    }
    let rollback = RollbackRecord { reason: Some("alarm".to_owned()), started: Some(s(200.0)), revision: None };
    let new = ServiceDeploymentRecord {
        rollback: Some(rollback),
        ..of_new_api(NEW, -1.0, "ROLLBACK_SUCCESSFUL", Some(250.0))
    };
    let found = choose(&old, std::slice::from_ref(&new), &[], &Wanted::Latest).unwrap();
    assert_eq!(found.rollback.unwrap().started, Some(s(200.0)));
    // 90 days of history, and what to say of one that is not in it.
    let past = of_new_api("ecs-svc/77", -9_000.0, "SUCCESSFUL", Some(-8_000.0));
    let both = [new, past];
    assert_eq!(choose(&old, &both, &[], &Wanted::Previous).unwrap().id, "ecs-svc/77");
    assert_eq!(choose(&old, &both, &[], &Wanted::Id("D-9000".to_owned())).unwrap().id, "ecs-svc/77");
    let none = choose(&old, &both, &[], &Wanted::Id("ecs-svc/5".to_owned())).unwrap_err();
    assert_eq!(none.known.iter().map(|known| known.id.as_str()).collect::<Vec<_>>(), [NEW, "ecs-svc/77"]);
}

#[test]
fn ids_are_found_in_what_ecs_writes() {
    let text = "(deployment ecs-svc/12) rolling back to ecs-svc/345. ecs-svc/";
    assert_eq!(deployment_ids(text).collect::<Vec<_>>(), ["ecs-svc/12", "ecs-svc/345"]);
}

/// The rolled back deployment of the goldens, with a log of one of its tasks.
fn bad() -> DeploymentLife {
    let mut deployment = latest(&rolled_back());
    deployment.estimate_created(s(1.0));
    let mut whole = DeploymentLife::new(deployment);
    for number in 0..4_u32 {
        let mut task = task(NEW, &format!("{number:012x}{:020}", 0), 1.0 + f64::from(number) * 15.0);
        if number == 3 {
            // Never started.
            task.times =
                TaskTimes { created: task.times.created, connected: task.times.connected, ..TaskTimes::default() };
            let reason = "CannotPullContainerError: image web:9 <not found> `x` | y";
            whole.add(&life(stopped(task, 60.0, "TaskFailedToStart", reason)), false);
            continue;
        }
        let lines = ["starting", "fatal: no DATABASE_URL\u{1b}[31m"].map(|text| LogLine {
            time: s(20.0),
            observed: None,
            message: text.to_owned(),
            origin: None,
        });
        let log = ContainerLog { container: Some("app".to_owned()), head: lines.to_vec(), ..ContainerLog::default() };
        let at = 19.0 + f64::from(number) * 15.0;
        let observed = TaskObservations { task: crashed(task, at), logs: vec![log], ..TaskObservations::default() };
        whole.add(&TaskLife::new(observed, s(1_000.0), 10), false);
    }
    whole.add(&life(scaled(task(OLD, "0123456789abcdef0123456789abcdef", -900.0), 30.0)), false);
    whole.add(&life(task(BACK, "fedcba9876543210fedcba9876543210", 101.0)), false);
    whole.sort();
    whole
}

fn good() -> DeploymentLife {
    let tasks = (0..30_u32).map(|number| {
        let mut task = task(NEW, &format!("{number:012x}{:020}", 0), 1.0 + f64::from(number) * 2.0);
        task.times.pull_stopped =
            task.times.pull_stopped.map(|at| Time::from_unix_nanos(at.unix_nanos() + u64::from(number) * 10_000_000));
        task
    });
    let stops =
        (0..30_u32).map(|number| scaled(task(OLD, &format!("f{number:031x}"), -900.0), 30.0 + f64::from(number)));
    whole(held(), tasks.chain(stops).collect())
}
