"""Output that nobody reads any more (`lab run … | head`) must neither end a run nor change its exit code."""

import io
import os
import sys
from typing import Any, TextIO


class Outlet:
    """A text stream that goes on into nothing when its reader has left."""

    def __init__(self, stream: TextIO) -> None:
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a product may answer what no encoding can say
        self._stream = stream

    def write(self, text: str) -> int:
        """Write, or drop what nobody can read."""
        try:
            return self._stream.write(text)
        except OSError:  # the reader has left, or its disk is full
            self._let_go()
            return len(text)

    def flush(self) -> None:
        """Flush, or drop what nobody can read."""
        try:
            self._stream.flush()
        except OSError:  # the reader has left, or its disk is full
            self._let_go()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def _let_go(self) -> None:
        """Point the descriptor at nothing, so that the interpreter's last flush succeeds, too."""
        nothing = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nothing, self._stream.fileno())
        os.close(nothing)


def survive_closed_pipes() -> None:
    """Put the standard streams behind outlets."""
    sys.stdout, sys.stderr = Outlet(sys.stdout), Outlet(sys.stderr)
