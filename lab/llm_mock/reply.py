"""What a provider answers: the seam between the wire formats and the port that serves them."""

import json
from dataclasses import dataclass, field
from typing import Any

from lab.llm_mock.journal import Asked, Outcome

JSON = "application/json"
EVENT_STREAM = "text/event-stream; charset=utf-8"


@dataclass(frozen=True)
class Reply:
    """An answer made from the request alone; a stream is several chunks, sent one by one."""

    status: int
    chunks: tuple[bytes, ...]
    media_type: str = JSON
    outcome: Outcome = "answered"
    asked: Asked = field(default_factory=Asked)
    may_be_delayed: bool = False


def to_json(value: Any) -> bytes:
    """Encode in ASCII: a request may hold half a surrogate pair, which UTF-8 cannot."""
    return json.dumps(value, separators=(",", ":")).encode("ascii")
