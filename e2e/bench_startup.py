"""What starting costs: CPU and memory of commands that ask nobody, beside other tools' `version`; a Lambda function's init and first
invocation, with all of the machine and with what 128 MB of Lambda get; what the binary is made of. Run after `cargo build --release`:
`python e2e/bench_startup.py [--times 20]`; ECSPAN_SYMBOLS names a build with its symbols (`cargo rustc --release --bin ecspan -- -C strip=none`)."""

import argparse
import collections
import os
import re
import signal
import subprocess
import tempfile
import time
from pathlib import Path

import batch
import peak
import peers
import rows
from http_server import HttpServer
from sqs import event

PROJECT = Path(__file__).parent.parent
BINARY = Path(os.environ.get("ECSPAN_BIN", PROJECT / "target/release/ecspan"))
#: Of a core: Lambda gives a whole one at 1,769 MB.
MEMORY, SHARE = 128, 128 / 1_769
GROUPS = Path("/sys/fs/cgroup")


class Limited:
    """A control group with the memory and the share of a core that Lambda gives a function, where this machine lets one be made."""

    def __init__(self):
        name, memory, period = f"ecspan-{os.getpid()}", MEMORY * 1024 * 1024, 100_000
        if (GROUPS / "cgroup.controllers").exists():
            self.folders = [GROUPS / name]
            limits = [("memory.max", memory), ("memory.swap.max", 0), ("cpu.max", f"{SHARE * period:.0f} {period}")]
        else:
            self.folders = [GROUPS / "memory" / name, GROUPS / "cpu" / name]
            limits = [("memory.limit_in_bytes", memory), ("cpu.cfs_period_us", period), ("cpu.cfs_quota_us", f"{SHARE * period:.0f}")]
        for folder in self.folders:
            folder.mkdir()
        for file, value in limits:
            [folder] = [folder for folder in self.folders if (folder / file).exists()]
            (folder / file).write_text(str(value))

    def enter(self):
        for folder in self.folders:
            (folder / "cgroup.procs").write_text(str(os.getpid()))

    def stop(self):
        for folder in self.folders:
            folder.rmdir()


class RuntimeApi(HttpServer):
    """Lambda's runtime API with one invocation, and a receiver of what comes of it."""

    def __init__(self):
        self.asked, self.answered, self.exported, self.process = [], [], 0, None
        super().__init__(self.answer, method="POST")
        self.server.RequestHandlerClass.do_GET = self.server.RequestHandlerClass.do_POST

    def answer(self, path, headers, body):
        if path.endswith("/next"):
            self.asked.append(self.now())
            if len(self.asked) > 1:
                return HttpServer.HANG
            deadline = str(int((time.time() + 60) * 1_000))
            arn = "arn:aws:lambda:eu-west-1:123456789012:function:ecspan"
            said = {"Lambda-Runtime-Aws-Request-Id": "1", "Lambda-Runtime-Deadline-Ms": deadline, "Lambda-Runtime-Invoked-Function-Arn": arn}
            return 200, {**said, "Content-Type": "application/json"}, event(batch.example()).encode()
        if path.endswith("/response"):
            self.answered.append(self.now())
        self.exported += path.endswith("/v1/traces")
        return (202 if "/runtime/" in path else 200), {"Content-Type": "application/json"}, b"{}"

    def now(self):
        """The time, and what the function took of the processors so far, in seconds."""
        threads = Path(f"/proc/{self.process.pid}/task").glob("*/schedstat")
        return time.monotonic(), sum(int(thread.read_text().split()[0]) for thread in threads) / 1e9

    def function(self, binary, folder, limited):
        """(wall, CPU) of init and of the first invocation, and the peak memory in KiB."""
        environment = {
            "PATH": os.environ["PATH"], "HOME": str(folder), "AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x", "AWS_REGION": "eu-west-1",
            "AWS_EC2_METADATA_DISABLED": "true", "ECSPAN_LOGS": "none", "OTEL_EXPORTER_OTLP_ENDPOINT": self.url, "AWS_LAMBDA_FUNCTION_NAME": "ecspan",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(MEMORY), "AWS_LAMBDA_FUNCTION_VERSION": "1", "AWS_LAMBDA_RUNTIME_API": self.url.removeprefix("http://"),
        }
        self.asked, self.answered, self.exported = [], [], 0
        started = time.monotonic()
        self.process = subprocess.Popen(
            [binary], env=environment, cwd=folder, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, preexec_fn=limited and limited.enter)
        try:
            while len(self.asked) < 2:
                assert self.process.poll() is None and time.monotonic() < started + 60, self.process.stderr.read()
                time.sleep(0.001)
            assert self.exported == 1, "the first invocation sends its task's trace"
            [first, _], [answered] = self.asked, self.answered
            [peak] = re.findall(r"VmHWM:\s+(\d+)", Path(f"/proc/{self.process.pid}/status").read_text())
            return first[0] - started, first[1], answered[0] - first[0], answered[1] - first[1], int(peak)
        finally:
            self.process.kill()
            self.process.wait()


def commands(times):
    table = rows.Table("startup", "command", "CPU", "peak memory")
    examples = sorted((PROJECT / "examples/nginx").glob("*.json"))
    found = []
    for what, arguments in (("--version", ["--version"]), ("show examples/nginx/*.json", ["show", *examples])):
        found += [(f"ecspan {what}", behind, [binary, *arguments]) for binary, behind in rows.binaries(BINARY)]
    for name in ("saw", "ecsta", "aws", "awslogs"):
        if path := peers.find(name):
            found.append((f"{name} {peers.VERSIONS[name][0]}", "", [path, *peers.VERSIONS[name]]))
    own = {}
    for name, behind, command in found:
        taken = peak.run(command, times, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        assert taken.code == 0, name
        cpu = taken.seconds / times
        table.row(f"`{name}`{behind}", f"{cpu * 1e3:.1f} ms", rows.mib(taken.kib))
        if name.startswith("ecspan"):
            own.setdefault(name, []).append(cpu)
        else:
            rows.ratio(f"CPU of `ecspan --version` beside `{name}`", own["ecspan --version"][0] / cpu)
    for name, both in own.items():
        rows.beside_before(f"CPU of `{name}`", both)


def functions(times):
    table = rows.Table("lambda", "function", "init: wall, CPU", "first invocation: wall, CPU", "peak memory")

    def of(what, limited):
        both = []
        for binary, behind in rows.binaries(BINARY):
            with tempfile.TemporaryDirectory() as folder:
                found = sorted(api.function(binary, Path(folder), limited) for _ in range(times))
            init, init_cpu, invocation, invocation_cpu, kib = found[len(found) // 2]
            ms = lambda wall, cpu: f"{wall * 1e3:.0f} ms, {cpu * 1e3:.1f} ms"
            table.row(what + behind, ms(init, init_cpu), ms(invocation, invocation_cpu), rows.mib(kib))
            both.append(init + invocation)
        rows.beside_before(f"wall time of init and first invocation with {what}", both)

    api = RuntimeApi()
    of("all of this machine", None)
    what = f"{MEMORY} MiB and {SHARE:.0%} of a core, as Lambda gives with {MEMORY} MB"
    try:
        limited = Limited()
    except OSError as error:
        rows.missing(f"a function with {what}", f"no control group can be made ({error.strerror})")
    else:
        of(what, limited)
        limited.stop()
    api.stop()


def size():
    """What is in the binary, by the crates whose code it is; generic code is where it was filled in."""
    table = rows.Table("size", "part of the binary", "MiB", "share")
    mib = lambda bytes: f"{bytes / 1024 / 1024:.1f}"
    for binary, behind in reversed(rows.binaries(BINARY)):
        whole = Path(binary).stat().st_size
        table.row("all of it" + behind, mib(whole), "100 %")
    symbols = os.environ.get("ECSPAN_SYMBOLS")
    if not symbols:
        return rows.missing("what the binary is made of", "ECSPAN_SYMBOLS names no build with symbols")
    by = collections.Counter()
    told = subprocess.run(["nm", "--print-size", "--demangle", symbols], capture_output=True, text=True, check=True).stdout
    for bytes, symbol in re.findall(r"^[0-9a-f]+ ([0-9a-f]+) [tTwW] (.*)", told, re.M):
        by[part(symbol)] += int(bytes, 16)
    named = by.most_common(12)
    rest = [("code of others", sum(by.values()) - sum(bytes for _, bytes in named)), ("what is no code: tables for unwinding, texts, relocations", whole - sum(by.values()))]
    for name, bytes in [*((f"`{name}`" if name[0].islower() else name, bytes) for name, bytes in named), *rest]:
        table.row(name, mib(bytes), f"{bytes / whole:.0%}")


def part(symbol):
    if symbol.startswith("aws_lc"):
        return "aws_lc_sys"
    names = re.findall(r"(?<![\w:])([a-z_][a-z0-9_]*)(?:\[[0-9a-f]+\])?::", symbol)
    own = [name for name in names if name not in ("core", "alloc", "std")]
    name = own[0] if own else "std" if names else "C, and what has no name"
    return next((family for family in ("aws_sdk", "aws_smithy", "opentelemetry", "hyper") if name.startswith(family)), name)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--times", type=int, default=20)
    times = parser.parse_args().times
    commands(times)
    functions(max(3, times // 4))
    size()


if __name__ == "__main__":
    main()
