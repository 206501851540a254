"""What Bedrock says when it does not answer."""

import hashlib
from uuid import UUID

from lab.llm_mock.wire.base import Headers, Problem, Whole, to_json
from lab.llm_mock.wire.eventstream import event, exception, spoilt

_KINDS = {
    401: "UnrecognizedClientException",
    402: "ServiceQuotaExceededException",
    403: "AccessDeniedException",
    404: "ResourceNotFoundException",
    405: "UnknownOperationException",
    408: "ModelTimeoutException",
    409: "ConflictException",
    424: "ModelErrorException",
    429: "ThrottlingException",
    503: "ServiceUnavailableException",
    529: "ServiceUnavailableException",
}
# A stream knows fewer words than a whole answer.
_WITHIN = {
    408: "modelTimeoutException",
    424: "modelStreamErrorException",
    429: "throttlingException",
    503: "serviceUnavailableException",
    529: "serviceUnavailableException",
}
_SERVER_ERROR = 500


def error(problem: Problem) -> Whole:
    """Write a problem as the whole answer: its name stands in a header."""
    usual = "InternalServerException" if problem.status >= _SERVER_ERROR else "ValidationException"
    kind = problem.kind or _KINDS.get(problem.status, usual)
    written = f"{problem.status} {problem.message}".encode("utf-8", "surrogatepass")
    headers = (("x-amzn-errortype", kind), *request_id(hashlib.sha256(written).hexdigest()), *_wait(problem))
    return Whole(to_json({"message": problem.message}), problem.status, headers=headers)


def _wait(problem: Problem) -> Headers:
    """Say when to come back in milliseconds, which botocore 1.44 looks for in its mode "standard"."""
    if problem.retry_after is None:
        return ()
    return (("x-amz-retry-after", str(round(1000 * problem.retry_after))),)


def stream_error(endpoint: str, problem: Problem) -> bytes:
    """Write a problem within a stream."""
    usual = "internalServerException" if problem.status >= _SERVER_ERROR else "validationException"
    kind = _WITHIN.get(problem.status, usual)
    if kind == "modelTimeoutException" and endpoint == "converse-stream":
        kind = "modelStreamErrorException"  # the only stream that does not know time-outs
    return exception(kind, to_json({"message": problem.message}))


def malformed(endpoint: str) -> bytes:
    """Write an event whose checksum is wrong."""
    if endpoint == "converse-stream":
        return spoilt(event("contentBlockDelta", to_json({"contentBlockIndex": 0, "delta": {"text": "spoilt"}})))
    return spoilt(event("chunk", to_json({"bytes": "e30="})))


def request_id(digest: str) -> Headers:
    """Return the header in which AWS numbers its answers."""
    return (("x-amzn-requestid", str(UUID(digest[:32]))),)
