"""The door to the product: what an answer must be, and that no answer of a product can break the lab."""

import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from lab.errors import UsageError
from lab.history import History, Recorder
from lab.lifecycle.actions import rendered
from lab.lifecycle.http import MOST_LEVELS, Door, HttpResult
from lab.product.actions import Answer, Request
from lab.redact import Redactor


class Product(BaseHTTPRequestHandler):
    """A product that gives its own path, method and key back."""

    def do_GET(self) -> None:
        if self.path == "/closes":
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        body = f'{{"path": "{self.path}", "method": "{self.command}", "key": "{self.headers["x-key"]}"}}'.encode()
        self.send_response(404 if self.path == "/missing" else 200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_DELETE = do_GET  # noqa: N815 - the server's name for it

    def log_message(self, *_arguments: Any) -> None:
        return


@pytest.fixture
def address() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), Product) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join(20)


@pytest.fixture
def events(tmp_path: Path) -> Path:
    return tmp_path / "events.ndjson"


def sent(address: str, events: Path, request: Request, **how: Any) -> HttpResult:
    record = Recorder(events, Redactor.of(["topsecret"]))
    door = Door(address, record)
    result = door.send(request, 20, **how)
    door.close()
    record.close()
    return result


def answer(body: bytes, status: int | None = 200, error: str = "") -> HttpResult:
    return HttpResult(status, body, error, 0.1)


def nested(levels: int) -> bytes:
    return (
        b"[" * (levels // 2)
        + b'{"x": ' * (levels - levels // 2)
        + b"1"
        + b"}" * (levels - levels // 2)
        + b"]" * (levels // 2)
    )


def test_an_answer_that_could_not_be_written_into_the_history_is_no_json() -> None:
    assert answer(nested(MOST_LEVELS)).json is not None
    assert answer(nested(MOST_LEVELS + 1)).json is None
    assert answer(b"[" * (MOST_LEVELS + 1) + b"]" * (MOST_LEVELS + 1)).json is None


def test_an_answer_as_promised_has_no_problem(address: str, events: Path) -> None:
    result = sent(address, events, Request(method="DELETE", path="/x", headers={"x-key": "topsecret"}))
    promised = {"method": "DELETE", "path": "/x", "key": "topsecret"}
    assert result.problem(Answer.model_validate({"json": promised})) == ""


def test_every_request_leaves_an_event_without_secrets(address: str, events: Path) -> None:
    sent(address, events, Request(path="/x", headers={"x-key": "topsecret"}), event="probe")
    event = History.read(events).events[-1]
    assert (event["event"], event["method"], event["path"], event["status"]) == ("probe", "GET", "/x", 200)
    assert "topsecret" not in events.read_text()


def test_another_status_is_a_problem_with_the_answer(address: str, events: Path) -> None:
    problem = sent(address, events, Request(path="/missing")).problem(Answer(status=[200, 201]))
    assert problem.startswith("status 404 instead of 200 or 201: {")


@pytest.mark.parametrize("path", ["/closes", "http://127.0.0.1:bad/"])
def test_no_answer_is_a_result_without_status_and_never_an_exception(address: str, events: Path, path: str) -> None:
    result = sent(address, events, Request(path=path))
    assert result.status is None
    assert result.problem(Answer()) == result.error != ""
    assert History.read(events).events[-1]["error"] == result.error


@pytest.mark.parametrize(
    "request_",
    [
        Request(method="POST", path="/x", json={"a": float("nan")}),
        Request(path="/x", headers={"x": "gr\u00fc\u00dfe"}),
        Request(method="POST", path="/x", json={"a": "\ud800"}),
        Request(path="/").model_copy(update={"path": "/\ud800"}),
    ],
)
def test_a_request_that_cannot_be_written_is_no_hang(address: str, events: Path, request_: Request) -> None:
    result = sent(address, events, request_)
    assert result.status is None
    assert result.seconds < 5
    assert result.error.startswith(("ValueError", "UnicodeEncodeError"))
    assert History.read(events).events[-1]["error"] == result.error


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"headers": {"x": "{saved.a}"}}, "GET /x cannot be sent: headers.x: a header's value is"),
        ({"headers": {"{saved.a}": "a"}}, "GET /x cannot be sent: headers.\u00fc\ud800: '\u00fc\ud800' is no name of"),
        ({"json": {"a": ["{saved.a}"]}}, "GET /x cannot be sent: json.a.0: this text holds a character that UTF-8"),
        (
            {"json": {"{saved.a}": 1}},
            "GET /x cannot be sent: json.\u00fc\ud800: this text holds a character that UTF-8",
        ),
    ],
)
def test_a_value_with_which_a_request_cannot_be_sent_is_nothing_that_the_product_did(
    asked: dict[str, Any], said: str
) -> None:
    with pytest.raises(UsageError) as caught:
        rendered(Request.model_validate({"path": "/x", **asked}), {"saved.a": "\u00fc\ud800"})
    assert caught.value.message.startswith(said)


def test_a_port_without_a_listener_is_no_answer(events: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        result = sent(f"http://127.0.0.1:{taken.getsockname()[1]}", events, Request(path="/"))
    assert "ConnectError" in result.problem(Answer())


@pytest.mark.parametrize(
    ("body", "expected", "said"),
    [
        (b'{"a": {"b": [1, 2]}}', {"a.b.#": 2, "a.b.1": 2}, ""),
        (b'{"a": 1}', {"a": 2}, "a is 1 instead of 2"),
        (b'{"a": 1}', {"a": True}, "a is 1 instead of True"),
        (b'{"a": true}', {"a": 1}, "a is True instead of 1"),
        (b'{"a": "1"}', {"a": 1}, "a is '1' instead of 1"),
        (b"not json", {"a": 1}, "a is None instead of 1"),
        (b"[" * 200_000, {"a": 1}, "a is None instead of 1"),
        (b'{"a": 1, "b": %s}' % nested(500), {"a": 1}, "a is None instead of 1"),
        (b'{"a": 1, "b": %s}' % nested(MOST_LEVELS - 1), {"a": 1}, ""),
        (b"\xff\xfe", {"a": 1}, "a is None instead of 1"),
    ],
)
def test_each_value_must_be_as_promised(body: bytes, expected: dict[str, Any], said: str) -> None:
    assert answer(body).problem(Answer.model_validate({"json": expected})) == said


def test_an_excerpt_is_short_and_never_breaks() -> None:
    assert answer("naïve".encode() * 1000).excerpt(7) == "naïvena"
    assert answer(b"\xff" * 10).excerpt(2) == "\ufffd\ufffd"
