"""The one door to Ansible: ansible-runner runs a playbook on one host, in a process of its own.

What ansible-runner writes down lies in a folder that is gone afterwards; what it found is returned. Ansible takes the
connection that the lab has made already, so that the host's key was checked and nothing is checked less strictly.
"""

import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

from lab import paths, process
from lab.environment.processes import table as processes
from lab.environment.remote.ssh import Connection, is_root
from lab.errors import InfrastructureError

PLAYBOOKS = Path(__file__).parent / "playbooks"
PLAY_MARK = "LAB_PLAYBOOK"
END_SECONDS = 5.0
POLL_SECONDS = 0.02
MOST_SECONDS = 120.0
"""How long a playbook may take; it takes two or three seconds."""
EXTRA_HINT = "install Ansible beside the lab: .venv/bin/python -m pip install 'ansible-runner>=2.4.3' ansible-core"
TOLD = {"runner_on_failed", "runner_on_unreachable"}


@dataclass(frozen=True)
class Play:
    """How a playbook went."""

    playbook: str
    seconds: float
    problem: str
    """What failed, empty if nothing did."""
    output: bytes
    """What Ansible printed."""


def require_ansible() -> None:
    """Raise InfrastructureError where the lab was installed without Ansible."""
    if find_spec("ansible_runner") is None or not _program().is_file():
        raise InfrastructureError("machines of an inventory are set up by Ansible, which is not here", hint=EXTRA_HINT)


def play(
    playbook: Literal["provision", "remove"],
    connection: Connection,
    variables: Mapping[str, Any],
    *,
    python: str,
    mark: str,
    stopped: Callable[[], bool] = process.never,
) -> Play:
    """Run a playbook on the host of a connection, with its variables.

    `python` is the interpreter there; `mark` stands in the environment of Ansible's processes, for `end_plays`;
    `stopped` is that of `process.run`; without it nobody ends the playbook before its time. What failed on the host is
    the result's `problem`. Raises InfrastructureError where Ansible itself does not work.
    """
    require_ansible()
    host = connection.host
    vars_of_host = {
        **connection.ansible(),
        "ansible_become": not is_root(host),
        "ansible_become_method": "sudo",
        "ansible_become_flags": "-H -S -n",
        "ansible_python_interpreter": python,
    }
    with tempfile.TemporaryDirectory(prefix="lab-ansible-") as folder:
        told = {
            "playbook": str(PLAYBOOKS / f"{playbook}.yml"),
            "inventory": {"all": {"hosts": {host.name: vars_of_host}}},
            "variables": dict(variables),
        }
        Path(folder, "told.json").write_text(json.dumps(told), "utf8")
        ended = process.run(
            [sys.executable, "-m", "lab.environment.remote.ansible", folder],
            timeout=MOST_SECONDS,
            environment={"PYTHONPATH": str(paths.CHECKOUT), PLAY_MARK: mark},
            stopped=stopped,
        )
    if ended.timed_out:
        return Play(playbook, ended.seconds, f"the playbook did not end within {MOST_SECONDS:g} s", ended.stdout)
    try:
        found = json.loads(ended.stdout.splitlines()[-1])
    except (IndexError, ValueError):
        raise InfrastructureError(
            f"ansible-runner failed for {host.where}: {ended.tail(3) or 'it was ended'}", hint="lab doctor"
        ) from None
    return Play(playbook, ended.seconds, found["problem"], found["output"].encode())


def end_plays(mark: str) -> None:
    """End what still runs of Ansible with a mark: it has sessions of its own, and may outlive who started it."""
    deadline = time.monotonic() + END_SECONDS
    while (running := processes.marked(PLAY_MARK, mark)) and time.monotonic() < deadline:
        processes.kill(running)
        time.sleep(POLL_SECONDS)


def _program() -> Path:
    return Path(sys.prefix) / "bin" / "ansible-playbook"


def _run(folder: Path) -> dict[str, Any]:
    """Run what a folder tells; it becomes ansible-runner's own, and holds all that Ansible keeps."""
    import ansible_runner

    told = json.loads((folder / "told.json").read_text("utf8"))
    problems: list[str] = []

    def take(event: dict[str, Any]) -> bool:
        if event["event"] in TOLD:
            data = event["event_data"]
            if not data.get("ignore_errors"):
                problems.append(f"{data.get('task', 'a task')}: {_said(data.get('res', {}))}")
        return False  # nothing is kept

    (folder / "ansible.cfg").touch()
    runner = ansible_runner.run(
        private_data_dir=str(folder),
        playbook=told["playbook"],
        inventory=told["inventory"],
        extravars=told["variables"],
        envvars={
            "ANSIBLE_CONFIG": str(folder / "ansible.cfg"),  # nobody's own configuration changes what is done
            "ANSIBLE_HOME": str(folder / "home"),
            "ANSIBLE_HOST_KEY_CHECKING": "True",  # ansible-runner's own default is not to check
            "ANSIBLE_NOCOLOR": "1",
            "ANSIBLE_PIPELINING": "True",
            "ANSIBLE_LOCALHOST_WARNING": "False",
            "PATH": os.pathsep.join([str(_program().parent), os.environ.get("PATH", os.defpath)]),
        },
        settings={"pexpect_timeout": 0.2, "idle_timeout": MOST_SECONDS},
        event_handler=take,
        quiet=True,
    )
    output = runner.stdout.read() if runner.stdout else ""
    if runner.rc and not problems:
        problems.append(output.strip()[-500:] or f"ansible-playbook ended with {runner.rc} ({runner.status})")
    return {"problem": "; ".join(problems), "output": output}


def _said(result: Mapping[str, Any]) -> str:
    words = [str(result.get(name, "")).strip() for name in ("msg", "stderr", "module_stderr")]
    return "; ".join(dict.fromkeys(word[-300:] for word in words if word)) or "it failed"


if __name__ == "__main__":
    print(json.dumps(_run(Path(sys.argv[1]))))
