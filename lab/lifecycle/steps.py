"""Every kind of step, and how it runs: afterwards the lab makes sure that its own containers stood all the while."""

from collections.abc import Callable
from typing import Any

from lab.history import StepFailedError
from lab.lifecycle.backup import backup, restore
from lab.lifecycle.configure import configure
from lab.lifecycle.converse import converse
from lab.lifecycle.data import exercise, ledger, seed, verify
from lab.lifecycle.downgrade import downgrade
from lab.lifecycle.hook import call_hook
from lab.lifecycle.inspect import inspect
from lab.lifecycle.install import install, setup, upgrade
from lab.lifecycle.kill import kill
from lab.lifecycle.outage import start_database, stop_database, watch
from lab.lifecycle.reboot import reboot
from lab.lifecycle.refuse import refuse
from lab.lifecycle.reinstall import reinstall
from lab.lifecycle.restart import restart
from lab.lifecycle.search import search
from lab.lifecycle.setting import Session
from lab.lifecycle.start import ready, start
from lab.lifecycle.stop import stop
from lab.lifecycle.suite import suite
from lab.lifecycle.survey import survey
from lab.lifecycle.uninstall import uninstall
from lab.scenario.steps import HookStep
from lab.template import render


def hook(session: Session, step: HookStep, facts: dict[str, Any]) -> None:
    """Call a hook of the scenario's.

    Raises StepFailedError when an assertion in it fails.
    """
    found, problem = call_hook(
        session, step.call, render(step.arguments, session.scope()), session.setting.scenario_folder
    )
    facts |= found
    if problem:
        raise StepFailedError(problem)


LOOKED_AFTER = frozenset({"stop", "watch", "refuse"})
"""Steps in which a product may do what it does because its database server is gone, which the lab provides."""


def run_step(session: Session, step: Any, facts: dict[str, Any]) -> None:
    """Run a step, and make sure that what stands beside the product still does.

    Raises InfrastructureError where it does not: a product that lost its database to somebody else, or to a fault of
    the lab's, broke no promise. Else raises what the step raises.
    """
    try:
        RUN[step.step](session, step, facts)
    except StepFailedError:
        session.environment.check_own(closely=True)
        raise
    served = session.setting.has_database_server and step.step in LOOKED_AFTER
    session.environment.check_own(closely=served or _went_wrong(facts))


def _went_wrong(facts: Any) -> bool:
    """Whether something in the facts was not as expected."""
    if isinstance(facts, dict):
        told = any(facts.get(name) for name in ("failures", "problem", "request_problem", "last_problem"))
        return told or any(_went_wrong(each) for each in facts.values() if isinstance(each, dict | list))
    return isinstance(facts, list) and any(_went_wrong(each) for each in facts)


RUN: dict[str, Callable[[Session, Any, dict[str, Any]], None]] = {
    "install": install,
    "configure": configure,
    "setup": setup,
    "start": start,
    "ready": ready,
    "inspect": inspect,
    "seed": seed,
    "verify": verify,
    "exercise": exercise,
    "ledger": ledger,
    "stop": stop,
    "stop-database": stop_database,
    "start-database": start_database,
    "watch": watch,
    "refuse": refuse,
    "upgrade": upgrade,
    "suite": suite,
    "restart": restart,
    "reboot": reboot,
    "search": search,
    "survey": survey,
    "kill": kill,
    "backup": backup,
    "downgrade": downgrade,
    "restore": restore,
    "reinstall": reinstall,
    "uninstall": uninstall,
    "converse": converse,
    "hook": hook,
}
