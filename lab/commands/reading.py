"""Commands that read stored results."""

from typing import Annotated

import typer

from lab.commands.arguments import (
    Format,
    ProductName,
    RunName,
    show,
)

app = typer.Typer()


@app.command("report")
def report_command(run: RunName = "last", format: Format = "text") -> int:  # noqa: A002
    """Tell a stored run."""
    from lab.stored import stored_run

    return show(stored_run(run), format)


@app.command("rates")
def rates_command(
    scenario: Annotated[str | None, typer.Option(help="Only this scenario.")] = None,
    product: ProductName = None,
    target: Annotated[float | None, typer.Option(min=0.01, max=0.9999, help="By default the scenario's.")] = None,
    format: Format = "text",  # noqa: A002
) -> int:
    """Show installation success rates over all stored runs: k of n, with intervals."""
    from lab.stored import stored_rates

    told = stored_rates(scenario, product, target)
    show(told, format)
    return 0 if told.value["rates"] else 5


@app.command("index")
def index_command() -> int:
    """Build the index database anew from the run folders."""
    from lab.records.index import rebuild

    for problem in rebuild():
        print(problem)
    return 0


@app.command("logs")
def logs_command(
    run: RunName = "last",
    trial: Annotated[str | None, typer.Argument(help="Part of a trial's folder, such as its cell.")] = None,
    format: Format = "text",  # noqa: A002
) -> int:
    """Print what product and services of stored trials wrote."""
    from lab.stored import logs

    return show(logs(run, trial), format)
