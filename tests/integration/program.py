"""The lab as its users call it, and what it leaves on the engine."""

import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import docker

from lab import paths
from lab.environment.containers import engine

LAB = Path(sys.prefix) / "bin" / "lab"
SECONDS = 300


@dataclass(frozen=True)
class Ended:
    code: int
    stdout: str
    stderr: str

    @property
    def said(self) -> str:
        return self.stdout + self.stderr

    @property
    def last_line(self) -> str:
        return self.stdout.strip().splitlines()[-1] if self.stdout.strip() else ""


def lab(*arguments: str, seconds: float = SECONDS, **variables: str) -> Ended:
    done = subprocess.run(
        [LAB, *arguments],
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
        cwd=paths.CHECKOUT,
    )
    return Ended(done.returncode, done.stdout, done.stderr)


def start_lab(*arguments: str, **variables: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [LAB, *arguments],
        env={**os.environ, **variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
        cwd=paths.CHECKOUT,
    )


def client() -> docker.DockerClient:
    return engine.connect()


def left_on_engine() -> list[str]:
    """Name the objects that belong to this test's results folder."""
    wanted: dict[str, Any] = {"label": [f"{engine.OWNER}={paths.owner()}", engine.RUN]}
    api = client().api
    return [
        *(f"container {found['Names']}" for found in api.containers(all=True, filters=wanted)),
        *(f"network {found['Name']}" for found in api.networks(filters=wanted)),
        *(f"volume {found['Name']}" for found in api.volumes(filters=wanted)["Volumes"] or []),
    ]


def processes_of_runs() -> list[str]:
    """Name this user's processes that carry the mark of a run in this test's results folder."""
    ids = [folder.name.rpartition("-")[2] for folder in paths.runs().glob("*")]
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            text = (entry / "environ").read_bytes() + (entry / "cmdline").read_bytes()
        except OSError:
            continue
        if any(run_id.encode() in text for run_id in ids):
            found.append(entry.name)
    return found


def eventually_nothing_left(seconds: float = 60) -> tuple[list[str], list[str]]:
    """Wait until objects and processes are gone; return what is still there at the deadline."""
    deadline = time.monotonic() + seconds
    while (left_on_engine() or processes_of_runs()) and time.monotonic() < deadline:
        time.sleep(0.1)
    return left_on_engine(), processes_of_runs()
