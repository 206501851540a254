import json
from typing import Any

import pytest

from lab.lifecycle.event_stream import Event, events_of


def sent(body: str | bytes) -> list[Any]:
    events = events_of(body if isinstance(body, bytes) else body.encode(), "sse")
    return [each.value if each.value is not None else each.data for each in events]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_lines_of_server_sent_events_end_in_three_ways(end: str) -> None:
    assert sent(f'data: {{"a": 1}}{end}{end}data: [DONE]{end}{end}') == [{"a": 1}, "[DONE]"]


@pytest.mark.parametrize("sign", ["\u2028", "\u2029", "\u0085", "\u000b", "\u000c", "\u001c"])
def test_no_other_sign_ends_a_line(sign: str) -> None:
    assert sent(f"data: a{sign}b\n\n") == [f"a{sign}b"]
    text = json.dumps({"t": "a\u2028b"}, ensure_ascii=False)
    assert events_of(f"{text}\n".encode(), "lines") == [Event(text, {"t": "a\u2028b"})]


def test_the_data_of_an_event_may_have_several_lines() -> None:
    assert sent('data: {"a":\ndata: 1}\n\ndata: one\ndata:two\n\n') == [{"a": 1}, "one\ntwo"]


def test_an_event_has_a_name_of_its_own_and_what_is_no_data_makes_none() -> None:
    body = b": begun\n\nevent: error\nid: 7\ndata: x\n\ndata: y\n\nevent: ping\n\n"
    assert events_of(body, "sse") == [Event("x", None, "error"), Event("y")]


def test_a_mark_of_the_byte_order_is_no_part_of_the_first_line() -> None:
    assert sent("\ufeffdata: a\n\n") == ["a"]


def test_the_last_event_need_not_be_closed() -> None:
    assert sent("data: a\n\ndata: [DONE]") == ["a", "[DONE]"]


def test_json_that_cannot_be_read_is_text() -> None:
    for odd in ("{", "9" * 5000, "[" * 200_000):
        assert sent(f"data: {odd}\n\n") == [odd]


def test_lines_of_json_are_events_each() -> None:
    assert [each.value for each in events_of(b'{"a": 1}\r\n\n  {"a": 2}\n[3]', "lines")] == [{"a": 1}, {"a": 2}, [3]]
