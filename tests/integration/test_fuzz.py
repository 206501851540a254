"""Spoilt files given to the program itself, with a bound on the memory that it may ask for."""

import os
import subprocess
import time
from pathlib import Path

import pytest

from lab import paths
from tests.integration.program import LAB
from tests.mutations import mutants
from tests.refusals import Said, complaints

SEED = int(os.environ.get("LAB_FUZZ_SEED", "20250620"))
ADDRESS_SPACE = 1_000_000_000  # bytes
SHIPPED = [paths.scenarios() / "upgrade.yaml", paths.products() / "reference.yaml"]


def lab(*arguments: str) -> Said:
    began = time.perf_counter()
    done = subprocess.run(
        ["prlimit", f"--as={ADDRESS_SPACE}", LAB, *arguments], capture_output=True, timeout=60, check=False
    )
    return Said(done.returncode, done.stdout.decode(), done.stderr.decode(), time.perf_counter() - began)


@pytest.mark.parametrize("shipped", SHIPPED, ids=lambda path: path.name)
def test_the_program_refuses_spoilt_files_at_their_place(shipped: Path, tmp_path: Path) -> None:
    found = []
    for mutant in mutants(SEED, shipped.name, shipped.read_bytes(), 5):
        file = tmp_path / mutant.name
        file.write_bytes(mutant.raw)
        said = lab("validate", str(file))
        found += [f"{mutant.name}: {complaint}" for complaint in complaints(said, file)]
    assert not found, f"LAB_FUZZ_SEED={SEED}\n" + "\n".join(found)


@pytest.mark.parametrize(
    "text",
    [
        'a: "' + "${A:-" * 150_000 + '"\n',
        "".join(f"nosuch{number}: 1\n" for number in range(45_000)),
        "description: '" + "{nosuch}" * 100_000 + "'\n",
        "a: " + "[" * 900_000,
        "- " * 450_000,
        "a0: &a0 [x]\n" + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 60)),
    ],
    ids=["variables", "keys", "placeholders", "brackets", "dashes", "aliases"],
)
def test_the_worst_of_a_megabyte_costs_seconds_and_little_memory(text: str, tmp_path: Path) -> None:
    file = tmp_path / "bomb.yaml"
    file.write_text(text, "utf8")
    said = lab("validate", str(file))
    assert said.code == 2
    assert list(complaints(said, file)) == []


def test_a_file_without_an_end_is_not_read_to_its_end() -> None:
    said = lab("validate", "/dev/zero")
    assert said.code == 2
    assert "/dev/zero:1:1000001: the file is larger than 1 MB" in said.stderr
