"""What the engine tells of a container, as the lab understands it."""

import re
from collections.abc import Mapping
from typing import Any

from lab.environment.base import ServiceState

CANNOT_EXECUTE = re.compile(
    r"executable file not found|no such file or directory|exec format error|permission denied", re.IGNORECASE
)
"""What the engine says when the command of a container cannot be executed in it."""


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
