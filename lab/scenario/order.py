"""The order of a scenario's steps: each can be taken only in certain states of product and database."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from lab.yamlfile import Loc

RUNNING = frozenset(
    {"ready", "inspect", "seed", "verify", "exercise", "watch", "stop", "search", "restart", "reboot"}
    | {"kill", "converse"}
)
"""Steps that need a product that runs."""
AT_REST = frozenset({"start", "refuse", "upgrade", "suite", "backup", "downgrade", "restore", "reinstall", "uninstall"})
"""Steps that need one that does not."""
DATABASE = frozenset(
    {"setup", "start", "ready", "inspect", "seed", "verify", "exercise", "ledger", "upgrade", "refuse", "suite"}
    | {"restart", "reboot", "backup", "downgrade", "restore", "reinstall", "kill", "converse"}
)
"""Steps that need the database."""

NEEDS_BEFORE = {"newer-data": "downgrade", "skipped-version": "upgrade"}
"""Reasons to refuse, and the step after which there is one."""


@dataclass
class _State:
    """What the steps so far have come to; after a fault it is as though what was missing had been there."""

    installed: bool = False
    missed: bool = False
    """A step came before the installation, and that was told."""
    configured: bool = False
    running: bool = False
    database: bool = True
    backup: bool = False
    before: str = ""
    """The last step that installed something."""
    outage: bool = False
    """The database has gone while this process of the product ran."""

    def take(self, step: Any) -> Iterator[str]:
        """Say what is wrong with taking this step now, and take it."""
        kind = step.step
        if kind == "install":
            if self.installed and not self.missed:
                yield "a version is installed already: 'upgrade' installs another one over it"
            self.installed, self.missed = True, False
        elif not self.installed and kind != "survey":
            self.installed = self.missed = True
            yield f"'{kind}' comes before anything is installed: let the first step be 'install'"
        if kind in RUNNING and not self.running:
            self.running = True
            yield f"'{kind}' needs the product to run: put a 'start' before it"
        if kind in AT_REST and self.running:
            self.running = False
            yield f"'{kind}' needs a product that does not run: put a 'stop' before it"
        yield from self._without_database(step)
        if kind == "refuse" and step.because == "missing-setting" and not self.configured:
            yield "no configuration was written from which a setting could be left out: put a 'configure' before it"
        yield from self._way_back(step)
        self.configured = self.configured or kind == "configure"
        if kind in {"start", "stop", "kill"}:
            self.running, self.outage = kind == "start", False
        if kind == "uninstall":
            self.installed = False

    def _way_back(self, step: Any) -> Iterator[str]:
        """Say what is missing before a step of the way back to an older version."""
        kind = step.step
        if kind == "restore" and not self.backup:
            yield "there is no backup that could be put back: put a 'backup' before it"
        wanted = NEEDS_BEFORE.get(step.because) if kind == "refuse" else None
        if wanted and self.before != wanted:
            yield f"'refuse' because of '{step.because}' asks about the start after a '{wanted}': put one before it"
        self.backup = self.backup or kind in {"backup", "restore"}
        self.before = kind if kind in {"install", "upgrade", "downgrade", "reinstall"} else wanted or self.before

    def _without_database(self, step: Any) -> Iterator[str]:
        kind, wanted = step.step, needs_database(step)
        if kind in {"stop-database", "start-database"}:
            if wanted != self.database:
                state, other = ("runs", "stop-database") if self.database else ("is stopped", "start-database")
                yield f"the database {state} already at '{kind}': put a '{other}' before it, or leave this step out"
            self.database, self.outage = kind == "start-database", self.outage or self.running
        elif wanted is not None and wanted != self.database:
            yield self._database_missed(step)
            self.database, self.outage = wanted, True
        elif kind == "watch" and not self.outage:
            self.outage = True
            yield (
                "the database never went while this process of the product ran, so that nothing can be watched: "
                "put 'stop-database' and 'start-database' before it, after the 'start'"
            )

    def _database_missed(self, step: Any) -> str:
        if not needs_database(step):
            return "the database runs at 'watch' until 'unhealthy': put a 'stop-database' before it"
        if step.step == "start":
            return "'start' comes while the database is stopped: put a 'start-database' before it, or ask with 'refuse'"
        if step.step == "refuse":
            return "'refuse' comes while the database is stopped: put a 'start-database' before it; it stops it itself"
        flight = " with a request in flight" if step.step == "stop" else ""
        return f"'{step.step}'{flight} needs the database, which is stopped: put a 'start-database' before it"


def needs_database(step: Any) -> bool | None:
    """Say whether a step needs the database to run (True) or to be stopped (False); None if it may be either."""
    if step.step == "watch":
        return bool(step.until == "healthy")
    if step.step in {"stop-database", "start-database"}:
        return bool(step.step == "stop-database")
    return True if step.step in DATABASE or (step.step == "stop" and step.in_flight) else None


def misplaced(steps: Sequence[Any]) -> list[tuple[Loc, str]]:
    """Return what is wrong with the order of a scenario's steps, each fault with its place."""
    state = _State()
    return [(("steps", number), said) for number, step in enumerate(steps) for said in state.take(step)]
