"""What an unquoted YAML scalar means: YAML 1.2's core schema, but a number with leading zeros stays text.

And what `${VAR}` in a text stands for: what a variable gives stays text, and is not looked through again.
"""

import math
import re
from collections.abc import Iterator, Mapping
from typing import TypeAlias

Scalar: TypeAlias = str | int | float | bool | None

_VARIABLE = re.compile(r"\$\$|\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}")
MAX_DIGITS = 1000  # far below the length at which Python refuses to print a number

_WORDS: dict[str, Scalar] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), math.nan),
    **{sign + word: float(f"{sign}inf") for sign in ("", "+", "-") for word in (".inf", ".Inf", ".INF")},
}
_INT = re.compile(r"[-+]?(0|[1-9][0-9]*)")
_BASED = re.compile(r"0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|(0|[1-9][0-9]*)(\.[0-9]*)?)([eE][-+]?[0-9]+)?")


def resolve(text: str) -> Scalar:
    """Return what an unquoted scalar means; ValueError for a number that no number type holds."""
    if text in _WORDS:
        return _WORDS[text]
    if _INT.fullmatch(text) or _BASED.fullmatch(text):
        if len(text) > MAX_DIGITS:
            raise ValueError
        return int(text, 0)
    if _FLOAT.fullmatch(text):
        if math.isinf(number := float(text)):
            raise ValueError
        return number
    return text


def substitute(text: str, environ: Mapping[str, str]) -> tuple[str, list[str]]:
    """Put variables in, and return the text with the names of those that are neither set nor have a default.

    As in a shell, the default also stands for a variable that is set but empty.
    """
    unset: list[str] = []

    def value(found: re.Match[str]) -> str:
        name, default = found.groups()
        if name is None:
            return "$"
        if default is None and name not in environ:
            unset.append(name)
        return environ.get(name) or default or ""

    end = text.rfind("}") + 1  # looking for it from every `${` would take a minute for a megabyte of them
    return _VARIABLE.sub(value, text[:end]) + text[end:].replace("$$", "$"), unset


def without_default(source: str, start: int, end: int) -> Iterator[tuple[str, int]]:
    """Yield the name and the index of each variable that stands between two indices and has no default."""
    for found in _VARIABLE.finditer(source, start, max(start, source.rfind("}", start, end) + 1)):
        if found[1] is not None and found[2] is None:
            yield found[1], found.start()
