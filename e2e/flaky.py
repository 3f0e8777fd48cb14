"""Tells which tests failed and passed when they were run once more (pytest's `--reruns`): each is a defect to mend."""

import os


def pytest_terminal_summary(terminalreporter):
    stats = terminalreporter.stats
    failed = {report.nodeid for kind in ("failed", "error") for report in stats.get(kind, [])}
    first = {}
    for report in stats.get("rerun", []):
        if report.nodeid not in failed:
            first.setdefault(report.nodeid, report)
    if not first:
        return
    terminalreporter.section(f"flaky: passed the second time: {len(first)}", yellow=True, bold=True)
    for name, report in first.items():
        terminalreporter.write_sep("_", name, yellow=True)
        terminalreporter.write_line(report.longreprtext)
        if "GITHUB_ACTIONS" in os.environ:
            terminalreporter.write_line(f"::warning title=flaky test::{name} passed the second time")
    terminalreporter.write_line("A test that is not sure of its outcome is a defect to mend: see e2e/README.md.")
