"""What a family of protocols is made of: the seam between them and the port that serves them all."""

import hashlib
import json
import math
import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

from lab.llm_mock.answer import Answer
from lab.llm_mock.fixed import fixed
from lab.llm_mock.question import Question

JSON = "application/json"
EVENT_STREAM = "text/event-stream; charset=utf-8"
Headers = tuple[tuple[str, str], ...]


@fixed
class Received:
    """A request as it came; names of headers in lower case, the path still percent-encoded."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes


@fixed
class Whole:
    """An answer in one piece."""

    body: bytes
    status: int = 200
    media_type: str = JSON
    headers: Headers = ()


@fixed
class Frame:
    """A part of a stream; a `piece` carries a bit of the answer, and pace and faults go by pieces."""

    data: bytes
    piece: bool = False


@fixed
class Streamed:
    """An answer frame by frame; `form` says what faults write into it, where that is not what the family says."""

    frames: Iterable[Frame]
    media_type: str = EVENT_STREAM
    headers: Headers = ()
    form: "Form | None" = None


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a request is not answered; `kind` is the provider's own word, None where the status says it."""

    status: int
    message: str
    kind: str | None = None
    param: str | None = None
    code: str | None = None
    retry_after: float | None = None
    """Seconds after which it is worth asking again, where a protocol tells them in its body."""


@dataclass(frozen=True, slots=True)
class Form:
    """How a stream is put together; None is as the family says.

    `error` writes a problem that ends the stream, and `malformed` what looks like a frame and is none, both for a
    place, which is how many frames came before. `repeated` makes of a frame what comes first, what is then repeated
    over and over, and what comes last, so that the whole still is a part of such a stream.
    """

    error: Callable[[Problem, int], bytes] | None = None
    malformed: Callable[[int], bytes] | None = None
    repeated: Callable[[bytes], tuple[bytes, bytes, bytes]] = lambda data: (data, data, b"")


class RejectedError(Exception):
    """A request that the provider would refuse."""

    def __init__(
        self, message: str, *, status: int = 400, kind: str | None = None, param: str | None = None,
        code: str | None = None,
    ) -> None:  # fmt: skip
        super().__init__(message)
        self.problem = Problem(status, message, kind, param, code)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One operation of a family.

    `read` gets the request, its JSON body (an empty mapping for GET and DELETE) and the words of its path, and
    returns the question or raises RejectedError. `whole` writes an answer, and `stream` writes it as a stream;
    a family without the latter has no streams. `spoken` is False where no model speaks (a list of models, vectors):
    faults that spoil a text do not apply.
    """

    name: str
    read: Callable[[Received, Mapping[str, Any], Mapping[str, str]], Question]
    whole: Callable[[Question, Answer], Whole]
    stream: Callable[[Question, Answer], Streamed] | None = None
    spoken: bool = True


@dataclass(frozen=True, slots=True)
class Route:
    """An endpoint's method and path; `{name}` stands for one part of the path, and `{name:path}` for several."""

    method: str
    path: str
    endpoint: Endpoint


@dataclass(frozen=True, slots=True)
class Quota:
    """How many requests and tokens are left of how many, and in how many seconds they are all there again."""

    requests: int
    requests_left: int
    tokens: int
    tokens_left: int
    reset_seconds: float


@dataclass(frozen=True)
class Family:
    """A provider's protocol.

    `error` writes a problem as the provider does, `stream_error` the frame of one within a stream of the named
    endpoint, `malformed` a frame that looks like one and is none, and `quota_headers` what is told of a quota.
    """

    name: str
    routes: tuple[Route, ...]
    error: Callable[[Problem], Whole]
    stream_error: Callable[[str, Problem], bytes]
    malformed: Callable[[str], bytes]
    quota_headers: Callable[[Quota], Headers] = lambda _quota: ()


class Finder:
    """Finds the endpoint of a path among a family's routes."""

    def __init__(self, routes: Iterable[Route]) -> None:
        self._fixed: dict[str, dict[str, Endpoint]] = {}
        self._patterns: list[tuple[re.Pattern[str], str, Endpoint]] = []
        for route in routes:
            if "{" in route.path:
                self._patterns.append((_pattern(route.path), route.method, route.endpoint))
            else:
                self._fixed.setdefault(route.path, {})[route.method] = route.endpoint

    def find(self, method: str, path: str) -> tuple[Endpoint, Mapping[str, str]] | Collection[str]:
        """Return the endpoint and the words of its path, or the methods that the path has (none: no such path)."""
        found = self._fixed.get(path, {})
        if method in found:
            return found[method], {}
        methods = set(found)
        for pattern, wanted, endpoint in self._patterns:
            if (match := pattern.fullmatch(path)) is not None:
                if wanted == method:
                    return endpoint, match.groupdict()
                methods.add(wanted)
        return sorted(methods)


def _pattern(path: str) -> re.Pattern[str]:
    parts = re.split(r"\{(\w+)(:path)?\}", path)
    written = [re.escape(parts[0])]
    for name, several, rest in zip(parts[1::3], parts[2::3], parts[3::3], strict=True):
        written.append(f"(?P<{name}>{'.+' if several else '[^/]+?'}){re.escape(rest)}")
    return re.compile("".join(written))


def to_json(value: Any) -> bytes:
    """Encode in ASCII: a request may hold half a surrogate pair, which UTF-8 cannot."""
    return _ENCODER.encode(value).encode("ascii")


def event(value: Any, name: str | None = None) -> bytes:
    """Write one server-sent event, with a line for its name where it has one."""
    head = b"" if name is None else b"event: " + name.encode("ascii") + b"\n"
    return head + b"data: " + to_json(value) + b"\n\n"


def digest(content: Mapping[str, Any], *, delivery: Collection[str] = ("stream", "stream_options")) -> str:
    """Hash everything in a request but how its answer is to be delivered."""
    kept = {name: value for name, value in content.items() if name not in delivery}
    return hashlib.sha256(_SORTED.encode(kept).encode("ascii")).hexdigest()


def parse(body: bytes) -> dict[str, Any]:
    """Read a body; raises RejectedError where it is no JSON object."""
    try:
        content = _DECODER.decode(body.decode(json.detect_encoding(body), "surrogatepass"))
    except (ValueError, RecursionError):
        raise RejectedError("We could not parse the JSON body of your request.") from None
    if not isinstance(content, dict):
        raise RejectedError("The JSON body of your request must be an object.")
    return content


def _finite(written: str) -> float:
    number = float(written)
    if math.isinf(number):
        raise ValueError(f"{written[:20]} is larger than any number")
    return number


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


# Made once: the functions of the module json make a new one for each call.
_ENCODER = json.JSONEncoder(separators=(",", ":"))
_SORTED = json.JSONEncoder(separators=(",", ":"), sort_keys=True)
_DECODER = json.JSONDecoder(parse_constant=_refuse_constant, parse_float=_finite)
