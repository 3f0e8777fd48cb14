"""What `ecspan doctor` finds: each line once well and once not."""

import pytest
from test_export import stopped_task
from receiver import Receiver
from servers import free_port
from waiting import of_the_run

ACTIONS = [
    "ecs:ListClusters", "ecs:DescribeClusters", "ecs:ListTasks", "ecs:DescribeTasks", "ecs:DescribeServices", "ecs:ListServiceDeployments",
    "ecs:DescribeServiceDeployments", "ecs:DescribeServiceRevisions", "ecs:DescribeTaskDefinition", "logs:GetLogEvents",
]
#: An export does without, but history, statistics and action logs do not.
OPTIONAL = ["logs:DescribeLogGroups", "logs:FilterLogEvents", "logs:StartQuery", "logs:GetQueryResults", "logs:StopQuery"]


def lines(run):
    """What was found, by what was looked at; hints under it."""
    found = {}
    for line in run.out.splitlines():
        status, what, text = line[:4].strip(), line[6:36].strip(), line[38:]
        if status:
            last = found[what] = [status, text, ""]
        else:
            last[2] = text
    return found


def test_all_is_well(ecspan, aws, collector):
    stopped_task(aws, 1)
    aws.has_service_deployments()
    run = ecspan("doctor", "--cluster", "prod", "--endpoint", collector.http, "--logs-as", "both")
    assert run.code == 0 and of_the_run(run.err) == "", run
    found = lines(run)
    assert all(status == "ok" for status, _, _ in found.values()), run
    assert list(found) == ["region", "credentials", "clock", *ACTIONS, *OPTIONAL, "receiver", "undelivered"]
    assert "of account 123456789012" in found["credentials"][1] and found["clock"][1] == "as AWS's"
    assert found["logs:GetLogEvents"][1].startswith("allowed on log group /ecs/")
    assert run.out.count("takes spans") == 1 and run.out.count("takes log records") == 1
    assert "secret-key-of-the-test" not in run.out


@pytest.mark.parametrize("action", ACTIONS)
def test_each_permission_that_is_missing_is_named(ecspan, aws, collector, action):
    stopped_task(aws, 1)
    aws.has_service_deployments()
    aws.front.deny.add(action.split(":")[1])
    run = ecspan("doctor", "--cluster", "prod", "--endpoint", collector.http)
    found = lines(run)
    assert run.code == 1 and [what for what, (status, _, _) in found.items() if status != "ok"] == [action], run
    assert "AccessDeniedException" in found[action][1] and f"allow {action}" in found[action][2]


@pytest.mark.parametrize("action", OPTIONAL)
def test_a_permission_that_an_export_does_without_is_noted(ecspan, aws, collector, action):
    stopped_task(aws, 1)
    aws.has_service_deployments()
    aws.front.deny.add(action.split(":")[1])
    run = ecspan("doctor", "--cluster", "prod", "--endpoint", collector.http)
    found = lines(run)
    assert run.code == 0 and {what: status for what, (status, _, _) in found.items() if status != "ok"} == {action: "note"}, run
    assert found[action][1].startswith("only for ") and "AccessDeniedException" in found[action][1], run
    assert f"allow {action}" in found[action][2], run


def test_a_region_without_the_service_deployments_api_is_no_fault(ecspan, aws, collector):
    stopped_task(aws, 1)
    run = ecspan("doctor", "--cluster", "prod", "--endpoint", collector.http)
    skipped = [what for what, (status, text, _) in lines(run).items() if status == "skip" and "DescribeServices alone" in text]
    assert run.code == 0 and skipped == [action for action in ACTIONS if "ServiceDeployments" in action or "Revisions" in action], run


def test_a_cluster_that_is_not_there_is_told(ecspan, aws, collector):
    stopped_task(aws, 1)
    run = ecspan("doctor", "--cluster", "pord", "--endpoint", collector.http)
    found = lines(run)
    assert run.code == 1 and [what for what, (status, _, _) in found.items() if status == "bad"] == ["cluster"], run
    assert "no cluster pord" in found["cluster"][1] and "ecspan ls" in found["cluster"][2], run


def test_nothing_is_there_yet(ecspan, aws, collector):
    run = ecspan("doctor", "--endpoint", collector.http)
    assert run.code == 0 and "allowed on a log group that does not exist" in run.out, run


def test_credentials_that_are_missing_or_refused(ecspan, aws, collector):
    run = ecspan("doctor", "--endpoint", collector.http, env={"AWS_ACCESS_KEY_ID": None, "AWS_SECRET_ACCESS_KEY": None})
    found = lines(run)
    assert run.code == 1 and found["credentials"][0] == "bad" and "AWS_PROFILE" in found["credentials"][2], run
    assert "ecs:ListTasks" not in found and found["receiver"][0] == "ok"
    aws.front.deny.add("GetCallerIdentity")
    refused = lines(ecspan("doctor", "--endpoint", collector.http))
    assert refused["credentials"][0] == "bad" and "AccessDenied" in refused["credentials"][1]


def test_no_region(ecspan, aws, collector):
    found = lines(ecspan("doctor", "--endpoint", collector.http, env={"AWS_REGION": None}))
    assert found["region"][0] == "bad" and "--region" in found["region"][2]


@pytest.mark.parametrize(("skew", "told"), [(200, "behind AWS's"), (-200, "ahead of AWS's")])
def test_a_clock_that_is_wrong(ecspan, aws, collector, skew, told):
    aws.front.skew = skew
    found = lines(ecspan("doctor", "--endpoint", collector.http))
    assert found["clock"][0] == "bad" and told in found["clock"][1] and "NTP" in found["clock"][2]
    assert found["clock"][1].startswith("3 min "), found["clock"]


def test_receivers_that_are_not_there_or_speak_something_else(ecspan, aws, collector):
    def receiver(*arguments):
        run = ecspan("doctor", *arguments, "--timeout", "25s")
        assert run.code == 1, run
        return lines(run)["receiver"]

    assert "nothing listens" in receiver("--endpoint", f"http://127.0.0.1:{free_port()}")[2]
    assert "--protocol http/protobuf" in receiver("--endpoint", collector.http, "--protocol", "grpc")[2]
    assert "--protocol grpc" in receiver("--endpoint", collector.grpc, "--protocol", "http/protobuf")[2]
    assert "path" in receiver("--endpoint", collector.http + "/elsewhere")[2]
    assert "begin with http://" in receiver("--endpoint", collector.http.replace("http:", "https:"))[2]


def test_what_waits_to_be_resent(ecspan, aws, collector):
    task = stopped_task(aws, 1)
    assert ecspan("export", f"prod/{task.id}", "--endpoint", f"http://127.0.0.1:{free_port()}", "--deadline", "1s").code == 1
    run = ecspan("doctor", "--endpoint", collector.http)
    found = lines(run)["undelivered"]
    assert run.code == 0 and found[0] == "note" and found[1].startswith("1 request with 14 spans") and "ecspan resend" in found[2], run


def test_receivers_alone(ecspan, aws, collector):
    """An export of files needs no AWS: nothing is asked of it, and that is no fault."""
    run = ecspan("doctor", "--no-aws", "--endpoint", collector.http, env={"AWS_REGION": None})
    assert run.code == 0 and run.out.splitlines()[0].split() == ["skip", "AWS", "not", "asked:", "--no-aws"] and "ok    receiver" in run.out, run
    assert not aws.front.calls
    without = ecspan("doctor", "--endpoint", collector.http, env={"AWS_REGION": None})
    assert without.code == 1 and "skip  credentials, clock, actions" in without.out, without


def test_an_answer_that_is_not_otlp_is_quoted(ecspan):
    for body, code, words in [(b'{"status":"ok"}', 0, 'it says: application/json: {"status":"ok"}'), (b'{"error":"invalid api key"}', 1, "invalid api key")]:
        receiver = Receiver(always=(200, {"Content-Type": "application/json"}, body))
        run = ecspan("doctor", "--no-aws", "--endpoint", receiver.url)
        receiver.stop()
        assert run.code == code and words in " ".join(run.out.split()), run
