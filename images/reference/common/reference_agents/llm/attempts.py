"""How often a model is asked, how long between, and what counts as an answer."""

import asyncio
import logging
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from math import isfinite

from reference_agents.clock import now
from reference_agents.llm.conversation import LlmError, Provider, Question, Reply
from reference_agents.llm.failure import Failure, failure
from reference_agents.llm.redaction import Redact

ATTEMPTS = 3
FIRST_WAIT = 0.25  # seconds; it doubles with each attempt
LONGEST_WAIT = 20.0  # seconds that a provider may ask to wait
# Marks of an end that came before the answer was one, in small letters.
GAVE_UP = {
    "blocklist",
    "content_filter",
    "content_filtered",
    "error",
    "error_limit",
    "error_toxic",
    "malformed_function_call",
    "malformed_model_output",
    "malformed_tool_use",
    "prohibited_content",
    "recitation",
    "safety",
    "spii",
    "timeout",
    "unexpected_tool_call",
}

_log = logging.getLogger("uvicorn.error")


async def reply_of(provider: Provider, question: Question, name: str, redact: Redact) -> Reply:
    """Ask until there is a whole answer, again only after failures that may pass, or raise LlmError.

    Each attempt leaves one line of log.
    """
    waited = 0.0
    for number in range(1, ATTEMPTS + 1):
        line = f"llm {name} attempt {number}" + (f" after {waited:g} s" if waited else "")
        try:
            reply = whole(await provider.ask(question))
        except asyncio.CancelledError:
            _log.warning("%s: given up, its time is over", line)
            raise
        except Exception as error:  # noqa: BLE001 - an SDK that cannot read an answer may raise anything
            failed = failure(error, redact)
        else:
            _log.info("%s: answered, %s", line, reply.finish)
            return reply
        _log.warning("%s: %s", line, failed.message)
        waited = wait_before_next(number, failed)
        await asyncio.sleep(waited)
    raise AssertionError  # The last attempt returns or raises.


def whole(reply: Reply) -> Reply:
    """Return the reply if it came to its end, or raise LlmError."""
    if reply.finish is None:
        raise LlmError("the answer broke off: the provider's mark of its end never came")
    if reply.finish.lower() in GAVE_UP:
        raise LlmError(f"the answer broke off: {reply.finish}")
    return reply


def wait_before_next(number: int, failed: Failure) -> float:
    """Return the seconds to wait after this attempt, or raise LlmError if it was the last."""
    if not failed.may_pass:
        raise LlmError(failed.message)
    if number == ATTEMPTS:
        raise LlmError(f"{failed.message} (the last of {ATTEMPTS} attempts)")
    asked = retry_after(failed.headers)
    if asked > LONGEST_WAIT:
        raise LlmError(f"{failed.message} (the provider asks to wait {asked:g} s, longer than {LONGEST_WAIT:g} s)")
    return max(asked, FIRST_WAIT * 2 ** (number - 1))


def retry_after(headers: Mapping[str, str]) -> float:
    """Return the seconds that a provider asks to wait, told in milliseconds, seconds or as a date; 0 if it does not."""
    for name, scale in (("retry-after-ms", 1000), ("retry-after", 1)):
        try:
            seconds = float(headers[name]) / scale
        except (KeyError, ValueError):
            continue
        if isfinite(seconds):
            return max(0.0, seconds)
    try:
        return max(0.0, (parsedate_to_datetime(headers["retry-after"]) - now()).total_seconds())
    except (KeyError, ValueError, TypeError):  # A date without a zone cannot be compared.
        return 0.0
