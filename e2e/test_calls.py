"""The chain of calls: what can be asked at once is. Nothing is timed: a call is answered once those are here that must not wait for it."""

from fake_aws.seed import CREATED, millis
from test_export import ENDED

#: Tasks, then the definition, then every log, be there one container or thirty.
CONTAINERS = 30


def test_the_logs_of_all_containers_and_the_services_events_are_asked_for_at_once(ecspan, aws):
    names = [f"c{number}" for number in range(CONTAINERS)]
    containers = [{"name": name, "image": "web:1", "exitCode": 0} for name in names]
    task = aws.seed.task("prod", containers, service="web", started_by="ecs-svc/1", times=ENDED, stop_code="EssentialContainerExited")
    for name in names:
        aws.seed.lines(task, name, [(millis(CREATED, 24), f"{name} says")])
    aws.front.meet = [
        {"DescribeTaskDefinition": 1, "DescribeServices": 1},
        # The first call of each log goes out before any of them and the service are answered.
        {"DescribeServices": 1, "GetLogEvents": CONTAINERS},
    ]
    shown = ecspan("show", f"prod/{task.id}")
    assert shown.code == 0, shown
    assert not aws.front.missed, "a call waited for another's answer"
    assert all(f"{name} says" in shown.out for name in names), shown
    # A log has ended where a call that goes on gets nothing.
    assert aws.front.calls == {"DescribeTasks": 1, "DescribeTaskDefinition": 1, "DescribeServices": 1, "GetLogEvents": 2 * CONTAINERS}
