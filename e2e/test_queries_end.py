"""A query of Logs Insights does not outlive the run that began it."""

import signal

import pytest
from test_history import LARGE, many
from waiting import wait_until


@pytest.mark.parametrize("denied", [False, True])
def test_queries_of_a_run_that_is_interrupted_are_stopped(ecspan, aws, denied):
    many(aws, 10, known=1)
    # It never ends by itself.
    aws.history.group().stored, aws.history.ends = LARGE, "Running"
    if denied:
        aws.front.deny.add("StopQuery")
    process = ecspan.start("export", "--cluster", "prod", "--since", "7d", "--no-logs", "--to", "file:-")
    wait_until("a query that goes on", lambda: aws.front.calls["GetQueryResults"], 60, process=process)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130 and b"StopQuery" not in err, err.decode()
    asked = {request["queryId"] for request in aws.front.requests["GetQueryResults"]}
    stopped = [request["queryId"] for request in aws.front.requests["StopQuery"]]
    assert asked <= set(stopped) and len(stopped) == len(set(stopped)), (asked, stopped)
