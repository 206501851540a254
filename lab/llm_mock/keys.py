"""Which keys a request carries, and what may be told of them."""

import base64
import binascii
import re
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import unquote

from lab.llm_mock.wire.base import Received

OWN_KEY_PREFIX = "sk-mock"
HEADERS = ("authorization", "proxy-authorization", "x-api-key", "api-key", "x-goog-api-key", "x-amz-security-token",
           "ocp-apim-subscription-key", "x-auth-token")  # fmt: skip
QUERY = ("key", "api_key", "api-key", "apikey", "access_token", "token", "x-amz-credential", "x-amz-signature",
         "x-amz-security-token")  # fmt: skip
# Shorter values are no secrets, and taking them out of a text would make it unreadable.
SHORTEST_SECRET = 8
_COMMA = re.compile(r",(?!\s*(?i:Credential|SignedHeaders|Signature)\s*=)")
_SIGNED = re.compile(r"(Credential|Signature)\s*=\s*([^,\s]+)")


@dataclass(frozen=True, slots=True)
class Key:
    """Whether a key came, whether all that came were made for mocks, and the last four characters of such a one."""

    sent: bool
    last4: str | None = None
    known: bool = False


def secrets(received: Received) -> tuple[str, ...]:
    """Return everything in a request that is a key or a part of one, each once, the most important first."""
    found = [secret for value in _values(received) for secret in _parts(value)]
    return tuple(dict.fromkeys(secret for secret in found if secret))


def own_keys(received: Received) -> tuple[str, ...]:
    """Return the keys of a request that were made for mocks."""
    return tuple(secret for secret in secrets(received) if secret.startswith(OWN_KEY_PREFIX))


def key(received: Received) -> Key:
    """Tell of a request's keys what may be told."""
    sent = [parts[0] for value in _values(received) if (parts := [part for part in _parts(value) if part])]
    own = [each for each in sent if each.startswith(OWN_KEY_PREFIX)]
    return Key(bool(sent), own[0][-4:] if own else None, known=bool(sent) and len(own) == len(sent))


def _values(received: Received) -> Iterator[str]:
    for name in HEADERS:
        if (told := received.headers.get(name)) is not None:
            # A header that came twice is one value with a comma; a signature has commas of its own.
            yield from filter(None, map(str.strip, _COMMA.split(told)))
    for name in QUERY if received.query else ():
        sent = [value for each, value in received.query.items() if each.lower() == name]
        for value in filter(None, (part.strip() for each in sent for part in each.split(","))):
            yield value.split("/")[0] if name == "x-amz-credential" else value


def _parts(value: str) -> Iterator[str]:
    """Give the key itself first, then what else would give it away."""
    scheme, _, rest = value.partition(" ")
    rest = rest.strip()
    if scheme.upper().startswith("AWS4-"):
        for name, part in _SIGNED.findall(rest):
            yield part.split("/")[0] if name == "Credential" else part
        yield rest
        return
    if not rest:
        yield value
        if unquote(value) != value:
            yield unquote(value)
        return
    if scheme.lower() == "basic":
        yield from _basic(rest)
    yield rest
    yield value


def _basic(rest: str) -> Iterator[str]:
    """A user's name and password; either may be the key."""
    try:
        user, _, password = base64.b64decode(rest, validate=True).decode("utf-8").partition(":")
    except (binascii.Error, ValueError):
        return
    yield from (password, user)
