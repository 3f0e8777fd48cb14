"""Workers beside one another: events a second off a full queue, CPU an event, and the lag (stoppedAt to accepted) of events that
arrive steadily; one worker and four, in one run. `python e2e/bench_worker.py [EVENTS]`, after `cargo build --release`;
ECSPAN_BIN names another binary, ECSPAN_BEFORE an older one beside it, in turns; of several `--turns` the best of each is
told: other work on the machine only ever adds.

The queue is ElasticMQ and the receiver the OpenTelemetry Collector, on this machine: all share its cores, so ratios tell more than
numbers, and what the two of them take an event is told. `--receiver-delay MS` and `--queue-delay MS` put a proxy before them that holds back each answer for so long, as a network
would."""

import argparse
import asyncio
import datetime
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from pathlib import Path

HERE = Path(__file__).parent
os.environ.setdefault("ECSPAN_BIN", str(HERE.parent / "target/release/ecspan"))

import batch
import rows
from bench_sidecar import cpu_seconds
from conftest import BINARY, Ecspan
from servers import Collector, ElasticMQ, free_port
from sqs import Queue, event
from waiting import wait_until

#: Events a second while the lag is measured.
RATE = 50
#: Seconds of that.
STEADY = 10
WORKERS = (1, 4)


class Delay:
    """Passes on bytes, those of answers so many milliseconds later. A process of its own."""

    def __init__(self, to, milliseconds):
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        port = to.rsplit(":", 1)[1]
        self.process = subprocess.Popen([sys.executable, __file__, "--delay", str(self.port), port, str(milliseconds)])

    def stop(self):
        self.process.kill()
        self.process.wait()


async def delay(listen, to, milliseconds):
    loop = asyncio.get_running_loop()

    async def pump(reader, writer, later):
        while data := await reader.read(65536):
            loop.call_later(later, writer.write, data)
        loop.call_later(later, writer.close)

    async def serve(reader, writer):
        other_reader, other_writer = await asyncio.open_connection("127.0.0.1", to)
        await asyncio.gather(pump(reader, other_writer, 0), pump(other_reader, writer, milliseconds / 1_000), return_exceptions=True)

    async with await asyncio.start_server(serve, "127.0.0.1", listen) as server:
        await server.serve_forever()


def just_stopped(count):
    """Events of tasks that stopped just now."""
    task = batch.example()
    ran = datetime.datetime.fromisoformat(task["stoppedAt"]) - datetime.datetime.fromisoformat(task["createdAt"])
    arn = task["taskArn"].rsplit("/", 1)[0]
    return [event({**batch.moved(task, ran.total_seconds()), "taskArn": f"{arn}/{uuid.uuid4().hex}"}) for _ in range(count)]


class Workers:
    """So many workers, and what they say they delivered."""

    def __init__(self, count, ecspan, program, queue_url, sqs_url, endpoint, options):
        environment = {"AWS_ENDPOINT_URL_SQS": sqs_url}
        arguments = ["--queue", queue_url, "--logs", "none", "--endpoint", endpoint, *options]
        self.lags, self.times, self.lock = [], [], threading.Lock()
        self.processes = [ecspan.start("worker", *arguments, program=program, env=environment) for _ in range(count)]
        self.readers = [threading.Thread(target=self.read, args=(process.stderr,)) for process in self.processes]
        [reader.start() for reader in self.readers]

    def read(self, lines):
        for line in lines:
            if b"msg=delivered" in line:
                with self.lock:
                    self.times.append(time.monotonic())
                    self.lags.append(int(re.search(rb"lag_ms=(-?\d+)", line)[1]))

    def wait_for(self, count):
        wait_until(lambda: f"{count} that are delivered, after {len(self.times)}", lambda: len(self.times) >= count, 600)

    def stop(self):
        """The CPU seconds that they took."""
        cpu = 0
        for process in self.processes:
            process.send_signal(signal.SIGTERM)
        for process in self.processes:
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
            assert process.returncode == 0, process.returncode
            cpu += usage.ru_utime + usage.ru_stime
        [reader.join() for reader in self.readers]
        return cpu


def measure(program, count, events, folder, elasticmq, collector, arguments, options):
    ecspan = Ecspan(folder, elasticmq.url)
    proxies = []

    def behind(url, milliseconds):
        if not milliseconds:
            return url
        proxies.append(Delay(url, milliseconds))
        time.sleep(0.5)
        return proxies[-1].url

    sqs, endpoint = behind(elasticmq.url, arguments.queue_delay), behind(collector.http, arguments.receiver_delay)
    queue = Queue(elasticmq)

    def start():
        return Workers(count, ecspan, program, queue.url.replace(elasticmq.url, sqs), sqs, endpoint, options)

    def of_servers():
        return [cpu_seconds(server.process.pid) for server in (elasticmq, collector)]

    try:
        queue.send(*just_stopped(events))
        before = of_servers()
        workers = start()
        workers.wait_for(events)
        # From the first that was delivered: starting is not working.
        rate = (events - 1) / (workers.times[-1] - workers.times[0])
        own = workers.stop()
        seconds = [own, *(after - before for before, after in zip(before, of_servers()))]
        workers = start()
        time.sleep(1)
        for tick in range(RATE * STEADY // 5):
            due = time.monotonic() + 5 / RATE
            queue.send(*just_stopped(5))
            time.sleep(max(0, due - time.monotonic()))
        workers.wait_for(RATE * STEADY)
        workers.stop()
        lags = sorted(workers.lags)
        return [-rate, *(taken / events * 1_000 for taken in seconds), lags[len(lags) // 2], lags[len(lags) * 99 // 100]]
    finally:
        ecspan.stop()
        [proxy.stop() for proxy in proxies]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("events", nargs="?", type=int, default=5_000)
    parser.add_argument("--receiver-delay", type=float, default=0)
    parser.add_argument("--queue-delay", type=float, default=0)
    parser.add_argument("--workers", type=int, nargs="*", default=WORKERS)
    parser.add_argument("--turns", type=int, default=1)
    arguments, options = parser.parse_known_args()
    programs = {behind: program for program, behind in rows.binaries(BINARY)}
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        elasticmq, collector = ElasticMQ(folder), Collector(folder)
        try:
            table = rows.Table(
                "worker", "workers", "beside one", "events a second", "CPU, ms an event", "of a core, events a second", "the queue's", "the receiver's", f"lag at {RATE} a second: p50", "p99")
            first = None
            for count in arguments.workers:
                turns = {name: [] for name in programs}
                for _ in range(arguments.turns):
                    for name, program in programs.items():
                        turns[name].append(measure(program, count, arguments.events, folder, elasticmq, collector, arguments, options))
                both = []
                for name, measured in turns.items():
                    rate, own, queue, receiver, p50, p99 = map(min, zip(*measured))
                    first = first or rate
                    seconds = [f"{own:.2f}", f"{1_000 / own:,.0f}", f"{queue:.2f}", f"{receiver:.2f}"]
                    table.row(f"{count}{name}", f"{rate / first:.2f}", f"{-rate:,.0f}", *seconds, f"{p50} ms", f"{p99} ms")
                    both.append(own)
                rows.beside_before(f"CPU of an event, {count} at work", both)
        finally:
            collector.stop()
            elasticmq.stop()


if __name__ == "__main__":
    if sys.argv[1:2] == ["--delay"]:
        asyncio.run(delay(int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4])))
    else:
        main()
