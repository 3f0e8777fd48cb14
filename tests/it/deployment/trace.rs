//! The trace of a deployment: append-only, within its bounds, with ids that anyone can compute.

use std::time::SystemTime;

use ecspan::model::Time;
use ecspan::model::deployment::DeploymentLife;
use ecspan::model::observation::TaskRecord;
use ecspan::trace::{Mode, ParentPolicy, TraceOptions, caller, deployment, ids};
use opentelemetry::trace::{SpanId, Status};

use super::{CLUSTER, NEW, OLD, bad, crashed, held, latest, rolling_back, s, scaled, task, whole};

#[test]
fn spans_are_append_only_and_a_launch_that_failed_before_the_end_is_an_error() {
    let names = |life: &DeploymentLife, options: &TraceOptions| -> Vec<String> {
        let spans = deployment::trace(life, options).spans;
        spans.iter().map(|span| format!("{} {:?}", span.name, span.status != Status::Unset)).collect()
    };
    let options = TraceOptions::default();
    let bad = bad();
    let all = names(&bad, &options);
    let count = |name: &str| all.iter().filter(|one| *one == name).count();
    assert_eq!((count("deployment true"), count("rollback false"), count("queued false")), (1, 1, 0));
    assert_eq!((count("launch false"), count("launch true"), count("provisioning true")), (0, 4, 1));
    assert_eq!((count("stop true"), count("stop false"), count("failed tasks true")), (3, 1, 1));
    assert_eq!(names(&bad, &options), all);

    // While it goes on there is no root, and what has been sent does not change.
    let mut going = bad.clone();
    going.deployment = latest(&rolling_back());
    let trace = deployment::trace(&going, &options);
    assert_eq!(trace.pending, ["deployment", "3 launches"]);
    let before: Vec<SpanId> = trace.spans.iter().map(|span| span.span_context.span_id()).collect();
    let final_spans = deployment::trace(&bad, &options).spans;
    for span in trace.spans {
        let same = final_spans.iter().find(|other| other.span_context == span.span_context).unwrap();
        assert_eq!(format!("{same:?}"), format!("{span:?}"));
    }
    assert_eq!(
        final_spans.len() - before.len(),
        6,
        "the root, the rollback, why, and three launches of tasks that had started"
    );

    // Ids can be computed by anyone.
    let identity = bad.deployment.identity();
    assert_eq!(identity, format!("{CLUSTER}|web|{NEW}"));
    let launch = deployment::launch_path(&format!("{:012x}{:020}", 3, 0), None);
    assert!(final_spans.iter().any(|span| span.span_context.span_id() == ids::deployment_span_id(&identity, &launch)));
    let snapshot = deployment::trace(&going, &TraceOptions { mode: Mode::Snapshot(s(2_000.0)), ..options.clone() });
    assert!(snapshot.pending.is_empty() && snapshot.trace_id != trace.trace_id);

    let parent = caller::from_w3c("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", None).unwrap();
    let child = deployment::trace(&bad, &TraceOptions { parent: ParentPolicy::Explicit(parent.clone()), ..options });
    assert_eq!(child.spans[0].parent_span_id, parent.span_id());
    assert_eq!(
        (child.caller_trace_id, child.spans[1].span_context.trace_id()),
        (Some(parent.trace_id()), child.trace_id)
    );
}

#[test]
fn a_stop_that_outlives_the_deployment_is_cut_at_its_end_and_says_when_it_was_over() {
    let life =
        whole(held(), vec![task(NEW, "0123456789abcdef0123456789abcdef", 1.0), scaled(task(OLD, "f", -900.0), 30.0)]);
    let end = life.deployment.finished.unwrap().at;
    let mut late = life.clone();
    let outliving = Time::from_unix_nanos(end.unix_nanos() + 5_000_000_000);
    late.stops[0].phases.as_mut().unwrap().end = Some(outliving);
    for (life, said) in [(life, vec![]), (late, vec![SystemTime::from(outliving)])] {
        let spans = deployment::trace(&life, &TraceOptions::default()).spans;
        let stop = spans.iter().find(|span| span.name == "stop").unwrap();
        assert_eq!(stop.events.iter().map(|event| event.timestamp).collect::<Vec<_>>(), said);
        for span in &spans {
            assert!(spans[0].start_time <= span.start_time && span.end_time <= spans[0].end_time, "{span:?}");
            assert!(span.start_time < span.end_time, "{span:?}");
        }
    }
}

#[test]
fn large_deployments_have_launches_without_phases() {
    let of = |count: u32| {
        let tasks = (0..count).map(|number| task(NEW, &format!("{number:012x}{:020}", 0), 1.0)).collect();
        deployment::trace(&whole(held(), tasks), &TraceOptions::default()).spans.len()
    };
    assert_eq!((of(500), of(501)), (1 + 500 * 6, 1 + 501));
}

#[test]
fn a_launch_waits_for_an_end_that_began_before_the_deployment_was_over() {
    let names = |task: TaskRecord| -> Vec<String> {
        let spans = deployment::trace(&whole(held(), vec![task]), &TraceOptions::default()).spans;
        spans
            .iter()
            .filter(|span| !span.parent_span_is_remote)
            .map(|span| format!("{} {:?}", span.name, span.status != Status::Unset))
            .collect()
    };
    let zoned = |task: TaskRecord| TaskRecord { availability_zone: Some("eu-west-1b".to_owned()), ..task };
    let launched = |names: Vec<String>| names.into_iter().find(|name| name.starts_with("launch"));
    let ending = |at: f64| {
        let mut task = crashed(zoned(task(NEW, "a", 10.0)), at);
        (task.times.stopped, task.last_status) = (None, Some("DEACTIVATING".to_owned()));
        task
    };
    assert_eq!(launched(names(zoned(task(NEW, "a", 10.0)))).unwrap(), "launch eu-west-1b false");
    assert_eq!(launched(names(ending(290.0))), None, "whether that is a failure is not known yet");
    assert_eq!(launched(names(crashed(zoned(task(NEW, "a", 10.0)), 290.0))).unwrap(), "launch eu-west-1b true");
    // What ends later is none of the deployment's.
    assert_eq!(launched(names(ending(301.0))).unwrap(), "launch eu-west-1b false");
    assert_eq!(launched(names(crashed(zoned(task(NEW, "a", 10.0)), 301.0))).unwrap(), "launch eu-west-1b false");
}
