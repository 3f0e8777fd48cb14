"""What a sidecar costs: its share of a core and its memory over ten minutes beside a task of ten containers.

    cargo build --release && python e2e/bench_sidecar.py [SECONDS]
"""

import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import rows
from metadata import Metadata, container, task

BINARY = Path(os.environ.get("ECSPAN_BIN", Path(__file__).parent.parent / "target/release/ecspan"))
TICKS = os.sysconf("SC_CLK_TCK")


def cpu_seconds(pid):
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def memory(pid, name):
    [line] = [line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith(name)]
    return int(line.split()[1]) / 1024


def main(seconds):
    containers = [container(f"c{i}", started="2026-11-20T10:00:09.3Z", Labels={f"label-{j}": "x" * 40 for j in range(10)}) for i in range(9)]
    own = container("ecspan", started="2026-11-20T10:00:09.3Z")
    metadata = Metadata(own, task(*containers, own))
    with tempfile.TemporaryDirectory() as home:
        environment = {"PATH": os.environ["PATH"], "HOME": home, "TMPDIR": home, "ECS_CONTAINER_METADATA_URI_V4": metadata.url}
        command = [BINARY, "sidecar", "--to", f"file:{home}/out.jsonl", "--stop-timeout", "1s"]
        process = subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            metadata.wait(2)
            before, started, asked = cpu_seconds(process.pid), time.monotonic(), metadata.polls
            time.sleep(seconds)
            took = time.monotonic() - started
            share = (cpu_seconds(process.pid) - before) / took
            resident, peak = memory(process.pid, "VmRSS"), memory(process.pid, "VmHWM")
            table = rows.Table("sidecar", "beside", "for", "answers of the endpoint", "of a core", "memory", "at most")
            table.row("nine containers", f"{took:.0f} s", metadata.polls - asked, f"{share:.3%}", f"{resident:.1f} MiB", f"{peak:.1f} MiB")
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(30)
            metadata.stop()


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else 600)
