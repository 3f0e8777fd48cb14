"""Docker's API on a Unix socket (or a loopback port), scripted: what is asked for and is not in the script fails the test."""

import json
import os
import re
import shutil
import socket
import socketserver
import struct
import tempfile
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

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
    """`containers`, `images` and `logs` hold answers by id: a document (frames for logs), a status, raw bytes, or `HANG`."""

    HANG = object()

    def __init__(self, tcp=False):
        self.containers, self.logs, self.images = {}, {}, {f"sha256:{'1' * 64}": {"RepoDigests": [f"app@sha256:{'2' * 64}"]}}
        self.requests, self.unexpected, self.delay = [], [], 0.0
        self.folder, self.server = tempfile.mkdtemp(prefix="docker"), None
        self.socket = os.path.join(self.folder, "docker.sock")
        self.host = f"unix://{self.socket}"
        if tcp:
            self.listen(ThreadingHTTPServer(("127.0.0.1", 0), self.handler()))
            self.host = f"tcp://127.0.0.1:{self.server.server_port}"

    def start(self):
        self.listen(UnixServer(self.socket, self.handler()))
        return self

    def listen(self, server):
        self.server = server
        threading.Thread(target=server.serve_forever, daemon=True).start()

    def handler(self):
        docker = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                url = urlsplit(self.path)
                version = re.match(r"/v(\d+)\.(\d+)(?=/)", url.path)
                if version and tuple(map(int, version.groups())) > VERSION:
                    return self.answer(400, {"message": "client version is too new. Maximum supported API version is 1.41"})
                path = url.path[version.end() :] if version else url.path
                query = {key: values[0] for key, values in parse_qs(url.query).items()}
                docker.requests.append((path, query))
                time.sleep(docker.delay)
                if path in ("/_ping", "/version"):
                    return self.answer(200, {"ApiVersion": "1.41", "MinAPIVersion": "1.12"})
                # A container that wrote nothing has an empty log.
                for pattern, answers, otherwise in ((r"/containers/(\w+)/json", docker.containers, 404), (r"/containers/(\w+)/logs", docker.logs, []),
                                                    (r"/images/(sha256:\w+)/json", docker.images, 404)):
                    if match := re.fullmatch(pattern, path):
                        return self.scripted(answers.get(match[1], otherwise), query)
                docker.unexpected.append(self.path)
                return self.answer(404, {"message": "page not found"})

            def scripted(self, step, query):
                if step is Docker.HANG:
                    time.sleep(30)
                elif isinstance(step, int):
                    # Docker names what it was asked for.
                    self.answer(step, {"message": "No such container" if step == 404 else f"error {step}"})
                elif isinstance(step, bytes):
                    self.answer(200, step)
                elif isinstance(step, list):
                    self.stream(step, query)
                else:
                    self.answer(200, step)

            def stream(self, frames, query):
                if query.get("timestamps") != "true" or query.get("stdout") != "true" or query.get("stderr") != "true" or query.get("follow") == "true":
                    docker.unexpected.append(self.path)
                self.send_response(200)
                self.send_header("Content-Type", "application/vnd.docker.raw-stream")
                self.send_header("Transfer-Encoding", "chunked")
                self.end_headers()
                body = b"".join(frames[-int(query["tail"]) :])
                # Pieces that end where no frame ends.
                for at in range(0, len(body), 1_000):
                    piece = body[at : at + 1_000]
                    self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
                self.wfile.write(b"0\r\n\r\n")

            def answer(self, status, step):
                body = step if isinstance(step, bytes) else json.dumps(step).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        return Handler

    def asked(self, docker_id, what="json"):
        return sum(path == f"/containers/{docker_id}/{what}" for path, _ in self.requests)

    def stop(self):
        if self.server:
            self.server.shutdown()
            self.server.server_close()
        shutil.rmtree(self.folder)
