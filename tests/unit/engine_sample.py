"""An engine of a few lines, which docker-py speaks to as to any other: it keeps containers, images and volumes."""

import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

Answer = tuple[int, Any]
"""Status and content: bytes as they are, a tuple of them one after the other, anything else as JSON."""
EXITED = {"Status": "exited", "ExitCode": 0, "Running": False}


class SampleEngine:
    """What it has, what it was asked, and what it answers differently: by method and beginning of a path.

    None there means that it answers as ever, after what was done meanwhile.
    """

    def __init__(self) -> None:
        self.containers: dict[str, dict[str, Any]] = {}
        self.made: dict[str, dict[str, Any]] = {}
        self.images: dict[str, dict[str, Any]] = {}
        self.volumes: dict[str, dict[str, str]] = {}
        self.different: dict[str, Callable[[], Answer | None]] = {}
        self.headers: dict[str, str] = {}
        self.asked: list[str] = []
        self.address = ""

    def add(self, identity: str, labels: dict[str, str]) -> None:
        self.containers[identity] = {"Id": identity, "Labels": labels, "State": "running", "Names": [f"/{identity}"]}

    def answer(self, method: str, path: str, query: dict[str, list[str]], body: Any) -> Answer:
        self.asked.append(f"{method} {path}")
        for beginning, differently in self.different.items():
            if f"{method} {path}".startswith(beginning) and (told := differently()) is not None:
                return told
        if method == "GET":
            return self._told(path, json.loads(query.get("filters", ["{}"])[0]).get("label", []))
        if path == "/containers/create":
            identity = query.get("name", [f"made-{len(self.containers)}"])[0]
            self.add(identity, body.get("Labels") or {})
            self.made[identity] = body
            return 201, {"Id": identity}
        if method == "DELETE":
            kind, _, name = path.strip("/").partition("/")
            kept: dict[str, Any] = getattr(self, kind)
            return (200, []) if kept.pop(name, None) is not None else _missing(name)
        return 204, b""

    def _told(self, path: str, wanted: Any) -> Answer:
        listed: dict[str, Any] = {
            "/version": {"ApiVersion": "1.41"},
            "/info": {"CgroupVersion": "2", "SecurityOptions": ["name=apparmor"]},
            "/containers/json": [each for each in self.containers.values() if _carries(each["Labels"], wanted)],
            "/images/json": [each for each in self.images.values() if _carries(each.get("Labels", {}), wanted)],
            "/volumes": {"Volumes": [
                {"Name": name, "Labels": labels} for name, labels in self.volumes.items() if _carries(labels, wanted)
            ]},
            "/networks": [],
        }  # fmt: skip
        listed |= {f"/images/{name}/json": image for name, image in self.images.items()}
        for name in self.containers:
            listed[f"/containers/{name}/json"] = {"Id": name, "State": EXITED, "Config": {"Tty": False}}
        return (200, listed[path]) if path in listed else _missing(path)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def __init__(self, engine: SampleEngine, *words: Any) -> None:
        self.engine = engine
        super().__init__(*words)

    def _answer(self) -> None:
        asked = urlsplit(self.path)
        path = re.sub(r"^/v[\d.]+", "", unquote(asked.path))
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        told = json.loads(body) if body.startswith(b"{") else {}
        status, content = self.engine.answer(self.command, path, parse_qs(asked.query), told)
        try:
            self.send_response(status)
            headers = {"Connection": "close", "Content-Type": "application/json", **self.engine.headers}
            for name, value in headers.items():
                self.send_header(name, value)
            if isinstance(content, tuple):
                self._send_pieces(content)
                return
            sent = content if isinstance(content, bytes) else json.dumps(content).encode()
            self.send_header("Content-Length", str(len(sent)))
            self.end_headers()
            self.wfile.write(sent)
        except OSError:
            return  # whoever asked waits no longer

    def _send_pieces(self, pieces: tuple[bytes, ...]) -> None:
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for piece in (*pieces, b""):
            self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def do_PUT(self) -> None:
        self._answer()

    def do_DELETE(self) -> None:
        self._answer()

    def log_message(self, *_words: Any) -> None:
        """Say nothing."""


@contextmanager
def sample_engine() -> Iterator[SampleEngine]:
    """Let one answer on a port of this host."""
    engine = SampleEngine()
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_Handler, engine)) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        engine.address = f"tcp://127.0.0.1:{server.server_address[1]}"
        try:
            yield engine
        finally:
            server.shutdown()
            thread.join()


def _missing(name: str) -> Answer:
    return 404, {"message": f"No such image, container or volume: {name}"}


def _carries(labels: dict[str, str], wanted: Any) -> bool:
    names = [wanted] if isinstance(wanted, str) else wanted
    return all(labels.get(name) == value if equals else name in labels
               for name, equals, value in (each.partition("=") for each in names))  # fmt: skip
