"""A connection is made once: how many TCP connections the program opens, counted by who stands between it and the servers."""

import http.client
import re
import socket
import threading

import batch
import pytest
from http_server import HttpServer
from making import making
from receiver import Raw
from test_calls import CONTAINERS, task_of_many


#: So many calls are under way at once, the logs of a task aside, and so many requests to a receiver.
ASKED, SENT = 8, 4


def few(at_once):
    """Connections for so many at once: one may still be on its way back to those that are free when the next call begins."""
    return 2 * at_once


class Relay(Raw):
    """Passes bytes on between whoever connects to `url` and a server, and counts the connections."""

    def __init__(self, to):
        self.to = ("127.0.0.1", int(to.rsplit(":", 1)[1]))
        super().__init__(self.relay)

    def relay(self, client):
        server = socket.create_connection(self.to)
        self.open.append(server)
        for source, sink in ((client, server), (server, client)):
            threading.Thread(target=self.pass_on, args=[source, sink], daemon=True).start()

    @staticmethod
    def pass_on(source, sink):
        try:
            while data := source.recv(65_536):
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            pass


class KeepAlive(HttpServer):
    """The loopback AWS as AWS is: moto's server ends each connection after one answer."""

    def __init__(self, to):
        self.to = int(to.rsplit(":", 1)[1])
        super().__init__(self.answer)

    def answer(self, path, headers, body):
        asked = http.client.HTTPConnection("127.0.0.1", self.to)
        asked.request("POST", path, body, {name: value for name, value in headers.items() if name.lower() not in ("connection", "content-length")})
        got = asked.getresponse()
        answered = got.status, {name: got.headers[name] for name in ("Content-Type", "x-amzn-RequestId", "x-amzn-ErrorType") if got.headers[name]}, got.read()
        asked.close()
        return answered


@pytest.fixture
def relay():
    with making(Relay) as make:
        yield make


@pytest.fixture
def on_the_way(relay, aws, ecspan):
    """What stands before the loopback AWS."""
    with making(KeepAlive) as keep_alive:
        counted = relay(keep_alive(aws.url).url)
        ecspan.environment["AWS_ENDPOINT_URL"] = counted.url
        yield counted


def test_showing_a_task_keeps_the_connections_of_its_calls(ecspan, aws, on_the_way):
    task = task_of_many(aws)
    # All that may be under way at once is, so that none of it is a matter of luck.
    aws.front.meet = [{"DescribeServices": 1, "GetLogEvents": CONTAINERS}]
    shown = ecspan("show", f"prod/{task.id}")
    assert shown.code == 0 and not aws.front.missed, shown
    assert sum(aws.front.calls.values()) == 3 + 2 * CONTAINERS
    # Without keeping them it would be 63: the definition and the service at once, and each container's log, asked twice.
    assert on_the_way.connections <= 2 + CONTAINERS + few(2)


def test_a_list_of_many_tasks_comes_over_few_connections(ecspan, aws, on_the_way):
    aws.rollouts.rolling(1_000)
    listed = ecspan("ls", "prod")
    assert listed.code == 0, listed
    calls = sum(aws.front.calls.values())
    assert calls >= 40 and on_the_way.connections <= few(ASKED)


@pytest.mark.parametrize("protocol", ["grpc", "http/protobuf"])
def test_a_services_tasks_are_sent_over_few_connections(ecspan, aws, on_the_way, relay, collector, protocol):
    aws.rollouts.rolling(300)
    receiver = relay(collector.grpc if protocol == "grpc" else collector.http)
    sent = ecspan("export", "--cluster", "prod", "--service", "web", "--no-logs", "--endpoint", receiver.url, "--protocol", protocol)
    assert sent.code == 0 and re.search(r"\d+ of \d+ spans accepted", sent.err), sent
    # gRPC needs one for all requests, HTTP one for each that is under way.
    assert receiver.connections <= (1 if protocol == "grpc" else few(SENT))
    assert on_the_way.connections <= few(ASKED)


@pytest.mark.parametrize("protocol", ["grpc", "http/protobuf"])
def test_many_requests_go_over_few_connections(ecspan, relay, collector, tmp_path, protocol):
    batch.write(tmp_path / "tasks.jsonl", 3_000)
    receiver = relay(collector.grpc if protocol == "grpc" else collector.http)
    sent = ecspan("export", tmp_path / "tasks.jsonl", "--endpoint", receiver.url, "--protocol", protocol)
    assert sent.code == 0, sent
    assert receiver.connections <= (1 if protocol == "grpc" else few(SENT))
