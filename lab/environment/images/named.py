"""Images that somebody named: on the engine already, or pulled from their registry."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from lab.environment.containers import engine
from lab.errors import IndexUnavailableError, VersionError

if TYPE_CHECKING:
    import docker
    from docker.models.images import Image

INVALID = 400
"""The engine's status for a name that is none."""
NAMES_NOTHING = frozenset({INVALID, 401, 403, 404})
"""Its status also for an image that a registry has not, or not for everybody."""
SAID_OF_NOTHING = (
    "manifest unknown",
    "name unknown",
    "does not exist",
    "access to the resource is denied",
    "invalid reference format",
)
"""What engines say of such an image that have begun to answer already, or that use one status for everything."""
FULL = "no space left"


def present(
    client: "docker.DockerClient", name: str, what: str = "", say: Callable[[str], None] = lambda _text: None
) -> "Image":
    """Return an image that somebody named, for something that messages tell; it is pulled where the engine lacks it.

    Raises VersionError for a name that is none, or that neither the engine nor a registry knows, IndexUnavailableError
    where the registry does not answer, and EngineError.
    """
    from docker.errors import APIError, NotFound

    before = f"{what}: " if what else ""
    with engine.calls(f"looking for the image {name}"):
        try:
            return client.images.get(name)
        except NotFound:
            say(f"pulling {name}")
        except APIError as error:
            if error.status_code != INVALID:
                raise
            raise VersionError(
                f"{before}'{name}' is no name of an image: {error.explanation or error}",
                hint="it is written [REGISTRY/]NAME[:TAG], in small letters but for the tag",
            ) from error
        try:
            return pulled(client, name)
        except APIError as error:
            said = str(error.explanation or error)
            if FULL in said.lower():
                raise
            told = f"{before}the image {name} is not on the engine, and pulling it failed: {said}"
            if error.status_code in NAMES_NOTHING or any(words in said.lower() for words in SAID_OF_NOTHING):
                hint = "docker load or docker build it first, or name another"
                raise VersionError(told, hint=hint) from error
            hint = "does its registry answer? docker load or docker build the image, and none is asked"
            raise IndexUnavailableError(told, hint=hint) from error


def pulled(client: "docker.DockerClient", name: str) -> "Image":
    """Pull one image, not all tags of its name.

    Raises docker's APIError, also for what the engine says when it has begun to answer, which docker-py passes over.
    """
    from docker.errors import APIError
    from docker.utils import parse_repository_tag

    repository, tag = parse_repository_tag(name)
    for line in client.api.pull(repository, tag=tag or "latest", stream=True, decode=True):
        if "error" in line:
            raise APIError(f"pulling {name}", explanation=str(line["error"]))
    return client.images.get(name)
