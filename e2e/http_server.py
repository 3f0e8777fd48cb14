"""HTTP servers on loopback that say what they are told to say."""

import contextlib
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from waiting import wait_until


class HttpServer:
    """Answers what `answer` says of (path, headers, body): (status, headers, body), `HANG` or `HANG_UP`. A list is a body in chunks.
    `server` makes the server of a handler; without that it listens at `port`, or at a free one."""

    HANG, HANG_UP = object(), object()

    def __init__(self, answer, method="POST", port=0, server=None):
        gone = self.gone = threading.Event()

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_method(self):
                answered = answer(self.path, self.headers, self.rfile.read(int(self.headers.get("Content-Length", 0))))
                if answered is HttpServer.HANG:
                    gone.wait(600)
                elif answered is HttpServer.HANG_UP:
                    self.close_connection = True
                else:
                    # Who asked may be gone: killed, or out of time.
                    with contextlib.suppress(ConnectionError):
                        self.send(*answered)

            def send(self, status, headers, body):
                self.send_response(status)
                chunked = isinstance(body, list)
                how = {"Transfer-Encoding": "chunked"} if chunked else {"Content-Length": str(len(body))}
                for name, value in {**headers, **how}.items():
                    self.send_header(name, value)
                self.end_headers()
                for chunk in [*body, b""] if chunked else []:
                    self.wfile.write(b"%x\r\n%s\r\n" % (len(chunk), chunk))
                if not chunked:
                    self.wfile.write(body)

            def log_message(self, *_):
                pass

        setattr(Handler, f"do_{method}", Handler.handle_method)
        self.server = server(Handler) if server else ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.port = self.server.server_port
        self.url = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def stop(self):
        self.gone.set()
        self.server.shutdown()
        self.server.server_close()


def in_json(step, status=200, otherwise=b"{}"):
    """The answer that a step of a script stands for: a document, raw bytes, a status, or `HANG`."""
    if step is HttpServer.HANG:
        return step
    if isinstance(step, int):
        status, step = step, otherwise
    return status, {"Content-Type": "application/json"}, step if isinstance(step, bytes) else json.dumps(step).encode()


class Polled(HttpServer):
    """Plays a life: what is polled for has a step a poll, the last one again and again."""

    def __init__(self, life, answer):
        self.life, self.polls, self.times = list(life), 0, []
        self.lock = threading.Lock()
        super().__init__(answer, method="GET")

    def step(self):
        with self.lock:
            self.polls += 1
            self.times.append(time.monotonic())
            return self.life[min(self.polls, len(self.life)) - 1]

    def wait(self, polls, within=60.0):
        """Until it was asked so many times."""
        wait_until(lambda: f"poll {polls} of the {type(self).__name__.lower()}, after {self.polls}", lambda: self.polls >= polls, within)

    def is_calm(self, since):
        """Whether it was asked no more than once a second since then. However slow the machine is, that is so of who keeps to it."""
        polls = self.polls
        return polls <= time.monotonic() - since + 1

    def wait_more(self, polls, within=60.0):
        """Until it was asked so many times more."""
        self.wait(self.polls + polls, within)
