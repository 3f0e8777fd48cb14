"""What ECS tells of a deployment by name: EventBridge events in files, and the action log."""

import json

import json_lines
from expected import attributes
from fake_aws import REGION
from fake_aws.rollouts import seconds
from fake_aws.seed import ACCOUNT, CREATED
from servers import flat

SERVICE = f"arn:aws:ecs:{REGION}:{ACCOUNT}:service/prod/web"
CLUSTER = f"arn:aws:ecs:{REGION}:{ACCOUNT}:cluster/prod"
GROUP = "/aws/vendedlogs/ecs/action-logs/prod"
NEW, OLD = "ecs-svc/1234567890", "ecs-svc/9876543210"


def iso(after):
    return (CREATED + seconds(after)).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


def event(after, name, kind="Service Action", level="INFO", service=SERVICE, **detail):
    time = {"updatedAt" if kind == "Deployment State Change" else "createdAt": iso(after)}
    return {
        "version": "0", "id": f"{name}-{after}", "detail-type": f"ECS {kind}", "source": "aws.ecs", "account": ACCOUNT, "time": iso(after + 1),
        "region": REGION, "resources": [service], "detail": {"eventType": level, "eventName": name, **time, **detail},
    }


def deployment(after, state, id=NEW, **detail):
    level = "ERROR" if state == "FAILED" else "INFO"
    return event(after, f"SERVICE_DEPLOYMENT_{state}", "Deployment State Change", level, deploymentId=id, **{"reason": f"ECS deployment {id} {state.lower()}.", **detail})


def task(number, created=2):
    times = {"createdAt": iso(created), "pullStartedAt": iso(created + 8), "pullStoppedAt": iso(created + 14), "startedAt": iso(created + 16)}
    return {
        "taskArn": f"arn:aws:ecs:{REGION}:{ACCOUNT}:task/prod/{number:032x}", "clusterArn": CLUSTER, "lastStatus": "RUNNING", "desiredStatus": "RUNNING",
        "group": "service:web", "startedBy": NEW, "version": 4, "taskDefinitionArn": f"arn:aws:ecs:{REGION}:{ACCOUNT}:task-definition/web:8",
        "containers": [{"name": "app", "lastStatus": "RUNNING"}], **times,
    }


def of_task(one):
    return {"detail-type": "ECS Task State Change", "source": "aws.ecs", "time": one["startedAt"], "detail": one, "resources": [one["taskArn"]]}


def files(home, *documents):
    (home / "events.jsonl").write_text("\n".join(map(json.dumps, documents)))
    return "events.jsonl"


def report(run):
    return json.loads(run.out)


def test_events_alone_tell_of_a_deployment(ecspan):
    failures = [event(20 + n, "SERVICE_TASK_PLACEMENT_FAILURE", level="ERROR", clusterArn=CLUSTER, reason="RESOURCE:FARGATE") for n in range(3)]
    other = event(21, "SERVICE_STEADY_STATE", service=SERVICE.replace("web", "other"))
    told = [deployment(0, "IN_PROGRESS"), *failures, event(90, "SERVICE_STEADY_STATE", clusterArn=CLUSTER), deployment(80, "COMPLETED"), other]
    # Two rules write everything twice.
    file = files(ecspan.home, *told, *told, *(of_task(task(n)) for n in range(3)))
    run = ecspan("deploy", "web", "--from", file, "--report", "json")
    assert run.code == 0, run
    found = report(run)
    assert (found["outcome"], found["said_by"], found["deployment"]) == ("held", "an EventBridge event", NEW)
    assert (found["created"], found["finished"], found["tasks"]["launched"]) == (iso(0).replace("Z", "+00:00"), iso(80).replace("Z", "+00:00"), 3)
    names = [action["name"] for action in found["actions"]]
    assert names == ["SERVICE_DEPLOYMENT_IN_PROGRESS", *["SERVICE_TASK_PLACEMENT_FAILURE"] * 3, "SERVICE_DEPLOYMENT_COMPLETED", "SERVICE_STEADY_STATE"]
    text = " ".join(ecspan("deploy", "web", "--from", file).out.split())
    assert "ERROR service task placement failure: RESOURCE:FARGATE (SERVICE_TASK_PLACEMENT_FAILURE), 3 times, told by an EventBridge event" in text
    assert "passed by" not in run.err
    gate = ecspan("deploy", "web", "--from", file, "--fail-on", "placement-failed")
    assert gate.code != 0 and "--fail-on placement-failed" in gate.err, gate
    assert ecspan("deploy", "web", "--from", file, "--fail-on", "throttled").code == 0


def test_a_rollback_in_events_and_names_that_are_not_known(ecspan):
    back = "ecs-svc/5555555555"
    told = [
        deployment(0, "IN_PROGRESS"), event(30, "SERVICE_THING_OF_2027", level="WARN", reason="new"),
        deployment(100, "FAILED", reason="ECS deployment circuit breaker: tasks failed to start."),
        deployment(101, "IN_PROGRESS", back, reason=f"ECS deployment circuit breaker: rolling back to deploymentId {OLD}."),
        deployment(160, "COMPLETED", back),
    ]
    run = ecspan("deploy", "web", "--from", files(ecspan.home, *told, of_task(task(1))), "--report", "json")
    found = report(run)
    assert run.code != 0 and found["outcome"] == "rolled back" and "circuit breaker: tasks failed to start" in found["reason"], run
    assert {"name": "SERVICE_THING_OF_2027", "level": "WARN", "reason": "new"}.items() <= found["actions"][1].items()


def test_an_older_answer_and_the_event_of_the_end(ecspan):
    service = {"services": [{
        "serviceName": "web", "serviceArn": SERVICE, "clusterArn": CLUSTER, "status": "ACTIVE", "events": [], "deployments": [{
            "id": NEW, "status": "PRIMARY", "createdAt": iso(0), "updatedAt": iso(10), "rolloutState": "IN_PROGRESS", "desiredCount": 1,
            "taskDefinition": f"arn:aws:ecs:{REGION}:{ACCOUNT}:task-definition/web:8",
        }],
    }]}
    (ecspan.home / "service.json").write_text(json.dumps(service))
    before = report(ecspan("deploy", "--from", "service.json", "--report", "json"))
    file = files(ecspan.home, deployment(80, "FAILED", reason="it failed"))
    after = report(ecspan("deploy", "--from", "service.json", file, "--report", "json"))
    assert (before["outcome"], after["outcome"], after["reason"], after["said_by"]) == ("in progress", "failed", "it failed", "an EventBridge event")


def line(after, name, level="INFO", *, key="timestamp", inside=False, source=SERVICE, **detail):
    named = {"eventName": name}
    at = int((CREATED + seconds(after)).timestamp() * 1000)
    return {
        key: at, "logLevel": level, "account": ACCOUNT, "region": REGION, "resourceArn": CLUSTER, "actionSourceId": source,
        **({} if inside else named), "detail": {**detail, **(named if inside else {})},
    }


def lines_of(number="1234567890"):
    base = f"arn:aws:ecs:{REGION}:{ACCOUNT}:{{}}/prod/web/"
    of = {"serviceDeploymentArn": base.format("service-deployment") + "ABCD", "serviceRevisionArn": base.format("service-revision") + number}
    return [
        line(1, "SERVICE_DEPLOYMENT_IN_PROGRESS", **of),
        line(20, "SERVICE_DEPLOYMENT_LIFECYCLE_HOOK_PAUSED", key="eventTimestamp", lifecycleStage="POST_SCALE_UP",
             hookTargetArn=f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:check", **of),
        line(40, "SERVICE_REVISION_STABLE", inside=True, containerImages=[{"containerName": "app", "imageDigest": "sha256:" + "ab" * 32}], **of),
        line(45, "SERVICE_DEPLOYMENT_BAKE_TIME_STARTED", bakeTimeInMinutes=5, **of),
        line(60, "SERVICE_DEPLOYMENT_ROLLBACK_IN_PROGRESS", "WARN", statusReason="CloudWatch alarm latency went off", **of),
        line(70, "SERVICE_DEPLOYMENT_ROLLBACK_SUCCESSFUL", "WARN", statusReason="rolled back by alarm", **of),
    ]


def test_lines_of_the_action_log_in_files(ecspan, tmp_path):
    events = [{"timestamp": one.get("timestamp", one.get("eventTimestamp")), "ingestionTime": 0, "eventId": "1", "logStreamName": "web", "message": json.dumps(one)} for one in lines_of()]
    (ecspan.home / "filtered.json").write_text(json.dumps({"events": events, "searchedLogStreams": []}))
    (ecspan.home / "plain.jsonl").write_text("\n".join(map(json.dumps, lines_of())))
    (ecspan.home / "tasks.json").write_text(json.dumps({"tasks": [task(1)]}))
    for name in ("filtered.json", "plain.jsonl"):
        run = ecspan("deploy", "web", "--from", name, "tasks.json", "--report", "json")
        found = report(run)
        assert (found["outcome"], found["said_by"], found["deployment"]) == ("rolled back", "the action log", NEW), run
        assert found["reason"] == "rolled back by alarm" and len(found["actions"]) == 6
        words = [action["message"] for action in found["actions"]]
        assert "paused: waits for lifecycle hook check in stage POST_SCALE_UP" in words[1], words
        assert "app sha256:" in words[2] and "bakes for 5 min" in words[3]
        assert words[4].startswith("rolling back: CloudWatch alarm latency went off"), words
    out = tmp_path / "out.jsonl"
    ecspan("deploy", "web", "--from", "plain.jsonl", "tasks.json", "--to", f"file:{out}")
    spans = [span for one in json_lines.all_of(out) for span in flat(one.get("resourceSpans", []))]
    told = next(span for span in spans if span["name"] == "actions")
    assert [one["name"] for one in told["events"]] == [action["name"] for action in found["actions"]]
    assert attributes(told["events"][4])["ecspan.action.level"] == "WARN"
    stages = {span["name"]: (int(span["endTimeUnixNano"]) - int(span["startTimeUnixNano"])) / 1e9 for span in spans if span["name"].startswith("stage ")}
    assert stages == {"stage POST_SCALE_UP": 25.0, "stage BAKE_TIME": 15.0}, "to the next one's first word, and to the rollback"
    again = tmp_path / "again.jsonl"
    ecspan("deploy", "web", "--from", "filtered.json", "tasks.json", "--to", f"file:{again}")
    others = [span for one in json_lines.all_of(again) for span in flat(one.get("resourceSpans", []))]
    assert told in others, "what was read the same is the same span"


def test_the_action_log_of_the_cluster_is_asked(ecspan, aws):
    rollout = aws.rollouts.rolled_back(3, new_api=True)
    number = rollout.id.split("/")[-1]
    other = line(30, "SERVICE_STEADY_STATE", source=SERVICE.replace("web", "other"))
    told = [(one.get("timestamp", one.get("eventTimestamp")), json.dumps(one)) for one in [*lines_of(number), other]]
    aws.seed.stream(GROUP, "web", sorted(told))
    run = ecspan("deploy", "prod/web", "--report", "json")
    assert [action["name"] for action in report(run)["actions"]][:2] == ["SERVICE_DEPLOYMENT_IN_PROGRESS", "SERVICE_DEPLOYMENT_LIFECYCLE_HOOK_PAUSED"], run
    assert not any("STEADY" in action["name"] for action in report(run)["actions"])
    assert aws.front.calls["FilterLogEvents"] == 1


def test_no_action_log_is_no_error_and_denied_is_a_note(ecspan, aws):
    aws.rollouts.rolling(2)
    run = ecspan("deploy", "prod/web")
    assert run.code == 0 and "action log" not in run.out + run.err, run
    aws.front.deny.add("FilterLogEvents")
    run = ecspan("deploy", "prod/web")
    text = " ".join(run.out.split())
    assert run.code == 0 and "the action log of the cluster was not read" in text and "logs:FilterLogEvents" in text, run


def test_events_of_hooks_are_told_with_their_stage(ecspan):
    of_new = SERVICE.replace(":service/", ":service-deployment/") + "/deploymentOfTheNewApi"
    hook = {"serviceDeploymentArn": of_new, "lifecycleStage": "POST_SCALE_UP", "hookId": "approve-1", "hookTargetType": "PAUSE"}
    waits = event(20, "_", "Hook State Change", hookStatus="AWAITING_ACTION", **hook)
    done = event(30, "_", "Hook State Change", status="SUCCEEDED", **hook)
    # Whatever else they are called, their names are ECS's own; without one they are hooks all the same.
    for one in (waits, done):
        del one["detail"]["eventName"]
    named = event(40, "SERVICE_DEPLOYMENT_LIFECYCLE_HOOK_FAILED", "Hook State Change", "ERROR", **{**hook, "lifecycleStage": "TEST_TRAFFIC_SHIFT"})
    revision = SERVICE.replace(":service/", ":service-revision/") + "/" + NEW.split("/")[-1]
    told = [event(after, f"SERVICE_DEPLOYMENT_{state}", "Deployment State Change", serviceDeploymentArn=of_new, targetServiceRevisionArn=revision)
            for after, state in ((0, "IN_PROGRESS"), (80, "SUCCESSFUL"))]
    run = ecspan("deploy", "web", "--utc", "--from", files(ecspan.home, *told, waits, done, named, *(of_task(task(n)) for n in range(2))), "--to", "file:out.jsonl")
    text = " ".join(run.out.split())
    assert "paused: waits for lifecycle hook approve-1 in stage POST_SCALE_UP (LIFECYCLE_HOOK), told by an EventBridge event" in text, run
    assert "lifecycle hook approve-1 SUCCEEDED in stage POST_SCALE_UP (LIFECYCLE_HOOK)" in text
    assert "(SERVICE_DEPLOYMENT_LIFECYCLE_HOOK_FAILED), told by an EventBridge event" in text and "passed by" not in run.err
    spans = [span for one in json_lines.all_of(ecspan.home / "out.jsonl") for span in flat(one["resourceSpans"])]
    stages = {span["name"] for span in spans if span["name"].startswith("stage ")}
    assert stages == {"stage POST_SCALE_UP", "stage TEST_TRAFFIC_SHIFT"}, stages
