"""Markdown as GitHub renders it (cmarkgfm is its renderer): whatever a task says, it is text."""

import json
import re

import cmarkgfm
import pytest
from cmarkgfm.cmark import Options
from conftest import PROJECT

HOSTILE = [
    "```", "``````", "~~~", "</details>", "<img src=x onerror=alert(1)>", "<script>alert(1)</script>", "| a | b |", "|---|---|",
    "@octocat please look at #12", "[a](javascript:alert(1))", "![a](https://tracker.example/x.png)", "# title", "- [ ] item", "    ", "\t@tab",
    "https://example.org/ www.example.org", "a\0b\x1b[31m", "\u202egnp.exe", "x" * 10_000, "&lt;b&gt; <!-- comment",
]
STREAM = "ecs/report/5d3e0f6b9a1c4e7788b2c4d6e8f0a1b3"


def markdown(ecspan, *arguments):
    run = ecspan("show", "--utc", "--format", "markdown", *arguments)
    assert run.code == 0, run
    return run.out


def rendered(text):
    """As GitHub does: with its extensions, and raw HTML left to what comes after."""
    return cmarkgfm.github_flavored_markdown_to_html(text, options=Options.CMARK_OPT_UNSAFE)


def outside_of_code(html):
    return re.sub(r"<pre.*?</pre>|<code.*?</code>", "", html, flags=re.DOTALL)


@pytest.fixture
def hostile(tmp_path):
    task = json.loads((PROJECT / "examples/oom/task.json").read_text())
    one = task["tasks"][0]
    one["stoppedReason"] = " ".join(HOSTILE[:-2])
    one["containers"][0]["reason"] = "1. @octocat ``` </details> " + HOSTILE[4]
    (tmp_path / "task.json").write_text(json.dumps(task))
    events = [{"timestamp": 1_795_166_086_000 + at, "message": line, "logStreamName": STREAM} for at, line in enumerate(HOSTILE)]
    (tmp_path / "logs.json").write_text(json.dumps({"events": events}))
    return [tmp_path / "task.json", tmp_path / "logs.json"]


def test_whatever_a_task_says_is_text(ecspan, hostile):
    html = rendered(markdown(ecspan, *hostile))
    prose = outside_of_code(html)
    assert set(re.findall(r"<([a-z0-9]+)", html)) <= {"h2", "ul", "li", "strong", "pre", "code", "details", "summary", "p", "a"}
    # One log, one block of code in it, and the bars.
    assert html.count("<details>") == html.count("</details>") == 1 and html.count("<pre") == 2
    assert "octocat" in prose and not re.search(r"(?<!\w)@\w|(?<!\w)#\d", re.sub(r"<[^>]*>", "", prose))
    assert set(re.findall(r'href="([^"]*)"', html)) <= {"https://example.org/", "http://www.example.org", "https://tracker.example/x.png"}
    log = html[html.index("<summary>"):]
    for line in HOSTILE[:12]:
        assert line.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;") in log, line


@pytest.mark.parametrize("name", ["nginx", "oom", "wrong-image"])
def test_the_waterfall_fits_a_comment(ecspan, name):
    text = markdown(ecspan, *sorted((PROJECT / "examples" / name).glob("*.json")), "--width", "300")
    block = re.search(r"^```text\n(.*?)^```$", text, re.DOTALL | re.MULTILINE).group(1)
    assert max(map(len, block.splitlines())) <= 80 and "provisioning" in block
    html = rendered(text)
    assert html.startswith("<h2>") and html.count("<pre") == 1 + html.count("<details>")


def test_a_long_log_is_cut_to_what_a_comment_holds(ecspan, tmp_path):
    task = PROJECT / "examples/oom/task.json"
    events = [{"timestamp": 1_795_166_086_000 + at, "message": f"{at} " + "x" * 1_000, "logStreamName": STREAM} for at in range(500)]
    (tmp_path / "logs.json").write_text(json.dumps({"events": events}))
    text = markdown(ecspan, task, tmp_path / "logs.json", "--log-lines", "1000", "--ui-url", "http://localhost:16686")
    assert len(text) < 65_536 and "last 60 of 500 lines" in text and "499 x" in text
    assert "[`5d3e0f6b9a1c4e7788b2c4d6e8f0a1b3`](http://localhost:16686/trace/5d3e0f6b9a1c4e7788b2c4d6e8f0a1b3)" in text
