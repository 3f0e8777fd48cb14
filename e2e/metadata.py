"""A task metadata endpoint that plays a task's life: scripted answers, one a poll, the last one again and again."""

from http_server import Polled, in_json

TASK_ID = "0123456789abcdef0123456789abcdef"
ARN = f"arn:aws:ecs:eu-west-1:123456789012:task/prod/{TASK_ID}"


def container(name, started=None, finished=None, status=None, **more):
    known = status or ("STOPPED" if finished else "RUNNING" if started else "PULLED")
    times = {"CreatedAt": started, "StartedAt": started, "FinishedAt": finished}
    return {
        "DockerId": f"id-of-{name}", "Name": name, "Image": f"{name}:1", "Type": "NORMAL", "DesiredStatus": "RUNNING", "KnownStatus": known,
        "ContainerARN": f"arn:aws:ecs:eu-west-1:123456789012:container/prod/{TASK_ID}/{name}",
        **{key: value for key, value in times.items() if value}, **({"ExitCode": 0} if finished else {}), **more,
    }


def task(*containers, status="RUNNING", wanted="RUNNING", **more):
    return {
        "Cluster": "prod", "TaskARN": ARN, "Family": "web", "Revision": "7", "DesiredStatus": wanted, "KnownStatus": status,
        "PullStartedAt": "2026-11-20T10:00:03.300000001Z", "PullStoppedAt": "2026-11-20T10:00:08.4Z", "Containers": list(containers), **more,
    }


class Metadata(Polled):
    """`life` holds what `/task` answers: a document, a status, raw bytes, or `HANG`; `own` is the container that asks."""

    def __init__(self, own, *life, version="v4"):
        self.own = own
        super().__init__(life, self.answer)
        self.url += f"/{version}/xyz"

    def answer(self, path, headers, body):
        return in_json(self.step() if path.endswith("/task") else self.own)
