import pickle
import signal

import pytest

from lab import errors
from lab.errors import Interrupted, LabError, Problem, ScenarioError


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("LabError", 3),
        ("UsageError", 2),
        ("VersionError", 2),
        ("InfrastructureError", 3),
        ("EngineError", 3),
        ("IndexUnavailableError", 3),
        ("DiskFullError", 3),
    ],
)
def test_every_error_knows_its_exit_code_and_belongs_to_the_tree(name: str, code: int) -> None:
    error = getattr(errors, name)("it broke")
    assert isinstance(error, LabError)
    assert error.exit_code == code
    assert str(error) == "it broke"


def test_a_hint_stands_on_a_line_of_its_own() -> None:
    assert str(LabError("no engine", hint="start it")) == "no engine\n→ start it"


def test_a_scenario_error_prints_every_problem() -> None:
    error = ScenarioError([Problem("a.yaml", 1, 2, "bad"), Problem("a.yaml", 3, 4, "worse")], hint="look")
    assert error.exit_code == 2
    assert str(error) == "a.yaml:1:2: bad\na.yaml:3:4: worse\n→ look"


def test_a_problem_of_the_whole_file_has_no_position() -> None:
    assert str(Problem("a.yaml", 0, 0, "does not exist")) == "a.yaml does not exist"


def test_problems_sort_by_place() -> None:
    later, earlier = Problem("a", 10, 1, "x"), Problem("a", 9, 5, "y")
    assert sorted([later, earlier]) == [earlier, later]


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupt_exits_as_a_shell_would(number: int, code: int) -> None:
    error = Interrupted(signal_number=number)
    assert (error.exit_code, error.signal_number) == (code, number)


def test_an_interrupt_is_sigint_unless_told_otherwise() -> None:
    assert Interrupted.exit_code == Interrupted().exit_code == 130


@pytest.mark.parametrize(
    "error",
    [
        LabError("m", hint="h"),
        ScenarioError(problems=[Problem("a", 1, 1, "m")], hint="h"),
        Interrupted(signal_number=15, hint="h"),
    ],
)
def test_errors_cross_process_borders_whole(error: LabError) -> None:
    copy = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own bytes
    assert (type(copy), str(copy), copy.exit_code) == (type(error), str(error), error.exit_code)
    assert vars(copy) == vars(error)
