"""Texts that fit a schema."""

import base64
import string
from collections.abc import Callable, Sequence
from random import Random

from lab.llm_mock.schema.effort import Effort, ImpossibleError
from lab.llm_mock.schema.matching import found, matching
from lab.llm_mock.schema.reading import Part, least_of, most_of

LONGEST = 100_000
TRIES = 8


def _day(random: Random) -> str:
    return f"2024-{random.randint(1, 12):02}-{random.randint(1, 28):02}"


def _hour(random: Random) -> str:
    return f"{random.randrange(24):02}:{random.randrange(60):02}:{random.randrange(60):02}Z"


def _word(random: Random) -> str:
    return "".join(random.choices(string.ascii_lowercase, k=random.randint(1, 6)))


def _uuid(random: Random) -> str:
    digits = f"{random.getrandbits(128):032x}"
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-a{digits[17:20]}-{digits[20:]}"


def _octets(random: Random) -> str:
    return f"192.0.2.{random.randint(1, 254)}"


def _encoded(random: Random) -> str:
    return base64.b64encode(_word(random).encode()).decode()


_FORMATS: dict[str, Callable[[Random], str]] = {
    "date-time": lambda random: f"{_day(random)}T{_hour(random)}",
    "date": _day,
    "time": _hour,
    "duration": lambda random: f"P{random.randint(1, 30)}D",
    "email": lambda random: f"{_word(random)}@example.com",
    "idn-email": lambda random: f"{_word(random)}@example.com",
    "hostname": lambda random: f"{_word(random)}.example.com",
    "idn-hostname": lambda random: f"{_word(random)}.example.com",
    "ipv4": _octets,
    "ip": _octets,
    "ipv6": lambda random: f"2001:db8::{random.randint(1, 0xFFFF):x}",
    "uri": lambda random: f"https://example.com/{_word(random)}",
    "url": lambda random: f"https://example.com/{_word(random)}",
    "iri": lambda random: f"https://example.com/{_word(random)}",
    "uri-reference": lambda random: f"/{_word(random)}",
    "iri-reference": lambda random: f"/{_word(random)}",
    "uri-template": lambda random: f"https://example.com/{{{_word(random)}}}",
    "uuid": _uuid,
    "json-pointer": lambda random: f"/{_word(random)}",
    "relative-json-pointer": lambda random: f"{random.randint(0, 9)}/{_word(random)}",
    "regex": lambda random: f"^{_word(random)}$",
    "byte": _encoded,
    "base64": _encoded,
    "json": lambda random: f'"{_word(random)}"',
}


def text(parts: Sequence[Part], random: Random, effort: Effort) -> str:
    """Return a text of the right format, pattern and length; raises ImpossibleError, SpentError.

    A format that is not known asks for nothing, and so does a pattern that is not understood.
    """
    least, most = most_of(parts, "minLength"), least_of(parts, "maxLength")
    if least > LONGEST or (most is not None and most < least):
        raise ImpossibleError
    patterns = [part["pattern"] for part in parts if isinstance(part.get("pattern"), str)]
    for make in [make for part in parts if (make := _FORMATS.get(_format(part))) is not None]:
        for _ in range(TRIES):
            made = make(random)
            long_enough = least <= len(made) and (most is None or len(made) <= most)
            if long_enough and all(found(pattern, made, effort) for pattern in patterns):
                return made
    matched = matching(patterns, least, most, random, effort) if patterns else None
    if matched is not None:
        return matched
    return _sized(f"mock {random.getrandbits(16):04x}", least, most, random)


def _format(part: Part) -> str:
    named = part.get("format", part.get("contentEncoding"))
    if isinstance(named, str):
        return named.lower()
    return "json" if part.get("contentMediaType") == "application/json" else ""


def _sized(made: str, least: int, most: int | None, random: Random) -> str:
    if len(made) < least:
        made += "".join(random.choices(string.ascii_lowercase, k=least - len(made)))
    return made if most is None or len(made) <= most else made[len(made) - most :]
