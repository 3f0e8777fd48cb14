"""The two published answers that the project started from, read at run time from beside the corpus: the agent's list of two tasks
and the metadata of a container with its pause container."""

import json
import re
import signal

from metadata import Metadata
from public_data import SEEDS, needs
from servers import flat

pytestmark = needs(SEEDS)


def document(prefix, begins, tmp_path):
    """The JSON inside a page of text, without the line breaks that the page puts into its strings."""
    text = next(SEEDS.glob(prefix + "_*.txt")).read_text()
    text = re.sub(r"\s*\n\s*", "", text[text.index(begins) :])
    found, _ = json.JSONDecoder().raw_decode(text)
    path = tmp_path / f"{prefix}.json"
    path.write_text(json.dumps(found))
    return path


def test_the_agents_list_is_drawn_and_not_exported(ecspan, aws, tmp_path):
    path = document("000", '{\n    "Tasks"', tmp_path)
    run = ecspan("show", path)
    assert run.code == 0 and run.out.count("no time is known of this task") == 2, run
    assert "STOPPED" in run.out and "RUNNING" in run.out and "container busybox" in run.out
    refused = ecspan("export", path, "--to", f"file:{tmp_path / 'out'}")
    assert refused.code == 1 and refused.err.count("no time is known of it, so no trace can be made") == 2, refused


def test_metadata_of_a_running_container_is_drawn_and_nothing_of_it_is_final(ecspan, aws, collector, tmp_path):
    path = document("001", '{ "Cluster"', tmp_path)
    run = ecspan("show", path, "--utc")
    assert run.code == 0 and "container nginx-curl" in run.out and "pause" not in run.out, run
    assert "~internal~ecs~pause" in ecspan("show", path, "--all-containers").out
    export = ecspan("export", path, "--endpoint", collector.http)
    assert export.code == 0 and "0 spans: no container has finished" in export.err, export
    whole = ecspan("export", path, "--standalone", "--snapshot", "--endpoint", collector.http)
    assert whole.code == 0 and {"task nginx", "image pull", "container nginx-curl"} <= {span["name"] for span in collector.spans(5)}, whole


def test_metadata_of_a_running_container_played_live(ecspan, aws, collector, jaeger, tmp_path):
    """The published answer again and again, until the task is told to stop and the container ends 19 ms later."""
    running = json.loads(document("001", '{ "Cluster"', tmp_path).read_text())
    own = {"DockerId": "o", "Name": "ecspan", "Type": "NORMAL", "KnownStatus": "RUNNING", "CreatedAt": "2018-02-01T20:55:11Z", "StartedAt": "2018-02-01T20:55:11Z"}
    pause, nginx = running["Containers"]
    ended = {**nginx, "KnownStatus": "STOPPED", "DesiredStatus": "STOPPED", "ExitCode": 0, "FinishedAt": "2018-02-01T20:55:11.083236631Z"}
    running["Containers"].append(own)
    stopped = {**running, "DesiredStatus": "STOPPED", "ExecutionStoppedAt": "2018-02-01T20:55:11.083236631Z", "Containers": [pause, ended, own]}
    endpoint = Metadata(own, running)
    try:
        started = {"ECS_CONTAINER_METADATA_URI_V4": endpoint.url}
        process = ecspan.start("sidecar", "--standalone", "--endpoint", jaeger.http, "--stop-timeout", "10s", env=started)
        endpoint.wait(2)
        endpoint.life.append(stopped)
        process.send_signal(signal.SIGTERM)
        _, told = process.communicate(timeout=60)
        assert process.returncode == 0, told.decode()
    finally:
        endpoint.stop()
    spans = {span["name"]: span for span in flat(jaeger.trace("9781c2480edd4cdb9a93f63cb662a5d3"))}
    assert set(spans) >= {"task nginx", "image pull", "starting", "running", "container nginx-curl"}, told.decode()
    curl, root = spans["container nginx-curl"], spans["task nginx"]
    assert (curl["startTimeUnixNano"], curl["endTimeUnixNano"]) == ("1517518511064236631", "1517518511083236631")
    assert curl["parentSpanId"] == root["spanId"] and curl["status"].get("code", 0) == 0
