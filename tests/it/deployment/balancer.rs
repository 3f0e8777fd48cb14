//! What a load balancer adds to a rollout: draining, checks, and how the time of the whole is told apart.

use ecspan::model::TaskLife;
use ecspan::model::deployment::DeploymentLife;
use ecspan::model::finding::FindingKind;
use ecspan::model::merge::TaskObservations;
use ecspan::model::observation::{TaskRecord, TaskTimes};
use ecspan::model::service::ServiceRecord;
use ecspan::render::report;

use super::report::{report, style};
use super::{NEW, OLD, event, latest, life, primary, record, s, scaled, service, task};

/// A rolling deployment behind a target group: 60 s of launching, 100 s until the old ones are told to stop, 300 s of draining.
fn drained() -> DeploymentLife {
    let said = [
        event(10.0, "was unable to place a task because no container instance met all of its requirements."),
        event(
            90.0,
            "(port 80) is unhealthy in (target-group arn:x:targetgroup/web/1) due to (reason Request timed out)",
        ),
        event(
            95.0,
            "(port 80) is unhealthy in (target-group arn:x:targetgroup/web/1) due to (reason Request timed out)",
        ),
        event(161.0, "has begun draining connections on 1 tasks."),
        event(480.0, "(deployment ecs-svc/2) deployment completed."),
    ];
    let service = ServiceRecord {
        target_groups: vec!["arn:x:targetgroup/web/1".to_owned()],
        ..service(vec![primary(record(NEW, 0.0, "COMPLETED"))], said.to_vec())
    };
    let new =
        TaskRecord { times: TaskTimes { started: Some(s(60.0)), ..task(NEW, "a", 2.0).times }, ..task(NEW, "a", 2.0) };
    let mut old = scaled(task(OLD, "b", -900.0), 160.0);
    (old.times.execution_stopped, old.times.stopped) = (Some(s(465.0)), Some(s(470.0)));
    let deployment = latest(&service);
    let around = deployment.around(&old);
    let mut whole = DeploymentLife::new(deployment);
    whole.add(&life(new), false);
    let observed = TaskObservations { task: old, around, ..TaskObservations::default() };
    whole.add(&TaskLife::new(observed, s(1_000.0), 10), false);
    whole.sort();
    whole
}

#[test]
fn the_time_of_a_rollout_is_told_apart_into_launches_waits_and_draining() {
    let life = drained();
    let path = life.path().unwrap();
    let seconds = [path.whole, path.launch, path.stopping, path.waiting].map(|length| length.as_secs());
    // 2 s before the first launch and 10 s after the last stop nothing moves, either.
    assert_eq!(seconds, [480, 58, 310, 112]);
    assert_eq!(seconds[0], seconds[1..].iter().sum::<u64>());
    let text = report::text(&report(&life, None), &style(true)).split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        text.contains("the rollout's 8 min 0 s were 5 min 10 s of nothing but old tasks that drained and stopped; 1 min 52 s in which nothing moved: health checks, the scheduler; 58.0 s of launches"),
        "{text}"
    );
}

#[test]
fn the_load_balancers_part_is_found_in_a_deployment() {
    let life = drained();
    let found = |kind: FindingKind| life.findings.get(&kind).map(|found| (found.count, found.text.as_str()));
    let (count, text) = found(FindingKind::UnhealthyTargets).unwrap();
    assert_eq!((count, text), (2, "targets were unhealthy in target group web, 2 times: Request timed out"));
    assert!(
        found(FindingKind::SlowToHealthy).unwrap().1.starts_with("after a had started nothing moved for 1 min 40 s")
    );
    assert!(found(FindingKind::SlowDraining).unwrap().1.contains("its stop timeout is at most 120 s"));
    assert!(
        found(FindingKind::SlowPlacement).unwrap().1.starts_with("no place was found for a task, once: was unable")
    );
    // Blue/green bakes: that nothing moves then is what was asked for.
    let mut of_baking = life.deployment.clone();
    of_baking.strategy = Some("BLUE_GREEN".to_owned());
    let mut baking = DeploymentLife::new(of_baking);
    baking.launches = life.launches.clone();
    baking.sort();
    assert!(!baking.findings.contains_key(&FindingKind::SlowToHealthy));
}
