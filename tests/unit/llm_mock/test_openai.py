import json
from typing import Any

import pytest

from .running import RunningMock, chat_request

BODY_LIMIT = 10 * 1024 * 1024


def frames(mock: RunningMock, request: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the frames of a stream, having seen that it is framed and ended as it should be."""
    response = mock.chat({**request, "stream": True})
    assert response.status_code == 200
    assert response.headers["content-type"] == "text/event-stream; charset=utf-8"
    *blocks, end = response.text.split("\n\n")
    assert end == ""
    assert all(block.startswith("data: ") and "\n" not in block for block in blocks)
    *data, done = [block.removeprefix("data: ") for block in blocks]
    assert done == "[DONE]"
    return [json.loads(item) for item in data]


def streamed_text(stream: list[dict[str, Any]]) -> str:
    return "".join(frame["choices"][0]["delta"].get("content", "") for frame in stream if frame["choices"])


def test_the_same_request_gets_the_same_answer(mock: RunningMock) -> None:
    first, second = (mock.chat(chat_request()) for _ in range(2))
    reordered = mock.chat(dict(reversed(chat_request().items())))
    assert first.content == second.content == reordered.content


@pytest.mark.parametrize("change", [{"model": "gpt-4o"}, {"temperature": 1}, {"messages": [{"role": "user"}]}])
def test_another_request_gets_another_answer(mock: RunningMock, change: dict[str, Any]) -> None:
    first, second = mock.chat(chat_request()).json(), mock.chat({**chat_request(), **change}).json()
    assert first["id"] != second["id"]
    assert first["created"] != second["created"]
    assert first["choices"] != second["choices"]


def test_the_answer_survives_a_restart(mock: RunningMock, own_mock: RunningMock) -> None:
    assert mock.chat(chat_request()).content == own_mock.chat(chat_request()).content


def test_a_whole_answer_has_the_provider_s_shape(mock: RunningMock) -> None:
    answer = mock.chat(chat_request("hello there")).json()
    assert answer["object"] == "chat.completion"
    assert answer["model"] == "gpt-4o-mini"
    assert answer["id"].startswith("chatcmpl-")
    [choice] = answer["choices"]
    assert choice["index"] == 0
    assert choice["finish_reason"] == "stop"
    assert choice["message"]["role"] == "assistant"
    words = choice["message"]["content"].split()
    assert words[:2] == ["mock", "answer"]
    assert len(bytes.fromhex(words[2])) == 4
    assert words[3:] == ["to:", "hello", "there"]


def test_the_echo_is_the_start_of_the_last_user_message(mock: RunningMock) -> None:
    messages = [
        {"role": "user", "content": "first"},
        {"role": "user", "content": [{"type": "text", "text": "x" * 50}, {"type": "text", "text": "y" * 50}]},
        {"role": "assistant", "content": "not me"},
    ]
    answer = mock.chat({**chat_request(), "messages": messages}).json()
    assert answer["choices"][0]["message"]["content"].endswith(" to: " + "x" * 50 + " " + "y" * 29)


def test_half_a_surrogate_pair_is_answered(mock: RunningMock) -> None:
    body = b'{"model": "m", "messages": [{"role": "user", "content": "\\ud800"}]}'
    response = mock.data.post("/v1/chat/completions", content=body)
    assert response.status_code == 200
    assert b"\\ud800" in response.content
    assert mock.entries()[0]["last_user"] == "\ud800"


def test_usage_adds_up_and_counts_both_sides(mock: RunningMock) -> None:
    short, long = (mock.chat(chat_request(text)).json()["usage"] for text in ("one", "one two three"))
    for usage in (short, long):
        assert usage["prompt_tokens"] > 0
        assert usage["prompt_tokens"] + usage["completion_tokens"] == usage["total_tokens"]
    assert long["prompt_tokens"] - short["prompt_tokens"] == 2
    assert long["completion_tokens"] - short["completion_tokens"] == 2


def test_a_stream_says_what_a_whole_answer_says(mock: RunningMock) -> None:
    whole = mock.chat(chat_request()).json()
    stream = frames(mock, chat_request())
    assert {(frame["id"], frame["created"], frame["model"]) for frame in stream} == {
        (whole["id"], whole["created"], whole["model"])
    }
    assert {frame["object"] for frame in stream} == {"chat.completion.chunk"}
    assert streamed_text(stream) == whole["choices"][0]["message"]["content"]


def test_only_the_first_delta_has_a_role_and_only_the_last_a_reason(mock: RunningMock) -> None:
    choices = [frame["choices"][0] for frame in frames(mock, chat_request())]
    assert choices[0]["delta"]["role"] == "assistant"
    assert not any("role" in choice["delta"] for choice in choices[1:])
    assert [choice["finish_reason"] for choice in choices] == [None] * (len(choices) - 1) + ["stop"]
    assert choices[-1]["delta"] == {}
    assert len(choices) > 3


def test_usage_ends_a_stream_only_when_asked_for(mock: RunningMock) -> None:
    whole = mock.chat(chat_request()).json()
    assert not any("usage" in frame for frame in frames(mock, chat_request()))
    *others, last = frames(mock, chat_request(stream_options={"include_usage": True}))
    assert last["choices"] == []
    assert last["usage"] == whole["usage"]
    assert [frame["usage"] for frame in others] == [None] * len(others)


def test_paths_work_without_their_version(mock: RunningMock) -> None:
    assert mock.data.post("/chat/completions", json=chat_request()).content == mock.chat(chat_request()).content
    assert mock.data.get("/models").content == mock.data.get("/v1/models").content


def test_models_are_listed(mock: RunningMock) -> None:
    listed = mock.data.get("/v1/models").json()
    assert listed["object"] == "list"
    assert "gpt-4o-mini" in [model["id"] for model in listed["data"]]
    assert {model["object"] for model in listed["data"]} == {"model"}
    assert mock.entries()[0]["outcome"] == "answered"


@pytest.mark.parametrize(
    ("body", "param"),
    [
        (b"{", None),
        (b"\xff", None),
        (b"[]", None),
        (b'{"model": NaN}', None),
        (b"[" * 200_000, None),
        (b'{"model": "m"}', "messages"),
        (b'{"model": "m", "messages": []}', "messages"),
        (b'{"model": "m", "messages": [{"role": "user"}, "hi"]}', "messages[1]"),
        (b'{"messages": [{"role": "user"}]}', "model"),
        (b'{"model": "m", "messages": [{"role": "user"}], "stream": "yes"}', "stream"),
        (
            b'{"model": "m", "messages": [{"role": "user"}], "stream": true, "stream_options": 1}',
            "stream_options",
        ),
        (b'{"model": "m", "messages": [{"role": "user"}], "stream_options": {}}', "stream_options"),
    ],
    ids=lambda value: value[:60].decode("latin-1") if isinstance(value, bytes) else None,
)
def test_a_wrong_request_is_rejected_as_the_provider_does(mock: RunningMock, body: bytes, param: str | None) -> None:
    response = mock.data.post("/v1/chat/completions", content=body)
    assert response.status_code == 400
    error = response.json()["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert error["type"] == "invalid_request_error"
    assert error["param"] == param
    assert error["message"]
    [entry] = mock.entries()
    assert (entry["status"], entry["outcome"]) == (400, "rejected")


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("POST", "/v1/embeddings", 404), ("GET", "/", 404), ("GET", "/v1/chat/completions", 405)],
)
def test_what_no_route_takes_is_an_error_and_journaled_as_unmatched(
    mock: RunningMock, method: str, path: str, status: int
) -> None:
    response = mock.data.request(method, path)
    assert response.status_code == status
    assert path in response.json()["error"]["message"]
    [entry] = mock.entries()
    assert {name: entry[name] for name in ("method", "path", "status", "outcome")} == {
        "method": method,
        "path": path,
        "status": status,
        "outcome": "unmatched",
    }


def test_the_control_plane_is_not_on_the_providers_port(mock: RunningMock) -> None:
    assert mock.data.get("/journal").status_code == 404
    assert mock.data.post("/reset").status_code == 404


@pytest.mark.parametrize(("excess", "status"), [(0, 200), (1, 413)])
def test_a_body_is_taken_up_to_ten_megabytes(mock: RunningMock, excess: int, status: int) -> None:
    start, end = b'{"model": "m", "messages": [{"role": "user", "content": "', b'"}]}'
    body = start + b"x" * (BODY_LIMIT + excess - len(start) - len(end)) + end
    response = mock.data.post("/v1/chat/completions", content=body)
    assert response.status_code == status
    assert ("error" in response.json()) == (status == 413)
    [entry] = mock.entries()
    assert entry["outcome"] == ("answered" if status == 200 else "rejected")
