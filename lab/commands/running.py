"""Commands that run trials."""

import os
import sys
from dataclasses import replace
from typing import Annotated

import typer

from lab.commands.arguments import (
    Chosen,
    Environments,
    Format,
    Hooks,
    Hosts,
    Interpreters,
    Inventory,
    NewVersion,
    OldVersion,
    PlatformImages,
    ProductName,
    ScenarioName,
    one_of,
    wish_of,
)
from lab.errors import UsageError

app = typer.Typer()


@app.command("run")
def run_command(
    scenario: ScenarioName,
    product: ProductName = None,
    old: OldVersion = None,
    new: NewVersion = None,
    env: Environments = None,
    chosen: Chosen = None,
    trials: Annotated[int, typer.Option(min=1, help="Independent trials of each cell.")] = 1,
    workers: Annotated[int | None, typer.Option(min=1, max=64, help="Trials at the same time; 2 by default.")] = None,
    retry: Annotated[int, typer.Option(min=0, help="Further attempts after a failed one; they never erase it.")] = 0,
    keep: Annotated[str, typer.Option(help="Environments to leave for 24 hours: never, failed, always.")] = "never",
    no_skip: Annotated[bool, typer.Option("--no-skip", help="A skipped cell makes the run inconclusive.")] = False,
    seed: Annotated[int | None, typer.Option(help="Seed of all that is made up; printed and stored.")] = None,
    timeout_factor: Annotated[float, typer.Option(min=0.1, help="Multiplies every time-out.")] = 1.0,
    budget_factor: Annotated[
        float,
        typer.Option(min=0.1, envvar="LAB_BUDGET_FACTOR", help="Multiplies every budget of time."),
    ] = 1.0,
    hooks: Hooks = None,
    interpreters: Interpreters = None,
    platform_images: PlatformImages = None,
    inventory: Inventory = None,
    hosts: Hosts = None,
    port: Annotated[int | None, typer.Option(min=1, max=65535, help="Publish the product on this port.")] = None,
) -> int:
    """Run a scenario."""
    from lab.report.terminal import Screen
    from lab.workflow import run

    wish = wish_of(scenario, product, old, new, env, chosen)
    one_of("--keep", keep, ("never", "failed", "always"))
    if workers is None:
        workers = 1 if port is not None or os.cpu_count() == 1 else 2
    if port is not None and workers > 1:
        raise UsageError("--port goes with one worker: two trials cannot share a port")
    more = {"trials": trials, "workers": workers, "retries": retry, "keep": keep, "no_skip": no_skip, "seed": seed}
    wish = replace(wish, **more, timeout_factor=timeout_factor, budget_factor=budget_factor)
    wish = replace(wish, host_port=port, hooks=tuple(hooks or ()))
    wish = replace(wish, interpreters=tuple(interpreters or ()), platform_images=tuple(platform_images or ()))
    wish = replace(wish, inventory=inventory, hosts=tuple(hosts or ()))
    ended = run(wish, Screen())
    print(f"lab exit {ended.code}: {ended.reason}")
    return ended.code


@app.command("selftest")
def selftest_command(
    defects: Annotated[list[str] | None, typer.Argument(help="Defects; without any: all.")] = None,
    clean: Annotated[int, typer.Option(min=1, help="Trials of the clean product; one a cell at least.")] = 30,
    workers: Annotated[int, typer.Option(min=1, max=16, help="Trials at the same time.")] = 2,
    format: Format = "text",  # noqa: A002
) -> int:
    """Plant defects into the reference product and show which check catches each."""
    from rich.console import Console

    from lab.report.terminal import Screen
    from lab.selftest import selftest

    screen = Screen(Console(stderr=True, highlight=False, soft_wrap=True) if format == "json" else None)
    ended = selftest(defects or [], clean, workers, screen, as_json=format == "json")
    print(f"lab exit {ended.code}: {ended.reason}", file=sys.stderr if format == "json" else sys.stdout)
    return int(ended.code)
