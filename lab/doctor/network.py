"""What the machine reaches, by its own settings; no address and no password is ever told, only where it comes from."""

import os
import socket
import ssl
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from lab.doctor.answer import Answer
from lab.environment.hostnet import CA_VARIABLES, PROXY_VARIABLES, own_network
from lab.environment.public_index import default_index

REQUEST_SECONDS = 1.2
"""Below the deadline of a probe, so that what was wrong can be told."""
INDEX_SETTINGS = ("UV_DEFAULT_INDEX", "UV_INDEX_URL", "PIP_INDEX_URL")
ASKED_FOR = "pip"
"""A project that an index is asked for: the list of all projects would be many megabytes."""


@dataclass(frozen=True)
class Index:
    """The package index that installers on this machine use, and who says so."""

    address: str = field(repr=False)
    said_by: str

    @property
    def host(self) -> str:
        """Name of its host."""
        return _split(self.address).hostname or ""

    @property
    def is_tls(self) -> bool:
        """Whether it is reached by https."""
        return _split(self.address).scheme == "https"


def index_setting() -> Index:
    """Return the index that a variable, uv's or pip's configuration names; else the public one."""
    for name in INDEX_SETTINGS:
        value = os.environ.get(name, "").strip()
        if value:
            address = value.partition("=")[2] if value.split("://")[0].count("=") else value
            return Index(address, f"by {name}")
    own = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")
    for file in (own / "uv/uv.toml", Path("/etc/uv/uv.toml")):
        address = _of_uv(file)
        if address:
            return Index(address, "by uv's configuration")
    address = own_network().get("PIP_INDEX_URL", "")
    return Index(address, "by pip's configuration") if address else Index(default_index(), "by no setting")


def certificates() -> list[Answer]:
    """Whether the CA bundles that are named exist, can be read, and hold certificates."""
    own = own_network()
    by_path: dict[str, list[str]] = {}
    for name in CA_VARIABLES:
        if own.get(name):
            by_path.setdefault(own[name], []).append(name)
    if not by_path:
        found = ssl.create_default_context().cert_store_stats()["x509_ca"]
        if found:
            return [Answer("pass", "certificates", f"{found} of the system's own; no variable names a bundle")]
        step = "sudo apt-get install ca-certificates, or name a bundle with SSL_CERT_FILE"
        return [Answer("fail", "certificates", "the system has none, and no variable names a bundle", step)]
    told = []
    for path, names in by_path.items():
        says = f"{' and '.join(names)}"
        try:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.load_verify_locations(cafile=path)
        except (OSError, ssl.SSLError) as error:
            why = error.strerror if not isinstance(error, ssl.SSLError) else "it holds no certificates"
            return [Answer("fail", "certificates", f"{says}: {path}: {why}", f"mend the file, or unset {says}")]
        told.append(f"{context.cert_store_stats()['x509_ca']} in {path} ({says})")
    return [Answer("pass", "certificates", ", ".join(told))]


def proxies() -> list[Answer]:
    """Which proxies are named, whether they answer, and whether a container could reach them."""
    named = _proxies()
    if not named:
        return [Answer("pass", "proxies", "none named")]
    told = f"named by {', '.join(named)}"
    for name, value in named.items():
        if name == "NO_PROXY":
            continue
        parts = _split(value if "://" in value else f"//{value}")
        try:
            host, port = parts.hostname, parts.port or {"https": 443, "socks5": 1080}.get(parts.scheme, 80)
        except ValueError:
            host, port = None, 0
        if not host:
            return [
                Answer("fail", "proxies", f"{name} is not an address", f"write it http://HOST:PORT, or unset {name}")
            ]
        try:
            socket.create_connection((host, port), timeout=REQUEST_SECONDS).close()
        except OSError as error:
            why = error.strerror or "no answer in time"
            return [Answer("fail", "proxies", f"{name}: the proxy does not answer: {why}", f"mend or unset {name}")]
        if host in {"localhost", "::1"} or host.startswith("127."):
            step = "installs in containers go without it; have it listen on an address that containers reach"
            return [Answer("warn", "proxies", f"{told}; {name} is on this host's loopback", step)]
    return [Answer("pass", "proxies", told)]


def dns() -> list[Answer]:
    """Whether the host can be looked up that installs ask first: the index's, or the proxy's before it."""
    index = index_setting()
    proxy = _proxy_for(index)
    host, whose = (proxy, "the proxy's host") if proxy else (index.host, "the package index's host")
    step = "look at /etc/resolv.conf and at the network"
    if not host:
        return [Answer("fail", "dns", f"{whose} has no name ({index.said_by})", "write the address with its scheme")]
    try:
        found = {entry[4][0] for entry in socket.getaddrinfo(host, None, proto=socket.IPPROTO_TCP)}
    except (OSError, UnicodeError):
        return [Answer("fail", "dns", f"{whose} (named {index.said_by}) cannot be looked up", step)]
    return [Answer("pass", "dns", f"{whose} has {len(found)} address{'es' if len(found) > 1 else ''}")]


def package_index() -> list[Answer]:
    """Whether the package index answers, asked as pip asks: with this host's proxies, certificates and passwords."""
    import requests  # what pip is made with, and the engine's client, too

    index = index_setting()
    what, named = "package index", f"the one named {index.said_by}"
    step = "installs fail without it, but for versions that lie here whole; look at the setting, the proxy, the CA"
    address = f"{index.address.rstrip('/')}/{ASKED_FOR}/"
    try:
        with requests.get(address, stream=True, timeout=REQUEST_SECONDS, verify=_bundle() or True) as answer:
            code = answer.status_code
    except requests.Timeout:
        return [Answer("warn", what, f"{named} did not answer within {REQUEST_SECONDS:g} s", step, answered=False)]
    except requests.exceptions.SSLError:
        return [Answer("fail", what, f"{named} cannot be reached: its certificate is not trusted", step)]
    except (requests.RequestException, OSError, ValueError) as error:
        return [Answer("fail", what, f"{named} cannot be reached: {type(error).__name__}", step)]
    if code in {401, 403, 407}:
        return [Answer("fail", what, f"{named} refuses: {code}", "give the address its user and password")]
    if code >= requests.codes.internal_server_error:
        return [Answer("fail", what, f"{named} is out of order: {code}", "try again later")]
    return [Answer("pass", what, f"{named} answers: {code}")]


def passwords() -> list[str]:
    """Return what must not be printed: users' passwords in the addresses of proxies, indexes and the engine."""
    names = (*INDEX_SETTINGS, "PIP_EXTRA_INDEX_URL", "UV_INDEX", "UV_EXTRA_INDEX_URL", "DOCKER_HOST")
    values = [*(os.environ.get(name, "") for name in names), *own_network().values(), index_setting().address]
    parts = [_netloc(word).rpartition("@")[0].partition(":")[2] for value in values for word in value.split()]
    return [part for part in parts if part]


def _split(address: str) -> SplitResult:
    """Take an address apart; one that is none has no parts."""
    try:
        return urlsplit(address)
    except ValueError:
        return urlsplit("")


def _netloc(address: str) -> str:
    return address.partition("://")[2].partition("/")[0] or address.partition("/")[0]


def _proxies() -> dict[str, str]:
    found = {name: os.environ.get(name) or os.environ.get(name.lower()) or "" for name in PROXY_VARIABLES}
    return {name: value for name, value in found.items() if value}


def _proxy_for(index: Index) -> str | None:
    """Return the host of the proxy that a request to the index goes through."""
    from urllib.request import getproxies, proxy_bypass

    named: Mapping[str, str] = getproxies()
    value = named.get("https" if index.is_tls else "http") or named.get("all")
    if not value or not index.host or proxy_bypass(index.host):
        return None
    return _split(value if "://" in value else f"//{value}").hostname


def _bundle() -> str | None:
    """Return the certificates that installers are pointed at; without any, requests brings its own."""
    own = own_network()
    return next((own[name] for name in CA_VARIABLES if Path(own.get(name) or os.devnull).is_file()), None)


def _of_uv(file: Path) -> str:
    try:
        told = tomllib.loads(file.read_text("utf8"))
    except (OSError, ValueError):  # uv itself refuses a file that it cannot read
        return ""
    tables = told.get("index") or []
    default = [each.get("url", "") for each in tables if isinstance(each, dict) and each.get("default")]
    return str((default or [told.get("index-url") or told.get("pip", {}).get("index-url", "")])[0])
