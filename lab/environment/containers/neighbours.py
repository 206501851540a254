"""Containers that share a place with the product: one holds its port, one sees which processes it leaves behind."""

import json
import time
from typing import Any

from lab.environment.containers.engine import Door, Ownership
from lab.environment.containers.network import Network
from lab.environment.containers.toolbox import PRODUCT_UID, Commands
from lab.errors import InfrastructureError

OCCUPANT_SCRIPT = """
import socket, sys, time
held = socket.create_server(("0.0.0.0", int(sys.argv[1])))
time.sleep(3600)
"""
LISTENING_SCRIPT = """
import socket, sys, time
while True:
    try:
        socket.create_connection(("127.0.0.1", int(sys.argv[1])), 1).close()
        break
    except OSError:
        time.sleep(0.02)
"""
OCCUPY_SECONDS = 10
WITNESS_SCRIPT = """
import json, os, signal, threading, time
seen, zombies, told, main, gone = {}, set(), set(), None, 0.0

def look():
    for entry in os.listdir("/proc"):
        if entry.isdigit() and entry != "1":
            try:
                with open("/proc/" + entry + "/cmdline", "rb") as file:
                    words = file.read().replace(b"\\0", b" ").decode("utf8", "replace").strip()
                with open("/proc/" + entry + "/stat") as file:
                    state, parent = file.read().rpartition(")")[2].split()[:2]
            except (OSError, ValueError):
                continue
            if words:
                seen[int(entry)] = words
            yield int(entry), state, parent

def tell(pid):
    if pid not in told:
        told.add(pid)
        print(json.dumps({"left": seen.get(pid, "?"), "pid": pid}), flush=True)

def alive():
    try:
        with open("/proc/%d/stat" % main) as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False

# What ended before the product did, or ends with it by itself, was not left behind; what must be killed was.
def reap():
    while True:
        try:
            pid, status = os.waitpid(-1, 0)
        except ChildProcessError:
            time.sleep(0.005)
            continue
        killed = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
        if main is not None and killed and pid not in zombies and not alive():
            tell(pid)

threading.Thread(target=reap, daemon=True).start()
while True:
    here = list(look())
    if main is None:
        main = next((pid for pid, _, parent in here if parent == "0"), None)
        if main is not None:
            print(json.dumps({"main": main}), flush=True)
    elif alive():
        zombies.update(pid for pid, state, _ in here if state == "Z")
    else:
        gone = gone or time.monotonic()
        if time.monotonic() > gone + 0.25:  # an engine that kills nothing
            for pid, state, _ in here:
                if state != "Z":
                    tell(pid)
            print(json.dumps({"done": True}), flush=True)
            time.sleep(3600)
    time.sleep(0.01)
"""
WITNESS_SECONDS = 20.0
"""Within this time after the product's end the witness must have looked around."""
POLL_SECONDS = 0.05


class Neighbours:
    """What stands beside the next start of the product, in one trial."""

    def __init__(self, door: Door, owned: Ownership, image: str, network: Network) -> None:
        self._door = door
        self._owned = owned
        self._image = image
        self._network = network
        self._occupant = ""
        self._witness = ""

    def standing(self) -> list[str]:
        """Return the names of the containers that stand there now."""
        return [name for name in (self._occupant, self._witness) if name]

    def placed(self, connected: dict[str, Any]) -> dict[str, Any]:
        """Return how the product's container is placed: `connected` as it would be alone, or with its neighbours."""
        place = self._network.beside(self._occupant) if self._occupant else connected
        return {**place, "pid_mode": f"container:{self._witness}"} if self._witness else place

    def occupy(self, port: int) -> None:
        """Let a process listen on the port; the product starts in its network from now on."""
        self._occupant = self._run("occupant", OCCUPANT_SCRIPT, str(port), **self._network.joined("product"))
        listening = Commands(self._door, self._occupant)
        try:
            asked = listening.run(["python3", "-c", LISTENING_SCRIPT, str(port)], timeout=OCCUPY_SECONDS)
        finally:
            listening.close()
        if not asked.ok:
            raise InfrastructureError(f"port {port} could not be occupied: {asked.tail(2)}")

    def vacate(self) -> None:
        """Remove the process that listens."""
        name, self._occupant = self._occupant, ""
        self._remove(name)

    def watch_processes(self) -> None:
        """Let an init stand above the product's next start, to which processes fall that lose their parents."""
        self._remove(self._witness)
        self._witness = self._run("witness", WITNESS_SCRIPT, network="none")

    def left_behind(self) -> list[str] | None:
        """Return the command lines of processes that outlived the product; None where nobody watched."""
        name, self._witness = self._witness, ""
        if not name:
            return None
        try:
            return self._told_by(name)
        finally:
            self._remove(name)

    def _told_by(self, name: str) -> list[str]:
        """Wait until the witness has looked around after the product's end; return whom it saw."""
        deadline = time.monotonic() + WITNESS_SECONDS
        told: list[dict[str, Any]] = []
        while not any("done" in each for each in told):
            with self._door("asking who was left behind"):
                said = self._door.client.api.logs(name, stdout=True, stderr=True).decode("utf8", "replace")
                running = self._door.client.api.inspect_container(name)["State"]["Running"]
            told = [json.loads(line) for line in said.splitlines() if line.startswith("{")]
            if not running or time.monotonic() > deadline:
                raise InfrastructureError(f"the witness did not see the product's process to its end: {said[-300:]}")
            time.sleep(POLL_SECONDS)
        return [each["left"] for each in told if "left" in each]

    def _run(self, role: str, script: str, *arguments: str, **connected: Any) -> str:
        name = self._door.register("container", self._owned.name(role))
        with self._door(f"starting the {role}"):
            self._door.client.containers.run(
                self._image,
                ["python3", "-c", script, *arguments],
                name=name,
                labels=self._owned.labels(role),
                detach=True,
                **connected,
                user=f"{PRODUCT_UID}:{PRODUCT_UID}",
                cap_drop=["ALL"],
                security_opt=["no-new-privileges:true"],
                mem_limit="64m",
                pids_limit=16,
            )
        return name

    def _remove(self, name: str) -> None:
        if name:
            with self._door(f"removing {name}"):
                self._door.client.api.remove_container(name, force=True)
