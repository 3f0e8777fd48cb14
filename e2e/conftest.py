"""Fixtures: the program as a user runs it, the loopback AWS, the OTLP servers."""

import os
import signal
import subprocess
from pathlib import Path

import pytest
import schemas
from fake_aws import REGION, FakeAWS
from flaky import pytest_terminal_summary  # noqa: F401 (pytest finds its hooks here)
from making import making
from proxy import Proxy
from receiver import Receiver
from servers import Collector, ElasticMQ, Jaeger

PROJECT = Path(__file__).parent.parent
BINARY = Path(os.environ.get("ECSPAN_BIN", PROJECT / "target/debug/ecspan"))
#: A run that takes longer hangs.
TIMEOUT = 600


@pytest.fixture(scope="session")
def aws_server():
    server = FakeAWS().start()
    yield server
    server.stop()


@pytest.fixture
def aws(aws_server):
    """The loopback AWS, without tasks, faults and counts."""
    aws_server.reset()
    return aws_server


@pytest.fixture(scope="session")
def jaeger(tmp_path_factory):
    server = Jaeger(tmp_path_factory.mktemp("jaeger"))
    yield server
    server.stop()


@pytest.fixture(scope="session")
def elasticmq(tmp_path_factory):
    server = ElasticMQ(tmp_path_factory.mktemp("elasticmq"))
    yield server
    server.stop()


@pytest.fixture
def collector(tmp_path):
    server = Collector(tmp_path)
    yield server
    server.stop()


@pytest.fixture
def receiver():
    def look(server):
        assert server.unscripted == 0, "a request was not in the script"

    with making(Receiver, look) as make:
        yield make


@pytest.fixture
def proxy():
    with making(Proxy) as make:
        yield make


class Ecspan:
    """Runs the program with nothing of this machine's in its environment."""

    def __init__(self, home, aws_url):
        self.home, self.started = home, []
        self.environment = {
            "PATH": os.environ["PATH"], "HOME": str(home), "XDG_STATE_HOME": str(home / "state"), "LANG": "C.UTF-8", "TZ": "UTC",
            "AWS_ACCESS_KEY_ID": "AKIDTESTTESTTESTTEST", "AWS_SECRET_ACCESS_KEY": "secret-key-of-the-test", "AWS_REGION": REGION,
            "AWS_EC2_METADATA_DISABLED": "true", "AWS_ENDPOINT_URL": aws_url, "NO_PROXY": "*",
        }

    def start(self, *arguments, program=BINARY, env=None, **options):
        environment = {name: value for name, value in {**self.environment, **(env or {})}.items() if value is not None}
        pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        self.started.append(subprocess.Popen([program, *map(str, arguments)], env=environment, cwd=self.home, **{**pipes, **options}))
        return self.started[-1]

    def stop(self):
        """Ends what a test that failed left running."""
        for process in self.started:
            if process.poll() is None:
                process.kill()
                process.wait()

    def __call__(self, *arguments, env=None, input=None):
        stdin = subprocess.DEVNULL if input is None else subprocess.PIPE
        process = self.start(*arguments, env=env, stdin=stdin)
        out, err = process.communicate(input, timeout=TIMEOUT)
        schemas.check(out.decode())
        return Run(process.returncode, out.decode(), err.decode())


def told_to_stop(process):
    """How it ended, and what it said that was not read before."""
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=TIMEOUT)
    return process.returncode, err.decode()


class Run:
    def __init__(self, code, out, err):
        self.code, self.out, self.err = code, out, err

    def __repr__(self):
        return f"exit {self.code}\n--- stdout\n{self.out}\n--- stderr\n{self.err}"


@pytest.fixture
def ecspan(tmp_path, aws_server):
    home = tmp_path / "home"
    home.mkdir()
    program = Ecspan(home, aws_server.url)
    yield program
    program.stop()
