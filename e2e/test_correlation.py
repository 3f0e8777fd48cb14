"""Task traces and application traces, joined: links from log lines, the caller's trace, computed span ids. The application is
instrumented with the real OpenTelemetry SDK; the programs of docs/correlation.md run as they stand there."""

import json
import re
import shutil
import subprocess
import uuid

import json_lines
import pytest
from batch import in_file
from conftest import PROJECT, told_to_stop as drained
from expected import attributes, log_of, span_id
from fake_aws.seed import CREATED, millis
from metadata import Metadata, container
from metadata import task as metadata_task
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from servers import flat
from sqs import Queue, event
from test_export import APP, ENDED, ENVOY
from test_worker import start

PAGE = PROJECT / "docs/correlation.md"
NO_SPAN = "0" * 16


class App:
    """An application with the SDK, sending each span to Jaeger when it ends."""

    def __init__(self, jaeger, name):
        self.provider = TracerProvider(resource=Resource.create({"service.name": name}))
        self.provider.add_span_processor(SimpleSpanProcessor(OTLPSpanExporter(endpoint=f"{jaeger.http}/v1/traces")))
        self.tracer = self.provider.get_tracer("app")

    def span(self, name, traceparent=None):
        """(trace id, span id, traceparent) of a span that was sent."""
        parent = TraceContextTextMapPropagator().extract({"traceparent": traceparent} if traceparent else {})
        with self.tracer.start_as_current_span(name, context=parent) as span:
            carrier = {}
            TraceContextTextMapPropagator().inject(carrier)
        context = span.get_span_context()
        return f"{context.trace_id:032x}", f"{context.span_id:016x}", carrier["traceparent"]


@pytest.fixture
def app(jaeger):
    made = App(jaeger, "checkout")
    yield made
    made.provider.shutdown()


def xray(trace):
    return f"1-{trace[:8]}-{trace[8:]}"


def decimal(hexadecimal):
    return str(int(hexadecimal, 16))


def firelens(log):
    return json.dumps({"container_id": "abc", "container_name": "/ecs-web-app", "source": "stdout", "log": log})


#: How a line names a trace: the form that its link has, whether the link has the span, and the line.
FORMS = [
    ("traceparent", True, lambda t, s: f"calling with traceparent: 00-{t}-{s}-01"),
    ("traceparent", True, lambda t, s: json.dumps({"headers": {"traceparent": f"00-{t}-{s}-01"}})),
    ("trace_id", True, lambda t, s: json.dumps({"level": "info", "trace_id": t, "span_id": s})),
    ("trace_id", True, lambda t, s: json.dumps({"spanId": s, "traceId": t})),
    ("trace_id", True, lambda t, s: json.dumps({"trace.id": t, "span.id": s})),
    ("trace_id", True, lambda t, s: json.dumps({"trace": {"id": t}, "span": {"id": s}})),
    ("trace_id", True, lambda t, s: json.dumps({"otelTraceID": t, "otelSpanID": s, "otelTraceSampled": True})),
    ("trace_id", True, lambda t, s: f"level=info trace_id={t} span_id={s} msg=up"),
    ("trace_id", False, lambda t, s: f"level=info trace_id={t} msg=up"),
    ("trace_id", True, lambda t, s: firelens(json.dumps({"trace_id": t, "span_id": s}))),
    ("xray", True, lambda t, s: f"Root={xray(t)};Parent={s};Sampled=1"),
    ("xray", True, lambda t, s: f"X-Amzn-Trace-Id: Self=1-67891233-12456789abcdef012345678;Root={xray(t)};Parent={s}"),
    ("xray", False, lambda t, s: f"AWS-XRAY-TRACE-ID: {xray(t)}"),
    ("xray", True, lambda t, s: json.dumps({"traceId": xray(t), "spanId": s})),
    ("datadog", True, lambda t, s: f"[dd.trace_id={t} dd.span_id={decimal(s)}] up"),
    ("datadog", True, lambda t, s: json.dumps({"dd.trace_id": decimal(t[16:]), "dd.span_id": decimal(s), "_dd.p.tid": t[:16]})),
]

#: These name no trace.
NONE = ["Root=1-64", "trace_id=4bf92f3577b34da6a3ce", "dd.trace_id=6558934756982132481 dd.span_id=1", f"trace_id={uuid.uuid4()}", f"trace_id={'0' * 32}"]


def links(span):
    """[(trace id, span id, form)]"""
    assert all(attributes(link)["ecspan.link.kind"] == "log line" for link in span.get("links", []))
    return [(link["traceId"], link.get("spanId") or NO_SPAN, attributes(link)["ecspan.link.form"]) for link in span.get("links", [])]


def job(aws, overrides=None, **definition):
    app = {**APP, "exitCode": 0, "definition": definition}
    return aws.seed.task("prod", [app, ENVOY], times=ENDED, service="web", stop_code="UserInitiated", stopped_reason="done", overrides=overrides)


def write(aws, task, name, lines, first=30):
    aws.seed.lines(task, name, [(millis(CREATED, first) + i, line) for i, line in enumerate(lines)])


def test_one_trace_holds_caller_task_and_application_and_the_task_links_to_the_others(ecspan, aws, jaeger, app):
    caller_trace, caller_span, traceparent = App(jaeger, "ci").span("deploy job")
    task = job(aws, [{"name": "app", "environment": [{"name": "TRACEPARENT", "value": traceparent}]}])
    # What the application does in its task: one span below the task's own, and requests of other traces.
    inside = app.span("migrate", f"00-{caller_trace}-{span_id(task.id, 'task')}-01")
    requests = [(form, has_span, line, app.span(f"request {i}")) for i, (form, has_span, line) in enumerate(FORMS)]
    own = [f"trace_id={task.id}", f"traceparent={traceparent}", json.dumps({"trace_id": inside[0], "span_id": inside[1]})]
    write(aws, task, "app", [*own, *NONE, *(line(trace, span) for _, _, line, (trace, span, _) in requests)])
    disagreeing = [app.span(f"proxied {i}") for i in range(3)]
    (one, _, header), (two, two_span, _), (three, _, _) = disagreeing
    write(aws, task, "envoy", [f"traceparent={header} Root={xray(two)};Parent={two_span} trace_id={three}"] * 2)

    run = ecspan("export", f"prod/{task.id}", "--endpoint", jaeger.http)
    assert run.code == 0 and caller_trace in run.err, run

    all_spans = flat(jaeger.trace(caller_trace))
    spans = {span["name"]: span for span in all_spans}
    assert spans["deploy job"]["spanId"] == caller_span
    assert spans["task web"]["parentSpanId"] == caller_span
    assert spans["migrate"]["parentSpanId"] == spans["task web"]["spanId"]
    assert spans["container app"]["parentSpanId"] == spans["task web"]["spanId"]

    found = links(log_of(all_spans, "app"))
    assert found == [(trace, span if has_span else NO_SPAN, form) for form, has_span, _, (trace, span, _) in requests]
    assert links(log_of(all_spans, "envoy")) == [
        (one, disagreeing[0][1], "traceparent"), (two, two_span, "xray"), (three, NO_SPAN, "trace_id")
    ]
    for trace, span, _ in found + links(log_of(all_spans, "envoy")):
        there = {span["spanId"] for span in flat(jaeger.trace(trace))}
        assert span in there or (span == NO_SPAN and there), "a link leads to a span that is there, or to its trace"

    # Pasting the task id leads to the pointer, and from there to the task.
    (pointer,) = flat(jaeger.trace(task.id))
    assert [(link["traceId"], link["spanId"]) for link in pointer["links"]] == [(caller_trace, spans["task web"]["spanId"])]


def log_of_app(file):
    # The file may have records, too.
    lines = json_lines.all_of(file)
    return log_of([span for line in lines for span in flat(line.get("resourceSpans", []))], "app")


def ids(count):
    return [f"{i:032x}" for i in range(0xA0000000000, 0xA0000000000 + count)]


def test_links_do_not_depend_on_what_becomes_of_the_lines(ecspan, aws, collector, tmp_path):
    task = job(aws)
    write(aws, task, "app", [f"trace_id={one} span_id=00f067aa0ba902b7" for one in ids(20)])
    found = {}
    for how in ("events", "records", "both", "none"):
        assert ecspan("export", f"prod/{task.id}", "--logs-as", how, "--to", f"file:{tmp_path / how}").code == 0
        found[how] = links(log_of_app(tmp_path / how))
    assert found["events"] == [(one, "00f067aa0ba902b7", "trace_id") for one in ids(20)]
    assert found["records"] == found["both"] == found["none"] == found["events"]
    assert ecspan("export", f"prod/{task.id}", "--no-logs", "--to", f"file:{tmp_path / 'not'}").code == 0
    assert not any(span["name"] == "log" for span in in_file(tmp_path / "not"))
    assert ecspan("export", f"prod/{task.id}", "--log-lines", "8", "--to", f"file:{tmp_path / 'few'}").code == 0
    assert [trace for trace, _, _ in links(log_of_app(tmp_path / "few"))] == ids(20)[:2] + ids(20)[-6:]
    # The collector takes a link without a span.
    write(aws, task, "envoy", [f"trace_id={ids(1)[0]}"])
    assert ecspan("export", f"prod/{task.id}", "--endpoint", collector.http).code == 0
    assert links(log_of(collector.spans(14), "envoy")) == [(ids(1)[0], NO_SPAN, "trace_id")]


@pytest.mark.parametrize("how", [["--log-lines", "10000"], ["--log-lines", "10000", "--logs-as", "records"], ["--log-lines", "all", "--logs-as", "records"]])
def test_beyond_128_links_are_counted_and_every_export_is_the_same(ecspan, aws, tmp_path, how):
    task = job(aws)
    write(aws, task, "app", [f"trace_id={one}" for one in ids(300)] + [f"trace_id={one} span_id=00f067aa0ba902b7" for one in ids(5)])
    for name in ("once", "twice"):
        assert ecspan("export", f"prod/{task.id}", *how, "--to", f"file:{tmp_path / name}").code == 0
    assert (tmp_path / "once").read_bytes() == (tmp_path / "twice").read_bytes()
    span = log_of_app(tmp_path / "once")
    assert [trace for trace, _, _ in links(span)] == ids(128) and span["droppedLinksCount"] == 172
    assert [span for _, span, _ in links(span)] == ["00f067aa0ba902b7"] * 5 + [NO_SPAN] * 123


def test_show_names_the_traces_under_their_container(ecspan, aws):
    task = job(aws)
    write(aws, task, "app", [f"trace_id={one}" for one in ids(3)])
    run = ecspan("show", f"prod/{task.id}")
    assert f"↗ 3 application traces: {ids(3)[0]}, {ids(3)[1]}" in run.out, run
    document = json.loads(ecspan("show", f"prod/{task.id}", "--format", "json").out)
    (one,) = [one for one in document["containers"] if one["name"] == "app"]
    assert [link["trace_id"] for link in one["links"]] == ids(3) and one["links_dropped"] == 0


def environment(**values):
    return [{"name": name, "value": value} for name, value in values.items()]


def detail(aws, ecspan, task, path):
    """The task as EventBridge has it: what DescribeTasks answers, in an event."""
    assert ecspan("record", f"prod/{task.id}", "-o", path).code == 0
    answers = [answer["answer"] if "answer" in answer else answer for answer in flat_answers(json.loads(path.read_text()))]
    (found,) = [one for answer in answers for one in answer.get("tasks", [])]
    return found


def flat_answers(value):
    """Every object in a bundle that holds tasks."""
    if isinstance(value, dict):
        if "tasks" in value and isinstance(value["tasks"], list):
            yield value
        for inner in value.values():
            yield from flat_answers(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from flat_answers(inner)


OTEL = {
    "OTEL_SERVICE_NAME": "checkout",
    "OTEL_RESOURCE_ATTRIBUTES": "service.namespace=shop%20eu,deployment.environment.name=prod,api.token=s3cret",
}


@pytest.mark.parametrize(("overrides", "name"), [(None, "checkout"), ([{"name": "app", "environment": environment(OTEL_SERVICE_NAME="nightly")}], "nightly")])
def test_the_service_goes_by_its_own_name_from_api_and_event_alike(ecspan, aws, collector, tmp_path, overrides, name):
    task = job(aws, overrides, environment=environment(DB_PASSWORD="hunter2", **OTEL))
    otel = ["--service-name", "otel"]
    assert ecspan("export", f"prod/{task.id}", *otel, "--to", f"file:{tmp_path / 'api'}").code == 0
    found = detail(aws, ecspan, task, tmp_path / "bundle.json")
    (tmp_path / "event.json").write_text(event(found))
    assert ecspan("export", tmp_path / "event.json", "--fetch", *otel, "--to", f"file:{tmp_path / 'event'}").code == 0
    assert (tmp_path / "api").read_bytes() == (tmp_path / "event").read_bytes()
    resource = attributes(in_file(tmp_path / "api")[0]["resource"])
    assert resource["service.name"] == name
    assert (resource["service.namespace"], resource["deployment.environment.name"]) == ("shop eu", "prod")
    text = (tmp_path / "api").read_text()
    assert "s3cret" not in text and "api.token" not in text and "hunter2" not in text

    queue = Queue(aws)
    queue.send(event(found))
    process = start(ecspan, queue, *otel, "--endpoint", collector.http)
    spans = collector.spans(12)
    code, told = drained(process)
    assert code == 0, told
    assert {attributes(span["resource"])["service.name"] for span in spans} == {name}
    assert attributes(spans[0]["resource"]) == resource


def test_a_task_that_names_no_service_goes_by_its_own_and_that_is_said(ecspan, aws, tmp_path):
    task = job(aws)
    run = ecspan("export", f"prod/{task.id}", "--service-name", "otel", "--to", f"file:{tmp_path / 'spans'}")
    assert run.code == 0 and "no essential container sets OTEL_SERVICE_NAME" in run.err, run
    assert attributes(in_file(tmp_path / "spans")[0]["resource"])["service.name"] == "web"


def test_a_worker_waits_for_the_definition_that_names_the_service(ecspan, aws, collector, tmp_path):
    task = job(aws, environment=environment(**OTEL))
    found = detail(aws, ecspan, task, tmp_path / "bundle.json")
    aws.front.reset()
    # As often as the SDK tries itself: then the worker has to ask again.
    aws.front.throttle["DescribeTaskDefinition"] = 2
    queue = Queue(aws)
    queue.send(event(found))
    process = start(ecspan, queue, "--service-name", "otel", "--endpoint", collector.http, env={"AWS_MAX_ATTEMPTS": "2"})
    spans = collector.spans(12)
    _, told = drained(process)
    assert {attributes(span["resource"])["service.name"] for span in spans} == {"checkout"}, told
    assert "ThrottlingException" in told and aws.front.calls["DescribeTaskDefinition"] == 3, told


def test_a_worker_that_may_not_read_definitions_says_so_and_goes_on(ecspan, aws, collector, tmp_path):
    task = job(aws, environment=environment(**OTEL))
    found = detail(aws, ecspan, task, tmp_path / "bundle.json")
    aws.front.deny.add("DescribeTaskDefinition")
    queue = Queue(aws)
    queue.send(event(found))
    process = start(ecspan, queue, "--service-name", "otel", "--endpoint", collector.http)
    spans = collector.spans(12)
    _, told = drained(process)
    assert {attributes(span["resource"])["service.name"] for span in spans} == {"web"}
    assert "the task definition, which names the service" in told, told


def test_a_sidecar_refuses_what_it_cannot_know(ecspan):
    run = ecspan("sidecar", "--service-name", "otel")
    assert run.code == 2 and "--service-name NAME" in run.err, run


RUNTIMES = {
    "bash": (["bash", "-eu"], "sh"),
    "python": (["python3"], "py"),
    "node": (["node"], "mjs"),
    # As install.sh builds, which has compiled most of the standard library so.
    "go": (["go", "run", "-trimpath"], "go"),
}


def programs():
    found = re.findall(r"<!-- runs in e2e/test_correlation.py: (\w+) -->\n```\w+\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert [name for name, _ in found] == list(RUNTIMES)
    return dict(found)


@pytest.fixture(scope="module")
def go_cache():
    """This machine's: what was compiled once is not compiled again."""
    return subprocess.run(["go", "env", "GOCACHE"], capture_output=True, text=True).stdout.strip() if shutil.which("go") else ""


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_the_pages_programs_compute_what_the_program_sends(ecspan, aws, tmp_path, go_cache, runtime):
    command, suffix = RUNTIMES[runtime]
    for tool in (command[0], *(["curl"] if runtime == "bash" else [])):
        if shutil.which(tool) is None:
            pytest.skip(f"{tool} is not on this machine: the {runtime} program of {PAGE.name} was not run")
    traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    file = tmp_path / f"program.{suffix}"
    file.write_text(programs()[runtime])
    for caller in (None, traceparent, traceparent[:-1] + "0", traceparent[:-1] + "2", traceparent[:-1] + "3"):
        overrides = [{"name": "app", "environment": environment(TRACEPARENT=caller)}] if caller else None
        task = job(aws, overrides)
        assert ecspan("export", f"prod/{task.id}", "--no-logs", "--to", f"file:{tmp_path / 'spans'}").code == 0
        root = next(span for span in in_file(tmp_path / "spans") if span["name"] == "task web" and span["spanId"] == span_id(task.id, "task"))
        metadata = Metadata(container("app"), metadata_task(container("app"), TaskARN=task.task_arn))
        try:
            env = {
                **ecspan.environment, "ECS_CONTAINER_METADATA_URI_V4": metadata.url, "GOCACHE": go_cache, "GOTOOLCHAIN": "local",
                **({"TRACEPARENT": caller} if caller else {}),
            }
            done = subprocess.run([*command, file], env=env, cwd=tmp_path, capture_output=True, text=True, timeout=300)
        finally:
            metadata.stop()
        assert done.returncode == 0, done.stderr
        assert done.stdout == f"00-{root['traceId']}-{root['spanId']}-01\n"
