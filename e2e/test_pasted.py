"""What people paste and save, by the whole program: told with its place and in the exit code."""

import json

from conftest import PROJECT

TASK = json.loads((PROJECT / "examples/nginx/task.json").read_text())
FOREIGN = {"version": "0", "detail-type": "EC2 Instance State-change Notification", "source": "aws.ec2", "detail": {"state": "running"}}
OTHER = {"version": "0", "detail-type": "ECS Container Instance State Change", "source": "aws.ecs", "detail": {"status": "ACTIVE"}}


def test_a_file_of_nothing_that_ecs_said_is_an_error_unless_others_say_something(ecspan, tmp_path):
    foreign, own, task = tmp_path / "foreign.jsonl", tmp_path / "own.jsonl", PROJECT / "examples/nginx/task.json"
    foreign.write_text("".join(json.dumps(FOREIGN) + "\n" for _ in range(3)))
    own.write_text(json.dumps(OTHER))
    for command in (["show"], ["export", "--to", f"file:{tmp_path / 'out.jsonl'}"], ["stats"]):
        run = ecspan(*command, foreign)
        assert run.code == 1 and "3 EC2 Instance State-change Notification" in run.err, run
        assert f"error: {foreign}: nothing is in it that ECS said or started" in run.err and "hint: " in run.err, run
        assert ecspan(*command, own).code == 0
        run = ecspan(*command, foreign, task)
        assert run.code == 0 and "error: " not in run.err, run


def test_a_file_to_resend_that_is_not_there_says_where_requests_wait(ecspan, tmp_path):
    run = ecspan("resend", tmp_path / "nosuch.jsonl", "--undelivered", tmp_path)
    assert run.code == 1 and f"hint: what waits is in {tmp_path}" in run.err, run


def test_two_values_of_one_name_are_told_and_the_task_is_drawn(ecspan, tmp_path):
    file = tmp_path / "task.json"
    text = json.dumps(TASK)
    file.write_text(text.replace('"lastStatus": "STOPPED"', '"lastStatus": "RUNNING", "lastStatus": "STOPPED"', 1))
    assert file.read_text() != text
    run = ecspan("show", "--utc", file)
    assert run.code == 3 and run.out == ecspan("show", "--utc", PROJECT / "examples/nginx/task.json").out, run
    assert "lastStatus stands there twice, with two values: the last counts" in run.err, run
