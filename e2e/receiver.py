"""A scripted OTLP/HTTP receiver: its answers are written down beforehand, its requests are kept."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Receiver:
    """`script` holds (status, headers, body) in order; a request that is not in the script answers 500 and is
    remembered in `unscripted`, which a test looks at."""

    def __init__(self, *script):
        self.script, self.requests, self.unscripted = list(script), [], 0
        lock = threading.Lock()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                with lock:
                    receiver.requests.append((self.path, dict(self.headers), body))
                    if receiver.script:
                        status, headers, answer = receiver.script.pop(0)
                    else:
                        receiver.unscripted += 1
                        status, headers, answer = 500, {}, b"not in the script"
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()
