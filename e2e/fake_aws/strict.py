"""Operations in which moto differs from AWS so much that a test against it would prove nothing, done closer to AWS."""

import base64
import bisect

import moto.ecs.models as ecs_models
import moto.ecs.responses as ecs_responses
import moto.logs.models as logs_models
from moto.core.responses import ActionResult
from moto.logs.exceptions import InvalidParameterException, ResourceNotFoundException

#: A page of GetLogEvents holds so many bytes; each event counts 26 more than its message.
PAGE_BYTES = 1_048_576
PAGE_EVENTS = 10_000
EVENT_OVERHEAD = 26

_get_log_events = logs_models.LogGroup.get_log_events
_backend_get_log_events = logs_models.LogsBackend.get_log_events


def install():
    ecs_responses.EC2ContainerServiceResponse.describe_tasks = describe_tasks
    ecs_responses.EC2ContainerServiceResponse.list_tasks = list_tasks
    ecs_responses.EC2ContainerServiceResponse.describe_clusters = describe_clusters
    logs_models.LogStream.get_log_events = get_log_events
    logs_models.LogGroup.get_log_events = group_get_log_events
    logs_models.LogsBackend.get_log_events = backend_get_log_events


def describe_tasks(self):
    """Every requested task as it is, `failures` for the others, at most 100."""
    cluster = self.ecs_backend._get_cluster(self._get_param("cluster", "default"))
    wanted = self._get_param("tasks", [])
    if not wanted:
        raise ecs_models.InvalidParameterException("Tasks cannot be empty.")
    if len(wanted) > 100:
        raise ecs_models.InvalidParameterException("Tasks cannot have more than 100 elements")
    known = {arn.split("/")[-1]: task for arn, task in self.ecs_backend.tasks.get(cluster.name, {}).items()}
    found, failures = [], []
    for name in wanted:
        task = known.get(name.split("/")[-1])
        if task is None:
            failures.append({"arn": _task_arn(self.ecs_backend, cluster.name, name), "reason": "MISSING"})
        elif task not in found:
            found.append(task)
    with_tags = "TAGS" in self._get_param("include", [])
    (self._include_in_response if with_tags else self._exclude_from_response)(ecs_responses.DESCRIBE_TASKS_TAGS)
    return ActionResult({"tasks": found, "failures": failures})


def _task_arn(backend, cluster, name):
    if name.startswith("arn:"):
        return name
    return f"arn:aws:ecs:{backend.region_name}:{backend.account_id}:task/{cluster}/{name}"


def list_tasks(self):
    """Filters and pages as AWS does; RUNNING is the default, startedBy must stand alone."""
    get = self._get_param
    cluster = self.ecs_backend._get_cluster(get("cluster", "default"))
    if get("startedBy") and (get("serviceName") or get("family")):
        raise ecs_models.InvalidParameterException("startedBy cannot be combined with other filters")
    tasks = [task for task in self.ecs_backend.tasks.get(cluster.name, {}).values() if task.desired_status == (get("desiredStatus") or "RUNNING")]
    if service := get("serviceName"):
        tasks = [task for task in tasks if task.group == "service:" + service.split("/")[-1]]
    if family := get("family"):
        tasks = [task for task in tasks if task.task_definition_arn.split("/")[-1].rsplit(":", 1)[0] == family]
    if started_by := get("startedBy"):
        tasks = [task for task in tasks if task.started_by == started_by]
    return ActionResult(_page([task.task_arn for task in tasks], "taskArns", get))


def describe_clusters(self):
    """moto counts no tasks that were not run through it."""
    wanted = self._get_param("clusters") or ["default"]
    answer = []
    for name in wanted:
        cluster = self.ecs_backend.clusters.get(name.split("/")[-1])
        if cluster is None:
            continue
        tasks = self.ecs_backend.tasks.get(cluster.name, {}).values()
        answer.append({
            "clusterArn": cluster.arn,
            "clusterName": cluster.name,
            "status": "ACTIVE",
            "runningTasksCount": sum(task.last_status == "RUNNING" for task in tasks),
            "pendingTasksCount": sum(task.last_status in ("PROVISIONING", "PENDING") for task in tasks),
            "activeServicesCount": 0,
        })
    return ActionResult({"clusters": answer, "failures": []})


def _page(items, key, get):
    size = int(get("maxResults") or 100)
    start = int(base64.b64decode(get("nextToken") or "MA=="))
    answer = {key: items[start : start + size]}
    if start + size < len(items):
        answer["nextToken"] = base64.b64encode(str(start + size).encode()).decode()
    return answer


def group_get_log_events(self, log_stream_name, *args):
    if log_stream_name not in self.streams:
        raise ResourceNotFoundException("The specified log stream does not exist.")
    return _get_log_events(self, log_stream_name, *args)


def get_log_events(self, start_time, end_time, limit, next_token, start_from_head):
    """Pages of at most 1 MB; a token is a direction, a place and the window, and the same one again at the end."""
    times = [event.timestamp for event in self.events]
    limit = min(limit or PAGE_EVENTS, PAGE_EVENTS)
    if next_token:
        try:
            direction, at, low, high = next_token.split("/")
            at, low, high = int(at), int(low), int(high)
        except ValueError:
            raise InvalidParameterException("The specified nextToken is invalid.") from None
    else:
        low = bisect.bisect_left(times, start_time) if start_time else 0
        high = bisect.bisect_left(times, end_time) if end_time else len(times)
        direction, at = ("f", low) if start_from_head else ("b", high)
    step = 1 if direction == "f" else -1
    count = size = 0
    while count < limit:
        index = at + count if step > 0 else at - count - 1
        if not low <= index < high:
            break
        size += len(self.events[index].message.encode()) + EVENT_OVERHEAD
        if size > PAGE_BYTES and count:
            break
        count += 1
    first, last = (at, at + count) if step > 0 else (at - count, at)
    events = [event.to_response_dict() for event in self.events[first:last]]
    return events, f"b/{first}/{low}/{high}", f"f/{last}/{low}/{high}"


def backend_get_log_events(self, log_group_name, log_group_id, **how):
    """By name in the caller's account, by ARN in any: moto does not look there."""
    if log_group_id is None:
        return _backend_get_log_events(self, log_group_name=log_group_name, log_group_id=None, **how)
    if log_group_name or "*" in log_group_id:
        raise InvalidParameterException("Exactly one of logGroupName and logGroupIdentifier, which must not end with *")
    _, _, _, region, account, _, name = log_group_id.split(":", 6)
    # A group is written to in its own account's region, and asked for there.
    if region != self.region_name:
        raise ResourceNotFoundException()
    return _backend_get_log_events(logs_models.logs_backends[account][region], log_group_name=name, log_group_id=None, **how)
