"""A receiver that is a process of its own, so that it can be killed: OTLP JSON over HTTP. It answers when the request is in
its file, as a receiver that loses nothing would. `store.py PORT FILE [unstable]`; unstable: every third request is answered
with 503 or with nothing at all."""

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

from http_server import HttpServer
from servers import READY_WITHIN, free_port, listens
from waiting import wait_until

JSON = {"Content-Type": "application/json"}


class Store:
    def __init__(self, file, unstable=False, port=None):
        self.port = port or free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.process = subprocess.Popen([sys.executable, __file__, str(self.port), str(file), *(["unstable"] if unstable else [])])
        wait_until("the store to start", lambda: listens(self.port), READY_WITHIN, process=self.process)

    def kill(self):
        self.process.kill()
        self.process.wait()


def main(port, path, unstable):
    count = 0
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    # A line that the one before did not live to finish: the next is not to be a part of it.
    os.ftruncate(file, Path(path).read_bytes().rfind(b"\n") + 1)

    def answer(_, headers, body):
        nonlocal count
        count += 1
        if unstable and count % 3 == 0:
            if count % 2:
                return 503, JSON, b"{}"
            # Taken, and never said: the outcome is unknown.
            os.write(file, body + b"\n")
            return HttpServer.HANG_UP
        os.write(file, body + b"\n")
        # Long enough for a run to be killed in the middle.
        time.sleep(0.02 if unstable else 0)
        return 200, JSON, b"{}"

    HttpServer(answer, port=port)
    threading.Event().wait()


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], "unstable" in sys.argv)
