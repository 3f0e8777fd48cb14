"""Pages in Chromium: bytes, the time until a page can be used, and how long a frame takes while it is scrolled and zoomed, for 1 task with
100,000 log lines and deployments of 20, 500 and 5,000 tasks. Run after `cargo build --release`: `python e2e/bench_page.py [--quick]`."""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import rows
from playwright.sync_api import sync_playwright
from test_page import CHROMIUM, PROJECT, large_rollout

BINARY = Path(os.environ.get("ECSPAN_BIN", PROJECT / "target/release/ecspan"))
#: Frames while what scrolls is scrolled from its start to its end, then while the axis is zoomed: the median and the longest, in ms.
SCROLL = """async () => {
  const box = document.querySelector(".lines:not([hidden]), .many");
  const frames = [];
  let last = performance.now();
  for (let at = 0; at <= 120; at++) {
    if (at <= 60) box.scrollTop = (box.scrollHeight * at) / 60;
    else document.querySelector(`[data-do=${at % 20 < 10 ? "in" : "out"}]`).click();
    await new Promise(requestAnimationFrame);
    const now = performance.now();
    frames.push(now - last);
    last = now;
  }
  frames.sort((a, b) => a - b);
  return [frames[Math.floor(frames.length / 2)], frames.at(-1)];
}"""


def task(folder, lines):
    # Of a container 10,000 lines are kept at most.
    answer = json.loads((PROJECT / "examples/oom/task.json").read_text())
    one = answer["tasks"][0]
    one["containers"] = [{**one["containers"][0], "name": f"c{at}"} for at in range(lines // 10_000)]
    (folder / "task.json").write_text(json.dumps(answer))
    stream = "ecs/c%d/5d3e0f6b9a1c4e7788b2c4d6e8f0a1b3"
    message = '{"level":"info","msg":"a line of a usual length, with some fields","path":"/api/v1/things/%d","took_ms":%d}'
    events = [{"timestamp": 1_795_166_086_000 + at, "message": message % (at, at % 97), "logStreamName": stream % (at // 10_000)} for at in range(lines)]
    (folder / "logs.json").write_text(json.dumps({"events": events}))
    return ["show", "--format", "html", "--log-lines", "10000", folder / "task.json", folder / "logs.json"]


def main():
    table = rows.Table("page", "page", "bytes", "usable", "a frame, median", "longest")
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as folder:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        rows.version("Chromium", browser.version)
        folder = Path(folder)
        cases = [("1 task", ["show", "--format", "html", *sorted((PROJECT / "examples/oom").glob("*.json"))]), ("1 task, 100,000 lines", task(folder, 100_000))]
        quick = "--quick" in sys.argv
        for launches in (20,) if quick else (20, 500, 5_000):
            inner = folder / str(launches)
            inner.mkdir()
            cases.append((f"deployment, {launches:,} tasks", ["deploy", "--report", "html", "--from", *large_rollout(inner, launches)]))
        inner = folder / "lines"
        inner.mkdir()
        if not quick:
            cases.append(("5,000 tasks, 100,000 lines", ["deploy", "--report", "html", "--from", *large_rollout(inner, 5_000, 20)]))
        for name, command in cases:
            page = folder / "page.html"
            page.write_bytes(subprocess.run([BINARY, *command], check=True, capture_output=True).stdout)
            tab = browser.new_page()
            tab.goto(page.as_uri())
            usable = tab.evaluate("performance.getEntriesByType('navigation')[0].domContentLoadedEventEnd")
            median, longest = tab.evaluate(SCROLL)
            table.row(name, f"{page.stat().st_size:,}", f"{usable:.0f} ms", f"{median:.0f} ms", f"{longest:.0f} ms")
            tab.close()
        browser.close()


if __name__ == "__main__":
    main()
