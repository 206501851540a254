"""What must stay nowhere: the values of this host's network settings, in the forms in which they could be found."""

import re
from collections.abc import Mapping
from urllib.parse import urlsplit

from lab.environment.public_index import public_hosts
from lab.redact import SHORTEST

MARK_NAME, MARK = "LAB_INSTALL_MARK", "lab-install-mark-3f9c1e7a5b2d4c68"
"""Handed to install steps along with the host's settings, so that even a bare host has something to look for."""
NOT_SOUGHT = ("TIMEOUT",)
LISTS = ("NO_PROXY",)
"""Settings of which only the whole value tells anything: their parts may be names that stand everywhere."""
LOCAL = re.compile(r"localhost|127\.|\[?::1|0\.0\.0\.0|10\.0\.0\.0/|192\.168\.0\.0/|172\.16\.0\.0/|169\.254\.")


def sought(variables: Mapping[str, str]) -> dict[str, list[str]]:
    """Return settings by name, each with the texts that would give it away, the longest first; the mark is one."""
    found: dict[str, list[str]] = {MARK_NAME: [MARK]}
    for name, value in sorted(variables.items()):
        if name.islower() or name.endswith(NOT_SOUGHT):
            continue  # a proxy's name in small letters says the same again
        words = [value] if name in LISTS else re.split(r"[\s,]+", value)
        texts = {text for word in words for text in (_whole(word) if name in LISTS else _telling(word))}
        if texts:
            found[name] = sorted(texts, key=lambda text: (-len(text), text))
    return found


def secrets_of(variables: Mapping[str, str]) -> list[str]:
    """Return what must not stand in the lab's own evidence: the same texts, but for the mark and paths of the lab's."""
    texts = {text for texts in sought(variables).values() for text in texts}
    return sorted(text for text in texts if text != MARK and not text.startswith("/"))


def _whole(value: str) -> set[str]:
    """Return a list's value, unless it names nothing but this host."""
    names_others = any(word.strip(" .*") and not LOCAL.match(word.strip()) for word in value.split(","))
    return {value} if names_others and len(value) >= SHORTEST else set()


def _telling(word: str) -> set[str]:
    """Return the parts of one word of a setting that would give it away."""
    if word.startswith("/"):
        return {word}
    address = word.partition("=")[2] if re.match(r"[\w-]+=\w+://", word) else word  # an index may have a name
    parts = urlsplit(address if "://" in address else f"//{address}")
    host = (parts.hostname or "").lstrip(".*")
    if not host or LOCAL.match(host) or host in public_hosts():
        telling = set[str]()
    else:
        place = parts.netloc.rpartition("@")[2].lstrip(".*")
        telling = {text for text in (place, host) if "." in text or ":" in text}  # a bare word may stand anywhere
        telling |= {address} if "://" in address else set()
    user, password = parts.username or "", parts.password or ""
    telling |= {password, f"{user}:{password}"} if password else {user} if user else set()
    return {text for text in telling if len(text) >= SHORTEST}
