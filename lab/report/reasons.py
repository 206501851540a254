"""What a check gave as its reason, made readable: tidied, taken apart into single points, figures put together."""

import json
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from lab.process import without_pointers
from lab.report.wording import WIDTH, plain

LONG_JSON, LONG_TEXT, MOST_KEYS, MOST_ITEMS, MOST_DEPTH = 160, 80, 6, 2, 3
TOO_LONG_TO_SEARCH = 5_000
"""Characters of a reason in which JSON is not looked for any more."""
FEW = 3
MEASURE = re.compile(r"\b\d+(?:\.\d+)?(?= ?(?:s|ms|MB|answers)\b)")
"""Figures that differ from trial to trial though the same thing was seen."""
UNIQUE = re.compile(r"\b[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}\b|\b\d{4}-\d\d-\d\dT[\d:.]+Z?|\b0x[0-9a-f]+\b")
"""What a product makes up anew each time: ids, times, addresses."""
BRACKETS = {"(": 1, "[": 1, "{": 1, ")": -1, "]": -1, "}": -1}
DECODER = json.JSONDecoder()


def tidy(reason: str) -> str:
    """Return a reason without what says nothing to a reader: control characters, pointers, the rest of a long body."""
    first, newline, rest = without_pointers(plain(reason)).partition("\n")
    if newline:  # what follows was quoted from an output, whose own indentation stands in the middle of the line
        first = re.sub(r":[ \t]{2,}(?=\S)", ":\n", first)
    return _shorten_bodies(first + newline + rest)


def take_apart(reason: str) -> tuple[str, list[str]]:
    """Return what several points of a reason have in common, if anything, and the points."""
    text = tidy(reason)
    head, colon, rest = text.partition(": ")
    if not colon or "\n" in head or "; " in head or _depth(head):
        return "", [text]
    points = _glue(_split(rest, "; "), "; ", lambda point: ": " in point)
    if len(points) > 1:
        return head, points
    points = _split(rest, ", ")
    counted = str(len(points)) in re.findall(r"\b\d+\b", head)
    compared = all(" was " in point and " and is " in point for point in points)
    long = len(text) > WIDTH and len(points) >= FEW and "\n" not in rest
    return head, points if long and (counted or compared) else [rest]


def likeness(text: str) -> str:
    """Return what two texts have in common if they tell the same thing."""
    return UNIQUE.sub("…", MEASURE.sub("#", text))


def blend(texts: Sequence[str]) -> str:
    """Return texts of one likeness as one, each figure as the range in which it lay."""
    ranges = zip(*(MEASURE.findall(text) for text in texts), strict=False)
    spans = iter([(min(figures, key=float), max(figures, key=float)) for figures in ranges])

    def span(figure: re.Match[str]) -> str:
        low, high = next(spans, (figure[0], figure[0]))  # texts that a product wrote may hold what stands for a figure
        return low if low == high else f"{low} to {high}"

    return MEASURE.sub(span, texts[0])


def _split(text: str, separator: str) -> list[str]:
    """Split outside brackets; of a text whose brackets do not close, anywhere."""
    pieces, depth = [""], 0
    for piece in re.split(f"({re.escape(separator)})", text):
        if piece == separator and depth == 0:
            pieces.append("")
            continue
        pieces[-1] += piece
        depth = max(0, depth + _depth(piece))
    return text.split(separator) if depth else pieces


def _depth(text: str) -> int:
    return sum(BRACKETS.get(letter, 0) for letter in text)


def _glue(pieces: Sequence[str], separator: str, begins: Callable[[str], bool]) -> list[str]:
    """Put back together what is not a point of its own."""
    found = [pieces[0]]
    for piece in pieces[1:]:
        if begins(piece):
            found.append(piece)
        else:
            found[-1] += separator + piece
    return found


def _shorten_bodies(text: str) -> str:
    """Shorten each long JSON value that stands in a text."""
    if len(text) > TOO_LONG_TO_SEARCH:
        return text
    return "".join(_pieces(text))


def _pieces(text: str) -> Iterator[str]:
    at = 0
    while found := re.compile(r"[\[{]").search(text, at):
        begin = found.start()
        yield text[at:begin]
        try:
            value, at = DECODER.raw_decode(text, begin)
        except (ValueError, RecursionError):
            yield text[begin]
            at = begin + 1
            continue
        body = text[begin:at]
        yield body if len(body) <= LONG_JSON else json.dumps(_less(value), ensure_ascii=False)
    yield text[at:]


def _less(value: Any, depth: int = 0) -> Any:
    """Return the beginning of a JSON value, saying how much is left out."""
    if isinstance(value, str) and len(value) > LONG_TEXT:
        return value[:LONG_TEXT] + "…"
    if isinstance(value, dict | list) and value and depth == MOST_DEPTH:
        return "…"
    if isinstance(value, dict):
        shown = {name: _less(each, depth + 1) for name, each in list(value.items())[:MOST_KEYS]}
        return shown | ({"…": f"{len(value) - MOST_KEYS} more"} if len(value) > MOST_KEYS else {})
    if isinstance(value, list):
        more = [f"… {len(value) - MOST_ITEMS} more"] if len(value) > MOST_ITEMS else []
        return [_less(each, depth + 1) for each in value[:MOST_ITEMS]] + more
    return value
