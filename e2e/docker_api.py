"""Docker's API on a Unix socket (or a loopback port), scripted: what is asked for and is not in the script fails the test."""

import os
import re
import shutil
import socket
import socketserver
import struct
import tempfile
import time
from http.server import HTTPServer
from urllib.parse import parse_qs, urlsplit

from http_server import HttpServer, in_json

#: What the environment, the command, labels and mounts of each container hold.
SECRET = "hunter2-Xq9vTz"
#: The API of a Docker 20.10: clients that ask for a newer one are refused.
VERSION = (1, 41)
UNSET = "0001-01-01T00:00:00Z"
STDOUT, STDERR = 1, 2


def inspected(docker_id, started=None, finished=None, code=0, oom=False, policy="no", restarts=0, driver="json-file", image="app:1", error="",
              running=None, options=None):
    running = (started is not None and finished is None) if running is None else running
    status = "running" if running else "exited" if finished else "created"
    return {
        "Id": docker_id, "Created": "2026-11-20T10:00:09.300000001Z", "Path": SECRET, "Args": [SECRET], "RestartCount": restarts,
        "State": {
            "Status": status, "Running": running, "Paused": False, "Restarting": False, "OOMKilled": oom, "Dead": False, "Pid": 0,
            "ExitCode": 0 if running else code, "Error": error, "StartedAt": started or UNSET, "FinishedAt": finished or UNSET,
        },
        "Image": f"sha256:{'1' * 64}", "Name": f"/ecs-{docker_id[:8]}", "Driver": "overlay2",
        "HostConfig": {
            "Binds": [f"/{SECRET}:/x"], "LogConfig": {"Type": driver, "Config": options or {"labels": SECRET}}, "NetworkMode": "bridge",
            "RestartPolicy": {"Name": policy, "MaximumRetryCount": 0},
        },
        "Mounts": [{"Type": "bind", "Source": f"/{SECRET}", "Destination": "/x", "Mode": "", "RW": True, "Propagation": "rprivate"}],
        "Config": {
            "Image": image, "Env": [f"DB_PASSWORD={SECRET}"], "Cmd": ["run", SECRET], "Entrypoint": [SECRET], "Labels": {"secret": SECRET},
            "Tty": False,
        },
    }


def frame(stream, time, text, end="\n"):
    """A log entry as Docker multiplexes it: the stream, three zeros, the length, then the time and the text."""
    payload = f"{time} {text}{end}".encode()
    return struct.pack(">BxxxL", stream, len(payload)) + payload


class UnixServer(socketserver.ThreadingMixIn, HTTPServer):
    address_family = socket.AF_UNIX
    daemon_threads = True

    def server_bind(self):
        self.socket.bind(self.server_address)
        self.server_name, self.server_port = "docker", 0


class Docker:
    """`containers`, `images` and `logs` hold answers by id: a document (frames for logs), a status, raw bytes, `HANG`, or what gives one of
    them."""

    HANG = HttpServer.HANG

    def __init__(self, tcp=False):
        self.containers, self.logs, self.images = {}, {}, {f"sha256:{'1' * 64}": {"RepoDigests": [f"app@sha256:{'2' * 64}"]}}
        self.requests, self.unexpected, self.delay = [], [], 0.0
        self.folder, self.server = tempfile.mkdtemp(prefix="docker"), None
        self.socket = os.path.join(self.folder, "docker.sock")
        self.host = f"unix://{self.socket}"
        if tcp:
            self.server = HttpServer(self.answer, method="GET")
            self.host = f"tcp://127.0.0.1:{self.server.port}"

    def start(self):
        self.server = HttpServer(self.answer, method="GET", server=lambda handler: UnixServer(self.socket, handler))
        return self

    def answer(self, asked, headers, body):
        url = urlsplit(asked)
        version = re.match(r"/v(\d+)\.(\d+)(?=/)", url.path)
        if version and tuple(map(int, version.groups())) > VERSION:
            return in_json({"message": "client version is too new. Maximum supported API version is 1.41"}, 400)
        path = url.path[version.end() :] if version else url.path
        query = {key: values[0] for key, values in parse_qs(url.query).items()}
        self.requests.append((path, query))
        time.sleep(self.delay)
        if path in ("/_ping", "/version"):
            return in_json({"ApiVersion": "1.41", "MinAPIVersion": "1.12"})
        # A container that wrote nothing has an empty log.
        for pattern, answers, otherwise in ((r"/containers/(\w+)/json", self.containers, 404), (r"/containers/(\w+)/logs", self.logs, []),
                                            (r"/images/(sha256:\w+)/json", self.images, 404)):
            if match := re.fullmatch(pattern, path):
                step = answers.get(match[1], otherwise)
                step = step() if callable(step) else step
                if isinstance(step, list):
                    return self.stream(step, query, asked)
                # Docker names what it was asked for.
                return in_json(step, otherwise={"message": "No such container" if step == 404 else f"error {step}"})
        self.unexpected.append(asked)
        return in_json({"message": "page not found"}, 404)

    def stream(self, frames, query, asked):
        if query.get("timestamps") != "true" or query.get("stdout") != "true" or query.get("stderr") != "true" or query.get("follow") == "true":
            self.unexpected.append(asked)
        body = b"".join(frames[-int(query["tail"]) :])
        # Pieces that end where no frame ends.
        return 200, {"Content-Type": "application/vnd.docker.raw-stream"}, [body[at : at + 1_000] for at in range(0, len(body), 1_000)]

    def asked(self, docker_id, what="json"):
        return sum(path == f"/containers/{docker_id}/{what}" for path, _ in self.requests)

    def stop(self):
        if self.server:
            self.server.stop()
        shutil.rmtree(self.folder)
