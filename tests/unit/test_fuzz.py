"""Whatever a file holds, the lab reads it or says at which line and column it is wrong: soon, and without a crash."""

import io
import os
import resource
import sys
import time
from pathlib import Path

import pytest

from lab import cli, paths
from lab.product.catalog import load_product
from tests.mutations import MUTATIONS, mutants
from tests.refusals import Said, complaints

SEED = int(os.environ.get("LAB_FUZZ_SEED", "20250620"))
MUTANTS = int(os.environ.get("LAB_FUZZ_MUTANTS", "200"))
SHIPPED = [*sorted(paths.scenarios().glob("*.yaml")), *sorted(paths.products().glob("*.yaml"))]
EACH = -(-MUTANTS // len(SHIPPED))
MEMORY_MB = 300


def lab(*arguments: str) -> Said:
    """Call the command line within this process."""
    written = [io.TextIOWrapper(io.BytesIO(), "utf-8") for _ in range(2)]
    began, code = time.perf_counter(), -1
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["lab", *arguments])
        patch.setattr(sys, "stdout", written[0])
        patch.setattr(sys, "stderr", written[1])
        try:
            cli.main()
        except SystemExit as end:
            code = int(end.code or 0)
    seconds = time.perf_counter() - began
    for stream in written:
        stream.flush()
    stdout, stderr = (stream.buffer.getvalue().decode() for stream in written)
    return Said(code, stdout, stderr, seconds)


def plan_of(shipped: Path, file: Path, source: Path) -> list[str]:
    """Return the arguments that plan with a scenario, or with a product whose versions are had anywhere."""
    if shipped.parent.name != "products":
        return ["plan", str(file)]
    release = load_product(str(shipped)).product.release
    options = ["--from", f"{release.old}={source}", "--to", f"{release.new}={source}"]
    return ["plan", "upgrade", "--product", str(file), *options]


def peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000


@pytest.mark.timeout(120)
@pytest.mark.parametrize("shipped", SHIPPED, ids=lambda path: path.name)
def test_a_spoilt_file_is_valid_or_refused_with_its_place(shipped: Path, tmp_path: Path) -> None:
    folder = tmp_path / shipped.parent.name
    folder.mkdir()
    before, found, refused = peak_mb(), [], 0
    for number, mutant in enumerate(mutants(SEED, shipped.name, shipped.read_bytes(), EACH)):
        file = folder / mutant.name
        file.write_bytes(mutant.raw)
        calls = [["validate", str(file)], *([plan_of(shipped, file, tmp_path)] if number % 4 == 0 else [])]
        for call in calls:
            said = lab(*call)
            refused += said.code == 2
            found += [f"{call[0]} {mutant.name}: {complaint}" for complaint in complaints(said, file)]

    assert not found, f"LAB_FUZZ_SEED={SEED} LAB_FUZZ_MUTANTS={MUTANTS}\n" + "\n".join(found)
    assert refused > EACH / 2, "mutations that nobody notices show nothing"
    assert peak_mb() - before < MEMORY_MB


@pytest.mark.parametrize("shipped", SHIPPED, ids=lambda path: path.name)
def test_the_file_is_valid_before_it_is_spoilt(shipped: Path, tmp_path: Path) -> None:
    for call in (["validate", str(shipped)], plan_of(shipped, shipped, tmp_path)):
        said = lab(*call)
        assert said.code == 0, said
        assert list(complaints(said, shipped)) == []


def test_every_kind_of_mutation_is_made_and_the_same_seed_makes_the_same_ones() -> None:
    made = [
        [mutant for path in SHIPPED for mutant in mutants(SEED, path.name, path.read_bytes(), 40)] for _ in range(2)
    ]

    assert made[0] == made[1]
    assert [kind for kind in MUTATIONS if not any(f"-{kind}-" in mutant.name for mutant in made[0])] == []
    assert made[0] != [m for path in SHIPPED for m in mutants(SEED + 1, path.name, path.read_bytes(), 40)]


@pytest.mark.parametrize(
    ("said", "complaint"),
    [
        (Said(0, "1 files valid, 0 invalid\n", ""), ""),
        (Said(2, "", "FILE:3:1: the end\nFILE:1:5: wrong\n→ advice\n"), ""),
        (Said(2, "lab exit 2: FILE:1:1: wrong\n", "lab: FILE:1:1: wrong\n"), ""),
        (Said(3, "", "Traceback (most recent call last):\n"), "a traceback"),
        (Said(1, "", ""), "exit code 1"),
        (Said(-11, "", ""), "exit code -11"),
        (Said(0, "", "something\n"), "words on stderr although all is well"),
        (Said(2, "", ""), "no place: "),
        (Said(2, "", "FILE is broken\n"), "no place: FILE is broken"),
        (Said(2, "", "FILE:0:0: wrong\n"), "a place that the file has not: FILE:0:0: wrong"),
        (Said(2, "", "FILE:4:1: wrong\n"), "a place that the file has not: FILE:4:1: wrong"),
        (Said(2, "", "FILE:1:6: wrong\n"), "a place that the file has not: FILE:1:6: wrong"),
        (Said(2, "", "/other:1:1: wrong\n"), "no place: /other:1:1: wrong"),
        (Said(2, "", "FILE:1:1: wrong\nin detail\n"), "no place: in detail"),
        (Said(2, "", "FILE:1:1: \x1b[31mred\n"), "a character that a terminal obeys: '\\x1b'"),
        (Said(2, "", "FILE:1:1: wrong\n" * 1000), "1000 lines"),
        (Said(0, "", "", 60.0), "took 60.0 s"),
    ],
)
def test_a_bad_answer_is_noticed(said: Said, complaint: str, tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_bytes(b"\xef\xbb\xbfa: 1\r\nb: 2\n")
    placed = Said(said.code, said.stdout, said.stderr.replace("FILE", str(file)), said.seconds)

    expected = [complaint.replace("FILE", str(file))] if complaint else []
    assert list(complaints(placed, file))[:1] == expected


@pytest.mark.parametrize(
    ("line", "place"),
    [
        ("product: nosuch", "4:10"),
        ("product: refrence", "4:10"),
        ("steps: [{step: install, version: to}, {step: hook, call: nosuch.py:run}]", "4:58"),
    ],
)
def test_what_a_scenario_names_and_nobody_has_is_refused_where_it_is_named(
    line: str, place: str, tmp_path: Path
) -> None:
    file = tmp_path / "a.yaml"
    rest = ["checks: [{check: install}]", *(["steps: [{step: install, version: to}]"] if "steps" not in line else [])]
    file.write_text("\n".join(["schema: 1", "name: a", "title: A", line, "versions: [to]", *rest]), "utf8")
    said = lab("plan", str(file))
    assert said.code == 2
    assert said.stderr.startswith(f"lab: {file}:{place}: ")
    assert list(complaints(said, file)) == []
