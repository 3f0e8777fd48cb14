"""What a trace is meant to be, worked out apart from the program: ids and bounds by the rules of docs/mapping.md."""

import hashlib


def span_id(task_id, path):
    return hashlib.sha256(f"{task_id.lower()}|{path}".encode()).hexdigest()[:16]


def attributes(span):
    return {pair["key"]: value(pair["value"]) for pair in span.get("attributes", [])}


def log_of(spans, container):
    """The span of a container's log among the spans of one task."""
    (own,) = [span for span in spans if span["name"] == f"container {container}"]
    (log,) = [span for span in spans if span["name"] == "log" and span["parentSpanId"] == own["spanId"]]
    return log


def nanos(span):
    return span["startTimeUnixNano"], span["endTimeUnixNano"]


def value(any_value):
    (kind, inner), *_ = any_value.items()
    if kind == "arrayValue":
        return [value(item) for item in inner["values"]]
    return int(inner) if kind == "intValue" else inner


def phases(created_ms, times):
    """{path: (start, end)} in nanoseconds of a task that went through its whole life in order."""
    at = {name: (created_ms + round(seconds * 1000)) * 1_000_000 for name, seconds in times.items()}
    created = created_ms * 1_000_000
    end = min(at["stopping"], at["execution_stopped"])
    first, split = ("terminating", at["execution_stopped"]) if at["execution_stopped"] >= at["stopping"] else ("exit noticed", at["stopping"])
    return {
        "task": (created, at["stopped"]),
        "provisioning": (created, at["pull_started"]),
        "placement and network": (created, at["connected"]),
        "waiting for pull": (at["connected"], at["pull_started"]),
        "image pull": (at["pull_started"], at["pull_stopped"]),
        "starting": (at["pull_stopped"], at["started"]),
        "running": (at["started"], end),
        "stopping": (end, at["stopped"]),
        first: (end, split),
        "deprovisioning": (split, at["stopped"]),
    }


PARENTS = {
    "placement and network": "provisioning",
    "waiting for pull": "provisioning",
    "terminating": "stopping",
    "exit noticed": "stopping",
    "deprovisioning": "stopping",
}
