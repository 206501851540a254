"""How the contract's tests get an environment of each kind, and how they see what one left behind."""

import contextlib
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from lab import paths
from lab.building import Site, prepare_site
from lab.environment.base import Environment, Service, ServiceState
from lab.environment.containers import engine
from lab.environment.kinds import KINDS
from lab.environment.processes import table as processes
from lab.errors import DiskFullError
from lab.lifecycle.setting import Setting
from lab.planning import draft, make_up, planned_artifacts, secret_names, setting_of
from lab.process import TRIAL_MARK
from lab.trial import TrialPlan
from lab.wish import Wish

STOP_SECONDS = 2.0
"""After which a service manager kills a service that does not end."""
PROGRAM = Path(__file__).with_name("service.py").read_bytes()


def setting_for(kind: str, wish: Wish | None = None) -> Setting:
    """Return what a trial of the reference product is given in an environment of this kind."""
    asked = replace(
        wish or Wish("fresh-install"), environments=(kind,), chosen={"database": ["sqlite"], "stop": ["signal"]}
    )
    planned = draft(asked)
    (cell,) = [cell for cell in planned.cells if not cell.skip]
    made_up = make_up(secret_names(planned.definitions), 1)
    return setting_of(planned, cell, planned_artifacts(planned), made_up)


@dataclass
class Places:
    """Environments of one kind, each with what it takes to look after it."""

    kind: str
    site: Site
    setting: Setting
    folder: Path
    run_id: str

    @contextlib.contextmanager
    def open(self, name: str = "one") -> "Iterator[Place]":
        """Give a provisioned environment; destroy it afterwards and see that nothing of it is left."""
        place = self.new(name)
        try:
            place.facts = place.environment.provision()
            yield place
        finally:
            problems = place.environment.destroy()
        assert problems == []
        assert place.left_over() == []

    def new(self, name: str = "one", fails_after: int = -1) -> "Place":
        """Return an environment that is not provisioned yet; one of its events, if any, cannot be noted."""
        events: list[dict[str, Any]] = []

        def note(event: str, **facts: Any) -> None:
            events.append({"event": event, **facts})
            if len(events) - 1 == fails_after:
                raise DiskFullError(f"planted: no space is left to note event {fails_after}")

        plan = TrialPlan(
            run_id=self.run_id,
            number=1,
            attempt=1,
            setting=self.setting,
            folder=self.folder / "trials" / name / "001" / "attempt-1",
            seed=1,
            keep="never",
            images={},
        )
        # One key for each name, as trials of one run have.
        plan = replace(plan, setting=replace(plan.setting, cell=replace(plan.setting.cell, scenario=name)))
        environment = self.site.build(plan, note)
        return Place(environment, plan, events, {})


@dataclass
class Place:
    """One environment under test."""

    environment: Environment
    plan: TrialPlan
    events: list[dict[str, Any]]
    facts: dict[str, Any]

    @property
    def port(self) -> int:
        """The port on which the service listens."""
        return self.plan.setting.bound(self.environment.bindings).port("to")

    def can(self, capability: str) -> bool:
        """Whether the environment says that it can."""
        return capability in self.environment.capabilities

    def service(self, *ways: str, name: str = "service") -> Service:
        """Return how the service is run; its program is put into place."""
        path = f"{self.environment.bindings.places.home}/service.py"
        self.environment.put(PROGRAM, path)
        data = self.environment.bindings.places.data
        return Service(
            ("python3", path, str(self.port), *ways), {"NAME": name}, data, self.port, stop_seconds=STOP_SECONDS
        )

    def start(self, *ways: str, name: str = "service") -> ServiceState:
        """Start the service."""
        return self.environment.product.start(self.service(*ways, name=name))

    def left_over(self) -> list[str]:
        """Return what is still there of the environment, by the names under which it was noted."""
        folder = paths.place(self.plan.folder.parents[3], self.plan.run_id, self.plan.key)
        found = [str(pid) for pid in processes.marked(TRIAL_MARK, folder.name)]
        found += [str(folder)] if folder.exists() else []
        if KINDS[self.environment.kind].needs_engine:
            client = engine.connect()
            wanted = {"label": [f"{engine.RUN}={self.plan.run_id}", f"{engine.TRIAL}={self.plan.key}"]}
            found += [each["Id"] for each in client.api.containers(all=True, filters=wanted)]
            found += [each["Name"] for each in client.api.networks(filters=wanted)]
            found += [each["Name"] for each in client.api.volumes(filters=wanted)["Volumes"] or []]
            client.close()
        return found


def places_of(kind: str, folder: Path, wish: Wish | None = None) -> Places:
    """Prepare what environments of this kind share."""
    setting = setting_for(kind, wish)
    client = engine.connect() if KINDS[kind].needs_engine else None
    say: Callable[[str], None] = print
    site = prepare_site([setting], client, say)
    if client is not None:
        client.close()
    return Places(kind, site, setting, folder, secrets.token_hex(16))
