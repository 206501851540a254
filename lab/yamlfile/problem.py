"""How a fault of a file is said: on one line, in what a terminal shows and does not obey."""

from pathlib import Path

from lab.errors import Problem

LONGEST = 1000  # characters of a message; a file may name a thing with a megabyte


def problem(path: Path | str, place: tuple[int, int], message: str) -> Problem:
    """Return the problem at a line and a column, its message made fit to be shown."""
    shown = message if message.isprintable() else "".join(map(_shown, message))
    return Problem(str(path), *place, shown if len(shown) <= LONGEST else shown[: LONGEST - 1] + "…")


def _shown(character: str) -> str:
    return character if character.isprintable() else character.encode("unicode_escape").decode("ascii")
