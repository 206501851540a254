"""The one door for HTTP requests to the product: each has a deadline and leaves an event."""

import json
import queue
import threading
import time
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import httpx

from lab.history import Recorder
from lab.jsonpath import look_up, same
from lab.product.actions import Answer, Request

EXCERPT = 2000
"""Characters of an answer that the history keeps."""
MOST_BYTES = 20_000_000
"""A longer answer is cut here: the product's output is not trusted."""
MOST_LEVELS = 64
"""JSON that is nested deeper is none: what is picked from it could not be written into the history."""


@dataclass(frozen=True)
class HttpResult:
    """An answer, or the reason why there was none."""

    status: int | None
    body: bytes
    error: str
    seconds: float

    @property
    def json(self) -> Any:
        """The body as JSON, None if it is not, or is nested deeper than MOST_LEVELS."""
        try:
            value = json.loads(self.body)
        except (ValueError, RecursionError):  # the product's output is not trusted
            return None
        return None if _too_deep(value) else value

    def problem(self, expected: Answer) -> str:
        """Say what is not as expected, or nothing."""
        if self.error or self.status is None:
            return self.error or "no answer"
        if self.status not in expected.status:
            wanted = " or ".join(map(str, expected.status))
            return f"status {self.status} instead of {wanted}: {self.excerpt(200)}"
        for path, value in expected.json_values.items():
            found = look_up(self.json, path)
            if not same(found, value):
                return f"{path} is {found!r} instead of {value!r}"
        return ""

    def excerpt(self, length: int = EXCERPT) -> str:
        """Return the beginning of the body as text."""
        return self.body[: 4 * length].decode("utf8", "replace")[:length]


def _named(failure: Exception) -> str:
    return f"{type(failure).__name__}: {failure}" if str(failure) else type(failure).__name__


def _too_deep(value: Any) -> bool:
    """Whether lists and objects lie in one another more than MOST_LEVELS deep."""
    level = [value]
    for _ in range(MOST_LEVELS):
        level = [item for each in level if isinstance(each, dict | list)
                 for item in (each.values() if isinstance(each, dict) else each)]  # fmt: skip
    return any(isinstance(each, dict | list) for each in level)


class Door:
    """Requests to one base address."""

    def __init__(self, base_url: str, record: Recorder) -> None:
        self.base_url = base_url
        self._record = record
        self._client = httpx.Client(
            base_url=base_url, trust_env=False, limits=httpx.Limits(max_keepalive_connections=0)
        )

    def send(self, request: Request, timeout: float, *, event: str = "http") -> HttpResult:
        """Send a request; a product that does not answer gives a result without status, never an exception.

        `timeout` bounds the whole exchange. One that is still under way then is left to its thread, which ends with
        the product's container: neither a trickle of bytes nor silence can hold the trial up.
        """
        started = time.monotonic()
        try:
            wanted = self._written(request, timeout)
        except (httpx.InvalidURL, ValueError) as failure:  # what the product said may stand in it
            result = HttpResult(None, b"", _named(failure), time.monotonic() - started)
        else:
            result = self._answered(wanted, timeout)
        told = (
            {"error": result.error} if result.error else {"body": result.excerpt(EXCERPT if event == "http" else 200)}
        )
        seconds = round(result.seconds, 4)
        self._record.write(
            event, method=request.method, path=request.path, status=result.status, seconds=seconds, **told
        )
        return result

    def _written(self, request: Request, timeout: float) -> httpx.Request:
        return self._client.build_request(
            request.method, request.path, headers=request.headers, timeout=timeout,
            **({"json": request.json_body} if request.json_body is not None else {}),
        )  # fmt: skip

    def _answered(self, wanted: httpx.Request, timeout: float) -> HttpResult:
        """Send what is written already: nothing but the exchange itself is left to the thread."""
        started = time.monotonic()
        answers: queue.SimpleQueue[HttpResult] = queue.SimpleQueue()
        threading.Thread(target=self._exchange, args=(wanted, answers), name="http", daemon=True).start()
        try:
            return answers.get(timeout=timeout)
        except queue.Empty:
            return HttpResult(None, b"", f"no complete answer within {timeout:g} s", time.monotonic() - started)

    def _exchange(self, wanted: httpx.Request, answers: "queue.SimpleQueue[HttpResult]") -> None:
        started = time.monotonic()
        status, body, error = None, bytearray(), ""
        try:
            with closing(self._client.send(wanted, stream=True)) as response:
                for chunk in response.iter_bytes():
                    body += chunk
                    if len(body) > MOST_BYTES:
                        error = f"the answer is longer than {MOST_BYTES // 1_000_000} MB and was cut"
                        break
                status = response.status_code
        except (httpx.TransportError, httpx.InvalidURL, httpx.DecodingError, RuntimeError) as failure:
            error = _named(failure)
        answers.put(HttpResult(status, bytes(body), error, time.monotonic() - started))

    def close(self) -> None:
        """Let go of connections."""
        self._client.close()
