"""Requests that the LLM mock refused because nobody expected them, read from its journal at a trial's end."""

import json
from typing import Any

JOURNAL, UNREADABLE = "llm.journal.ndjson", "llm.journal.unreadable"
MOST = 100


def dropped(journal: bytes) -> str:
    """Say that the oldest requests are no longer in the journal, nothing where all are."""
    try:
        first = json.loads(journal.split(b"\n", 1)[0] or b"{}").get("seq", 1)
    except (ValueError, AttributeError):
        return "its first line cannot be read"
    return "" if first == 1 else f"the first {first - 1} requests were dropped from it"


def unmatched(journal: bytes) -> list[dict[str, Any]]:
    """Return the first requests without a match: provider, method, path; a line that cannot be read is left out."""
    found = []
    for line in journal.splitlines():
        try:
            entry = json.loads(line)
        except ValueError:
            continue
        if isinstance(entry, dict) and entry.get("outcome") == "unmatched":
            found.append({name: entry.get(name) for name in ("provider", "method", "path")})
    return found[:MOST]
