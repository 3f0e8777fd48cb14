"""How a benchmark says what it measured: a table for people, or, where ECSPAN_BENCH_JSON is set, a JSON object a line, of which
`benches/report` makes docs/performance.md."""

import json
import os

FOR_THE_REPORT = "ECSPAN_BENCH_JSON" in os.environ
#: An older binary, which `benches/report --before` puts beside the one that is measured.
BEFORE = os.environ.get("ECSPAN_BEFORE")


def binaries(binary):
    """What is measured in one run, now and before, and what a row of it says behind its name."""
    return [(binary, ""), *([(BEFORE, ", before")] if BEFORE else [])]


def beside_before(what, taken, aim=""):
    """The ratio of what both took, in the order of `binaries`."""
    if len(taken) > 1:
        ratio(f"{what}, beside what it was before", taken[0] / taken[1], aim)


def tell(text, **object):
    print(json.dumps(object, ensure_ascii=False) if FOR_THE_REPORT else text, flush=True)


class Table:
    """Rows under headings, told as they come."""

    def __init__(self, name, *headings):
        self.name, self.headings, self.widths = name, headings, [max(10, len(heading)) for heading in headings]
        if not FOR_THE_REPORT:
            print(self.line(headings), flush=True)

    def line(self, cells):
        first, *others = cells
        return "  ".join([f"{first:<34}", *(f"{cell:>{width}}" for cell, width in zip(others, self.widths[1:], strict=True))])

    def row(self, *cells):
        cells = [str(cell) for cell in cells]
        tell(self.line(cells), kind="row", table=self.name, headings=self.headings, cells=cells)


def ratio(what, value, aim=""):
    """What the page begins with: two numbers of one run, the first named by the second."""
    tell(f"{value:.2f}: {what}" + (f" (aim {aim})" if aim else ""), kind="ratio", what=what, value=f"{value:.2f}", aim=aim)


def missing(what, why):
    """What this machine cannot measure."""
    tell(f"not measured: {what}: {why}", kind="missing", what=what, why=why)


def version(what, is_version):
    tell(f"{what}: {is_version}", kind="version", what=what, version=is_version)


def command(what, program, arguments):
    """How a row was run."""
    words = " ".join([program, *arguments])
    tell(f"{what}: {words}", kind="command", what=what, command=words)


def mib(kib):
    return f"{kib / 1024:.1f} MiB"
