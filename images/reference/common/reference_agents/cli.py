"""What can be asked on the command line."""

import argparse
import json
import signal
import sys
from types import FrameType

from reference_agents.errors import StartError
from reference_agents.version import DISTRIBUTION, version


def main(arguments: list[str] | None = None) -> int:
    """Run one command and return the exit code."""
    # First of all: as PID 1 a process without a handler never sees a signal, and the imports take a while.
    for stop in (signal.SIGTERM, signal.SIGINT):
        signal.signal(stop, _leave)
    options = _parser().parse_args(arguments)
    try:
        return int(options.command())
    except StartError as error:
        print(f"{DISTRIBUTION}: {error}", file=sys.stderr)
        return error.exit_code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=DISTRIBUTION, description="A small agent service.")
    parser.add_argument("--version", action="version", version=f"{DISTRIBUTION} {version()}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    commands.add_parser("serve", help="serve the HTTP API").set_defaults(command=_serve)
    unit = commands.add_parser("unit", help="print the systemd unit; user, folder and environment are the operator's")
    unit.set_defaults(command=_unit)
    database = commands.add_parser("db", help="look at the database").add_subparsers(required=True, metavar="COMMAND")
    status = database.add_parser("status", help="print the schema version and the applied migrations as JSON")
    status.set_defaults(command=_database_status)
    return parser


def _leave(_signal: int, _frame: FrameType | None) -> None:
    raise SystemExit(0)


# The commands import what they need when they run: `--version` should not wait for a web framework.


def _serve() -> int:
    from reference_agents.serve import serve
    from reference_agents.settings import load_settings

    return serve(load_settings())


def _unit() -> int:
    from reference_agents.unit import unit_text

    print(unit_text(), end="")
    return 0


def _database_status() -> int:
    from reference_agents.database.status import database_status
    from reference_agents.settings import database_url, merged

    print(json.dumps(database_status(database_url(merged())), indent=2))
    return 0
