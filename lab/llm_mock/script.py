"""What happens step by step while an answer with faults is sent."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lab.llm_mock.damage import of, place, problem, rewritten
from lab.llm_mock.fault import Fault, Kind
from lab.llm_mock.pace import due
from lab.llm_mock.wire.base import Family, Form, Frame, Headers, Streamed, Whole

HUGE = 64 * 1024 * 1024  # bytes
CHUNK = 64 * 1024


@dataclass(frozen=True, slots=True)
class Send:
    """Bytes, and how many pieces of the answer they carry."""

    data: bytes
    pieces: int = 0
    fault: Fault | None = None


@dataclass(frozen=True, slots=True)
class Fill:
    """As many bytes of the same, over and over, as there have to be."""

    data: bytes
    size: int
    fault: Fault


@dataclass(frozen=True, slots=True)
class Pause:
    """Seconds in which nothing comes; None is until the client goes."""

    seconds: float | None
    fault: Fault


@dataclass(frozen=True, slots=True)
class Due:
    """Go on that many seconds after the first of these."""

    seconds: float
    fault: Fault


@dataclass(frozen=True, slots=True)
class Break:
    """The connection ends here; with a reset or as if the sender had gone."""

    fault: Fault


@dataclass(frozen=True, slots=True)
class End:
    """The answer ends here as if it were whole."""

    fault: Fault


_LAST: Mapping[Kind, int] = {"stream-error": 1, "truncate": 2, "disconnect": 2, "reset": 2}
Step = Send | Fill | Pause | Due | Break | End


@dataclass(frozen=True, slots=True)
class Script:
    """A status line, headers, and steps; `before` comes before them, and `length` is what the headers promise.

    `given` are faults that lie in the headers and the body as they stand here.
    """

    status: int
    media_type: str
    headers: Headers
    length: int | None
    before: tuple[Step, ...] = ()
    steps: tuple[Step, ...] = ()
    given: tuple[Fault, ...] = ()


def whole_script(whole: Whole, faults: Sequence[Fault], *, pieces: int, digest: str) -> Script:
    """Say how an answer in one piece is sent, whose text has so many pieces: what comes after some comes in its middle.

    With a pace it begins when its last piece would have been there.
    """
    whole, given = rewritten(whole, faults)
    body, pieces = whole.body, max(1, pieces)
    padding: list[Step] = []
    if (huge := of(faults, "huge-body")) is not None and not of(faults, "empty-body"):
        # White space before it leaves JSON what it is, only longer.
        padding = [Fill(b" ", max(0, (huge.size or HUGE) - len(body)), huge)]
    length = len(body) + sum(step.size for step in padding if isinstance(step, Fill))
    steps = padding
    sent = 0
    for fault, step in sorted(_within(faults), key=lambda each: place(each[0], pieces)):
        at = len(body) * place(fault, pieces) // pieces
        if isinstance(step, Break):
            at = min(at, max(0, len(body) - 1))
            length = max(length, 1)
        steps += [Send(body[sent:at]), step]
        sent = at
    steps.append(Send(body[sent:]))
    before = list(_before(faults))
    if (slow := of(faults, "slow-first-token")) is not None:
        before.insert(0, Pause(slow.seconds or 0.0, slow))
    if (pace := of(faults, "pace")) is not None:
        *_, last = (seconds for seconds, _ in zip(due(pace, digest), range(pieces), strict=False))
        before.insert(0, Pause(last, pace))
    return Script(
        whole.status, whole.media_type, whole.headers, length, tuple(before), tuple(steps), tuple(given)
    )  # fmt: skip


def stream_script(
    stream: Streamed, faults: Sequence[Fault], *, family: Family, endpoint: str, digest: str
) -> Script:  # fmt: skip
    """Say how a stream is sent: what comes after some pieces comes straight after the frame of the last of them."""
    frames = list(stream.frames)
    media_type, given = stream.media_type, []
    if (wrong := of(faults, "wrong-content-type")) is not None:
        media_type = "text/html; charset=utf-8"
        given.append(wrong)
    before = tuple(_before(faults))
    if (empty := of(faults, "empty-body")) is not None:
        rest = tuple(step for _, step in _within(faults))
        return Script(200, media_type, stream.headers, None, before, rest, (*given, empty))
    where = [index for index, frame in enumerate(frames) if frame.piece]
    inserted: dict[int, list[Step]] = {}
    # Of what comes at the same place, that which ends the stream comes last.
    form = _form(stream, family, endpoint)
    wanted = sorted((*_within(faults), *_frames(faults, form, where)), key=lambda each: _LAST.get(each[0].kind, 0))
    for fault, step in wanted:
        index = _index(fault, where)
        inserted.setdefault(index, []).append(step)
        if fault.kind == "stream-error":
            inserted[index].append(End(fault))
    steps = _paced(frames, inserted, faults, digest, form)
    return Script(200, media_type, stream.headers, None, before, tuple(steps), tuple(given))


def _form(stream: Streamed, family: Family, endpoint: str) -> Form:
    """Return the form of a stream; what it leaves open is as the family has it."""
    form = stream.form or Form()
    return Form(
        form.error or (lambda problem, _place: family.stream_error(endpoint, problem)),
        form.malformed or (lambda _place: family.malformed(endpoint)),
        form.repeated,
    )


def _index(fault: Fault, where: Sequence[int]) -> int:
    """Return before which frame a fault comes; `where` are those that are pieces."""
    after = place(fault, len(where))
    return where[after - 1] + 1 if after else (where[0] if where else 0)


def _paced(
    frames: list[Frame], inserted: dict[int, list[Step]], faults: Sequence[Fault], digest: str, form: Form
) -> list[Step]:  # fmt: skip
    pace, slow, huge = of(faults, "pace"), of(faults, "slow-first-token"), of(faults, "huge-body")
    times = due(pace, digest) if pace is not None else None
    first = next((index for index, frame in enumerate(frames) if frame.piece), None)
    steps: list[Step] = []
    if slow is not None and first is None:
        steps.append(Pause(slow.seconds or 0.0, slow))
    for index, frame in enumerate(frames):
        steps += inserted.get(index, ())
        if index == first and slow is not None:
            steps.append(Pause(slow.seconds or 0.0, slow))
        if frame.piece and pace is not None and times is not None:
            steps.append(Due(next(times), pace))
        if index == first and huge is not None:
            # The model says the same thing over and over.
            begun, more, end = form.repeated(frame.data)
            steps += [Send(begun, int(frame.piece)), Fill(more, huge.size or HUGE, huge), Send(end)]
        else:
            steps.append(Send(frame.data, int(frame.piece)))
    return [*steps, *inserted.get(len(frames), ())]


def _before(faults: Sequence[Fault]) -> list[Step]:
    """Return what comes instead of an answer."""
    steps: list[Step] = []
    for fault in faults:
        if fault.kind == "hang":
            steps += [Pause(fault.seconds, fault), Break(fault)]
        elif fault.kind == "reset" and fault.after is None:
            steps.append(Break(fault))
    return steps


def _within(faults: Sequence[Fault]) -> list[tuple[Fault, Step]]:
    """Return what may come in the middle of any answer, in the order in which it does."""
    steps: list[tuple[Fault, Step]] = []
    for fault in faults:
        if fault.kind == "stall":
            steps.append((fault, Pause(fault.seconds, fault)))
        elif fault.kind == "disconnect" or (fault.kind == "reset" and fault.after is not None):
            steps.append((fault, Break(fault)))
    return steps


def _frames(faults: Sequence[Fault], form: Form, where: Sequence[int]) -> list[tuple[Fault, Step]]:
    """Return what may come in the middle of a stream only."""
    steps: list[tuple[Fault, Step]] = []
    for fault in faults:
        if fault.kind == "malformed-chunk" and form.malformed is not None:
            steps.append((fault, Send(form.malformed(_index(fault, where)), 0, fault)))
        elif fault.kind == "stream-error" and form.error is not None:
            steps.append((fault, Send(form.error(problem(fault), _index(fault, where)), 0, fault)))
        elif fault.kind == "truncate":
            steps.append((fault, End(fault)))
    return steps
