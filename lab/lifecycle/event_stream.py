"""The events of a stream: server-sent ones, or lines of JSON."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

LINE_END = re.compile(r"\r\n|\n|\r")
"""The ends of lines in a stream of server-sent events; others, such as U+2028, may stand inside of JSON texts."""


@dataclass(frozen=True)
class Event:
    """One event: its data as text and, where it is some, as JSON; the name of a server-sent one."""

    data: str
    value: Any = None
    name: str = ""


def events_of(body: bytes, form: Literal["sse", "lines"]) -> list[Event]:
    """Take a stream apart. The last event need not be closed by an empty line: servers often forget it."""
    lines = LINE_END.split(body.decode("utf8", "replace").removeprefix("\ufeff"))
    if form == "sse":
        return list(_server_sent(lines))
    return [_event(line.strip()) for line in lines if line.strip()]


def _server_sent(lines: list[str]) -> Iterator[Event]:
    """Yield the events that have data (HTML Living Standard, 9.2.6): each of its lines is one of the data's."""
    name, datas = "", []
    for line in [*lines, ""]:
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if field == "data":
            datas.append(value)
        elif field == "event":
            name = value
        elif not line:
            if datas:
                yield _event("\n".join(datas).strip(), name)
            name, datas = "", []


def _event(data: str, name: str = "") -> Event:
    try:
        return Event(data, json.loads(data), name)
    except (ValueError, RecursionError):  # the product's output is not trusted
        return Event(data, None, name)
