"""Machines by name, from an inventory in Ansible's YAML: a strict subset, read without running anything."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, RootModel

from lab.errors import UsageError
from lab.strict import Slug, Strict, Text
from lab.template import near
from lab.yamlfile import load, validate

EVERY = "all"
"""The group of all hosts."""
ROOT = "root"


class HostVars(Strict):
    """What an inventory says of a host, or of all hosts of a group."""

    ansible_connection: Literal["ssh", "local"] | None = None
    """`local` means this machine itself, without SSH."""
    ansible_host: Text | None = None
    """Name or address, where it is not the host's name in the inventory."""
    ansible_port: Annotated[int, Field(ge=1, le=65535)] | None = None
    ansible_user: Text | None = None
    ansible_ssh_private_key_file: Text | None = None
    """Relative to the inventory's folder."""
    ansible_become: bool | None = None
    """Whether the user becomes root by sudo, for which no password may be asked."""
    ansible_become_method: Literal["sudo"] | None = None
    ansible_python_interpreter: Text | None = None
    """The Python by which the lab works, and which installers are given."""
    lab_known_hosts: Text | None = None
    """File of host keys, where it is not the user's own; relative to the inventory's folder."""
    lab_pass_network: bool | None = None
    """Whether installers are given this machine's proxies, certificates and indexes, and not the host's own."""


class Group(Strict):
    """Hosts, further groups, and what holds for all of them."""

    hosts: dict[Slug, HostVars | None] | None = None
    vars: HostVars | None = None
    children: "dict[Slug, Group | None] | None" = None


class Inventory(RootModel[dict[Slug, Group | None]]):
    """A whole file: groups by name."""


@dataclass(frozen=True)
class Host:
    """One machine, and how it is reached."""

    name: str
    local: bool = False
    address: str = ""
    port: int | None = None
    """None leaves it to ssh's own configuration."""
    user: str = ""
    key: str = ""
    """Path of the private key; empty leaves it to ssh."""
    become: bool = False
    python: str = "python3"
    known_hosts: str = ""
    """Path; empty means the user's own."""
    pass_network: bool = False
    inventory: str = ""
    """The file that names it."""

    @property
    def where(self) -> str:
        """The host as messages name it."""
        if self.local:
            return f"the host {self.name} (this machine itself)"
        at = f"{self.user}@{self.address}" if self.user else self.address
        return f"the host {self.name} ({at}" + (f", port {self.port})" if self.port else ")")


@dataclass
class _Found:
    """What is said of a group in all places that name it."""

    said: list[HostVars]
    hosts: list[str]
    parents: set[str]


def load_hosts(path: Path, wanted: Sequence[str] = ()) -> list[Host]:
    """Return the hosts of these names and groups, all without any, in the order of the file.

    Raises ScenarioError for an invalid file, UsageError for an unknown name or a group without hosts.
    """
    document = load(path)
    groups: dict[str, _Found] = {EVERY: _Found([], [], set())}
    of_host: dict[str, list[HostVars]] = {}
    _gather(validate(document, Inventory).root, None, groups, of_host)
    names: dict[str, None] = {}
    for name in wanted or [EVERY]:
        if name not in of_host and name not in groups:
            known = [*of_host, *groups]
            raise UsageError(f"{path} has no host or group '{name}'{near(name, known)}", hint=_known(groups, of_host))
        members = [name] if name in of_host else [each for each in of_host if name in _groups_of(each, groups)]
        if not members:
            raise UsageError(f"the group '{name}' of {path} has no hosts", hint=_known(groups, of_host))
        names |= dict.fromkeys(members)
    return [_host(name, _settled(name, groups, of_host[name]), path) for name in of_host if name in names]


def _gather(
    told: Mapping[str, Group | None],
    parent: str | None,
    groups: dict[str, _Found],
    of_host: dict[str, list[HostVars]],
) -> None:
    for name, group in told.items():
        found = groups.setdefault(name, _Found([], [], set()))
        if parent is not None:
            found.parents.add(parent)
        if group is None:
            continue
        found.said += [group.vars] if group.vars else []
        for host, said in (group.hosts or {}).items():
            found.hosts.append(host)
            of_host.setdefault(host, []).extend([said] if said else [])
        _gather(group.children or {}, name, groups, of_host)


def _groups_of(host: str, groups: Mapping[str, _Found]) -> dict[str, int]:
    """Return the groups that a host is in and how far from it each is at most: what is nearer has the last word."""
    found: dict[str, int] = {}
    edge = {name for name, group in groups.items() if host in group.hosts}
    for far in range(len(groups)):
        found |= dict.fromkeys(edge, far)
        edge = {parent for name in edge for parent in groups[name].parents}
    return {EVERY: len(groups), **{name: far for name, far in found.items() if name != EVERY}}


def _settled(host: str, groups: Mapping[str, _Found], own: Sequence[HostVars]) -> dict[str, object]:
    """Merge what is said of a host: its groups from the farthest to the nearest, alike ones by name, then itself."""
    far = _groups_of(host, groups)
    order = sorted(far, key=lambda name: (-far[name], name))
    merged: dict[str, object] = {}
    for said in [*(each for name in order for each in groups[name].said), *own]:
        merged |= said.model_dump(exclude_none=True)
    return merged


def _host(name: str, told: Mapping[str, object], path: Path) -> Host:
    said = HostVars.model_validate(told)
    local = said.ansible_connection == "local"
    return Host(
        name=name,
        local=local,
        address=said.ansible_host or name,
        port=said.ansible_port,
        user=said.ansible_user or "",
        key=_path(said.ansible_ssh_private_key_file, path),
        become=bool(said.ansible_become),
        python=said.ansible_python_interpreter or "python3",
        known_hosts=_path(said.lab_known_hosts, path),
        pass_network=local if said.lab_pass_network is None else said.lab_pass_network,
        inventory=str(path),
    )


def _path(given: str | None, inventory: Path) -> str:
    return str((inventory.absolute().parent / Path(given).expanduser()).resolve()) if given else ""


def _known(groups: Mapping[str, _Found], hosts: Mapping[str, object]) -> str:
    return f"groups: {', '.join(_listed(groups))}; hosts: {', '.join(_listed(hosts))}"


def _listed(names: Mapping[str, object]) -> Iterator[str]:
    yield from list(names) or ["none"]
