"""Requests that the LLM mock refused because nobody expected them, read from its journal at a trial's end."""

import json
from dataclasses import dataclass
from typing import Any

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


def read_calls(journal: bytes) -> Calls:
    """Read a journal line by line; the numbers of its entries begin with 1 and leave none out."""
    *lines, rest = journal.split(b"\n")
    refused, gaps, due = [], [], 1
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
    if rest:
        gaps.append("its last line is cut short")
    more = f", and {len(gaps) - SHOWN} gaps more" if len(gaps) > SHOWN else ""
    return Calls(refused[:MOST], ", ".join(gaps[:SHOWN]) + more)


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
        return f"the first {came - 1} requests were dropped from it"
    return f"{came - due} requests before request {came} are not in it"
