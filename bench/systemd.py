"""How soon systemd is up in its container, and one warm trial under systemd beside the same one in containers, in turn.

Run it with `make bench BENCH=systemd`; `--pairs N` sets how many pairs, `--boots N` how many machines are only booted.
"""

import argparse
import os
import secrets
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import datetime
from pathlib import Path
from typing import cast

import docker

from lab.environment.containers import engine
from lab.environment.containers.engine import Ownership
from lab.environment.containers.machine import Boot, boot_for
from lab.environment.images.making import Images
from lab.environment.images.platforms import platform_named

LAB = Path(sys.prefix) / "bin" / "lab"
SCENARIO = str(Path(__file__).with_name("trial.yaml"))
PLATFORM = "debian-12"
MOST_SECONDS, MOST_RATIO = 0.5, 1.15
PASSED, UNANSWERED = 0, 4
"""Exit codes of a trial that is timed: on a busy machine a budget of its scenario may stay without an answer."""
UP_SCRIPT = """
until said=$(systemctl is-system-running --wait 2>/dev/null); test -n "$said" && test "$said" != offline; do
  sleep 0.01
done
echo "$said $(date +%s.%N)"
"""


def main() -> int:
    """Boot machines, time pairs after one that does not count, print medians; return 1 where an aim is missed."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--pairs", type=int, default=10)
    options.add_argument("--boots", type=int, default=10)
    asked = options.parse_args()
    boots = _boots(asked.boots)
    up = statistics.median(boots)
    print(f"boots {asked.boots}: running after {up:.2f} s, {min(boots):.2f} s at best  (at most {MOST_SECONDS:g})")
    with tempfile.TemporaryDirectory(prefix="lab-bench-") as folder:
        rows = [_pair(Path(folder)) for _ in range(asked.pairs + 1)][1:]
    by_systemd, by_docker = (statistics.median(row[column] for row in rows) for column in range(2))
    ratio = statistics.median(row[0] / row[1] for row in rows)
    print(f"pairs {asked.pairs}, medians: systemd {by_systemd:.2f} s, docker {by_docker:.2f} s")
    print(f"ratio systemd/docker, pair by pair: {ratio:.3f}  (at most {MOST_RATIO:g})")
    return 0 if up <= MOST_SECONDS and ratio <= MOST_RATIO else 1


def _boots(number: int) -> list[float]:
    """Return the seconds from each container's start to systemd's word that it is up."""
    client = engine.connect()
    owned = Ownership(secrets.token_hex(16), "bench")
    boot, image = boot_for(client.info()), Images(client, print).machine(platform_named(PLATFORM))
    try:
        return [_boot(client, owned, boot, image) for _ in range(number)]
    finally:
        client.close()


def _boot(client: docker.DockerClient, owned: Ownership, boot: Boot, image: str) -> float:
    container = client.containers.run(
        image, list(boot.command), name=owned.name("machine"), labels=owned.labels("machine"), detach=True,
        tmpfs={"/run": "", "/run/lock": ""}, **boot.options,
    )  # fmt: skip
    try:
        asked = container.exec_run(["timeout", "20", "sh", "-c", UP_SCRIPT])
        said, at = cast("bytes", asked.output).decode().split()
        container.reload()
        started = datetime.fromisoformat(container.attrs["State"]["StartedAt"])
    finally:
        container.remove(force=True, v=True)
    if said != "running":
        raise SystemExit(f"systemd came up {said}")
    return float(at) - started.timestamp()


def _pair(home: Path) -> tuple[float, float]:
    """Return the seconds of a trial under systemd and of one in containers."""
    by_systemd, by_docker = (_timed(kind, home) for kind in ("systemd", "docker"))
    print(f"  systemd {by_systemd:6.2f} s   docker {by_docker:6.2f} s   ratio {by_systemd / by_docker:5.3f}")
    return by_systemd, by_docker


def _timed(kind: str, home: Path) -> float:
    started = time.monotonic()
    argv = [str(LAB), "run", SCENARIO, "--env", kind]
    variables = {**os.environ, "LAB_HOME": str(home / "home")}
    ended = subprocess.run(argv, check=False, stdout=subprocess.DEVNULL, env=variables).returncode
    if ended not in {PASSED, UNANSWERED}:
        raise SystemExit(f"'{' '.join(argv)}' ended with {ended}")
    return time.monotonic() - started


if __name__ == "__main__":
    sys.exit(main())
