"""The LLM mock's journal at a trial's end: what was refused, and whether all of it is there."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from llm_sample import USE

from lab import trial
from lab.checks.calls import unexpected_calls
from lab.environment.base import Environment
from lab.environment.mock_journal import JOURNAL, UNREADABLE, fetch_journal
from lab.history import History, Recorder, StepRecord
from lab.lifecycle.llm_calls import Calls, over, read_calls
from lab.redact import Redactor
from lab.trial import TrialPlan

REFUSED = {"provider": "cohere", "method": "POST", "path": "/v2/chat"}


def lines(*entries: dict[str, Any]) -> bytes:
    return b"".join(json.dumps(entry).encode() + b"\n" for entry in entries)


def entry(seq: int, outcome: str = "answered", **more: Any) -> dict[str, Any]:
    return {"seq": seq, "outcome": outcome, **more}


def test_a_whole_journal_says_what_was_refused() -> None:
    assert read_calls(b"") == Calls([])
    assert read_calls(lines(entry(1), entry(2, "unmatched", **REFUSED), entry(3))) == Calls([REFUSED])


@pytest.mark.parametrize(
    ("journal", "missing"),
    [
        (lines(entry(4)), "it begins with request 4: what came before was dropped"),
        (lines(entry(1), entry(4)), "it lacks 2 requests before request 4"),
        (lines(entry(1), entry(2), entry(2)), "request 2 stands in it after request 2"),
        (lines(entry(1)) + b'{"seq": 2, "outco', "its last line is cut short"),
        (lines(entry(1)) + b"half\n" + lines(entry(3)), "its line 2 cannot be read"),
        (lines(entry(1)) + b"[]\n", "its line 2 cannot be read"),
        (b'{"detail": "Forbidden"}', "its last line is cut short"),
        (b'{"detail": "Forbidden"}\n', "its line 1 cannot be read"),
        (b"[" * 200_000 + b"\n", "its line 1 cannot be read"),
        (
            lines(*map(entry, (3, 5, 7, 9, 11))),
            (
                "it begins with request 3: what came before was dropped, it lacks 1 request before request 5, "
                "it lacks 1 request before request 7, and 2 gaps more"
            ),
        ),
    ],
)
def test_a_journal_that_is_not_whole_says_why(journal: bytes, missing: str) -> None:
    assert read_calls(journal).missing == missing


def test_what_stands_in_a_journal_that_is_not_whole_counts_all_the_same() -> None:
    assert read_calls(lines(entry(5, "unmatched", **REFUSED)) + b"half").unmatched == [REFUSED]


def conversed(last: int | None, *claims: str) -> StepRecord:
    """A step with conversations that ended so, numbered from 1."""
    told = [{"word": f"subject{number:04d}x", "claim": claim} for number, claim in enumerate(claims, start=1)]
    return StepRecord("1", "converse", {}, "done", facts={"cases": told} | ({} if last is None else {"last": last}))


def test_a_conversation_is_over_that_the_product_has_answered() -> None:
    steps = [conversed(7, "answer", "late", "failure"), StepRecord("2", "stop", {}, "done")]
    assert over(steps) == {"subject0001x": 7, "subject0003x": 7}
    assert over([conversed(None, "answer")]) == {}  # it did not come to its end


@pytest.mark.parametrize(
    ("more", "is_late"),
    [
        ({"last_user": "Tell me about subject0001x."}, True),
        ({"last_user": "Tell me about subject0001x.", "outcome": "unmatched"}, True),
        ({"last_user": "Tell me about subject0002x."}, False),  # it is not over
        ({"last_user": "And now?", "texts": ["Tell me about subject0001x."]}, False),  # it is remembered
        ({"last_user": "Tell me about subject0001x.", "endpoint": "embeddings"}, False),
        ({"last_user": None}, False),
    ],
)
def test_a_request_for_a_conversation_that_was_over_is_late(more: dict[str, Any], is_late: bool) -> None:
    asked = {"endpoint": "chat", "provider": "openai", "model": "m", "method": "POST", "path": "/", **more}
    told = read_calls(lines(entry(1, **asked), entry(2, **asked)), {"subject0001x": 1})
    assert told.late == (({"word": "subject0001x", "provider": "openai", "model": "m"},) if is_late else ())
    assert read_calls(lines(entry(1, **asked), entry(2, **asked))).late == ()


@contextmanager
def control(status: int, body: bytes, length: int | None = None) -> Iterator[str]:
    """Serve an answer of a control plane."""

    class Plane(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status if self.path == "/journal.ndjson" else 404)
            self.send_header("content-length", str(len(body) if length is None else length))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_arguments: Any) -> None:
            return

    with HTTPServer(("127.0.0.1", 0), Plane) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join(20)


def test_a_journal_is_fetched_as_it_is() -> None:
    with control(200, lines(entry(1))) as address:
        assert fetch_journal(address) == {JOURNAL: lines(entry(1))}


@pytest.mark.parametrize(
    ("status", "body", "length"),
    [(403, b'{"detail": "Forbidden"}', None), (500, b"", None), (200, lines(entry(1)), 500)],
)
def test_a_refusal_and_half_an_answer_are_no_journal(status: int, body: bytes, length: int | None) -> None:
    with control(status, body, length) as address:
        (name,) = fetch_journal(address)
    assert name == UNREADABLE


def test_nobody_who_answers_is_no_journal() -> None:
    with control(200, b"") as address:
        pass
    (why,) = fetch_journal(address).values()
    assert why.strip()


def verdicts(folder: Path, found: dict[str, bytes], *, started: bool = True, speaks: bool = True) -> list[str]:
    """Return the verdicts of `calls` after a trial whose environment collected this."""
    record = Recorder(folder / "events.ndjson", Redactor.of([]))
    if started:
        with record.step(1, "start", {}):
            pass
    environment = SimpleNamespace(collect=lambda: found)
    definitions = {"to": SimpleNamespace(llm=USE if speaks else None)}
    setting = SimpleNamespace(sealed=False, definitions=definitions)
    plan = SimpleNamespace(folder=folder, setting=setting)
    trial._collect(cast("TrialPlan", plan), cast("Environment", environment), record)
    record.close()
    return [result.verdict for result in unexpected_calls(History.read(folder / "events.ndjson"))]


@pytest.mark.parametrize(
    ("found", "wanted"),
    [
        ({JOURNAL: b""}, []),
        ({JOURNAL: lines(entry(1), entry(2))}, []),
        ({JOURNAL: lines(entry(1, "unmatched", **REFUSED))}, ["fail"]),
        ({JOURNAL: lines(entry(1), entry(3))}, ["unknown"]),
        ({JOURNAL: lines(entry(1)) + b"half"}, ["unknown"]),
        ({UNREADABLE: b"connection refused\n"}, ["unknown"]),
        ({}, ["unknown"]),
    ],
)
def test_without_the_whole_journal_a_trial_does_not_show_what_was_asked(
    found: dict[str, bytes], wanted: list[str], tmp_path: Path
) -> None:
    assert verdicts(tmp_path, found) == wanted


def test_a_product_that_was_not_started_or_asks_no_models_needs_no_journal(tmp_path: Path) -> None:
    assert verdicts(tmp_path / "unstarted", {}, started=False) == []
    assert verdicts(tmp_path / "silent", {}, speaks=False) == []
