"""Do the lab's own containers beside the product still run? One that has ended says nothing of the product."""

from collections.abc import Mapping, Sequence

from lab.environment.containers.engine import Door
from lab.errors import InfrastructureError


def check_running(door: Door, labels: Mapping[str, str], names: Sequence[str], *, closely: bool) -> None:
    """Look for containers that are not there or have ended.

    The engine notices a container's end a little later than the product may: looking `closely` asks for each
    container's processes, of which the engine has to ask the kernel. Raises InfrastructureError.
    """
    from docker.errors import APIError

    with door("looking after the lab's own containers"):
        api = door.client.api
        listed = api.containers(all=True, filters={"label": [f"{name}={value}" for name, value in labels.items()]})
        states = {name.removeprefix("/"): each["State"] for each in listed for name in each["Names"]}
        ended = {name: states.get(name, "gone") for name in names if states.get(name) != "running"}
        for name in names if closely and not ended else []:
            try:
                api.top(name)
            except APIError:
                ended[name] = "ended"
    if ended:
        said = ", ".join(f"{name} is {state}" for name, state in ended.items())
        raise InfrastructureError(
            f"the lab's own containers do not run any more: {said}", hint="did somebody else stop or remove them?"
        )
