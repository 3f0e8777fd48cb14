"""Log lines that a FireLens router wrote: read as `awslogs` lines are, or a note says where they are."""

import json

import json_lines
import pytest
from expected import attributes
from fake_aws.firelens import lines, record, routed, router, tag
from fake_aws.seed import CREATED, REGION, millis
from servers import flat, flat_logs
from test_export import APP, ENDED

GROUP = "/firelens/web"
CLOUDWATCH = {"Name": "cloudwatch_logs", "region": REGION, "log_group_name": GROUP}
PREFIX = {**CLOUDWATCH, "log_stream_prefix": "from-fluent-bit-"}
OTHER_ACCOUNT = "210987654321"


def with_router(aws, *, also=(), router_more=None, **options):
    """A task that has stopped, of an application whose lines go through a router."""
    containers = [routed({**APP, "exitCode": 1}, **options), *also, router(**(router_more or {}))]
    return aws.seed.task("prod", containers, service="web", times=ENDED, stop_code="EssentialContainerExited", streams=False)


def shown(ecspan, task, *more):
    """What `show --format json` has of the application's lines."""
    run = ecspan("show", f"prod/{task.id}", "--format", "json", *more)
    document = json.loads(run.out)
    app = next(one for one in document["containers"] if one["name"] == "app")
    return run, [line["message"] for line in app.get("log_lines", [])], document


def test_a_prefix_and_the_tag(ecspan, aws, tmp_path):
    task = with_router(aws, **PREFIX)
    texts = ["starting\n", '{"level":"error","msg":"boom"}', "plain"]
    aws.seed.stream(GROUP, "from-fluent-bit-" + tag(task), lines([record(task, text) for text in texts]))
    run, found, _ = shown(ecspan, task)
    assert run.code == 3 and "the log of container log_router" in run.out, "the router's own stream is not there: a gap"
    assert found == ["starting", '{"level":"error","msg":"boom"}', "plain"]

    out = tmp_path / "out.jsonl"
    ecspan("export", f"prod/{task.id}", "--logs-as", "both", "--to", f"file:{out}")
    documents = json_lines.all_of(out)
    records = [one for line in documents for one in flat_logs(line.get("resourceLogs", []))]
    assert [one["body"]["stringValue"] for one in records] == found
    assert [one.get("severityText", "") for one in records] == ["", "error", ""], "severity is the application's"
    assert {attributes(one)["log.iostream"] for one in records} == {"stdout"}
    events = [event for line in documents for span in flat(line.get("resourceSpans", [])) for event in span.get("events", []) if event["name"] == "log"]
    assert [attributes(event)["log.record.original"] for event in events] == found
    assert {attributes(event)["log.iostream"] for event in events} == {"stdout"}


def test_a_router_that_is_on_awslogs_itself(ecspan, aws):
    task = with_router(aws, **PREFIX)
    aws.seed.stream(GROUP, "from-fluent-bit-" + tag(task), lines([record(task, "hello")]))
    aws.seed.lines(task, "log_router", [(millis(CREATED, 29), "[info] [output:cloudwatch_logs] creating log stream")])
    run, found, document = shown(ecspan, task)
    assert run.code == 0 and found == ["hello"], run
    assert "creating log stream" in run.out


def test_what_stands_beside_the_line_is_not_lost(ecspan, aws):
    task = with_router(aws, **PREFIX)
    messages = [
        record(task, "GET /", level="warn", trace_id="a" * 32),
        record(task, None, message="parsed", level="error"),
        record(task, "from an instance", on_ec2=True),
        "not a record",
    ]
    aws.seed.stream(GROUP, "from-fluent-bit-" + tag(task), lines(messages))
    run, found, _ = shown(ecspan, task)
    assert found == ['GET / {"level":"warn","trace_id":"' + "a" * 32 + '"}', '{"message":"parsed","level":"error"}', "from an instance", "not a record"]
    assert '"i-06bc83dbc2ac2fdf8"' in run.out


def test_a_fixed_name_that_all_share(ecspan, aws):
    options = {**CLOUDWATCH, "log_stream_name": "everything"}
    also = [routed({"name": "envoy", "image": "envoy:1", "exitCode": 0}, **options)]
    task = with_router(aws, also=also, **options)
    other = with_router(aws, also=also, **options)
    mixed = []
    for number in range(400):
        mixed += [record(task, f"app {number}"), record(task, f"envoy {number}", "envoy"), record(other, f"other {number}")]
    before = [(millis(CREATED, -86_400 + number), record(other, f"yesterday {number}")) for number in range(100)]
    aws.seed.stream(GROUP, "everything", before + [(millis(CREATED, 24) + number, text) for number, text in enumerate(mixed)])
    _, found, document = shown(ecspan, task, "--log-lines", "1000")
    assert found == [f"app {number}" for number in range(400)]
    _, found, _ = shown(ecspan, task, "--log-lines", "8")
    assert found == ["app 0", "app 1", *(f"app {number}" for number in range(394, 400))], "both ends of its own lines"
    timeline = ecspan("show", f"prod/{task.id}", "--format", "timeline", "--log-lines", "all")
    assert timeline.out.count("CONTAINER:app\tapp ") == 400 and timeline.out.count("CONTAINER:envoy\tenvoy ") == 400, timeline
    assert "other" not in timeline.out and "yesterday" not in timeline.out


def test_another_region(ecspan, aws):
    task = with_router(aws, **{**PREFIX, "region": "us-west-2"})
    aws.seed.stream(GROUP, "from-fluent-bit-" + tag(task), lines([record(task, "from us-west-2")]), region="us-west-2")
    assert shown(ecspan, task)[1] == ["from us-west-2"]


def test_log_key_leaves_the_text(ecspan, aws):
    task = with_router(aws, **{**PREFIX, "log_key": "log"})
    text = '{"container_id":"its own business","log":"x"}'
    aws.seed.stream(GROUP, "from-fluent-bit-" + tag(task), lines(["plain", text]))
    assert shown(ecspan, task)[1] == ["plain", text]


def test_log_key_in_a_shared_stream_is_said(ecspan, aws):
    task = with_router(aws, **CLOUDWATCH, log_stream_name="everything", log_key="log")
    yesterday = [(millis(CREATED, -86_400), "of yesterday")]
    aws.seed.stream(GROUP, "everything", yesterday + lines(["mine, or not"]))
    run, found, document = shown(ecspan, task)
    assert found == ["mine, or not"], "what lies around the task"
    assert any("whose a line is, nothing tells" in note for note in document["notes"]), document["notes"]


@pytest.mark.parametrize("options, group, stream", [
    ({"log_group_name": "/ecs/$(ecs_cluster)", "log_stream_name": "$(ecs_task_id)/app"}, "/ecs/prod", "{id}/app"),
    ({"log_group_name": "/ecs/x", "log_stream_name": "$(tag)"}, "/ecs/x", "app-firelens-{id}"),
    ({"log_group_name": "/ecs/$(kubernetes['x'])", "log_stream_name": "$(ecs_task_id)"}, "fluentbit-default", "{id}"),
    # The router could not fill it in (its metadata was off), and wrote to the default.
    ({"log_group_name": "/ecs/$(ecs_cluster)", "default_log_group_name": "rest", "log_stream_name": "s"}, "rest", "s"),
])
def test_templates(ecspan, aws, options, group, stream):
    task = with_router(aws, **{**CLOUDWATCH, "Name": "cloudwatch", **options})
    aws.seed.stream(group, stream.format(id=task.id), lines([record(task, "found")]))
    assert shown(ecspan, task)[1] == ["found"]


def test_a_stream_that_the_router_alone_knows_is_a_note_and_can_be_named(ecspan, aws):
    task = with_router(aws, **CLOUDWATCH)
    run, _, document = shown(ecspan, task)
    assert any(f"to CloudWatch Logs, log group {GROUP}: its router alone knows the stream" in note for note in document["notes"]), document["notes"]
    aws.seed.stream(GROUP, "by:hand", lines([record(task, "found"), record(task, "another's", "envoy")]))
    assert shown(ecspan, task, "--log-stream", f"app={GROUP}:by:hand")[1] == ["found"]


def test_a_group_of_another_account_is_asked_for_by_its_arn(ecspan, aws):
    arn = f"arn:aws:logs:us-west-2:{OTHER_ACCOUNT}:log-group:{GROUP}"
    task = with_router(aws, **{**PREFIX, "region": "us-west-2", "role_arn": f"arn:aws:iam::{OTHER_ACCOUNT}:role/logs"})
    aws.seed.stream(GROUP, "from-fluent-bit-" + tag(task), lines([record(task, "central")]), region="us-west-2", account=OTHER_ACCOUNT)
    assert shown(ecspan, task)[1] == ["central"]
    asked = [request for request in aws.front.requests["GetLogEvents"] if "logGroupIdentifier" in request]
    assert asked and all(request["logGroupIdentifier"] == arn and "logGroupName" not in request for request in asked)
    for given in (arn, arn + ":*"):
        # As the console gives it, whatever its definition says.
        assert shown(ecspan, task, "--log-stream", f"app={given}:from-fluent-bit-{tag(task)}")[1] == ["central"]


@pytest.mark.parametrize("end", ["", ":*"])
@pytest.mark.parametrize("driver", ["awslogs", "awsfirelens"])
@pytest.mark.parametrize("way", ["show", "records"])
def test_a_group_that_a_container_names_by_its_arn_is_asked_for_by_its_identifier(ecspan, aws, tmp_path, driver, end, way):
    """Which region is asked is the ARN's business, whatever the other options say."""
    arn = f"arn:aws:logs:us-west-2:{OTHER_ACCOUNT}:log-group:{GROUP}"
    if driver == "awslogs":
        task = aws.seed.task("prod", [{**APP, "exitCode": 1}], service="web", times=ENDED, stop_code="EssentialContainerExited", streams=False, group=arn + end)
        stream, messages = f"pfx/app/{task.id}", ["central"]
    else:
        task = with_router(aws, **{**PREFIX, "log_group_name": arn + end})
        stream, messages = "from-fluent-bit-" + tag(task), [record(task, "central")]
        aws.seed.lines(task, "log_router", [])
    aws.seed.stream(GROUP, stream, lines(messages), region="us-west-2", account=OTHER_ACCOUNT)
    if way == "show":
        assert shown(ecspan, task)[1] == ["central"]
    else:
        run = ecspan("export", f"prod/{task.id}", "--log-lines", "all", "--logs-as", "records", "--to", f"file:{tmp_path / 'out'}")
        found = [one for line in json_lines.all_of(tmp_path / "out") for one in flat_logs(line.get("resourceLogs", []))]
        assert run.code == 0 and [one["body"]["stringValue"] for one in found] == ["central"], run
    asked = [request for request in aws.front.requests["GetLogEvents"] if "log_router" not in request["logStreamName"]]
    assert asked and all(request.get("logGroupIdentifier") == arn and "logGroupName" not in request for request in asked), asked


@pytest.mark.parametrize("options, told", [
    ({"Name": "datadog", "Host": "http-intake.logs.datadoghq.com", "apikey": "SECRET"}, "through FireLens to datadog (host http-intake.logs.datadoghq.com)"),
    ({"Name": "s3", "bucket": "logs-of-prod"}, "to s3 (bucket logs-of-prod)"),
    ({"Name": "kinesis_firehose", "delivery_stream": "logs"}, "to kinesis_firehose (delivery_stream logs)"),
    ({"Name": "loki", "host": "loki.internal"}, "to loki (host loki.internal)"),
    ({"Name": "opensearch"}, "to opensearch: its lines are there, not in CloudWatch Logs"),
    ({"at_type": "elasticsearch"}, "to elasticsearch"),
    ({}, "its router's own configuration says where to"),
])
def test_other_outputs_are_named(ecspan, aws, options, told):
    task = with_router(aws, **options)
    aws.seed.lines(task, "log_router", [])
    run = ecspan("show", f"prod/{task.id}")
    text = " ".join((run.out + run.err).split())
    assert run.code == 0 and told in text and "SECRET" not in text, run


def test_a_bundle_and_saved_pages_read_the_same(ecspan, aws, tmp_path):
    options = {**CLOUDWATCH, "log_stream_name": "everything"}
    task = with_router(aws, **options, also=[routed({"name": "envoy", "image": "envoy:1", "exitCode": 0}, **options)])
    messages = [record(task, "one"), record(task, "two", "envoy"), record(task, "three", level="info")]
    aws.seed.stream(GROUP, "everything", lines(messages))
    aws.seed.lines(task, "log_router", [])
    live = shown(ecspan, task)[1]
    bundle = tmp_path / "bundle.json"
    assert ecspan("record", f"prod/{task.id}", "-o", bundle).code == 0
    page = tmp_path / "page.json"
    page.write_text(json.dumps({"events": [{"timestamp": at, "message": text, "ingestionTime": at} for at, text in lines(messages)]}))
    assert live == ["one", 'three {"level":"info"}']
    for files in ([bundle], [bundle, page]):
        run = ecspan("show", *files, "--format", "json")
        app = next(one for one in json.loads(run.out)["containers"] if one["name"] == "app")
        assert [line["message"] for line in app["log_lines"]] == live, run


def test_no_such_stream_is_a_gap(ecspan, aws):
    task = with_router(aws, **PREFIX)
    aws.seed.lines(task, "log_router", [])
    run = ecspan("show", f"prod/{task.id}", "--width", "300")
    assert run.code == 3 and "the log of container app" in run.out and "--log-stream CONTAINER=GROUP:STREAM" in run.out, run
