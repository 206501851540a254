"""What a product's answer claims: that the model said something, or that it failed."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from lab.jsonpath import look_up, same
from lab.lifecycle.http import HttpResult
from lab.product.actions import Answer
from lab.product.llm import LlmRequest

Claim = Literal["answer", "failure", "late", "neither"]
"""`late`: no complete answer in time; `neither`: not what the definition says of an answer, nor of a failure."""
DATA = "data:"


@dataclass(frozen=True)
class Said:
    """What the product said; the text is empty where the answer shows none."""

    claim: Claim
    text: str = ""
    problem: str = ""
    """Why it is no answer."""


def read_answer(result: HttpResult, asked: LlmRequest, failure: Answer, *, late: bool) -> Said:
    """Understand an answer to a request that makes the product ask a model; `late` if its time was over."""
    if late:
        return Said("late", problem=result.error)
    if asked.events is not None:
        return _streamed(result, asked, failure)
    problem = result.problem(asked.expect)
    if not problem:
        return Said("answer", _text(look_up(result.json, asked.text) if asked.text else None))
    if not result.problem(failure):
        return Said("failure", problem=problem)
    return Said("neither", problem=problem)


def _streamed(result: HttpResult, asked: LlmRequest, failure: Answer) -> Said:
    """Understand a stream: only its end mark makes it an answer."""
    if result.status is not None and result.status not in asked.expect.status:
        problem = result.problem(asked.expect)
        return Said("neither" if result.status not in failure.status else "failure", problem=problem)
    told = list(_events(result.body.decode("utf8", "replace"), asked))
    text = "".join(_text(look_up(each, asked.text)) for each in told if asked.text and isinstance(each, dict | list))
    broken = next((each for each in told if isinstance(each, dict) and each.get("error")), None)
    if broken is not None:
        return Said("failure", text, f"the stream told an error: {json.dumps(broken)[:200]}")
    if result.error:
        return Said("failure", text, result.error)
    if not any(_is_end(each, str(asked.ends_with)) for each in told):
        return Said("failure", text, f"the stream ended without its end mark '{asked.ends_with}'")
    missing = [path for path, value in asked.expect.json_values.items() if not _found(told, path, value)]
    if missing:
        return Said("neither", text, f"no event of the stream has what is promised at {missing[0]}")
    return Said("answer", text)


def _events(body: str, asked: LlmRequest) -> Iterator[Any]:
    """Yield the data of each event: JSON where it is some, text elsewhere."""
    lines = body.splitlines()
    datas = [line[len(DATA) :].strip() for line in lines if line.startswith(DATA)] if asked.events == "sse" else lines
    for data in filter(None, datas):
        try:
            yield json.loads(data)
        except (ValueError, RecursionError):
            yield data


def _is_end(event: Any, mark: str) -> bool:
    return event == mark or (isinstance(event, dict | list) and bool(look_up(event, mark)))


def _found(events: list[Any], path: str, value: Any) -> bool:
    return any(isinstance(event, dict | list) and same(look_up(event, path), value) for event in events)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
