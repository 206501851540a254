"""What can be made to go wrong with an answer."""

from dataclasses import dataclass
from typing import Literal, get_args

Kind = Literal[
    "status",  # an error of the provider, with this status
    "reset",  # the connection is reset before anything was answered
    "hang",  # nothing is answered until the client goes away, or `seconds` are over and the connection closes
    "slow-first-token",  # the answer begins after `seconds`
    "pace",  # `rate` pieces a second, each up to `jitter` (a share of the time between two) early or late
    "stall",  # after `after` pieces nothing comes until the client goes, or for `seconds`, after which it goes on
    "disconnect",  # after `after` pieces the connection breaks
    "truncate",  # after `after` pieces the answer ends as if it were whole
    "malformed-chunk",  # after `after` pieces a frame comes that is no frame; the others follow
    "malformed-json",  # a whole answer whose JSON breaks off
    "wrong-content-type",  # the right body under text/html
    "empty-body",
    "huge-body",  # a body of `size` bytes
    "stream-error",  # after `after` pieces an error of the provider within the stream, with this status
    "bad-arguments",  # the arguments of calls are no JSON
    "unknown-tool",  # a tool is called that nobody offered
]
KINDS: tuple[Kind, ...] = get_args(Kind)
RetryAfterForm = Literal["seconds", "ms", "date"]


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault. Durations in seconds; `after` None is half of the pieces.

    `retry_after` seconds are told in a header: in whole seconds, in milliseconds (`retry-after-ms`), or as a date.
    `retry_hint` is `x-should-retry`.
    """

    kind: Kind
    status: int | None = None
    message: str | None = None
    retry_after: float | None = None
    retry_after_form: RetryAfterForm = "seconds"
    retry_hint: bool | None = None
    after: int | None = None
    seconds: float | None = None
    rate: float | None = None
    jitter: float = 0.0
    size: int | None = None
