"""What a trial on a machine over SSH costs: seconds of its two playbooks, and of the whole trial; medians.

Run it with `make bench BENCH=host`: the machine is then a container that runs systemd and sshd. Another one is
named by `--inventory FILE --host NAME`.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.machine.ssh_host import ssh_host

LAB = Path(sys.prefix) / "bin" / "lab"
SCENARIO = str(Path(__file__).with_name("trial.yaml"))
CAME_THROUGH = {0, 4}
"""Exit codes of a run that was measured: on a busy machine a duration may have no verdict."""
AIM_SECONDS = 10.0
"""At most so long may Ansible take of a trial."""


def main() -> int:
    """Run trials, one uncounted first, and print medians; 1 where Ansible takes longer than it may."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--trials", type=int, default=5)
    options.add_argument("--inventory", type=Path)
    options.add_argument("--host", default="box")
    asked = options.parse_args()
    with tempfile.TemporaryDirectory(prefix="lab-bench-") as folder, _inventory(asked.inventory, folder) as inventory:
        rows = [_trial(inventory, asked.host, Path(folder) / "home", n) for n in range(asked.trials + 1)][1:]
    provision, remove, whole = (statistics.median(column) for column in zip(*rows, strict=True))
    print(f"trials {asked.trials}, medians: provision {provision:.2f} s, remove {remove:.2f} s, trial {whole:.2f} s")
    print(f"Ansible's part of a trial: {provision + remove:.2f} s  (at most {AIM_SECONDS:g} s)")
    return 0 if provision + remove <= AIM_SECONDS else 1


@contextmanager
def _inventory(given: Path | None, folder: str) -> Iterator[Path]:
    if given is not None:
        yield given
        return
    with ssh_host(Path(folder) / "box") as machine:
        yield machine.inventory


def _trial(inventory: Path, host: str, home: Path, number: int) -> tuple[float, float, float]:
    """Return the seconds of the playbooks and of the trial."""
    own = home / str(number)
    words: list[str | Path] = [LAB, "run", SCENARIO, "--env", "host", "--inventory", inventory, "--hosts", host]
    done = subprocess.run(words, env={**os.environ, "LAB_HOME": str(own)}, capture_output=True, text=True, check=False)
    if done.returncode not in CAME_THROUGH:
        raise SystemExit(done.stdout + done.stderr)
    (result,) = own.glob("runs/*/trials/*/*/*/result.json")
    events = [json.loads(line) for line in result.with_name("events.ndjson").read_text("utf8").splitlines()]
    played = {event["name"]: event["seconds"] for event in events if event["event"] == "playbook"}
    return played["provision"], played["remove"], json.loads(result.read_text("utf8"))["seconds"]


if __name__ == "__main__":
    sys.exit(main())
