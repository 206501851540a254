"""A bare Debian machine without a container engine: the README's two commands, with all their set-up.

It is run by systemd, as machines are, so that the lab can take it for a machine of an inventory, too.
"""

import io
import math
import secrets
import subprocess
import tarfile
import time
from collections.abc import Iterator
from typing import Any

import pytest

from lab import paths
from lab.environment.containers.engine import OWNER, ROLE, RUN
from lab.environment.containers.machine import boot_for
from lab.environment.containers.streams import executed
from lab.environment.hostnet import CA_FILE, host_network
from lab.environment.images.making import Images
from lab.environment.images.platforms import PACKAGES, platform_named
from lab.environment.remote.machine import MARKER
from tests.integration.program import client

pytestmark = pytest.mark.engine

SAID_TO_BE_NEEDED = ("git", "make")
"""Beside what every platform has: python3 and python3-venv."""
SYSTEM = ("systemd", "systemd-sysv", "dbus")
UP = "until systemctl is-system-running --wait | grep -E 'running|degraded'; do sleep 0.1; done"
"""Units that a container may not have fail on it."""
CHOSEN = "--set database=sqlite --set stop=service"
NOBODY = "-c user.name=nobody -c user.email=nobody@example.org"
HOME, KEPT = "/root/lab", "/opt/of-the-network"


@pytest.fixture
def machine() -> Iterator[Any]:
    engine = client()
    image = Images(engine, print)._base(platform_named("debian-12"), (*PACKAGES, *SAID_TO_BE_NEEDED, *SYSTEM))
    network = host_network()
    boot = boot_for(engine.info())
    made = engine.containers.run(
        image,
        list(boot.command),
        name=f"lab-bare-{secrets.token_hex(6)}",
        labels={RUN: secrets.token_hex(16), OWNER: paths.owner(), ROLE: "bare-machine"},
        environment=network.variables,
        tmpfs={"/run": "", "/run/lock": "", "/tmp": "exec"},  # noqa: S108 - the machine's own
        detach=True,
        **boot.options,
    )
    try:
        _run(made, UP, "/")
        if network.ca is not None:  # the engine cannot write below /run, which is a machine's own
            folder, _, name = CA_FILE.rpartition("/")
            _put(made, KEPT, {name: network.ca})
            _run(made, f"ln -sfn {KEPT} {folder}", "/")
        _put(made, HOME, _checkout())
        _run(made, f"git init --quiet && git add . && git {NOBODY} commit --quiet --message 'as it is'")
        yield made
    finally:
        made.remove(force=True)
        engine.close()


def _checkout() -> dict[str, bytes]:
    """Return the files that git knows of, as they are now."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=paths.CHECKOUT, capture_output=True, check=True).stdout
    files = [paths.CHECKOUT / name for name in listed.decode().split("\0") if name]
    return {str(path.relative_to(paths.CHECKOUT)): path.read_bytes() for path in files if path.is_file()}


def _put(machine: Any, folder: str, files: dict[str, bytes]) -> None:
    machine.exec_run(["mkdir", "-p", folder])
    buffer, now = io.BytesIO(), math.floor(time.time())
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size, member.mode, member.mtime = len(content), 0o755, now
            tar.addfile(member, io.BytesIO(content))
    machine.put_archive(folder, buffer.getvalue())


def _run(machine: Any, command: str, folder: str = HOME) -> str:
    code, out, err = executed(machine.client.api, machine.id, ["sh", "-c", f"{command} 2>&1"], directory=folder)
    assert code == 0, (out + err).decode("utf8", "replace")[-6000:]
    return out.decode("utf8", "replace")


@pytest.mark.alone
@pytest.mark.timeout(1800)  # an index may be slow, and all of it is set up anew
def test_the_two_commands_of_the_readme_pass(machine: Any) -> None:
    said = _run(machine, "make lab SCENARIO=upgrade")
    assert "auto is local here: no container engine: there is no docker or podman socket" in said
    assert said.strip().splitlines()[-1].startswith("lab exit 0: 2 of 2 trials passed, 2 of 4 cells, 2 skipped")
    # The same machine by Ansible's local connection: the product is a unit of it.
    _run(machine, f"echo 'tests allowed' > {MARKER}")
    said = _run(machine, f".venv/bin/lab run fresh-install --env host --inventory inventory/local.yml {CHOSEN}")
    assert "host-this-machine/sqlite/service" in said
    assert said.strip().splitlines()[-1].startswith("lab exit 0: 1 of 1 trials passed")
    assert _run(machine, "ls -d /opt/lab /var/lib/lab /etc/lab 2>/dev/null; grep ^lab- /etc/passwd; true") == ""
    # What official SDKs make of the LLM mock does not depend on the machine, and they are large to fetch.
    said = _run(machine, "make test ARGS='--ignore=tests/sdk_matrix -n 2'")
    assert "no container engine answers" in said
    assert " passed" in said.strip().splitlines()[-1]
    assert " failed" not in said.strip().splitlines()[-1]
