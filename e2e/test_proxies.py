"""Proxies on the way to receivers, over each protocol: used, gone around, down, or in the way. Whatever they do, they are named."""

import re
import socket
import threading

import pytest
from conftest import PROJECT
from proxy import PAGE, PASSWORD
from receiver import GrpcReceiver, Receiver
from servers import free_port

PROTOCOLS = ["grpc", "http/protobuf", "http/json"]


@pytest.fixture(params=PROTOCOLS)
def sent_to(request, ecspan, example):
    """A receiver of a protocol that takes everything, and an export to it through what the environment says."""
    protocol = request.param
    if protocol == "grpc":
        receiver = GrpcReceiver(always=b"")
    else:
        content_type = "application/json" if protocol == "http/json" else "application/x-protobuf"
        receiver = Receiver(always=(200, {"Content-Type": content_type}, b"{}" if protocol == "http/json" else b""))

    def export(deadline="50s", **env):
        arguments = ("--endpoint", receiver.url, "--protocol", protocol, "--timeout", "25s", "--deadline", deadline)
        return ecspan("export", example, *arguments, env={"NO_PROXY": None, **env})

    export.receiver, export.protocol = receiver, protocol
    yield export
    receiver.stop()


@pytest.fixture
def example():
    return PROJECT / "examples/nginx/task.json"


@pytest.fixture
def captive():
    """Starts a proxy that says yes to everything and passes nothing on."""
    started = []

    def start(way):
        server = socket.create_server(("127.0.0.1", 0))
        started.append(server)

        def answer(connection):
            with connection:
                connection.recv(65536)
                page = b"Content-Type: text/html\r\nContent-Length: %d\r\n\r\n" % len(PAGE)
                if way in ("end", "silence"):
                    connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
                elif way == "page-later":
                    connection.sendall(b"HTTP/1.1 200 OK\r\n" + page)
                    connection.recv(65536)
                    connection.sendall(b"HTTP/1.1 200 OK\r\n" + page + PAGE)
                else:
                    connection.sendall(b"HTTP/1.1 200 OK\r\n" + page + PAGE)
                while way in ("page", "silence", "page-later") and connection.recv(65536):
                    pass

        def serve():
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                threading.Thread(target=quietly, args=(answer, connection), daemon=True).start()

        threading.Thread(target=serve, daemon=True).start()
        return f"http://127.0.0.1:{server.getsockname()[1]}"

    yield start
    for server in started:
        server.shutdown(socket.SHUT_RDWR)
        server.close()


def quietly(what, *arguments):
    try:
        what(*arguments)
    except OSError:
        pass


def test_a_proxy_that_works_is_used(sent_to, proxy):
    through = proxy()
    run = sent_to(HTTP_PROXY=through.url)
    assert run.code == 0, run
    assert len(sent_to.receiver.requests) == 1 and len(through.seen) == 1
    method, target = through.seen[0]
    address = sent_to.receiver.url.removeprefix("http://")
    assert (method, target) == (("CONNECT", address) if sent_to.protocol == "grpc" else ("POST", f"http://{address}/v1/traces"))


def test_a_proxy_is_told_who_asks(sent_to, proxy):
    through = proxy(user=f"me:{PASSWORD}")
    run = sent_to(all_proxy=f"http://me:{PASSWORD}@{through.address}")
    assert run.code == 0 and len(sent_to.receiver.requests) == 1, run


@pytest.mark.parametrize("no_proxy", ["*", "{address}", "127.0.0.1", "127.0.0.0/8", "example.com, 127.0.0.1"])
def test_no_proxy_is_gone_around(sent_to, no_proxy):
    down = f"http://127.0.0.1:{free_port()}"
    address = sent_to.receiver.url.removeprefix("http://")
    run = sent_to(HTTP_PROXY=down, NO_PROXY=no_proxy.format(address=address))
    assert run.code == 0 and len(sent_to.receiver.requests) == 1, run


def test_no_proxy_of_another_port_is_not(sent_to, proxy):
    through = proxy()
    run = sent_to(HTTP_PROXY=through.url, NO_PROXY="127.0.0.1:1")
    assert run.code == 0 and len(through.seen) == 1, run


def is_blamed(run, proxy, *words):
    """The proxy is named, the receiver is not what failed, and nobody's password is shown."""
    assert run.code == 1 and f"the proxy http://{proxy} the proxy" not in run.err, run
    assert f"the proxy http://{proxy} " in run.err and "docs/proxies.md" in run.err, run
    assert "the receiver answered" not in run.err and "nothing listens" not in run.err, run
    assert PASSWORD not in run.err + run.out and "Basic " not in run.err, run
    assert all(word in run.err for word in words), run


def test_a_proxy_that_is_down_is_named(sent_to):
    port = free_port()
    run = sent_to(HTTP_PROXY=f"http://me:{PASSWORD}@127.0.0.1:{port}", deadline="1s")
    is_blamed(run, f"127.0.0.1:{port}", "refuses connections")
    assert not sent_to.receiver.requests


def test_a_proxy_that_wants_credentials_says_so_at_once(sent_to, proxy):
    through = proxy(user=f"me:other-{PASSWORD}")
    run = sent_to(HTTP_PROXY=f"http://me:{PASSWORD}@{through.address}")
    is_blamed(run, through.address, "407", "USER:PASSWORD")
    assert len(through.seen) == 1, "the same again would fare no better"


@pytest.mark.parametrize("answer", [(403, "text/html", PAGE), (502, "text/html", PAGE), (403, "text/plain", b"Blocked by policy"), (200, "text/html", PAGE)])
def test_a_proxy_that_answers_itself_is_named(sent_to, proxy, answer):
    if sent_to.protocol == "grpc" and answer[0] == 200:
        pytest.skip("to CONNECT that is a yes")
    through = proxy(answers=answer)
    # A refusal to connect and a 502 may pass: they are tried again until the end.
    deadline = "3s" if sent_to.protocol == "grpc" or answer[0] == 502 else "50s"
    run = sent_to(HTTP_PROXY=f"http://me:{PASSWORD}@{through.address}", deadline=deadline)
    is_blamed(run, through.address, "refuses to connect" if sent_to.protocol == "grpc" else "Blocked by policy")
    assert not sent_to.receiver.requests


def test_a_proxy_that_refuses_to_connect_is_named(ecspan, example, proxy):
    through = proxy(answers=(403, "text/html", PAGE))
    for protocol in PROTOCOLS:
        endpoint = ("--endpoint", "https://receiver.example:4318", "--protocol", protocol, "--timeout", "25s", "--deadline", "3s")
        run = ecspan("export", example, *endpoint, env={"NO_PROXY": None, "HTTPS_PROXY": through.url})
        is_blamed(run, through.address, "refuses to connect to https://receiver.example:4318")
    assert {target for _, target in through.seen} == {"receiver.example:4318"}


@pytest.mark.parametrize("value", ["socks5://me:{0}@127.0.0.1:1080", "ftp://me:{0}@127.0.0.1"])
def test_what_is_no_proxy_is_refused(sent_to, value):
    run = sent_to(ALL_PROXY=value.format(PASSWORD))
    assert run.code == 2 and "ALL_PROXY names no proxy that ecspan can use" in run.err and PASSWORD not in run.err, run


@pytest.mark.parametrize("endpoint", ["unix:/run/otel.sock", "unix:///run/otel.sock", "unix-abstract:otel"])
def test_a_socket_is_refused_as_what_it_is(ecspan, example, endpoint):
    for protocol in PROTOCOLS:
        run = ecspan("export", example, "--endpoint", endpoint, "--protocol", protocol)
        assert run.code == 2 and "--endpoint names a Unix socket" in run.err, run


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("way", ["page", "page-later", "page-and-end", "end", "silence"])
def test_a_proxy_that_says_yes_and_answers_itself_is_named(ecspan, example, captive, protocol, scheme, way):
    """A captive proxy answers everything with 200 and its page, CONNECT too."""
    url = captive(way)
    # An empty answer of success is a yes.
    is_yes = protocol != "grpc" and (scheme, way) == ("http", "end")
    endpoint = ("--endpoint", f"{scheme}://receiver.example:4318", "--protocol", protocol, "--timeout", "25s" if is_yes else "1s", "--deadline", "50s" if is_yes else "1s")
    run = ecspan("export", example, *endpoint, env={"NO_PROXY": None, "HTTP_PROXY": url, "HTTPS_PROXY": url})
    if is_yes:
        assert run.code == 0, run
        return
    error = run.err[run.err.index("error: ") :]
    assert run.code == 1 and f"the proxy {url}" in error and "docs/proxies.md" in error, run
    assert "is the host of" not in run.err and "the receiver answered" not in run.err and not re.search(r":4317\b", run.err), run


def test_the_doctor_names_it_too(sent_to, ecspan, proxy):
    through = proxy(answers=(403, "text/html", PAGE))
    arguments = ("doctor", "--no-aws", "--endpoint", sent_to.receiver.url, "--protocol", sent_to.protocol)
    run = ecspan(*arguments, env={"NO_PROXY": None, "HTTP_PROXY": through.url})
    assert run.code == 1 and f"the proxy http://{through.address} " in run.out, run
