"""The host's own network settings (proxies, certificates, indexes), as an install step in a container needs them.

They are handed to install steps and stay nowhere: no image, no result, no product environment holds them.
"""

import os
import re
import shutil
from configparser import Error as ConfigParserError
from configparser import RawConfigParser
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

from lab.process import run

CA_FILE = "/run/lab/ca.crt"
"""Where an environment puts the host's CA bundle for the time of an install step."""
CA_VARIABLES = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "PIP_CERT", "CURL_CA_BUNDLE")
PROXY_VARIABLES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")
INDEX_VARIABLES = (
    "PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_TRUSTED_HOST", "PIP_DEFAULT_TIMEOUT",
    "UV_INDEX_URL", "UV_EXTRA_INDEX_URL", "UV_DEFAULT_INDEX", "UV_INDEX", "UV_INSECURE_HOST", "UV_HTTP_TIMEOUT",
)  # fmt: skip
PIP_TO_UV = {"PIP_INDEX_URL": "UV_DEFAULT_INDEX", "PIP_EXTRA_INDEX_URL": "UV_INDEX"}


@dataclass(frozen=True)
class HostNetwork:
    """Variables for an install step, the CA bundle's bytes, and what had to be left out and why."""

    variables: dict[str, str] = field(repr=False)
    ca: bytes | None = field(repr=False)
    left_out: tuple[str, ...]

    @property
    def secrets(self) -> list[str]:
        """Passwords inside the addresses."""
        parts = [urlsplit(word) for value in self.variables.values() for word in value.split()]
        return [part.password for part in parts if part.password]


@cache
def host_network() -> HostNetwork:
    """Read the host's settings from the environment and from pip's configuration."""
    variables: dict[str, str] = {}
    left_out: list[str] = []
    for name in PROXY_VARIABLES:
        value = os.environ.get(name) or os.environ.get(name.lower())
        if not value:
            continue
        if name != "NO_PROXY" and _on_loopback(value):
            left_out.append(f"{name} names this host's loopback, which a container cannot reach")
            continue
        variables[name] = variables[name.lower()] = value
    variables |= _index_settings(left_out)
    for pip, uv in PIP_TO_UV.items():
        if pip in variables:
            variables.setdefault(uv, variables[pip])
    if os.environ.get("PIP_FIND_LINKS"):
        left_out.append("PIP_FIND_LINKS names a folder of this host")
    ca = _ca_bundle()
    if ca is not None:
        variables |= dict.fromkeys(CA_VARIABLES, CA_FILE)
    return HostNetwork(variables, ca, tuple(left_out))


def _index_settings(left_out: list[str]) -> dict[str, str]:
    """Return the index settings that mean something inside a container; say of the others why not."""
    variables: dict[str, str] = {}
    settings = {
        **{name: value for name, value in _pip_settings().items() if name != "PIP_CERT"},
        **{name: os.environ[name] for name in INDEX_VARIABLES if os.environ.get(name)},
    }
    for name, value in settings.items():
        if name.endswith(("TIMEOUT", "HOST")):
            variables[name] = value
        elif any(_on_loopback(word.partition("=")[2] or word) for word in value.split()):
            left_out.append(f"{name} names this host's loopback, which a container cannot reach")
        elif re.match(r"([\w-]+=)?https?://", value):
            variables[name] = value
        else:
            left_out.append(f"{name} is not an address")
    return variables


def _on_loopback(address: str) -> bool:
    """Whether an address, with a scheme or without, is this host's own."""
    host = urlsplit(address if "://" in address else f"//{address}").hostname or ""
    return host in {"localhost", "::1"} or host.startswith("127.")


def _ca_bundle() -> bytes | None:
    """Read the bundle that a variable or pip's configuration names; None means the platform's own will do."""
    named = [os.environ.get(name) for name in CA_VARIABLES] + [_pip_settings().get("PIP_CERT")]
    for path in filter(None, named):
        if Path(path).is_file():
            return Path(path).read_bytes()
    return None


@cache
def _pip_settings() -> dict[str, str]:
    """Return index settings of pip's configuration files, as variables."""
    found: dict[str, str] = {}
    wanted = {"index-url": "PIP_INDEX_URL", "extra-index-url": "PIP_EXTRA_INDEX_URL",
              "trusted-host": "PIP_TRUSTED_HOST", "cert": "PIP_CERT"}  # fmt: skip
    files = [Path("/etc/pip.conf"), Path.home() / ".pip/pip.conf", Path.home() / ".config/pip/pip.conf"]
    for file in [*files, Path(os.environ.get("PIP_CONFIG_FILE") or os.devnull)]:
        if not file.is_file():
            continue
        parser = RawConfigParser(strict=False)
        try:
            parser.read_string(file.read_text("utf8", "replace"))
        except ConfigParserError:
            continue  # pip itself refuses such a file
        for section in parser.sections():
            for key, value in parser.items(section):
                if key in wanted and value:
                    found[wanted[key]] = " ".join(value.split())  # several values stand on lines of their own
    return found


def debian_sources(suite: str) -> list[str]:
    """Return lines of a sources.list for a suite, from the mirrors that this host's apt uses; none if it has none."""
    if shutil.which("apt-get") is None:
        return []
    fields = "$(ORIGIN)|$(LABEL)|$(REPO_URI)"
    listed = run(["apt-get", "indextargets", "--format", fields, "Created-By: Packages"], timeout=20)
    found: dict[str, str] = {}
    for line in listed.stdout.decode().splitlines():
        origin, label, address = line.split("|", 2)
        if origin == "Debian":
            found.setdefault(label, address)
    if "Debian" not in found:
        return []
    lines = [f"deb {found['Debian']} {suite} main", f"deb {found['Debian']} {suite}-updates main"]
    security = found.get("Debian-Security")
    return [*lines, f"deb {security} {suite}-security main"] if security else lines
