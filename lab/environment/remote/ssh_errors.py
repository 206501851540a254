"""What ssh and sudo say when they refuse, and what to do about it."""

import shlex

from lab.environment.remote.inventory import Host
from lab.errors import InfrastructureError

LAST_LINES = 4


def refused(host: Host, said: str, seconds: float) -> InfrastructureError:
    """Return the error for a connection that was not made; `said` is what ssh wrote."""
    last = "; ".join(line.strip() for line in said.splitlines()[-LAST_LINES:] if line.strip(" @"))
    file = host.known_hosts or "~/.ssh/known_hosts"
    at = f"[{host.address}]:{host.port}" if host.port else host.address
    if "IDENTIFICATION HAS CHANGED" in said or "differs from the key for the IP" in said:
        return InfrastructureError(
            f"{host.where} shows another host key than {file} holds: it is another machine, was installed anew, or "
            "somebody stands between",
            hint=f"ask who runs it; if the change is meant: ssh-keygen -R {shlex.quote(at)} -f {file}, "
            f"then {_add(host, file)}",
        )
    if "Host key verification failed" in said or "host key is known" in said:
        return InfrastructureError(
            f"{host.where}: its host key is not in {file}",
            hint=f"{_add(host, file)}, and compare it with what the machine itself says: "
            "ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub",
        )
    if "Permission denied" in said or "Too many authentication failures" in said:
        key = f"the key {host.key}" if host.key else "any key that ssh offers"
        bad = "; the key file can be read by others: chmod 600" if "UNPROTECTED PRIVATE KEY" in said else ""
        return InfrastructureError(
            f"{host.where} does not take {key}{bad} ({last})",
            hint="put the public key into ~/.ssh/authorized_keys there, or name another key "
            f"(ansible_ssh_private_key_file) or user (ansible_user) in {host.inventory}",
        )
    return InfrastructureError(
        f"{host.where} cannot be reached: {last or f'ssh said nothing within {seconds:g} s'}",
        hint=f"does it run, and is ansible_host (and ansible_port) in {host.inventory} right? try: {_try(host)}",
    )


def not_root(host: Host, said: str) -> InfrastructureError:
    """Return the error for a command that root was to run and that did not begin; `said` is what came instead."""
    last = "; ".join(said.strip().splitlines()[-LAST_LINES:]) or "it said nothing"
    if "sudo" in said and "command not found" not in said.partition("sudo:")[2]:
        return InfrastructureError(f"{host.where}: sudo refuses ({last})", hint=own_sudo_hint(host))
    if "not found" in said or "No such file" in said:
        missing = host.python if host.python in said else "sudo"
        package = "python3 python3-venv" if missing == host.python else "sudo"
        return InfrastructureError(
            f"{host.where} has no {missing} ({last})",
            hint=f"install it there: apt-get install {package}; or name the interpreter as ansible_python_interpreter",
        )
    return InfrastructureError(f"{host.where} ran nothing for the lab: {last}", hint=f"try: {_try(host)}")


def own_sudo_hint(host: Host) -> str:
    """Return what lets the lab become root on a host."""
    if host.local:
        return "run the lab as root, or let this user use sudo without a password, with ansible_become: true"
    user = host.user or "USER"
    return (
        f"ansible_become: true in {host.inventory}, and there, by visudo -f /etc/sudoers.d/lab: "
        f"{user} ALL=(ALL:ALL) NOPASSWD: ALL; or ansible_user: root"
    )


def _add(host: Host, file: str) -> str:
    port = f"-p {host.port} " if host.port else ""
    return f"ssh-keyscan {port}{shlex.quote(host.address)} >> {file}"


def _try(host: Host) -> str:
    if host.local:
        return "sudo -n true"
    words = ["ssh", *(["-p", str(host.port)] if host.port else []), *(["-i", host.key] if host.key else [])]
    return shlex.join([*words, f"{host.user}@{host.address}" if host.user else host.address, "true"])
