"""Side services beside the product, by testcontainers: an LLM mock."""

import os
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lab.environment.base import Llm
from lab.environment.engine import Ownership
from lab.errors import InfrastructureError

if TYPE_CHECKING:
    from testcontainers.core.container import DockerContainer

LLM_ALIAS = "llm"
LLM_PORT, LLM_CONTROL_PORT = 8080, 8081
START_SECONDS = 30
POLL_SECONDS = 0.02


@dataclass(frozen=True)
class LlmService:
    """A running LLM mock."""

    container: "DockerContainer"
    addresses: Llm


def start_llm(image: str, network: str, owned: Ownership, address: str, limits: dict[str, Any]) -> LlmService:
    """Start the mock on the trial's network, its control port on 127.0.0.1; return when it answers.

    Raises InfrastructureError when it does not.
    """
    os.environ.setdefault("TESTCONTAINERS_RYUK_DISABLED", "true")  # its image needs a registry; the lab has a reaper
    import httpx
    from docker.constants import DEFAULT_DOCKER_API_VERSION
    from docker.types import EndpointConfig
    from testcontainers.core.container import DockerContainer

    reached = {"environment": {**os.environ, "DOCKER_HOST": address}}
    endpoint = EndpointConfig(DEFAULT_DOCKER_API_VERSION, aliases=[LLM_ALIAS])
    container = (
        DockerContainer(image, docker_client_kw=reached, name=owned.name("llm"))
        .with_kwargs(
            labels=owned.labels("llm"),
            network=network,
            networking_config={network: endpoint},
            cap_drop=["ALL"],
            security_opt=["no-new-privileges:true"],
            **limits,
        )
    )  # fmt: skip
    container.ports = {f"{LLM_CONTROL_PORT}/tcp": ("127.0.0.1", None)}  # type: ignore[dict-item]
    container.start()
    wrapped = container.get_wrapped_container()
    deadline = time.monotonic() + START_SECONDS
    with httpx.Client(timeout=2, trust_env=False) as client:
        while time.monotonic() < deadline:
            wrapped.reload()
            published = wrapped.ports.get(f"{LLM_CONTROL_PORT}/tcp")
            if wrapped.status == "exited":
                break
            if published:
                control = f"http://127.0.0.1:{published[0]['HostPort']}"
                try:
                    if client.get(f"{control}/ready").is_success:
                        return LlmService(container, Llm(f"http://{LLM_ALIAS}:{LLM_PORT}/v1", control))
                except httpx.TransportError:
                    pass
            time.sleep(POLL_SECONDS)
    said = wrapped.logs(tail=8).decode("utf8", "replace")
    raise InfrastructureError(
        f"the LLM mock did not answer within {START_SECONDS} s (container {wrapped.status}); its last words:\n{said}"
    )
