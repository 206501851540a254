import json
from contextlib import suppress
from pathlib import Path

import pytest

from lab.errors import InfrastructureError, Interrupted, LabError
from lab.history import ExpectedEndError, History, Recorder, StepFailedError
from lab.redact import Redactor


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "trial" / "events.ndjson"


def recorded(path: Path, error: BaseException | None = None, **facts: object) -> History:
    record = Recorder(path, Redactor())
    with suppress(*([type(error)] if error is not None else [])), record.step(1, "start", {"a": 1}) as told:
        told.update(facts)
        if error is not None:
            raise error
    record.close()
    return History.read(path)


@pytest.mark.parametrize(
    ("error", "outcome", "reason"),
    [
        (None, "done", ""),
        (StepFailedError("it exited"), "failed", "it exited"),
        (InfrastructureError("no engine", hint="start it"), "error", "no engine"),
        (LabError("odd"), "error", "odd"),
        (Interrupted(), "interrupted", "interrupted"),
        (Interrupted(signal_number=15), "interrupted", "interrupted"),
        (ExpectedEndError("refused"), "done", "refused"),
        (ZeroDivisionError("by zero"), "error", "ZeroDivisionError: by zero"),
    ],
)
def test_what_a_step_raises_decides_its_outcome(
    path: Path, error: BaseException | None, outcome: str, reason: str
) -> None:
    (step,) = recorded(path, error, seen=1).steps
    assert (step.id, step.kind, step.outcome, step.reason) == ("01-start", "start", outcome, reason)
    assert (step.parameters, step.facts) == ({"a": 1}, {"seen": 1})
    assert step.seconds is not None


def test_a_step_that_lists_failures_failed_although_the_trial_goes_on(path: Path) -> None:
    (step,) = recorded(path, failures=["one", "two"]).steps
    assert (step.outcome, step.reason) == ("failed", "one; two")


@pytest.mark.parametrize("text", ["a\u2028b", "a\u2029b", "a\x85b", "a\x1eb\x0cc", "\ud800", "naïve\r\n"])
def test_text_of_any_kind_comes_back_whole(path: Path, text: str) -> None:
    history = recorded(path, said=text)
    assert history.steps[0].facts == {"said": text}


def test_a_last_line_that_was_cut_short_is_left_out(path: Path) -> None:
    recorded(path, said="naïve")
    whole = path.read_bytes()
    assert len(History.read(path).events) == 3
    for length in range(whole.rindex(b"\n", 0, -1) + 1, len(whole) - 1):
        path.write_bytes(whole[:length])
        history = History.read(path)
        assert len(history.events) == 2
        assert history.steps[0].outcome == "running"


def test_a_step_without_an_end_is_running_and_of_no_kind(path: Path) -> None:
    recorded(path)
    lines = path.read_text().splitlines()
    path.write_text("\n".join(lines[:-1]) + "\n")
    history = History.read(path)
    assert history.steps[0].outcome == "running"
    assert history.of_kind("start") == []
    assert history.went_wrong == history.broken_off == history.steps[0]


def test_offsets_never_go_back(path: Path) -> None:
    recorded(path)
    offsets = [json.loads(line)["t"] for line in path.read_text().splitlines()]
    assert offsets == sorted(offsets)


def test_a_closed_history_takes_nothing_more(path: Path) -> None:
    record = Recorder(path, Redactor())
    record.close()
    record.write("late")
    assert [event["event"] for event in History.read(path).events] == ["trial.start"]


def test_the_fault_that_the_lab_reported_outside_of_steps_is_told() -> None:
    assert History.of([{"event": "lab.error", "message": "no engine"}]).trouble == "no engine"
    assert History.of([{"event": "interrupted"}]).trouble == "the trial was interrupted"
    assert History.of([]).trouble == ""
