"""docs/performance.md is made, not typed: of what `benches/report` measured."""

import importlib.machinery
import importlib.util
import json
import subprocess
import sys

import pytest
from conftest import PROJECT


@pytest.fixture(scope="module")
def report():
    loader = importlib.machinery.SourceFileLoader("report", str(PROJECT / "benches/report"))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("report", loader))
    loader.exec_module(module)
    return module


def test_the_page_is_what_was_measured(report):
    assert report.PAGE.read_text() == report.page(json.loads(report.KEPT.read_text())), "benches/report --render"


def test_what_a_machine_lacks_is_named(report):
    page = report.page({"logs": {**one(), "told": [{"kind": "missing", "what": "beside saw", "why": "it is not here"}]}})
    assert "- beside saw: it is not here" in page and "- worker: never run" in page


def test_a_number_of_each_kind_is_on_the_page(report):
    told = [
        {"kind": "row", "table": "logs", "headings": ["what", "CPU"], "cells": ["export", "1.23 µs"]},
        {"kind": "ratio", "what": "ecspan beside saw", "value": "0.45", "aim": ""},
        {"kind": "version", "what": "saw", "version": "0.2.2"},
        {"kind": "command", "what": "saw get", "command": "saw get /ecs/web"},
    ]
    page = report.page({"logs": {**one(), "told": told}})
    assert all(row in page for row in ("| export | 1.23 µs |", "| ecspan beside saw | 0.45 | – |", "| saw | 0.2.2 |", "| saw get | `saw get /ecs/web` |")), page


def one():
    return {"day": "2026-11-26", "revision": "abc", "load": "0.1", "machine": {"processor": "one"}, "seconds": 1}


def test_a_benchmark_tells_what_it_measured(report, monkeypatch):
    """The way from a benchmark's rows to what is kept, and one that breaks off."""
    script = "import rows; rows.Table('t', 'a', 'b').row(1, 2); rows.ratio('r', 0.5); assert False, 'broken'"
    monkeypatch.setitem(report.BENCHES, "logs", ("unused", [], []))
    started = subprocess.Popen
    monkeypatch.setattr(report.subprocess, "Popen", lambda command, **options: started([sys.executable, "-c", script], **options))
    kept, has_ended = report.run("logs", "abc", False)
    assert kept["revision"] == "abc" and not has_ended and [what["kind"] for what in kept["told"]] == ["row", "ratio", "missing"]
    assert kept["told"][0]["cells"] == ["1", "2"] and kept["told"][2]["why"] == "AssertionError: broken"
