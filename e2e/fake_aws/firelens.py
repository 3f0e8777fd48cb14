"""FireLens: containers whose log router writes to somewhere, and the records that it writes to CloudWatch Logs."""

import json
import uuid

from .seed import ACCOUNT, CREATED, REGION, millis


def routed(container, **options):
    """The container with a log router's options."""
    log = {"logDriver": "awsfirelens", "options": {key.replace("at_type", "@type"): value for key, value in options.items()}}
    return {**container, "definition": {"logConfiguration": log}}


def router(**more):
    """The router itself, which is on awslogs."""
    return {
        "name": "log_router", "image": "public.ecr.aws/aws-observability/aws-for-fluent-bit:stable", "exitCode": 0,
        "definition": {"firelensConfiguration": {"type": "fluentbit"}}, **more,
    }


def tag(task, container="app"):
    return f"{container}-firelens-{task.id}"


def record(task, text, container="app", *, on_ec2=False, metadata=True, **more):
    """A line as Fluent Bit has it: what the container wrote and whose it is."""
    runtime_id = next((one["runtimeId"] for one in task.containers if one["name"] == container), uuid.uuid4().hex)
    whose = {"container_id": runtime_id, "container_name": f"/ecs-web-1-{container}-{uuid.uuid4().hex[:20]}" if on_ec2 else container}
    where = {
        "ecs_cluster": "prod", "ecs_task_arn": task.task_arn, "ecs_task_definition": "web:1",
        **({"ec2_instance_id": "i-06bc83dbc2ac2fdf8"} if on_ec2 else {}),
    } if metadata else {}
    log = {} if text is None else {"log": text}
    return json.dumps({"source": "stdout", **log, **whose, **where, **more})


def lines(messages, at=30):
    return [(millis(CREATED, at + number), message) for number, message in enumerate(messages)]


__all__ = ["ACCOUNT", "REGION", "lines", "record", "routed", "router", "tag"]
