"""What only the LLM mock's journal at a trial's end tells: requests that nobody expected, and those that came late."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from lab.history import StepRecord
from lab.lifecycle.llm_cases import WORD
from lab.product.llm import SPOKEN
from lab.wording import some

MOST = 100
SHOWN = 3
"""How many gaps are named."""


@dataclass(frozen=True)
class Calls:
    """What a journal tells."""

    unmatched: list[dict[str, Any]]
    """The first requests that were refused: provider, method, path."""
    missing: str = ""
    """Why it does not tell of all requests; empty where it does."""
    late: tuple[dict[str, Any], ...] = ()
    """The first requests to models for conversations that were over: the conversation's word, provider, model."""


def over(steps: Iterable[StepRecord]) -> dict[str, int]:
    """Return the words of the conversations that the product has answered, and the newest request's number then.

    Where it gave no answer in time, it may be asking still.
    """
    return {
        case["word"]: step.facts["last"]
        for step in steps
        for case in (step.facts.get("cases", ()) if "last" in step.facts else ())
        if case["claim"] != "late"
    }


def read_calls(journal: bytes, ended: Mapping[str, int] | None = None) -> Calls:
    """Read a journal line by line; the numbers of its entries begin with 1 and leave none out.

    `ended` has the words of conversations, and the number of the last request of which each may be.
    """
    *lines, rest = journal.split(b"\n")
    refused, late, gaps, due = [], [], [], 1
    for number, line in enumerate(lines, start=1):
        entry = _entry(line)
        if entry is None:
            gaps.append(f"its line {number} cannot be read")
            due += 1
            continue
        if entry["seq"] != due:
            gaps.append(_gap(due, entry["seq"]))
        due = entry["seq"] + 1
        if entry.get("outcome") == "unmatched":
            refused.append({name: entry.get(name) for name in ("provider", "method", "path")})
        if (word := _late(entry, ended or {})) is not None:
            late.append({"word": word, "provider": entry.get("provider"), "model": entry.get("model")})
    if rest:
        gaps.append("its last line is cut short")
    more = f", and {len(gaps) - SHOWN} gaps more" if len(gaps) > SHOWN else ""
    return Calls(refused[:MOST], ", ".join(gaps[:SHOWN]) + more, tuple(late[:MOST]))


def _late(entry: Mapping[str, Any], ended: Mapping[str, int]) -> str | None:
    """Return the word of the conversation that a request goes on with after its end, None where it does not.

    Only what the user says last counts: a product that remembers repeats everything before it.
    """
    if entry.get("endpoint") not in SPOKEN:
        return None
    words = WORD.findall(str(entry.get("last_user") or ""))
    return next((word for word in words if entry["seq"] > ended.get(word, entry["seq"])), None)


def _entry(line: bytes) -> dict[str, Any] | None:
    """Return the entry in a line, None where there is none with a number."""
    try:
        entry = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return entry if isinstance(entry, dict) and type(entry.get("seq")) is int else None


def _gap(due: int, came: int) -> str:
    """Say what is wrong with a number that is not the one due."""
    if came < due:
        return f"request {came} stands in it after request {due - 1}"
    if due == 1:
        return f"it begins with request {came}: what came before was dropped"
    return f"it lacks {some(came - due, 'request')} before request {came}"
