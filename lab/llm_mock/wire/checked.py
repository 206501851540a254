"""Values of a request that have to be of a type; `where` names them in the problem, as Anthropic and Bedrock do."""

from collections.abc import Mapping, Sequence
from typing import Any

from lab.llm_mock.wire.base import RejectedError, digest

_MOST_TOKENS = 2**31 - 1
# Versions differ between the generations of clients, which get the same answers.
_DELIVERY = ("stream", "thread", "anthropic_version", "anthropic_beta")


def text(value: Any, where: str) -> str:
    """Return a string; raises RejectedError for anything else."""
    if value is None:
        raise RejectedError(f"{where}: Field required", param=where)
    if not isinstance(value, str):
        raise RejectedError(f"{where}: Input should be a valid string", param=where)
    return value


def name(value: Any, where: str) -> str:
    """Return a string that is not empty; raises RejectedError for anything else."""
    if not text(value, where):
        raise RejectedError(f"{where}: String should have at least 1 character", param=where)
    return str(value)


def mapping(value: Any, where: str) -> Mapping[str, Any]:
    """Return an object, an empty one for None; raises RejectedError for anything else."""
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise RejectedError(f"{where}: Input should be a valid dictionary", param=where)
    return value


def needed(value: Any, where: str) -> Mapping[str, Any]:
    """Return an object; raises RejectedError for anything else, None included."""
    if value is None:
        raise RejectedError(f"{where}: Field required", param=where)
    return mapping(value, where)


def items(value: Any, where: str) -> Sequence[Any]:
    """Return a list, an empty one for None; raises RejectedError for anything else."""
    if value is None:
        return ()
    if not isinstance(value, list):
        raise RejectedError(f"{where}: Input should be a valid list", param=where)
    return value


def whole_number(value: Any, where: str, least: int = 1) -> int:
    """Return a whole number that is not too small and fits 32 bits; raises RejectedError for anything else."""
    if value is None:
        raise RejectedError(f"{where}: Field required", param=where)
    if isinstance(value, bool) or not isinstance(value, int):
        raise RejectedError(f"{where}: Input should be a valid integer", param=where)
    if value < least:
        raise RejectedError(f"{where}: Input should be greater than or equal to {least}", param=where)
    if value > _MOST_TOKENS:
        raise RejectedError(f"{where}: Input should be less than or equal to {_MOST_TOKENS}", param=where)
    return value


def fingerprint(content: Mapping[str, Any]) -> str:
    """Hash a request as `digest` does; raises RejectedError where it is nested too deeply to be written again."""
    try:
        return digest(content, delivery=_DELIVERY)
    except RecursionError:
        raise RejectedError("The request is nested too deeply.") from None
