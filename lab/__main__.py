"""Where the program starts: so little that an interruption can hardly come before it is understood."""

import signal
import sys
from types import FrameType


def main() -> None:
    """Import the command line and run it."""
    try:
        from lab.errors import Interrupted

        def interrupt(number: int, _frame: FrameType | None) -> None:
            raise Interrupted(signal_number=number)  # noqa: TRY301 - not here, but wherever the signal comes

        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, interrupt)
        from lab.cli import main as run

        run()
    except KeyboardInterrupt:
        sys.exit(_told(128 + signal.SIGINT))
    except Exception as error:
        code = getattr(error, "exit_code", None)  # an Interrupted that came while the command line was imported
        if code is None:
            raise
        sys.exit(_told(int(code)))


def _told(code: int) -> int:
    print(f"lab exit {code}: interrupted")
    return code


if __name__ == "__main__":
    main()
