"""Which cells can run here, and of the others why not."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from lab.axes import unobtainable
from lab.environment.containers import engine
from lab.environment.kinds import KINDS, own_platform
from lab.product.definition import Definition
from lab.rehearsal import undeclared_way
from lab.scenario.matrix import Cell
from lab.scenario.model import Scenario
from lab.scenario.steps import Slot
from lab.template import render
from lab.wish import HOST, Wish

CAPABILITIES = frozenset[str]().union(*(kind.capabilities for kind in KINDS.values()))
"""All that scenarios can require of an environment."""


def auto_kind() -> str:
    """Return what the environment `auto` means here: docker where an engine answers, local where none does."""
    return "local" if engine.missing() else "docker"


def named(environments: Sequence[str]) -> tuple[str, ...]:
    """Return environments as somebody names them who means those with an engine, whether one answers now or not."""
    return tuple("docker" if name == "auto" else name for name in environments)


def own_platforms() -> dict[str, list[str]]:
    """Return the platform of each kind of environment that brings its own, such as this machine's."""
    return {name: [own_platform()] for name, kind in KINDS.items() if kind.own_platform}


def applies(cell: Cell, wanted: Sequence[str], definitions: Mapping[Slot, Definition]) -> bool:
    """Whether any of the versions has all the features without which the cell would be another one's double."""
    features = frozenset[str]().union(*(definition.features for definition in definitions.values()))
    return features.issuperset(render(list(wanted), cell.scope))


def skip_unsuitable(cell: Cell, scenario: Scenario, definitions: Mapping[Slot, Definition], wish: Wish) -> Cell:
    """Give a cell whose requirements are not met the reason why it does not run.

    One whose environment was named on the command line is not skipped for want of an engine: that is an error.
    """
    if cell.skip:
        return cell
    kind = KINDS[cell.environment]
    if nowhere := _without_place(cell, wish):
        return replace(cell, skip=nowhere)
    database = dict(cell.axes).get("database", "")
    uses_server = any(found.uses_server(database) for found in definitions.values())
    for capability, needed, why in (
        ("images", scenario.source == "image", "runs no product's own image"),
        ("database-server", uses_server, f"has no {database} server beside the product"),
        ("sealed", scenario.network == "sealed", "cannot seal a network, nor see what is asked for"),
    ):
        if needed and capability not in kind.capabilities:
            return replace(cell, skip=f"the environment {cell.environment} {why}")
    for wanted in render(list(scenario.requires), cell.scope):
        if wanted in kind.capabilities:
            continue
        if wanted in CAPABILITIES:
            return replace(cell, skip=f"the environment {cell.environment} has no '{wanted}'")
        for slot, definition in definitions.items():
            if wanted not in definition.features:
                return replace(cell, skip=f"{definition.product} {definition.label} ({slot}) declares no '{wanted}'")
    missing = undeclared_way(scenario, cell, definitions) or unobtainable(cell, scenario, definitions, wish.brought)
    return replace(cell, skip=missing)


def _without_place(cell: Cell, wish: Wish) -> str:
    """Return why there is nothing to make a cell's environment of; an engine that was asked for is missed elsewhere."""
    if cell.environment == HOST and not wish.inventory:
        return "the environment host needs machines: --inventory FILE names them"
    if KINDS[cell.environment].needs_engine and cell.environment not in wish.environments and engine.missing():
        return f"{cell.environment} needs a container engine, and {engine.missing()}"
    return ""


def without_pair(scenario: Scenario, definitions: Mapping[Slot, Definition], wish: Wish) -> str:
    """Return why there are no two versions such as the scenario is about; empty where there are."""
    if scenario.pair == "release" or (wish.old and wish.new):
        return ""
    new = definitions["to"]
    if any(skip.old == definitions["from"].label for skip in new.skips):
        return ""
    return f"{new.product} {new.label} declares no older version from which it is reached directly"
