"""What kind of body an answer may have: some SDKs read whatever comes."""

from typing import Any

from reference_agents.llm.conversation import LlmError

OK = 200
READABLE = {
    "application/json",
    "application/x-ndjson",
    "application/vnd.amazon.eventstream",
    "text/event-stream",
}


def check_media_type(status: int, content_type: str) -> None:
    """Raise LlmError for an answer that is no answer of a model."""
    kind = content_type.partition(";")[0].strip().lower()
    if status == OK and kind and kind not in READABLE:
        raise LlmError(f"not an answer of a model: its content type is {kind}")


async def _check(response: Any) -> None:
    check_media_type(response.status_code, response.headers.get("content-type", ""))


# As `event_hooks` of the clients of httpx and of httpx2, which are alike.
HOOKS: dict[str, list[Any]] = {"response": [_check]}
