"""A scripted HTTP/2 peer, frame by frame: what stands before a gRPC receiver, and receivers that end calls below gRPC."""

import socket
import struct

from receiver import Raw, Script

DATA, HEADERS, RESET, SETTINGS, PING, GO_AWAY, WINDOW = 0, 1, 3, 4, 6, 7, 8
END_STREAM, END_HEADERS, ACK = 1, 4, 1
REFUSED_STREAM = 7


def http(status, headers=(), body=b""):
    """An answer of HTTP."""

    def answer(connection, stream):
        connection.headers(stream, [(":status", str(status)), *dict(headers).items()], is_end=not body)
        if body:
            connection.data(stream, body, is_end=True)

    return answer


def grpc(message=b"", status=0, text=""):
    """An answer of gRPC."""

    def answer(connection, stream):
        connection.headers(stream, [(":status", "200"), ("content-type", "application/grpc")])
        connection.data(stream, b"\0" + struct.pack(">I", len(message)) + message)
        connection.headers(stream, [("grpc-status", str(status)), ("grpc-message", text)], is_end=True)

    return answer


def refused(connection, stream):
    """The call was not looked at."""
    connection.frame(RESET, 0, stream, struct.pack(">I", REFUSED_STREAM))


def go_away(connection, _stream):
    """No call of the connection was looked at."""
    connection.frame(GO_AWAY, 0, 0, struct.pack(">II", 0, 0))
    connection.close()


class Http2(Script, Raw):
    """A step is what `http` and `grpc` make, `refused` or `go_away`."""

    def __init__(self, *script, always=None):
        Script.__init__(self, script, always)
        Raw.__init__(self, self.handle)

    def handle(self, accepted):
        try:
            connection = Connection(accepted)
            while True:
                stream, body = connection.call()
                (self.next(body) or http(500, {}, b"not in the script"))(connection, stream)
        except OSError:
            # The client hangs up, or the step does.
            accepted.close()


class Connection:
    def __init__(self, accepted):
        self.socket, self.file = accepted, accepted.makefile("rb")
        self.bodies, self.ended = {}, []
        #: What may be sent, by stream; 0 is the connection.
        self.windows, self.initial = {0: 65_535}, 65_535
        assert self.exactly(24).startswith(b"PRI * HTTP/2.0")
        self.frame(SETTINGS, 0, 0, b"")

    def exactly(self, count):
        found = self.file.read(count)
        if len(found) < count:
            raise OSError("the client has hung up")
        return found

    def frame(self, kind, flags, stream, payload):
        self.socket.sendall(struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload)

    def close(self):
        self.socket.shutdown(socket.SHUT_WR)

    def call(self):
        """The next call that is there whole: its stream and body."""
        while not self.ended:
            self.read()
        stream = self.ended.pop(0)
        return stream, self.bodies.pop(stream)

    def read(self):
        length, kind, flags, stream = struct.unpack(">IBBI", b"\0" + self.exactly(9))
        payload = self.exactly(length)
        if kind == SETTINGS and not flags & ACK:
            for name, value in struct.iter_unpack(">HI", payload):
                if name == 4:
                    self.windows = {stream: left + (value - self.initial if stream else 0) for stream, left in self.windows.items()}
                    self.initial = value
            self.frame(SETTINGS, ACK, 0, b"")
        elif kind == PING and not flags & ACK:
            self.frame(PING, ACK, 0, payload)
        elif kind == WINDOW:
            self.windows[stream] = self.windows.get(stream, self.initial) + struct.unpack(">I", payload)[0]
        elif kind == RESET:
            raise OSError("the client has had enough")
        elif kind in (HEADERS, DATA):
            self.windows.setdefault(stream, self.initial)
            self.bodies[stream] = self.bodies.get(stream, b"") + (payload if kind == DATA else b"")
            if kind == DATA and payload:
                for whose in (0, stream):
                    self.frame(WINDOW, 0, whose, struct.pack(">I", len(payload)))
            if flags & END_STREAM:
                self.ended.append(stream)

    def headers(self, stream, headers, is_end=False):
        # Literals without an index, as they are.
        text = lambda value: bytes([len(value)]) + value.encode()
        block = b"".join(b"\0" + text(name.lower()) + text(value) for name, value in headers)
        self.frame(HEADERS, END_HEADERS | (END_STREAM if is_end else 0), stream, block)

    def data(self, stream, body, is_end=False):
        while True:
            room = min(16_384, self.windows[0], self.windows[stream])
            if room <= 0 < len(body):
                self.read()
                continue
            part, body = body[:room], body[room:]
            for whose in (0, stream):
                self.windows[whose] -= len(part)
            self.frame(DATA, END_STREAM if is_end and not body else 0, stream, part)
            if not body:
                return
