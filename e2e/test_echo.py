"""Receivers, proxies and AWS repeat what they were sent; nothing of it that is secret is found in what ecspan says or keeps."""

import base64
import json
import urllib.parse

import batch
import grpc
import pytest
from http_server import HttpServer
from receiver import GrpcReceiver, Receiver

TASK = "prod/0123456789abcdef0123456789abcdef"
TOKEN = "IQoJb3JpZ2luX2VjE/+tok3n=="
KEYS = {"AWS_ACCESS_KEY_ID": "ASIAQWERTYUIOPASDFGH", "AWS_SECRET_ACCESS_KEY": "a/secret+key", "AWS_SESSION_TOKEN": TOKEN}


def b64(text):
    return base64.b64encode(text.encode()).decode()


def forms(*values):
    """How a value may come back."""
    quoted = [quote(value) for value in values for quote in (urllib.parse.quote, urllib.parse.quote_plus, lambda text: urllib.parse.quote(text, safe=""))]
    long = [value for value in values if len(value) >= 8]
    around = [base64.urlsafe_b64encode(f"{before}{value} y".encode()).decode() for value in long for before in ("", "x", "me:")]
    pieces = [*(value.encode().hex() for value in long), *(value.encode().hex(" ").upper() for value in long)]
    escaped = ["".join(f"\\u{ord(char):04x}" for char in value) for value in long]
    apart = [" ".join(value[at : at + 5] for at in range(0, len(value), 5)) for value in long]
    return [*values, *quoted, *map(str.lower, values), *(json.dumps(value)[1:-1] for value in values), *around, *pieces, *escaped, *apart]


USER, PASSWORD = "ann.doe", "p@ss/w0rd"
BASIC = [USER, PASSWORD, f"{USER}:{PASSWORD}", b64(f"{USER}:{PASSWORD}"), f"Basic {b64(f'{USER}:{PASSWORD}')}"]
#: What a request carries: its URL's begin and end, its headers, and what of it is secret.
CARRIED = {
    "basic authentication in the url": (f"{urllib.parse.quote(USER)}:{urllib.parse.quote(PASSWORD, safe='')}@", "", [], BASIC),
    "a key in the query": ("", "/x?api-key=qu3ry+k3y/x", [], ["qu3ry k3y/x"]),
    "a key in the path": ("", "/otlp/ZaVnC4dhaV0123456789/v1/traces", [], ["ZaVnC4dhaV0123456789"]),
    "a bearer": ("", "", ["authorization=Bearer t0ken.of/somebody=="], ["Bearer t0ken.of/somebody==", "t0ken.of/somebody=="]),
    "basic authentication in a header": ("", "", [f"authorization=Basic {b64(f'{USER}:{PASSWORD}')}"], BASIC),
    "a key in a header": ("", "", ["x-api-key=k3y of \"mine\""], ['k3y of "mine"']),
    "a short key in a header": ("", "", ["x-api-key=k3y"], ["k3y"]),
}



def check(secrets, *texts):
    for text in texts:
        found = [secret for secret in secrets if secret in text]
        assert not found, (found, text)


def kept(tmp_path):
    return [file.read_text().split('"resourceSpans"')[0] for file in (tmp_path / "home/state").rglob("*.jsonl")]


@pytest.mark.parametrize("carried", CARRIED)
@pytest.mark.parametrize("protocol", ["http/protobuf", "http/json", "grpc"])
def test_what_a_receiver_repeats_is_masked(ecspan, tmp_path, protocol, carried):
    before, after, headers, values = CARRIED[carried]
    if protocol == "grpc" and not headers:
        pytest.skip("gRPC sends nothing of it")
    secrets = forms(*values)
    echo = "error: who is " + " or ".join(secrets) + " ?"
    tasks = batch.write(tmp_path / "tasks.jsonl", 1)
    flags = [flag for header in headers for flag in ("--header", header)]
    # What is tried again is, and then it is asked to wait for too long: the same in the end, and soon.
    if protocol == "grpc":
        steps = [(code, echo, wait) for code in (grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.UNAVAILABLE) for wait in (None, 3_600)]
    else:
        answers = [(401, "text/plain", echo), (503, "text/plain", echo), (200, "text/plain", echo), (401, "application/json", json.dumps({"error": echo}))]
        steps = [(status, {"Content-Type": kind, **wait}, body.encode()) for status, kind, body in answers for wait in ({}, {"Retry-After": "3600"})]
    for first, others in zip(steps[::2], steps[1::2]):
        server = (GrpcReceiver if protocol == "grpc" else Receiver)(first, always=others)
        url = server.url.replace("http://", f"http://{before}") + after
        try:
            args = ["--endpoint", url, "--protocol", protocol, "--timeout", "25s", *flags]
            runs = [ecspan("export", tasks, *args), ecspan("doctor", "--no-aws", *args), ecspan("resend", *args)]
        finally:
            server.stop()
        for run in runs:
            assert "who is" in run.out + run.err, run
            check(secrets, run.out, run.err)
        notes = kept(tmp_path)
        assert notes
        check(secrets, *notes)


def echoing(status, make):
    """Repeats all headers."""
    return HttpServer(lambda path, headers, _: make(status, "\n".join(f"{name.lower()}:{value}" for name, value in headers.items())))


def in_json(status, said):
    kind = "InvalidSignatureException"
    return status, {"Content-Type": "application/x-amz-json-1.1", "x-amzn-ErrorType": kind}, json.dumps({"__type": kind, "message": f"Canonical: {said}"}).encode()


def in_text(status, said):
    return status, {"Content-Type": "text/plain"}, f"Canonical: {said}".encode()


def check_aws(*texts):
    check([KEYS["AWS_ACCESS_KEY_ID"], TOKEN, *forms(TOKEN), KEYS["AWS_SECRET_ACCESS_KEY"]], *texts)
    for text in texts:
        # A signature is 64 hex digits behind its name.
        assert "Signature=***" in text or "Signature=" not in text, text


@pytest.mark.parametrize("command", [["ls"], ["ls", "prod"], ["show", TASK], ["export", TASK], ["deploy", "web", "--cluster", "prod"], ["doctor"]],
                         ids=lambda command: " ".join(command[:2]))
def test_what_aws_repeats_is_masked(ecspan, command):
    aws = echoing(400, in_json)
    try:
        run = ecspan(*command, env={**KEYS, "AWS_ENDPOINT_URL": aws.url})
    finally:
        aws.stop()
    assert run.code == 1 and ("Canonical: " in run.err + run.out or command == ["doctor"]), run
    check_aws(run.out, run.err)


@pytest.mark.parametrize("status", [200, 400, 403, 503])
def test_what_x_ray_repeats_is_masked(ecspan, tmp_path, status):
    tasks = batch.write(tmp_path / "tasks.jsonl", 1, seconds_ago=3_600)
    to = echoing(status, in_text)
    try:
        run = ecspan("export", tasks, "--to", "xray:eu-west-1", "--endpoint", to.url, "--deadline", "4s", env=KEYS)
        looked = ecspan("doctor", "--no-aws", "--to", "xray:eu-west-1", "--endpoint", to.url, env=KEYS)
    finally:
        to.stop()
    assert "Canonical: " in run.err, run
    check_aws(run.out, run.err, looked.out, looked.err, *kept(tmp_path))
