"""Arguments and options that several commands share, and how a command shows what it found."""

from typing import Annotated, Any

import typer

from lab.errors import UsageError

ScenarioName = Annotated[str, typer.Argument(metavar="SCENARIO", help="Name or path of a scenario.")]
ProductName = Annotated[str | None, typer.Option("--product", help="Name or path of a product definition.")]
OldVersion = Annotated[str | None, typer.Option("--from", help="Old version: LABEL or LABEL=SOURCE.")]
NewVersion = Annotated[str | None, typer.Option("--to", help="Version under test: LABEL or LABEL=SOURCE.")]
Environments = Annotated[list[str] | None, typer.Option("--env", help="Environment; may be given several times.")]
Chosen = Annotated[list[str] | None, typer.Option("--set", help="AXIS=VALUE[,VALUE]: values of a matrix axis.")]
Hooks = Annotated[list[str] | None, typer.Option("--hooks", help="Folder beside the checkout whose hooks may run.")]
Interpreters = Annotated[
    list[str] | None, typer.Option("--interpreter", help="VERSION=FOLDER or VERSION=image:NAME: a Python for the axis.")
]
PlatformImages = Annotated[
    list[str] | None, typer.Option("--platform-image", help="NAME=IMAGE: a platform that is made of an image.")
]
Inventory = Annotated[
    str | None, typer.Option("--inventory", metavar="FILE", help="Machines for --env host (docs/hosts.md).")
]
Hosts = Annotated[
    list[str] | None, typer.Option("--hosts", metavar="NAME", help="Hosts or groups of the inventory; all by default.")
]
Format = Annotated[str, typer.Option("--format", help="text or json.")]
RunName = Annotated[str, typer.Argument(metavar="RUN", help="Run folder, beginning of a run id, or last.")]


def wish_of(
    scenario: str,
    product: str | None,
    old: str | None,
    new: str | None,
    env: list[str] | None,
    chosen: list[str] | None,
) -> Any:
    """Return the `lab.wish.Wish` that these arguments mean.

    Raises UsageError.
    """
    from lab.environment.kinds import KINDS
    from lab.wish import Wish

    for name in env or []:
        one_of("--env", name, ("auto", *KINDS))
    axes: dict[str, list[str]] = {}
    for text in chosen or []:
        axis, equals, values = text.partition("=")
        if not equals or not values:
            raise UsageError(f"--set {text}: it is written AXIS=VALUE or AXIS=VALUE,VALUE")
        axes.setdefault(axis, []).extend(values.split(","))
    return Wish(scenario, product, old, new, tuple(env or ()), axes)


def one_of(option: str, value: str, known: tuple[str, ...]) -> None:
    """Raise UsageError for a value that an option does not know."""
    from lab.template import near

    if value not in known:
        raise UsageError(f"{option} {value}: must be one of {', '.join(known)}{near(value, known)}")


def show(told: Any, format: str) -> int:  # noqa: A002
    """Print what a command tells, in the format asked for."""
    import json

    one_of("--format", format, ("text", "json"))
    print(json.dumps(told.value, indent=2, sort_keys=True, default=str) if format == "json" else told.text)
    return 0
