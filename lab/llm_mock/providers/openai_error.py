"""The shape of an OpenAI error."""

from lab.llm_mock.journal import Asked, Outcome
from lab.llm_mock.reply import Reply, to_json


def error(
    status: int,
    message: str,
    *,
    param: str | None = None,
    code: str | None = None,
    outcome: Outcome = "rejected",
    asked: Asked | None = None,
) -> Reply:
    """Make the reply to a request that cannot be answered."""
    body = {"error": {"message": message, "type": "invalid_request_error", "param": param, "code": code}}
    return Reply(status, (to_json(body),), outcome=outcome, asked=asked or Asked())
