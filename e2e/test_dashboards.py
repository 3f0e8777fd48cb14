"""examples/grafana: each query names what the program sends, and a real Prometheus answers with the run's own numbers.

Grafana, Tempo and Loki cannot be had here: their queries are read with Grafana's grammars and held against the goldens."""

import json
import math
import re
import subprocess

import pytest
import yaml
from conftest import PROJECT, Ecspan, told_to_stop
from dashboards import FILES, GRAFANA, GRAMMARS, PROMETHEUS, MetricsCollector, Prometheus, boards, filled, panels, queries, trees
from servers import CACHE
from sqs import Queue, event, stopped_tasks
from waiting import wait_until

needs_prometheus = pytest.mark.skipif(not PROMETHEUS.exists(), reason="skipped: Debian's package prometheus is not here (e2e/install.sh)")
needs_grammars = pytest.mark.skipif(not GRAMMARS.exists(), reason="skipped: the grammars from npm are not here (e2e/install.sh)")
#: Pages whose TraceQL is for copying.
PAGES = ["docs/backends.md", "docs/correlation.md", "docs/dashboards.md"]


# What is sent, of the goldens.


def golden():
    """Names of spans, and the attributes of resources, spans and events, that ecspan sends."""
    names, attributes = set(), {"resource": set(), "span": set(), "event": set()}
    for path in (PROJECT / "tests/it/sent").glob("*.jsonl"):
        for line in path.read_text().splitlines():
            request = json.loads(line) if line.startswith("{") else {}
            for resource in request.get("resourceSpans", []) + request.get("resourceLogs", []):
                attributes["resource"] |= {one["key"] for one in resource["resource"]["attributes"]}
                for span in (span for scope in resource.get("scopeSpans", []) for span in scope["spans"]):
                    names.add(span["name"])
                    attributes["span"] |= {one["key"] for one in span["attributes"]}
                    attributes["event"] |= {one["key"] for happened in span["events"] for one in happened["attributes"]}
    return names, attributes


def unknown_in(tree, names, attributes):
    """What a TraceQL query names that ecspan does not send, and what of it is no TraceQL."""
    wrong = [f"no TraceQL at {text!r}" for kind, text in tree if kind == "error"]
    for kind, text in tree:
        scope, _, name = text.partition(".")
        if kind == "AttributeField" and name not in attributes.get(scope, ()):
            wrong.append(text)
        if kind == "FieldExpression" and (compared := re.fullmatch(r'name (=~?) "([^"]*)"', text)):
            fits = re.compile(compared[2] if compared[1] == "=~" else re.escape(compared[2])).fullmatch
            if not any(map(fits, names)):
                wrong.append(text)
    return wrong


def is_an_id(text):
    return re.fullmatch(r"[0-9a-f]{32}", text)


@needs_grammars
def test_each_traceql_query_names_what_is_sent():
    asked = [filled(text, task="84b5991528504856a2f003b7da9b2b82", text="timeout") for _, _, text in queries("tempo")]
    asked = [text for text in asked if not is_an_id(text)]
    assert len(asked) > 10
    found = {text: wrong for text, tree in zip(asked, trees("traceql", asked)) if (wrong := unknown_in(tree, *golden()))}
    assert found == {}


@needs_grammars
@pytest.mark.parametrize("page", PAGES)
def test_each_traceql_query_of_a_page_names_what_is_sent(page):
    text = (PROJECT / page).read_text()
    asked = [one.replace("\\|", "|") for one in re.findall(r"`(\{ .+?)`|^(\{ .*)$", text, re.M) for one in one if one]
    asked = [one for one in asked if "service_instance_id" not in one and '": ' not in one and "service_name" not in one]
    assert asked
    names, attributes = golden()
    # The application's own.
    attributes["resource"] |= {"aws.ecs.task.arn"}
    names |= {"container app"}
    found = {one: wrong for one, tree in zip(asked, trees("traceql", asked)) if (wrong := unknown_in(tree, names, attributes))}
    assert found == {}


@needs_grammars
@pytest.mark.parametrize(
    ("query", "wrong"),
    [
        ('{ span.error.typ = "x" }', ["span.error.typ"]),
        ('{ resource.ecspan.task.stop_code = "x" }', ["resource.ecspan.task.stop_code"]),
        ('{ name = "image pulls" }', ['name = "image pulls"']),
        ('{ name =~ "task .*" } | select(span.ecspan.container.exitcode)', ["span.ecspan.container.exitcode"]),
    ],
)
def test_a_wrong_traceql_query_is_found(query, wrong):
    [tree] = trees("traceql", [query])
    assert unknown_in(tree, *golden()) == wrong
    [broken] = trees("traceql", [query.replace("{", "{ {")])
    assert any(one.startswith("no TraceQL") for one in unknown_in(broken, *golden()))


@needs_grammars
def test_each_logql_query_asks_for_labels_that_loki_makes():
    asked = [filled(text, task="84b5991528504856a2f003b7da9b2b82", text="timeout") for _, _, text in queries("loki")]
    assert asked
    labels = {name.replace(".", "_") for name in golden()[1]["resource"]}
    for text, tree in zip(asked, trees("logql", asked)):
        assert [one for kind, one in tree if kind == "error"] == [], text
        assert {one for kind, one in tree if kind == "Identifier"} <= labels, text


# What Prometheus has, of a run.


def with_status(task, status):
    late = ("stoppingAt", "executionStoppedAt", "stoppedAt") if status == "RUNNING" else ()
    return {**{name: value for name, value in task.items() if name not in late}, "lastStatus": status, "desiredStatus": status}


@pytest.fixture(scope="module")
def run(tmp_path_factory, elasticmq):
    """Two workers after each other: what they said of themselves, and a Prometheus that has seen it all."""
    if not PROMETHEUS.exists():
        pytest.skip("skipped: Debian's package prometheus is not here (e2e/install.sh)")
    folder = tmp_path_factory.mktemp("dashboards")
    ecspan = Ecspan(folder, "http://127.0.0.1:9")
    servers = [MetricsCollector(folder)]
    try:
        servers.append(Prometheus(folder, servers[0].page))
        yield prometheus_after(ecspan, elasticmq, servers[0], servers[1], folder)
    finally:
        ecspan.stop()
        for server in servers:
            server.stop()


def prometheus_after(ecspan, elasticmq, collector, prometheus, folder):
    queue = Queue(elasticmq, receives=1)
    environment = {
        "AWS_ENDPOINT_URL_SQS": queue.endpoint, "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": f"{collector.http}/v1/metrics", "OTEL_METRIC_EXPORT_INTERVAL": "300",
    }
    totals = {"messages": 0, "tasks": 0}
    for service, count in (("web", 4), ("db", 3)):
        tasks = [{**task, "group": f"service:{service}"} for task in stopped_tasks(folder / "tasks.jsonl", count)]
        first, second, *_ = tasks
        first |= {"stopCode": "TaskFailedToStart", "stoppedReason": "CannotPullContainerError: no such image"}
        second |= {"stoppedReason": "Essential container in task exited", "stopCode": "EssentialContainerExited"}
        second["containers"][0] |= {"exitCode": 137, "reason": "OutOfMemoryError: Container killed due to memory usage"}
        process = ecspan.start("worker", "--queue", queue.url, "--logs", "none", "--to", f"file:{folder / service}.jsonl", env=environment)
        for part in ([*tasks[:2], with_status(tasks[2], "RUNNING")], tasks[2:]):
            queue.send(*map(event, part), json.dumps({"detail-type": "x", "source": "y", "detail": {}}))
            totals["messages"] += len(part) + 1
            totals["tasks"] += len(part)
            # The second part is an increase of series that are there: what rates are made of.
            seen = lambda: prometheus.ask("sum(ecspan_messages_settled_total)") == [({}, float(totals["messages"]))]
            wait_until(lambda: f"{totals} in {prometheus.ask('ecspan_messages_settled_total')}", seen, 60, pause=0.2)
        code, told = told_to_stop(process)
        assert code == 0, told
    return prometheus


def answers(prometheus, panel, **values):
    """What a panel's queries answer, one after the other."""
    [found] = [one for board in boards().values() for one in panels(board) if one["title"] == panel]
    return [prometheus.ask(filled(target["expr"], **values)) for target in found["targets"]]


def by(answer, *labels):
    return {tuple(metric[label] for label in labels): value for metric, value in answer}


def test_the_numbers_are_the_runs(run):
    """Of services web (4 tasks) and db (3): two of each fail, one of each was seen running first."""
    assert answers(run, "Started") == [[({}, 2.0)]]
    assert answers(run, "Started", service="web") == [[({}, 1.0)]]
    assert answers(run, "Stopped") == [[({}, 7.0)]]
    assert answers(run, "Failed") == [[({}, 4.0)]]
    assert answers(run, "Failed, of those that stopped", service="(db|cache)") == [[({}, pytest.approx(2 / 3))]]
    [failures] = answers(run, "Failures by service and reason")
    assert by(failures, "ecspan_task_cluster", "ecspan_task_service", "error_type") == {
        ("default", service, reason): 1.0 for service in ("web", "db") for reason in ("CannotPullContainerError", "OutOfMemoryError")
    }


def test_phases_are_those_of_the_tasks(run):
    """Each task of the example pulled for 6.525 s and was starting for 0.885 s: buckets from 5 to 10 s, from 0.5 to 1 s."""
    for status, web in (("RUNNING", 1), ("STOPPED", 4)):
        median, p95, count = (by(one, "ecspan_task_service", "ecspan_task_phase") for one in answers(run, "Phases by service", status=status))
        assert count["web", "image pull"] == count["web", "starting"] == web
        assert 5 < median["web", "image pull"] == pytest.approx(7.5) and p95["web", "image pull"] == pytest.approx(9.75)
        assert 0.5 < median["web", "starting"] <= p95["web", "starting"] <= 1
    assert ("web", "running") in count and "stopping" in {phase for _, phase in count}


def test_each_promql_query_is_answered(run):
    for name, panel, text in queries("prometheus"):
        # A launch's phases went by in one sample; those of stopped tasks grew while Prometheus looked.
        answer = run.ask(filled(text, status="STOPPED"))
        assert answer and not all(math.isnan(value) for _, value in answer), (name, panel["title"], text)


def test_each_promql_query_names_what_is_measured(run):
    metrics = {name for name in run.get("label/__name__/values") if name.startswith("ecspan_")}
    asked = set()
    for name, panel, text in queries("prometheus"):
        wrong, used = unknown_to(run, metrics, text)
        assert wrong == [], (name, panel["title"], text)
        shown = {label for target in panel["targets"] for label in re.findall(r"\{\{(\w+)\}\}", target["legendFormat"])}
        renamed = {label for one in panel.get("transformations", []) for label in one["options"].get("renameByName", {}) if not label.startswith("Value")}
        assert shown | renamed <= {label for metric in used for label in run.series(metric)}, panel["title"]
        asked |= used
    for board in boards().values():
        for variable in board["templating"]["list"]:
            if variable["type"] == "query":
                metric, label = re.fullmatch(r"label_values\((\w+)(?:\{.*\})?, (\w+)\)", variable["definition"]).groups()
                assert label in run.series(metric), variable["name"]
    base = {re.sub(r"_(bucket|count|sum)$", "", metric) for metric in metrics}
    assert base == {re.sub(r"_(bucket|count|sum)$", "", metric) for metric in asked}, "each metric is on a dashboard"


def unknown_to(prometheus, metrics, text):
    """What a PromQL query names that is not there, and the metrics that it asks for."""
    used = set(re.findall(r"\becspan_\w+(?=[{\[ )])", re.sub(r"\{[^}]*\}|by \([^)]*\)", lambda one: " " * len(one[0]), text)))
    wrong = sorted(used - metrics)
    labels = {}
    for metric in used & metrics:
        for label, values in prometheus.series(metric).items():
            labels.setdefault(label, set()).update(values)
    groups = {label.strip() for group in re.findall(r"by \(([^)]*)\)", text) for label in group.split(",")}
    matchers = re.findall(r'(\w+)(=~|!=|!~|=)"([^"]*)"', text)
    wrong += sorted((groups | {label for label, _, _ in matchers}) - set(labels))
    wrong += [f"{label}={value}" for label, sign, value in matchers if "$" not in value and value not in labels.get(label, {value})]
    return wrong, used


@pytest.mark.parametrize(
    ("query", "wrong"),
    [
        ("sum(rate(ecspan_task_exported_total[5m]))", ["ecspan_task_exported_total"]),
        ("sum by (service) (rate(ecspan_tasks_exported_total[5m]))", ["service"]),
        ('rate(ecspan_tasks_exported_total{ecspan_task_last_status="STARTED"}[5m])', ["ecspan_task_last_status=STARTED"]),
        ('rate(ecspan_tasks_exported_total{failed="true"}[5m])', ["failed"]),
    ],
)
def test_a_wrong_promql_query_is_found(run, query, wrong):
    assert unknown_to(run, set(run.get("label/__name__/values")), query)[0] == wrong


# The files themselves.


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_dashboard_is_whole(path):
    """What dashboard-linter would look at, and what breaks without a word: a variable that is not there, panels upon each other."""
    board = json.loads(path.read_text())
    assert board["uid"] == f"ecspan-{path.stem}" and board["title"] and board["description"] and board["tags"] == ["ecspan"]
    variables = {one["name"] for one in board["templating"]["list"]}
    sources = {"${%s}" % one["name"]: one["query"] for one in board["templating"]["list"] if one["type"] == "datasource"}
    ids, taken = set(), set()
    for panel in board["panels"]:
        assert panel["id"] not in ids, panel["title"]
        ids.add(panel["id"])
        place = panel["gridPos"]
        cells = {(x, y) for x in range(place["x"], place["x"] + place["w"]) for y in range(place["y"], place["y"] + place["h"])}
        assert not cells & taken and place["x"] + place["w"] <= 24, panel["title"]
        taken |= cells
    for panel in panels(board):
        assert panel["title"] and panel["description"] and panel["fieldConfig"]["defaults"]["unit"], panel["title"]
        assert len({target["refId"] for target in panel["targets"]}) == len(panel["targets"])
        for source in (panel["datasource"], *(target["datasource"] for target in panel["targets"])):
            assert sources[source["uid"]] == source["type"], panel["title"]
    used = {name for name in re.findall(r"\$\{?(\w+)", json.dumps(board)) if not name.startswith("__")}
    assert used == variables


def types_say(*paths):
    """What Grafana's own types say of these dashboards."""
    run = subprocess.run([CACHE / "grafanatypes", *paths], capture_output=True, text=True, timeout=60)
    return run.returncode, run.stdout + run.stderr


def test_grafanas_own_types_take_each_dashboard():
    assert types_say(*FILES) == (0, "")


@pytest.mark.parametrize("name", ["colorMode", "legendFormat", "tableType", "reduceOptions", "gridPos"])
def test_a_field_that_grafana_does_not_have_is_found(tmp_path, name):
    (tmp_path / "launches.json").write_text((GRAFANA / "dashboards/launches.json").read_text().replace(f'"{name}"', f'"{name}s"', 1))
    code, told = types_say(tmp_path / "launches.json")
    assert code == 1 and f"unexpected field '{name}s'" in told


def test_links_lead_to_dashboards_that_are_there():
    there = {board["uid"]: {one["name"] for one in board["templating"]["list"]} for board in boards().values()}
    links = re.findall(r"/d/([\w-]+)\?var-(\w+)=", "".join(path.read_text() for path in FILES))
    assert links and all(variable in there[uid] for uid, variable in links)


def test_the_compose_file_has_what_its_parts_ask_for():
    compose = yaml.safe_load((PROJECT / "docker-compose.yml").read_text())
    services = compose["services"]
    files = [GRAFANA / "otelcol.yaml", GRAFANA / "prometheus.yml", *GRAFANA.glob("provisioning/datasources/*.yaml")]
    hosts = {host for path in files for host in re.findall(r"(?:http://|endpoint: |\")([a-z]+):\d+", path.read_text())}
    assert hosts == {"tempo", "loki", "prometheus", "otelcol"} and hosts <= set(services)
    mounts = [mount.split(":") for one in services.values() for mount in one.get("volumes", [])]
    mounted = [(source.replace("${TEMPO_FILE", "tempo.yaml"), to) for source, to, *_ in mounts if source.startswith(".")]
    assert all((PROJECT / source).exists() for source, _ in mounted), mounted
    provider = yaml.safe_load((GRAFANA / "provisioning/dashboards/ecspan.yaml").read_text())["providers"][0]
    assert ("./examples/grafana/dashboards", provider["options"]["path"]) in mounted
    # Either Tempo by the two variables that the page names.
    variables = set(re.findall(r"\$\{(\w+):-", (PROJECT / "docker-compose.yml").read_text()))
    page = (PROJECT / "docs/dashboards.md").read_text()
    named = re.search(r"`TEMPO=(\S+) TEMPO_FILE=(\S+) docker compose", page)
    assert variables == {"TEMPO", "TEMPO_FILE"} and (PROJECT / "examples/tempo" / named[2]).exists()


def test_the_collector_takes_its_file():
    run = subprocess.run([CACHE / "otelcol", "validate", "--config", GRAFANA / "otelcol.yaml"], capture_output=True, text=True, timeout=60)
    assert run.returncode == 0, run.stderr


@needs_prometheus
def test_prometheus_takes_its_file():
    run = subprocess.run([PROMETHEUS.with_name("promtool"), "check", "config", GRAFANA / "prometheus.yml"], capture_output=True, text=True, timeout=60)
    assert run.returncode == 0, run.stdout + run.stderr
