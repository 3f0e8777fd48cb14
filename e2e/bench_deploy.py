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

from fake_aws import REGION, FakeAWS
from servers import Collector

HERE = Path(__file__).parent
BINARY = Path(os.environ.get("ECSPAN_BIN", HERE.parent / "target/release/ecspan"))
OPERATIONS = ("ListTasks", "DescribeTasks")
#: Starts the program from a small process: until it is replaced, a child counts as large as its parent.
STARTER = """import os, subprocess, sys
process = subprocess.Popen(sys.argv[1:], stdout=open("out", "wb"), stderr=open("err", "wb"))
_, status, usage = os.wait4(process.pid, 0)
print(status, usage.ru_utime + usage.ru_stime, usage.ru_maxrss)"""


def measure(aws, folder, tasks, sending, throttled):
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
    command = [sys.executable, "-c", STARTER, BINARY, "deploy", "web", "--cluster", "prod", *to]
    status, cpu, peak = subprocess.run(command, env=environment, cwd=folder, capture_output=True, text=True, check=True).stdout.split()
    wall = time.monotonic() - started
    if collector:
        collector.stop()
    report = (folder / "out").read_text()
    assert status == "0" and f"{tasks} launched" in report, (folder / "err").read_text()
    calls = ", ".join(f"{aws.front.calls[name]} {name}" for name in OPERATIONS)
    print(
        f"{tasks:>6}  {'traces' if sending else 'report':<7}  {'yes' if throttled else 'no':<9}  {wall:>6.1f} s  "
        f"{float(cpu):>6.2f} s  {int(peak) / 1024:>6.1f} MiB  {calls}",
        flush=True,
    )


def main():
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    aws = FakeAWS().start()
    print(f"{'tasks':>6}  {'what':<7}  throttled  {'wall':>8}  {'CPU':>8}  {'peak RSS':>10}  calls")
    sizes = [int(size) for size in sys.argv[1:]] or [50, 500, 5_000]
    for tasks in sizes:
        for sending in (False, True):
            for throttled in (False, True):
                with tempfile.TemporaryDirectory() as folder:
                    measure(aws, Path(folder), tasks, sending, throttled)
    aws.stop()


if __name__ == "__main__":
    main()
