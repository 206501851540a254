"""The container engine: found, reached, and its objects named and labelled by run."""

import hashlib
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tenacity import RetryCallState, Retrying, retry_if_exception_type, stop_after_attempt, wait_exponential

from lab import paths
from lab.errors import DiskFullError, EngineError, InfrastructureError, Interrupted

if TYPE_CHECKING:
    import docker

RUN, TRIAL, OWNER, ROLE, CACHE = "lab.run", "lab.trial", "lab.owner", "lab.role", "lab.cache"
"""Names of the labels that every object of the lab carries."""
SOCKETS = (
    "/var/run/docker.sock",
    "{runtime}/docker.sock",
    "{runtime}/podman/podman.sock",
    "/run/podman/podman.sock",
)
UNIX = "unix://"
NO_ENGINE_HINT = (
    "start it (sudo systemctl start docker), install it (sudo apt-get install docker.io), "
    "or point DOCKER_HOST at one; a permission error is mended by: sudo usermod -aG docker $USER"
)
CALL_SECONDS = 120
"""How long one call to the engine may take before the engine counts as dead."""


def address() -> str | None:
    """Return DOCKER_HOST, or the address of the first socket found, None if there is none."""
    if os.environ.get("DOCKER_HOST"):
        return os.environ["DOCKER_HOST"]
    runtime = os.environ.get("XDG_RUNTIME_DIR", f"/run/user/{os.getuid()}")
    places = [Path(place.format(runtime=runtime)) for place in SOCKETS]
    return next((f"unix://{place}" for place in places if place.exists()), None)


def connect() -> "docker.DockerClient":
    """Connect and make sure that somebody answers.

    Raises EngineError with what to do.
    """
    where = address()
    if where is None:
        raise EngineError("no container engine: there is no docker or podman socket", hint=NO_ENGINE_HINT)
    if where.startswith(UNIX):
        _knock(where)
    import docker
    from docker.errors import DockerException
    from docker.tls import TLSConfig

    tls: TLSConfig | bool = False
    if os.environ.get("DOCKER_TLS_VERIFY") and os.environ.get("DOCKER_CERT_PATH"):
        folder = Path(os.environ["DOCKER_CERT_PATH"])
        pair = (str(folder / "cert.pem"), str(folder / "key.pem"))
        tls = TLSConfig(client_cert=pair, ca_cert=str(folder / "ca.pem"), verify=True)
    try:
        client = docker.DockerClient(base_url=where, version="auto", timeout=CALL_SECONDS, tls=tls, max_pool_size=32)
    except (DockerException, OSError, ValueError) as error:
        raise EngineError(f"no container engine answers at {where}: {_short(error)}", hint=NO_ENGINE_HINT) from error
    return client


def _knock(where: str) -> None:
    """Make sure that somebody listens at a socket, which docker-py leaves open where nobody does.

    Raises EngineError.
    """
    with socket.socket(socket.AF_UNIX) as door:
        door.settimeout(CALL_SECONDS)
        try:
            door.connect(where.removeprefix(UNIX))
        except OSError as error:
            raise EngineError(f"no container engine answers at {where}: {error}", hint=NO_ENGINE_HINT) from error


def answers() -> bool:
    """Whether an engine answers."""
    return not missing()


def missing() -> str:
    """Return why there is no engine, empty where one answers; asked once for each address."""
    return _missing(address())


@cache
def _missing(_where: str | None) -> str:
    try:
        connect().close()
    except EngineError as error:
        return error.message
    return ""


@contextmanager
def calls(what: str) -> Iterator[None]:
    """Turn whatever the engine's client raises inside the block into an error of the lab's."""
    import requests
    from docker.errors import APIError, DockerException

    try:
        yield
    except APIError as error:
        text = str(error.explanation or error)
        if "no space left" in text.lower():
            raise DiskFullError(
                f"{what}: the engine's disk is full ({text})", hint="lab clean --cache frees space"
            ) from error
        if "port is already allocated" in text or "address already in use" in text:
            raise InfrastructureError(
                f"{what}: the port is in use by another process ({text})",
                hint="choose another with --port, or none: the lab then takes a free one",
            ) from error
        raise InfrastructureError(f"{what}: the engine refused: {text}") from error
    except (DockerException, requests.exceptions.RequestException, OSError) as error:
        raise EngineError(f"{what}: the engine does not answer: {_short(error)}") from error


class Door:
    """The one door for calls to the engine: each leaves an event, and after an abort none goes through."""

    def __init__(self, client: "docker.DockerClient", note: Callable[..., None]) -> None:
        self.client = client
        self._note = note
        self.aborted = threading.Event()

    @contextmanager
    def __call__(self, what: str) -> Iterator[None]:
        """Turn errors of the engine into the lab's; once aborted, they mean the interruption."""
        if self.aborted.is_set():
            raise Interrupted
        started = time.monotonic()
        try:
            with calls(what):
                yield
        except InfrastructureError as failure:
            if self.aborted.is_set():
                raise Interrupted from failure
            raise
        finally:
            self._note("engine", what=what, seconds=round(time.monotonic() - started, 4))

    def register(self, kind: str, name: str) -> str:
        """Note an object that is about to be made, and return its name."""
        if self.aborted.is_set():
            raise Interrupted
        self._note("object", kind=kind, name=name)
        return name


def retrying(on_retry: Any = None) -> Retrying:
    """Three tries with pauses for an engine call that may be repeated; never for anything of the product's."""
    import requests
    from docker.errors import APIError

    def note(state: RetryCallState) -> None:
        if on_retry is not None and state.outcome is not None:
            on_retry(state.attempt_number, str(state.outcome.exception()))

    return Retrying(
        stop=stop_after_attempt(3),
        wait=wait_exponential(multiplier=0.2, max=2),
        retry=retry_if_exception_type((APIError, requests.exceptions.RequestException)),
        before_sleep=note,
        reraise=True,
    )


@dataclass(frozen=True)
class Ownership:
    """To which run and trial an object belongs."""

    run_id: str
    trial: str = ""

    def labels(self, role: str) -> dict[str, str]:
        """Labels by which the object is found again."""
        return {RUN: self.run_id, TRIAL: self.trial, OWNER: paths.owner(), ROLE: role}

    def name(self, role: str) -> str:
        """A name that no other trial has."""
        trial = hashlib.sha256(self.trial.encode()).hexdigest()[:8]  # a trial's own name is too long for the engine
        return f"lab-{self.run_id[:12]}-{trial}-{role}"


def _short(error: BaseException) -> str:
    """Return the innermost reason, in one line."""
    while error.__cause__ or error.__context__:
        error = error.__cause__ or error.__context__ or error
    return str(error).splitlines()[0][:300] if str(error) else type(error).__name__
