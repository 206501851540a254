"""What a product's systemd unit says, and what systemd says of it: texts only, no machine is asked here."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lab.environment.base import Service, ServiceState
from lab.environment.places import Places

PROPERTIES = (
    "LoadState", "ActiveState", "SubState", "Result", "MainPID", "NRestarts", "ExecMainCode", "ExecMainStatus",
    "ExecMainStartTimestamp", "UnitFileState", "InvocationID", "FragmentPath", "User",
)  # fmt: skip
"""What is asked of systemd about a unit (org.freedesktop.systemd1(5))."""
HARDENING = (
    "NoNewPrivileges=yes",
    "ProtectSystem=strict",
    "ProtectHome=yes",
    "PrivateTmp=yes",
    "CapabilityBoundingSet=",
    "RestrictSUIDSGID=yes",
    "RestrictRealtime=yes",
    "LockPersonality=yes",
    "UMask=0077",
)
"""What a unit that the lab writes forbids the product (systemd.exec(5)): an operator would, too."""
EXITED = "1"
CLEAN_SIGNALS = frozenset({1, 2, 13, 15})
"""SIGHUP, SIGINT, SIGPIPE and SIGTERM: an end by one of them is a success to systemd (systemd.service(5))."""
SPECIAL, BACKSLASHED = re.compile(r'[\\"`$]'), r"\\\g<0>"
KILLED = re.compile(r"(?:Killing|Unit) process (\d+) \((.*?)\) (?:with signal SIGKILL|remains running)")


@dataclass(frozen=True)
class Terms:
    """How a product is run as a unit: by which user, where it may write, and within which bounds."""

    user: str
    places: Places
    environment_file: str
    stop_seconds: float
    memory_mb: int = 0
    """Megabytes, where the control groups of the machine can hold it to them; 0 sets no bound."""
    homes: bool = False
    """Whether it has to read below somebody's home, because its interpreter lies there."""


def unit_text(service: Service, terms: Terms) -> str:
    """Return a unit for a product that brings none of its own."""
    writable = " ".join(quoted(path) for path in (terms.places.home, terms.places.data, terms.places.config))
    return "\n".join(
        [
            "[Unit]",
            "Description=The product under test",
            "After=network.target",
            "StartLimitIntervalSec=60",
            "StartLimitBurst=3",
            "",
            "[Service]",
            "Type=exec",
            f"ExecStart={' '.join(quoted(word, dollars=True) for word in service.argv)}",
            # Only the main process is asked to end, as it is everywhere else; what it leaves behind is killed and told.
            "KillMode=mixed",
            "Restart=on-failure",
            "RestartSec=1",
            *([f"MemoryMax={terms.memory_mb}M"] if terms.memory_mb else []),
            *HARDENING,
            f"ReadWritePaths={writable}",
            *_operators(service, terms),
            "",
            "[Install]",
            "WantedBy=multi-user.target",
            "",
        ]
    )


def drop_in_text(service: Service, terms: Terms) -> str:
    """Return what an operator adds to a unit that the product brings: user, environment, folder, time to stop."""
    written = f"ReadWritePaths={quoted(terms.places.data)}"
    return "\n".join(["[Service]", *_operators(service, terms), written, ""])


def _operators(service: Service, terms: Terms) -> list[str]:
    return [
        f"User={terms.user}",
        f"WorkingDirectory={service.directory.replace('%', '%%')}",
        f"EnvironmentFile={terms.environment_file.replace('%', '%%')}",
        f"TimeoutStopSec={terms.stop_seconds:g}",
        *(["ProtectHome=read-only"] if terms.homes else []),
    ]


def quoted(word: str, *, dollars: bool = False) -> str:
    """Return a word as systemd reads it back, specifiers and, where it expands them, variables left alone."""
    text = word.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\t", "\\t").replace("%", "%%")
    return '"' + (text.replace("$", "$$") if dollars else text) + '"'


def environment_text(variables: Mapping[str, str]) -> str:
    """Return an environment file; in its double quotes only these four need a backslash (systemd.exec(5))."""
    lines = [f'{name}="{SPECIAL.sub(BACKSLASHED, value)}"' for name, value in sorted(variables.items())]
    return "".join(f"{line}\n" for line in lines)


def state_of(shown: str) -> ServiceState:
    """Return the state that `systemctl show` tells.

    An end by SIGTERM that systemd counts as a success has exit code 0; the facts keep what it really was.
    """
    told = dict(line.split("=", 1) for line in shown.splitlines() if "=" in line)
    pid = _number(told.get("MainPID"))
    code, status = told.get("ExecMainCode", "0"), _number(told.get("ExecMainStatus"))
    result = told.get("Result", "")
    exit_code: int | None = None
    if not pid and code != "0":
        by_signal = code != EXITED
        clean = by_signal and result == "success" and status in CLEAN_SIGNALS
        exit_code = 0 if clean else status + 128 * by_signal
    return ServiceState(
        running=pid > 0,
        pid=pid,
        started_at=told.get("ExecMainStartTimestamp", ""),
        exit_code=exit_code,
        oom_killed=result == "oom-kill",
        extra={
            "unit": {
                "load_state": told.get("LoadState", ""),
                "active_state": told.get("ActiveState", ""),
                "sub_state": told.get("SubState", ""),
                "result": result,
                "n_restarts": _number(told.get("NRestarts")),
                "exec_main_code": _number(code),
                "exec_main_status": status,
                "enabled": told.get("UnitFileState", ""),
                "invocation": told.get("InvocationID", ""),
                "user": told.get("User", ""),
            }
        },
    )


def left_behind_in(said: str, main: int, seen: Mapping[int, str]) -> list[str]:
    """Return the command lines of processes that systemd had to kill, or left running, when the main one had ended."""
    found = {int(match[1]): match[2] for match in KILLED.finditer(said)}
    return [seen.get(pid, name) for pid, name in found.items() if pid != main]


def sections(said: bytes, names: Sequence[str]) -> dict[str, bytes]:
    """Return the parts of an output between which a record separator (RS) stands, by name."""
    return dict(zip(names, said.split(b"\x1e\n"), strict=False))


def _number(text: str | None) -> int:
    return int(text) if text and text.isdecimal() else 0
