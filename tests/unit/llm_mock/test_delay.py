import json
from typing import Any

import pytest

from .running import RunningMock, chat_request, running_mock

DELAY = 0.3


def waited(mock: RunningMock) -> list[bool]:
    """Say of each request in the journal whether it had to wait."""
    return [entry["finished"] - entry["received"] >= DELAY for entry in mock.entries()]


@pytest.mark.parametrize("stream", [False, True])
def test_a_delay_holds_every_chat_answer_until_it_is_changed(mock: RunningMock, *, stream: bool) -> None:
    assert mock.control.put("/delay", json={"seconds": DELAY}).json() == {"seconds": DELAY, "times": None}
    for _ in range(2):
        mock.chat(chat_request(stream=stream))
    mock.control.put("/delay", json={"seconds": 0})
    mock.chat(chat_request(stream=stream))
    assert waited(mock) == [True, True, False]


def test_a_delay_can_be_for_the_next_requests_only(mock: RunningMock) -> None:
    mock.control.put("/delay", json={"seconds": DELAY, "times": 2})
    for _ in range(3):
        mock.chat(chat_request())
    assert waited(mock) == [True, True, False]


def test_only_chat_answers_take_a_delay(mock: RunningMock) -> None:
    mock.control.put("/delay", json={"seconds": DELAY, "times": 1})
    mock.data.get("/v1/models")
    mock.data.get("/nowhere")
    mock.chat({})
    mock.chat(chat_request())
    assert waited(mock) == [False, False, False, True]


def test_a_delayed_request_holds_up_no_other(own_mock: RunningMock) -> None:
    own_mock.control.put("/delay", json={"seconds": 3600, "times": 1})
    slow = own_mock.start_chat(chat_request("slow"))
    own_mock.next_entry(after=0)
    own_mock.chat(chat_request("quick"))
    assert not slow.done()
    assert [entry["outcome"] for entry in own_mock.entries()] == ["in-flight", "answered"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b"{", ["body"]),
        (b"", ["body"]),
        (b"[1.5]", ["body"]),
        (b"{}", ["body"]),
        (b'{"seconds": 1, "time": 1}', ["body"]),
        (b'{"seconds": "1"}', ["body", "seconds"]),
        (b'{"seconds": true}', ["body", "seconds"]),
        (b'{"seconds": -0.1}', ["body", "seconds"]),
        (b'{"seconds": 3600.1}', ["body", "seconds"]),
        (b'{"seconds": NaN}', ["body", "seconds"]),
        (b'{"seconds": 1, "times": 0}', ["body", "times"]),
        (b'{"seconds": 1, "times": 1.5}', ["body", "times"]),
        (b'{"seconds": 1, "times": true}', ["body", "times"]),
        (b'{"seconds": 1' + b" " * 70_000 + b"}", ["body"]),
    ],
    ids=lambda value: value[:30].decode() if isinstance(value, bytes) else None,
)
def test_a_wrong_delay_is_refused_and_changes_nothing(mock: RunningMock, body: bytes, field: list[str]) -> None:
    response = mock.control.put("/delay", content=body)
    assert response.status_code == 422
    [detail] = response.json()["detail"]
    assert detail["loc"] == field
    assert detail["msg"]
    mock.chat(chat_request())
    assert waited(mock) == [False]


@pytest.mark.parametrize("setting", [{"seconds": 3600}, {"seconds": 0, "times": 7}, {"seconds": 1, "times": None}])
def test_the_limits_of_a_delay_are_allowed(mock: RunningMock, setting: dict[str, Any]) -> None:
    response = mock.control.put("/delay", content=json.dumps(setting))
    assert (response.status_code, response.json()) == (200, {"times": None, **setting})


def test_a_reset_goes_back_to_the_delay_of_the_start() -> None:
    with running_mock("--delay", str(DELAY)) as mock:
        mock.control.put("/delay", json={"seconds": 0})
        mock.chat(chat_request())
        assert waited(mock) == [False]
        mock.control.post("/reset")
        mock.chat(chat_request())
        assert waited(mock) == [True]


def test_other_methods_and_paths_are_refused_in_json(mock: RunningMock) -> None:
    for method, path, status in (("POST", "/delay", 405), ("GET", "/reset", 405), ("GET", "/nowhere", 404)):
        response = mock.control.request(method, path)
        assert response.status_code == status
        assert response.json()["detail"]
