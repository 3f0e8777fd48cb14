"""Pages in a real browser (Debian's Chromium), opened as a file, without a network: nothing is asked for, nothing is refused by the
policy, nothing executes that is not the page's. Skipped where e2e/install.sh found no browser."""

import hashlib
import json
import os
import re
import shutil
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

import picture
import pytest
from conftest import PROJECT
from waiting import wait_until

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "ecspan-e2e"
AXE = CACHE / "axe.min.js"
CHROMIUM = shutil.which("chromium")
CORPUS = Path(os.environ["ECSPAN_CORPUS"]) if "ECSPAN_CORPUS" in os.environ else None
#: Milliseconds; a browser that needs more hangs.
PATIENCE = 120_000

pytestmark = pytest.mark.skipif(not CHROMIUM, reason="there is no browser: chromium is not installed")

EXAMPLES = ["nginx", "oom", "wrong-image"]
#: Ends a script, an attribute, a comment and a string, and calls what a test looks for.
CANARY = "\"'`--></script></title><img src=x onerror=canary()><svg onload=canary()>]]>&lt;\u202e\u2028${canary()}"


@pytest.fixture(scope="module")
def chromium():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        # The suite may run as root, where Chromium has no sandbox.
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"], timeout=PATIENCE)
        yield browser
        browser.close()


@contextmanager
def tab(chromium, **options):
    """Of a browser without a network."""
    context = chromium.new_context(**{"viewport": {"width": 1280, "height": 900}, "offline": True, **options})
    context.set_default_timeout(PATIENCE)
    try:
        yield context.new_page()
    finally:
        context.close()


@contextmanager
def opened(chromium, path, **options):
    """The page in a browser without a network. Whatever it asks for or complains of fails the test."""
    with tab(chromium, **options) as page:
        trouble, requests = [], []
        page.on("console", lambda message: trouble.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: trouble.append(f"error: {error}"))
        page.on("dialog", lambda dialog: (trouble.append(f"dialog: {dialog.message}"), dialog.dismiss()))
        page.on("request", lambda request: requests.append(request.url))
        page.add_init_script(
            "window.canaries = 0; window.canary = () => { window.canaries += 1; };"
            "window.refused = []; document.addEventListener('securitypolicyviolation', (event) => window.refused.push(event.violatedDirective));"
        )
        page.goto(path.as_uri())
        yield page
        assert page.evaluate("[window.canaries, window.refused]") == [0, []]
    assert requests == [path.as_uri()] and trouble == []


@contextmanager
def without_script(chromium, path, **options):
    with tab(chromium, java_script_enabled=False, **options) as page:
        page.goto(path.as_uri())
        yield page


def example(name):
    return sorted((PROJECT / "examples" / name).glob("*.json"))


def drawn(ecspan, tmp_path, *arguments):
    run = ecspan("show", "--utc", "--format", "html", *arguments)
    assert run.code == 0, run
    path = tmp_path / "task.html"
    path.write_text(run.out)
    return path


@pytest.fixture
def page_of(ecspan, tmp_path):
    return lambda *arguments: drawn(ecspan, tmp_path, *arguments)


def violations(page, **options):
    page.evaluate(AXE.read_text())
    found = page.evaluate("options => axe.run(document, options)", {"resultTypes": ["violations"], **options})["violations"]
    return [(rule["id"], [node["html"][:200] for node in rule["nodes"]][:3], rule["nodes"][0]["failureSummary"]) for rule in found]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", EXAMPLES)
@pytest.mark.skipif(not AXE.exists(), reason="axe-core is not installed: npm is missing")
def test_a_page_is_accessible(chromium, page_of, name, scheme):
    # The test's own tool needs what the page's policy forbids.
    options = {"color_scheme": scheme, "bypass_csp": True}
    with opened(chromium, page_of(*example(name), "--ui-url", "http://localhost:16686"), **options) as page:
        assert violations(page) == []
        # Everything unfolded, and a line opened.
        page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
        if page.locator(".line").count():
            page.locator(".line").first.click()
        assert violations(page) == []


@pytest.mark.parametrize("name", EXAMPLES)
def test_what_is_read_is_there_without_a_script(chromium, page_of, name):
    with opened(chromium, page_of(*example(name)), java_script_enabled=True) as page:
        scripted = page.locator("section.findings").inner_text()
    with without_script(chromium, page_of(*example(name))) as page:
        assert page.locator("section.findings").inner_text() == scripted
        assert page.locator(".bar rect").count() >= 3 and page.locator("section.phases tbody tr").count() >= 3
        assert page.locator("button:visible, input:visible, .lines:visible").count() == 0


def widths(page):
    return [box["width"] for box in page.evaluate("[...document.querySelectorAll('.bar rect')].map((bar) => bar.getBoundingClientRect().toJSON())")]


def words(locator):
    """What is read, a number and its unit as they are elsewhere."""
    return locator.inner_text().replace("\xa0", " ")


def told(page):
    page.evaluate("() => new Promise(requestAnimationFrame)")
    page.evaluate("() => new Promise(requestAnimationFrame)")
    return page.locator("section.timeline output:last-of-type").inner_text()


def test_the_timeline_is_zoomed_by_keys_buttons_wheel_and_drag(chromium, page_of):
    with opened(chromium, page_of(*example("nginx"))) as page:
        whole = widths(page)
        page.locator(".chart").focus()
        for key, does in (("+", "in"), ("ArrowRight", "right"), ("ArrowLeft", "left"), ("-", "out")):
            before = told(page)
            page.keyboard.press(key)
            by_key = told(page)
            assert by_key != before, key
            page.keyboard.press("0")
            assert told(page) == "" and widths(page) == whole
            if does == "in":
                page.locator("[data-do=in]").click()
                assert told(page) == by_key
                page.locator(".chart").focus()
            else:
                page.keyboard.press("+")
        page.keyboard.press("0")
        bar = page.locator(".bar").first.bounding_box()
        middle = bar["y"] + bar["height"] / 2
        page.mouse.move(bar["x"] + 10, middle)
        page.mouse.down()
        page.mouse.move(bar["x"] + bar["width"] / 4, middle, steps=4)
        page.mouse.up()
        page.mouse.move(5, 5)
        assert told(page).startswith("+") and "…" in told(page)
        # The end of a drag unfolds nothing; a double click shows all again.
        assert page.locator(".row[open]").count() == 0
        page.mouse.dblclick(bar["x"] + 40, middle)
        page.mouse.move(5, 5)
        assert told(page) == "" and widths(page) == whole
        scale = page.locator(".scale").bounding_box()
        page.mouse.move(scale["x"] + 40, scale["y"] + 8)
        page.mouse.wheel(0, -120)
        page.mouse.move(5, 5)
        assert told(page) != ""
        # Over the bars the wheel moves the page, as everywhere.
        page.keyboard.press("0")
        page.locator("[data-do=all]").click()
        page.mouse.move(bar["x"] + 40, middle)
        page.mouse.wheel(0, 120)
        page.mouse.move(5, 5)
        assert told(page) == ""


def test_the_middle_unfolds(chromium, page_of):
    with opened(chromium, page_of(*example("nginx"))) as page:
        assert page.locator(".ticks .middle").text_content() == "╱╱ 11 min 55 s ╱╱"
        running = page.locator(".row", has_text="running").first.locator("rect")
        before = running.bounding_box()["width"]
        page.get_by_role("button", name="Unfold the middle").click()
        told(page)
        assert page.locator(".ticks .middle").count() == 0
        assert running.bounding_box()["width"] > 5 * before
        page.locator(".chart").focus()
        page.keyboard.press("u")
        told(page)
        assert running.bounding_box()["width"] == before


def test_a_row_tells_its_raw_times_and_clocks(chromium, page_of):
    with opened(chromium, page_of(*example("nginx"))) as page:
        page.locator(".row", has_text="image pull").locator("summary").hover()
        tip = page.locator(".tip")
        assert "2021-11-26T16:49:55.744+00:00 (+14.5 s) pull started, by the agent's clock" in words(tip)
        page.mouse.move(5, 5)
        assert not tip.is_visible()
        # By the keyboard: to the chart, to its first row, down to the third, which unfolds.
        page.locator(".chart").focus()
        page.keyboard.press("Tab")
        page.keyboard.press("ArrowDown")
        page.keyboard.press("ArrowDown")
        assert "pull started" in tip.inner_text()
        page.keyboard.press("Enter")
        assert page.locator(".row[open] .name").inner_text() == "image pull"
        tip.wait_for(state="hidden")
        container = page.locator(".row", has_text="container nginx")
        assert "estimated bound" in container.locator(".details").text_content()
        assert container.locator("rect.estimated").count() == 1


def test_the_log_is_filtered_and_goes_to_a_time(chromium, page_of):
    with opened(chromium, page_of(*example("oom"))) as page:
        rows = lambda: page.locator(".line .text").all_inner_texts()
        assert len(rows()) == 8
        page.locator(".filter").fill("ROWS LOADED")
        assert len(rows()) == 3 and page.locator(".count").inner_text() == "3 of 8 lines"
        page.locator("select.severity").select_option("13")
        assert len(rows()) == 1 and "heap_mb\":758" in rows()[0]
        page.locator(".filter").fill("")
        assert len(rows()) == 2
        page.locator("select.container").select_option(label="envoy")
        (line,) = rows()
        assert line.endswith("[warning] upstream reset: connection termination")
        page.locator(".line").click()
        assert page.locator(".line-whole .about").inner_text().startswith("2026-11-20 09:15:38")
        page.locator("select.severity").select_option("-2")
        page.locator("select.container").select_option("")
        # A click on the time axis: the first line at that time or after it.
        box = page.locator(".row", has_text="stopping").first.locator("rect").bounding_box()
        page.mouse.click(box["x"] + 1, box["y"] + 5)
        assert page.locator(".line.here .text").inner_text().endswith("[warning] upstream reset: connection termination")
        # Only what the timeline shows.
        page.locator(".in-view").check()
        assert len(rows()) == 8
        page.locator(".chart").focus()
        [page.keyboard.press(key) for key in ("+", "+", "ArrowRight", "ArrowRight", "ArrowRight", "ArrowRight", "ArrowRight", "ArrowRight")]
        told(page)
        assert len(rows()) < 8


def test_the_trace_id_is_copied_and_leads_to_jaeger(chromium, page_of):
    path = page_of(*example("oom"), "--ui-url", "http://localhost:16686/")
    with opened(chromium, path, permissions=["clipboard-read", "clipboard-write"]) as page:
        # It says so for a moment only, which may be over before anybody looks.
        page.evaluate("window.said = []; new MutationObserver(([one]) => said.push(one.target.textContent)).observe(document.querySelector('[data-copy]'), {childList: true})")
        page.get_by_role("button", name="Copy").first.click()
        wait_until("a button that says Copied", lambda: "Copied" in page.evaluate("window.said"), 60)
        assert page.evaluate("navigator.clipboard.readText()") == "5d3e0f6b9a1c4e7788b2c4d6e8f0a1b3"
        link = page.get_by_role("link", name="Open the trace")
        assert link.get_attribute("href") == "http://localhost:16686/trace/5d3e0f6b9a1c4e7788b2c4d6e8f0a1b3"
    # Another UI's address, and an empty variable.
    with opened(chromium, page_of(*example("oom"), "--ui-url", "https://grafana.example/explore?trace={trace_id}&x=1")) as page:
        link = page.get_by_role("link", name="Open the trace")
        assert link.get_attribute("href") == "https://grafana.example/explore?trace=5d3e0f6b9a1c4e7788b2c4d6e8f0a1b3&x=1"


@pytest.mark.parametrize("url", ["javascript:canary()", "localhost:16686", "http://a b.example", "https://x.example/{traceId}", "file:///x"])
def test_an_address_that_is_none_is_told(ecspan, url):
    for command in (["show", *example("oom")], ["export", *example("oom"), "--to", "file:-"], ["deploy", "--from", *example("rollout")]):
        run = ecspan(*command, "--ui-url", url)
        assert run.code == 2 and run.out == "" and "--ui-url" in run.err and "http://localhost:16686" in run.err, run
    run = ecspan("show", "--format", "html", *example("oom"), env={"ECSPAN_UI_URL": ""})
    assert run.code == 0 and "Open the trace" not in run.out, run


def test_lines_of_a_reason_are_lines(chromium, page_of, tmp_path):
    task = json.loads((PROJECT / "examples/oom/task.json").read_text())
    task["tasks"][0]["containers"][0]["reason"] = "exec failed:\n\tno such file\r\nat\x1b[1J \x1b[31mstart"
    (tmp_path / "task.json").write_text(json.dumps(task))
    stream = "ecs/report/5d3e0f6b9a1c4e7788b2c4d6e8f0a1b3"
    (tmp_path / "logs.json").write_text(json.dumps({"events": [{"timestamp": 1_795_166_086_000, "message": "Traceback:\n  File x\nValueError", "logStreamName": stream}]}))
    with opened(chromium, page_of(tmp_path / "task.json", tmp_path / "logs.json")) as page:
        assert page.locator(".card .reason").first.inner_text() == "exec failed:\nno such file\nat\\x1b[1J start"
        assert page.locator(".line .text").inner_text() == "Traceback: ⏎   File x ⏎ ValueError"
        page.locator(".line").click()
        assert page.locator(".line-whole pre").text_content() == "Traceback:\n  File x\nValueError"


def test_a_reason_too_long_to_be_read_is_folded_and_whole(chromium, page_of, tmp_path):
    answer = json.loads((PROJECT / "examples/oom/task.json").read_text())
    reason = "OCI runtime: " + "0123456789 " * 10_000
    answer["tasks"][0]["containers"][0]["reason"] = reason
    (tmp_path / "task.json").write_text(json.dumps(answer))
    with opened(chromium, page_of(tmp_path / "task.json"), viewport={"width": 360, "height": 800}) as page:
        for place in (".found", ".card .reason"):
            long = page.locator(f"{place} details.long")
            assert long.locator("p").is_hidden() and "characters)" in long.locator("summary").inner_text()
            assert long.locator("summary").bounding_box()["height"] < 600
        long = page.locator(".card .reason details.long")
        long.locator("summary").click()
        long.locator("p").wait_for(state="visible")
        told = long.locator("summary").text_content().partition("… (")[0] + long.locator("p").text_content()
        assert told.strip() == reason.strip()
        assert page.evaluate("document.documentElement.scrollWidth") <= 360


def test_a_name_is_one_line_wherever_it_stands(chromium, page_of, tmp_path):
    answer = json.loads((PROJECT / "examples/oom/task.json").read_text())
    answer["tasks"][0]["containers"][0].update(name="report\nall is well", reason="killed", exitCode=3)
    (tmp_path / "task.json").write_text(json.dumps(answer))
    with opened(chromium, page_of(tmp_path / "task.json")) as page:
        assert "\nall is well" not in page.locator("main").inner_text()
        assert "report\\x0aall is well" in page.locator(".card h3").first.inner_text()


def test_a_start_that_is_estimated_says_so_however_short_its_bar(chromium, page_of, tmp_path):
    task = json.loads((PROJECT / "examples/nginx/task.json").read_text())
    one = task["tasks"][0]
    for key in ("stoppingAt", "executionStoppedAt", "stoppedAt", "stopCode", "stoppedReason"):
        one.pop(key, None)
    one.update(lastStatus="RUNNING", desiredStatus="RUNNING")
    for container in one["containers"]:
        container.pop("exitCode", None)
        container["lastStatus"] = "RUNNING"
    (tmp_path / "task.json").write_text(json.dumps(task))
    with opened(chromium, page_of(tmp_path / "task.json")) as page:
        row = words(page.locator("section.phases tr", has_text="container nginx"))
        assert "0 ms so far" in row and "estimated" in row
        assert "estimated: ECS gives no times of containers" in page.locator("section.timeline").inner_text()


#: Tables that must be moved sideways to be read.
SIDEWAYS = "[...document.querySelectorAll('.scroll, .one')].filter((one) => one.scrollWidth > one.clientWidth).map((one) => one.ariaLabel ?? one.className)"


def workers(count, prefix="worker"):
    """A task whose containers ended alike, but for the last one."""
    names = [f"{prefix}-{at:02}" for at in range(count)]
    return {
        "taskArn": "arn:aws:ecs:eu-west-1:123456789012:task/prod/0123456789abcdef0123456789abcdef", "lastStatus": "STOPPED",
        "createdAt": 1_795_000_000, "pullStartedAt": 1_795_000_010, "startedAt": 1_795_000_025, "stoppedAt": 1_795_000_100,
        "containers": [{"name": name, "lastStatus": "STOPPED", "exitCode": int(name == names[-1])} for name in names],
    }


@pytest.mark.parametrize("width", [360, 1280])
def test_many_that_are_alike_are_a_row_and_a_card_that_unfold_by_touch_and_keyboard(chromium, page_of, tmp_path, width):
    (tmp_path / "task.json").write_text(json.dumps(workers(66)))
    page_file = page_of(tmp_path / "task.json")
    with opened(chromium, page_file, viewport={"width": width, "height": 800}, has_touch=True) as page:
        names = lambda: [name for name in page.locator(".rows .name:visible").all_inner_texts() if "container" in name]
        assert names() == ["65 containers", "container worker-65"]
        row = page.locator(".rows summary", has_text="65 containers")
        row.tap()
        assert len(names()) == 67 and names()[1] == "container worker-00"
        row.focus()
        page.keyboard.press("Enter")
        assert len(names()) == 2
        # Arrows pass by what is not unfolded.
        page.keyboard.press("ArrowDown")
        assert page.evaluate("document.activeElement.innerText").startswith("container worker-65")
        cards = page.locator(".card:visible")
        assert cards.count() == 1
        page.locator("summary", has_text="65 containers that are alike").tap()
        assert cards.count() == 66
        assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("width", [360, 768, 1280])
def test_what_tells_names_apart_is_seen_beside_their_bars(chromium, page_of, tmp_path, width):
    (tmp_path / "task.json").write_text(json.dumps(workers(3, "a-name-that-is-much-too-long-to-be-read-at-once-" * 4)))
    with opened(chromium, page_of(tmp_path / "task.json"), viewport={"width": width, "height": 800}) as page:
        rows = page.locator(".rows .name")
        cut = "[...document.querySelectorAll('.rows .name')].filter((name) => name.scrollWidth > name.clientWidth).map((name) => name.innerText)"
        assert page.evaluate(cut) == []
        assert [name[-3:] for name in rows.all_inner_texts()[-3:]] == ["-00", "-01", "-02"]
        rows.last.click()
        told = page.locator(".rows details[open] dd").first
        assert told.is_visible() and told.inner_text().startswith("a-name") and told.inner_text().endswith("-02")


@pytest.mark.parametrize("width", [360, 390, 768])
@pytest.mark.parametrize("name", EXAMPLES)
def test_no_table_is_wider_than_a_narrow_screen(chromium, page_of, name, width):
    with opened(chromium, page_of(*example(name)), viewport={"width": width, "height": 844}) as page:
        assert page.evaluate(SIDEWAYS) == []


#: Cells whose text does not fit into them.
OUTSIDE = "[...document.querySelectorAll('th, td')].filter((cell) => cell.scrollWidth > cell.clientWidth + 1).map((cell) => cell.textContent)"
#: Where a number and its unit could stand on two lines.
APART = "[...document.querySelectorAll('td.number, header strong')].map((cell) => cell.textContent).filter((text) => /\\d (ms|s|min|h|d|%)/.test(text))"


@pytest.mark.parametrize("width", [360, 768, 1280])
def test_names_of_any_length_and_script_stay_in_their_cell_and_units_at_their_number(chromium, page_of, tmp_path, width):
    answer = json.loads((PROJECT / "examples/nginx/task.json").read_text())
    task, (container,) = answer["tasks"][0], answer["tasks"][0]["containers"]
    names = ["x" * 255, "日本語の" * 20, "עברית-مكل-" * 12, "👩‍👩‍👧‍👦" * 20, "ạ̈̇" * 60]
    task["containers"] = [{**container, "name": name} for name in names]
    (tmp_path / "task.json").write_text(json.dumps(answer))
    with opened(chromium, page_of(tmp_path / "task.json"), viewport={"width": width, "height": 844}) as page:
        assert page.evaluate(OUTSIDE) == [] and page.evaluate(APART) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert page.evaluate(SIDEWAYS) == []


#: Pairs of labels of the axis that lie on one another.
OVERLAPPING = """(() => {
  const boxes = [...document.querySelectorAll('.ticks text')].map((text) => text.getBoundingClientRect()).sort((a, b) => a.left - b.left);
  return boxes.filter((box, at) => at && box.left < boxes[at - 1].right).length;
})()"""


def test_labels_of_the_axis_do_not_overlap_and_the_pointer_is_told_what_is_known(chromium, page_of):
    with opened(chromium, page_of(*example("nginx")), viewport={"width": 768, "height": 844}) as page:
        # To the millisecond, as the task's times are; where a pixel is more than that, no digit that is none.
        for digits in ("", r"\.\d{3}", r"\.\d{3}", r"\.\d{3}"):
            page.locator(".bar").first.hover()
            assert re.search(rf" \d\d:\d\d:\d\d{digits} \+00:00$", told(page)), (digits, told(page))
            page.mouse.move(5, 5)
            page.locator(".chart").focus()
            for _ in range(4):
                page.keyboard.press("+")
                told(page)
                assert page.evaluate(OVERLAPPING) == 0, told(page)
        row = page.locator("tr[data-ns]").nth(1)
        row.hover()
        assert told(page).endswith(" · 2021-11-26 16:49:55.744 +00:00")


def test_a_line_has_one_time_in_a_page(chromium, page_of):
    with opened(chromium, page_of(*example("oom"))) as page:
        in_card = page.locator(".excerpt li", has_text="job accepted").inner_text()
        in_log = page.locator(".line", has_text="job accepted").inner_text()
        assert in_card.startswith("+46.0 s") and in_log.startswith("+46.000 s"), (in_card, in_log)


@pytest.mark.parametrize("width", [360, 768, 1280])
@pytest.mark.parametrize("name", EXAMPLES)
def test_a_page_fits_the_screen(chromium, page_of, name, width):
    with opened(chromium, page_of(*example(name)), viewport={"width": width, "height": 800}) as page:
        page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        boxes = page.evaluate("[...document.querySelectorAll('.bar')].map((bar) => bar.getBoundingClientRect().width)")
        assert min(boxes) > 250


def test_dark_and_print(chromium, page_of):
    path = page_of(*example("oom"))
    background = "getComputedStyle(document.body).backgroundColor"
    with opened(chromium, path, color_scheme="dark") as page:
        assert page.evaluate(background) == "rgb(20, 23, 28)"
    with opened(chromium, path, color_scheme="dark") as page:
        # Colours for a dark screen cannot be read on paper.
        page.emulate_media(media="print")
        printed = page.evaluate("getComputedStyle(document.querySelector('.badge')).color")
        assert page.evaluate(background) == "rgb(255, 255, 255)" and printed == "rgb(185, 28, 28)"
    with opened(chromium, path) as page:
        assert page.evaluate(background) == "rgb(255, 255, 255)"
        page.emulate_media(media="print")
        assert page.locator("button:visible, .lines:visible, .skip:visible").count() == 0
        assert page.locator(".print-only").is_visible() and page.locator(".excerpt li:visible").count() == 8
        assert page.pdf()[:4] == b"%PDF"


def test_a_rollout_on_paper_has_its_launches(chromium, ecspan, tmp_path):
    path = tmp_path / "page.html"
    run = ecspan("deploy", "--utc", "--from", *(PROJECT / "examples/rollout" / name for name in ("services.json", "tasks.json")), "--report", path)
    with opened(chromium, path) as page:
        page.emulate_media(media="print")
        page.evaluate("dispatchEvent(new Event('beforeprint'))")
        assert page.locator(".rows .item .row:visible").count() == 6, run


def test_of_no_task_there_is_a_page_and_a_document_too(chromium, ecspan, tmp_path):
    (tmp_path / "event.json").write_text(json.dumps({"detail-type": "ECS Container Instance State Change", "source": "aws.ecs", "detail": {}}))
    with opened(chromium, drawn(ecspan, tmp_path, tmp_path / "event.json")) as page:
        assert page.locator("main").inner_text() == "No task\n\nNothing that was read is about a task that was asked for."
    assert json.loads(ecspan("show", "--format", "perfetto", tmp_path / "event.json").out)["traceEvents"] == []
    # Of what could not be read there is nothing to show.
    (tmp_path / "broken.json").write_text("{")
    broken = ecspan("show", "--format", "html", tmp_path / "broken.json")
    assert broken.code == 1 and broken.out == "", broken


def test_a_rollout_of_which_no_task_is_known_is_a_page(chromium, ecspan, tmp_path):
    path = tmp_path / "page.html"
    ecspan("deploy", "--from", PROJECT / "examples/rollout/services.json", "--report", path)
    with opened(chromium, path) as page:
        assert page.locator("[data-copy]:visible").count() > 0


def test_times_are_exact_to_the_nanosecond(chromium, page_of, tmp_path):
    task = json.loads((PROJECT / "examples/oom/task.json").read_text())
    told_at = "2026-11-20T09:15:00.123456789Z"
    metadata = tmp_path / "metadata.json"
    one = task["tasks"][0]
    metadata.write_text(json.dumps({
        "TaskARN": one["taskArn"], "Cluster": "prod", "Family": "report", "Revision": "41", "KnownStatus": "RUNNING",
        "Containers": [{"DockerId": "1", "Name": "report", "KnownStatus": "RUNNING", "StartedAt": told_at, "CreatedAt": told_at, "Type": "NORMAL"}],
    }))
    with opened(chromium, page_of(metadata)) as page:
        rows = page.locator("section.events tr[data-ns]")
        assert "1795166100123456789" in {rows.nth(at).get_attribute("data-ns") for at in range(rows.count())}
        data = json.loads(page.locator("script.data").text_content())
        assert "1795166100123456789" in {bar[0] for bar in data["bars"] if bar}


def poisoned(value, spared, key=None):
    """Each text of a document with the canary in it, but for times and what is spared."""
    if isinstance(value, dict):
        return {name: poisoned(one, spared, name) for name, one in value.items()}
    if isinstance(value, list):
        return [poisoned(one, spared, key) for one in value]
    is_time = isinstance(value, str) and re.match(r"\d{4}-\d\d-\d\dT", value)
    return value + CANARY if isinstance(value, str) and not is_time and key not in spared else value


#: Names whose characters ECS chooses: a task with others in them is left out, and told.
NAMES = ("taskArn", "clusterArn")
#: What joins log lines to their container; with the canary in it too, the lines belong to nobody.
JOINS = (*NAMES, "name", "logStreamName")


@pytest.mark.parametrize("spared", [NAMES, JOINS], ids=["all", "joined"])
@pytest.mark.parametrize("name", EXAMPLES)
def test_a_canary_in_every_text_stays_text(chromium, ecspan, tmp_path, name, spared):
    paths = []
    for path in example(name):
        paths.append(tmp_path / path.name)
        paths[-1].write_text(json.dumps(poisoned(json.loads(path.read_text()), spared)))
    run = ecspan("show", "--utc", "--format", "html", *paths)
    assert run.code == (3 if name == "oom" and spared == NAMES else 0), run.err
    file = tmp_path / "page.html"
    file.write_text(run.out)
    with opened(chromium, file) as page:
        assert page.locator("img").count() == 0
        assert "canary()" in page.locator("main").inner_text()
        page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
        if page.locator(".line").count():
            page.locator(".line").first.click()
        page.locator(".row summary").first.hover()


def test_a_canary_in_the_name_of_a_task_is_no_page(ecspan, tmp_path):
    (tmp_path / "task.json").write_text(json.dumps(poisoned(json.loads((PROJECT / "examples/oom/task.json").read_text()), ())))
    run = ecspan("show", "--format", "html", tmp_path / "task.json")
    assert run.code == 1 and run.out == "" and "no name of ECS has" in run.err, run


def test_lines_that_would_break_a_page(chromium, page_of, tmp_path):
    hostile = ["</script><script>canary()</script>", "]]>", "<!--", "a\0b", "\u202egnp.exe", "\ud83d\ude00 " * 5, "x" * 1_000_000, CANARY, "\x1b[31mred"]
    paths = [path for path in example("oom") if path.name != "logs.json"]
    paths.append(tmp_path / "logs.json")
    begun = 1_795_079_690_000
    stream = "ecs/report/5d3e0f6b9a1c4e7788b2c4d6e8f0a1b3"
    events = [{"timestamp": begun + at, "message": line, "logStreamName": stream} for at, line in enumerate(hostile)]
    paths[-1].write_text(json.dumps({"events": events}))
    with opened(chromium, page_of(*paths)) as page:
        assert page.locator(".count").inner_text() == f"{len(hostile)} lines"
        seen = page.locator(".line .text").all_inner_texts()
        assert seen[0] == hostile[0] and "\\x00" in seen[3] and "\\u{202e}" in seen[4]
        assert seen[6].endswith("… (1000000 characters)")
        page.locator(".line").nth(6).click()
        assert len(page.locator(".line-whole pre").text_content()) == 1_000_000


@pytest.mark.skipif(CORPUS is None, reason="the corpus is not here: ECSPAN_CORPUS is not set")
def test_every_public_file_is_a_page_that_executes_nothing(chromium, ecspan, tmp_path):
    drawn_pages = 0
    for path in sorted([*CORPUS.rglob("*"), *(CORPUS.parent / "field").glob("*")]):
        if not path.is_file() or path.name == "README.md":
            continue
        run = ecspan("show", "--utc", "--format", "html", path)
        if not run.out:
            continue
        drawn_pages += 1
        file = tmp_path / "page.html"
        file.write_text(run.out)
        with opened(chromium, file) as page:
            # Of a file about no task there is a page that says so.
            assert (page.locator("article").count() >= 1) != (page.get_by_text("No task").count() == 1), path
    assert drawn_pages > 20


#: Words of a table that stand on two lines.
BROKEN = """[...document.querySelectorAll('.beside th, .beside td')].flatMap((cell) => [...cell.childNodes].filter((node) => node.nodeType === 3).flatMap((node) =>
  [...node.data.matchAll(/\\S+/g)].filter(({ 0: word, index }) => {
    const range = document.createRange();
    range.setStart(node, index);
    range.setEnd(node, index + word.length);
    return new Set([...range.getClientRects()].map((box) => box.top)).size > 1;
  }).map(([word]) => word)))"""


@pytest.mark.skipif(not AXE.exists(), reason="axe-core is not installed: npm is missing")
def test_two_tasks_beside_one_another(chromium, ecspan, page_of, tmp_path):
    path = page_of(PROJECT / "examples/oom/task.json", "--compare", PROJECT / "examples/nginx/task.json", "--no-logs")
    with opened(chromium, path, bypass_csp=True) as page:
        assert violations(page) == []
        row = words(page.locator(".beside tr", has_text="image pull"))
        assert "30.840 s" in row and "6.525 s" in row and "+24.3 s" in row and "4.7 times as long" in row
        assert page.locator("article").count() == 2
        # Which is which: above, in the way to each, and at its own article.
        assert [text[0] for text in page.locator(".sides li, nav li, article h1").all_inner_texts()] == list("ABABAB")
    for width in (360, 768, 1000, 1100, 1280):
        with opened(chromium, path, viewport={"width": width, "height": 800}) as page:
            assert page.evaluate("document.documentElement.scrollWidth") <= width and page.evaluate(SIDEWAYS) == []
            assert page.evaluate(BROKEN) == []
            # The picture is there once, beside the numbers or under them; what took no time has no bar.
            launch = page.locator(".beside tbody .pair:visible").first
            assert launch.locator("rect").count() == 2 and launch.bounding_box()["width"] > 90
            assert page.locator(".beside tbody .wide:visible").count() * page.locator(".beside .under:visible").count() == 0
    same = page_of(PROJECT / "examples/oom/task.json", "--compare", PROJECT / "examples/oom/task.json")
    with opened(chromium, same) as page:
        assert "A and B are one task" in page.locator(".beside .found").inner_text()
        assert "where it is slower" not in page.locator(".sides").inner_text()
    two = ecspan("show", PROJECT / "examples/oom/task.json", "--compare", PROJECT / "examples/nginx/task.json", PROJECT / "examples/wrong-image/task.json")
    assert two.code == 2 and "--compare names 2 tasks" in two.err, two
    one = ecspan("show", PROJECT / "examples/oom/task.json", "--compare", tmp_path / "missing.json")
    assert one.code != 0 and one.out == "", one
    other = ecspan("show", PROJECT / "examples/oom/task.json", "--compare", PROJECT / "examples/nginx/task.json", "--format", "json")
    assert other.code == 2 and "hint: --format waterfall, markdown or html" in other.err, other


# --- deployments

ROLLOUT = PROJECT / "examples/rollout"


def rollout_page(ecspan, tmp_path, *files):
    page = tmp_path / "rollout.html"
    run = ecspan("deploy", "--utc", "--from", *files, "--report", "none", "--report-file", page)
    assert run.code == 0, run
    return page


def test_the_picture_in_the_readme_is_of_the_page_that_is_drawn(ecspan):
    run = ecspan(*picture.COMMAND)
    assert picture.page_of(picture.PICTURE.read_bytes()) == hashlib.sha256(run.out.encode()).hexdigest(), "make it anew: python e2e/picture.py"
    assert picture.PICTURE.stat().st_size < 200_000


def later(text, seconds):
    return (datetime.fromisoformat(text) + timedelta(seconds=seconds)).isoformat()


def large_rollout(tmp_path, launches, lines=0):
    """The example's deployment with as many launches, each a moment after the one before, and with so many log lines each."""
    services, tasks = (json.loads((ROLLOUT / name).read_text()) for name in ("services.json", "tasks.json"))
    launched = [task for task in tasks["tasks"] if task["startedBy"] == "ecs-svc/7310294857610293847"]
    made = []
    for at in range(launches):
        task = json.loads(json.dumps(launched[at % len(launched)]))
        id = f"{at:032x}"
        task["taskArn"] = task["taskArn"].rsplit("/", 1)[0] + "/" + id
        for name in ("createdAt", "connectivityAt", "pullStartedAt", "pullStoppedAt", "startedAt"):
            if name in task:
                task[name] = later(task[name], at % 40 + at / 1000)
        made.append(task)
    paths = [tmp_path / "services.json", tmp_path / "tasks.json"]
    paths[0].write_text(json.dumps(services))
    paths[1].write_text(json.dumps({"tasks": made, "failures": []}))
    if lines:
        paths.append(tmp_path / "logs.json")
        begun = int(datetime.fromisoformat(launched[0]["createdAt"]).timestamp() * 1000) + 20_000
        message = '{"level":"info","msg":"a line of a usual length, with some fields","path":"/api/v1/things/%d","took_ms":%d}'
        name = launched[0]["containers"][0]["name"]
        events = [
            {"timestamp": begun + at + line * 100, "message": message % (at, line), "logStreamName": f"ecs/{name}/{at:032x}"}
            for at in range(launches) for line in range(lines)
        ]
        paths[-1].write_text(json.dumps({"events": events}))
    return paths


def names(page):
    told(page)
    items = page.evaluate("[...document.querySelectorAll('.many .item')].map((item) => [item.getAttribute('aria-posinset'), item.querySelector('.name').textContent])")
    return [name for _, name in sorted(items, key=lambda item: int(item[0]))]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.skipif(not AXE.exists(), reason="axe-core is not installed: npm is missing")
def test_a_rollout_is_accessible(chromium, ecspan, tmp_path, scheme):
    path = rollout_page(ecspan, tmp_path, *sorted(ROLLOUT.glob("*.json")))
    with opened(chromium, path, color_scheme=scheme, bypass_csp=True) as page:
        assert violations(page) == []
        page.locator(".many .item button").first.click()
        assert violations(page) == []


def test_launches_are_sorted_chosen_and_unfolded(chromium, ecspan, tmp_path):
    with opened(chromium, rollout_page(ecspan, tmp_path, *sorted(ROLLOUT.glob("*.json")))) as page:
        assert [name[:4] for name in names(page)] == ["a1f4", "b27d", "c395", "11c7", "22e0", "33a9"]
        page.locator(".sort").select_option("took")
        assert [name[:4] for name in names(page)][:2] == ["33a9", "c395"]
        page.locator("select.shown").select_option("launches")
        assert [name[:4] for name in names(page)] == ["c395", "a1f4", "b27d"]
        assert page.locator(".count").inner_text() == "3 of 6 tasks"
        page.locator(".many .item button").first.click()
        one = page.locator(".one")
        assert "c3950b7f28de4c61a9f7d4e6b8c1a206" in one.inner_text() and "31.400 s" in one.inner_text()
        # The keyboard goes from row to row, and into one.
        page.keyboard.press("ArrowDown")
        page.keyboard.press("Enter")
        assert "a1f4c2d97b3e4f0cb6d81e5a92c47f10" in one.inner_text()
        page.locator(".chart").focus()
        page.keyboard.press("+")
        assert "…" in page.locator("output.told").inner_text()


def test_a_rollout_without_a_script_and_on_narrow_screens(chromium, ecspan, tmp_path):
    path = rollout_page(ecspan, tmp_path, *sorted(ROLLOUT.glob("*.json")))
    for width in (360, 768, 1280):
        with without_script(chromium, path, viewport={"width": width, "height": 800}) as page:
            # The axis is that of the bars.
            bar, scale = (page.locator(of).first.bounding_box() for of in (".row .bar", ".scale"))
            assert abs(bar["x"] - scale["x"]) < 1 and abs(bar["width"] - scale["width"]) < 1, (width, bar, scale)
            assert page.locator("details.row").count() == 3 and page.locator("button:visible, select:visible").count() == 0
    for width in (360, 768):
        with opened(chromium, path, viewport={"width": width, "height": 800}) as page:
            assert page.evaluate("document.documentElement.scrollWidth") <= width and page.evaluate(SIDEWAYS) == []
            page.locator(".many .item button").first.click()
            assert page.evaluate(SIDEWAYS) == []
            assert page.locator(".many .item .bar").first.bounding_box()["width"] > 100


def test_thousands_of_launches_are_a_few_rows_at_a_time(chromium, ecspan, tmp_path):
    path = rollout_page(ecspan, tmp_path, *large_rollout(tmp_path, 3_000))
    with opened(chromium, path) as page:
        assert page.locator(".count").inner_text() == "3000 tasks"
        assert page.locator(".many .item").count() < 100
        page.evaluate("document.querySelector('.many').scrollTop = 1e9")
        # (A function to wait for would be evaluated as text when it is asked again, which the page's own policy forbids.)
        page.locator(".many .item[aria-posinset='3000']").wait_for()
        assert page.locator(".many .item").count() < 100


def test_thousands_of_lines_are_a_few_rows_at_a_time(chromium, page_of, tmp_path):
    stream = "ecs/report/5d3e0f6b9a1c4e7788b2c4d6e8f0a1b3"
    events = [{"timestamp": 1_795_166_086_000 + at, "message": f"line {at}", "logStreamName": stream} for at in range(10_000)]
    (tmp_path / "logs.json").write_text(json.dumps({"events": events}))
    with opened(chromium, page_of(PROJECT / "examples/oom/task.json", tmp_path / "logs.json", "--log-lines", "10000")) as page:
        assert page.locator(".count").inner_text() == "10000 lines" and page.locator(".line").count() < 100
        page.locator(".lines").focus()
        page.evaluate("document.querySelector('.lines').scrollTop = 1e9")
        page.locator(".line", has_text="line 9999").wait_for()
        page.locator(".filter").fill("line 1234")
        assert page.locator(".line .text").all_inner_texts() == ["line 1234"]


def test_a_canary_in_every_text_of_a_rollout_stays_text(chromium, ecspan, tmp_path):
    paths = []
    spared = ("taskArn", "clusterArn", "serviceArn", "serviceName", "startedBy", "group", "id", "status", "rolloutState", "lastStatus")
    for path in sorted(ROLLOUT.glob("*.json")):
        paths.append(tmp_path / path.name)
        paths[-1].write_text(json.dumps(poisoned(json.loads(path.read_text()), spared)))
    with opened(chromium, rollout_page(ecspan, tmp_path, *paths)) as page:
        assert page.locator("img").count() == 0 and "canary()" in page.locator("main").inner_text()
        page.locator(".many .item button").first.click()


def failed_rollout(tmp_path):
    """The example's deployment with a launch that failed and said why."""
    services, tasks = (json.loads((ROLLOUT / name).read_text()) for name in ("services.json", "tasks.json"))
    (one,) = [task for task in tasks["tasks"] if task["taskArn"].endswith("b27d0e6c1f5a4d9384c6a0b1d2e3f405")]
    container = one["containers"][0]
    one.update(lastStatus="STOPPED", desiredStatus="STOPPED", stopCode="EssentialContainerExited", stoppedReason="Essential container in task exited")
    one.update(stoppingAt=later(one["startedAt"], 3), executionStoppedAt=later(one["startedAt"], 4), stoppedAt=later(one["startedAt"], 9))
    container.update(lastStatus="STOPPED", exitCode=78, reason="config: no such\nfile /etc/web.toml")
    begun = int(datetime.fromisoformat(one["startedAt"]).timestamp() * 1000)
    said = ["starting", '{"level":"warn","msg":"no cache"}', '{"level":"error","msg":"cannot read /etc/web.toml"}', CANARY]
    events = [{"timestamp": begun + at * 500, "message": line, "logStreamName": f"ecs/{container['name']}/{one['taskArn'].split('/')[-1]}"} for at, line in enumerate(said)]
    paths = [tmp_path / name for name in ("services.json", "tasks.json", "logs.json")]
    for path, content in zip(paths, (services, tasks, {"events": events})):
        path.write_text(json.dumps(content))
    return paths


@pytest.mark.skipif(not AXE.exists(), reason="axe-core is not installed: npm is missing")
def test_a_launch_unfolds_to_its_containers_and_their_log(chromium, ecspan, tmp_path):
    path = rollout_page(ecspan, tmp_path, *failed_rollout(tmp_path))
    with opened(chromium, path, bypass_csp=True) as page:
        # From the failure to the launch.
        assert "cannot read /etc/web.toml" in page.locator("section.failures .excerpt").inner_text()
        page.get_by_role("button", name="Show it among the launches").click()
        one = page.locator(".one")
        card = one.locator(".card.failed").inner_text()
        assert "exit 78" in card and "config: no such\nfile /etc/web.toml" in card
        assert len(one.locator(".line .text").all_inner_texts()) == 4 and one.locator("output.count").inner_text() == "4 lines"
        one.locator("select.severity").select_option("17")
        assert [text for text in one.locator(".line .text").all_inner_texts() if "cannot read" in text] and one.locator(".line").count() == 1
        one.locator("select.severity").select_option("-2")
        one.locator(".filter").fill("STARTING")
        assert one.locator(".line .text").all_inner_texts() == ["starting"]
        one.locator(".filter").fill("")
        one.locator(".line").first.click()
        assert one.locator(".line-whole pre").inner_text() == "starting"
        assert violations(page) == []
        # Another launch has its own; of that one nothing was read.
        page.locator(".many .item button").first.click()
        assert one.locator(".line").count() == 0 and "No log lines were read of it" in one.inner_text()
        one.get_by_role("button", name="Close").click()
        assert not one.is_visible()
    with without_script(chromium, path) as page:
        page.locator("details.row", has_text="failed").locator("summary").click()
        assert "cannot read /etc/web.toml" in page.locator("details.row[open]").inner_text()
