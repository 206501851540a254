"""What is told of one request: bounded, and without keys."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from lab.llm_mock.decision import Decision
from lab.llm_mock.families import known
from lab.llm_mock.keys import Key, carries, key, own_keys, passing, secrets
from lab.llm_mock.question import Question
from lab.llm_mock.redaction import Redactor
from lab.llm_mock.rules.matching import CONDITIONS, Subject, subject_of
from lab.llm_mock.wire.base import Received

NAME_LIMIT = 200
TEXT_LIMIT = 2000
TURN_LIMIT = 20
# What a verification can look at, which is more than what is told.
MATCHED_TEXT_LIMIT = 16 * 1024
MATCHED_TEXTS = 200
MATCHED_HEADERS = 64
MATCHED_BODY_LIMIT = 256 * 1024
TOLD_HEADERS = (
    "user-agent", "content-type", "accept", "x-stainless-retry-count", "x-stainless-read-timeout",
    "x-stainless-timeout", "x-stainless-lang", "x-stainless-package-version", "x-stainless-helper-method",
    "anthropic-version", "anthropic-beta", "openai-beta", "openai-organization", "openai-project",
    "x-goog-api-client", "x-server-timeout", "x-client-name", "x-fern-sdk-name", "x-fern-sdk-version",
    "idempotency-key", "x-request-id", "x-client-request-id", "traceparent", "amz-sdk-request",
)  # fmt: skip
_TOLD = CONDITIONS.keys() - {"key"}  # of keys an entry says no more than may be told
BASE_WEIGHT = 2000  # bytes that an entry takes besides its texts

Outcome = Literal["in-flight", "answered", "client-disconnected", "unmatched", "rejected", "faulted"]


@dataclass(frozen=True, slots=True)
class Said:
    """One turn of the conversation."""

    role: str
    text: str


@dataclass(frozen=True, slots=True)
class Called:
    """A tool that the mock called, its arguments as JSON text."""

    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Tokens:
    """What the mock counted."""

    input: int
    output: int


@dataclass(frozen=True, slots=True)
class Entry:
    """One request. Offsets are seconds since the start of the server, from a monotonic clock; None is not known.

    `texts` are the newest turns. `text` and `calls` are what the mock means to say, or has said: nothing where it
    refused, or where no model speaks; `pieces` is how many pieces were sent. `faults` are the kinds of those decided
    on and, once it is finished, of those that came to it. `error` is the kind of a defect of the mock's own.
    """

    seq: int
    received: float
    method: str
    path: str
    provider: str
    endpoint: str | None
    model: str | None
    stream: bool | None
    messages: int | None
    system: str | None
    last_user: str | None
    texts: tuple[Said, ...]
    tools: tuple[str, ...]
    results: tuple[str, ...]
    turn: int | None
    digest: str | None
    headers: Mapping[str, str]
    key: Key
    rule: str | None
    faults: tuple[str, ...]
    text: str | None
    calls: tuple[Called, ...]
    tokens: Tokens | None
    pieces: int | None
    status: int | None
    finished: float | None
    outcome: Outcome
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Record:
    """An entry and what a verification looks at; `weight` is about how many bytes all of it takes."""

    entry: Entry
    subject: Subject
    body: bytes | None
    weight: int = field(default=0)

    @property
    def seq(self) -> int:
        """The number of the entry."""
        return self.entry.seq


def learn(redactor: Redactor, received: Received) -> None:
    """Remember what is secret in a request."""
    redactor.learn(secrets(received), passing(received))


def record(
    redactor: Redactor, *, seq: int, at: float, path: str, received: Received, provider: str, endpoint: str | None,
    question: Question | None, decision: Decision | None,
) -> Record:  # fmt: skip
    """Describe a request that is in flight."""
    learn(redactor, received)
    subject = _subject(redactor, received, provider, endpoint, question)
    said = decision is not None and not decision.unmatched and question is not None
    said = said and _spoken(provider, endpoint)
    answer = decision.answer if decision is not None and said else None
    entry = Entry(
        seq=seq,
        received=at,
        method=redactor.text(received.method, NAME_LIMIT),
        path=redactor.text(path, NAME_LIMIT),
        provider=provider,
        endpoint=endpoint,
        model=subject.model[:NAME_LIMIT] if question is not None else None,
        stream=question.stream if question is not None else None,
        messages=len(question.turns) if question is not None else None,
        system=subject.system[:TEXT_LIMIT] if subject.system else None,
        last_user=subject.user[:TEXT_LIMIT] if question is not None and question.last_user is not None else None,
        texts=_turns(redactor, question) if question is not None else (),
        tools=tuple(name[:NAME_LIMIT] for name in subject.tools[:TURN_LIMIT]),
        results=tuple(text[:TEXT_LIMIT] for text in subject.results[-TURN_LIMIT:]),
        turn=subject.turn or None,
        digest=question.digest if question is not None else None,
        headers={name: value for name in TOLD_HEADERS if (value := subject.headers.get(name, "")[:NAME_LIMIT])},
        key=key(received),
        rule=decision.rule if decision is not None else None,
        faults=tuple(fault.kind for fault in decision.faults) if decision is not None else (),
        text=redactor.text(answer.text, TEXT_LIMIT) if answer is not None and answer.text else None,
        calls=tuple(
            Called(redactor.text(call.name, NAME_LIMIT), redactor.text(call.arguments, TEXT_LIMIT))
            for call in (answer.calls[:TURN_LIMIT] if answer is not None else ())
        ),
        tokens=Tokens(answer.input_tokens, answer.output_tokens) if answer is not None else None,
        pieces=None,
        status=None,
        finished=None,
        outcome="in-flight",
    )
    body = redactor.body(received.body, MATCHED_BODY_LIMIT)
    return Record(entry, subject, body, _weight(entry, subject, body))


def _spoken(provider: str, endpoint: str | None) -> bool:
    routes = known(provider).family.routes
    return any(route.endpoint.name == endpoint and route.endpoint.spoken for route in routes)


def _subject(
    redactor: Redactor, received: Received, provider: str, endpoint: str | None, question: Question | None
) -> Subject:
    headers = {
        redactor.text(name, NAME_LIMIT): redactor.text(value, TEXT_LIMIT)
        for name, value in list(received.headers.items())[:MATCHED_HEADERS]
        if carries(name) is None
    }
    own = own_keys(received)
    if question is None:
        return Subject(provider, endpoint or "", headers=headers, keys=own)
    asked = subject_of(received, question, _TOLD)

    def kept(texts: Iterable[str], limit: int = MATCHED_TEXT_LIMIT) -> tuple[str, ...]:
        return tuple(redactor.text(text, limit) for text in list(texts)[-MATCHED_TEXTS:])

    return Subject(
        provider=provider,
        endpoint=endpoint or asked.endpoint,
        model=redactor.text(asked.model, NAME_LIMIT),
        system=redactor.text(asked.system, MATCHED_TEXT_LIMIT),
        user=redactor.text(asked.user, MATCHED_TEXT_LIMIT),
        texts=kept(asked.texts),
        tools=kept(asked.tools, NAME_LIMIT),
        results=kept(asked.results),
        turn=asked.turn,
        stream=asked.stream,
        headers=headers,
        keys=own,
    )


def _turns(redactor: Redactor, question: Question) -> tuple[Said, ...]:
    return tuple(Said(turn.role, redactor.text(turn.text, TEXT_LIMIT)) for turn in question.turns[-TURN_LIMIT:])


def _weight(entry: Entry, subject: Subject, body: bytes | None) -> int:
    texts: list[str] = [entry.system or "", entry.last_user or "", entry.text or "", subject.system, subject.user]
    texts += [*entry.results, *subject.texts, *subject.results, *subject.tools, *subject.headers.values()]
    texts += [said.text for said in entry.texts] + [
        text for call in entry.calls for text in (call.name, call.arguments)
    ]
    texts += [entry.path, entry.method, subject.model, *subject.headers, *subject.keys, *entry.headers.values()]
    # A character takes up to four bytes, and every text some more for itself.
    in_all = sum(len(text) * (1 if text.isascii() else 4) + 64 for text in texts)
    return BASE_WEIGHT + in_all + len(body or b"")
