"""What a product's log and answers give away of its talks with models: failures that it tells of, and keys."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from lab.environment.base import Log
from lab.product.llm import LlmUse
from lab.redact import SHORTEST
from lab.template import render

KEY = re.compile(rb"sk-mock-[A-Za-z0-9_-]+")
"""How the keys of providers look that the lab gives a product."""
SHOWN = 11
"""How much of a key is shown."""
LINE = 4096
"""So much of a line is looked at."""
FIRST_ERROR = 400


def leaked(content: bytes, secrets: Mapping[str, str]) -> list[dict[str, str]]:
    """Return the keys of providers that stand in a text, cut short, and the names of the secrets that do."""
    keys = [{"key": f"{key.decode()[:SHOWN]}…"} for key in sorted(set(KEY.findall(content)))]
    long = ((name, value) for name, value in sorted(secrets.items()) if len(value) >= SHORTEST)
    return keys + [{"secret": name} for name, value in long if value.encode() in content]


def since(earlier: Log, later: Log) -> Log:
    """Return what was written between two looks at a log, from a whole line on; a log that was cut says so."""
    missing = earlier.missing or later.missing
    rests = []
    for before, after in ((earlier.stdout, later.stdout), (earlier.stderr, later.stderr)):
        if not after.startswith(before):
            missing = missing or "what stood in it before is no longer there"
        rests.append(after[before.rfind(b"\n") + 1 :])
    return Log(rests[0], rests[1], missing)


def failures_told(use: LlmUse, log: Log) -> dict[str, int]:
    """Return by provider how many lines of a log tell of a failure, as the definition describes such a line."""
    if use.logged is None:
        return {}
    lines = [line[:LINE] for each in (log.stdout, log.stderr) for line in each.decode("utf8", "replace").split("\n")]
    found: dict[str, int] = {}
    for name, provider in use.providers.items():
        names = {"llm.provider": re.escape(name), "llm.model": re.escape(provider.model)}
        mark = re.compile(render(use.logged, names))
        found[name] = sum(mark.search(line) is not None for line in lines)
    return found


def failures_owed(told: Iterable[Mapping[str, Any]]) -> dict[str, int]:
    """Return by provider in how many conversations a request to the model failed, by the mock's journal."""
    return dict(Counter(str(said["provider"]) for said in told if _failed(said)))


def _failed(said: Mapping[str, Any]) -> bool:
    """Whether a request failed; an answer that was spoilt and could be made use of all the same did not."""
    made_use = said["due"] == "either" and said["claim"] == "answer"
    return any((each["status"] or 0) >= FIRST_ERROR or (each["faults"] and not made_use) for each in said["attempts"])
