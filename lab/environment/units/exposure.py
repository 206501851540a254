"""What another user of a machine can read of the product's: asked as that user, not guessed from mode bits."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from lab.environment.units.machine import Machine
from lab.errors import InfrastructureError

OTHER_USER = "nobody"
LOOK_SECONDS = 120.0
SECRET = "LAB_SECRET_"  # noqa: S105 - the beginning of a variable's name
LOOK_SCRIPT = """
import json, os, stat, sys
folders, files = json.loads(sys.argv[1])
secrets = {n[len("LAB_SECRET_"):]: v.encode() for n, v in os.environ.items() if n.startswith("LAB_SECRET_")}
told = {"files": {}, "readable": [], "secrets": [], "read": 0}

def content(path):
    try:
        if not stat.S_ISREG(os.lstat(path).st_mode):
            return None
        with open(path, "rb") as file:
            return file.read(20000000)
    except OSError:
        return None

def look(path, shown):
    found = content(path)
    if found is None:
        return False
    told["read"] += 1
    told["secrets"] += [[name, shown] for name, value in sorted(secrets.items()) if value in found]
    return True

for path in files:
    told["files"][path] = look(path, path)
for folder in folders:
    for here, below, names in os.walk(folder):
        below[:] = [name for name in below if name not in ("site-packages", "dist-packages", ".git")]
        for name in sorted(names):
            path = os.path.join(here, name)
            if path not in files and look(path, path) and len(told["readable"]) < 50:
                told["readable"].append(path)
for entry in os.listdir("/proc"):
    try:
        others = entry.isdigit() and os.stat("/proc/" + entry).st_uid != os.getuid()
    except OSError:
        continue
    if others:
        for name in ("cmdline", "environ"):
            path = "/proc/%s/%s" % (entry, name)
            try:
                with open(path, "rb") as file:
                    found = file.read(1000000)
            except OSError:
                continue
            shown = "the process's " + ("command line" if name == "cmdline" else "environment")
            told["secrets"] += [[n, shown] for n, v in sorted(secrets.items()) if v in found]
print(json.dumps(told))
"""
"""Reads as whoever runs it; the secrets come in its own environment, which only that user and root can see."""


def exposed(
    machine: Machine, folders: Sequence[str], files: Sequence[str], secrets: Mapping[str, str]
) -> dict[str, Any]:
    """Look as another user: which of `files` it can read, what else below `folders`, and where it finds secrets.

    Raises InfrastructureError where nobody could look.
    """
    asked = machine.run(
        ["python3", "-c", LOOK_SCRIPT, json.dumps([list(folders), list(files)])],
        timeout=LOOK_SECONDS,
        environment={f"{SECRET}{name}": value for name, value in secrets.items() if value},
        user=OTHER_USER,
    )
    if not asked.ok:
        raise InfrastructureError(f"nobody could look as another user of the machine: {asked.tail(2) or 'time-out'}")
    return {"user": OTHER_USER, **json.loads(asked.stdout)}
