"""Scripted OTLP receivers: their answers are written down beforehand, their requests are kept. Over HTTP (`Receiver`), over
gRPC (`GrpcReceiver`), and those that break below either (`Raw`)."""

import datetime
import socket
import ssl
import struct
import threading
import time
from concurrent import futures

import grpc
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from http_server import HttpServer


class Script:
    """Steps in order. What is not in the script is remembered in `unscripted`, which a test looks at; `always` is what comes
    after the last step."""

    def __init__(self, steps, always=None):
        self.steps, self.always = list(steps), always
        self.requests, self.times, self.unscripted = [], [], 0
        self.lock = threading.Lock()

    def next(self, request):
        with self.lock:
            self.requests.append(request)
            self.times.append(time.monotonic())
            if self.steps:
                return self.steps.pop(0)
            self.unscripted += self.always is None
            return self.always


class Receiver(Script, HttpServer):
    """Over HTTP. A step is (status, headers, body); a request that is not in the script answers 500."""

    def __init__(self, *script, always=None):
        Script.__init__(self, script, always)
        HttpServer.__init__(self, self.answer)

    def answer(self, path, headers, body):
        return self.next((path, dict(headers), body)) or (500, {}, b"not in the script")


class GrpcReceiver(Script):
    """Over gRPC. A step is the bytes of an answer, or (code, message, seconds to wait or None)."""

    def __init__(self, *script, always=None):
        super().__init__(script, always)

        def export(request, context):
            step = self.next(request)
            if isinstance(step, bytes):
                return step
            code, message, wait = step or (grpc.StatusCode.INTERNAL, "not in the script", None)
            if wait is not None:
                context.set_trailing_metadata([("grpc-status-details-bin", retry_info(code, wait))])
            context.abort(code, message)

        self.server = grpc.server(futures.ThreadPoolExecutor(8))
        self.server.add_generic_rpc_handlers([
            grpc.method_handlers_generic_handler(
                "opentelemetry.proto.collector.trace.v1.TraceService", {"Export": grpc.unary_unary_rpc_method_handler(export)}
            )
        ])
        port = self.server.add_insecure_port("127.0.0.1:0")
        self.url = f"http://127.0.0.1:{port}"
        self.server.start()

    def stop(self):
        self.server.stop(None).wait()


def field(number, body):
    """A length-delimited field of a protocol buffer."""
    return bytes([number << 3 | 2, len(body)]) + body


def varint(number):
    """An integer of a protocol buffer."""
    out = b""
    while number > 127:
        out, number = out + bytes([number & 127 | 128]), number >> 7
    return out + bytes([number])


def retry_info(code, seconds):
    """`google.rpc.Status` with `google.rpc.RetryInfo`, without the message: that may fill the header beside it."""
    duration = bytes([1 << 3]) + varint(seconds)
    detail = field(1, b"type.googleapis.com/google.rpc.RetryInfo") + field(2, field(1, duration))
    return bytes([1 << 3, code.value[0]]) + field(3, detail)


def partial(rejected, message):
    """`ExportTraceServiceResponse` with a partial success."""
    body = (bytes([1 << 3]) + varint(rejected % (1 << 64)) if rejected else b"") + (field(2, message.encode()) if message else b"")
    return field(1, body)


class Raw:
    """A TCP server on a free port, for those that break: `handle` has each connection, in a thread of its own."""

    def __init__(self, handle):
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        self.connections, self.open = 0, []
        threading.Thread(target=self.serve, args=[handle], daemon=True).start()

    def serve(self, handle):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            self.connections += 1
            self.open.append(connection)
            threading.Thread(target=handle, args=[connection], daemon=True).start()

    def stop(self):
        # What waits in accept would keep the port.
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for connection in self.open:
            connection.close()


def resetting():
    """Ends each connection with a reset, the request half read."""

    def handle(connection):
        connection.recv(64)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.close()

    return Raw(handle)


def black_hole():
    """Takes connections and never answers."""
    return Raw(lambda connection: None)


def in_http1(status, headers="", body=""):
    """Answers the begin of each connection in HTTP/1.1, whatever it is, and hangs up as servers do: its own side first."""

    def handle(connection):
        connection.recv(24)
        connection.sendall(f"HTTP/1.1 {status}\r\n{headers}Content-Length: {len(body)}\r\n\r\n{body}".encode())
        connection.shutdown(socket.SHUT_WR)
        while connection.recv(4_096):
            pass

    return Raw(handle)


def silent_in_tls():
    """Takes connections, and never answers the begin of a handshake."""
    raw = black_hole()
    raw.url = raw.url.replace("http://127.0.0.1", "https://localhost")
    return raw


def of_unknown_authority(folder):
    """Speaks TLS with a certificate that nobody has signed but itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.timezone.utc)
    certificate = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(1)
        .not_valid_before(now - datetime.timedelta(hours=1)).not_valid_after(now + datetime.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), False).sign(key, hashes.SHA256())
    )
    pem, private = folder / "certificate.pem", folder / "key.pem"
    pem.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    encoding = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    private.write_bytes(key.private_bytes(*encoding))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem, private)
    context.set_alpn_protocols(["h2", "http/1.1"])

    def handle(connection):
        try:
            context.wrap_socket(connection, server_side=True).recv(1)
        except OSError:
            # The client hangs up: that is the test.
            pass

    raw = Raw(handle)
    raw.url = raw.url.replace("http://127.0.0.1", "https://localhost")
    return raw
