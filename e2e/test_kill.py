"""Whoever is killed: no span is lost, and no file is torn."""

import json
import os
import random
import threading
import time

import batch
import pytest
from conftest import TIMEOUT
from servers import Collector
from store import Store
from test_export import ENDED
from waiting import wait_until

TASKS = 1_000
#: 50 are the proof; a few are enough to notice.
RUNS = int(os.environ.get("ECSPAN_KILL_RUNS", "3"))
APP = {"name": "app", "image": "nginx", "exitCode": 0}


def copies_in(*paths):
    """The copies that receivers have by now; a line that a store did not live to finish was never answered."""
    return batch.by_id(batch.spans_in(*paths))


@pytest.mark.parametrize("run_number", range(RUNS))
def test_ecspan_is_killed_at_any_moment(ecspan, tmp_path, run_number):
    seed = random.randrange(2**32)
    moment = random.Random(seed).uniform(0.02, 1.8)
    tasks = batch.write(tmp_path / "tasks.jsonl", TASKS)
    file = tmp_path / "store.jsonl"
    store = Store(file, unstable=True)
    to = ["--endpoint", store.url, "--protocol", "http/json", "--timeout", "2s"]
    folder = tmp_path / "home/state/ecspan/undelivered"
    try:
        # No patience: what fails is saved at once, so that there is something to tear.
        process = ecspan.start("export", tasks, *to, "--deadline", "200ms")
        time.sleep(moment)
        process.kill()
        process.communicate()
        for saved in folder.glob("*.jsonl"):
            for line in saved.read_text().splitlines():
                assert json.loads(line)["ecspan"]["items"] > 0, f"torn: {saved} (seed {seed})"
        again = ecspan("export", tasks, *to, "--deadline", "200ms")
        assert again.code in (0, 1, 4), again
        for _ in range(20):
            if ecspan("resend").code == 0 and not list(folder.glob("*.jsonl")):
                break
        assert not list(folder.glob("*.jsonl")), f"seed {seed}"
    finally:
        store.kill()
    copies = copies_in(file)
    assert len(copies) == TASKS * batch.SPANS, f"seed {seed}"
    batch.assert_identical(copies)


@pytest.fixture
def thousand(aws):
    """A service of 1,000 stopped tasks, which are sent as they are ready. The logs of 400 can be read at once, the others' when
    this is set."""
    for _ in range(TASKS):
        aws.seed.task("prod", [APP], service="web", times=ENDED, stop_code="UserInitiated")
    others = threading.Event()
    aws.front.gates["GetLogEvents"] = (400, others)
    yield others
    others.set()


def killed_and_restarted(ecspan, others, path, endpoint, protocol, kill, restart):
    """Exports the thousand; kills the receiver once it has a part of the first, before the others are there, and restarts it
    once that was felt."""
    options = ["--endpoint", endpoint, "--protocol", protocol, "--deadline", "30s"]
    process = ecspan.start("export", "--cluster", "prod", "--service", "web", "--status", "all", *options)
    told, felt = [], threading.Event()

    def listen():
        for line in process.stderr:
            told.append(line.decode())
            if b"trying again" in line:
                felt.set()

    listener = threading.Thread(target=listen)
    listener.start()
    wait_until(lambda: f"the first spans: {told}", lambda: copies_in(path), 60, process=process)
    kill()
    others.set()
    assert felt.wait(60), "the export did not feel that the receiver was killed: " + "".join(told[-5:])
    restart()
    process.wait(TIMEOUT)
    listener.join()
    return process.returncode, "".join(told)


def test_a_receiver_is_killed_and_comes_back(ecspan, thousand, tmp_path):
    file = tmp_path / "store.jsonl"
    stores = [Store(file)]
    try:
        code, told = killed_and_restarted(
            ecspan, thousand, file, stores[0].url, "http/json", stores[0].kill, lambda: stores.append(Store(file, port=stores[0].port))
        )
        assert code in (0, 4), told
        assert ecspan("resend").code == 0
    finally:
        stores[-1].kill()
    assert_whole(copies_in(file), told)


@pytest.mark.parametrize("protocol", ["grpc", "http/protobuf"])
def test_a_collector_is_stopped_and_comes_back(ecspan, thousand, tmp_path, protocol):
    folders = [tmp_path / "one", tmp_path / "two"]
    [folder.mkdir() for folder in folders]
    collectors = [Collector(folders[0])]
    one = collectors[0]
    try:
        code, told = killed_and_restarted(
            # A collector that is killed loses what it accepted and had not written; one that is stopped writes it first.
            ecspan, thousand, one.file, one.grpc if protocol == "grpc" else one.http, protocol, one.stop,
            lambda: collectors.append(Collector(folders[1], http=one.port, grpc=one.grpc_port)),
        )
        assert code in (0, 4), told
        assert ecspan("resend").code == 0
    finally:
        collectors[-1].stop()
    assert_whole(copies_in(*(collector.file for collector in collectors)), told)


def assert_whole(copies, told):
    # root, provisioning, network, pull wait, pull, starting, running, stopping and its two, the container
    tasks = {trace for trace, _ in copies}
    assert len(tasks) == TASKS, told
    assert len(copies) % TASKS == 0 and len(copies) // TASKS >= 9, (len(copies), told)
    batch.assert_identical(copies)
