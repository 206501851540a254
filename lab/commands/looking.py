"""Commands that look at what there is and change nothing."""

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
    one_of,
    show,
    wish_of,
)
from lab.errors import UsageError

app = typer.Typer()


@app.command("list")
def list_command(format: Format = "text") -> int:  # noqa: A002 - the option's name
    """List scenarios and products."""
    from lab.listing import catalogue

    return show(catalogue(), format)


@app.command("plan")
def plan_command(
    scenario: Annotated[str | None, typer.Argument(metavar="[SCENARIO]", help="Name or path of a scenario.")] = None,
    tag: Annotated[str | None, typer.Option("--tag", help="All scenarios that carry this tag, instead of one.")] = None,
    product: ProductName = None,
    old: OldVersion = None,
    new: NewVersion = None,
    env: Environments = None,
    chosen: Chosen = None,
    hooks: Hooks = None,
    interpreters: Interpreters = None,
    platform_images: PlatformImages = None,
    inventory: Inventory = None,
    hosts: Hosts = None,
    format: Annotated[str, typer.Option("--format", help="text, json, or github-matrix.")] = "text",  # noqa: A002
) -> int:
    """Show the numbered steps of every cell and every command that would run; change nothing.

    The format github-matrix is one line of JSON for fromJSON: an entry a cell, with the arguments that run it alone.
    """
    from lab.listing import plan
    from lab.matrix_jobs import github_matrix, plans, wishes

    one_of("--format", format, ("text", "json", "github-matrix"))
    wish = wish_of(scenario or "", product, old, new, env, chosen)
    wish = replace(wish, hooks=tuple(hooks or ()), interpreters=tuple(interpreters or ()))
    wish = replace(wish, platform_images=tuple(platform_images or ()))
    wish = replace(wish, inventory=inventory, hosts=tuple(hosts or ()))
    wanted = wishes(wish, tag)
    if format == "github-matrix":
        print(github_matrix(wanted))
        return 0
    return show(plans(wanted) if tag else plan(wish), format)


@app.command("doctor")
def doctor_command(
    deep: Annotated[bool, typer.Option("--deep", help="Start systemd in a container, too, to see it work.")] = False,
    format: Format = "text",  # noqa: A002
) -> int:
    """Say what this machine can run and why not the rest; exit code 3 where nothing can."""
    from lab.doctor.diagnosis import diagnose

    one_of("--format", format, ("text", "json"))
    found = diagnose(deep=deep)
    show(found, format)
    print(f"lab exit {found.exit_code}: {found.reason}", file=sys.stderr if format == "json" else sys.stdout)
    return found.exit_code


@app.command("validate")
def validate_command(
    files: Annotated[list[str] | None, typer.Argument(help="Scenarios or products; without any: all.")] = None,
    format: Format = "text",  # noqa: A002
) -> int:
    """Check scenario files and product definitions."""
    from lab.listing import Told, validate

    good, problems = validate(files or [])
    if format == "text":
        for problem in problems:
            print(problem, file=sys.stderr)
    show(Told({"valid": good, "invalid": problems}, f"{good} files valid, {len(problems)} invalid"), format)
    return UsageError.exit_code if problems else 0


@app.command("schema")
def schema_command(
    write: Annotated[bool, typer.Option("--write", help="Write docs/schema/ and docs/reference/ instead.")] = False,
) -> int:
    """Show the JSON Schemas of scenario and product files."""
    from lab.listing import schemas

    for line in schemas(write=write):
        print(line)
    return 0
