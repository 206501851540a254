"""Checks that no step of their scenario could answer, or that its steps could only answer wrongly."""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

from lab.scenario.checks import DurationsCheck, RefusalCheck
from lab.scenario.model import Scenario
from lab.scenario.steps import RefuseStep
from lab.yamlfile import Loc

ASKED = {
    "health": ("ready",),
    "container": ("start", "ready"),
    "version": ("inspect",),
    "configuration": ("inspect",),
    "memory": ("inspect",),
    "data": ("verify",),
    "exercise": ("exercise",),
    "honest-health": ("watch",),
    "refusal": ("refuse",),
    "graceful-stop": ("stop",),
    "leaks": ("search",),
    "unit": ("start", "ready"),
    "private": ("inspect",),
    "suite": ("suite",),
    "leftovers": ("survey", "uninstall"),
    "tidy": ("survey", "start"),
    "unchanged": ("reinstall",),
    "rollback": ("downgrade",),
}
"""Steps without which a check has nothing to go by."""
BUDGETS = {"install": ("install", "upgrade"), "ready": ("ready",), "stop": ("stop",)}
"""Budgets of `durations`, and the kinds of step that they are for."""
FILLING = frozenset({"seed", "exercise", "hook"})
"""Steps that put data in; a request in flight does, too."""


def unanswerable(scenario: Scenario) -> list[tuple[Loc, str]]:
    """Return what is wrong with a scenario's checks, given its steps, each fault with its place."""
    kinds = [step.step for step in scenario.steps]
    found: list[tuple[Loc, str]] = []
    for number, check in enumerate(scenario.checks):
        at: Loc = ("checks", number)
        missing = [kind for kind in ASKED.get(check.check, ()) if kind not in kinds]
        if missing:
            found.append((at, f"'{check.check}' can never be answered: there is no step '{missing[0]}'"))
            continue
        found += [(at, f"'{check.check}' can never be answered: {why}") for why in _reasons(scenario, check.check)]
        if isinstance(check, DurationsCheck):
            found += _budgets(check, at, kinds)
        if isinstance(check, RefusalCheck):
            found += _windows(check, at, scenario.steps)
    return found


def _reasons(scenario: Scenario, check: str) -> Iterator[str]:
    steps = scenario.steps
    kinds = [step.step for step in steps]
    if check == "rows" and kinds.count("ledger") < 2:  # noqa: PLR2004 - one before and one after
        yield "rows are compared from one 'ledger' to the next, so there must be two"
    if check == "orphans" and not _stopped_below_init(steps):
        yield "no 'start' with 'under_init: true' is followed by a 'stop'"
    if check == "api-surface" and not _inspected_across(steps):
        yield "no 'upgrade' to the version 'to' stands between two steps 'inspect'"
    if check == "container" and scenario.source != "image":
        yield "only with 'source: image' does the product run from an image of its own"
    if check == "egress" and scenario.network != "sealed":
        yield "only with 'network: sealed' is it seen what is asked for outside"
    if check == "data" and not _filled(steps):
        yield "nothing puts data in before the first 'verify'; that is what 'seed' does"
    if check == "leftovers" and "install" in kinds and kinds.index("survey") > kinds.index("install"):
        yield "what was there before is not known: put a 'survey' before the first 'install'"
    if check == "tidy" and "survey start survey" not in " ".join(each for each in kinds if each in {"survey", "start"}):
        yield "no single 'start' stands between two steps 'survey'"
    if check == "version" and _installed_over_itself(steps):
        yield "an 'upgrade' installs the version that is there already, so that nothing could tell them apart"


def _stopped_below_init(steps: Sequence[Any]) -> bool:
    below = False
    for step in steps:
        if step.step == "start":
            below = step.under_init
        elif step.step == "stop" and below:
            return True
    return False


def _inspected_across(steps: Sequence[Any]) -> bool:
    inspected = upgraded = False
    for step in steps:
        if step.step == "inspect":
            if upgraded:
                return True
            inspected = True
        elif step.step == "upgrade":
            upgraded = inspected and step.version == "to"
    return False


def _filled(steps: Sequence[Any]) -> bool:
    for step in steps:
        if step.step in FILLING or (step.step == "stop" and step.in_flight):
            return True
        if step.step == "verify":
            return False
    return False


def _installed_over_itself(steps: Sequence[Any]) -> bool:
    found = [step for step in steps if step.step in {"install", "upgrade", "downgrade"}]
    return any(old.version == new.version and new.step == "upgrade" for old, new in pairwise(found))


def _budgets(check: DurationsCheck, at: Loc, kinds: Sequence[str]) -> Iterator[tuple[Loc, str]]:
    given = [name for name in BUDGETS if getattr(check, name) is not None]
    if not given:
        yield at, f"'durations' can never be answered: give it a budget, one of {', '.join(BUDGETS)}"
    for name in given:
        if not set(BUDGETS[name]) & set(kinds):
            yield (*at, name), f"the budget '{name}' can never be kept or broken: there is no step '{BUDGETS[name][0]}'"


def _windows(check: RefusalCheck, at: Loc, steps: Sequence[Any]) -> Iterator[tuple[Loc, str]]:
    for number, step in enumerate(steps):
        if isinstance(step, RefuseStep) and check.within > step.seconds:
            watched = f"steps[{number}] watches it for {step.seconds:g} s only"
            advice = "lower 'within', or raise the step's 'seconds'"
            yield (*at, "within"), f"the product is given {check.within:g} s to end, but {watched}: {advice}"
