"""Step `search`: whether anything of the host's own network settings has stayed where it must not.

What was found is told by the setting's name and the place; its value never enters the record.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from lab.environment.hostnet import host_network
from lab.environment.traces import MARK_NAME, sought
from lab.history import StepFailedError
from lab.lifecycle.setting import Session
from lab.scenario.steps import SearchStep

SEARCH_SCRIPT = r"""
import json, os, re, sys
sought = json.loads(os.environ.pop("LAB_SOUGHT"))
names = {text.encode("utf8", "surrogateescape"): name for name, texts in sought.items() for text in texts}
pattern = re.compile(b"|".join(re.escape(text) for text in sorted(names, key=len, reverse=True)))
keep, found, read, unread = max(map(len, names)), set(), 0, []

def look(path):
    global read
    try:
        with open(path, "rb") as file:
            tail = b""
            while True:
                chunk = file.read(1 << 20)
                if not chunk:
                    break
                for match in pattern.finditer(tail + chunk):
                    found.add((names[match.group()], path))
                tail = (tail + chunk)[-keep:]
        read += 1
    except OSError as error:
        unread.append("%s: %s" % (path, error.strerror))

for place in sys.argv[1:]:
    if os.path.isfile(place):
        look(place)
    for folder, folders, files in os.walk(place):
        for name in files:
            path = os.path.join(folder, name)
            if os.path.isfile(path) and not os.path.islink(path):
                look(path)
print(json.dumps({"found": sorted(found), "files": read, "unread": unread[:20]}))
"""
SETTINGS_FILES = ("/etc/pip.conf", "/etc/uv/uv.toml", "/root/.config", "/root/.netrc", "/tmp/.config", "/tmp/.pip")  # noqa: S108
"""Where installers in a place of their own would keep settings; on this very machine they are the user's."""
EVIDENCE, RUNNING = "the lab's own evidence", "what runs"


def search(session: Session, _step: SearchStep, facts: dict[str, Any]) -> None:
    """Search the product's files, its variables, its image and the lab's own evidence.

    Raises StepFailedError where the search itself does not run.
    """
    wanted = sought(host_network().variables)
    places = session.setting.places
    folders = [places.home, places.data, places.config]
    if "engine" in session.environment.capabilities:
        folders += SETTINGS_FILES
    result = session.environment.run(
        [session.setting.bindings.python, "-c", SEARCH_SCRIPT, *folders],
        timeout=session.setting.timeouts.command,
        environment={"LAB_SOUGHT": json.dumps(wanted)},
    )
    if not result.ok:
        raise StepFailedError(f"the product's files could not be searched: {result.tail(3)}")
    told = json.loads(result.stdout)
    known = session.environment.product.traces()
    facts["sought"] = sorted(wanted)
    facts["files"], facts["unread"] = told["files"], told["unread"]
    facts["looked_at"] = sorted(known)
    found = [{"setting": setting, "where": path} for setting, path in told["found"]]
    found += [{"setting": name, "where": where} for name, where in _within(wanted, known)]
    without_mark = {name: texts for name, texts in wanted.items() if name != MARK_NAME}
    found += [
        {"setting": name, "where": where, "whose": "lab"} for name, where in _evidence(without_mark, session.folder)
    ]
    facts["found"] = found


def _within(wanted: Mapping[str, list[str]], known: Mapping[str, bytes]) -> Iterator[tuple[str, str]]:
    """Return which settings stand in which of these texts."""
    for where, content in sorted(known.items()):
        for name, texts in wanted.items():
            if any(text.encode("utf8", "surrogateescape") in content for text in texts):
                yield name, where


def _evidence(wanted: Mapping[str, list[str]], folder: Path) -> Iterator[tuple[str, str]]:
    """Return which settings stand in which of the trial's files so far."""
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            yield from _within(wanted, {path.relative_to(folder).as_posix(): path.read_bytes()})
