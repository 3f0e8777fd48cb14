"""Files of many tasks: peak memory and CPU a task of `export` to a file, at 10² to 10⁵ tasks, and of some shapes at a million:
`python e2e/bench_files.py [--shapes archive] [--most 1000000]`; ECSPAN_BIN names another binary, ECSPAN_BEFORE an older one beside it. Shapes:
an answer a line, one DescribeTasks document, an array of events, three events a task in three days of an archive (its order is theirs), the
same packed with gzip and zstd, from stdin; and one task that a document names over and over. Answers and events are as the example's, with ids of
their own."""

import argparse
import gzip
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import batch
import peak
import rows
from sqs import event

HERE = Path(__file__).parent
BINARY = os.environ.get("ECSPAN_BIN", str(HERE.parent / "target/release/ecspan"))
SIZES = (100, 1_000, 10_000, 100_000)
#: Bytes a task of a folder for temporary files, at most.
NEEDED = 10_000


def texts(make, count, states=1):
    """The JSON of so many tasks, one after the other; of several states all first ones come first."""
    task = batch.example()
    text, old = make(task), batch.task_id(task)
    for state in range(states):
        for number in range(count):
            yield text.replace('"version": 7', f'"version": {state + 7}').replace(old, hashlib.md5(str(number).encode()).hexdigest())


def lines(path, count):
    with open(path, "w") as file:
        file.writelines(text + "\n" for text in texts(lambda task: json.dumps({"tasks": [task]}), count))


def between(path, begin, elements, end):
    with open(path, "w") as file:
        file.write(begin)
        for number, text in enumerate(elements):
            file.write((", " if number else "") + text)
        file.write(end)


def document(path, count):
    between(path, '{"tasks": [', texts(json.dumps, count), '], "failures": []}')


def events(path, count):
    between(path, "[", texts(event, count), "]")


def archive(path, count):
    with open(path, "w") as file:
        file.writelines(text + "\n" for text in texts(event, count, states=3))


def packed(path, count):
    lines(path.with_suffix(".plain"), count)
    with open(path.with_suffix(".plain"), "rb") as plain, gzip.open(path, "wb", compresslevel=1) as file:
        shutil.copyfileobj(plain, file)
    path.with_suffix(".plain").unlink()


def packed_by_zstd(path, count):
    lines(path, count)
    subprocess.run(["zstd", "-q", "-1", "--rm", path, "-o", path.with_suffix(".zst")], check=True)
    path.with_suffix(".zst").rename(path)


def one(path, count):
    between(path, '{"tasks": [', (json.dumps(batch.example()) for _ in range(count)), "]}")


SHAPES = {"lines": lines, "document": document, "events": events, "archive": archive, "gzip": packed, **({"zstd": packed_by_zstd} if shutil.which("zstd") else {}), "stdin": lines, "one task": one}


def measured(binary, shape, path, folder):
    """Peak KiB and CPU seconds of a run, and its exit code."""
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "TMPDIR": str(folder)}
    command = [binary, "export", "-" if shape == "stdin" else path, "--to", "file:/dev/null"]
    with open(path if shape == "stdin" else os.devnull) as stdin:
        told = peak.run(command, env=environment, stdin=stdin, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return told.kib, told.seconds, told.code


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--most", type=int, default=100_000)
    parser.add_argument("--shapes-of-most", nargs="*", default=list(SHAPES), help="those that are measured with more than a hundred thousand tasks as well")
    parser.add_argument("--shapes", nargs="*", default=list(SHAPES))
    arguments = parser.parse_args()
    table = rows.Table("files", "what", "tasks", "size", "peak memory", "CPU a task")
    with tempfile.TemporaryDirectory() as folder:
        for shape in arguments.shapes:
            each = {}
            many = [arguments.most] if arguments.most > SIZES[-1] and shape in arguments.shapes_of_most else []
            for count in [*(size for size in SIZES if size <= arguments.most), *many]:
                if shutil.disk_usage(folder).free < NEEDED * count:
                    rows.missing(f"{count:,} tasks in a file ({shape})", f"{NEEDED * count / 1e9:.0f} GB are not free in {tempfile.gettempdir()}")
                    continue
                path = Path(folder) / "tasks"
                SHAPES[shape](path, count)
                both = []
                for binary, behind in rows.binaries(BINARY):
                    kib, cpu, code = measured(binary, shape, str(path), folder)
                    assert code == 0, f"{binary} ended with {code}"
                    size = path.stat().st_size / 1024 / 1024
                    table.row(shape + behind, f"{count:,}", f"{size:,.1f} MiB", rows.mib(kib), f"{cpu / count * 1e6:.1f} µs")
                    both.append((cpu / count, kib))
                # Of a hundred tasks starting is half the cost.
                if count >= 1_000:
                    each[count] = both
                path.unlink()
            if len(each) > 1:
                few, most = min(each), max(each)
                rows.ratio(f"CPU of a task, {most:,} in a file ({shape}), beside {few:,}", each[most][0][0] / each[few][0][0], "≤ 1.2")
                rows.beside_before(f"CPU of a task, {most:,} in a file ({shape})", [cpu for cpu, _ in each[most]])
                rows.beside_before("its peak memory", [kib for _, kib in each[most]])


if __name__ == "__main__":
    sys.exit(main())
