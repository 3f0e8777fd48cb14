"""Secrets of a task are found nowhere; what is recorded can be shown again."""

import re

from fake_aws.seed import CREATED, millis
from test_export import APP, ENDED

SECRET = "hunter2-Xq9vTz"


def secretive(aws):
    environment = [{"name": "DB_PASSWORD", "value": SECRET}]
    overrides = [{"name": "app", "command": ["run", f"--token={SECRET}"], "environment": environment}]
    definition = {"environment": environment, "command": [SECRET], "entryPoint": [SECRET], "dockerLabels": {"label": SECRET},
                  "healthCheck": {"command": ["CMD", SECRET]}, "secrets": [{"name": "X", "valueFrom": SECRET}]}
    task = aws.seed.task("prod", [{**APP, "exitCode": 0, "definition": definition}], times=ENDED, service="web",
                         stop_code="UserInitiated", stopped_reason="done", overrides=overrides)
    aws.seed.lines(task, "app", [(millis(CREATED, 30 + i), f"line {i}") for i in range(300)])
    return task


def test_a_secret_is_found_nowhere(ecspan, aws, collector, tmp_path):
    task = secretive(aws)
    name = f"prod/{task.id}"
    runs = [ecspan("show", name, "--format", format, "--all-containers") for format in ("waterfall", "timeline", "json")]
    runs.append(ecspan("export", name, "--to", f"file:{tmp_path / 'spans.jsonl'}", "--to", "otlp", "--protocol", "grpc", "--endpoint", collector.grpc))
    runs.append(ecspan("record", name, "-o", tmp_path / "bundle.json"))
    runs.append(ecspan("ls", "prod"))
    aws.front.deny.update({"DescribeTaskDefinition", "GetLogEvents"})
    runs.append(ecspan("show", name))
    for run in runs:
        assert run.code in (0, 3), run
        for text in (SECRET, "secret-key-of-the-test"):
            assert text not in run.out + run.err
    collector.spans(11)
    for file in ("spans.jsonl", "bundle.json", "traces.jsonl"):
        assert SECRET not in (tmp_path / file).read_text(), file


def test_a_reason_that_repeats_what_the_task_was_given_is_masked(ecspan, aws, collector, tmp_path):
    task = secretive(aws)
    task.stopped_reason = f'failed to start: exec: "--token={SECRET}": executable file not found (DB_PASSWORD={SECRET})'
    name = f"prod/{task.id}"
    shown = ecspan("show", name)
    assert 'exec: "--token=***"' in shown.out, shown
    runs = [shown, ecspan("show", name, "--format", "json"), ecspan("record", name), ecspan("ls", "prod"), ecspan("stats", "--cluster", "prod")]
    runs.append(ecspan("export", name, "--to", "file:-"))
    assert not any(SECRET in run.out + run.err for run in runs)


def test_a_header_is_never_shown(ecspan, aws):
    task = secretive(aws)
    run = ecspan("export", f"prod/{task.id}", "--header", f"api-key={SECRET}", "--endpoint", "http://127.0.0.1:1", "--deadline", "1s")
    assert run.code == 1 and SECRET not in run.err, run
    assert SECRET not in ecspan("export", f"prod/{task.id}", env={"OTEL_EXPORTER_OTLP_HEADERS": SECRET}).err


def test_what_was_recorded_is_shown_again_as_it_was(ecspan, aws, tmp_path):
    task = secretive(aws)
    bundle = tmp_path / "bundle.json"
    assert ecspan("record", f"prod/{task.id}", "-o", bundle).code == 0
    for format in ("waterfall", "timeline", "json"):
        live = ecspan("show", f"prod/{task.id}", "--format", format)
        again = ecspan("show", bundle, "--format", format)
        assert again.code == 0 and again.out == live.out, again
    assert aws.front.calls["GetLogEvents"] == 4 * 2, "only the live ones ask"


def test_what_is_recorded_to_stdout_is_no_file(ecspan, aws):
    task = secretive(aws)
    assert task.id in ecspan("record", f"prod/{task.id}", "-o", "-").out
    assert not (ecspan.home / "-").exists()


def test_a_recorded_gap_is_a_gap_again(ecspan, aws, tmp_path):
    task = secretive(aws)
    aws.front.deny.add("GetLogEvents")
    bundle = tmp_path / "bundle.json"
    assert ecspan("record", f"prod/{task.id}", "-o", bundle).code == 3
    live, again = ecspan("show", f"prod/{task.id}"), ecspan("show", bundle)
    drop_request_id = lambda text: re.sub(r"\(request\s+[0-9a-f-]+\)", "", text)
    assert again.code == 3 and drop_request_id(again.out) == drop_request_id(live.out), again


def test_ls_of_a_file_says_who_reads_it(ecspan, aws):
    (ecspan.home / "task.json").write_text("{}")
    run = ecspan("ls", "task.json")
    assert run.code == 2 and "task.json is a file, and ls asks AWS" in run.err and "ecspan show task.json" in run.err, run
    assert not aws.front.calls


def test_ls_lists_clusters_and_tasks(ecspan, aws):
    task = secretive(aws)
    running = aws.seed.task("prod", [APP], service="web")
    clusters = ecspan("ls")
    assert clusters.code == 0 and clusters.out.splitlines()[1].split() == ["prod", "1", "0", "0", "ACTIVE"], clusters
    tasks = ecspan("ls", "prod").out
    assert task.id in tasks and running.id in tasks and "done" in tasks and "23.8 s" in tasks, tasks
    only = ecspan("ls", "prod", "--status", "running").out
    assert running.id in only and task.id not in only
    assert "note: cluster prod has no such tasks" in ecspan("ls", "prod", "--family", "none").err
