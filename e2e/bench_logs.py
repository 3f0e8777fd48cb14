"""Whole logs: CPU a line and peak memory, as records to the collector and to a file, beside other readers of CloudWatch Logs (those of
`benches/peers.sh`), and beside fetching the same pages and throwing them away. Run after `cargo build --release`: `python e2e/bench_logs.py [LINES…]`.

The pages are canned: moto would be what is measured. Peers write to /dev/null."""

import http.client
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import peak
import peers
import rows
from http_server import HttpServer
from servers import Collector

HERE = Path(__file__).parent
BINARY = Path(os.environ.get("ECSPAN_BIN", HERE.parent / "target/release/ecspan"))
#: Events of a page, as many as CloudWatch Logs gives; of about 100 bytes each, a page is about its 1 MB.
PAGE = 10_000
TASK_ID = "0123456789abcdef0123456789abcdef"
ARN = "arn:aws:ecs:eu-west-1:123456789012"
START = 1_795_000_000
LINE = '{"level":"info","msg":"request served","path":"/api/v1/items/%07d","ms":12}'

TASK = {
    "taskArn": f"{ARN}:task/prod/{TASK_ID}", "clusterArn": f"{ARN}:cluster/prod", "taskDefinitionArn": f"{ARN}:task-definition/web:1",
    "lastStatus": "STOPPED", "stopCode": "UserInitiated", "createdAt": START - 60, "startedAt": START, "stoppingAt": START + 1_000,
    "executionStoppedAt": START + 1_010, "stoppedAt": START + 1_020, "containers": [{"name": "app", "lastStatus": "STOPPED", "runtimeId": "r", "exitCode": 0}],
}
GROUP, STREAM = "/ecs/web", f"ecs/app/{TASK_ID}"
STREAM_FOUND = {"logStreamName": STREAM, "creationTime": START * 1_000, "firstEventTimestamp": START * 1_000, "lastEventTimestamp": (START + 1_010) * 1_000}
OPTIONS = {"awslogs-group": GROUP, "awslogs-region": "eu-west-1", "awslogs-stream-prefix": "ecs"}
DEFINITION = {
    "taskDefinitionArn": f"{ARN}:task-definition/web:1", "family": "web",
    "containerDefinitions": [{"name": "app", "essential": True, "logConfiguration": {"logDriver": "awslogs", "options": OPTIONS}}],
}


class Canned(HttpServer):
    """Answers from bytes that were made before."""

    def __init__(self, lines):
        self.lines, self.calls = lines, 0
        bounds = [(first, min(first + PAGE, lines)) for first in range(0, lines, PAGE)]
        self.pages = {part: self.page(*part) for part in bounds}
        found = [[{**self.event(i), "eventId": str(i), "logStreamName": STREAM} for i in range(*part)] for part in bounds]
        self.found = [json.dumps({"events": part, **({"nextToken": f"f/{at + 1}"} if at + 1 < len(found) else {})}).encode() for at, part in enumerate(found)]
        super().__init__(self.answer)

    @staticmethod
    def event(number):
        return {"timestamp": START * 1_000 + number, "ingestionTime": START * 1_000 + number + 5, "message": LINE % number}

    def page(self, start, stop):
        return json.dumps({"events": list(map(self.event, range(start, stop))), "nextForwardToken": f"f/{stop}", "nextBackwardToken": f"b/{start}"}).encode()

    def log_events(self, startTime=0, endTime=None, limit=PAGE, startFromHead=False, nextToken=None, **_):
        begin = max(0, startTime - START * 1_000)
        end = self.lines if endTime is None else max(begin, min(self.lines, endTime - START * 1_000))
        direction, at = (nextToken or ("f/" if startFromHead else "b/")).split("/")
        if direction == "f":
            start = int(at or begin)
            stop = max(start, min(start + limit, end))
        else:
            stop = int(at or end)
            start = min(stop, max(stop - limit, begin))
        return self.pages.get((start, stop)) or self.page(start, stop)

    def answer(self, path, headers, body):
        operation = headers["X-Amz-Target"].rsplit(".", 1)[-1]
        request = json.loads(body)
        answered = {
            "DescribeTasks": lambda: json.dumps({"tasks": [TASK], "failures": []}).encode(),
            "DescribeTaskDefinition": lambda: json.dumps({"taskDefinition": DEFINITION}).encode(),
            "DescribeLogGroups": lambda: json.dumps({"logGroups": [{"logGroupName": GROUP}]}).encode(),
            "DescribeLogStreams": lambda: json.dumps({"logStreams": [STREAM_FOUND]}).encode(),
            "ListClusters": lambda: json.dumps({"clusterArns": [TASK["clusterArn"]]}).encode(),
            "ListTasks": lambda: json.dumps({"taskArns": [TASK["taskArn"]]}).encode(),
            "GetLogEvents": lambda: self.log_events(**request),
            "FilterLogEvents": lambda: self.found[int(request.get("nextToken", "f/0")[2:])],
        }[operation]()
        return 200, {"Content-Type": "application/x-amz-json-1.1"}, answered


def fetch_and_discard(port):
    connection = http.client.HTTPConnection("127.0.0.1", port)
    token = "f/0"
    while True:
        connection.request("POST", "/", json.dumps({"nextToken": token, "startFromHead": True}), {"X-Amz-Target": "Logs_20140328.GetLogEvents"})
        body = connection.getresponse().read()
        # The token stands at the end; the events are not parsed.
        following = json.loads(b"{" + body[body.rindex(b'"nextForwardToken"'):])["nextForwardToken"]
        if following == token:
            return
        token = following


#: What reads the whole log: a name, its program (None is ecspan), its arguments. ENDPOINT is the canned AWS, RECEIVER the collector.
WHOLE = ["export", f"prod/{TASK_ID}", "--logs-as", "records", "--log-lines", "all"]
READERS = (
    ("ecspan, every line a record, over gRPC", None, [*WHOLE, "--endpoint", "RECEIVER", "--protocol", "grpc"]),
    ("ecspan, every line a record, a file", None, [*WHOLE, "--to", "file:/dev/null"]),
    ("saw get", "saw", ["get", GROUP, "--start", "-87600h", "--endpoint-url", "ENDPOINT"]),
    ("aws logs filter-log-events", "aws", ["logs", "filter-log-events", "--log-group-name", GROUP, "--output", "text"]),
    # A line takes it a hundred times as long: of a million, minutes.
    ("awslogs get", "awslogs", ["get", GROUP, "ALL", "--start", "3650d", "--aws-endpoint-url", "ENDPOINT"]),
)
#: What shows one task and some of its log: each run so many times.
ONE_TASK = (("ecspan show", None, ["show", f"prod/{TASK_ID}"]), ("ecsta trace", "ecsta", ["--cluster", "prod", "trace", "--id", TASK_ID]))
TIMES = 10


class Bench:
    """A canned log and a collector."""

    def __init__(self, lines, folder):
        self.lines, self.folder, self.collector = lines, folder, Collector(folder)
        # A process of its own: what it makes of its pages is none of ecspan's time.
        self.canned = subprocess.Popen([sys.executable, __file__, "serve", str(lines)], stdout=subprocess.PIPE, text=True)
        self.port = int(self.canned.stdout.readline())
        self.endpoint = f"http://127.0.0.1:{self.port}"
        self.environment = {
            "PATH": os.environ["PATH"], "HOME": str(folder), "AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x", "AWS_REGION": "eu-west-1",
            "AWS_DEFAULT_REGION": "eu-west-1", "AWS_ENDPOINT_URL": self.endpoint, "AWS_EC2_METADATA_DISABLED": "true", "NO_PROXY": "*",
        }

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.collector.stop()
        self.canned.kill()
        self.canned.wait()

    def run(self, program, arguments, times=1):
        """What a run took, its seconds by the clock, and what it said to stderr."""
        places = {"ENDPOINT": self.endpoint, "RECEIVER": self.collector.grpc}
        command = [program, *(places.get(argument, argument) for argument in arguments)]
        started = time.monotonic()
        with open(self.folder / "told", "w") as told:
            taken = peak.run(command, times, env=self.environment, cwd=self.folder, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=told)
        wall = time.monotonic() - started
        told = (self.folder / "told").read_text()
        # saw ends with 0 whatever happened.
        assert taken.code == 0 and "Error" not in told, f"{command}: {told}"
        return taken, wall / times, told


def whole(bench, table, programs):
    lines = bench.lines
    started = time.monotonic()
    fetch_and_discard(bench.port)
    table.row("pages fetched and thrown away", f"{lines:,}", "–", "–", f"{lines / (time.monotonic() - started):,.0f}", "–")
    own = {}
    for name, program, arguments in READERS:
        for binary, behind in rows.binaries(BINARY) if program is None else [(programs[program], "")]:
            if not binary or program == "awslogs" and lines > 100_000:
                continue
            taken, wall, told = bench.run(binary, arguments)
            assert program or f"{lines} of {lines} log records" in told, told
            cpu = taken.seconds / lines * 1e6
            if not program:
                own.setdefault(name, []).append(cpu)
            first = own[READERS[0][0]][0]
            table.row(name + behind, f"{lines:,}", f"{cpu / first:.2f}", f"{cpu:.2f} µs", f"{lines / wall:,.0f}", rows.mib(taken.kib))
            if program:
                rows.ratio(f"CPU of a log line, {lines:,} of them, each sent as a record over gRPC, beside `{name}`", first / cpu)
    for name, both in own.items():
        rows.beside_before(f"CPU of a log line, {lines:,} of them ({name})", both)


def one_task(bench, table, programs):
    both = []
    for name, program, arguments in ONE_TASK:
        for binary, behind in rows.binaries(BINARY) if program is None else [(programs[program], "")]:
            if not binary:
                continue
            taken, wall, _ = bench.run(binary, arguments, TIMES)
            cpu = taken.seconds / TIMES
            table.row(name + behind, f"{wall * 1e3:.0f} ms", f"{cpu * 1e3:.0f} ms", rows.mib(taken.kib))
            if program is None:
                both.append((wall, cpu))
            else:
                rows.ratio(f"wall time of `ecspan show` of a task with {bench.lines:,} log lines beside `{name}`", both[0][0] / wall)
                rows.ratio("its CPU", both[0][1] / cpu)
    rows.beside_before(f"CPU of `ecspan show` of a task with {bench.lines:,} log lines", [cpu for _, cpu in both])


def main():
    programs = {name: peers.find(name) for name in ("saw", "aws", "awslogs", "ecsta")}
    logs = rows.Table("logs", "what", "lines", "CPU beside the first", "CPU a line", "lines a second", "peak memory")
    for name, program, arguments in (*READERS, *ONE_TASK):
        if program is None or programs[program]:
            rows.command(name, program or "ecspan", arguments)
    sizes = [int(lines) for lines in sys.argv[1:]] or (50_000, 1_000_000)
    for lines in sizes:
        with tempfile.TemporaryDirectory() as folder, Bench(lines, Path(folder)) as bench:
            whole(bench, logs, programs)
    task = rows.Table("task", "what", "wall", "CPU", "peak memory")
    with tempfile.TemporaryDirectory() as folder, Bench(sizes[0], Path(folder)) as bench:
        one_task(bench, task, programs)


if __name__ == "__main__":
    if sys.argv[1:2] == ["serve"]:
        server = Canned(int(sys.argv[2]))
        print(server.port, flush=True)
        threading.Event().wait()
    else:
        main()
