"""The events of a streamed response, numbered as they come."""

import json
from collections.abc import Iterator, Mapping
from itertools import count
from typing import Any

from lab.llm_mock.answer import Answer
from lab.llm_mock.question import Question
from lab.llm_mock.wire.base import Frame, to_json
from lab.llm_mock.wire.openai_chat import fragments
from lab.llm_mock.wire.openai_responses_items import Item, items, response, text_part

_END = b'"}\n\n'  # of an event whose last field is a text


def frames(question: Question, answer: Answer) -> Iterator[Frame]:
    """Write the events; the last one holds the whole response."""
    numbers = count()
    begun = b'"response":' + response(question, answer)
    yield _event("response.created", begun, numbers)
    yield _event("response.in_progress", begun, numbers)
    written = items(answer)
    texts = len(written) - len(answer.calls)
    for index, item in enumerate(written):
        place = {"output_index": index}
        yield _event("response.output_item.added", _fields({**place, "item": item.begun}), numbers)
        if index < texts:
            yield from _text(answer, item, index, numbers)
        else:
            call = answer.calls[index - texts]
            yield from _arguments(call.name, call.arguments, {"item_id": item.id, **place}, numbers)
        yield _event("response.output_item.done", _fields({**place, "item": item.done}), numbers)
    output = json.dumps([item.done for item in written]).encode("ascii")
    last = "response.incomplete" if answer.finish == "length" else "response.completed"
    yield _event(last, b'"response":' + response(question, answer, output=output), numbers)


def _text(answer: Answer, item: Item, index: int, numbers: Iterator[int]) -> Iterator[Frame]:
    place = {"item_id": item.id, "output_index": index, "content_index": 0}
    yield _event("response.content_part.added", _fields({**place, "part": text_part("")}), numbers)
    yield from _deltas("response.output_text.delta", answer.pieces, {**place, "logprobs": []}, numbers)
    yield _event("response.output_text.done", _fields({**place, "logprobs": [], "text": answer.text}), numbers)
    yield _event("response.content_part.done", _fields({**place, "part": text_part(answer.text)}), numbers)


def _arguments(name: str, arguments: str, place: Mapping[str, Any], numbers: Iterator[int]) -> Iterator[Frame]:
    yield from _deltas("response.function_call_arguments.delta", fragments(arguments), place, numbers)
    done = _fields({**place, "name": name, "arguments": arguments})
    yield _event("response.function_call_arguments.done", done, numbers)


def _deltas(kind: str, parts: list[str], place: Mapping[str, Any], numbers: Iterator[int]) -> Iterator[Frame]:
    """Write the many small events; what they have in common is encoded once."""
    name = kind.encode("ascii")
    before = (
        b"event: " + name + b'\ndata: {"type":"' + name + b'",' + _fields(place) + b',"sequence_number":%d,"delta":'
    )
    for part in parts:
        yield Frame(before % next(numbers) + json.dumps(part).encode("ascii") + _END[1:], piece=True)


def lengthened(data: bytes) -> tuple[bytes, bytes, bytes]:
    """Lengthen what a small event says by white space: a second one would need a number of its own."""
    return data[: -len(_END)], b" ", data[-len(_END) :]


def _event(kind: str, fields: bytes, numbers: Iterator[int]) -> Frame:
    name = kind.encode("ascii")
    numbered = b'","sequence_number":%d,' % next(numbers)
    return Frame(b"event: " + name + b'\ndata: {"type":"' + name + numbered + fields + b"}\n\n")


def _fields(fields: Mapping[str, Any]) -> bytes:
    return to_json(fields)[1:-1]
