"""The step `converse`, with a real LLM mock and a product made for each test."""

import json
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import httpx
import pytest
from llm_mock.running import RunningMock, running_mock

from lab.environment.base import Log, ServiceState
from lab.errors import InfrastructureError
from lab.history import History, Recorder, StepRecord
from lab.lifecycle import converse as converses
from lab.lifecycle import http
from lab.lifecycle.converse import converse
from lab.lifecycle.http import Door
from lab.lifecycle.setting import Session
from lab.product.llm import LlmUse
from lab.redact import Redactor
from lab.scenario.steps import ConverseStep

Answer = Callable[["Handler"], None]
KEY = "sk-mock-openai"
STATE = ServiceState(running=True, pid=7, started_at="then")
LOGGED = "{llm.provider}: failed"


class Handler(BaseHTTPRequestHandler):
    """One request to the product, which asks the mock what it is asked, and then answers as the test says."""

    said: str | None

    def do_POST(self) -> None:
        server = cast("Product", self.server)
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        body = {"model": "m", "stream": True, "messages": [{"role": "user", "content": asked["prompt"]}]}
        answer = httpx.post(f"{server.models}/v1/chat/completions", json=body, trust_env=False,
                            headers={"authorization": f"Bearer {KEY}"})  # fmt: skip
        deltas = [json.loads(line[6:]) for line in answer.text.split("\n") if line.startswith("data: {")]
        texts = [each["choices"][0]["delta"].get("content") or "" for each in deltas if "choices" in each]
        self.said = "".join(texts) if answer.is_success else None
        server.answer(self)

    def events(self, *datas: Any, status: int = 200) -> None:
        """Send events, without telling beforehand how much comes; the connection's end is the answer's."""
        self.send_response(status)
        self.end_headers()
        for each in datas:
            self.wfile.write(f"data: {each if isinstance(each, str) else json.dumps(each)}\n\n".encode())

    def log_message(self, *_arguments: Any) -> None:
        return


class Product(ThreadingHTTPServer):
    """A product whose answers a test makes."""

    models = ""
    answer: Answer


def well(handler: Handler) -> None:
    """Pass on what the model says, or tell that it failed."""
    if handler.said is None:
        handler.events({"success": False}, "[DONE]")
    else:
        handler.events({"text": handler.said}, "[DONE]")


@dataclass
class Place:
    """What the environment knows of the product: states and logs in the order of looks, the last one for good."""

    states: list[ServiceState] = field(default_factory=lambda: [STATE])
    written: list[Log] = field(default_factory=lambda: [Log(b"", b"")])
    looks: int = 0

    def state(self) -> ServiceState:
        assert threading.current_thread() is threading.main_thread()
        self.looks += 1
        return self.states.pop(0) if len(self.states) > 1 else self.states[0]

    def logs(self) -> Log:
        return self.written.pop(0) if len(self.written) > 1 else self.written[0]


@dataclass
class Scene:
    """A product, the mock, and a history of what was done."""

    product: Product
    mock: RunningMock
    path: Path
    place: Place = field(default_factory=Place)

    def hold(self, answer: Answer, *faults: str, **more: Any) -> StepRecord:
        """Hold a step's conversations, streamed, with a product that answers so; return the step's record."""
        self.product.answer = answer
        record = Recorder(self.path, Redactor.of([]))
        step = ConverseStep.model_validate({"step": "converse", "modes": ["stream"], "faults": list(faults)})
        try:
            with record.step(1, "converse", {}) as facts:
                converse(self._session(record, **more), step, facts)
        finally:
            record.close()
        return self.step

    @property
    def step(self) -> StepRecord:
        (step,) = History.read(self.path).steps
        return step

    def _session(self, record: Recorder, **more: Any) -> Session:
        use = {
            "providers": {"openai": {"model": "m"}},
            "modes": {
                "stream": {
                    "request": {"method": "POST", "path": "/run", "json": {"prompt": "{llm.prompt}"}},
                    "events": "sse", "ends_with": "[DONE]", "text": "text",
                }
            },
            "failure": {"json": {"success": False}}, "retries": 0, "budget": 20, **more,
        }  # fmt: skip
        llm = SimpleNamespace(control_url=f"http://127.0.0.1:{self.mock.control_port}")
        session = SimpleNamespace(
            definition=SimpleNamespace(llm=LlmUse.model_validate(use), label="1"),
            setting=SimpleNamespace(secrets={"api-key": "lab-0123456789"}),
            environment=SimpleNamespace(product=self.place, services=SimpleNamespace(llm=lambda: llm)),
            http=Door(f"http://127.0.0.1:{self.product.server_port}", record),
            record=record,
            scope=dict,
            conversations=0,
        )
        return cast("Session", session)


@pytest.fixture(scope="module")
def shared_mock() -> Iterator[RunningMock]:
    with running_mock() as mock:
        yield mock


@pytest.fixture
def scene(shared_mock: RunningMock, tmp_path: Path) -> Iterator[Scene]:
    shared_mock.control.post("/reset").raise_for_status()
    with Product(("127.0.0.1", 0), Handler) as product:
        product.models = f"http://127.0.0.1:{shared_mock.port}"
        thread = threading.Thread(target=product.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield Scene(product, shared_mock, tmp_path / "events.ndjson")
        product.shutdown()
        thread.join(20)


def claims(step: StepRecord) -> list[tuple[str, str]]:
    return [(each["claim"], each["problem"]) for each in step.facts["cases"]]


def gone(**more: Any) -> list[ServiceState]:
    return [STATE, ServiceState(**{"running": False, "pid": 0, "started_at": "then", "exit_code": 139, **more})]


def without_a_byte(handler: Handler) -> None:
    handler.connection.shutdown(socket.SHUT_RDWR)


def begun(handler: Handler) -> None:
    """Begin a stream, and never end it."""
    handler.events({"text": "half"})


def test_what_the_model_said_and_that_it_failed_are_told_from_both_sides(scene: Scene) -> None:
    assert claims(scene.hold(well)) == [("answer", "")]
    scene.path.unlink()
    step = scene.hold(well, "failing")
    (said,) = step.facts["cases"]
    assert (said["claim"], [each["status"] for each in said["attempts"]]) == ("failure", [500])


@pytest.mark.parametrize("answer", [without_a_byte, begun])
def test_a_product_that_has_ended_tells_of_no_failure(scene: Scene, answer: Answer) -> None:
    scene.place = Place(gone())
    ((claim, problem),) = claims(scene.hold(answer, "failing"))
    assert claim == "neither"
    assert problem.startswith("the product had ended with exit code 139: ")


def test_nor_does_one_that_was_started_again_meanwhile(scene: Scene) -> None:
    scene.place = Place([STATE, ServiceState(running=True, pid=8, started_at="later")])
    assert claims(scene.hold(begun, "failing"))[0][0] == "neither"


def test_what_a_product_told_before_its_end_counts(scene: Scene) -> None:
    scene.place = Place(gone())
    assert claims(scene.hold(well, "failing"))[0][0] == "failure"


def test_a_stream_that_breaks_off_while_the_product_lives_is_a_failure_told(scene: Scene) -> None:
    assert claims(scene.hold(begun, "failing"))[0][0] == "failure"
    scene.path.unlink()
    assert claims(scene.hold(without_a_byte, "failing"))[0][0] == "neither"


def test_the_place_is_asked_twice_however_many_conversations_break_off(scene: Scene) -> None:
    scene.place = Place(gone())
    step = scene.hold(without_a_byte, "failing", "unauthorized", "disconnect", "truncate", "stream-error")
    assert {claim for claim, _ in claims(step)} == {"neither"}
    assert (len(step.facts["cases"]), scene.place.looks) == (5, 2)


def test_keys_and_secrets_are_searched_for_in_answers_which_are_not_kept(scene: Scene) -> None:
    def tells(handler: Handler) -> None:
        handler.events({"text": handler.said}, {"debug": [KEY, "lab-0123456789"]}, "[DONE]")

    step = scene.hold(tells)
    where = "the answer to openai, stream"
    assert step.facts["keys"] == [{"key": "sk-mock-ope…", "where": where}, {"secret": "api-key", "where": where}]
    assert "debug" not in json.dumps(step.facts)


def test_keys_and_secrets_are_searched_for_in_the_log(scene: Scene) -> None:
    scene.place.written = [Log(b"with lab-0123456789", f"with {KEY}".encode())]
    step = scene.hold(well)
    assert step.facts["log"] == {"stdout": 19, "stderr": 19, "missing": ""}
    assert step.facts["keys"] == [
        {"secret": "api-key", "where": "standard output"},
        {"key": "sk-mock-ope…", "where": "standard error"},
    ]


def test_a_log_that_cannot_be_read_is_known_as_such(scene: Scene) -> None:
    scene.place.written = [Log(b"", b"", "it cannot be read")]
    assert scene.hold(well).facts["log"]["missing"] == "it cannot be read"


def test_an_answer_that_was_cut_is_known_as_not_searched(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (http, converses):
        monkeypatch.setattr(module, "MOST_BYTES", 1000)
    step = scene.hold(lambda handler: handler.events("x" * 2000, "[DONE]"))
    assert step.facts["unsearched"] == ["the answer to openai, stream"]
    assert claims(step)[0][0] == "neither"


def test_lines_of_the_step_that_tell_of_failures_are_counted_beside_the_failures(scene: Scene) -> None:
    before = b"openai: failed long ago\n"
    scene.place.written = [Log(b"", before), Log(b"openai: failed\n", before + b"openai: failed\nopenai: well\n")]
    step = scene.hold(well, "failing", "unauthorized", logged=LOGGED)
    assert step.facts["logged"] == {"openai": {"lines": 2, "owed": 2}}


def test_a_line_that_is_on_its_way_is_waited_for(scene: Scene) -> None:
    scene.place.written = [Log(b"", b""), Log(b"", b""), Log(b"", b"openai: failed\n")]
    assert scene.hold(well, "failing", logged=LOGGED).facts["logged"] == {"openai": {"lines": 1, "owed": 1}}


def test_a_line_that_never_comes_is_not_waited_for_for_ever(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(converses, "LOG_SECONDS", 0.0)
    assert scene.hold(well, "failing", logged=LOGGED).facts["logged"] == {"openai": {"lines": 0, "owed": 1}}


def test_without_a_description_of_such_lines_none_is_counted(scene: Scene) -> None:
    assert scene.hold(well, "failing").facts["logged"] is None


def test_rules_that_took_no_call_are_told_by_their_conversation(scene: Scene) -> None:
    step = scene.hold(well, "rate-limit")
    assert "openai, stream, rate-limit: answer" in step.facts["unused"]
    assert "openai, stream, rate-limit: fault" not in step.facts["unused"]
    assert not [told for told in step.facts["unused"] if told.endswith((", any turn", "call again"))]


def test_endpoints_that_the_definition_names_besides_are_recorded(scene: Scene) -> None:
    assert scene.hold(well).facts["also"] == []


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ({"rule": "subject0001x call", "last_user": "subject0002x", "texts": ["subject0003x"]}, {"subject0001x"}),
        ({"rule": "what the product asks", "last_user": "of subject0002x", "texts": ["subject0003x"]},
         {"subject0002x"}),
        ({"rule": None, "last_user": "go on", "texts": ["subject0003x", "subject0004x"]},
         {"subject0003x", "subject0004x"}),
        ({"rule": None, "last_user": None, "texts": None}, set()),
    ],
)  # fmt: skip
def test_a_request_is_of_the_conversation_that_says_most_of_it(entry: dict[str, Any], words: set[str]) -> None:
    assert converses._words(entry) == words


def test_the_mock_says_afterwards_what_it_says_otherwise(scene: Scene) -> None:
    scene.hold(well)
    assert [each["name"] for each in scene.mock.control.get("/rules").json()["rules"]] == ["what the product asks"]


def broken_mock(refused: int) -> Callable[[Session], Any]:
    """Make a mock that fails while it is asked for its journal, and refuses an order for rules, by its number."""
    orders: list[Mapping[str, Any]] = []

    def set_rules(rules: Mapping[str, Any]) -> None:
        orders.append(rules)
        if len(orders) == refused:
            raise InfrastructureError("rules are refused")

    def entries(*_arguments: Any, **_named: Any) -> None:
        raise InfrastructureError("the journal was lost")

    @contextmanager
    def control(_session: Session) -> Iterator[Any]:
        yield SimpleNamespace(last=lambda: 0, set_rules=set_rules, entries=entries)

    return control


def test_what_went_wrong_first_is_told_and_what_went_wrong_after_it_is_beside_it(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(converses, "mock_control", broken_mock(refused=2))
    with pytest.raises(InfrastructureError, match="the journal was lost") as caught:
        scene.hold(well)
    notes = caught.value.__notes__
    assert [note.endswith("could not be put back either: rules are refused") for note in notes] == [True]
    assert [each["message"] for each in History.read(scene.path).events if each["event"] == "not-undone"] == [
        "rules are refused"
    ]
    assert (scene.step.outcome, scene.step.reason) == ("error", "the journal was lost")
