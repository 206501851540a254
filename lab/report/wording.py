"""How a report's text is laid out: harmless for a terminal, wrapped, in sections and columns."""

import re
import textwrap
from collections.abc import Iterable, Sequence

WIDTH = 100
ESCAPES = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)")
CONTROLS = re.compile(
    r"[^\t\n\x20-\x7e\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]|[\u200e\u200f\u202a-\u202e\u2066-\u2069]"
)


def plain(text: str) -> str:
    """Return the text without what a terminal would obey: colours, titles, other control characters."""
    return CONTROLS.sub("", ESCAPES.sub("", text.replace("\r\n", "\n").replace("\r", "\n")))


def section(title: str, lines: Iterable[str]) -> list[str]:
    """Return the lines under a title; of no lines nothing."""
    below = list(lines)
    return ["", title, *below] if below else []


def wrapped(indent: str, text: str, rest: str | None = None) -> list[str]:
    """Wrap each line of a text, the first after the indent and the others below it, or after `rest`."""
    rest = " " * len(indent) if rest is None else rest
    found: list[str] = []
    for line in plain(text).strip("\n").split("\n"):
        before = rest if found else indent
        # A path or a digest is left whole, so that it can be copied.
        found += textwrap.wrap(
            line,
            WIDTH,
            initial_indent=before,
            subsequent_indent=rest,
            break_long_words=False,
            break_on_hyphens=False,
        ) or [rest.rstrip()]
    return found


def columns(rows: Sequence[Sequence[str]], right: Sequence[int] = ()) -> list[str]:
    """Return rows as a table without rules; the columns numbered in `right` end at their right edge."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))] if rows else []
    return [
        "  "
        + "  ".join(
            each.rjust(widths[column]) if column in right else each.ljust(widths[column])
            for column, each in enumerate(row)
        ).rstrip()
        for row in rows
    ]


def defined(rows: Sequence[tuple[str, str]]) -> list[str]:
    """Return names with what is to be said of each, wrapped beside it."""
    width = max((len(name) for name, _ in rows), default=0)
    return [line for name, value in rows for line in wrapped(f"  {name:<{width}}  ", value)]
