"""Delivery to AWS X-Ray: signatures, limits, what its refusals mean, what the closing report prints."""

import json

import batch
import pytest
from making import making
from test_faults import says
from xray import XRay

PLAIN = {"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "SECRETEXAMPLE"}
SESSION = {"AWS_ACCESS_KEY_ID": "ASIATOKEN", "AWS_SECRET_ACCESS_KEY": "SECRETTOKEN", "AWS_SESSION_TOKEN": "TOKENEXAMPLE=="}


@pytest.fixture
def xray():
    with making(XRay) as make:
        yield make


@pytest.fixture
def recent(tmp_path):
    return batch.write(tmp_path / "tasks.jsonl", 2, seconds_ago=3_600)


def trace_ids(path):
    return list(map(batch.task_id, batch.tasks_in(path)))


@pytest.mark.parametrize("keys", [PLAIN, SESSION], ids=["keys", "keys with a session token"])
@pytest.mark.parametrize("compression", ["gzip", "none"])
def test_a_signature_that_aws_accepts(ecspan, aws, xray, recent, keys, compression):
    to = xray()
    run = ecspan("export", recent, "--to", "xray:eu-west-1", "--endpoint", to.url, "--compression", compression, env=keys)
    assert run.code == 0 and "18 of 18 spans accepted" in run.err, run
    [seen] = to.seen
    assert (seen["why"], seen["region"], seen["path"]) == (None, "eu-west-1", "/v1/traces")
    assert seen["headers"]["content-type"] == "application/x-protobuf"
    assert seen["headers"].get("content-encoding") == ("gzip" if compression == "gzip" else None)
    for secret in (*keys.values(), seen["headers"]["authorization"].rsplit("=", 1)[-1]):
        assert secret not in run.err + run.out
    # The id in X-Ray's form, and where the console shows it.
    for trace_id in trace_ids(recent):
        shown = f"1-{trace_id[:8]}-{trace_id[8:]}"
        assert f"https://eu-west-1.console.aws.amazon.com/cloudwatch/home?region=eu-west-1#xray:traces/{shown}" in run.err
        assert trace_id in run.err


def test_the_sdks_own_settings_name_region_and_endpoint(ecspan, aws, xray, recent):
    to = xray()
    run = ecspan("export", recent, "--to", "xray", env={**PLAIN, "AWS_ENDPOINT_URL_XRAY": to.url, "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9"})
    assert run.code == 0 and [seen["region"] for seen in to.seen] == ["ap-northeast-1"], run
    assert ecspan("export", recent, "--to", "xray", "--region", "us-east-2", "--endpoint", to.url, env=PLAIN).code == 0
    assert to.seen[-1]["region"] == "us-east-2"


def test_each_attempt_is_signed_afresh(ecspan, aws, xray, recent):
    to = xray((503, {}), (429, {}), (400, {"__type": "ThrottlingException", "message": "Rate exceeded"}))
    run = ecspan("export", recent, "--to", "xray", "--endpoint", to.url, env=SESSION)
    assert run.code == 0 and "4 attempts" in run.err, run
    assert [seen["why"] for seen in to.seen] == [None] * 4
    assert len({seen["body"] for seen in to.seen}) == 1 and len({seen["headers"]["x-amz-date"] for seen in to.seen}) > 1


def test_one_byte_changed_on_the_way_is_noticed(ecspan, aws, xray, recent):
    run = ecspan("export", recent, "--to", "xray", "--endpoint", xray(corrupt=True).url, env=PLAIN)
    says(run, 1, "X-Ray answered 403 Forbidden", "AWS does not accept these credentials")
    assert "18 saved" in run.err


def test_a_wrong_key_is_named_and_resend_mends_it(ecspan, aws, xray, recent):
    to = xray()
    says(ecspan("export", recent, "--to", "xray", "--endpoint", to.url, env={**PLAIN, "AWS_SECRET_ACCESS_KEY": "WRONGWRONG"}), 1, "403 Forbidden")
    run = ecspan("resend", env=PLAIN)
    assert run.code == 0 and "18 of 18 spans accepted" in run.err and to.seen[-1]["why"] is None, run


@pytest.mark.parametrize(
    ("status", "message", "hint"),
    [
        (400, "The OTLP API is supported with CloudWatch Logs as a Trace Segment Destination.", "aws xray update-trace-segment-destination"),
        (400, "XRay does not have permission to call PutLogEvents on the aws/spans Log Group", "aws logs put-resource-policy"),
        (403, "User is not authorized to perform: xray:PutTraceSegments", "allow xray:PutTraceSegments"),
    ],
)
def test_what_mends_a_refusal_is_said(ecspan, aws, xray, recent, status, message, hint):
    run = ecspan("export", recent, "--to", "xray", "--endpoint", xray((status, {"message": message})).url, env=PLAIN)
    says(run, 1, message, hint)


def test_a_life_that_began_too_long_ago_is_named_and_the_rest_is_sent(ecspan, aws, xray, tmp_path):
    tasks = batch.write(tmp_path / "tasks.jsonl", 1, seconds_ago=30 * 86_400)
    [task] = batch.tasks_in(tasks)
    [recently] = batch.tasks_in(batch.write(tmp_path / "recent.jsonl", 1, seconds_ago=3_600))
    for name in ("stoppingAt", "executionStoppedAt", "stoppedAt"):
        task[name] = recently[name]
    tasks.write_text(json.dumps({"tasks": [task]}))
    to = xray()
    run = ecspan("export", tasks, "--to", "xray", "--endpoint", to.url, env=PLAIN)
    says(run, 4, "task nginx, provisioning, image pull, starting, running, container nginx started more than 14 days ago", "--rebase now")
    assert "3 of 9 spans accepted" in run.err and "6 rejected" in run.err and "1 request set aside" in run.err, run
    rebased = ecspan("export", batch.write(tmp_path / "old.jsonl", 1), "--to", "xray", "--endpoint", to.url, "--rebase", "now", env=PLAIN)
    assert rebased.code == 0, rebased


def test_doctor_tries_it(ecspan, aws, xray):
    to = xray()
    run = ecspan("doctor", "--to", "xray", "--endpoint", to.url, env=PLAIN)
    assert "receiver" in run.out and "X-Ray in ap-northeast-1" in run.out and to.seen[0]["why"] is None, run
    assert run.code == 0


def test_what_makes_no_sense(ecspan, aws):
    for arguments, told in [
        (["--to", "xray:"], "no destination"),
        (["--to", "xray", "--to", "otlp", "--endpoint", "http://127.0.0.1:9"], "--endpoint names one receiver"),
    ]:
        run = ecspan("export", "prod/x", *arguments)
        assert run.code == 2 and told in run.err, run
    run = ecspan("export", "prod/x", "--to", "xray", env={"AWS_REGION": None})
    assert run.code == 2 and "X-Ray needs one" in run.err and "--to xray:REGION" in run.err, run
