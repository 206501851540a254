"""Runs the probe of an SDK against a mock that is a process of its own."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from lab import paths
from lab.process import run
from tests.sdk_matrix.environments import Sdk, interpreter

PROBES = Path(__file__).parent / "probes"
PATIENCE = 240
"""Seconds that all checks of one SDK may take."""
MOCK_PATIENCE = 10
"""Seconds that the mock may take to end."""


@dataclass(frozen=True)
class Addresses:
    """Where a mock listens: for products, and for the lab."""

    providers: str
    control: str


@dataclass(frozen=True)
class Result:
    """What one check found; `detail` is a fact where it is ok, else what is wrong."""

    check: str
    ok: bool
    detail: str


class ProbeError(Exception):
    """A probe ended without having told of all its checks."""


@contextmanager
def running_mock() -> Iterator[Addresses]:
    """Run a mock for the time of the block."""
    argv = [sys.executable, "-m", "lab.llm_mock", "--port", "0", "--control-port", "0"]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, cwd=paths.CHECKOUT) as process:
        assert process.stdout is not None
        try:
            told = json.loads(process.stdout.readline())
            yield Addresses(*(f"http://{told['host']}:{told[port]}" for port in ("port", "control_port")))
        finally:
            process.terminate()
            try:
                process.wait(MOCK_PATIENCE)
            except subprocess.TimeoutExpired:
                process.kill()


def measure(sdk: Sdk, mock: Addresses, *checks: str) -> list[Result]:
    """Run the checks of an SDK, all of them where none is named; raises ProbeError where its probe does not end well.

    The probe gets nothing of this process's variables: keys and addresses of real providers may stand there.
    """
    done = run(
        [interpreter(sdk), PROBES / f"ask_{sdk.family}.py", mock.providers, mock.control, sdk.generation, *checks],
        timeout=PATIENCE,
        cwd=PROBES,
        environment={"PATH": os.defpath, "HOME": os.devnull, "NO_PROXY": "*", "PYTHONWARNINGS": "ignore"},
        alone=True,
    )
    results = [Result(**json.loads(line)) for line in done.stdout.splitlines()]
    if not done.ok:
        last = f"the last one was {results[-1].check!r}" if results else "there was none"
        raise ProbeError(
            f"the probe of {sdk.name} ended with {done.exit_code} after {len(results)} checks ({last}): {done.tail()}"
        )
    return results
