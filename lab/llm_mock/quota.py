"""How much each key may still ask for."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

from lab.llm_mock.keys import secrets
from lab.llm_mock.wire.base import Quota, Received

KEYS_KEPT = 10_000
UNLIMITED = 10**9


@dataclass(frozen=True)
class Limits:
    """Requests and tokens for each key in each window of some seconds; None is as many as it likes."""

    requests: int | None = None
    tokens: int | None = None
    seconds: float = 60.0


@dataclass
class _Window:
    ends: float
    requests: int
    tokens: int


class Quotas:
    """What is left to each key; a window begins with its first request."""

    def __init__(self, limits: Limits, clock: Callable[[], float]) -> None:
        self._limits = limits
        self._clock = clock
        self._windows: dict[bytes, _Window] = {}

    def take(self, received: Received, tokens: int) -> tuple[Quota, bool]:
        """Return what is left, and whether the request may be answered; one that may not costs nothing."""
        now = self._clock()
        window = self._window(_key(received), now)
        granted = window.requests >= 1 and window.tokens >= tokens
        if granted:
            window.requests -= 1
            window.tokens -= tokens
        quota = Quota(
            requests=self._limits.requests or UNLIMITED,
            requests_left=window.requests,
            tokens=self._limits.tokens or UNLIMITED,
            tokens_left=window.tokens,
            reset_seconds=window.ends - now,
        )
        return quota, granted

    def reset(self) -> None:
        """Give every key its whole quota again."""
        self._windows.clear()

    def _window(self, key: bytes, now: float) -> _Window:
        window = self._windows.pop(key, None)
        if window is None or window.ends <= now:
            limits = self._limits
            window = _Window(now + limits.seconds, limits.requests or UNLIMITED, limits.tokens or UNLIMITED)
        self._windows[key] = window
        if len(self._windows) > KEYS_KEPT:
            del self._windows[next(iter(self._windows))]  # the one that was not used for the longest time
        return window


def _key(received: Received) -> bytes:
    """Return something that differs from key to key and is none: of a signature that is whose it is."""
    sent = next(iter(secrets(received)), "")
    return hashlib.blake2b(sent.encode("utf-8", "surrogatepass"), digest_size=16).digest()
