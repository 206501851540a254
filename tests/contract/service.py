"""A small service that environments are tried with; it runs under any Python from 3.8 on, with nothing installed."""

import os
import signal
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = os.environ.get("NAME", "nobody").encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_words: object) -> None:
        pass


def main() -> int:
    port, ways = int(sys.argv[1]), sys.argv[2:]
    print("to standard output", flush=True)
    print("to standard error", file=sys.stderr, flush=True)
    for way in ways:
        if way.startswith("exit="):
            return int(way.partition("=")[2])
    server = ThreadingHTTPServer(("0.0.0.0", port), Handler)  # noqa: S104 - as a product does
    if "child" in ways:
        subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)", "left-behind"], start_new_session=True)
    if "deaf" in ways:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    else:
        signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
    held = bytearray(32_000_000) if "memory" in ways else b""
    server.serve_forever(poll_interval=0.05)
    print("it ended as it was asked to, holding", len(held), "bytes", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
