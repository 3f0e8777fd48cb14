"""Files that people posted ($ECSPAN_CORPUS/../field): each is read for what it holds, with the values that stand in it, or named for what
it is."""

import json

from batch import in_file
from conftest import PROJECT
from expected import attributes
from public_data import FIELD, needs, posted

pytestmark = needs(FIELD)


def shown(ecspan, *arguments):
    """The one task that is shown, and what was said of it."""
    run = ecspan("show", *arguments, "--format", "json", "--utc")
    assert run.code == 0, run
    return json.loads(run.out), run.err


def refused(ecspan, path, *says):
    """From a file and from stdin alike: one error and one hint, and nothing that only a parser would say."""
    for run in (ecspan("show", path), ecspan("show", "-", input=path.read_bytes()), ecspan("export", path, "--to", "file:-")):
        assert run.code == 1 and run.out == "", run
        assert [line.split(":")[0] for line in run.err.splitlines()][:2] == ["error", "hint"] and run.err.count("error: ") == 1, run
        assert all(text in run.err for text in says), run
        assert not any(words in run.err for words in ("key must be", "invalid number", "expected value", "EOF")), run


def phases(task):
    return {phase["name"]: phase.get("duration_ms") for phase in task["phases"]}


def test_06_pythons_repr_is_named(ecspan):
    refused(ecspan, posted("06"), "is Python's repr of an answer", "json.dumps(answer, default=str)")


def test_12b_a_table_of_the_cli_is_named(ecspan):
    refused(ecspan, posted("12b"), "is a table of the AWS CLI", "--output json")


def test_14e_json_in_a_string_of_python_is_read(ecspan, tmp_path):
    task, err = shown(ecspan, posted("14e"))
    assert "the JSON stands in other text" in err
    assert (task["task_id"], task["last_status"], task["service"]) == ("abc", "STOPPED", "pro")
    assert (task["start"], task["end"]) == ("2021-07-07T19:37:27.169+00:00", "2021-07-07T19:44:16.522+00:00")
    assert phases(task)["provisioning"] == 28_319.0
    bare = tmp_path / "bare.json"
    text = posted("14e").read_text()
    bare.write_text(text[text.index("{") : text.rindex("}") + 1])
    assert {**shown(ecspan, bare)[0], "origin": None} == {**task, "origin": None}


def test_14i_records_of_firehose_are_the_events_inside(ecspan, tmp_path):
    file = tmp_path / "spans.jsonl"
    run = ecspan("export", posted("14i"), "--to", f"file:{file}")
    assert run.code == 0, run
    spans = in_file(file)
    known = ecspan("export", posted("14e"), "--to", f"file:{tmp_path / 'same.jsonl'}")
    assert known.code == 0 and spans == in_file(tmp_path / "same.jsonl")
    (root,) = [span for span in spans if span["name"].startswith("task ")]
    assert attributes(root)["aws.ecs.task.arn"].endswith(":task/RTCWCluster/abc")


def test_15_the_tasks_of_an_inventory_are_read_as_far_as_they_go(ecspan):
    task, err = shown(ecspan, posted("15"))
    assert err == "" and task["task_id"] == "a5e41fe0-0056-4140-a6fd-c7738959ccc4"
    assert (task["last_status"], task["service"], task["revision"]) == ("RUNNING", "panther-web", 11)
    assert task["start"] == "2020-06-05T20:58:58.000+00:00"
    found = phases(task)
    assert (found["provisioning"], found["image pull"], found["starting"]) == (12_000.0, 43_000.0, 1_000.0)


def test_17b_the_cause_of_a_state_machine_is_its_task(ecspan):
    task, err = shown(ecspan, posted("17b"))
    assert err == "" and task["task_id"] == "5d1f2e6a8b9c4d0e8f7a6b5c4d3e2f10"
    assert (task["stop_code"], task["failed"]) == ("TaskFailedToStart", True)
    assert (task["start"], task["end"]) == ("2025-02-05T12:32:34.707+00:00", "2025-02-05T12:33:30.537+00:00")
    assert "InsufficientFreeAddressesInSubnet" in task["stopped_reason"]


def test_20_a_service_that_was_updated_is_read_by_deploy_and_show_points_there(ecspan):
    path = posted("20")
    run = ecspan("deploy", "--from", path, "--report", "json")
    report = json.loads(run.out)
    assert (report["service"], report["deployment"]) == ("ui", "ecs-svc/6216346761948112104"), run
    assert run.err == "" or "error" not in run.err, run
    refused(ecspan, path, "a service ui, and no task", f"`ecspan deploy --from")


def test_30_a_task_without_its_arn_is_named(ecspan):
    refused(ecspan, posted("30"), "$.tasks[0]: a task without taskArn")


def test_45_tasks_and_services_in_one_object_are_both_read(ecspan):
    task, err = shown(ecspan, posted("45"))
    assert err == "" and (task["task_id"], task["service"]) == ("c1ceba72116f4e6aa3f281eedfad9b5e", "OnlineAService")
    found = phases(task)
    assert (found["provisioning"], found["image pull"], found["starting"]) == (23_706.0, 55_130.0, 30_694.0)
    report = json.loads(ecspan("deploy", "--from", posted("45"), "--report", "json").out)
    assert (report["service"], report["deployment"]) == ("ui", "ecs-svc/6216346761948112104")


def test_events_of_a_service_are_used_for_the_tasks_beside_them(ecspan, tmp_path):
    """As `show task.json services.json`, whatever the services' answer is."""
    service = json.loads(posted("20").read_text())["service"]
    task = json.loads(posted("45").read_text())["tasks"][0]
    event = {**service["events"][0], "message": f"(service ui) has started 1 tasks: (task {task['taskArn'].rsplit('/', 1)[-1]})."}
    service["events"] = [event, *service["events"]]
    (tmp_path / "task.json").write_text(json.dumps({"tasks": [task]}))
    for value in ({"services": [service]}, {"service": service}, service, [service], service["events"]):
        (tmp_path / "services.json").write_text(json.dumps(value))
        run = ecspan("show", tmp_path / "task.json", tmp_path / "services.json")
        assert run.code == 0 and run.err == "" and "(service ui) has started 1 tasks" in run.out, run


def test_a_service_in_pieces_is_the_service(ecspan, tmp_path):
    """Its deployments, its events and its tasks, each as `--query` gives them: the same report as of the whole answer."""
    rollout = PROJECT / "examples/rollout"
    (service,) = json.loads((rollout / "services.json").read_text())["services"]
    whole = ecspan("deploy", "--from", rollout / "services.json", rollout / "tasks.json", "--report", "json")
    for name, value in (("deployments", service["deployments"]), ("events", service["events"])):
        (tmp_path / f"{name}.json").write_text(json.dumps(value))
    pieces = ecspan("deploy", "--from", tmp_path / "deployments.json", tmp_path / "events.json", rollout / "tasks.json", "--report", "json")
    assert pieces.code == whole.code == 0 and json.loads(pieces.out) == json.loads(whole.out), pieces
    for wrapped in ({"service": service}, service, [service], {"name": "web", **{key: service[key] for key in ("deployments", "events", "clusterArn")}}):
        (tmp_path / "service.json").write_text(json.dumps(wrapped))
        same = ecspan("deploy", "--from", tmp_path / "service.json", rollout / "tasks.json", "--report", "json")
        assert same.code == 0 and json.loads(same.out) == json.loads(whole.out), same


def test_events_about_deployments_are_passed_by_with_a_word(ecspan, tmp_path):
    events = tmp_path / "events.jsonl"
    event = {"detail-type": "ECS Deployment State Change", "source": "aws.ecs", "detail": {"eventName": "SERVICE_DEPLOYMENT_FAILED"}}
    events.write_text("\n".join(json.dumps(one) for one in (event, {**event, "detail-type": "ECS Service Action"}, event)))
    run = ecspan("deploy", "--from", PROJECT / "examples/rollout/services.json", PROJECT / "examples/rollout/tasks.json", events)
    assert run.code == 0 and "events.jsonl: passed by: 2 ECS Deployment State Change, 1 ECS Service Action" in run.err, run
    alone = ecspan("deploy", "--from", events)
    assert alone.code == 1 and "passed by: 2 ECS Deployment" in alone.err and "no file speaks of a service" in alone.err, alone
