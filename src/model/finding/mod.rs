//! What is worth pointing out in a task's life, each with its evidence. Main type: [`Finding`]. `docs/findings.md` says of each
//! why it matters and what to do.

mod balancer;
mod end;
pub(super) mod kind;
mod launch;
mod sources;

use super::life::TaskLife;
pub use kind::{Finding, FindingKind};

/// All findings of a life: problems first, then where the time went.
pub(super) fn all(life: &TaskLife) -> Vec<Finding> {
    let mut found = Vec::new();
    let mut add = |kind, text| found.push(Finding { kind, text });
    end::out_of_memory(life, &mut add);
    end::why_it_stopped(life, &mut add);
    end::probably_killed(life, &mut add);
    balancer::unhealthy_targets(life, &mut add);
    balancer::slow_draining(life, &mut add);
    end::exited_zero(life, &mut add);
    end::health_check_grace(life, &mut add);
    sources::logs_missing(life, &mut add);
    launch::waited_for_pull(life, &mut add);
    launch::slow(life, &mut add);
    sources::callers_disagree(life, &mut add);
    sources::disagree(life, &mut add);
    launch::longest_phase(life, &mut add);
    launch::managed_agents(life, &mut add);
    sources::clock(life, &mut add);
    let untold = end::container_reasons(life, &found);
    found.extend(untold);
    // A stable sort: problems first.
    found.sort_by_key(|finding| !finding.kind.is_problem());
    found
}

type Add<'a> = &'a mut dyn FnMut(FindingKind, String);
