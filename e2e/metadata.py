"""A task metadata endpoint that plays a task's life: scripted answers, one a poll, the last one again and again."""

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from waiting import wait_until

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


class Metadata:
    """`life` holds what `/task` answers: a document, a status, raw bytes, or `HANG`."""

    HANG = object()

    def __init__(self, own, *life, version="v4"):
        self.life, self.polls, self.times = list(life), 0, []
        lock = threading.Lock()
        metadata = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                if self.path.endswith("/task"):
                    with lock:
                        step = metadata.life[min(metadata.polls, len(metadata.life) - 1)]
                        metadata.polls += 1
                        metadata.times.append(time.monotonic())
                else:
                    step = own
                if step is Metadata.HANG:
                    time.sleep(30)
                    return
                status = step if isinstance(step, int) else 200
                body = step if isinstance(step, bytes) else b"" if isinstance(step, int) else json.dumps(step).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}/{version}/xyz"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def wait(self, polls, within=60.0):
        wait_until(lambda: f"poll {polls} of the metadata, after {self.polls}", lambda: self.polls >= polls, within)

    def stop(self):
        self.server.shutdown()
        self.server.server_close()
