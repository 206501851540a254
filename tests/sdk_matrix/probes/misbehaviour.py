"""Checks of what an SDK makes of errors, of the wish to come again, and of answers that go wrong."""

from collections.abc import Callable, Container, Iterator

from checking import KEY, PATIENCE, SHORT, Probe, error_of, holds, named, same
from tasks import ANSWER, is_echo

OK = 200


def status_checks(probe: Probe, statuses: dict[int, tuple], ask: Callable, status_of: Callable) -> None:
    """Check that each status is raised as the SDK's own error; `ask` takes a text, and must not retry."""

    def one(status: int, kinds: tuple) -> Callable:
        def check() -> str:
            said = f"status {status}"
            probe.mock.fault(said, "status", status=status, message="planted by the rule")
            error = error_of(ask, said)
            holds(isinstance(error, kinds), error)
            same(status_of(error), status)
            holds("planted by the rule" in str(error), error)
            return named(error)

        return check

    for status, kinds in statuses.items():
        probe.add(f"status {status} is an error", one(status, kinds if isinstance(kinds, tuple) else (kinds,)))


LOUD = {"disconnect", "stall", "stream-error", "reset", "hang", "malformed-json"}
"""Faults that every client has to notice; whether the others are noticed is told as a fact."""


SILENT = {"stall", "hang"}
"""Faults that a client notices by its patience alone."""


def stream_fault_checks(
    probe: Probe, text_of: Callable[[str, float], Iterator[str]], quiet: tuple[str, ...] = ()
) -> None:
    """Tell what becomes of a stream that goes wrong.

    `text_of` takes a text and the client's patience in seconds, and streams the answer. `quiet` are kinds that the SDK
    does not raise; the stream ends there.
    """
    faults: dict[str, dict] = {
        "disconnect": {"after": 3},
        "truncate": {"after": 3},
        "malformed-chunk": {"after": 3},
        "stall": {"after": 3, "seconds": 10},
        "stream-error": {"after": 3, "status": 500, "message": "planted in the stream"},
    }

    def one(kind: str, more: dict) -> Callable:
        def check() -> str:
            said = f"stream with {kind}"
            probe.mock.rule(said, text=ANSWER, fault={"kind": kind, **more})
            got: list[str] = []
            try:
                got += text_of(said, SHORT if kind in SILENT else PATIENCE)
            except Exception as error:  # noqa: BLE001
                return named(error)
            holds(kind not in LOUD or kind in quiet, got)
            is_cut = kind == "truncate" or kind in quiet
            same("".join(got).strip(), "one two three" if is_cut else ANSWER)
            return "no error, the text is cut" if is_cut else "no error, the text is whole"

        return check

    for kind, more in faults.items():
        probe.add(f"stream: {kind}", one(kind, more))


def whole_fault_checks(probe: Probe, ask: Callable[[str, float], object]) -> None:
    """Tell what becomes of an answer in one piece that goes wrong.

    `ask` takes a text and the client's patience in seconds, and does not retry.
    """
    faults: dict[str, dict] = {
        "reset": {},
        "hang": {"seconds": 10},
        "malformed-json": {},
        "empty-body": {},
        "wrong-content-type": {},
    }

    def one(kind: str, more: dict) -> Callable:
        def check() -> str:
            said = f"answer with {kind}"
            probe.mock.rule(said, text=ANSWER, fault={"kind": kind, **more})
            try:
                got = ask(said, SHORT if kind in SILENT else PATIENCE)
            except Exception as error:  # noqa: BLE001
                return named(error)
            holds(kind not in LOUD, got)
            return (
                "no error, the text is whole" if got == ANSWER else f"no error, {type(got).__name__} without the text"
            )

        return check

    for kind, more in faults.items():
        probe.add(f"answer: {kind}", one(kind, more))


REFUSALS = {
    "twice 429, then an answer": (2, 429),
    "twice 503, then an answer": (2, 503),
    "once 529, then an answer": (1, 529),
    "five times 500": (5, 500),
}
"""How often the mock refuses before it answers, and with which status."""
ALONE = 0.5
"""Seconds that most clients wait at most before their second request where nobody tells them how long; twice that are
told, a whole number of seconds.
"""
WAITS = {"in seconds": "seconds", "in ms": "ms", "as a date": "date"}
"""How a wait is told."""
EARLY = {"as a date": 0.1}
"""Seconds that are not asked for: the mock first writes the date, and then takes down when the request came."""
FOREVER = 30.0
"""Seconds that are told a client which does not read them; it comes long before, however busy the machine is."""


def retry_checks(
    probe: Probe,
    ask: Callable[[str], str],
    *,
    error: type,
    most: int | None = 3,
    final: Container[int] = (),
    reads: Container[str] = WAITS,
    alone: float = ALONE,
) -> None:
    """Check how often a client asks that is told to come again, and what it then makes of it: an answer or this error.

    `most` is how many requests it sends, None where it does not count them; after a status that is `final` it sends no
    other. Check also that it does not come before it was told to, where `reads` has how it was told; `alone` is how
    many seconds it waits at most where it was not told.
    """

    def asked(said: str, statuses: list[int]) -> tuple[list[dict], str]:
        wanted = statuses[: 1 if statuses[0] in final else most]
        with probe.mock.journal() as entries:
            if wanted[-1] == OK:
                is_echo(ask(said), said)
                end = "an answer"
            else:
                raised = error_of(ask, said)
                holds(isinstance(raised, error), raised)
                end = named(raised)
        same([entry["status"] for entry in entries], wanted)
        return entries, f"{len(entries)} request{'s'[: len(entries) > 1]}, {end}"

    def check_refusals(said: str, times: int, status: int) -> Callable:
        def check() -> str:
            probe.mock.fault(said, "status", times=times, status=status, retry_after=0.01, retry_after_form="ms")
            return asked(said, [status] * times + [OK])[1]

        return check

    def check_wait(how: str) -> Callable:
        def check() -> str:
            said = f"a wait {how}"
            wait = 2 * alone if how in reads else FOREVER
            probe.mock.fault(said, "status", times=1, status=429, retry_after=wait, retry_after_form=WAITS[how])
            entries, told = asked(said, [429, OK])
            if len(entries) == 1:
                return told
            waited = entries[1]["received"] - entries[0]["received"]
            holds((waited >= wait - EARLY.get(how, 0)) == (how in reads), waited)
            return "kept" if how in reads else "not kept"

        return check

    for name, (times, status) in REFUSALS.items():
        probe.add(name, check_refusals(name, times, status))
    for how in WAITS:
        probe.add(f"a wait told {how}", check_wait(how))


def journal_check(probe: Probe, ask: Callable[[str], str], model: str, *, keyed: bool = True) -> None:
    """Check that the journal tells what was asked, and by which key: its last characters, for it is a mock's own."""

    def check() -> None:
        said = "what the journal is to tell"
        with probe.mock.journal() as entries:
            ask(said)
        same([(each["model"], each["last_user"], each["status"]) for each in entries], [(model, said, 200)])
        same(entries[0]["key"]["last4"], KEY[-4:] if keyed else None)

    probe.add("the journal tells model, text, status and key", check)
