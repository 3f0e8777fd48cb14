"""What `.ci/run` does with a test that fails: once more, and then it counts; one that passes then is told of."""

import os
import subprocess
import sys

import flaky
from conftest import TIMEOUT

#: As .ci/run has them.
OPTIONS = ["--quiet", "-p", "no:cacheprovider", "--reruns", "1", "-n", "2", "--dist", "loadfile"]
TESTS = """
import pytest

times = {}

def first(name):
    times[name] = times.get(name, 0) + 1
    return times[name] == 1

@pytest.fixture(scope="module")
def server():
    if first("server"):
        raise OSError("did not start")

def test_with_server(server):
    pass

def test_sure():
    pass

def test_not_sure():
    assert not first("test"), "failed once"
"""


def run(folder, tests):
    (folder / "conftest.py").write_text("from flaky import pytest_terminal_summary\n")
    (folder / "test_it.py").write_text(tests)
    environment = {**os.environ, "PYTHONPATH": os.path.dirname(flaky.__file__), "GITHUB_ACTIONS": "true"}
    run = subprocess.run([sys.executable, "-m", "pytest", *OPTIONS, "."], cwd=folder, env=environment, capture_output=True, text=True, timeout=TIMEOUT)
    return run.returncode, run.stdout


def test_what_passes_the_second_time_is_told_of_with_its_first_failure(tmp_path):
    code, told = run(tmp_path, TESTS)
    assert code == 0 and "3 passed, 2 rerun" in told, told
    section = told.split("flaky: passed the second time: 2 =")[1]
    assert "OSError: did not start" in section and "AssertionError: failed once" in section and "test_sure" not in section
    assert "\n::warning title=flaky test::test_it.py::test_not_sure passed the second time\n" in section


def test_what_fails_twice_fails_the_run_and_is_not_called_flaky(tmp_path):
    code, told = run(tmp_path, TESTS + "\n\ndef test_broken():\n    assert False\n")
    assert code == 1 and "FAILED test_it.py::test_broken" in told, told
    assert "test_broken" not in told.split("flaky: ")[1].split("A test that is not sure")[0]


def test_without_a_failure_nothing_is_said(tmp_path):
    code, told = run(tmp_path, "def test_sure():\n    pass\n")
    assert code == 0 and "flaky" not in told, told
