"""The fields of a request in OpenAI's manner: read with their type, or refused with their name."""

import json
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from lab.llm_mock.wire.base import Headers, RejectedError, digest


def wrong(where: str, expected: str) -> RejectedError:
    """Make the refusal of a field that is not what it has to be."""
    return RejectedError(f"Invalid type for '{where}': expected {expected}.", param=where, code="invalid_type")


def missing(name: str) -> RejectedError:
    """Make the refusal of a request that lacks a field."""
    return RejectedError(
        f"Missing required parameter: '{name}'.", param=name, code="missing_required_parameter"
    )  # fmt: skip


def model(content: Mapping[str, Any]) -> str:
    """Return the model's name; any is known."""
    name = content.get("model")
    if name is None or name == "":
        raise RejectedError("you must provide a model parameter", param="model", code="missing_required_parameter")
    if not isinstance(name, str):
        raise wrong("model", "a string")
    return name


def flag(content: Mapping[str, Any], name: str) -> bool:
    """Return a boolean field; one that is absent or null is false."""
    value = content.get(name)
    if value is not None and not isinstance(value, bool):
        raise wrong(name, "a boolean")
    return bool(value)


def whole_number(content: Mapping[str, Any], name: str, least: int = 1) -> int | None:
    """Return a field that counts something, or None where it is absent or null."""
    value = content.get(name)
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool):
        raise wrong(name, "an integer")
    if value < least:
        message = f"Invalid '{name}': integer below minimum value. Expected a value >= {least}."
        raise RejectedError(message, param=name, code="integer_below_min_value")
    return value


def mapping(value: Any, where: str) -> Mapping[str, Any]:
    """Return an object; one that is null is empty."""
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise wrong(where, "an object")
    return value


def objects(value: Any, where: str) -> Sequence[Mapping[str, Any]]:
    """Return a list of objects; one that is null is empty."""
    if value is None:
        return ()
    if not isinstance(value, list):
        raise wrong(where, "an array of objects")
    for number, each in enumerate(value):
        if not isinstance(each, dict):
            raise wrong(f"{where}[{number}]", "an object")
    return value


def string(value: Any, where: str) -> str:
    """Return a text that has to be there, and may be empty."""
    if not isinstance(value, str):
        raise wrong(where, "a string")
    return value


def echoed(fields: Mapping[str, Any]) -> bytes:
    """Write fields of the request that its answer repeats, without the braces around them."""
    try:
        return _FINITE.encode(fields).encode("ascii")[1:-1]
    except (ValueError, RecursionError):
        raise RejectedError("We could not parse the JSON body of your request.") from None


def hashed(content: Mapping[str, Any], delivery: Collection[str] = ("stream", "stream_options")) -> str:
    """Return the digest of a request; it is refused where it is nested too deeply to be written again."""
    try:
        return digest(content, delivery=delivery)
    except RecursionError:
        raise RejectedError("We could not parse the JSON body of your request.") from None


def request_id(digest: str) -> Headers:
    """Return the header in which a provider numbers its answers."""
    return (("x-request-id", f"req_{digest[:32]}"),)


_FINITE = json.JSONEncoder(separators=(",", ":"), allow_nan=False)
