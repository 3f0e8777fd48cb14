"""The load balancer's part in a rollout, and in the tasks that it drained."""

import json

from test_deploy import DEPLOY
from test_deploy_live import words


def test_the_time_behind_a_load_balancer_has_its_names(ecspan, aws):
    made = aws.rollouts.behind_a_load_balancer()
    run = ecspan(*DEPLOY, "--report-file", "json:report.json")
    text = words(run.out)
    assert run.code == 0, run
    assert "3 old tasks, slow-draining: it took 5 min 5 s from the request to stop to its end" in text and "deregistration_delay" in text
    assert "then: has begun draining connections on 3 tasks." in text
    assert "unhealthy-targets: targets were unhealthy in target group web, once: Health checks failed with these codes: [503]" in text
    assert "had started nothing moved for 1 min 40 s: health checks of the target group" in text
    assert "were 5 min 25 s of nothing but old tasks that drained and stopped; 1 min 52 s in which nothing moved: health checks" in text
    found = {one["id"]: one for one in json.loads((ecspan.home / "report.json").read_text())["findings"]}
    assert found["slow-draining"]["count"] == found["slow-draining"]["old_tasks"] == 3 and "task" in found["slow-draining"]
    # How the version before drains is no fault of this one; that its own targets were unhealthy is.
    assert ecspan(*DEPLOY, "--fail-on", "slow-draining").code == 0
    assert ecspan(*DEPLOY, "--fail-on", "unhealthy-targets").code == 13
    shown = ecspan("show", f"prod/{made.old[0].id}", "--no-logs")
    assert "it took 5 min 5 s from the request to stop" in words(shown.out) and "while it was stopping: has begun draining connections on 3 tasks." in words(shown.out), shown
    timeline = ecspan("show", f"prod/{made.new[0].id}", "--no-logs", "--format", "timeline").out
    assert "\tSERVICE\twhile it was running: registered 3 targets in" in timeline, timeline
