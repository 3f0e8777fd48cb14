"""An ECS agent's introspection API that plays the tasks of an instance: scripted lists, one a poll, the last one again and again.
Both generations: containers of agents before 1.77 have their ids and names only."""

from urllib.parse import parse_qs, urlsplit

from http_server import Polled, in_json

INSTANCE = "arn:aws:ecs:eu-west-1:123456789012:container-instance/prod/5f0e3d3c7b1a4f7f8d6c2b1a09f8e7d6"


def arn(task_id):
    return f"arn:aws:ecs:eu-west-1:123456789012:task/prod/{task_id}"


def container(docker_id, name, created=None, started=None, image=None, **more):
    """Of a newer agent where there is an image."""
    old = {"DockerId": docker_id, "DockerName": f"ecs-web-7-{name}-{docker_id[:8]}", "Name": name}
    times = {key: value for key, value in (("CreatedAt", created), ("StartedAt", started)) if value}
    return {**old, **({"Image": image, "ImageID": f"sha256:{'1' * 64}"} if image else {}), **times, **more}


def task(task_id, *containers, status="RUNNING", wanted=None, family="web", **more):
    # Of a task that has stopped the agent does not say what was wanted.
    wanted = wanted or ("RUNNING" if status != "STOPPED" else None)
    return {
        "Arn": arn(task_id), "Containers": list(containers), "Family": family, "KnownStatus": status, "Version": "7",
        **({"DesiredStatus": wanted} if wanted else {}), **more,
    }


class Agent(Polled):
    """`life` holds what `/v1/tasks` answers: a list of tasks, a status, raw bytes, or `HANG`."""

    def __init__(self, *life):
        self.unexpected = []
        self.metadata = {"Cluster": "prod", "ContainerInstanceArn": INSTANCE, "Version": "Amazon ECS Agent - v1.86.3 (*1a2b3c4d)"}
        super().__init__(life, self.answer)

    def answer(self, path, headers, body):
        url = urlsplit(path)
        query = {key: values[0] for key, values in parse_qs(url.query).items()}
        if url.path == "/v1/metadata" and not query:
            return in_json(self.metadata)
        if url.path != "/v1/tasks" or set(query) - {"taskarn", "dockerid"} or len(query) > 1:
            self.unexpected.append(path)
            return in_json(404)
        step = self.step()
        if not isinstance(step, list):
            return in_json(step)
        if not query:
            return in_json({"Tasks": step})
        wanted = lambda task: task["Arn"] == query.get("taskarn") or any(c["DockerId"] == query.get("dockerid") for c in task["Containers"])
        return in_json(next(filter(wanted, step), 404))
