"""The two published answers that the project started from, read at run time from beside the corpus: the agent's list of two tasks
and the metadata of a container with its pause container."""

import json
import os
import re
from pathlib import Path

import pytest

SEEDS = Path(os.environ["ECSPAN_CORPUS"]).parent / "seeds" if "ECSPAN_CORPUS" in os.environ else None

pytestmark = pytest.mark.skipif(SEEDS is None or not SEEDS.is_dir(), reason="the seeds are not here: ECSPAN_CORPUS is not set")


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
    assert whole.code == 0 and {"task nginx", "image pull", "container nginx-curl"} <= {span["name"] for span in collector.spans(6)}, whole
