"""What the lab may answer to a file that is spoilt: that it is valid, or where it is wrong, and nothing else."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

SECONDS = 5.0
LINES = 150
_BREAKS = re.compile("\r\n|\r|\n")
_OBEYED = re.compile(
    "[^\n\x20-\x7e\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]|[\u200e\u200f\u202a-\u202e\u2066-\u2069]"
)


@dataclass(frozen=True)
class Said:
    """How a command ended, what it wrote, and how long it took in seconds."""

    code: int
    stdout: str
    stderr: str
    seconds: float = 0.0


def complaints(said: Said, file: Path) -> Iterator[str]:
    """Name each thing that is wrong with an answer to `validate` or `plan` of this file; nothing for a good one."""
    both = said.stdout + said.stderr
    if "Traceback" in both:
        yield "a traceback"
    if said.seconds > SECONDS:
        yield f"took {said.seconds:.1f} s"
    if len(both.splitlines()) > LINES and said.code:
        yield f"{len(both.splitlines())} lines"
    if found := _OBEYED.search(both):
        yield f"a character that a terminal obeys: {found[0]!r}"
    if said.code == 0:
        if said.stderr:
            yield "words on stderr although all is well"
    elif said.code == 2:
        yield from _misplaced(said.stderr, file)
    else:
        yield f"exit code {said.code}"


def _misplaced(stderr: str, file: Path) -> Iterator[str]:
    """Name each line that is neither a problem at a place that the file has, nor the advice that comes last."""
    lines = _BREAKS.split(file.read_bytes().removeprefix(b"\xef\xbb\xbf").decode(errors="replace"))
    told = stderr.removeprefix("lab: ").rstrip("\n").split("\n")
    for number, line in enumerate(told):
        if number and number == len(told) - 1 and line.startswith("→ "):
            continue
        place = re.match(rf"{re.escape(str(file))}:(\d+):(\d+): (?=\S)", line)
        if place is None:
            yield f"no place: {line}"
        elif not (1 <= int(place[1]) <= len(lines) and 1 <= int(place[2]) <= len(lines[int(place[1]) - 1]) + 1):
            yield f"a place that the file has not: {line}"
