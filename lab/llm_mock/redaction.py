"""Taking keys out of what is kept of a request, however they are spelled."""

import base64
import json
import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import islice
from typing import Any

from lab.llm_mock.keys import SHORTEST_SECRET

MARK = "[redacted]"
WINDOW = 256 * 1024  # characters of a text that are looked at
SECRET_WINDOW = 128  # a longer secret is known by its beginning; what goes on like it, goes with it
FOUND = 64  # keys of one request
REMEMBERED = 256  # a key of an earlier request may stand in the text of a later one
PASSING = 32  # cookies and the like, which change often, are remembered apart: no key is forgotten for them
_SPELLED = 12  # characters that one character of a secret may take
_ROUNDS = 3  # how many times a text may have been escaped
_MANY = 500  # beginnings from which on it is quicker to look up every place of a text than to look for each of them
# Of providers whose keys have a form, how they begin and go on: these are taken out though they came in no header.
_FORMS = {
    "sk-": r"(?!mock)[\w-]{16,}", "gsk_": r"\w{16,}", "AIza": r"[\w-]{30,}", "AQ.": r"[\w-]{20,}",
    "AKIA": r"[A-Z0-9]{16}(?![A-Za-z0-9])", "ASIA": r"[A-Z0-9]{16}(?![A-Za-z0-9])", "ABSK": r"[\w+/-]{20,}={0,2}",
    "xai-": r"[\w-]{20,}", "pplx-": r"[\w-]{20,}", "hf_": r"\w{20,}", "ghp_": r"\w{20,}", "gho_": r"\w{20,}",
    "ghs_": r"\w{20,}", "ghu_": r"\w{20,}", "github_pat_": r"\w{20,}", "Bearer": r"\s+[\w.~+/=-]{8,}",
    "eyJ": r"[\w-]{8,}(?:\.[\w-]*){0,4}",
}  # fmt: skip
# An expression that begins with plain letters is searched for ten times as quickly as one that looks behind first.
_FORMED = {start: re.compile(rf"{re.escape(start)}(?<![A-Za-z0-9]{re.escape(start)}){more}") for start, more in
           _FORMS.items()}  # fmt: skip
_ESCAPES = ("%", "\\", "&#", "\0")
_H = "[0-9a-fA-F]"
# As in a URL (one character in UTF-8), in JSON, Python or HTML; in UTF-16 a zero stands beside each character.
_ESCAPE = re.compile(
    rf"%(?:[c-dC-D]{_H}%[89abAB]{_H}|[eE]{_H}(?:%[89abAB]{_H}){{2}}|[fF]{_H}(?:%[89abAB]{_H}){{3}}|{_H}{{2}})"
    rf"|\\(?:u[dD][89abAB]{_H}{{2}}\\u[dD][c-fC-F]{_H}{{2}}|u{_H}{{4}}|U000{_H}{{5}}|x{_H}{{2}}|[\"'/\\])"
    rf"|&#(?:0*\d{{1,6}}|[xX]0*{_H}{{1,5}});|\0"
)
_Span = tuple[int, int]


class Redactor:
    """Takes the keys of the newest requests out of texts."""

    def __init__(self) -> None:
        self._lasting = _Memory(REMEMBERED)
        self._passing = _Memory(PASSING)

    def learn(self, lasting: Iterable[str], passing: Iterable[str] = ()) -> None:
        """Remember the keys of a request, and what else in it is secret but soon replaced; at most a few of each."""
        for memory, secrets in ((self._lasting, lasting), (self._passing, passing)):
            for secret in islice((each for each in secrets if len(each) >= SHORTEST_SECRET), FOUND):
                memory.learn(secret[: SECRET_WINDOW + 1])

    def text(self, text: str, limit: int) -> str:
        """Return at most `limit` characters of a text, without keys."""
        window = text[: min(WINDOW, 4 * limit + 2 * SECRET_WINDOW * _SPELLED)]
        kept = self._without(window)
        if len(window) < len(text):
            # A key may have been cut in two by the window: its first half is at the end.
            kept = kept[: -SECRET_WINDOW * _SPELLED]
        return kept[:limit]

    def value(self, value: Any, depth: int = 0) -> Any:
        """Return JSON without keys, in names and texts alike; None for what is nested too deeply."""
        if isinstance(value, str):
            return self.text(value, WINDOW)
        if depth > 64:  # noqa: PLR2004
            return None
        if isinstance(value, dict):
            return {self.text(str(name), WINDOW): self.value(each, depth + 1) for name, each in value.items()}
        if isinstance(value, list):
            return [self.value(each, depth + 1) for each in value]
        return value

    def body(self, body: bytes, limit: int) -> bytes | None:
        """Return a JSON body without keys, in ASCII; None where it is no JSON object or longer than `limit` bytes."""
        if len(body) > limit:
            return None
        try:
            content = json.loads(body)
            if not isinstance(content, dict):
                return None
            return json.dumps(self.value(content), separators=(",", ":")).encode("ascii")
        except (ValueError, RecursionError):
            return None

    def _without(self, text: str) -> str:
        spans = list(self._spans(text))
        levels = [text]
        while len(levels) <= _ROUNDS and any(mark in levels[-1] for mark in _ESCAPES):
            meant = _ESCAPE.sub(lambda found: _meant(found[0]), levels[-1])
            if meant == levels[-1]:
                break
            found = list(self._spans(meant))
            for level in reversed(levels):
                found = _traced(level, found) if found else []
            spans += found
            levels.append(meant)
        return _blotted(text, spans) if spans else text

    def _spans(self, text: str) -> Iterator[_Span]:
        """Give the places of secrets in a text that is taken as it stands."""
        for secret in self._lasting.among(text) | self._passing.among(text):
            for spelled, rest in _spellings(secret):
                start = text.find(spelled)
                while start >= 0:
                    more = rest.match(text, start + len(spelled))
                    end = more.end() if more is not None else start + len(spelled)
                    yield start, end
                    start = text.find(spelled, end)
        for beginning, form in _FORMED.items():
            if beginning in text:
                yield from (found.span() for found in form.finditer(text) if beginning != "eyJ" or _is_jwt(found[0]))


def _is_jwt(word: str) -> bool:
    # An expression that asks for the dots would look at some texts once from every place.
    return word.count(".") > 1


class _Memory:
    """The newest of many secrets, found by how their spellings begin, so that a text is not searched for each."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._known: dict[str, None] = {}  # the oldest first
        self._by_beginning: dict[str, set[str]] = {}

    def learn(self, secret: str) -> None:
        """Remember a secret as the newest."""
        if secret in self._known:
            self._known[secret] = self._known.pop(secret)
            return
        self._known[secret] = None
        for beginning in _beginnings(secret):
            self._by_beginning.setdefault(beginning, set()).add(secret)
        if len(self._known) > self._limit:
            self._forget(next(iter(self._known)))

    def _forget(self, secret: str) -> None:
        del self._known[secret]
        for beginning in _beginnings(secret):
            self._by_beginning[beginning].discard(secret)
            if not self._by_beginning[beginning]:
                del self._by_beginning[beginning]

    def among(self, text: str) -> set[str]:
        """Return the secrets of which a spelling may stand in a text."""
        known = self._by_beginning
        if len(known) > min(len(text), _MANY):
            places = range(len(text) - SHORTEST_SECRET + 1)
            found = {part for place in places if (part := text[place : place + SHORTEST_SECRET]) in known}
        else:
            found = {beginning for beginning in known if beginning in text}
        return {secret for beginning in found for secret in known[beginning]}


_NOTHING = re.compile("")
_LONG_SECRET = re.compile(r"[\w+/=.~-]*")
_CODE = re.compile(r"[\w+/-]?={0,2}")
_LONG_CODE = re.compile(r"[\w+/-]*={0,2}")


@lru_cache(maxsize=REMEMBERED + PASSING)
def _spellings(secret: str) -> tuple[tuple[str, re.Pattern[str]], ...]:
    """Return how a secret begins in each alphabet, and how that goes on."""
    head, is_long = secret[:SECRET_WINDOW], len(secret) > SECRET_WINDOW
    plain = dict.fromkeys((head, head.replace(" ", "+")), _LONG_SECRET if is_long else _NOTHING)
    encodings = ("utf-8", "utf-16-le", "utf-16-be")
    encoded = (each for name in encodings for each in _encoded(head.encode(name, "surrogatepass")))
    return tuple((plain | dict.fromkeys(encoded, _LONG_CODE if is_long else _CODE)).items())


def _beginnings(secret: str) -> set[str]:
    return {spelled[:SHORTEST_SECRET] for spelled, _ in _spellings(secret)}


def _encoded(secret: bytes) -> Iterator[str]:
    """Spell bytes in hexadecimal, and in base64 as they stand at each of the three places of a longer text."""
    yield secret.hex()
    yield secret.hex().upper()
    for before in range(3):
        code = base64.b64encode(b"\0" * before + secret).decode("ascii")
        # The characters that depend on the neighbours of the secret are left out.
        sure = code[(before * 8 + 5) // 6 : (before + len(secret)) * 8 // 6]
        yield sure
        yield sure.replace("+", "-").replace("/", "_")


@lru_cache(maxsize=4096)
def _meant(escape: str) -> str:
    """Return the character that an escape stands for; nothing for the zero of UTF-16."""
    if escape == "\0":
        return ""
    if escape[0] == "%":
        return _of_bytes(bytes.fromhex(escape.replace("%", "")))
    if escape[0] == "&":
        number = escape[2:-1]
        return chr(int(number[1:], 16) if number[0] in "xX" else int(number))
    if escape[1] not in "uUx":
        return escape[1]
    first, *second = escape[2:].split("\\u")
    return bytes.fromhex(first + second[0]).decode("utf-16-be") if second else chr(int(first, 16))


def _of_bytes(raw: bytes) -> str:
    try:
        return raw.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def _traced(text: str, spans: Iterable[_Span]) -> list[_Span]:
    """Return where in a text stands what has these places in the same text without its escapes."""
    starts, ends, escapes = [0], [0], [(0, 0)]  # of each escape: where it begins and ends there and here
    for found in _ESCAPE.finditer(text):
        start = ends[-1] + found.start() - escapes[-1][1]
        starts.append(start)
        ends.append(start + len(_meant(found[0])))
        escapes.append(found.span())

    def origin(place: int) -> _Span:
        last = bisect_right(starts, place) - 1
        if place < ends[last]:
            return escapes[last]
        here = escapes[last][1] + place - ends[last]
        return here, here + 1

    return [(origin(start)[0], origin(end - 1)[1]) for start, end in spans]


def _blotted(text: str, spans: Iterable[_Span]) -> str:
    """Put a mark in the place of each span; spans that overlap are one."""
    kept: list[str] = []
    told = 0
    for start, end in sorted(spans):
        if start >= told:
            kept += [text[told:start], MARK]
        told = max(told, end)
    return "".join(kept) + text[told:]
