"""Secrets never reach a file or a screen: they are replaced when written, by value and by pattern."""

import hmac
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

MASK = "[redacted]"
PATTERNS = (
    re.compile(r"(?i)(?<=bearer )[A-Za-z0-9._~+/=-]{8,}"),
    re.compile(r"(?:(?<![A-Za-z0-9_])|(?<=\\[nrt]))sk-(?!mock)[A-Za-z0-9_-]{16,}"),  # \n as JSON writes it, too
    re.compile(r"(?<=://)(?:[^/\s:@\"']*:[^/\s@\"']+|[^/\s:@\"']{8,})(?=@)"),  # user:password or a bare token
    # Up to its end or the next beginning: a text with nothing but beginnings is read once, not once for each of them.
    re.compile(
        r"-----BEGIN [A-Z ]*PRIVATE KEY-----(?:(?!-----BEGIN ).)*?"
        r"(?:-----END [A-Z ]*PRIVATE KEY-----|(?=-----BEGIN ))",
        re.DOTALL,
    ),
)
SHORTEST = 6
"""Shorter values are not replaced: they would tear holes into ordinary text."""


@dataclass(frozen=True)
class Redactor:
    """Replaces known secret values and whatever looks like one."""

    values: tuple[str, ...] = field(default=(), repr=False)
    key: bytes = field(default=b"", repr=False)
    """With a key, which is thrown away, each mask tells one secret from another: what has changed can be seen."""

    @classmethod
    def of(cls, values: Iterable[str], key: bytes = b"") -> "Redactor":
        """Make one for these values, the longest replaced first."""
        long = {value for value in values if len(value) >= SHORTEST}
        in_json = {json.dumps(value, ensure_ascii=False)[1:-1] for value in long}
        return cls(tuple(sorted(long | in_json, key=len, reverse=True)), key)

    def __call__(self, text: str) -> str:
        """Return the text without secrets."""
        for value in self.values:
            if value in text:
                text = text.replace(value, self._mask(value))
        for pattern in PATTERNS:
            text = pattern.sub(lambda found: self._mask(found[0]), text)
        return text

    def deeply(self, value: Any) -> Any:
        """Return nested values with every text in them redacted."""
        if isinstance(value, str):
            return self(value)
        if isinstance(value, dict):
            return {self(str(name)): self.deeply(each) for name, each in value.items()}
        if isinstance(value, list | tuple):
            return [self.deeply(each) for each in value]
        return value if value is None or isinstance(value, int | float) else self(str(value))

    def _mask(self, secret: str) -> str:
        if not self.key or secret.startswith(MASK[:-1]):
            return MASK
        digest = hmac.new(self.key, secret.encode("utf8", "surrogateescape"), "sha256").hexdigest()
        return f"{MASK[:-1]} {digest[:8]}]"

    def bytes(self, data: bytes) -> bytes:
        """Return the bytes without secrets."""
        return self(data.decode("utf8", "surrogateescape")).encode("utf8", "surrogateescape")
