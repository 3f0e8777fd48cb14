"""A deployment of 50, 500 and 5,000 tasks: wall time, peak memory and calls by operation, with the report alone and with traces to
the collector; again with throttling on every third call. And one that goes on, watched for some minutes: `--watch`, where half of its
tasks have started and the others are on their way. Run after `cargo build --release`: `python e2e/bench_deploy.py [--watch] [TASKS…]`.

The loopback AWS answers from this process, in Python: the wall time is mostly its own."""

import logging
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from fake_aws import REGION, FakeAWS
from fake_aws.services import SERVICES
from servers import Collector

HERE = Path(__file__).parent
BINARY = Path(os.environ.get("ECSPAN_BIN", HERE.parent / "target/release/ecspan"))
OPERATIONS = ("ListTasks", "DescribeTasks")
#: Starts the program from a small process: until it is replaced, a child counts as large as its parent.
STARTER = """import os, subprocess, sys
process = subprocess.Popen(sys.argv[1:], stdout=open("out", "wb"), stderr=open("err", "wb"))
_, status, usage = os.wait4(process.pid, 0)
print(status, usage.ru_utime + usage.ru_stime, usage.ru_maxrss)"""


def run(aws, folder, *arguments):
    """Runs the program: its status, CPU seconds, peak memory in KiB, wall seconds."""
    environment = {
        "PATH": os.environ["PATH"], "HOME": str(folder), "XDG_STATE_HOME": str(folder), "AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x",
        "AWS_REGION": REGION, "AWS_ENDPOINT_URL": aws.url, "AWS_EC2_METADATA_DISABLED": "true", "NO_PROXY": "*",
    }
    started = time.monotonic()
    command = [sys.executable, "-c", STARTER, BINARY, "deploy", "web", "--cluster", "prod", *arguments]
    done = subprocess.run(command, env=environment, cwd=folder, capture_output=True, text=True, check=True)
    return *done.stdout.split(), time.monotonic() - started


def watch(aws, folder, tasks, minutes=3):
    """One that goes on all the time: what watching it costs, beside what the report takes in the end."""
    aws.reset()
    made = aws.rollouts.rolling(tasks)
    SERVICES["prod", "web"]["service"]["deployments"][0].update(rolloutState="IN_PROGRESS")
    for task in made.new[tasks // 2 :]:
        aws.seed.set_times(task, task.created_at, {"connected": 2.1, "pull_started": 8.25})
    status, cpu, peak, wall = run(aws, folder, "--wait", "--wait-timeout", f"{minutes}m", "--report", "none", "--no-logs")
    calls = dict(sorted(aws.front.calls.items()))
    # 12: it goes on. The report lists and describes each task once more.
    assert int(status) >> 8 == 12, (folder / "err").read_text()
    again = sum(-(-len(some) // 100) * 2 for some in (made.new, made.old))
    rate = (sum(calls.values()) - again) * 60 / wall
    print(f"{tasks:>6}  watched  {wall:>6.1f} s  {float(cpu):>6.2f} s  {int(peak) / 1024:>6.1f} MiB  {rate:.0f} calls a minute  {calls}", flush=True)


def measure(aws, folder, tasks, sending, throttled):
    aws.reset()
    aws.rollouts.rolling(tasks)
    if throttled:
        aws.front.throttle_every = {name: 3 for name in (*OPERATIONS, "DescribeServices")}
    collector = Collector(folder) if sending else None
    to = ["--to", "otlp", "--endpoint", collector.grpc, "--protocol", "grpc"] if sending else []
    status, cpu, peak, wall = run(aws, folder, *to)
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
    sizes = [int(size) for size in sys.argv[1:] if size != "--watch"] or [50, 500, 5_000]
    if "--watch" in sys.argv:
        for tasks in sizes:
            with tempfile.TemporaryDirectory() as folder:
                watch(aws, Path(folder), tasks)
        aws.stop()
        return
    print(f"{'tasks':>6}  {'what':<7}  throttled  {'wall':>8}  {'CPU':>8}  {'peak RSS':>10}  calls")
    for tasks in sizes:
        for sending in (False, True):
            for throttled in (False, True):
                with tempfile.TemporaryDirectory() as folder:
                    measure(aws, Path(folder), tasks, sending, throttled)
    aws.stop()


if __name__ == "__main__":
    main()
