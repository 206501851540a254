"""Taking keys out of what is kept of a request, however they are spelled."""

import base64
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from lab.llm_mock.keys import SHORTEST_SECRET

MARK = "[redacted]"
WINDOW = 256 * 1024  # characters of a text that are looked at
SECRET_WINDOW = 128  # a longer secret is known by its beginning; what goes on like it, goes with it
FOUND = 16  # keys of one request
REMEMBERED = 8  # a key of an earlier request may stand in the text of a later one
_SPELLED = 12  # characters that one character of a secret may take
# Of providers whose keys have a form: these are taken out though they came in no header.
_FORMS = re.compile(
    r"\bsk-(?!mock)[\w-]{16,}|\bgsk_\w{16,}|\bAIza[\w-]{30,}|\b(?:AKIA|ASIA)[A-Z0-9]{16}\b|\bBearer\s+[\w.~+/=-]{8,}"
)
_ESCAPES = ("%", "\\", "&#", "\0")
_MORE = r"(?:[\w+/=.~-]|%[0-9a-fA-F]{2})*"


class Redactor:
    """Takes the keys of the newest requests out of texts."""

    def __init__(self) -> None:
        self._recent: tuple[str, ...] = ()

    def learn(self, secrets: Iterable[str]) -> None:
        """Remember the keys of a request; at most a few."""
        found = [each for each in secrets if len(each) >= SHORTEST_SECRET][:FOUND]
        self._recent = tuple(dict.fromkeys([*found, *self._recent]))[: max(REMEMBERED, len(found))]

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
        # One may be a part of another, which has to go as a whole.
        for secret in sorted(self._recent, key=len, reverse=True):
            spelling = _spelling(secret)
            for encoded in spelling.encoded:
                if encoded in text:
                    text = re.sub(re.escape(encoded) + spelling.rest, MARK, text)
            if secret[:SECRET_WINDOW] in text or any(mark in text for mark in _ESCAPES):
                text = _spelled(secret).sub(MARK, text)
        return _FORMS.sub(MARK, text)


@dataclass(frozen=True, slots=True)
class _Spelling:
    """How a secret begins in other alphabets, and how that goes on."""

    encoded: tuple[str, ...]
    rest: str


@lru_cache(maxsize=64)
def _spelling(secret: str) -> _Spelling:
    head, is_long = secret[:SECRET_WINDOW], len(secret) > SECRET_WINDOW
    encodings = ("utf-8", "utf-16-le", "utf-16-be")
    encoded = {each for name in encodings for each in _encoded(head.encode(name, "surrogatepass"))}
    rest = r"[\w+/-]*={0,2}" if is_long else r"[\w+/-]?={0,2}"
    return _Spelling(tuple(sorted(encoded, key=len, reverse=True)), rest)


@lru_cache(maxsize=64)
def _spelled(secret: str) -> re.Pattern[str]:
    """Make an expression for a secret as it is or escaped, which takes milliseconds."""
    more = _MORE if len(secret) > SECRET_WINDOW else ""
    return re.compile("".join(_letter(letter) for letter in secret[:SECRET_WINDOW]) + more)


def _letter(letter: str) -> str:
    """One character: itself or escaped as in a URL, in JSON, Python or HTML; in UTF-16 a zero stands beside it."""
    code = ord(letter)
    # Each way begins with a letter of its own, which lets the search skip what begins with none of them.
    utf8 = "".join(rf"%(?:25){{0,2}}(?i:{byte:02x})" for byte in letter.encode("utf-8", "surrogatepass"))
    ways = [re.escape(letter), utf8, rf"\\\\{{0,3}}(?:u|U0000)(?i:{code:04x})", rf"\\\\{{0,3}}x(?i:{code:02x})",
            rf"&#0*{code};", rf"&#[xX]0*(?i:{code:x});"]  # fmt: skip
    if letter in "/\"\\'":
        ways.append(rf"\\\\{{0,3}}{re.escape(letter)}")
    if letter == " ":
        ways.append(r"\+")
    return rf"(?:{'|'.join(ways)})(?:\x00|\\u0000|%00)?"


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
