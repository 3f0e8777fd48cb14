"""What stands before moto: counts calls by operation and plays faults."""

import io
import json
import socket
import threading
import uuid
from collections import Counter, defaultdict, deque
from contextlib import nullcontext
from urllib.parse import parse_qs

from .seed import still

#: Ends the token of an empty page: it differs from the one before it and means the same place.
MARK = "~"


LOGS = ("GetLogEvents", "FilterLogEvents", "DescribeLogGroups", "StartQuery", "GetQueryResults", "StopQuery")


class Line:
    """A lock that is had in the order in which it was asked for: on a slow machine, too, whoever waits for longest is next."""

    def __init__(self, had):
        self.had, self.lock, self.waiting = had, threading.Lock(), deque()

    def __enter__(self):
        turn = threading.Lock()
        with self.lock:
            if self.waiting:
                turn.acquire()
            self.waiting.append(turn)
        turn.acquire()
        self.had.acquire()

    def __exit__(self, *_):
        self.had.release()
        with self.lock:
            self.waiting.popleft()
            if self.waiting:
                self.waiting[0].release()


class Front:
    """A WSGI application. Faults are by operation (`DescribeTasks`):

    - `throttle[op] = n`: the next n calls answer ThrottlingException;
    - `throttle_every[op] = n`: every n-th call answers ThrottlingException;
    - `deny.add(op)`: every call answers AccessDeniedException;
    - `refuse[op] = (code, message)`: every call answers that;
    - `empty_pages[op] = n`: n GetLogEvents calls that go on from a page answer no events and a new token;
    - `meet = [{op: n, ...}, ...]`: calls of these operations are answered once n of each are here, or after a minute, in `missed`;
    - `gates[op] = (n, event)`: calls of this operation after the first n are answered once the event is set, or after five minutes;
    - `skew`: seconds that this side's clock is ahead.
    """

    def __init__(self, app, history):
        self.app, self.history = app, history
        self.lock = threading.Lock()
        self.met = threading.Condition(self.lock)
        self.arrived, self.line = threading.Event(), Line(still)
        self.reset()

    def reset(self):
        with self.lock:
            self.calls = Counter()
            self.requests = defaultdict(list)
            self.throttle = Counter()
            self.throttle_every = {}
            self.deny = set()
            self.refuse = {}
            self.empty_pages = Counter()
            self.meet, self.missed = [], []
            self.gates = {}
            self.skew = 0
            self.arrived.clear()

    def __call__(self, environ, start_response):
        target = environ.get("HTTP_X_AMZ_TARGET", "")
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        if target:
            operation, request = target.rsplit(".", 1)[-1], json.loads(body or b"{}")
        else:
            # STS speaks the older protocol: a form.
            request = {name: values[0] for name, values in parse_qs(body.decode()).items()}
            operation = request.get("Action", environ["PATH_INFO"])
        with self.lock:
            self.calls[operation] += 1
            opens_after, gate = self.gates.get(operation, (0, None))
            is_held = gate and self.calls[operation] > opens_after
            self.requests[operation].append(request)
            fault = self._fault(operation, request)
            self.met.notify_all()
            for meeting in self.meet:
                if operation in meeting and not self.met.wait_for(lambda: all(self.calls[op] >= n for op, n in meeting.items()), 60):
                    self.missed.append((operation, meeting))
        if "nextToken" in request:
            # Only an empty page gave it the mark.
            request["nextToken"] = request["nextToken"].removesuffix(MARK)
            body = json.dumps(request).encode()
            environ["CONTENT_LENGTH"] = str(len(body))
        environ["wsgi.input"] = io.BytesIO(body)
        self.arrived.set()
        if is_held:
            gate.wait(300)
        # moto lets those wait who ask a queue for messages.
        with nullcontext() if target.startswith("AmazonSQS") else self.line:
            if has_hung_up(environ.get("werkzeug.socket")):
                return _answer(start_response, "499 Client Closed Request", {})
            if answer := fault or self.history.answer(operation, request):
                return _answer(start_response, *answer)
            return self.app(environ, start_response)

    def _fault(self, operation, request):
        every = self.throttle_every.get(operation)
        if self.throttle[operation] > 0 or (every and self.calls[operation] % every == 0):
            self.throttle[operation] = max(0, self.throttle[operation] - 1)
            return "400 Bad Request", {"__type": "ThrottlingException", "message": "Rate exceeded"}
        if operation in self.refuse:
            code, message = self.refuse[operation]
            return "400 Bad Request", {"__type": code, "message": message}
        if operation == "GetCallerIdentity" and operation in self.deny:
            return "403 Forbidden", "<ErrorResponse><Error><Code>AccessDenied</Code><Message>no</Message></Error></ErrorResponse>"
        if operation in self.deny:
            service = "logs" if operation in LOGS else "ecs"
            message = (
                f"User: arn:aws:iam::123456789012:user/ci is not authorized to perform: {service}:{operation} "
                "because no identity-based policy allows the action"
            )
            # ECS says `message`, CloudWatch Logs `Message`.
            key = "Message" if service == "logs" else "message"
            return "400 Bad Request", {"__type": "AccessDeniedException", key: message}
        token = request.get("nextToken")
        if token and not token.endswith(MARK) and self.empty_pages[operation] > 0:
            self.empty_pages[operation] -= 1
            # Nothing, and another token that leads on.
            return "200 OK", {"events": [], "nextBackwardToken": token + MARK, "nextForwardToken": token + MARK}
        return None


def has_hung_up(connection):
    """Whether nobody waits for the answer: on a slow machine the work for those who were out of patience would keep the others waiting."""
    try:
        return connection is not None and connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True


def _answer(start_response, status, answer):
    is_xml = isinstance(answer, str)
    body = (answer if is_xml else json.dumps(answer)).encode()
    headers = [
        ("Content-Type", "text/xml" if is_xml else "application/x-amz-json-1.1"),
        ("Content-Length", str(len(body))),
        ("x-amzn-RequestId", str(uuid.uuid4())),
    ]
    if not is_xml and "__type" in answer:
        headers.append(("x-amzn-ErrorType", answer["__type"]))
    start_response(status, headers)
    return [body]
