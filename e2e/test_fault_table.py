"""The fault table: whatever a receiver does, over whichever protocol, each span is accepted, rejected or saved, and what was
saved can be sent again.

All of it: `ECSPAN_FAULTS=all pytest e2e/test_fault_table.py`. Without that a sample runs: a row of each kind."""

import json
import os
import re
from collections import Counter
from typing import Any, NamedTuple

import batch
import grpc
import http2
import json_lines
import pytest
from receiver import GrpcReceiver, Raw, Receiver, black_hole, in_http1, of_unknown_authority, partial, resetting, silent_in_tls
from servers import Collector, flat, free_port
from test_faults import OK

TASKS = 4
MADE = TASKS * batch.SPANS
HTTP = ["http/protobuf", "http/json"]
ALL = ["grpc", *HTTP]
JSON = {"Content-Type": "application/json"}
PROTOBUF = {"Content-Type": "application/x-protobuf"}
OCTETS = {"Content-Type": "application/octet-stream"}
#: What receivers answer with 200 when they have taken nothing.
ERRORS = ['{"error":"invalid api key"}', '{"message":"Forbidden"}', '{"errors":["x"]}', '{"success":false}', '{"partialSuccess":"no"}',
          '{"partialSuccess":{"rejectedSpans":-1}}']


def http(*steps, always=None):
    return lambda _: Receiver(*steps, always=always)


def rpc(*steps, always=None):
    return lambda _: GrpcReceiver(*steps, always=always)


def frames(*steps, always=None):
    return lambda _: http2.Http2(*steps, always=always)


def raw(make):
    return lambda _: make()


def in_json(rejected, message=""):
    return (200, JSON, json.dumps({"partialSuccess": {"rejectedSpans": rejected, "errorMessage": message}}).encode())


class Nobody:
    requests = []

    def __init__(self):
        self.url = f"http://127.0.0.1:{free_port()}"

    def stop(self):
        pass


CODE = grpc.StatusCode
NOTHING = dict(accepted=0, rejected=0, code=1)
EVERYTHING = dict(accepted=MADE, rejected=0, code=0)

class Row(NamedTuple):
    kind: str
    name: str
    protocol: str
    make: Any
    #: What becomes of the spans.
    fate: dict
    #: How many come; None: more than one, the deadline decides.
    requests: int | None


#: What can happen to a request: name, protocols, receiver, fate, requests of each row of a kind.
KINDS = {
    "nobody listens": [("refused", ALL, raw(Nobody), NOTHING, 0)],
    "reset": [("reset in the middle", ALL, raw(resetting), NOTHING, None)],
    "unknown authority": [("tls of an unknown authority", ALL, of_unknown_authority, NOTHING, None)],
    "black hole": [("black hole", ALL, raw(black_hole), NOTHING, None)],
    "final": [
        *[(f"{status}", HTTP, http((status, {}, b"no")), NOTHING, 1) for status in (400, 401, 404, 500)],
        *[(f"{code.name}", ["grpc"], rpc((code, "no", None)), NOTHING, 1)
          for code in (CODE.INVALID_ARGUMENT, CODE.UNAUTHENTICATED, CODE.PERMISSION_DENIED, CODE.UNIMPLEMENTED, CODE.INTERNAL)],
        ("RESOURCE_EXHAUSTED without RetryInfo", ["grpc"], rpc((CODE.RESOURCE_EXHAUSTED, "quota", None)), NOTHING, 1),
    ],
    "too large": [
        ("413 once", HTTP, http((413, {}, b""), OK, OK), EVERYTHING, 3),
        ("413 always", HTTP, http(always=(413, {}, b"")), dict(accepted=0, rejected=MADE, code=1), None),
        ("message too large once", ["grpc"],
         rpc((CODE.RESOURCE_EXHAUSTED, "grpc: received message larger than max", None), b"", b""), EVERYTHING, 3),
    ],
    "told how long to wait": [
        ("429 with Retry-After", HTTP, http((429, {"Retry-After": "1"}, b""), OK), EVERYTHING, 2),
        ("RESOURCE_EXHAUSTED with RetryInfo", ["grpc"], rpc((CODE.RESOURCE_EXHAUSTED, "slow down", 1), b""), EVERYTHING, 2),
    ],
    "told to wait for too long": [
        ("429 with Retry-After beyond the deadline", HTTP, http((429, {"Retry-After": "60"}, b"")), NOTHING, 1),
        *[(f"429 with Retry-After {wait}", HTTP, http((429, {"Retry-After": wait}, b"")), NOTHING, 1) for wait in (str(2**63 - 1), "9" * 40)],
        ("RetryInfo of i64::MAX", ["grpc"], rpc((CODE.UNAVAILABLE, "slow down", 2**63 - 1)), NOTHING, 1),
    ],
    "better later": [
        ("429 without Retry-After", HTTP, http((429, {}, b""), OK), EVERYTHING, 2),
        *[(f"{status} once", HTTP, http((status, {}, b""), OK), EVERYTHING, 2) for status in (502, 503)],
        ("success after two failures", HTTP, http((503, {}, b""), (502, {}, b""), OK), EVERYTHING, 3),
        ("UNAVAILABLE once", ["grpc"], rpc((CODE.UNAVAILABLE, "later", None), b""), EVERYTHING, 2),
        ("success after two failures", ["grpc"], rpc((CODE.UNAVAILABLE, "", None), (CODE.ABORTED, "", None), b""), EVERYTHING, 3),
    ],
    "never better": [
        ("503 always", HTTP, http(always=(503, {}, b"")), NOTHING, None),
        ("UNAVAILABLE always", ["grpc"], rpc(always=(CODE.UNAVAILABLE, "later", None)), NOTHING, None),
    ],
    "no answer of OTLP": [
        ("an html page with 200", HTTP, http((200, {"Content-Type": "text/html"}, b"<html><title>Hi</title>")), NOTHING, 1),
        ("an html page with 200", ["grpc"], frames(http2.http(200, {"content-type": "text/html"}, b"<html><title>Hi</title>")), NOTHING, 1),
    ],
    "an error with 200": [
        *[(body, HTTP, http((200, JSON, body.encode())), NOTHING, 1) for body in ERRORS],
        *[(f"{body} as protobuf", HTTP, http((200, PROTOBUF, body.encode())), NOTHING, 1) for body in ERRORS[:2]],
        ("Forbidden as text", HTTP, http((202, {"Content-Type": "text/plain"}, b"Forbidden")), NOTHING, 1),
        ("a negative count", ["http/protobuf"], http((200, PROTOBUF, partial(-1, ""))), NOTHING, 1),
        ("a negative count", ["grpc"], rpc(partial(-1, "")), NOTHING, 1),
        ("no OTLP in gRPC", ["grpc"], frames(http2.grpc(b"Forbidden")), NOTHING, 1),
    ],
    "a word with 200 that is no error": [
        ('{"status":"ok"}', HTTP, http((200, JSON, b'{"status":"ok"}')), EVERYTHING, 1),
        ("ok", HTTP, http((200, {"Content-Type": "text/plain"}, b"ok")), EVERYTHING, 1),
        ("octets", HTTP, http((200, OCTETS, b"a" * 1_000)), EVERYTHING, 1),
    ],
    "larger than any answer": [
        ("100 MB", HTTP, http((200, OCTETS, [b"a" * 1_000_000] * 100)), NOTHING, 1),
        ("100 MB in gRPC", ["grpc"], frames(http2.grpc(b"a" * 100_000_000)), NOTHING, 1),
        ("5 MB of an error", HTTP, http((400, OCTETS, [b"a" * 1_000_000] * 5)), NOTHING, 1),
    ],
    "http where grpc is spoken": [
        *[(f"{status}{', told' if body else ''}, once", ["grpc"], frames(http2.http(status, {"content-type": "text/html"}, body), http2.grpc()), EVERYTHING, 2)
          for status in (429, 502, 503, 504) for body in (b"", b"<html><title>Bad</title>")],
        *[(f"{status}{', told' if body else ''}", ["grpc"], frames(http2.http(status, {"content-type": "text/plain"}, body)), NOTHING, 1)
          for status in (400, 401, 403, 404, 415, 500) for body in (b"", b"no")],
        ("503 with Retry-After beyond the deadline", ["grpc"], frames(http2.http(503, {"retry-after": "60"})), NOTHING, 1),
        ("502 always", ["grpc"], frames(always=http2.http(502, {}, b"bad gateway")), NOTHING, None),
    ],
    "http/1.1 where grpc is spoken": [
        (f"{status}{', told' if body else ''}, in HTTP/1.1", ["grpc"], raw(lambda status=status, body=body: in_http1(status, body=body)), NOTHING, None)
        for status in ("200 OK", "400 Bad Request", "401 Unauthorized", "404 Not Found", "429 Too Many Requests", "502 Bad Gateway", "503 Service Unavailable")
        for body in ("", "<html><title>Bad</title>")
    ],
    "surely not looked at": [
        ("a stream refused once", ["grpc"], frames(http2.refused, http2.grpc()), EVERYTHING, 2),
        ("GOAWAY once", ["grpc"], frames(http2.go_away, http2.grpc()), EVERYTHING, 2),
        ("GOAWAY always", ["grpc"], frames(always=http2.go_away), NOTHING, None),
        ("tls that never answers", ALL, raw(silent_in_tls), NOTHING, None),
    ],
    "partial success": [
        ("some rejected", HTTP, http(in_json(5, "old")), dict(accepted=MADE - 5, rejected=5, code=4), 1),
        ("a count as a string", HTTP, http(in_json("5", "old")), dict(accepted=MADE - 5, rejected=5, code=4), 1),
        ("partial success in protobuf", ["http/protobuf"],
         http((200, {"Content-Type": "application/x-protobuf"}, partial(5, "old"))), dict(accepted=MADE - 5, rejected=5, code=4), 1),
        ("some rejected", ["grpc"], rpc(partial(5, "old")), dict(accepted=MADE - 5, rejected=5, code=4), 1),
    ],
    "nothing taken": [
        ("all rejected", HTTP, http(in_json(MADE, "old")), dict(accepted=0, rejected=MADE, code=1), 1),
        ("more rejected than sent", HTTP, http(in_json(99)), dict(accepted=0, rejected=MADE, code=1), 1),
        ("all rejected", ["grpc"], rpc(partial(MADE, "old")), dict(accepted=0, rejected=MADE, code=1), 1),
        ("more rejected than sent", ["grpc"], rpc(partial(99, "")), dict(accepted=0, rejected=MADE, code=1), 1),
    ],
    "everything taken, with a message": [
        ("none rejected, with a message", HTTP, http(in_json(0, "soon")), EVERYTHING, 1),
        ("none rejected, with a message", ["grpc"], rpc(partial(0, "soon")), EVERYTHING, 1),
    ],
}
TABLE = [
    Row(kind, f"{name}, {protocol}", protocol, *rest) for kind, rows in KINDS.items() for name, protocols, *rest in rows for protocol in protocols
]


def sample(table):
    """A row of each kind, over the protocol of which there are fewest so far."""
    chosen = []
    for kind in dict.fromkeys(row.kind for row in table):
        times = Counter(row.protocol for row in chosen)
        chosen.append(min((row for row in table if row.kind == kind), key=lambda row: times[row.protocol]))
    return chosen


RUN = TABLE if os.environ.get("ECSPAN_FAULTS") == "all" else sample(TABLE)


def test_every_kind_and_every_protocol_is_run():
    assert {row.kind for row in RUN} == set(KINDS)
    assert {row.protocol for row in RUN} == set(ALL)


def was_cut_off(note):
    """The deadline came a moment after an attempt began, and so nobody knows whether it arrived."""
    return re.search(r"gave up within \S+ s: no answer within 0\.\d+ s", note["reason"])


@pytest.fixture(scope="module")
def to_collector(tmp_path_factory):
    server = Collector(tmp_path_factory.mktemp("collector"))
    yield server
    server.stop()


@pytest.mark.parametrize(("kind", "name", "protocol", "make", "fate", "requests"), RUN, ids=[row.name for row in RUN])
def test_every_span_is_accepted_rejected_or_saved(ecspan, to_collector, tmp_path, kind, name, protocol, make, fate, requests):
    tasks = batch.write(tmp_path / "tasks.jsonl", TASKS)
    receiver = make(tmp_path)
    # As long as a slow machine needs, and less than is asked for by a receiver that asks for too long; what never gets better ends soon.
    deadline = "50s" if requests else "4s"
    try:
        run = ecspan("export", tasks, "--endpoint", receiver.url, "--protocol", protocol, "--timeout", "25s", "--deadline", deadline)
    finally:
        receiver.stop()
    told = re.search(rf"(\d+) of {MADE} spans accepted, .* in \d+ requests?(?:, (\d+) rejected)?(?:, (\d+) not delivered)?(?:, (\d+) saved)?", run.err)
    accepted, rejected, undelivered, saved = (int(number or 0) for number in told.groups())
    assert run.code == fate["code"] and (accepted, rejected) == (fate["accepted"], fate["rejected"]), run
    assert saved == undelivered and accepted + rejected + saved == MADE, run
    if not isinstance(receiver, (Raw, Nobody)):
        came = len(receiver.requests)
        assert receiver.unscripted == 0 and (came > 1 if requests is None else came == requests), (came, run)
        if name.startswith(("429 with Retry-After,", "RESOURCE_EXHAUSTED with RetryInfo")):
            assert receiver.times[1] - receiver.times[0] >= 1, "it asked for a second"

    folder = tmp_path / "home/state/ecspan/undelivered"
    notes = [saved["ecspan"] for file in folder.glob("*.jsonl") for saved in json_lines.all_of(file)]
    assert sum(note["items"] for note in notes if note["outcome"] in ("undelivered", "unknown")) == saved
    if kind in ("surely not looked at", "http where grpc is spoken", "http/1.1 where grpc is spoken"):
        assert {note["outcome"] for note in notes if not was_cut_off(note)} <= {"undelivered"}, run
    if kind in ("no answer of OTLP", "an error with 200") or name.startswith("100 MB"):
        assert {note["outcome"] for note in notes} == {"unknown"}, run
    assert sum(note["rejected"] or note["items"] for note in notes if note["outcome"] in ("partial", "rejected")) == rejected
    if not notes:
        return
    # What was kept arrives at a receiver that works, whole: --partial sends also what a receiver did not take whole.
    again = ecspan("resend", "--partial", "--endpoint", to_collector.http)
    assert again.code == 0 and list(folder.glob("*.jsonl")) == [], again
    once = ecspan("export", tasks, "--endpoint", to_collector.http)
    assert once.code == 0
    ours = set(map(batch.task_id, batch.tasks_in(tasks)))
    copies = all_copies(to_collector, ours, 2 * MADE)
    assert len(copies) == MADE and all(len(spans) == 2 for spans in copies.values())
    batch.assert_identical(copies)


def all_copies(collector, traces, count):
    """The copies of each span of these traces, once there are so many: the file is written a moment after the answer."""

    def ours(resource_spans):
        return [span for span in flat(resource_spans) if span["traceId"] in traces]

    return batch.by_id(collector.read(ours, "resourceSpans", count, 20.0))
