"""What the lab's own words mean to a reader who has never seen it; said once, where the word is defined."""

import inspect
import re
from collections.abc import Mapping
from functools import cache
from typing import Any, get_args

from lab.records.model import Verdict
from lab.scenario.checks import Check
from lab.scenario.steps import Step

VERDICTS: Mapping[Verdict, str] = {
    "pass": "every check was answered, and the product kept its promises",
    "fail": "the product broke a promise",
    "error": "the lab or what it stands on failed; this says nothing about the product",
    "unknown": "a measurement is missing, so nothing is proved",
    "skipped": "not tried, for the reason given",
}
SETUPS: Mapping[str, str] = {
    "documented": "a cell in which the product was installed and set up exactly as its documentation says",
    "workaround": (
        "a cell in which there were also steps that no documentation names; they stand in the product's definition, "
        "with what goes wrong without them"
    ),
}
HEADLINES: Mapping[int, str] = {
    0: "PASS",
    1: "FAIL",
    2: "COULD NOT RUN",
    3: "ERROR",
    4: "NOT SHOWN",
    5: "NOTHING RAN",
    130: "INTERRUPTED",
    143: "INTERRUPTED",
}
"""In a word, what an exit code says."""
COMPLETED = "completed"
"""A check that no scenario declares."""
CALLS = "calls"
"""Another one, of every trial that something came to."""


@cache
def promises() -> dict[str, str]:
    """Return for each check, by its name, the promise that it asks for."""
    own = {COMPLETED: "Every step came to its end.", CALLS: "No model was asked for anything that nobody expected."}
    return {**own, **_first_sentences(Check, "check")}


@cache
def deeds() -> dict[str, str]:
    """Return for each kind of step, by its name, what it does, in a few words."""
    brief = {name: re.split(r"[:;,.(]", text)[0] for name, text in _first_sentences(Step, "step").items()}
    return {"prepare": "Make the environment", **brief}


def _first_sentences(union: Any, key: str) -> dict[str, str]:
    """Return the first line of each member's docstring, by the word that tells the members apart."""
    members = get_args(get_args(union)[0])
    return {
        get_args(member.model_fields[key].annotation)[0]: (inspect.getdoc(member) or "").partition("\n")[0]
        for member in members
    }
