"""What people posted, held against what is right for it: the life of a task and its findings (`../shared/field` says where each is
from). The reading of what is around the JSON is `test_field.py`'s."""

import json

import pytest
from batch import in_file
from public_data import FIELD, needs, posted

pytestmark = needs(FIELD)


@pytest.fixture
def shown(ecspan):
    def show(number):
        run = ecspan("show", posted(number), "--utc")
        assert run.code == 0, run
        document = json.loads(ecspan("show", posted(number), "--format", "json", "--utc").out)
        return run.out, document, {finding["id"]: finding["text"] for finding in document["findings"]}

    return show


def test_a_container_that_could_not_start_in_2018(ecspan, shown, tmp_path):
    out, task, findings = shown("02")
    assert out.count("CannotStartContainerError: API error (500)") == 2, "beside its row and in the findings"
    assert task["failed"] and task["error_type"] == "CannotStartContainerError"
    assert "The specified log group does not" in findings["essential-exit"]
    assert ecspan("export", posted("02"), "--to", f"file:{tmp_path / 'spans'}").code == 0
    spans = {span["name"]: span for span in in_file(tmp_path / "spans")}
    assert spans["task rabbitmq-ecs-autoclustering-task-definition"]["status"]["code"] == 2
    container = spans["container rabbit"]
    assert int(container["endTimeUnixNano"]) - int(container["startTimeUnixNano"]) == 1
    assert "deprovisioning" not in spans, "it took no time"


def test_a_task_that_its_user_is_stopping(shown):
    out, task, findings = shown("26b")
    assert findings["stopped-on-purpose"] == "is being stopped by its user: Task stopped by user"
    assert "RUNNING (UserInitiated) as of 2025-02-03 20:27:51.392" in out and "now" not in out
    assert task["as_of"].startswith("2025-02-03T20:27:51.392")


def test_an_agent_of_ecs_exec_that_started_late(ecspan, shown):
    out, task, findings = shown("27")
    assert "ExecuteCommandAgent of container OnlineATask started 19.6 s after the pull, part of the 30.7 s" in findings["managed-agent"]
    (agent,) = task["containers"][0]["managed_agents"]
    assert agent["name"] == "ExecuteCommandAgent" and agent["status"] == "RUNNING"
    timeline = ecspan("show", posted("27"), "--format", "timeline", "--utc").out
    assert "05:03:45.363+00:00\tCONTAINER:OnlineATask\tManagedAgent:ExecuteCommandAgent started" in timeline, timeline


def test_metadata_of_which_every_id_was_taken(ecspan, shown, tmp_path):
    out, task, _ = shown("34b")
    assert [phase["name"] for phase in task["phases"]] == ["image pull", "starting", "running"]
    assert "clock" not in out, "the file has no container's times"
    run = ecspan("export", posted("34b"), "--to", f"file:{tmp_path / 'none'}")
    assert run.code == 1 and "task NNNN: this is no task's id" in run.err, run


def test_a_pending_task_of_2016(shown):
    out, task, _ = shown("35")
    assert "PENDING as of 2016-09-15 21:57:35.000" in out and "27 min 2 s so far" in out
    assert " d " not in out, "up to the event's time, not to the reader's clock"


def test_a_sidecar_that_ran_out_of_memory_in_a_task_that_runs(ecspan, shown):
    out, _, findings = shown("44")
    assert findings["out-of-memory"] == "container sidecar ran out of memory"
    assert "OutOfMemoryError: Container killed due to memory usage" in out
    assert "CONTAINER:sidecar\tExitCode:137" in ecspan("show", posted("44"), "--format", "timeline").out


def test_two_tasks_that_were_masked_to_one_id(ecspan):
    run = ecspan("show", posted("54"))
    assert run.code == 0 and run.out.count("another task has the same id") == 2, run
    assert "task fuga" in run.out and "task hoge-hoge-hoge-hoge" in run.out
