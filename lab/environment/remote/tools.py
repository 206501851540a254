"""What installers on a machine of an inventory are given: the lab's uv where there is none, and network settings."""

import platform as this_machine
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lab.environment.hostnet import (
    CA_FILE,
    CA_VARIABLES,
    INDEX_VARIABLES,
    PROXY_VARIABLES,
    HostNetwork,
    host_network,
    own_network,
)
from lab.environment.remote.machine import PATH, HostMachine
from lab.environment.remote.trial import HostTrial
from lab.errors import InfrastructureError

TRY_SECONDS = 30.0
FROM_LOG_IN = (*PROXY_VARIABLES, *map(str.lower, PROXY_VARIABLES), *CA_VARIABLES, *INDEX_VARIABLES, "PIP_FIND_LINKS")
"""Variables that installers get from the machine's own log-in environment."""


class HostTools:
    """What one trial's installers are given."""

    def __init__(self, machine: HostMachine, trial: HostTrial) -> None:
        self._machine = machine
        self._folder = trial.tools
        self._uv = ""
        self._runs_on = ""
        self._lock = threading.Lock()

    @property
    def ca_file(self) -> str:
        """Where the certificates of this machine lie there, if they are passed on."""
        return f"{self._folder}/ca.crt"

    def found(self, told: Mapping[str, Any]) -> None:
        """Take note of what the machine has."""
        self._uv, self._runs_on = told["uv"], told["machine"]

    def bring_uv(self) -> None:
        """Copy the lab's own uv to a machine that has none.

        Raises InfrastructureError where it is of no use there.
        """
        with self._lock:
            if self._uv:
                return
            import uv

            path = f"{self._folder}/uv"
            if self._runs_on == this_machine.machine():
                self._machine.put(Path(uv.find_uv_bin()).read_bytes(), path, mode=0o755, owner="root")
                if self._machine.run([path, "--version"], timeout=TRY_SECONDS).ok:
                    self._machine.path = f"{self._folder}:{PATH}"
                    self._uv = path
                    return
            raise InfrastructureError(
                f"{self._machine.host.where} has no uv, and the lab's ({this_machine.machine()}) does not run there",
                hint="install uv on that machine, or choose a version that pip installs",
            )

    def network(self) -> HostNetwork:
        """Return the network settings of this machine that installers are given there."""
        host = self._machine.host
        if not host.pass_network:
            return HostNetwork({}, None, ())
        if host.local:
            return HostNetwork(own_network(), None, ())
        settings = host_network()
        moved = {name: self.ca_file if value == CA_FILE else value for name, value in settings.variables.items()}
        return HostNetwork(moved, settings.ca, settings.left_out)
