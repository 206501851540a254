"""The command line: parse, call, return an exit code."""

import os
import sys
from typing import Annotated, Any

import typer

from lab import __version__
from lab.errors import LabError, UsageError
from lab.outlet import survive_closed_pipes

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="Install, upgrade and stop a product in fresh environments, and record honest success rates.",
)
images_app = typer.Typer(no_args_is_help=True, help="The images that trials run in.")
app.add_typer(images_app, name="images")

ScenarioName = Annotated[str, typer.Argument(metavar="SCENARIO", help="Name or path of a scenario.")]
ProductName = Annotated[str | None, typer.Option("--product", help="Name or path of a product definition.")]
OldVersion = Annotated[str | None, typer.Option("--from", help="Old version: LABEL or LABEL=SOURCE.")]
NewVersion = Annotated[str | None, typer.Option("--to", help="Version under test: LABEL or LABEL=SOURCE.")]
Environments = Annotated[list[str] | None, typer.Option("--env", help="Environment; may be given several times.")]
Chosen = Annotated[list[str] | None, typer.Option("--set", help="AXIS=VALUE[,VALUE]: values of a matrix axis.")]
Format = Annotated[str, typer.Option("--format", help="text or json.")]
RunName = Annotated[str, typer.Argument(metavar="RUN", help="Run folder, beginning of a run id, or last.")]


@app.callback(invoke_without_command=True)
def root(version: Annotated[bool, typer.Option("--version", help="Show the version.")] = False) -> None:
    """Take the options that belong to no command."""
    if version:
        print(f"lab {__version__}")
        raise typer.Exit


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
    hooks: Annotated[list[str] | None, typer.Option(help="Folder beside the checkout whose hooks may run.")] = None,
    port: Annotated[int | None, typer.Option(min=1, max=65535, help="Publish the product on this port.")] = None,
) -> int:
    """Run a scenario."""
    from lab.report.terminal import Screen
    from lab.workflow import run

    wish = _wish(scenario, product, old, new, env, chosen)
    _one_of("--keep", keep, ("never", "failed", "always"))
    if workers is None:
        workers = 1 if port is not None or os.cpu_count() == 1 else 2
    if port is not None and workers > 1:
        raise UsageError("--port goes with one worker: two trials cannot share a port")
    more = {"trials": trials, "workers": workers, "retries": retry, "keep": keep, "no_skip": no_skip, "seed": seed}
    ended = run(_with(wish, **more, timeout_factor=timeout_factor, host_port=port, hooks=tuple(hooks or ())), Screen())
    print(f"lab exit {ended.code}: {ended.reason}")
    return ended.code


@app.command("list")
def list_command(format: Format = "text") -> int:  # noqa: A002 - the option's name
    """List scenarios and products."""
    from lab.listing import catalogue

    return _show(catalogue(), format)


@app.command("plan")
def plan_command(
    scenario: ScenarioName,
    product: ProductName = None,
    old: OldVersion = None,
    new: NewVersion = None,
    env: Environments = None,
    chosen: Chosen = None,
    format: Format = "text",  # noqa: A002
) -> int:
    """Show the numbered steps of every cell and every command that would run; change nothing."""
    from lab.listing import plan

    return _show(plan(_wish(scenario, product, old, new, env, chosen)), format)


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
    _show(Told({"valid": good, "invalid": problems}, f"{good} files valid, {len(problems)} invalid"), format)
    return UsageError.exit_code if problems else 0


@app.command("schema")
def schema_command(
    write: Annotated[bool, typer.Option("--write", help="Write into docs/schema/ instead of printing.")] = False,
) -> int:
    """Show the JSON Schemas of scenario and product files."""
    from lab.listing import schemas

    for line in schemas(write=write):
        print(line)
    return 0


@app.command("report")
def report_command(run: RunName = "last", format: Format = "text") -> int:  # noqa: A002
    """Tell a stored run."""
    from lab.stored import stored_run

    return _show(stored_run(run), format)


@app.command("rates")
def rates_command(
    scenario: Annotated[str | None, typer.Option(help="Only this scenario.")] = None,
    product: ProductName = None,
    target: Annotated[float, typer.Option(min=0.01, max=0.9999, help="The rate that is to be shown.")] = 0.95,
    format: Format = "text",  # noqa: A002
) -> int:
    """Show installation success rates over all stored runs: k of n, with intervals."""
    from lab.stored import stored_rates

    told = stored_rates(scenario, product, target)
    _show(told, format)
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

    return _show(logs(run, trial), format)


@app.command("shell")
def shell_command(
    run: RunName = "last",
    role: Annotated[str, typer.Option(help="toolbox, or product-1, product-2, …")] = "toolbox",
) -> int:
    """Open a shell in a kept environment."""
    from lab.kept import shell

    return shell(run, role)


@app.command("selftest")
def selftest_command(
    defects: Annotated[list[str] | None, typer.Argument(help="Defects; without any: all.")] = None,
    workers: Annotated[int, typer.Option(min=1, max=16)] = 2,
    format: Format = "text",  # noqa: A002
) -> int:
    """Plant defects into the reference product and show which check catches each."""
    from lab.report.terminal import Screen
    from lab.selftest import selftest

    ended = selftest(defects or [], workers, Screen(), as_json=format == "json")
    print(f"lab exit {ended.code}: {ended.reason}", file=sys.stderr if format == "json" else sys.stdout)
    return int(ended.code)


@app.command("clean")
def clean_command(
    cache: Annotated[bool, typer.Option("--cache", help="Remove cached images, volumes and files, too.")] = False,
    keep_runs: Annotated[int | None, typer.Option(min=0, help="Keep only this many newest run folders.")] = None,
    kept: Annotated[bool, typer.Option("--kept", help="Remove kept environments before their time, too.")] = False,
) -> int:
    """Remove what dead runs left and what was kept too long; nothing of anybody else's."""
    from lab.kept import clean

    for line in clean(cache=cache, keep_runs=keep_runs, kept=kept):
        print(line)
    return 0


@images_app.command("list")
def images_list(format: Format = "text") -> int:  # noqa: A002
    """List the images that the lab made."""
    from lab.listing import cached_images

    return _show(cached_images(), format)


@images_app.command("build")
def images_build(
    platforms: Annotated[list[str] | None, typer.Argument(help="Platforms; without any: debian-12.")] = None,
) -> int:
    """Make the images of platforms and of the LLM mock."""
    from lab.environment import engine
    from lab.preparation import prepare_images

    stock = prepare_images(engine.connect(), platforms or ["debian-12"], [], print)
    for tag in (*stock.platform.values(), stock.llm_mock):
        print(tag)
    return 0


def main() -> None:
    """Run a command; end with its exit code, or with that of the error, told in one paragraph."""
    survive_closed_pipes()
    try:
        code = app(standalone_mode=False) or 0
    except LabError as error:
        code = _explain(error.exit_code, str(error))
    except (typer.Exit, SystemExit) as end:
        code = getattr(end, "exit_code", None) or getattr(end, "code", None) or 0
    except (KeyboardInterrupt, typer.Abort):
        code = _explain(130, "interrupted")
    except OSError as error:
        code = _explain(3, _of_the_machine(error))
    except Exception as error:  # noqa: BLE001 - whatever it is, the exit code must not be the product's
        message = getattr(error, "format_message", None)  # what the parser of arguments raises
        code = _broken(error) if message is None else _explain(2, f"{message()}\n→ lab --help, lab COMMAND --help")
    sys.stdout.flush()
    sys.exit(int(code))


def _explain(code: int, text: str) -> int:
    print(f"lab: {text}", file=sys.stderr)
    print(f"lab exit {code}: {text.splitlines()[0]}")
    return code


def _broken(error: Exception) -> int:
    """Tell a fault of the lab's own with all that helps to mend it; it must not look like the product's failure."""
    import traceback

    traceback.print_exc()
    return _explain(3, f"a fault in the lab itself: {type(error).__name__}: {error}")


def _of_the_machine(error: OSError) -> str:
    """Say in words what the operating system refused."""
    where = f" ({error.filename})" if error.filename else ""
    return f"{error.strerror or error}{where}\n→ free space, or move the lab's files with LAB_HOME and XDG_CACHE_HOME"


def _wish(
    scenario: str,
    product: str | None,
    old: str | None,
    new: str | None,
    env: list[str] | None,
    chosen: list[str] | None,
) -> Any:
    from lab.planning import Wish

    for name in env or []:
        _one_of("--env", name, ("auto", "docker"))
    axes: dict[str, list[str]] = {}
    for text in chosen or []:
        axis, equals, values = text.partition("=")
        if not equals or not values:
            raise UsageError(f"--set {text}: it is written AXIS=VALUE or AXIS=VALUE,VALUE")
        axes.setdefault(axis, []).extend(values.split(","))
    return Wish(scenario, product, old, new, tuple(env or ()), axes)


def _with(wish: Any, **changes: Any) -> Any:
    from dataclasses import replace

    return replace(wish, **changes)


def _one_of(option: str, value: str, known: tuple[str, ...]) -> None:
    from lab.template import near

    if value not in known:
        raise UsageError(f"{option} {value}: must be one of {', '.join(known)}{near(value, known)}")


def _show(told: Any, format: str) -> int:  # noqa: A002
    """Print what a command tells, in the format asked for."""
    import json

    _one_of("--format", format, ("text", "json"))
    print(json.dumps(told.value, indent=2, sort_keys=True, default=str) if format == "json" else told.text)
    return 0
