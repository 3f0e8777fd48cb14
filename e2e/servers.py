"""Real servers on free loopback ports: Jaeger, the OpenTelemetry Collector, SQS as ElasticMQ has it, and Lambda's runtime API; each
ended by its own pid."""

import json
import os
import random
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections import deque
from pathlib import Path

import json_lines
from waiting import holds_within, wait_until

HERE = Path(__file__).parent
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "ecspan-e2e"
#: A server that is not ready by then is broken.
READY_WITHIN = 120.0
#: Holds the ports that were given lately, each until it is surely in use or done with.
GIVEN = deque(maxlen=200)


def quiet_ports():
    """Those that no connection is given for its own end: of the others a free one may be taken a moment later."""
    first, _ = map(int, Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split())
    return range(10_000, max(first, 20_000))


def free_port():
    """A port at which nobody listens, and that is given to nobody else, whichever process of whichever run asks."""
    while True:
        port, claim = random.choice(quiet_ports()), socket.socket(socket.AF_UNIX)
        try:
            claim.bind(f"\0ecspan-e2e-port-{port}")
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", port))
        except OSError:
            claim.close()
            continue
        GIVEN.append(claim)
        return port


def listens(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


class Server:
    """A process that is started with environment variables and is ready when it listens at its `port`, or `is_ready` says so."""

    def __init__(self, name, arguments, environment, log, program=None, **options):
        self.name, self.log = name, log
        options = {"stdin": subprocess.DEVNULL, "stdout": open(log, "wb"), "stderr": subprocess.STDOUT, **options}
        self.process = subprocess.Popen([program or CACHE / name, *arguments], env={**os.environ, **environment}, **options)
        try:
            wait_until(lambda: f"{name} to start:\n{Path(log).read_text()[-2000:]}", self.is_ready, READY_WITHIN, process=self.process)
        except BaseException:
            self.stop()
            raise

    def is_ready(self):
        return listens(self.port)

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                # What a collector has accepted it writes before it ends.
                self.process.wait(60)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


class Jaeger(Server):
    def __init__(self, folder):
        names = ["QUERY", "QUERY_GRPC", "HEALTH", "OTLP_GRPC", "OTLP_HTTP"]
        ports = {name: free_port() for name in names}
        self.health = f"http://127.0.0.1:{ports['HEALTH']}/status"
        self.query = f"http://127.0.0.1:{ports['QUERY']}"
        self.grpc = f"http://127.0.0.1:{ports['OTLP_GRPC']}"
        self.http = f"http://127.0.0.1:{ports['OTLP_HTTP']}"
        environment = {f"JAEGER_{name}_PORT": str(port) for name, port in ports.items()}
        super().__init__("jaeger", ["--config", HERE / "servers/jaeger/jaeger.yaml"], environment, folder / "jaeger.log")

    def is_ready(self):
        try:
            with urllib.request.urlopen(self.health, timeout=2) as answer:
                return answer.status == 200
        except OSError:
            return False

    def trace(self, trace_id):
        """The trace's resourceSpans in OTLP JSON; [] when there is none."""
        try:
            with urllib.request.urlopen(f"{self.query}/api/v3/traces/{trace_id}", timeout=60) as answer:
                return json.load(answer)["result"].get("resourceSpans", [])
        except urllib.error.HTTPError as error:
            if error.code == 404:
                return []
            raise

    def shown(self, trace_id):
        """The spans as Jaeger's page has them, with its warnings; [] when there are none."""
        try:
            with urllib.request.urlopen(f"{self.query}/api/traces/{trace_id}", timeout=60) as answer:
                return [span for trace in json.load(answer)["data"] for span in trace["spans"]]
        except urllib.error.HTTPError as error:
            if error.code == 404:
                return []
            raise


class LambdaApi(Server):
    """AWS Lambda's runtime API as cargo-lambda has it, for a function that is started apart."""

    def __init__(self, folder):
        self.port = free_port()
        self.address = f"127.0.0.1:{self.port}"
        # It insists on a package, and builds nothing of it.
        (folder / "src").mkdir()
        (folder / "src/main.rs").write_text("fn main() {}\n")
        (folder / "Cargo.toml").write_text('[package]\nname = "function"\nversion = "0.0.0"\nedition = "2024"\n')
        program = Path(sys.executable).parent / "cargo-lambda"
        arguments = ["lambda", "watch", "--only-lambda-apis", "-A", "127.0.0.1", "-P", str(self.port)]
        super().__init__("cargo-lambda", arguments, {}, folder / "lambda.log", program, cwd=folder)

    def environment(self):
        """What Lambda sets for a function."""
        names = {"FUNCTION_NAME": "_", "FUNCTION_MEMORY_SIZE": "128", "FUNCTION_VERSION": "1", "RUNTIME_API": f"http://{self.address}/.rt"}
        return {f"AWS_LAMBDA_{name}": value for name, value in names.items()}

    def invoke(self, event, within=60):
        """The function's answer and, where it failed, the error."""
        request = urllib.request.Request(f"http://{self.address}/2015-03-31/functions/_/invocations", json.dumps(event).encode(), method="POST")
        try:
            with urllib.request.urlopen(request, timeout=within) as answer:
                return answer.status, json.loads(answer.read() or b"null")
        except urllib.error.HTTPError as error:
            return error.code, json.loads(error.read() or b"null")


class Collector(Server):
    """`http` and `grpc` name the ports to listen at again, after a stop."""

    def __init__(self, folder, http=None, grpc=None):
        self.file = folder / "traces.jsonl"
        ports = {"GRPC": grpc or free_port(), "HTTP": http or free_port()}
        self.grpc = f"http://127.0.0.1:{ports['GRPC']}"
        self.http = f"http://127.0.0.1:{ports['HTTP']}"
        self.port, self.grpc_port = ports["HTTP"], ports["GRPC"]
        environment = {f"OTELCOL_{name}_PORT": str(port) for name, port in ports.items()} | {"OTELCOL_FILE": str(self.file)}
        super().__init__("otelcol", ["--config", HERE / "servers/otelcol/otelcol.yaml"], environment, folder / "otelcol.log")

    def spans(self, count, within=60.0):
        """All spans in the file, once there are `count` of them: it is written a moment after the answer."""
        return self.read(flat, "resourceSpans", count, within)

    def records(self, count, within=60.0):
        """All log records in the file, likewise."""
        return self.read(flat_logs, "resourceLogs", count, within)

    def metrics(self, count, within=60.0):
        """All metrics in the file, each export's, likewise."""
        return self.read(flat_metrics, "resourceMetrics", count, within)

    def read(self, flat, key, count, within):
        found = []

        def are_there():
            found[:] = [item for request in json_lines.so_far(self.file) for item in flat(request.get(key, []))]
            return len(found) >= count

        holds_within(are_there, within, pause=0.05)
        return found


class ElasticMQ(Server):
    """SQS in memory, with strict limits."""

    def __init__(self, folder):
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        settings = {
            "rest-sqs.bind-hostname": "127.0.0.1", "rest-sqs.bind-port": self.port, "rest-stats.enabled": "false",
            # The addresses of queues are made of where it listens.
            "generate-node-address": "true", "logback.configurationFile": HERE / "servers/elasticmq/logback.xml",
        }
        # Little memory, and no time for a compiler that a few minutes do not repay.
        machine = ["-Xmx1g", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Djava.net.preferIPv4Stack=true"]
        arguments = [*machine, *(f"-D{name}={value}" for name, value in settings.items()), "-cp", f"{CACHE}/elasticmq/*"]
        super().__init__("elasticmq", [*arguments, "org.elasticmq.server.Main"], {}, folder / "elasticmq.log", program="java")


def flat_logs(resource_logs):
    """Every log record with its resource under `resource`."""
    return [
        {**record, "resource": resource.get("resource", {})}
        for resource in resource_logs
        for scope in resource.get("scopeLogs", [])
        for record in scope.get("logRecords", [])
    ]


def flat_metrics(resource_metrics):
    """Every metric with its resource under `resource`."""
    return [
        {**metric, "resource": resource.get("resource", {})}
        for resource in resource_metrics
        for scope in resource.get("scopeMetrics", [])
        for metric in scope.get("metrics", [])
    ]


def flat(resource_spans):
    """Every span with its resource under `resource`."""
    return [
        {**span, "resource": resource.get("resource", {})}
        for resource in resource_spans
        for scope in resource.get("scopeSpans", [])
        for span in scope.get("spans", [])
    ]
