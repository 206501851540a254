"""How a call is not waited for longer than it is worth."""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

T = TypeVar("T")


def begun(call: Callable[[], T]) -> "Future[T]":
    """Begin a call in a thread of its own, which keeps neither a pool busy nor the process from its exit."""
    future: Future[T] = Future()

    def run() -> None:
        future.set_running_or_notify_cancel()  # Who stops waiting does not take the result's place away.
        try:
            future.set_result(call())
        except BaseException as error:  # noqa: BLE001 - whoever waits gets it
            future.set_exception(error)

    threading.Thread(target=run, daemon=True).start()
    return future
