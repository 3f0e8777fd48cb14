"""The rows of `cargo bench` (`pipeline.rs`), after it was built: `python benches/bench_pipeline.py [--quick]`, with e2e in PYTHONPATH;
ECSPAN_BEFORE names an older build of it (what BUILD prints in an older work tree), which runs in turn."""

import json
import subprocess
import sys
from pathlib import Path

import compare
import rows

BUILD = ["cargo", "bench", "--quiet", "--no-default-features", "--features", "deliver", "--no-run", "--message-format", "json"]


def binary():
    built = subprocess.run(BUILD, cwd=Path(__file__).parent.parent, stdout=subprocess.PIPE, text=True, check=True).stdout
    [found] = {message["executable"] for message in map(json.loads, built.splitlines()) if "bench" in message.get("target", {}).get("kind", [])}
    return found


def main():
    seconds = 0.5 if "--quick" in sys.argv else 3
    own, before = binary(), rows.BEFORE
    older = compare.least(before, "", seconds) if before else {}
    measured = compare.least(own, "", seconds)
    table = rows.Table("pipeline", "what", "an iteration", "of it, each")
    each = {name: time / count for name, (time, count) in measured.items()}
    for name, (time, count) in sorted(measured.items()):
        table.row(name, f"{time / 1_000:,.3f} ms", f"{each[name]:.2f} µs")
        if name in older:
            then, _ = older[name]
            table.row(f"{name}, before", f"{then / 1_000:,.3f} ms", f"{then / count:.2f} µs")
            rows.ratio(f"{name}, beside what it was before", time / then)
    of = lambda word: sorted(((measured[name][1], each[name]) for name in measured if word in name))
    [(_, span), *_, (_, log_event)] = sorted(of("model + trace"))
    rows.ratio("µs of model, trace and encoding, a span", span, "≤ 2")
    rows.ratio("the same, a log event", log_event, "≤ 0.3")
    (_, fewest), *_, (most_tasks, most) = of("from a file")
    rows.ratio(f"a task from a file to encoded spans, {most_tasks:,} beside 100", most / fewest, "≤ 1.2")
    ours, bare = (next(each[name] for name in each if word in name) for word in ("gRPC/ecspan", "bare"))
    rows.ratio("spans a second over gRPC, beside a bare tonic client that sends the same requests, encoded beforehand", bare / ours, "≥ 0.9")


if __name__ == "__main__":
    main()
