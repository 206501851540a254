"""A network without a way out: the places on it are guarded by sentries, and a forwarder lets the lab in.

Containers that join a sentry share its network. What the sentry cannot see it says; see lab/network.
"""

import io
import json
import tarfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from lab import paths
from lab.environment.containers.engine import Door, Ownership
from lab.environment.containers.services import LLM_CONTROL_PORT
from lab.environment.containers.toolbox import PRODUCT_UID
from lab.environment.places import LLM_ALIAS
from lab.errors import InfrastructureError

if TYPE_CHECKING:
    from docker.models.containers import Container

CODE = paths.CHECKOUT / "lab" / "network"
CODE_FOLDER = "/srv/sealed"
PORT_FILE = f"{CODE_FOLDER}/port"
PRODUCT_ALIAS = "product"
"""Where the forwarder finds the product, whichever of its containers runs."""
PRODUCT_DOOR, CONTROL_DOOR = 7001, 7002
"""Ports of the forwarder: to the product, to the LLM mock's control plane."""
NOBODY = "127.0.0.13"
"""Where the engine asks for names that it does not know itself: nobody answers there, and nothing goes out."""
READY_SECONDS = 20.0
POLL_SECONDS = 0.02


class SealedNetwork:
    """The network of one trial, sealed; the last of `guarded` is the product."""

    def __init__(self, door: Door, owned: Ownership, image: str, guarded: Sequence[str]) -> None:
        self._door = door
        self._owned = owned
        self._image = image
        self._guarded = tuple(guarded)
        self._told: dict[str, int] = {}
        self._marks = 0
        self.name = owned.name("net")
        self._stands = False
        self._published: dict[str, int] = {}

    def make(self, known: Sequence[str], host_port: int | None) -> dict[str, Any]:
        """Make the network, post sentries and forwarder; return facts about what is observed.

        `known` are the names that are answered. Raises InfrastructureError.
        """
        network = self.name
        with self._door("making the trial's network"):
            self._door.register("network", network)
            self._door.client.networks.create(
                network, driver="bridge", internal=True, labels=self._owned.labels("net"), check_duplicate=True
            )
        with self._door("asking for the network's addresses"):
            told = self._door.client.api.inspect_network(network)["IPAM"]["Config"] or []
        gateways = [each["Gateway"].partition("/")[0] for each in told if "." in each.get("Gateway", "")]
        words = [f"--known={name}" for name in known] + [f"--closed={address}" for address in gateways]
        with ThreadPoolExecutor(max_workers=3) as pool:
            forwarder = pool.submit(self._post_forwarder, host_port)
            posted = {role: pool.submit(self._post_sentry, role, words) for role in self._guarded}
            reports = {role: call.result() for role, call in posted.items()}
            self._published = forwarder.result()
        self._stands = True
        observed = [set(report["observed"]) for report in reports.values()]
        problems = {role: report["problem"] for role, report in reports.items() if report["problem"]}
        return {"kind": "sealed", "observed": sorted(set.intersection(*observed)), "problems": problems}

    def joined(self, role: str) -> dict[str, Any]:
        """Return how a container is placed that is guarded in this role."""
        return {"network_mode": f"container:{self._name(role)}"}

    def housing(self, ports: Sequence[int], host_port: int | None) -> dict[str, Any]:  # noqa: ARG002 - as below
        """Return how a machine is placed that installs and runs the product; it has the name of its sentry."""
        return self.joined(self._guarded[-1])

    def lead_to(self, port: int) -> None:
        """Let the forwarder lead to this port of the product's place."""
        with self._door("telling the forwarder the product's port"):
            content = _tar({PORT_FILE: str(port).encode()})
            self._door.client.api.put_archive(self._owned.name("forwarder"), "/", content)

    def placed(self, port: int, host_port: int | None) -> dict[str, Any]:  # noqa: ARG002 - published at the forwarder
        """Return how the product's container is placed, and let the forwarder lead to its port."""
        self.lead_to(port)
        return self.joined(self._guarded[-1])

    def beside(self, occupant: str) -> dict[str, Any]:  # noqa: ARG002 - it joined the same sentry
        """Return how the product's container is placed where another one holds its port."""
        return self.joined(self._guarded[-1])

    def published(self, container: "Container", port: int) -> int:  # noqa: ARG002 - published at the forwarder
        """Return the product's port on the host's loopback."""
        return self._published[f"{PRODUCT_DOOR}/tcp"]

    def control_port(self) -> int | None:
        """Return the port of the LLM mock's control plane on the host's loopback."""
        return self._published[f"{CONTROL_DOOR}/tcp"]

    def standing(self) -> list[str]:
        """Return the names of the containers that stand there."""
        names = [self._owned.name("forwarder"), *(self._name(role) for role in self._guarded)]
        return names if self._stands else []

    def asked(self) -> list[dict[str, Any]]:
        """Return what was asked for since the last call: `by` whom, when, and which name or address."""
        found = []
        if not self._stands:
            return []
        self._marks += 1
        for role in self._guarded:
            with self._door(f"telling the sentry of the {role} to make a mark"):
                self._door.client.api.kill(self._name(role), "SIGUSR1")
        for role in self._guarded:
            lines = self._lines_to_mark(role)
            found += lines[self._told.get(role, 0) :]
            self._told[role] = len(lines)
        return sorted(found, key=lambda line: str(line["at"]))

    def _lines_to_mark(self, role: str) -> list[dict[str, Any]]:
        """Read what a sentry wrote up to the last mark: what a container writes, the engine tells a little later.

        Raises InfrastructureError where the mark does not come.
        """
        deadline = time.monotonic() + READY_SECONDS
        while time.monotonic() < deadline:
            lines = self._said(role)
            marks = [number for number, line in enumerate(lines) if line.get("mark") == self._marks]
            if marks:
                return [line for line in lines[: marks[0]] if "asked" in line]
            time.sleep(POLL_SECONDS)
        raise InfrastructureError(f"the sentry of the {role} does not say what was asked for")

    def collect(self) -> dict[str, bytes]:
        """Return all that was asked for, as a file; what cannot be read is named instead."""
        try:
            said = [line for role in self._guarded for line in self._said(role)] if self._stands else []
        except InfrastructureError as error:
            return {"egress.unreadable": f"{error}\n".encode()}
        lines = sorted((line for line in said if "asked" in line), key=lambda line: str(line["at"]))
        return {"egress.ndjson": "".join(json.dumps(line) + "\n" for line in lines).encode()}

    def _said(self, role: str) -> list[dict[str, Any]]:
        """Read all lines that a sentry wrote."""
        with self._door(f"reading what the {role} asked for"):
            said = self._door.client.api.logs(self._name(role), stdout=True, stderr=False)
        return [{"by": role, **json.loads(line)} for line in said.splitlines() if line.endswith(b"}")]

    def _name(self, role: str) -> str:
        return self._owned.name(f"sentry-{role}")

    def _post_sentry(self, role: str, words: Sequence[str]) -> dict[str, Any]:
        """Start a sentry and wait for its report."""
        alias = PRODUCT_ALIAS if role == self._guarded[-1] else f"{role}-place"
        capabilities = ["NET_ADMIN", "NET_RAW", "NET_BIND_SERVICE"]  # routes, packets, the port of DNS
        name = self._create(f"sentry-{role}", "sentry", words, cap_add=capabilities, user="root", dns=[NOBODY])
        with self._door(f"posting the sentry of the {role}"):
            api = self._door.client.api
            api.disconnect_container_from_network(name, "none")
            api.connect_container_to_network(name, self.name, aliases=[alias])
            api.start(name)
        deadline = time.monotonic() + READY_SECONDS
        while time.monotonic() < deadline:
            with self._door(f"asking the sentry of the {role}"):
                said = self._door.client.api.logs(name, stdout=True, stderr=True)
                running = self._door.client.api.inspect_container(name)["State"]["Running"]
            for line in said.splitlines():
                if line.startswith(b"{") and b'"ready"' in line:
                    return dict(json.loads(line))
            if not running:
                break
            time.sleep(POLL_SECONDS)
        raise InfrastructureError(f"the sentry of the {role} did not come up: {said.decode('utf8', 'replace')[-500:]}")

    def _post_forwarder(self, host_port: int | None) -> dict[str, int]:
        """Start the forwarder between the sealed network and one that can publish; return the published ports."""
        outer = self._door.register("network", self._owned.name("outer"))
        with self._door("making the forwarder's outer network"):
            labels = self._owned.labels("outer")
            self._door.client.networks.create(outer, driver="bridge", labels=labels, check_duplicate=True)
        ways = [f"{PRODUCT_DOOR}={PRODUCT_ALIAS}:@{PORT_FILE}", f"{CONTROL_DOOR}={LLM_ALIAS}:{LLM_CONTROL_PORT}"]
        name = self._create(
            "forwarder",
            "forwarder",
            ways,
            network=outer,
            user=f"{PRODUCT_UID}:{PRODUCT_UID}",
            ports={f"{PRODUCT_DOOR}/tcp": ("127.0.0.1", host_port), f"{CONTROL_DOOR}/tcp": ("127.0.0.1", None)},
            sysctls={"net.ipv4.ip_forward": "0"},  # it passes on what it was asked, no packet of its neighbours'
        )
        with self._door("posting the forwarder"):
            api = self._door.client.api
            api.connect_container_to_network(name, self.name)
            api.start(name)
            ports = api.inspect_container(name)["NetworkSettings"]["Ports"]
        return {port: int(bound[0]["HostPort"]) for port, bound in ports.items() if bound}

    def _create(self, role: str, module: str, words: Sequence[str], **more: Any) -> str:
        """Create a container that will run one of the programs in lab/network."""
        name = self._door.register("container", self._owned.name(role))
        with self._door(f"making the {role}"):
            self._door.client.containers.create(
                self._image,
                ["python3", "-m", f"lab.network.{module}", *words],
                name=name,
                labels=self._owned.labels(role),
                environment={"PYTHONPATH": CODE_FOLDER, "PYTHONDONTWRITEBYTECODE": "1"},
                cap_drop=["ALL"],
                security_opt=["no-new-privileges:true"],
                mem_limit="128m",
                pids_limit=512,
                **({"network": "none"} | more),
            )
            files = {f"{CODE_FOLDER}/lab/network/{path.name}": path.read_bytes() for path in CODE.glob("*.py")}
            self._door.client.api.put_archive(name, "/", _tar({f"{CODE_FOLDER}/lab/__init__.py": b"", **files}))
        return name


def _tar(files: dict[str, bytes]) -> bytes:
    """Return an archive of files, by absolute path, that all may read."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for path, content in files.items():
            member = tarfile.TarInfo(path.lstrip("/"))
            member.size, member.mode = len(content), 0o644
            archive.addfile(member, io.BytesIO(content))
    return buffer.getvalue()
