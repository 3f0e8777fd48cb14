"""A forward proxy on loopback: it connects (`CONNECT`) and passes requests on, or answers itself as it is told."""

import base64
import socket
import threading
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

#: What of a proxy's URL is nobody's business.
PASSWORD = "hunter22-of-the-proxy"
PAGE = b"<html><head><title>Blocked by policy</title></head><body>no</body></html>"


class Proxy:
    """`answers` is what it answers instead of passing on: (status, content type, body); `user` is whom it lets through. `seen` has a
    line a request: (method, target)."""

    def __init__(self, answers=None, user=None):
        self.answers, self.user, self.seen = answers, user, []
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_any(self):
                proxy.seen.append((self.command, self.path))
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                wanted = proxy.user and "Basic " + base64.b64encode(proxy.user.encode()).decode()
                if wanted and self.headers.get("Proxy-Authorization") != wanted:
                    given = self.headers.get("Proxy-Authorization", "nothing")
                    return self.say(407, "text/html", f"<title>who are you? {given}</title>".encode())
                if proxy.answers:
                    return self.say(*proxy.answers)
                if self.command == "CONNECT":
                    return self.tunnel()
                url = urlsplit(self.path)
                connection = HTTPConnection(url.hostname, url.port, timeout=60)
                headers = {name: value for name, value in self.headers.items() if not name.lower().startswith("proxy-")}
                try:
                    connection.request(self.command, url.path + ("?" + url.query if url.query else ""), body, headers)
                    answer = connection.getresponse()
                    self.say(answer.status, answer.headers.get("Content-Type", ""), answer.read(), answer.headers)
                except OSError:
                    self.say(502, "text/html", b"<title>cannot reach it</title>")
                finally:
                    connection.close()

            do_CONNECT = do_POST = do_GET = do_PUT = handle_any

            def say(self, status, content_type, body, more=None):
                self.send_response(status)
                for name, value in (more or {}).items():
                    if name.lower().startswith("x-"):
                        self.send_header(name, value)
                self.send_header("Content-Type", content_type)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def tunnel(self):
                host, port = self.path.rsplit(":", 1)
                try:
                    there = socket.create_connection((host.strip("[]"), int(port)), timeout=60)
                except OSError:
                    return self.say(502, "text/html", b"<title>cannot reach it</title>")
                self.wfile.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
                self.wfile.flush()
                back = threading.Thread(target=pump, args=[there, self.connection], daemon=True)
                back.start()
                pump(self.connection, there)
                back.join()
                there.close()
                self.close_connection = True

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.address = f"127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def url(self):
        return f"http://{self.address}"

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


def pump(source, sink):
    """Until either end has had enough."""
    try:
        while data := source.recv(65536):
            sink.sendall(data)
    except OSError:
        pass
    for end in (source, sink):
        try:
            end.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
