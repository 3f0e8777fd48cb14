"""Whole logs as records: peak memory and lines a second at 10⁵ and 10⁶ lines, beside fetching the same pages and throwing
them away. Run after `cargo build --release`: `python e2e/bench_logs.py`.

The pages are canned: moto would be what is measured."""

import http.client
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

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
    "executionStoppedAt": START + 1_010, "stoppedAt": START + 1_020, "containers": [{"name": "app", "runtimeId": "r", "exitCode": 0}],
}
OPTIONS = {"awslogs-group": "/ecs/web", "awslogs-region": "eu-west-1", "awslogs-stream-prefix": "ecs"}
DEFINITION = {
    "taskDefinitionArn": f"{ARN}:task-definition/web:1", "family": "web",
    "containerDefinitions": [{"name": "app", "essential": True, "logConfiguration": {"logDriver": "awslogs", "options": OPTIONS}}],
}


class Canned(HttpServer):
    """Answers from bytes that were made before."""

    def __init__(self, lines):
        self.pages = []
        for first in range(0, lines, PAGE):
            events = [
                {"timestamp": START * 1_000 + i, "ingestionTime": START * 1_000 + i + 5, "message": LINE % i}
                for i in range(first, min(first + PAGE, lines))
            ]
            number = first // PAGE
            self.pages.append(json.dumps({"events": events, "nextForwardToken": f"f/{number + 1}", "nextBackwardToken": "b/0"}).encode())
        # The end is the same token twice.
        end = len(self.pages)
        self.pages.append(json.dumps({"events": [], "nextForwardToken": f"f/{end}", "nextBackwardToken": "b/0"}).encode())
        super().__init__(self.answer)

    def answer(self, path, headers, body):
        operation = headers["X-Amz-Target"].rsplit(".", 1)[-1]
        answered = {
            "DescribeTasks": lambda: json.dumps({"tasks": [TASK], "failures": []}).encode(),
            "DescribeTaskDefinition": lambda: json.dumps({"taskDefinition": DEFINITION}).encode(),
            "GetLogEvents": lambda: self.pages[int(json.loads(body).get("nextToken", "f/0")[2:])],
        }[operation]()
        return 200, {"Content-Type": "application/x-amz-json-1.1"}, answered


def fetch_and_discard(port):
    connection = http.client.HTTPConnection("127.0.0.1", port)
    token = "f/0"
    while True:
        connection.request("POST", "/", json.dumps({"nextToken": token}), {"X-Amz-Target": "Logs_20140328.GetLogEvents"})
        body = connection.getresponse().read()
        # The token stands at the end; the events are not parsed.
        following = json.loads(b"{" + body[body.rindex(b'"nextForwardToken"'):])["nextForwardToken"]
        if following == token:
            return
        token = following


def measure(lines, folder):
    # A process of its own, so that its pages do not count, nor share our interpreter's lock with the clock.
    canned = subprocess.Popen([sys.executable, __file__, "serve", str(lines)], stdout=subprocess.PIPE, text=True)
    port = int(canned.stdout.readline())
    collector = Collector(folder)
    try:
        started = time.monotonic()
        fetch_and_discard(port)
        fetching = time.monotonic() - started
        environment = {
            "PATH": os.environ["PATH"], "HOME": str(folder), "AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x", "AWS_REGION": "eu-west-1",
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}", "AWS_EC2_METADATA_DISABLED": "true",
        }
        command = [
            BINARY, "export", f"prod/{TASK_ID}", "--logs-as", "records", "--log-lines", "all", "--endpoint", collector.grpc, "--protocol", "grpc",
        ]
        started = time.monotonic()
        process = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)
        told = process.stderr.read()
        _, status, usage = os.wait4(process.pid, 0)
        exporting = time.monotonic() - started
        assert status == 0 and f"{lines} of {lines} log records accepted" in told, told
        return {"lines": lines, "fetching": fetching, "exporting": exporting, "peak": usage.ru_maxrss / 1024, "cpu": usage.ru_utime + usage.ru_stime}
    finally:
        collector.stop()
        canned.kill()


def main():
    print(f"{'lines':>9}  {'peak RSS':>10}  {'lines/s':>9}  {'CPU µs/line':>11}  {'fetch and discard':>17}  {'ratio':>5}")
    for lines in (100_000, 1_000_000):
        with tempfile.TemporaryDirectory() as folder:
            one = measure(lines, Path(folder))
        print(
            f"{lines:>9}  {one['peak']:>6.1f} MiB  {lines / one['exporting']:>9.0f}  {one['cpu'] / lines * 1e6:>11.2f}  "
            f"{lines / one['fetching']:>9.0f} lines/s  {one['fetching'] / one['exporting']:>5.2f}",
            flush=True,
        )


if __name__ == "__main__":
    if sys.argv[1:2] == ["serve"]:
        server = Canned(int(sys.argv[2]))
        print(server.port, flush=True)
        threading.Event().wait()
    else:
        main()
