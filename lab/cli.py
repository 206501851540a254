"""The command line: the commands put together; each parses, calls, and returns an exit code."""

import sys
from typing import Annotated

import typer

from lab import __version__
from lab.commands import looking, mocking, reading, running, tending
from lab.errors import LabError
from lab.failure import broken, explain, of_the_machine
from lab.outlet import survive_closed_pipes

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="Install, upgrade and stop a product in fresh environments, and record honest success rates.",
)
for group in (running, looking, reading, tending, mocking):
    app.add_typer(group.app)


@app.callback(invoke_without_command=True)
def root(version: Annotated[bool, typer.Option("--version", help="Show the version.")] = False) -> None:
    """Take the options that belong to no command."""
    if version:
        print(f"lab {__version__}")
        raise typer.Exit


def main() -> None:
    """Run a command; end with its exit code, or with that of the error, told in one paragraph."""
    survive_closed_pipes()
    try:
        code = app(standalone_mode=False) or 0
    except LabError as error:
        code = explain(error.exit_code, str(error))
    except (typer.Exit, SystemExit) as end:
        code = getattr(end, "exit_code", None) or getattr(end, "code", None) or 0
    except (KeyboardInterrupt, typer.Abort):
        code = explain(130, "interrupted")
    except OSError as error:
        code = explain(3, of_the_machine(error))
    except Exception as error:  # noqa: BLE001 - whatever it is, the exit code must not be the product's
        message = getattr(error, "format_message", None)  # what the parser of arguments raises
        code = broken(error) if message is None else explain(2, f"{message()}\n→ lab --help, lab COMMAND --help")
    sys.stdout.flush()
    sys.exit(int(code))
