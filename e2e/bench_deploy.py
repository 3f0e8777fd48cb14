"""A deployment of 50, 500 and 5,000 tasks: wall time, peak memory and calls by operation, with the report alone and with traces to
the collector; again with throttling on every third call. Run after `cargo build --release`: `python e2e/bench_deploy.py`.

The loopback AWS answers from this process, in Python: the wall time is mostly its own."""

import logging
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import peak
import rows
from fake_aws import REGION, FakeAWS
from servers import Collector

HERE = Path(__file__).parent
BINARY = Path(os.environ.get("ECSPAN_BIN", HERE.parent / "target/release/ecspan"))
OPERATIONS = ("ListTasks", "DescribeTasks")


def measure(table, aws, folder, tasks, sending, throttled):
    aws.reset()
    aws.rollouts.rolling(tasks)
    if throttled:
        aws.front.throttle_every = {name: 3 for name in (*OPERATIONS, "DescribeServices")}
    collector = Collector(folder) if sending else None
    environment = {
        "PATH": os.environ["PATH"], "HOME": str(folder), "XDG_STATE_HOME": str(folder), "AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x",
        "AWS_REGION": REGION, "AWS_ENDPOINT_URL": aws.url, "AWS_EC2_METADATA_DISABLED": "true", "NO_PROXY": "*",
    }
    to = ["--to", "otlp", "--endpoint", collector.grpc, "--protocol", "grpc"] if sending else []
    started = time.monotonic()
    with open(folder / "out", "w") as out, open(folder / "err", "w") as err:
        command = [BINARY, "deploy", "web", "--cluster", "prod", *to]
        taken = peak.run(command, env=environment, cwd=folder, stdin=subprocess.DEVNULL, stdout=out, stderr=err)
    wall = time.monotonic() - started
    if collector:
        collector.stop()
    report = (folder / "out").read_text()
    assert taken.code == 0 and f"{tasks} launched" in report, (folder / "err").read_text()
    calls = ", ".join(f"{aws.front.calls[name]} {name}" for name in OPERATIONS)
    what = "report and traces" if sending else "report"
    table.row(what, f"{tasks:,}", "yes" if throttled else "no", f"{wall:.1f} s", f"{taken.seconds:.2f} s", rows.mib(taken.kib), calls)


def main():
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    aws = FakeAWS().start()
    table = rows.Table("deploy", "what", "new tasks", "throttled", "wall", "CPU", "peak memory", "calls")
    sizes = [int(size) for size in sys.argv[1:]] or [50, 500, 5_000]
    for tasks in sizes:
        for sending in (False, True):
            for throttled in (False, True):
                with tempfile.TemporaryDirectory() as folder:
                    measure(table, aws, Path(folder), tasks, sending, throttled)
    aws.stop()


if __name__ == "__main__":
    main()
