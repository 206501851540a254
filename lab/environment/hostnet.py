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

from lab.environment.traces import secrets_of
from lab.process import run

CA_FILE = "/run/lab/ca.crt"
"""Where an environment puts the host's CA bundle for the time of an install step."""
CA_VARIABLES = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "PIP_CERT", "CURL_CA_BUNDLE")
PROXY_VARIABLES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")
INDEX_VARIABLES = (
    "PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_TRUSTED_HOST", "PIP_DEFAULT_TIMEOUT",
    "UV_INDEX_URL", "UV_EXTRA_INDEX_URL", "UV_DEFAULT_INDEX", "UV_INDEX", "UV_INSECURE_HOST", "UV_HTTP_TIMEOUT",
)  # fmt: skip
NO_ADDRESS = "is not an address"
PIP_TO_UV = {"PIP_INDEX_URL": "UV_DEFAULT_INDEX", "PIP_EXTRA_INDEX_URL": "UV_INDEX"}


@dataclass(frozen=True)
class HostNetwork:
    """Variables for an install step, the CA bundle's bytes, and what had to be left out and why."""

    variables: dict[str, str] = field(repr=False)
    ca: bytes | None = field(repr=False)
    left_out: tuple[str, ...]

    @property
    def secrets(self) -> list[str]:
        """Hosts, users and passwords of the settings: they are nobody's business who reads a result."""
        return secrets_of(self.variables)


@cache
def host_network() -> HostNetwork:
    """Read the host's settings from the environment and from pip's configuration."""
    variables: dict[str, str] = {}
    left_out: list[str] = []
    for name in PROXY_VARIABLES:
        value = os.environ.get(name) or os.environ.get(name.lower())
        if not value:
            continue
        reason = "" if name == "NO_PROXY" else _unreachable(value)
        if reason:
            left_out.append(f"{name} {reason}")
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


def own_network() -> dict[str, str]:
    """Return the host's settings for an install step that runs on the host itself, with its own paths and loopback."""
    names = [*PROXY_VARIABLES, *map(str.lower, PROXY_VARIABLES), *CA_VARIABLES, *INDEX_VARIABLES, "PIP_FIND_LINKS"]
    variables = {**_pip_settings(), **{name: os.environ[name] for name in names if os.environ.get(name)}}
    for pip, uv in PIP_TO_UV.items():
        if pip in variables:
            variables.setdefault(uv, variables[pip])
    if "PIP_CERT" in variables:
        variables.setdefault("SSL_CERT_FILE", variables["PIP_CERT"])  # uv knows no variable of its own
    return variables


def _index_settings(left_out: list[str]) -> dict[str, str]:
    """Return the index settings that mean something inside a container; say of the others why not."""
    variables: dict[str, str] = {}
    settings = {
        **{name: value for name, value in _pip_settings().items() if name != "PIP_CERT"},
        **{name: os.environ[name] for name in INDEX_VARIABLES if os.environ.get(name)},
    }
    for name, value in settings.items():
        reasons = [reason for word in value.split() if (reason := _unreachable(word))]
        if name.endswith("TIMEOUT") or (name.endswith("HOST") and NO_ADDRESS not in reasons):
            variables[name] = value
        elif reasons:
            left_out.append(f"{name} {reasons[0]}")
        elif re.match(r"([\w-]+=)?https?://", value):
            variables[name] = value
        else:
            left_out.append(f"{name} {NO_ADDRESS}")
    return variables


def _unreachable(address: str) -> str:
    """Return why a container can do nothing with an address, which has a scheme or none; empty if it can."""
    address = re.sub(r"^[\w-]+=(?=\w+://)", "", address)  # an index may have a name
    try:
        host = urlsplit(address if "://" in address else f"//{address}").hostname or ""
    except ValueError:
        return NO_ADDRESS
    own = host in {"localhost", "::1"} or host.startswith("127.")
    return "names this host's loopback, which a container cannot reach" if own else ""


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
