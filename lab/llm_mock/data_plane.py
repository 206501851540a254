"""The port that products talk to: it looks like the providers and journals every request."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from urllib.parse import parse_qsl

from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Receive, Scope, Send

from lab.llm_mock import reply as replies
from lab.llm_mock.delivery import BrokenError, Sending, deliver_stream, deliver_whole, perform
from lab.llm_mock.families import family_of, known
from lab.llm_mock.intake import Room, decoded, is_late, take_body
from lab.llm_mock.journal import Outcome
from lab.llm_mock.keys import carries
from lab.llm_mock.pace import Patience
from lab.llm_mock.reply import BODY_LIMIT, Context, Reply, reply
from lab.llm_mock.script import Script, stream_script, whole_script
from lab.llm_mock.state import State
from lab.llm_mock.wire.base import Received, RejectedError, Whole

BODIES = 64 * 1024 * 1024
"""Bytes of the bodies, unpacked, of all requests that are not answered yet."""
HARMLESS = ("slow-first-token", "pace")  # faults after which an answer is still a right one


def data_plane(state: State) -> ASGIApp:
    """Make the application; a request is in the journal before its delay begins."""
    context = Context(state.rulebook, state.quotas)
    room = Room(BODIES)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        headers = _headers(scope["headers"])
        refused: RejectedError | None = None
        try:
            body = await take_body(receive, BODY_LIMIT, room)
            if scope["method"] == "POST" and (encoding := headers.get("content-encoding")) is not None:
                body = decoded(body, encoding, BODY_LIMIT, room)
        except ClientDisconnect:
            return  # it never became a request
        except RejectedError as rejected:
            body, refused = b"", rejected
        if is_late(scope):
            refused = RejectedError("Your request took too long to arrive.", status=408)
        room.left -= len(body)
        try:
            await _answer(state, context, Sending(scope, receive, send, Patience(receive, state.out_of_patience)),
                          headers, body, refused)  # fmt: skip
        finally:
            room.left += len(body)

    return app


async def _answer(
    state: State,
    context: Context,
    sending: Sending,
    headers: Mapping[str, str],
    body: bytes,
    refused: RejectedError | None,
) -> None:
    name, path, received = _received(sending.scope, headers, body)
    said = reply(name, received, context, refused)
    endpoint = said.endpoint.name if said.endpoint is not None else None
    seq = state.journal.begin(
        received=received, provider=name, endpoint=endpoint, question=said.question, decision=said.decision, path=path
    )
    try:
        delay = state.delay.take() if said.question and said.endpoint and said.endpoint.spoken else 0.0
        outcome, said = await _sent(sending, said, name, delay)
    finally:
        sending.patience.close()
    status = said.said.status if isinstance(said.said, Whole) else 200
    state.journal.finish(
        seq,
        status=status if sending.started else None,
        outcome=outcome,
        pieces=sending.pieces if not isinstance(said.said, Whole) else None,
        faults=tuple(fault.kind for fault in sending.given),
        error=said.error,
    )


def _received(scope: Scope, headers: Mapping[str, str], body: bytes) -> tuple[str, str, Received]:
    """Return the family's name, the path as it was sent, and the request as the family sees it."""
    query = _query(scope["query_string"])
    raw_path = scope.get("raw_path", b"").decode("latin-1") or scope["path"]
    name, path = family_of(scope["method"], raw_path, headers, query)
    return name, raw_path, Received(scope["method"], path, query, headers, body)


def _headers(sent: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """Return the headers; one that came several times is one with commas, so that no value is overlooked."""
    headers: dict[str, str] = {}
    for raw_name, raw_value in sent:
        name, value = raw_name.decode("latin-1"), raw_value.decode("latin-1")
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return headers


def _query(written: bytes) -> dict[str, str]:
    """Return the query: of a name that came several times the last value, but of a key all, with commas."""
    query: dict[str, str] = {}
    if written:
        for name, value in parse_qsl(written.decode("latin-1"), keep_blank_values=True):
            query[name] = f"{query[name]},{value}" if name in query and carries(name) is not None else value
    return query


async def _sent(sending: Sending, said: Reply, name: str, delay: float) -> tuple[Outcome, Reply]:
    """Send a reply, or another one where it cannot be written; return what became of it."""
    try:
        if delay:
            await sending.patience.wait(delay)
        await _deliver(sending, said, name)
    except ClientDisconnect:
        await sending.broken()
        return "client-disconnected", said
    except BrokenError:
        return "faulted", said
    except Exception as error:  # noqa: BLE001, no request may end the mock
        said = replies.defect(name, error)
        if sending.started:
            await sending.broken()
        elif isinstance(said.said, Whole):
            await deliver_whole(sending, said.said)
        return "rejected", said
    spoilt = any(fault.kind not in HARMLESS for fault in sending.given)
    return "faulted" if spoilt else said.outcome, said


async def _deliver(sending: Sending, said: Reply, name: str) -> None:
    if said.faults:
        script = _script(said, name)
        await perform(sending, replace(script, given=(*said.given, *script.given)))
    elif isinstance(said.said, Whole):
        await deliver_whole(sending, said.said)
    else:
        await deliver_stream(sending, said.said)


def _script(said: Reply, name: str) -> Script:
    digest = said.question.digest if said.question is not None else ""
    if isinstance(said.said, Whole):
        pieces = said.decision.answer.output_tokens if said.decision is not None else 1
        return whole_script(said.said, said.faults, pieces=pieces, digest=digest)
    endpoint = said.endpoint.name if said.endpoint is not None else ""
    return stream_script(said.said, said.faults, family=known(name).family, endpoint=endpoint, digest=digest)
