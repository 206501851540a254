"""A reader who follows the documents to the letter sees what they say, on real containers.

Each section is a test of its own, with the files that the reader has by then. The longest, an upgrade, runs first.
"""

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tests.documents import GUIDES, Block, Command, blocks, files_after
from tests.integration.program import Ended, left_on_engine

pytestmark = pytest.mark.engine

SECONDS = 300


def sections() -> Iterator[tuple[Path, str]]:
    """Yield each section of each document that shows commands to run."""
    for path in GUIDES:
        yield from dict.fromkeys((path, block.section) for block in blocks(path) if is_run(block))


def is_run(block: Block) -> bool:
    return block.language == "console" and block.mark != "only read"


@pytest.mark.parametrize(("path", "section"), [*sections()][::-1], ids=lambda value: getattr(value, "stem", value))
def test_a_section_followed_to_the_letter_shows_what_it_says(path: Path, section: str, tmp_path: Path) -> None:
    (tmp_path / ".venv").symlink_to(sys.prefix)  # the reader stands in a clone, where it lies
    ran = 0
    for block, files in files_after(blocks(path)):
        if block.section != section:
            continue
        write(files, tmp_path)
        for command in block.commands() if is_run(block) else ():
            shows(command, tmp_path)
            ran += 1

    assert ran > 0
    assert left_on_engine() == []


def write(files: dict[str, str], folder: Path) -> None:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf8")


def shows(command: Command, folder: Path) -> None:
    ended = run(command, folder)
    assert ended.code == command.exit_code, ended.said
    missing = first_missing(command.quoted, ended.said)
    assert missing is None, f"'{missing}' is not, or not there, in:\n{ended.said}"


def run(command: Command, folder: Path) -> Ended:
    done = subprocess.run(
        ["/bin/sh", "-c", command.line],
        env={**os.environ},
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
        cwd=folder,
    )
    return Ended(done.returncode, done.stdout, done.stderr)


def first_missing(quoted: Sequence[str], said: str) -> str | None:
    """Return the first quoted line that the output does not have after the one before it; None if all are there."""
    lines = iter(said.splitlines())
    for wanted in quoted:
        pattern = as_pattern(wanted)
        if wanted.strip(" …") and not any(re.fullmatch(pattern, plain(line)) for line in lines):
            return wanted
    return None


def as_pattern(line: str) -> str:
    """`…` stands for anything, and a number for any other."""
    parts = [re.escape(part) for part in plain(line).split("…")]
    return ".*".join(parts)


def plain(text: str) -> str:
    return re.sub(r"\d+(?:\.\d+)?", "N", " ".join(text.split()))


def test_a_line_that_is_not_there_is_missed_and_so_is_one_in_the_wrong_place() -> None:
    said = "   0.2 s  first: one\n  third  3 of 5\nlast\n"

    assert first_missing(["… first: one", "…", "  third  1 of 7", "last"], said) is None
    assert first_missing(["last", "  third  3 of 5"], said) == "  third  3 of 5"
    assert first_missing(["  third  3 of five"], said) == "  third  3 of five"
