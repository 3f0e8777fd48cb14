"""An ECS agent's introspection API that plays the tasks of an instance: scripted lists, one a poll, the last one again and again.
Both generations: containers of agents before 1.77 have their ids and names only."""

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from waiting import wait_until

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


class Agent:
    """`life` holds what `/v1/tasks` answers: a list of tasks, a status, raw bytes, or `HANG`."""

    HANG = object()

    def __init__(self, *life):
        self.life, self.polls, self.times, self.unexpected = list(life), 0, [], []
        self.metadata = {"Cluster": "prod", "ContainerInstanceArn": INSTANCE, "Version": "Amazon ECS Agent - v1.86.3 (*1a2b3c4d)"}
        lock = threading.Lock()
        agent = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                url = urlsplit(self.path)
                query = {key: values[0] for key, values in parse_qs(url.query).items()}
                if url.path == "/v1/metadata" and not query:
                    return self.answer(agent.metadata)
                if url.path != "/v1/tasks" or set(query) - {"taskarn", "dockerid"} or len(query) > 1:
                    agent.unexpected.append(self.path)
                    return self.answer(404)
                with lock:
                    step = agent.life[min(agent.polls, len(agent.life) - 1)]
                    agent.polls += 1
                    agent.times.append(time.monotonic())
                if not isinstance(step, list):
                    return self.answer(step)
                if not query:
                    return self.answer({"Tasks": step})
                wanted = lambda task: task["Arn"] == query.get("taskarn") or any(c["DockerId"] == query.get("dockerid") for c in task["Containers"])
                return self.answer(next(filter(wanted, step), 404))

            def answer(self, step):
                if step is Agent.HANG:
                    time.sleep(30)
                    return
                status = step if isinstance(step, int) else 200
                body = step if isinstance(step, bytes) else b"{}" if isinstance(step, int) else json.dumps(step).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def wait(self, more, within=60.0):
        """Until it was asked so many times more."""
        polls = self.polls + more
        wait_until(lambda: f"poll {polls} of the agent, after {self.polls}", lambda: self.polls >= polls, within)

    def stop(self):
        self.server.shutdown()
        self.server.server_close()
