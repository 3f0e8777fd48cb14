"""`ecspan agent` against an ECS agent and a Docker that play the tasks of a container instance."""

import json
import signal
import time
from pathlib import Path

import pytest
from agent import INSTANCE, Agent, arn, container, task
from conftest import told_to_stop
from docker_api import SECRET, STDERR, STDOUT, Docker, frame, inspected
from expected import attributes, nanos, span_id
from making import making
from servers import flat, free_port
from waiting import wait_until

RUNS, ENDED = "0f" * 16, "1e" * 16
APP, SIDE, INIT, MAIN = (letter * 64 for letter in "abcd")
STARTED, DONE = "2026-11-20T10:00:10.123456789Z", "2026-11-20T10:59:58.999999999Z"
STARTED_NS, DONE_NS = "1795168810123456789", "1795172398999999999"


def nothing_unexpected(server):
    assert server.unexpected == [], "a request was not in the script"


@pytest.fixture
def docker():
    def start(containers=None, tcp=False, later=False):
        server = Docker(tcp)
        server.containers.update(containers or {})
        return server if tcp or later else server.start()

    with making(start, nothing_unexpected) as make:
        yield make


@pytest.fixture
def instance():
    with making(Agent, nothing_unexpected) as make:
        yield make


def start(ecspan, agent, docker, *arguments, env=None):
    return ecspan.start("agent", "--agent-url", agent.url, "--docker", docker.host, *arguments, env=env)


def by_name(spans):
    names = {span["spanId"]: span["name"].removeprefix("container ") for span in spans}
    name = lambda span: f"log of {names[span['parentSpanId']]}" if span["name"] == "log" else names[span["spanId"]]
    return {(span["traceId"], name(span)): span for span in spans}


def two_tasks(newer):
    """One that runs with an init container that has finished, and one that has stopped: for want of memory."""
    new = {"image": "app:1", "created": "2026-11-20T10:00:09.3Z", "started": STARTED} if newer else {}
    return [
        task(ENDED, container(APP, "app", **new), container(SIDE, "side", **new), status="STOPPED"),
        task(RUNS, container(INIT, "init", **new), container(MAIN, "main", **new)),
    ]


def their_containers():
    return {
        APP: inspected(APP, STARTED, DONE, code=137, oom=True),
        SIDE: inspected(SIDE, STARTED, "2026-11-20T10:59:59.1Z", code=3, driver="awslogs",
                        options={"awslogs-group": "/ecs/web", "awslogs-stream": f"web/side/{ENDED}", "awslogs-region": "eu-west-1"}),
        INIT: inspected(INIT, "2026-11-20T10:00:09.200809191Z", "2026-11-20T10:00:09.219711004Z"),
        MAIN: inspected(MAIN, STARTED),
    }


@pytest.mark.parametrize("newer", [False, True], ids=["before 1.77", "since 1.77"])
def test_once(ecspan, aws, collector, instance, docker, newer):
    agent, dock = instance(two_tasks(newer)), docker(their_containers())
    run = ecspan("agent", "--once", "--agent-url", agent.url, "--docker", dock.host, "--endpoint", collector.http, "--attr", "team=web")
    assert run.code == 0 and "3 of 3 spans accepted" in run.err, run
    rows = {tuple(line.split()[:5]): " ".join(line.split()[5:]) for line in run.out.splitlines()[1:]}
    assert rows[(ENDED, "web:7", "STOPPED", "app", "STOPPED")].startswith("exit 137, OutOfMemoryError, ran 59 min 49 s"), run
    assert rows[(ENDED, "web:7", "STOPPED", "side", "STOPPED")] == "exit 3, ran 59 min 49 s"
    assert rows[(RUNS, "web:7", "RUNNING", "init", "STOPPED")] == "exit 0, ran 19 ms, 0 log lines"
    assert rows[(RUNS, "web:7", "RUNNING", "main", "RUNNING")].startswith("runs for ") and len(rows) == 4
    spans = by_name(collector.spans(3))
    assert set(spans) == {(ENDED, "app"), (ENDED, "side"), (RUNS, "init")}
    app = spans[(ENDED, "app")]
    assert nanos(app) == (STARTED_NS, DONE_NS)
    assert nanos(spans[(RUNS, "init")]) == ("1795168809200809191", "1795168809219711004")
    assert app["spanId"] == span_id(ENDED, "container/app") and app["parentSpanId"] == span_id(ENDED, "task")
    found = attributes(app)
    assert found["ecspan.time.start.source"] == found["ecspan.time.end.source"] == "docker"
    assert found["ecspan.container.exit_code"] == 137 and found["error.type"] == "OutOfMemoryError"
    assert found["ecspan.container.reason"] == "OutOfMemoryError: Container killed due to memory usage"
    assert found["container.id"] == APP and found["aws.ecs.task.arn"] == arn(ENDED)
    assert found["container.image.name"] == "app" and found["container.image.repo_digests"] == [f"app@sha256:{'2' * 64}"]
    assert app["status"] == {"message": "OutOfMemoryError: Container killed due to memory usage", "code": 2}
    side = attributes(spans[(ENDED, "side")])
    assert side["aws.log.group.names"] == ["/ecs/web"] and side["aws.log.stream.names"] == [f"web/side/{ENDED}"]
    assert dock.asked(SIDE, "logs") == 0 and "logs through awslogs: lines are in CloudWatch Logs" in run.err
    resource = {pair["key"]: pair["value"]["stringValue"] for pair in app["resource"]["attributes"]}
    assert resource["service.name"] == "web" and resource["aws.ecs.cluster.arn"] == "arn:aws:ecs:eu-west-1:123456789012:cluster/prod"
    assert resource["team"] == "web" and resource["aws.ecs.task.revision"] == "7"
    for text in (run.out, run.err, collector.file.read_text()):
        assert SECRET not in text


def test_one_task_by_its_arn_or_a_container(ecspan, aws, instance, docker, tmp_path):
    agent, dock = instance(two_tasks(True)), docker(their_containers(), tcp=True)
    look = lambda *which: ecspan("agent", "--once", "--agent-url", agent.url, *which, "--to", f"file:{tmp_path / 'spans'}", env={"DOCKER_HOST": dock.host})
    one = look("--task", arn(RUNS))
    assert one.code == 0 and one.out.count(RUNS) == 2 and ENDED not in one.out, one
    other = look("--docker-id", SIDE)
    assert other.code == 0 and other.out.count(ENDED) == 2 and RUNS not in other.out, other
    for which in (["--task", arn("2d" * 16)], ["--docker-id", "0000"], ["--task", "x&dockerid=y"]):
        none = look(*which)
        assert none.code == 1 and "the ECS agent knows no task of" in none.err and "hint: " in none.err, none
    assert look("--task", arn(RUNS), "--docker-id", SIDE).code == 2
    assert ecspan("agent", "--task", arn(RUNS)).code == 2, "only with --once"


def test_containers_are_sent_once_they_have_finished(ecspan, aws, jaeger, instance, docker):
    mark = "fa"
    runs, ended = mark + RUNS[2:], mark + ENDED[2:]
    tasks = [task(runs, container(INIT, "init"), container(MAIN, "main"))]
    agent, dock = instance(tasks), docker({INIT: inspected(INIT, STARTED), MAIN: inspected(MAIN, STARTED)})
    begin = time.monotonic()
    process = start(ecspan, agent, dock, "--endpoint", jaeger.grpc, "--protocol", "grpc")
    agent.wait_more(2)
    # Between two looks.
    dock.containers[INIT] = inspected(INIT, STARTED, "2026-11-20T10:00:11.000000001Z", code=1)
    agent.life.append([*tasks, task(ended, container(APP, "app"), status="STOPPED")])
    dock.containers[APP] = inspected(APP, STARTED, DONE)
    wait_until("both tasks in Jaeger", lambda: flat(jaeger.trace(runs)) and flat(jaeger.trace(ended)), 60)
    agent.wait_more(2)
    assert agent.is_calm(begin), "asked no more than once a second"
    code, told = told_to_stop(process)
    assert code == 0 and "2 of 2 spans accepted" in told, told
    assert f"task prod/{runs}: container main had not finished when last seen: its span is not sent" in told
    [init], [app] = flat(jaeger.trace(runs)), flat(jaeger.trace(ended))
    assert (init["name"], nanos(init)) == ("container init", (STARTED_NS, "1795168811000000001"))
    assert (app["name"], nanos(app)) == ("container app", (STARTED_NS, DONE_NS))
    assert init["spanId"] == span_id(runs, "container/init") and attributes(init)["error.type"] == "exit code 1"
    assert dock.asked(APP) <= 2, "what is over is not asked about again"


@pytest.mark.parametrize("trouble", [[500, b"garbage", b'{"Tasks": "none"}'], [Agent.HANG]], ids=["wrong answers", "no answer"])
def test_an_agent_in_trouble_is_asked_again(ecspan, aws, collector, instance, docker, trouble):
    agent, dock = instance(*trouble, two_tasks(False)), docker(their_containers())
    process = start(ecspan, agent, dock, "--endpoint", collector.http)
    assert len(collector.spans(3, within=60)) == 3
    code, told = told_to_stop(process)
    expected = ["the ECS agent does not answer"] if trouble == [Agent.HANG] else ["the ECS agent answered 500; asking again in 2 s", "the agent's answer: line 1",
                                                                            "the agent's tasks: $ is nothing that ecspan knows"]
    assert code == 0 and all(words in told for words in expected), told


def test_one_task_that_cannot_be_read_hides_no_other(ecspan, aws, collector, instance, docker):
    broken = task(RUNS, {**container(MAIN, "main"), "StartedAt": "yesterday"})
    agent, dock = instance([broken, *two_tasks(True)[:1]]), docker(their_containers())
    run = ecspan("agent", "--once", "--agent-url", agent.url, "--docker", dock.host, "--endpoint", collector.http)
    assert run.code == 3 and '$.Tasks[0].Containers[0].StartedAt: "yesterday" is no time' in run.err, run
    assert len(collector.spans(2)) == 2


def test_no_agent(ecspan, aws, instance, docker):
    run = ecspan("agent", "--once", "--agent-url", f"http://127.0.0.1:{free_port()}", "--docker", "none")
    assert run.code == 1 and "the ECS agent does not answer: Connection refused" in run.err and "--agent-url" in run.err, run
    assert ecspan("agent", "--once", "--agent-url", "localhost:51678").code == 2
    for elsewhere in ("ssh://elsewhere", "http://elsewhere"):
        wrong = ecspan("agent", "--once", "--docker", elsewhere)
        assert wrong.code == 2 and "only unix:// and tcp:// are supported" in wrong.err and "hint: " in wrong.err, wrong


@pytest.mark.parametrize("kind", ["no socket", "nobody listens"])
def test_without_docker_no_end_is_known(ecspan, aws, collector, instance, docker, kind):
    dock = docker(later=True)
    if kind == "nobody listens":
        import socket

        socket.socket(socket.AF_UNIX).bind(dock.socket)
    agent = instance(two_tasks(True))
    run = ecspan("agent", "--once", "--agent-url", agent.url, "--docker", dock.host, "--endpoint", collector.http)
    assert run.code == 3 and "exit codes, finish times and logs of containers are not known" in run.err and "hint: " in run.err, run
    assert "0 of 0 spans" in run.err and run.out.count("end unknown") == 4
    process = start(ecspan, agent, dock, "--endpoint", collector.http)
    agent.wait_more(4)
    agent.life.append([])
    agent.wait_more(2)
    code, told = told_to_stop(process)
    assert code == 3 and told.count("are not known") == 1, told
    assert f"task prod/{RUNS}: vanished from the agent's list with container init, main: its end was never seen" in told


def test_a_docker_that_comes_back_is_no_gap(ecspan, aws, collector, instance, docker):
    agent, dock = instance(two_tasks(False)), docker(their_containers(), later=True)
    process = start(ecspan, agent, dock, "--endpoint", collector.http)
    agent.wait_more(2)
    dock.start()
    assert len(collector.spans(3)) == 3
    code, told = told_to_stop(process)
    assert code == 0 and told.count("are not known") == 1 and "Docker answers again" in told, told


def test_docker_can_be_left_out(ecspan, aws, instance, tmp_path):
    run = ecspan("agent", "--once", "--agent-url", instance(two_tasks(True)).url, "--docker", "none", "--to", f"file:{tmp_path / 'spans'}")
    assert run.code == 0 and "Docker was not asked" in run.err and run.out.count("end unknown") == 4, run


def test_without_docker_what_has_stopped_is_not_said_to_run(ecspan, aws, instance, tmp_path):
    agent = instance(two_tasks(True))
    process = ecspan.start("agent", "--agent-url", agent.url, "--docker", "none", "--to", f"file:{tmp_path / 'spans'}")
    agent.wait_more(2)
    code, told = told_to_stop(process)
    for name in ("app", "side"):
        assert f"task prod/{ENDED}: container {name} has stopped, and its end is not known: its span is not sent" in told, told
    assert f"task prod/{RUNS}: container main had not finished when last seen" in told and told.count("had not finished") == 2
    assert code == 0 and "Docker was not asked" in told, told


@pytest.mark.parametrize("answer", [500, Docker.HANG, b"garbage " + SECRET.encode(), json.dumps({"Id": APP, "State": SECRET}).encode()],
                         ids=["500", "no answer", "no JSON", "another shape"])
def test_a_docker_in_trouble_quotes_nothing(ecspan, aws, collector, instance, docker, answer):
    agent, dock = instance([task(ENDED, container(APP, "app"), status="STOPPED")]), docker({APP: answer})
    process = start(ecspan, agent, dock, "--endpoint", collector.http)
    line = process.stderr.readline().decode()
    dock.containers[APP] = inspected(APP, STARTED, DONE)
    assert len(collector.spans(1)) == 1
    code, told = told_to_stop(process)
    assert code == 0 and SECRET not in line + told and "Docker" in line, line + told


def test_what_may_be_restarted_is_sent_when_its_task_is_over(ecspan, aws, collector, instance, docker):
    by_ecs, by_docker = container(MAIN, "main", RestartCount=2), container(SIDE, "side")
    running, others = task(RUNS, by_ecs, by_docker), two_tasks(False)[:1]
    agent = instance([running, *others])
    dock = docker({**their_containers(), MAIN: inspected(MAIN, STARTED, DONE), SIDE: inspected(SIDE, STARTED, DONE, code=1, policy="always", restarts=4)})
    dock.containers[APP] = inspected(APP, STARTED, DONE)
    process = start(ecspan, agent, dock, "--endpoint", collector.http)
    collector.spans(2)
    agent.wait_more(3)
    assert set(by_name(collector.spans(2))) == {(ENDED, "app"), (ENDED, "side")}
    agent.life.append([task(RUNS, by_ecs, by_docker, status="STOPPED"), *others])
    assert set(by_name(collector.spans(4))) == {(ENDED, "app"), (ENDED, "side"), (RUNS, "main"), (RUNS, "side")}
    code, told = told_to_stop(process)
    assert code == 0 and "4 of 4 spans accepted" in told, told


def test_one_that_is_started_again_at_once_is_not_sent_and_later_is_told(ecspan, aws, collector, instance, docker):
    agent = instance([task(RUNS, container(MAIN, "main"), container(INIT, "init"))])
    # An older agent does not say that there is a restart policy. The first look sees an end, the second that it runs again.
    looks = iter([inspected(MAIN, STARTED, DONE)])
    dock = docker({MAIN: lambda: next(looks, inspected(MAIN, "2026-11-20T11:00:00Z", DONE, running=True)), INIT: inspected(INIT, STARTED)})
    process = start(ecspan, agent, dock, "--endpoint", collector.http)
    wait_until("two looks at container main", lambda: dock.asked(MAIN) >= 2, 60, process=process)
    agent.wait_more(2)
    assert collector.spans(1, within=0) == []
    dock.containers[MAIN] = inspected(MAIN, "2026-11-20T11:00:00Z", "2026-11-20T11:00:05Z")
    assert nanos(collector.spans(1)[0]) == ("1795172400000000000", "1795172405000000000")
    dock.containers[MAIN] = inspected(MAIN, "2026-11-20T11:01:00Z", "2026-11-20T11:00:05Z", running=True)
    agent.wait_more(3)
    code, told = told_to_stop(process)
    assert code == 3 and told.count("container main was started again after its span was sent") == 1, told
    assert len(collector.spans(1)) == 1


def test_a_task_that_vanished(ecspan, aws, collector, instance, docker):
    stays, third = two_tasks(False)[1], "3c" * 16
    agent = instance([stays, task(ENDED, container(APP, "app"), container(SIDE, "side")), task(third, container("e" * 64, "late"))])
    dock = docker({**their_containers(), APP: inspected(APP, STARTED), SIDE: inspected(SIDE, STARTED), "e" * 64: inspected("e" * 64, STARTED)})
    process = start(ecspan, agent, dock, "--endpoint", collector.http)
    agent.wait_more(2)
    # Docker still knows how one ended, has forgotten the other; the third runs on although the agent has forgotten it.
    agent.life.append([stays])
    agent.wait_more(1)
    dock.containers[APP] = inspected(APP, STARTED, DONE)
    del dock.containers[SIDE]
    assert set(by_name(collector.spans(2))) == {(RUNS, "init"), (ENDED, "app")}
    agent.wait_more(2)
    asked = dock.asked(APP)
    dock.containers["e" * 64] = inspected("e" * 64, STARTED, DONE)
    assert (third, "late") in by_name(collector.spans(3))
    agent.wait_more(2)
    assert dock.asked(APP) == asked, "what is over is forgotten"
    code, told = told_to_stop(process)
    assert code == 3 and told.count("gap: ") == 1, told
    assert f"gap: task prod/{ENDED}: vanished from the agent's list with container side: its end was never seen" in told


def test_told_to_stop_in_the_middle_it_loses_nothing(ecspan, aws, collector, instance, docker):
    agent, dock = instance([task(RUNS, container(INIT, "init"), container(MAIN, "main"))]), docker(their_containers())
    process = start(ecspan, agent, dock, "--endpoint", collector.http)
    wait_until("two looks at container main", lambda: dock.asked(MAIN) >= 2, 60)
    dock.delay = 1.0
    before = dock.asked(INIT)
    wait_until("one more look at container init", lambda: dock.asked(INIT) > before, 60)
    # While Docker is being asked. The container finishes before the last look.
    process.send_signal(signal.SIGTERM)
    dock.containers[MAIN] = inspected(MAIN, STARTED, DONE, code=143)
    _, err = process.communicate(timeout=60)
    told = err.decode()
    assert process.returncode == 0 and "2 of 2 spans accepted" in told and "had not finished" not in told, told
    assert "told to stop: looking once more" in told
    assert set(by_name(collector.spans(2))) == {(RUNS, "init"), (RUNS, "main")}


def test_an_agent_that_is_gone_at_the_end_is_a_gap(ecspan, aws, collector, instance, docker):
    agent, dock = instance(two_tasks(False)), docker(their_containers())
    process = start(ecspan, agent, dock, "--endpoint", collector.http)
    collector.spans(3)
    agent.life.append(500)
    dock.containers[MAIN] = inspected(MAIN, STARTED, DONE)
    code, told = told_to_stop(process)
    assert code == 3 and "gap: what ended since the last answer was not seen: the ECS agent answered 500" in told, told
    assert (RUNS, "main") in by_name(collector.spans(4)), "Docker was asked all the same"


def log_events(span):
    return [(event["name"], event["timeUnixNano"], next(iter(attributes(event).values()))) for event in span.get("events", []) if event["name"] != "created"]


def test_logs_that_docker_has(ecspan, aws, collector, instance, docker):
    containers = {
        APP: inspected(APP, STARTED, DONE, driver="json-file"), SIDE: inspected(SIDE, STARTED, DONE, driver="local"),
        INIT: inspected(INIT, STARTED, DONE, driver="fluentd"), MAIN: inspected(MAIN, STARTED, DONE, driver="journald"),
    }
    agent = instance([task(ENDED, *(container(one, name) for one, name in ((APP, "app"), (SIDE, "side"), (INIT, "init"), (MAIN, "main"))), status="STOPPED")])
    dock = docker(containers)
    second = lambda i: f"2026-11-20T10:01:{i:02}.000000001Z"
    dock.logs[APP] = [frame(STDOUT, second(0), "hello"), frame(STDERR, second(1), "level=error msg=\x1b[31mboom"),
                      frame(STDOUT, second(2), "a long ", end=""), frame(STDERR, second(3), "meanwhile"), frame(STDOUT, second(4), "line")]
    dock.logs[SIDE] = [frame(STDOUT, second(i), f"line {i} " + "x" * 300) for i in range(20)]
    dock.logs[MAIN] = 500
    run = ecspan("agent", "--once", "--agent-url", agent.url, "--docker", dock.host, "--endpoint", collector.http, "--log-lines", "5")
    assert run.code == 3 and f"gap: task prod/{ENDED}: the log of container main: Docker answered 500: error 500" in run.err, run
    assert "container init logs through fluentd: lines are elsewhere, not read" in run.err
    spans = by_name(collector.spans(6))
    at = lambda i: str(1795168860000000001 + i * 1_000_000_000)
    assert log_events(spans[(ENDED, "log of app")]) == [
        ("log", at(0), "hello"), ("log", at(1), "level=error msg=\x1b[31mboom"), ("log", at(2), "a long line"), ("log", at(3), "meanwhile"),
    ]
    gap, *lines = log_events(spans[(ENDED, "log of side")])
    assert gap == ("log gap", at(15), "lines before 2026-11-20T10:01:15.000Z not read")
    assert [(name, time) for name, time, _ in lines] == [("log", at(i)) for i in range(15, 20)]
    assert (ENDED, "log of main") not in spans and dock.asked(INIT, "logs") == 0
    assert {query["tail"] for path, query in dock.requests if path.endswith("/logs")} == {"6"}
    count = len(dock.requests)
    assert ecspan("agent", "--once", "--agent-url", agent.url, "--docker", dock.host, "--endpoint", collector.http, "--no-logs").code == 0
    assert not any(path.endswith("/logs") for path, _ in dock.requests[count:])


def test_standalone_sends_the_tasks_too(ecspan, aws, collector, instance, docker):
    pause = container("f" * 64, "~internal~ecs~pause")
    running = task(RUNS, pause, container(INIT, "init"), container(MAIN, "main"))
    agent = instance([running])
    dock = docker({**their_containers(), "f" * 64: {**inspected("f" * 64, "2026-11-20T10:00:01.9Z"), "Created": "2026-11-20T10:00:01.5Z"}})
    process = start(ecspan, agent, dock, "--endpoint", collector.http, "--standalone")
    # Without a pull time there is no phase of it.
    launch = {"starting", "container init"}
    assert {span["name"] for span in collector.spans(2)} <= launch
    agent.wait_more(2)
    dock.containers[MAIN] = inspected(MAIN, STARTED, DONE)
    agent.life.append([{**running, "KnownStatus": "STOPPED"}])
    collector.spans(5)
    agent.wait_more(2)
    code, told = told_to_stop(process)
    assert code == 0, told
    spans = {span["name"]: span for span in collector.spans(5)}
    assert {"task web", "starting", "running", "container init", "container main"} == set(spans), spans.keys()
    assert "container ~internal~ecs~pause" not in spans and len(spans) == len(collector.spans(5)), "each once"
    root = attributes(spans["task web"])
    assert root["ecspan.time.start.source"] == "estimated" and root["ecspan.time.end.source"] == "estimated"
    assert root["ecspan.task.container_instance.arn"] == INSTANCE
    # From the first container's creation to the last one's end, in milliseconds.
    assert nanos(spans["task web"]) == ("1795168809300000000", "1795172398999000000")
    refused = ecspan("agent", "--standalone", "--docker", "none")
    assert refused.code == 2 and "--standalone needs Docker" in refused.err, refused


def test_a_receiver_that_is_down_loses_nothing(ecspan, aws, instance, docker):
    agent, dock = instance(two_tasks(False)), docker(their_containers())
    process = start(ecspan, agent, dock, "--endpoint", f"http://127.0.0.1:{free_port()}", "--deadline", "1s")
    agent.wait_more(4)
    code, told = told_to_stop(process)
    assert code == 1 and "3 saved" in told, told
    saved = list(Path(ecspan.home / "state/ecspan/undelivered").glob("*.jsonl"))
    assert sum(json.loads(file.read_text())["ecspan"]["items"] for file in saved) == 3
    assert not any(SECRET in file.read_text() for file in saved)


def test_docker_inspect_is_a_file_too(ecspan, aws, tmp_path):
    labels = {"task-arn": arn(ENDED), "cluster": "prod", "task-definition-family": "web", "task-definition-version": "7"}
    files = []
    for docker_id, name in ((APP, "app"), (SIDE, "side")):
        document = their_containers()[docker_id]
        document["Config"]["Labels"] |= {f"com.amazonaws.ecs.{key}": value for key, value in {**labels, "container-name": name}.items()}
        files.append(tmp_path / f"{name}.json")
        files[-1].write_text(json.dumps([document]))
    for format in ("waterfall", "timeline", "json"):
        run = ecspan("show", "--utc", "--format", format, *files)
        assert run.code == 0 and SECRET not in run.out + run.err and "side" in run.out, run
    run = ecspan("show", "--utc", *files)
    assert "container app" in run.out and "container side" in run.out and "exit 137" in run.out and "exit 3" in run.out, run


def test_containers_that_ecs_did_not_start_are_passed_by(ecspan, aws, tmp_path):
    app, foreign = their_containers()[APP], [their_containers()[SIDE], their_containers()[INIT]]
    app["Config"]["Labels"] |= {"com.amazonaws.ecs.task-arn": arn(ENDED), "com.amazonaws.ecs.container-name": "app"}
    all_of_them, out = tmp_path / "all.json", tmp_path / "spans"
    for count, told in ((1, "1 container that ECS did not start"), (2, "2 containers that ECS did not start")):
        all_of_them.write_text(json.dumps([foreign[0], app, *foreign[1:count]]))
        run = ecspan("show", "--utc", all_of_them)
        assert run.code == 0 and "container app" in run.out and "error: " not in run.err, run
        assert f"all.json: passed by, for they are not about a task: {told}\n" in run.err and SECRET not in run.err, run
    run = ecspan("export", all_of_them, "--to", f"file:{out}")
    assert run.code == 0 and "1 of 1 span accepted" in run.err and "2 containers that ECS did not start" in run.err, run
