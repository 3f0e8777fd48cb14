"""A deployment of 50, 500 and 5,000 tasks: wall time, peak memory and calls by operation, with the report alone and with traces to
the collector; again with throttling on every third call. And the largest of them watched for three minutes, while half of its tasks have
started and the others are on their way. Run after `cargo build --release`: `python e2e/bench_deploy.py [TASKS…] [--watch MINUTES]`.

The loopback AWS answers from this process, in Python: the wall time is mostly its own."""

import argparse
import logging
import os
import subprocess
import tempfile
import time
from pathlib import Path

import peak
import rows
from fake_aws import REGION, FakeAWS
from fake_aws.services import SERVICES
from servers import Collector

HERE = Path(__file__).parent
BINARY = Path(os.environ.get("ECSPAN_BIN", HERE.parent / "target/release/ecspan"))
OPERATIONS = ("ListTasks", "DescribeTasks")


def run(aws, folder, *arguments):
    """Runs the program: what it took, and the seconds of wall time."""
    environment = {
        "PATH": os.environ["PATH"], "HOME": str(folder), "XDG_STATE_HOME": str(folder), "AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x",
        "AWS_REGION": REGION, "AWS_ENDPOINT_URL": aws.url, "AWS_EC2_METADATA_DISABLED": "true", "NO_PROXY": "*",
    }
    started = time.monotonic()
    with open(folder / "out", "w") as out, open(folder / "err", "w") as err:
        command = [BINARY, "deploy", "web", "--cluster", "prod", *arguments]
        taken = peak.run(command, env=environment, cwd=folder, stdin=subprocess.DEVNULL, stdout=out, stderr=err)
    return taken, time.monotonic() - started


def measure(table, aws, folder, tasks, sending, throttled):
    aws.reset()
    aws.rollouts.rolling(tasks)
    if throttled:
        aws.front.throttle_every = {name: 3 for name in (*OPERATIONS, "DescribeServices")}
    collector = Collector(folder) if sending else None
    taken, wall = run(aws, folder, *(["--to", "otlp", "--endpoint", collector.grpc, "--protocol", "grpc"] if sending else []))
    if collector:
        collector.stop()
    report = (folder / "out").read_text()
    assert taken.code == 0 and f"{tasks} launched" in report, (folder / "err").read_text()
    calls = ", ".join(f"{aws.front.calls[name]} {name}" for name in OPERATIONS)
    what = "report and traces" if sending else "report"
    table.row(what, f"{tasks:,}", "yes" if throttled else "no", f"{wall:.1f} s", f"{taken.seconds:.2f} s", rows.mib(taken.kib), calls)


def watch(aws, folder, tasks, minutes):
    """One that goes on all the time: what watching it costs, beside what the report takes in the end."""
    aws.reset()
    made = aws.rollouts.rolling(tasks)
    SERVICES["prod", "web"]["service"]["deployments"][0].update(rolloutState="IN_PROGRESS")
    for task in made.new[tasks // 2 :]:
        aws.seed.set_times(task, task.created_at, {"connected": 2.1, "pull_started": 8.25})
    taken, wall = run(aws, folder, "--wait", "--wait-timeout", f"{minutes}m", "--report", "none", "--no-logs")
    # 12: it goes on. The report lists and describes each task once more.
    assert taken.code == 12, (folder / "err").read_text()
    again = sum(-(-len(some) // 100) * 2 for some in (made.new, made.old))
    calls = (sum(aws.front.calls.values()) - again) * 60 / wall
    told = ", ".join(f"{count} {name}" for name, count in sorted(aws.front.calls.items()))
    table = rows.Table("watched", "what", "new tasks", "for", "CPU", "peak memory", "calls a minute", "all calls, the report's too")
    table.row("--wait", f"{tasks:,}", f"{wall:.0f} s", f"{taken.seconds:.2f} s", rows.mib(taken.kib), f"{calls:.0f}", told)


def main():
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    aws = FakeAWS().start()
    table = rows.Table("deploy", "what", "new tasks", "throttled", "wall", "CPU", "peak memory", "calls")
    parser = argparse.ArgumentParser()
    parser.add_argument("sizes", nargs="*", type=int, default=[50, 500, 5_000])
    parser.add_argument("--watch", type=int, default=3)
    arguments = parser.parse_args()
    sizes = arguments.sizes
    for tasks in sizes:
        for sending in (False, True):
            for throttled in (False, True):
                with tempfile.TemporaryDirectory() as folder:
                    measure(table, aws, Path(folder), tasks, sending, throttled)
    if arguments.watch:
        with tempfile.TemporaryDirectory() as folder:
            watch(aws, Path(folder), max(sizes), arguments.watch)
    aws.stop()


if __name__ == "__main__":
    main()
