"""Which keys a request carries, and what may be told of them."""

import base64
import binascii
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal
from urllib.parse import unquote

from lab.llm_mock.wire.base import Received

OWN_KEY_PREFIX = "sk-mock"
HEADERS = ("authorization", "proxy-authorization", "x-api-key", "api-key", "x-goog-api-key", "x-amz-security-token",
           "ocp-apim-subscription-key", "x-auth-token")  # fmt: skip
QUERY = ("key", "api_key", "api-key", "apikey", "access_token", "token", "x-amz-credential", "x-amz-security-token",
         "subscription-key", "subscription_key")  # fmt: skip
# Shorter values are no secrets, and taking them out of a text would make it unreadable.
SHORTEST_SECRET = 8
# Names of other headers and of parts of the query, of which there is no end: the first carry a key, the second anything
# secret. An SDK sends the last of its own accord, and none of them lets anybody in: a signature of AWS is good once.
_KEY_NAME = re.compile(r"(?:api|access|subscription|functions|virtual|secret)[-_]?(?:key|token)$|auth(?:orization)?$")
_SECRET_NAME = re.compile(
    r"(?:key|token|secret|auth|authorization|authentication|cookie|credentials?|signature|passw(?:or)?d)"
    r"(?![a-z]|[-_](?:count|limit|budget|usage|type)$)"
)
_HARMLESS_NAME = re.compile(
    r"^x-stainless-|^sec-websocket-|^x-amz-signature$|max[-_]?token|(?:page|next|continuation)[-_]?token"
    r"|(?:idempotency|cache|partition|routing|request|sort)[-_]?key"
)
_LONGEST_NAME = 64  # only the end of a longer name is looked at
_COMMA = re.compile(r",(?!\s*(?i:Credential|SignedHeaders|Signature)\s*=)")
_CREDENTIAL = re.compile(r"Credential\s*=\s*([^,\s]+)")


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


def passing(received: Received) -> tuple[str, ...]:
    """Return what else in a request is secret and is no key: cookies, tokens of a session, signatures."""
    named = [(name, value) for name, value in received.headers.items() if carries(name) == "secret"]
    named += [(name, value) for name, value in received.query.items() if carries(name) == "secret"]
    found = [secret for name, value in named for secret in _secret_parts(name, value.strip())]
    return tuple(dict.fromkeys(secret for secret in found if secret))


def carries(name: str) -> Literal["key", "secret"] | None:
    """Say what a header or a part of the query with this name carries; None for what may be told."""
    return _carries(name[-_LONGEST_NAME:].lower())


@lru_cache(maxsize=512)
def _carries(name: str) -> Literal["key", "secret"] | None:
    if name in HEADERS or name in QUERY:
        return "key"
    if _HARMLESS_NAME.search(name) or not _SECRET_NAME.search(name):
        return None
    return "key" if _KEY_NAME.search(name) else "secret"


def own_keys(received: Received) -> tuple[str, ...]:
    """Return the keys of a request that were made for mocks."""
    return tuple(secret for secret in secrets(received) if secret.startswith(OWN_KEY_PREFIX))


def key(received: Received) -> Key:
    """Tell of a request's keys what may be told."""
    sent = [parts[0] for value in _values(received) if (parts := [part for part in _parts(value) if part])]
    own = [each for each in sent if each.startswith(OWN_KEY_PREFIX)]
    return Key(bool(sent), own[0][-4:] if own else None, known=bool(sent) and len(own) == len(sent))


def _values(received: Received) -> Iterator[str]:
    headers = [name for name in HEADERS if name in received.headers]
    headers += [name for name in received.headers if name not in HEADERS and carries(name) == "key"]
    for name in headers:
        # A header that came twice is one value with a comma; a signature has commas of its own.
        yield from filter(None, map(str.strip, _COMMA.split(received.headers[name])))
    sent = [(name, value) for name, value in received.query.items() if carries(name) == "key"]
    for name, value in sorted(sent, key=lambda each: _rank(each[0])):
        for part in filter(None, map(str.strip, value.split(","))):
            yield part.split("/")[0] if name.lower() == "x-amz-credential" else part


def _rank(name: str) -> int:
    return QUERY.index(name.lower()) if name.lower() in QUERY else len(QUERY)


def _secret_parts(name: str, value: str) -> Iterator[str]:
    """Give the values of cookies one by one, and everything else as a key is given."""
    if name.lower().endswith("cookie"):
        for cookie in value.split(";"):
            yield cookie.partition("=")[2].strip().strip('"')
    yield from _parts(value)


def _parts(value: str) -> Iterator[str]:
    """Give the key itself first, then what else would give it away."""
    scheme, _, rest = value.partition(" ")
    rest = rest.strip()
    if scheme.upper().startswith("AWS4-"):
        # The signature is good once: who reads it can do nothing with it.
        yield from [part.split("/")[0] for part in _CREDENTIAL.findall(rest)] or [rest]
        return
    if not rest:
        yield value
        if unquote(value) != value:
            yield unquote(value)
        return
    if scheme.lower() == "basic":
        yield from _basic(rest)
    yield rest
    if len(rest) < SHORTEST_SECRET:
        yield value


def _basic(rest: str) -> Iterator[str]:
    """A user's name and password; either may be the key."""
    try:
        user, _, password = base64.b64decode(rest, validate=True).decode("utf-8").partition(":")
    except (binascii.Error, ValueError):
        return
    yield from (password, user)
