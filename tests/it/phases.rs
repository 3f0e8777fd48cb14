//! The b0 … b5 rules: worked examples to the millisecond, and properties over any times.

use ecspan::model::Time;
use ecspan::model::observation::TaskTimes;
use ecspan::model::phases::{Phase, PhaseKind, Phases};
use proptest::prelude::*;

fn ms(millis: u64) -> Option<Time> {
    Time::from_unix_millis(millis)
}

/// Name and length in milliseconds of each phase, children indented.
fn lengths(phases: &Phases) -> Vec<String> {
    let millis = |phase: &Phase| phase.length().map_or("open".to_owned(), |length| length.as_millis().to_string());
    let line = |phase: &Phase, indent: &str| format!("{indent}{} {}", phase.kind.name(), millis(phase));
    let of = |phase: &Phase| {
        let children = phase.children.iter().map(|child| line(child, "- "));
        std::iter::once(line(phase, "")).chain(children).collect::<Vec<_>>()
    };
    phases.list.iter().flat_map(of).collect()
}

#[test]
fn the_nginx_task_stopped_by_its_user() {
    let times = TaskTimes {
        created: ms(1_637_945_381_251),
        pull_started: ms(1_637_945_395_744),
        pull_stopped: ms(1_637_945_402_269),
        started: ms(1_637_945_403_154),
        stopping: ms(1_637_946_118_598),
        execution_stopped: ms(1_637_946_130_402),
        stopped: ms(1_637_946_153_559),
        connected: None,
    };
    let phases = Phases::new(&times, true).unwrap();
    let expected = [
        "provisioning 14493",
        "image pull 6525",
        "starting 885",
        "running 715444",
        "stopping 34961",
        "- terminating 11804",
        "- deprovisioning 23157",
    ];
    assert_eq!(lengths(&phases), expected);
    assert_eq!(phases.end.unwrap().since(phases.start).as_millis(), 772_308);
    assert!(!phases.clock_adjusted);
}

#[test]
fn the_image_whose_name_is_wrong() {
    let times = TaskTimes {
        created: ms(1_637_947_755_055),
        execution_stopped: ms(1_637_947_773_527),
        stopping: ms(1_637_947_783_569),
        stopped: ms(1_637_947_797_070),
        ..Default::default()
    };
    let phases = Phases::new(&times, true).unwrap();
    let expected = ["provisioning 18472", "stopping 23543", "- exit noticed 10042", "- deprovisioning 13501"];
    assert_eq!(lengths(&phases), expected);
}

#[test]
fn pulled_but_never_started_with_an_end_cut_to_the_second() {
    let times = TaskTimes {
        created: ms(1_000_000),
        connected: ms(1_003_500),
        pull_started: ms(1_016_800),
        pull_stopped: ms(1_159_800),
        execution_stopped: ms(1_159_000),
        stopping: ms(1_159_800),
        stopped: ms(1_193_000),
        started: None,
    };
    let phases = Phases::new(&times, true).unwrap();
    let expected = [
        "provisioning 16800",
        "- placement and network 3500",
        "- waiting for pull 13300",
        "image pull 143000",
        "starting 0",
        "stopping 33200",
        "- exit noticed 0",
        "- deprovisioning 33200",
    ];
    assert_eq!(lengths(&phases), expected);
    assert!(phases.find(PhaseKind::Starting).unwrap().clock_adjusted);
    assert!(phases.find(PhaseKind::ExitNoticed).unwrap().clock_adjusted);
    assert!(!phases.find(PhaseKind::ImagePull).unwrap().clock_adjusted);
}

#[test]
fn a_pending_task_with_its_network_attached_waits_for_a_pull() {
    let times = TaskTimes { created: ms(1_000), connected: ms(2_000), ..Default::default() };
    let phases = Phases::new(&times, false).unwrap();
    assert_eq!(lengths(&phases), ["provisioning open", "- placement and network 1000", "- waiting for pull open"]);
    assert!(phases.all().all(|phase| !phase.is_final));
}

#[test]
fn a_connection_after_provisioning_says_nothing_about_it() {
    for connected in [ms(1_000), ms(5_000), ms(9_000)] {
        let times = TaskTimes { created: ms(1_000), connected, started: ms(5_000), ..Default::default() };
        let phases = Phases::new(&times, false).unwrap();
        assert_eq!(lengths(&phases), ["provisioning 4000", "starting 0", "running open"]);
    }
}

#[test]
fn stopped_without_any_time_of_its_end_ends_at_the_latest_known_time() {
    let times = TaskTimes { created: ms(1_000), started: ms(5_000), ..Default::default() };
    let phases = Phases::new(&times, true).unwrap();
    assert_eq!(lengths(&phases), ["provisioning 4000", "starting 0", "running 0"]);
    assert!(phases.end_estimated);
    assert_eq!(phases.end, ms(5_000));
}

#[test]
fn stopped_without_stopping_has_only_deprovisioning_inside() {
    let times = TaskTimes { created: ms(0), execution_stopped: ms(7), stopped: ms(9), ..Default::default() };
    let phases = Phases::new(&times, true).unwrap();
    assert_eq!(lengths(&phases), ["provisioning 7", "stopping 2", "- deprovisioning 2"]);
}

#[test]
fn no_time_gives_no_phases() {
    assert_eq!(Phases::new(&TaskTimes::default(), true), None);
}

/// Any times: missing, equal, reversed.
fn any_times() -> impl Strategy<Value = TaskTimes> {
    let time = || proptest::option::weighted(0.75, (0..40u64).prop_map(Time::from_unix_nanos));
    (time(), time(), time(), time(), time(), time(), time(), time()).prop_map(|t| TaskTimes {
        created: t.0,
        connected: t.1,
        pull_started: t.2,
        pull_stopped: t.3,
        started: t.4,
        stopping: t.5,
        execution_stopped: t.6,
        stopped: t.7,
    })
}

fn tiles(parent: (Time, Option<Time>), children: &[Phase]) {
    let mut at = parent.0;
    for child in children {
        assert_eq!(child.start, at, "{} begins where the one before it ended", child.kind.name());
        assert!(child.end.is_none_or(|end| end >= child.start));
        at = child.end.unwrap_or(at);
    }
    let last = children.last().unwrap();
    assert_eq!(last.end, parent.1, "{} ends where its parent ends", last.kind.name());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4096))]

    #[test]
    fn phases_tile_the_root_without_overlap_or_hole(times in any_times(), stopped: bool) {
        let stopped = stopped || times.stopped.is_some();
        let Some(phases) = Phases::new(&times, stopped) else { return Ok(()) };
        tiles((phases.start, phases.end), &phases.list);
        if let Some(stopping) = phases.find(PhaseKind::Stopping).filter(|phase| !phase.children.is_empty()) {
            tiles((stopping.start, stopping.end), &stopping.children);
        }
        if let Some(provisioning) = phases.find(PhaseKind::Provisioning).filter(|phase| phase.children.len() == 2) {
            tiles((provisioning.start, provisioning.end), &provisioning.children);
        }
        prop_assert_eq!(phases.end.is_some(), stopped);
        prop_assert_eq!(phases.moments.iter().all(|moment| times.moments().contains(moment)), true);
    }

    #[test]
    fn what_is_final_never_changes_when_later_times_arrive(times in any_times(), later in any_times()) {
        let running = TaskTimes { stopping: None, execution_stopped: None, stopped: None, ..times };
        let Some(before) = Phases::new(&running, false) else { return Ok(()) };
        // What ECS still adds to a task: its end, and a pull's end that moves until the task has started.
        let mut ended = TaskTimes {
            stopping: later.stopping,
            execution_stopped: later.execution_stopped,
            stopped: later.stopped,
            ..running
        };
        if running.started.is_none() {
            ended.pull_stopped = later.pull_stopped.or(running.pull_stopped);
            ended.started = later.started;
            if running.pull_started.is_none() {
                ended.pull_started = later.pull_started;
            }
        }
        let after = Phases::new(&ended, true).unwrap();
        for phase in before.all().filter(|phase| phase.is_final) {
            prop_assert_eq!(after.find(phase.kind).map(|p| Phase { children: vec![], ..p.clone() }), Some(Phase { children: vec![], ..phase.clone() }));
        }
    }

    #[test]
    fn a_clock_is_adjusted_only_where_times_are_reversed(mut sorted in proptest::collection::vec(0..1_000_000u64, 7)) {
        sorted.sort_unstable();
        let at = |i: usize| Some(Time::from_unix_nanos(sorted[i]));
        let times = TaskTimes {
            created: at(0), pull_started: at(1), pull_stopped: at(2), started: at(3),
            stopping: at(4), execution_stopped: at(5), stopped: at(6), connected: None,
        };
        let phases = Phases::new(&times, true).unwrap();
        prop_assert!(!phases.clock_adjusted && phases.all().all(|phase| !phase.clock_adjusted));
        for (phase, i) in phases.list.iter().zip([0, 1, 2, 3, 4]) {
            prop_assert_eq!(phase.start, at(i).unwrap());
        }
    }
}
