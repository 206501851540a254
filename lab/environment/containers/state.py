"""What the engine tells of a container, as the lab understands it."""

import re
from collections.abc import Mapping
from typing import Any

from lab.environment.base import ServiceState

REASON = (
    r"(?:executable file not found|no such file or directory|not a directory|is a directory|exec format error"
    r"|permission denied|too many levels of symbolic links)"
)
"""Why a file cannot be executed. An engine says most of these of files of its own, too."""
CANNOT_ENTER = re.compile(rf"chdir to cwd \(.*\) set in config\.json failed: {REASON}|\bchdir: {REASON}", re.IGNORECASE)
"""What runc and crun say of a container's working folder."""


def state_of(attributes: Mapping[str, Any]) -> ServiceState:
    """Return the state that an inspection of a container tells."""
    state = attributes["State"]
    running = state["Status"] in {"running", "paused", "restarting"}
    return ServiceState(
        running=running,
        pid=state["Pid"],
        started_at=state["StartedAt"],
        exit_code=None if running else state["ExitCode"],
        oom_killed=state["OOMKilled"],
        health=(state.get("Health") or {}).get("Status", ""),
        extra={
            "status": state["Status"],
            "error": state["Error"],
            "user": attributes["Config"].get("User", ""),
            "healthcheck": bool((attributes["Config"].get("Healthcheck") or {}).get("Test")),
            "path": attributes["Path"],
            "image": attributes["Image"],
        },
    )


def cannot_execute(said: str, word: str) -> bool:
    """Whether an engine says that a container's command, whose first word this is, cannot be executed in it.

    Words of runc, then of crun; of the latter's error about an open executable the command is the only one meant.
    """
    own = rf"[\\\"'`]*(?:[^\s\"'`]*/)?{re.escape(word)}[\\\"'`]*" if word else r"(?!)"
    forms = (
        rf"\bexec:? {own}: (?:l?stat {own}: )?{REASON}",
        rf"\bl?stat {own}: {REASON}",
        rf"\bexecutable file {own} not found",
        rf"\bexec container process (?:\(.*?\) )?{own}: {REASON}",
        rf"\bopen executable: {REASON}",
    )
    return bool(re.search("|".join(forms), said, re.IGNORECASE) or CANNOT_ENTER.search(said))


def memory_of(stats: Mapping[str, Any]) -> dict[str, int]:
    """Return a container's memory in bytes: `current` as `docker stats` shows it, without reclaimable file cache.

    Empty where the engine does not measure it. The peak is known under cgroup v1 only.
    """
    memory = stats.get("memory_stats", {})
    if "usage" not in memory:
        return {}
    detail = memory.get("stats", {})
    cache = detail.get("total_inactive_file", detail.get("inactive_file", 0))
    figures = {"current": memory["usage"] - min(cache, memory["usage"])}
    return figures | ({"peak": memory["max_usage"]} if "max_usage" in memory else {})
