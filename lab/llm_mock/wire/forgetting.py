"""What families remember of earlier requests, and how it is forgotten."""

from collections.abc import Callable

_FORGET: list[Callable[[], None]] = []


def remembers(forget: Callable[[], None]) -> None:
    """Have something called whenever everything is to be forgotten."""
    _FORGET.append(forget)


def forget() -> None:
    """Forget what was remembered."""
    for each in _FORGET:
        each()
