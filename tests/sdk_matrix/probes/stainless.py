"""Checks of the SDKs that are made by one generator: openai, anthropic and groq name their errors alike."""

from collections.abc import Callable, Iterator
from types import ModuleType

from checking import Probe
from misbehaviour import retry_checks, status_checks, stream_fault_checks, whole_fault_checks


def error_checks(
    probe: Probe,
    sdk: ModuleType,
    client: object,
    ask: Callable[[object, str], str],
    text_of: Callable[[object, str], Iterator[str]],
    special: dict[int, type],
) -> None:
    """Check errors, retries and faults; `special` are statuses with errors of their own.

    `ask` and `text_of` take a client and a text, and give the answer whole or streamed.
    """
    once = client.with_options(max_retries=0)

    def waiting(seconds: float) -> object:
        return client.with_options(max_retries=0, timeout=seconds)

    statuses = {
        400: sdk.BadRequestError,
        401: sdk.AuthenticationError,
        403: sdk.PermissionDeniedError,
        404: sdk.NotFoundError,
        422: sdk.UnprocessableEntityError,
        429: sdk.RateLimitError,
        500: sdk.InternalServerError,
    }
    status_checks(probe, {**statuses, **special}, lambda said: ask(once, said), lambda error: error.status_code)
    retry_checks(probe, lambda said: ask(client, said), error=sdk.APIStatusError)
    stream_fault_checks(probe, lambda said, seconds: text_of(waiting(seconds), said))
    whole_fault_checks(probe, lambda said, seconds: ask(waiting(seconds), said))
