"""Two builds of the benchmark in turns, the least time of each, and the ratio: other work on the machine only ever adds.

    cargo bench --no-default-features --features deliver --no-run    # in both work trees; prints where the binary is
    python benches/compare.py OLD NEW [FILTER] [--turns 3]
"""

import argparse
import json
import os
import re
import subprocess
import tempfile
from pathlib import Path


def least(binary, pattern, seconds=3):
    """The least microseconds an iteration of each benchmark in one run, and how many things an iteration is of. Revisions count spans
    differently: their number is no name."""
    with tempfile.TemporaryDirectory() as home:
        command = [binary, "--bench", pattern, "--warm-up-time", "0.5", "--measurement-time", str(seconds), "--noplot"]
        environment = {**os.environ, "CRITERION_HOME": home}
        subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        found = {}
        for path in Path(home).glob("**/new/sample.json"):
            sample = json.loads(path.read_text())
            name = re.sub(r"\d+ spans, ", "", str(path.relative_to(home).parent.parent))
            per = next(iter((json.loads(path.with_name("benchmark.json").read_text())["throughput"] or {}).values()), 1)
            found[name] = min(time / count for time, count in zip(sample["times"], sample["iters"])) / 1_000, per
        return found


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("old", type=os.path.abspath)
    parser.add_argument("new", type=os.path.abspath)
    parser.add_argument("filter", nargs="?", default="")
    parser.add_argument("--turns", type=int, default=3)
    arguments = parser.parse_args()
    best = {}
    for _ in range(arguments.turns):
        for binary in (arguments.old, arguments.new):
            for name, (time, _) in least(binary, arguments.filter).items():
                best.setdefault(name, {}).setdefault(binary, []).append(time)
    print(f"{'ratio':>5}  {'old, µs':>12}  {'new, µs':>12}  what")
    for name, times in sorted(best.items()):
        old, new = (min(times.get(binary, [float("nan")])) for binary in (arguments.old, arguments.new))
        print(f"{new / old:>5.2f}  {old:>12,.1f}  {new:>12,.1f}  {name}")


if __name__ == "__main__":
    main()
