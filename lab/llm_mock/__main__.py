"""The command line: `python -m lab.llm_mock --port 8080 --control-port 8081`."""

import argparse
import asyncio
import signal
import sys
from types import FrameType

from lab.llm_mock.delay import MAX_SECONDS
from lab.llm_mock.journal import DEFAULT_LIMIT

MAX_PORT = 65535


def main(arguments: list[str] | None = None) -> int:
    """Serve until SIGTERM or SIGINT; return 0 after a graceful stop, 1 without a port, 2 on wrong usage."""
    # A process that is PID 1 ignores SIGTERM until it handles it, also while it is still importing.
    signal.signal(signal.SIGTERM, _leave)
    signal.signal(signal.SIGINT, _leave)
    options = _parser().parse_args(arguments)
    from lab.llm_mock.server import serve

    try:
        asyncio.run(
            serve(
                host=options.host,
                port=options.port,
                control_port=options.control_port,
                delay_seconds=options.delay,
                journal_limit=options.journal_limit,
            )
        )
    except OSError as error:
        print(f"llm-mock cannot listen on {options.host}: {error}", file=sys.stderr)
        return 1
    return 0


def _leave(_number: int, _frame: FrameType | None) -> None:
    raise SystemExit(0)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="llm-mock", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1", help="the address of both ports (%(default)s)")
    parser.add_argument("--port", type=_port, default=8080, help="providers; 0 takes a free one (%(default)s)")
    parser.add_argument("--control-port", type=_port, default=8081, help="control; 0 likewise (%(default)s)")
    parser.add_argument("--delay", type=_delay, default=0.0, help="seconds before a chat answer (%(default)s)")
    parser.add_argument("--journal-limit", type=_positive, default=DEFAULT_LIMIT, help="entries kept (%(default)s)")
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


def _delay(text: str) -> float:
    seconds = float(text)
    if not 0 <= seconds <= MAX_SECONDS:
        raise argparse.ArgumentTypeError(f"{text} is not between 0 and {MAX_SECONDS} seconds")
    return seconds


if __name__ == "__main__":
    sys.exit(main())
