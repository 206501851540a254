"""The command line: `python -m lab.llm_mock --port 8080 --control-port 8081`."""

import argparse
import asyncio
import os
import signal
import sys
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from lab.llm_mock.delay import MAX_SECONDS
from lab.llm_mock.journal import DEFAULT_LIMIT

if TYPE_CHECKING:
    from lab.llm_mock.rules.model import Rules

MAX_PORT = 65535


def main(arguments: list[str] | None = None) -> int:
    """Serve until SIGTERM or SIGINT; return 0 after a graceful stop, 1 without a port, 2 on wrong usage."""
    # A process that is PID 1 ignores SIGTERM until it handles it, also while it is still importing.
    signal.signal(signal.SIGTERM, _leave)
    signal.signal(signal.SIGINT, _leave)
    options = _parser().parse_args(arguments)
    from lab.llm_mock.quota import Limits
    from lab.llm_mock.server import Settings, serve

    limited = options.quota_requests is not None or options.quota_tokens is not None
    limits = Limits(options.quota_requests, options.quota_tokens, options.quota_seconds) if limited else None
    settings = Settings(
        host=options.host,
        port=options.port,
        control_port=options.control_port,
        delay_seconds=options.delay,
        journal_limit=options.journal_limit,
        read_seconds=options.read_seconds,
        limits=limits,
        rules=_rules(options.rules) if options.rules is not None else None,
        strict=options.strict,
    )
    try:
        asyncio.run(serve(settings))
    except OSError as error:
        print(f"llm-mock cannot listen on {options.host}: {error}", file=sys.stderr)
        return 1
    return 0


def _rules(path: str) -> "Rules":
    # What reads them is not needed without them, and a mock is to be there quickly.
    from lab.llm_mock.rules.reading import RulesError, read_rules

    try:
        return read_rules(Path(path).read_bytes(), path)
    except (OSError, RulesError) as error:
        print(f"llm-mock cannot use its rules: {error}", file=sys.stderr)
        raise SystemExit(2) from None


def _leave(_number: int, _frame: FrameType | None) -> None:
    # Nothing was begun yet that had to be ended, and an exception could come up where it is swallowed.
    os._exit(0)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="llm-mock", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1", help="the address of both ports (%(default)s)")
    parser.add_argument("--port", type=_port, default=8080, help="providers; 0 takes a free one (%(default)s)")
    parser.add_argument("--control-port", type=_port, default=8081, help="control; 0 likewise (%(default)s)")
    parser.add_argument("--delay", type=_delay, default=0.0, help="seconds before a chat answer (%(default)s)")
    parser.add_argument("--journal-limit", type=_positive, default=DEFAULT_LIMIT, help="entries kept (%(default)s)")
    parser.add_argument("--rules", metavar="FILE", help="rules in YAML or JSON (none)")
    parser.add_argument("--strict", action="store_true", help="refuse what no rule takes, where the rules do not say")
    parser.add_argument("--read-seconds", type=_seconds, default=60.0, help="a request may take (%(default)s)")
    parser.add_argument("--quota-requests", type=_positive, metavar="N", help="requests for each key (no limit)")
    parser.add_argument("--quota-tokens", type=_positive, metavar="N", help="tokens for each key (no limit)")
    parser.add_argument(
        "--quota-seconds", type=_seconds, metavar="S", default=60.0, help="after which it has them again (%(default)s)"
    )
    return parser


def _port(text: str) -> int:
    port = int(text)
    if not 0 <= port <= MAX_PORT:
        raise argparse.ArgumentTypeError(f"{port} is not a port: 0 to {MAX_PORT}")
    return port


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{number} is less than 1")
    return number


def _seconds(text: str) -> float:
    seconds = float(text)
    if not 0 < seconds <= MAX_SECONDS:
        raise argparse.ArgumentTypeError(f"{text} is not more than 0 and at most {MAX_SECONDS} seconds")
    return seconds


def _delay(text: str) -> float:
    seconds = float(text)
    if not 0 <= seconds <= MAX_SECONDS:
        raise argparse.ArgumentTypeError(f"{text} is not between 0 and {MAX_SECONDS} seconds")
    return seconds


if __name__ == "__main__":
    sys.exit(main())
