"""A container that runs systemd and sshd as a machine would, and an inventory that names it."""

import contextlib
import secrets
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from lab import paths
from lab.environment.containers import engine
from lab.environment.containers.machine import boot_for
from lab.environment.containers.streams import executed
from lab.environment.images.making import SYSTEMD_PACKAGES, Images, _uv_binary
from lab.environment.images.platforms import PACKAGES, platform_named
from lab.environment.remote.machine import ALLOWED, MARKER

PLATFORM = "debian-12"
SSH_PORT = "22/tcp"
SSH_PACKAGES = ("openssh-server", "sudo")


@cache
def image() -> str:
    client = engine.connect()
    images, platform = Images(client, print), platform_named(PLATFORM)
    base = images._base(platform, (*PACKAGES, *SYSTEMD_PACKAGES, *SSH_PACKAGES))
    machine = images._built("systemd", paths.images() / "systemd", base, {"uv": _uv_binary()}, PLATFORM)
    tag = images._built("ssh-host", paths.images() / "ssh-host", machine, {}, PLATFORM)
    client.close()
    return tag


@dataclass
class SshHost:
    """A running machine."""

    container: Any
    folder: Path
    port: int
    name: str = "box"

    @property
    def key(self) -> Path:
        return self.folder / "key"

    @property
    def known_hosts(self) -> Path:
        return self.folder / "known_hosts"

    @property
    def inventory(self) -> Path:
        return self.folder / "inventory.yml"

    def write_inventory(self, **changed: Any) -> Path:
        """Write an inventory with this one host in the group `boxes`; what is None is left out."""
        said: dict[str, Any] = {
            "ansible_host": "127.0.0.1",
            "ansible_port": self.port,
            "ansible_user": "tester",
            "ansible_become": True,
            "ansible_ssh_private_key_file": str(self.key),
            "lab_known_hosts": str(self.known_hosts),
            "lab_pass_network": True,
            **changed,
        }
        lines = ["all:", "  children:", "    boxes:", "      hosts:", f"        {self.name}:"]
        lines += [
            f"          {name}: {str(value).lower() if isinstance(value, bool) else value}"
            for name, value in said.items()
            if value is not None
        ]
        self.inventory.write_text("\n".join([*lines, ""]), "utf8")
        return self.inventory

    def run(self, script: str) -> str:
        """Run a script in the machine as root, past sshd."""
        code, out, err = executed(self.container.client.api, self.container.id, ["sh", "-c", script])
        assert code == 0, f"{script}: {err.decode()}"
        return out.decode().strip()

    def traces(self) -> list[str]:
        """Name all that a trial could have left on the machine."""
        script = (
            "ls -d /opt/lab /var/lib/lab /etc/lab /run/lab-ports/* /etc/systemd/system/lab-* /tmp/* /var/tmp/* "
            "/home/*/.ansible 2>/dev/null; grep ^lab- /etc/passwd /etc/group; "
            "ps ax -o user:40,args 2>/dev/null | grep ^lab-; "
            "systemctl list-units --all --plain --no-legend 'lab-*'; true"
        )
        return [line for line in self.run(script).splitlines() if "systemd-private" not in line]


WITHOUT_SYSTEMD = ("sh", "-c", "mkdir -p /run/sshd && ssh-keygen -A && exec /usr/sbin/sshd -D -e")
UP = {
    True: "until systemctl is-system-running --wait; do sleep 0.05; done",
    False: "until test -s /run/sshd.pid; do sleep 0.05; done",
}


@contextlib.contextmanager
def ssh_host(folder: Path, *, systemd: bool = True) -> Iterator[SshHost]:
    """Start a machine that allows tests; its host key is read from inside, not taken on trust."""
    folder.mkdir(parents=True, exist_ok=True)
    client = engine.connect()
    boot = boot_for(client.info())
    container = client.containers.run(
        image(),
        list(boot.command if systemd else WITHOUT_SYSTEMD),
        name=f"lab-test-host-{secrets.token_hex(6)}",
        detach=True,
        hostname="box",
        ports={SSH_PORT: ("127.0.0.1", 0)},
        # /opt as a machine has it, not in a layer of the engine's, where writing and removing costs many times more.
        tmpfs={"/run": "", "/run/lock": "", "/tmp": "exec", "/opt": "exec,mode=755"},  # noqa: S108 - the machine's own
        **boot.options,
    )
    try:
        container.reload()
        host = SshHost(container, folder, int((container.ports[SSH_PORT] or [])[0]["HostPort"]))
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", host.key], check=True)
        public = host.key.with_suffix(".pub").read_text("utf8").strip()
        host.run(UP[systemd])
        host.run(
            f"for user in tester visitor; do install -d -m 0700 -o $user -g $user /home/$user/.ssh; "
            f"echo '{public}' > /home/$user/.ssh/authorized_keys; chown $user /home/$user/.ssh/authorized_keys; done; "
            f"echo '{ALLOWED}' > {MARKER}"
        )
        own = host.run("cat /etc/ssh/ssh_host_ed25519_key.pub").split()[:2]
        host.known_hosts.write_text(f"[127.0.0.1]:{host.port} {' '.join(own)}\n", "utf8")
        host.write_inventory()
        yield host
    finally:
        container.remove(force=True, v=True)
        client.close()
