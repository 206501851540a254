"""Commands around the mock of LLM providers, for work without the lab's scenarios."""

import shlex
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lab.commands.arguments import Format
from lab.llm_mock.delay import MAX_SECONDS

if TYPE_CHECKING:
    from lab.llm_mock.rules.model import Rules as RulesOfMock

app = typer.Typer()
mock_app = typer.Typer(no_args_is_help=True, help="A mock of LLM providers.")
app.add_typer(mock_app, name="llm-mock")

Port = Annotated[int, typer.Option(min=0, max=65535, help="For clients of providers; 0 takes a free one.")]
ControlPort = Annotated[int, typer.Option(min=0, max=65535, help="For journal, rules and faults; 0 likewise.")]
Rules = Annotated[str | None, typer.Option(metavar="FILE", help="Rules in YAML or JSON.")]
Positive = Annotated[int | None, typer.Option(min=1, metavar="N", help="For each key; no limit by default.")]


@mock_app.command("serve")
def serve_command(
    host: Annotated[str, typer.Option(help="The address of both ports.")] = "127.0.0.1",
    port: Port = 8080,
    control_port: ControlPort = 8081,
    rules: Rules = None,
    strict: Annotated[bool, typer.Option("--strict", help="Refuse what no rule takes.")] = False,
    delay: Annotated[float, typer.Option(min=0, max=MAX_SECONDS, help="Seconds before an answer.")] = 0.0,
    read_seconds: Annotated[
        float, typer.Option(min=0.1, max=MAX_SECONDS, help="For which a request may take to arrive.")
    ] = 60.0,
    quota_requests: Positive = None,
    quota_tokens: Positive = None,
    quota_seconds: Annotated[
        float, typer.Option(min=0.1, max=MAX_SECONDS, help="After which a quota is whole again.")
    ] = 60.0,
    journal_limit: Annotated[int, typer.Option(min=1, help="Requests that are remembered.")] = 10_000,
    export: Annotated[bool, typer.Option("--export", help="Print the variables for clients, too.")] = False,
) -> int:
    """Answer clients of LLM providers until Ctrl-C."""
    import asyncio

    from lab.errors import InfrastructureError, Interrupted
    from lab.llm_mock.quota import Limits
    from lab.llm_mock.server import Settings, serve

    limited = quota_requests is not None or quota_tokens is not None
    settings = Settings(
        host=host,
        port=port,
        control_port=control_port,
        delay_seconds=delay,
        journal_limit=journal_limit,
        read_seconds=read_seconds,
        limits=Limits(quota_requests, quota_tokens, quota_seconds) if limited else None,
        rules=_rules(rules) if rules is not None else None,
        strict=strict,
    )
    try:
        number = asyncio.run(serve(settings, _announcement(export=export), _conclude))
    except OSError as error:
        raise InfrastructureError(
            f"the mock cannot listen on {error.filename or host}: {error.strerror or error}",
            hint="--port and --control-port choose other ports, 0 free ones",
        ) from error
    raise Interrupted("the mock was told to stop", signal_number=number)


@mock_app.command("variables")
def variables_command(
    address: Annotated[str, typer.Argument(help="Where the mock is.")] = "http://127.0.0.1:8080",
    keys: Annotated[bool, typer.Option("--keys/--no-keys", help="Keys that clients insist on.")] = True,
    format: Format = "text",  # noqa: A002
) -> int:
    """Print what points clients at the mock, as lines for a shell: eval "$(lab llm-mock variables)"."""
    from lab.commands.arguments import show
    from lab.errors import UsageError
    from lab.listing import Told
    from lab.llm_mock.redirection import variables

    try:
        found = variables(address, keys=keys)
    except ValueError as error:
        raise UsageError(str(error)) from error
    return show(Told(found, "\n".join(_exports(found))), format)


def _announcement(*, export: bool) -> Callable[[str, int, int], None]:
    """Return what tells how to use a mock once it listens."""

    def announce(host: str, port: int, control_port: int) -> None:
        from lab.llm_mock.redirection import variables

        near = _near(host)
        address = f"http://{near}:{port}"
        print(f"The mock answers at {address}; its journal and rules are at http://{near}:{control_port}.")
        print(f'To point clients at it: eval "$(lab llm-mock variables {address})". Ctrl-C ends it.')
        if export:
            print("\n".join(_exports(variables(address))))
        sys.stdout.flush()

    return announce


def _conclude(told: Mapping[str, Any]) -> None:
    """Print what of the rules was of no use, and what they did not provide for."""
    if told["unused"]:
        print(f"Rules that took no call: {', '.join(told['unused'])}.")
    if told["rules"] and told["unmatched"]:
        print(f"Calls that no rule took: {told['unmatched']}.")


def _near(host: str) -> str:
    """Return where this machine's clients find a mock that listens on this address."""
    if host in {"", "0.0.0.0", "::"}:  # noqa: S104 - it is not bound here
        return "localhost"
    return f"[{host}]" if ":" in host else host


def _exports(found: Mapping[str, str]) -> list[str]:
    return [f"export {name}={shlex.quote(value)}" for name, value in found.items()]


def _rules(path: str) -> "RulesOfMock":
    from lab.errors import UsageError
    from lab.llm_mock.rules.reading import RulesError, read_rules

    try:
        return read_rules(Path(path).read_bytes(), path)
    except OSError as error:
        raise UsageError(f"--rules {path}: {error.strerror}") from error
    except RulesError as error:
        raise UsageError(str(error)) from error
