"""A server between an SDK and the mock that spoils the answers."""

import http.server
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager

from tests.sdk_matrix.measuring import Addresses

Spoil = Callable[[bytes], bytes]
PATIENCE = 20
_open = urllib.request.build_opener(urllib.request.ProxyHandler({})).open
# Each connection has one request and each answer is whole: neither these nor the length are true any more.
NOT_PASSED_ON = {"connection", "content-length", "transfer-encoding", "keep-alive"}


@contextmanager
def spoiled(mock: Addresses, spoil: Spoil, *, without: Collection[str] = ()) -> Iterator[Addresses]:
    """Give addresses of the same mock, whose every answer to a product goes through `spoil`, and lacks some headers."""
    not_passed_on = NOT_PASSED_ON.union(without)

    class Between(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            headers = {name: value for name, value in self.headers.items() if name.lower() != "host"}
            asked = urllib.request.Request(mock.providers + self.path, body, headers, method=self.command)  # noqa: S310
            try:
                answer = _open(asked, timeout=PATIENCE)
            except urllib.error.HTTPError as error:
                answer = error
            with answer:
                self._pass_on(answer.status, answer.headers.items(), spoil(answer.read()))

        def do_GET(self) -> None:
            self.do_POST()

        def _pass_on(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
            self.send_response(status)
            for name, value in headers:
                if name.lower() not in not_passed_on:
                    self.send_header(name, value)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *_arguments: object) -> None:  # noqa: A002
            """Say nothing."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Between) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield Addresses(f"http://127.0.0.1:{server.server_port}", mock.control)
        finally:
            server.shutdown()
            thread.join()
