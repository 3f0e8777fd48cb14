"""Services that ECS does not deploy itself: their task sets are the deployments. And services that are none any more."""

import json

import pytest
from batch import in_file
from fake_aws.seed import still
from fake_aws.services import SERVICES
from test_deploy import DEPLOY
from waiting import line_with


def words(text):
    return " ".join(text.split())


@pytest.mark.parametrize("controller", ["EXTERNAL", "CODE_DEPLOY"])
@pytest.mark.parametrize("primary, steady, code, said", [
    ("new", True, 0, "✓ held"),
    ("new", False, 0, "… in progress: its task set is PRIMARY and STABILIZING"),
    (None, True, 0, "… in progress: its task set is ACTIVE and STEADY_STATE"),
    ("old", True, 10, "✗ rolled back: its task set is DRAINING, and the earlier ecs-svc/"),
])
def test_a_task_set_is_a_deployment(ecspan, aws, controller, primary, steady, code, said):
    made = aws.rollouts.task_sets(controller, primary=primary, steady=steady)
    run = ecspan(*DEPLOY, "--report-file", "json:report.json")
    assert run.code == code and words(run.out).startswith(said), run
    found = json.loads((ecspan.home / "report.json").read_text())
    assert found["deployment"] == made.id and found["tasks"]["launched"] == 3 and found["task_definition"].endswith("web:2")


def test_a_task_set_is_waited_for_until_it_is_steady_and_has_the_traffic(ecspan, aws):
    made = aws.rollouts.task_sets(primary=None)
    process = ecspan.start(*DEPLOY, "--wait", "--to", "file:spans.jsonl")
    line_with(f"waiting: {made.id}: 3 of 3 running, its task set is ACTIVE and STEADY_STATE\n".encode(), process.stderr)
    sets = made.service["taskSets"]
    with still:
        sets[0]["status"], sets[1]["status"] = "PRIMARY", "DRAINING"
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0 and words(out.decode()).startswith("✓ held"), err
    # The one before was steady when it was replaced.
    before = ecspan(*DEPLOY, "--deployment", "previous")
    assert before.code == 0 and aws.rollouts.old in before.out, before


def test_a_service_without_task_sets_has_nothing_that_held(ecspan, aws):
    aws.rollouts.task_sets("CODE_DEPLOY").service["taskSets"] = []
    run = ecspan(*DEPLOY)
    assert run.code == 1 and "its deployment controller is CODE_DEPLOY, whose deployments are its task sets, and it has none" in run.err, run


def test_what_events_remember_of_a_service_without_a_deployment_is_none_that_held(ecspan, aws):
    aws.rollouts.rolling(2)
    SERVICES["prod", "web"]["service"]["deployments"] = []
    run = ecspan(*DEPLOY)
    assert run.code == 1 and "service web has no deployment\n" in run.err and "held" not in run.out, run


@pytest.mark.parametrize("status, said", [("DRAINING", "it is being deleted"), ("INACTIVE", "it was deleted")])
def test_what_is_being_deleted_did_not_hold(ecspan, aws, status, said):
    aws.rollouts.rolling(2)
    held = ecspan(*DEPLOY, "--to", "file:held.jsonl")
    assert held.code == 0, held
    SERVICES["prod", "web"]["service"]["status"] = status
    run = ecspan(*DEPLOY, "--wait", "--to", "file:deleted.jsonl")
    assert run.code == 11 and words(run.out).startswith(f"✗ failed: the service is {status}: {said} (its deployment: held)"), run
    # How the deployment ended stays what was sent of it.
    spans = [sorted(json.dumps(span, sort_keys=True) for span in in_file(ecspan.home / name)) for name in ("held.jsonl", "deleted.jsonl")]
    assert spans[0] and spans[0] == spans[1]
    aws.rollouts.in_progress()
    SERVICES["prod", "web"]["service"].update(status=status, deployments=[])
    gone = ecspan(*DEPLOY)
    assert gone.code == 1 and "has no deployment" in gone.err, gone
