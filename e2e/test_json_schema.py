"""What is promised of JSON: docs/json has a schema of each document, and each document is as its schema says. Whatever other tests have
printed as JSON is held against them as well (conftest.py)."""

import json

import pytest
import schemas
from conftest import PROJECT
from public_data import CORPUS, FIELD, needs

EXAMPLES = ["nginx", "oom", "wrong-image"]
ROLLOUT = sorted((PROJECT / "examples/rollout").glob("*.json"))


def test_goldens_are_as_their_schemas_say():
    goldens = sorted((PROJECT / "tests/it/drawn").glob("*.json"))
    assert [schemas.check(path.read_text()) for path in goldens] == [1] * len(goldens) and len(goldens) > 1


def test_a_document_that_is_not_as_its_schema_says_is_found():
    golden = json.loads((PROJECT / "tests/it/drawn/nginx.json").read_text())
    for broken in ({**golden, "unheard_of": 1}, {**golden, "ecspan_task": 2}, {**golden, "start": "yesterday"}, {**golden, "start_unix_nano": 1}, {key: value for key, value in golden.items() if key != "gaps"}):
        with pytest.raises(AssertionError):
            schemas.check(json.dumps(broken))


@pytest.mark.parametrize("zone", ["UTC", "Asia/Kolkata"])
def test_tasks_and_reports_and_stats_of_the_examples(ecspan, zone):
    env = {"TZ": zone}
    for name in EXAMPLES:
        files = sorted((PROJECT / "examples" / name).glob("*.json"))
        for options in ([], ["--all-containers"], ["--no-logs"], ["--log-lines", "1"]):
            assert schemas.check(ecspan("show", "--format", "json", *options, *files, env=env).out) == 1, name
    baseline = PROJECT / "tests/it/drawn/deploy-rolled-back.json"
    for options in ([], ["--baseline", baseline], ["--no-logs"]):
        run = ecspan("deploy", "--report", "json", *options, "--from", *ROLLOUT, env=env)
        assert schemas.check(run.out) == 1, run
    for options in ([], ["--by", "zone"], ["--by", "service"], ["--by", "day"]):
        run = ecspan("stats", "--format", "json", *options, *ROLLOUT, env=env)
        assert schemas.check(run.out) == 1, run


@needs(CORPUS)
@pytest.mark.parametrize("folder", ["corpus", "field"])
def test_whatever_is_read_comes_out_as_the_schema_says(ecspan, folder):
    root = {"corpus": CORPUS, "field": FIELD}[folder]
    files = sorted(path for path in root.rglob("*") if path.is_file() and path.suffix != ".md")
    count = 0
    # A hundred at a time: what names the same task is put together, so that all sorts of documents come of them.
    for at in range(0, len(files), 100):
        for format in ("json", "jsonl"):
            count += schemas.check(ecspan("show", "--format", format, *files[at:at + 100]).out)
        count += schemas.check(ecspan("stats", "--format", "json", "--by", "service", *files[at:at + 100]).out)
    assert count > 15, count


def test_lists_and_bundles_of_aws(ecspan, aws, tmp_path):
    app = {"name": "app", "image": "nginx:1.27"}
    ended = {"connected": 2, "pull_started": 8, "pull_stopped": 21, "started": 23, "stopping": 100, "stopped": 112}
    aws.seed.task("prod", [app], service="web")
    task = aws.seed.task("prod", [{**app, "exitCode": 1}], times=ended, stop_code="EssentialContainerExited", stopped_reason="Essential container in task exited")
    aws.seed.lines(task, "app", [(1_795_166_086_000, "one"), (1_795_166_087_000, "two")])
    for command in (["ls"], ["ls", "prod"], ["ls", "prod", "--status", "failed"]):
        run = ecspan(*command, "-o", "json")
        assert run.code == 0 and schemas.check(run.out) == 1, run
    bundle = tmp_path / "bundle.json"
    run = ecspan("record", f"prod/{task.id}", "-o", bundle)
    assert run.code == 0 and schemas.check(bundle.read_text()) == 1, run
    assert {answer["operation"] for answer in json.loads(bundle.read_text())["answers"]} >= {"DescribeTasks", "GetLogEvents"}
    aws.front.deny.add("GetLogEvents")
    run = ecspan("record", f"prod/{task.id}", "-o", bundle)
    assert run.code == 3 and schemas.check(bundle.read_text()) == 1 and json.loads(bundle.read_text())["gaps"], run
