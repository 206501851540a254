"""The one door for image builds: a context is sent to the engine's builder, and its leftovers are removed."""

import contextlib
import io
import os
import re
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from lab.environment.containers import engine
from lab.errors import InfrastructureError

if TYPE_CHECKING:
    import docker


def build(
    client: "docker.DockerClient", tag: str, files: Mapping[str, Path | bytes], arguments: dict[str, str], role: str
) -> None:
    """Build a tag from files by their names in the context, label it as the cache's, and leave no stage behind.

    Raises InfrastructureError with the builder's last words.
    """
    proxies = {name: os.environ[name] for name in ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY") if name in os.environ}
    context = io.BytesIO()
    with tarfile.open(fileobj=context, mode="w") as tar:
        for name, content in files.items():
            if isinstance(content, bytes):
                member = tarfile.TarInfo(name)
                member.size = len(content)
                tar.addfile(member, io.BytesIO(content))
            else:
                tar.add(content, name, filter=_plain)
    context.seek(0)
    said: list[str] = []
    stages = Stages()
    with engine.calls(f"building {tag}"):
        for line in client.api.build(
            fileobj=context,
            custom_context=True,
            tag=tag,
            buildargs={**proxies, **arguments},
            rm=True,
            forcerm=True,
            labels={engine.CACHE: role},
            decode=True,
            network_mode="host",
        ):
            said.append(str(line.get("stream") or line.get("error") or "").rstrip())
            stages.follow(said[-1])
            if "error" in line:
                raise InfrastructureError(f"building {tag} failed:\n" + "\n".join(filter(None, said[-12:])))

    for identity in stages.made:
        _forget(client, identity)


def _forget(client: "docker.DockerClient", identity: str) -> None:
    """Remove the untagged image of an earlier build stage; one that is in use stays."""
    from docker.errors import APIError

    with contextlib.suppress(APIError):
        client.api.remove_image(identity)


@dataclass
class Stages:
    """Follows what the builder says, for the images of earlier stages: it leaves them untagged and unlabelled."""

    made: list[str] = field(default_factory=list)
    _last: str = ""
    _cached: bool = False

    def follow(self, line: str) -> None:
        """Take one line in; a FROM after other steps means that the image before it was a stage of its own."""
        if re.match(r"Step \d+/\d+ : FROM ", line):
            if self._last and not self._cached:
                self.made.append(self._last)
            self._last, self._cached = "", True  # a base is not ours
        elif "Using cache" in line:
            self._cached = True
        elif line.startswith("Removing intermediate container") or re.match(r"Step \d+/\d+ : (COPY|ADD) ", line):
            self._cached = False
        elif found := re.search(r"---> ([0-9a-f]{12})$", line):
            self._last = found[1]


def _plain(member: tarfile.TarInfo) -> tarfile.TarInfo | None:
    """Leave out build leftovers, and who owned a file and when."""
    if "__pycache__" in member.name:
        return None
    member.uid = member.gid = member.mtime = 0
    member.uname = member.gname = ""
    return member
