"""One warm trial by the lab beside the same trial as a shell script, in turn; prints ratio and own time.

Own time is the wall clock of the whole `lab run` less the time in which a command, a request or a wait was under way.
Run it with `make bench`; `--pairs N` sets how many pairs.
"""

import argparse
import json
import os
import secrets
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from lab.environment.containers import engine
from lab.environment.hostnet import host_network
from lab.planning import draft
from lab.preparation import cache_volume, prepare_images, resolve_all
from lab.wish import Wish

SCRIPT = Path(__file__).with_name("trial.sh")
LAB = Path(sys.prefix) / "bin" / "lab"
SCENARIO = str(SCRIPT.with_suffix(".yaml"))
COMMAND = [str(LAB), "run", SCENARIO]
OUTSIDE = frozenset({"engine", "http", "probe", "command", "pause", "trial.end"})
"""Events that tell of time spent in commands, requests and waits; each ends at `t` and took `seconds`."""


def main() -> int:
    """Time pairs, one uncounted first, and print medians, ratio and own time."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--pairs", type=int, default=10)
    pairs = options.parse_args().pairs
    with tempfile.TemporaryDirectory(prefix="lab-bench-") as folder:
        home = Path(folder)
        script = _script_arguments(home)
        rows = [_pair(script, home) for _ in range(pairs + 1)][1:]
    by_lab, by_script, own = (statistics.median(row[column] for row in rows) for column in range(3))
    ratio = statistics.median(row[0] / row[1] for row in rows)
    share = statistics.median(row[2] / row[0] for row in rows)
    print(f"pairs {pairs}, medians: lab {by_lab:.2f} s, script {by_script:.2f} s")
    print(f"ratio lab/script, pair by pair: {ratio:.3f}  (aim 1.05)")
    print(f"the lab's own time: {own:.2f} s, {100 * share:.1f}% of the trial  (at most 10%)")
    return 0 if share <= 0.10 else 1


def _script_arguments(home: Path) -> list[str]:
    planned = draft(Wish(SCENARIO))
    client = engine.connect()
    artifacts = resolve_all(planned.choices)
    stock = prepare_images(client, ["debian-12"], [], print)
    volume = cache_volume(client, planned.catalogued.product.name, "debian-12")
    client.close()
    ca = host_network().ca
    if ca is not None:
        (home / "ca.crt").write_bytes(ca)
    wheel = artifacts["to"].path
    return [
        str(SCRIPT),
        stock.platform["debian-12"],
        stock.llm_mock,
        str(wheel),
        volume,
        str(home / "ca.crt") if ca is not None else "",
    ]


def _pair(script: list[str], home: Path) -> tuple[float, float, float]:
    """Return the seconds of lab and script, and the lab's own."""
    by_lab = _timed(COMMAND, {"LAB_HOME": str(home / "home")})
    by_script = _timed([*script, f"lab-bench-{secrets.token_hex(4)}"], {})
    newest = max((home / "home" / "runs").iterdir(), key=lambda run: run.stat().st_mtime)
    own = by_lab - _outside(next(newest.glob("trials/*/*/*/events.ndjson")))
    print(f"  lab {by_lab:6.2f} s   script {by_script:6.2f} s   ratio {by_lab / by_script:5.3f}   own {own:5.2f} s")
    return by_lab, by_script, own


def _timed(argv: list[str], variables: dict[str, str]) -> float:
    started = time.monotonic()
    subprocess.run(argv, check=True, stdout=subprocess.DEVNULL, env={**os.environ, **variables})
    return time.monotonic() - started


def _outside(history: Path) -> float:
    """Return the length of the union of all intervals in which something else than the lab was at work."""
    events = [json.loads(line) for line in history.read_text("utf8").splitlines()]
    spans = sorted((event["t"] - event["seconds"], event["t"]) for event in events if event["event"] in OUTSIDE)
    total, end = 0.0, 0.0
    for begin, until in spans:
        total += max(0.0, until - max(begin, end))
        end = max(end, until)
    return total


if __name__ == "__main__":
    sys.exit(main())
