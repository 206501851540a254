"""Secrets never reach a file or a screen: they are replaced when written, by value and by pattern."""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field

MASK = "[redacted]"
PATTERNS = (
    re.compile(r"(?i)(?<=bearer )[A-Za-z0-9._~+/=-]{8,}"),
    re.compile(r"(?:(?<![A-Za-z0-9_])|(?<=\\[nrt]))sk-(?!mock)[A-Za-z0-9_-]{16,}"),  # \n as JSON writes it, too
    re.compile(r"(?<=://)(?:[^/\s:@\"']*:[^/\s@\"']+|[^/\s:@\"']{8,})(?=@)"),  # user:password or a bare token
    re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?-----END [A-Z ]*PRIVATE KEY-----", re.DOTALL),
)
SHORTEST = 6
"""Shorter values are not replaced: they would tear holes into ordinary text."""


@dataclass(frozen=True)
class Redactor:
    """Replaces known secret values and whatever looks like one."""

    values: tuple[str, ...] = field(default=(), repr=False)

    @classmethod
    def of(cls, values: Iterable[str]) -> "Redactor":
        """Make one for these values, the longest replaced first."""
        long = {value for value in values if len(value) >= SHORTEST}
        in_json = {json.dumps(value, ensure_ascii=False)[1:-1] for value in long}
        return cls(tuple(sorted(long | in_json, key=len, reverse=True)))

    def __call__(self, text: str) -> str:
        """Return the text without secrets."""
        for value in self.values:
            text = text.replace(value, MASK)
        for pattern in PATTERNS:
            text = pattern.sub(MASK, text)
        return text

    def bytes(self, data: bytes) -> bytes:
        """Return the bytes without secrets."""
        return self(data.decode("utf8", "surrogateescape")).encode("utf8", "surrogateescape")
