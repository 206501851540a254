"""Which words must leave the service in no message and no line of log."""

from collections.abc import Callable, Mapping
from urllib.parse import quote

HIDDEN = "[key]"
SHORTEST = 4  # A shorter value protects nothing, and is part of many words.
_SECRET_NAMES = ("_KEY", "_KEY_ID", "_TOKEN", "_SECRET", "_PASSWORD")

Redact = Callable[[str], str]


def redaction(values: Mapping[str, str]) -> Redact:
    """Return a function that hides the values of all settings which are named like a secret."""
    found = {value for name, value in values.items() if len(value) >= SHORTEST and name.upper().endswith(_SECRET_NAMES)}
    # The longest first: one key can be the beginning of another.
    hidden = sorted(found | {quote(value, safe="") for value in found}, key=len, reverse=True)

    def redact(text: str) -> str:
        for each in hidden:
            text = text.replace(each, HIDDEN)
        return text

    return redact
