"""Commands that look after what runs leave: kept environments, images, litter."""

from typing import Annotated

import typer

from lab.commands.arguments import Format, RunName, show

app = typer.Typer()
images_app = typer.Typer(no_args_is_help=True, help="The images that trials run in.")
app.add_typer(images_app, name="images")


@app.command("shell")
def shell_command(
    run: RunName = "last",
    role: Annotated[str, typer.Option(help="toolbox, or product-1, product-2, …; or machine")] = "toolbox",
) -> int:
    """Open a shell in a kept environment."""
    from lab.kept import shell

    return shell(run, role)


@app.command("clean")
def clean_command(
    cache: Annotated[bool, typer.Option("--cache", help="Remove cached images, volumes and files, too.")] = False,
    keep_runs: Annotated[int | None, typer.Option(min=0, help="Keep only this many newest run folders.")] = None,
    kept: Annotated[bool, typer.Option("--kept", help="Remove kept environments before their time, too.")] = False,
) -> int:
    """Remove what dead runs left and what was kept too long, nothing of anybody else's; exit code 3 if any stays."""
    from lab.errors import InfrastructureError
    from lab.kept import clean

    stay = 0
    for line in clean(cache=cache, keep_runs=keep_runs, kept=kept):
        print(line.text)
        stay += line.stays
    code = InfrastructureError.exit_code if stay else 0
    things = "thing" if stay == 1 else "things"
    print(f"lab exit {code}: {f'{stay} {things} could not be removed' if stay else 'clean'}")
    return code


@images_app.command("list")
def images_list(format: Format = "text") -> int:  # noqa: A002
    """List the images that the lab made."""
    from lab.listing import cached_images

    return show(cached_images(), format)


@images_app.command("build")
def images_build(
    platforms: Annotated[list[str] | None, typer.Argument(help="Platforms; without any: debian-12.")] = None,
) -> int:
    """Make the images of platforms and of the side services."""
    from lab.environment.containers import engine
    from lab.preparation import prepare_images

    stock = prepare_images(engine.connect(), platforms or ["debian-12"], [], print, postgresql=True)
    for tag in (*stock.platform.values(), stock.llm_mock, stock.postgresql):
        print(tag)
    return 0
