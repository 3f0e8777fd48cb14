"""Files of many tasks: peak memory and CPU a task of `export` to a file, at 10² to 10⁵ tasks, of each binary that is named, in one run.

`python e2e/bench_files.py [BINARY…] [--most 1000000]`; without a binary it is target/release/ecspan. Of a debug build the ratios tell. Shapes:
an answer a line, one DescribeTasks document, an array of events, three events a task in three days of an archive (its order is theirs), the
same packed with gzip, from stdin; and one task that a document names over and over. Answers and events are as the example's, with ids of
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
from sqs import event

HERE = Path(__file__).parent
SIZES = (100, 1_000, 10_000, 100_000)
MIB = 1024


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


def one(path, count):
    between(path, '{"tasks": [', (json.dumps(batch.example()) for _ in range(count)), "]}")


SHAPES = {"lines": lines, "document": document, "events": events, "archive": archive, "gzip": packed, "stdin": lines, "one task": one}


def measured(binary, shape, path, folder):
    """Peak KiB and CPU seconds of a run, and its exit code."""
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "TMPDIR": str(folder)}
    command = [binary, "export", "-" if shape == "stdin" else path, "--to", "file:/dev/null"]
    with open(path if shape == "stdin" else os.devnull) as stdin:
        told = peak.run(command, env=environment, stdin=stdin, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return told.kib, told.seconds, told.code


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("binaries", nargs="*", default=[str(HERE.parent / "target/release/ecspan")])
    parser.add_argument("--most", type=int, default=100_000)
    parser.add_argument("--shapes", nargs="*", default=list(SHAPES))
    arguments = parser.parse_args()
    print(f"{'shape':10} {'tasks':>8} {'MiB':>6}  " + "  ".join(f"{Path(binary).name:>28}" for binary in arguments.binaries))
    with tempfile.TemporaryDirectory() as folder:
        for shape in arguments.shapes:
            for count in [*(size for size in SIZES if size <= arguments.most), *([arguments.most] if arguments.most > SIZES[-1] else [])]:
                path = Path(folder) / "tasks"
                SHAPES[shape](path, count)
                found = []
                for binary in arguments.binaries:
                    kib, cpu, code = measured(binary, shape, str(path), folder)
                    found.append(f"{kib / MIB:7.1f} MiB {cpu / count * 1e6:7.1f} µs/task" + (f" ({code})" if code else ""))
                size = path.stat().st_size / MIB / 1024
                print(f"{shape:10} {count:8} {size:6.1f}  " + "  ".join(f"{text:>28}" for text in found), flush=True)
                path.unlink()


if __name__ == "__main__":
    sys.exit(main())
