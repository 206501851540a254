from lab.checks.budgets import durations, memory, seconds_of
from lab.scenario.checks import DurationsCheck, MemoryCheck

from .histories import Facts, Told, history, only, ready, stop, told

BUDGETS = DurationsCheck(check="durations", install=10, ready=5, stop=30)
BUDGETS_OF_5 = DurationsCheck(check="durations", ready=5)
MEMORY = MemoryCheck(check="memory", max_mb=512)


def resting(**measured: int) -> Told:
    return Told("inspect", {"memory": measured})


def test_steps_within_their_budgets_pass() -> None:
    steps = [Told("install", {}, seconds=9.0), Told("upgrade", {}, seconds=10.0), ready(), stop()]
    findings = durations(history(*steps), BUDGETS)
    assert [verdict for verdict, _ in told(findings)] == ["pass"] * 4
    assert findings[1].reason == "upgrade took 10.00 s, its budget is 10 s"


def test_each_step_over_its_budget_fails_with_both_numbers() -> None:
    slow = [Told("install", {}, seconds=10.5), Told("upgrade", {}, seconds=11.0), ready(seconds_to_ready=5.1)]
    findings = durations(history(*slow, stop(seconds=31.0)), BUDGETS)
    assert told(findings) == [
        ("fail", "01-install"), ("fail", "02-upgrade"), ("fail", "03-ready"), ("fail", "04-stop"),
    ]  # fmt: skip
    assert findings[2].reason == "ready took 5.10 s, its budget is 5 s"


def test_readiness_counts_from_the_start_and_not_from_the_step() -> None:
    late = Told("ready", {"seconds_to_ready": 6.0}, seconds=0.1)
    assert only(durations(history(late), BUDGETS)).verdict == "fail"
    assert seconds_of(history(late).steps[0]) == 6.0


def test_a_stop_counts_until_the_exit() -> None:
    assert only(durations(history(stop(seconds=2.0)), DurationsCheck(check="durations", stop=1.5))).verdict == "fail"


def test_a_time_that_was_not_measured_is_unknown() -> None:
    unmeasured: list[Facts] = [{"asked": False}, {"seconds_to_ready": None}]
    for facts in unmeasured:
        found = only(durations(history(Told("ready", facts, seconds=0.0)), BUDGETS))
        assert (found.verdict, found.reason) == ("unknown", "it was not measured how long ready took")


def test_steps_without_a_budget_and_steps_that_failed_are_not_judged() -> None:
    assert durations(history(ready()), DurationsCheck(check="durations", stop=1)) == []
    assert durations(history(Told("install", {}, "failed", seconds=99.0)), BUDGETS) == []
    assert durations(history(Told("seed", {}, seconds=99.0)), BUDGETS) == []


def test_memory_at_rest_within_the_budget_passes_at_each_inspection() -> None:
    findings = memory(history(resting(current=100_000_000), resting(current=512_000_000)), MEMORY)
    assert told(findings) == [("pass", "01-inspect"), ("pass", "02-inspect")]


def test_memory_over_the_budget_fails_with_both_numbers() -> None:
    found = only(memory(history(resting(current=700_000_000)), MEMORY))
    assert (found.verdict, found.reason) == ("fail", "700 MB at rest, its budget is 512 MB")


def test_a_peak_alone_does_not_say_what_is_used_at_rest() -> None:
    for measured in (resting(peak=1), resting(), resting(current=0), Told("inspect", {})):
        found = only(memory(history(measured), MEMORY))
        assert (found.verdict, found.reason) == ("unknown", "the environment cannot measure memory")


def test_without_an_inspection_there_is_no_finding_about_memory() -> None:
    assert memory(history(ready()), MEMORY) == []


def test_what_a_busy_machine_may_explain_is_unknown_and_no_failure() -> None:
    def found(waited: float | None) -> str:
        return only(durations(history(ready(seconds_to_ready=8.0, waited=waited)), BUDGETS_OF_5)).verdict

    assert found(None) == "fail"
    assert found(0.5) == "fail"
    assert found(2.9) == "fail"
    assert found(3.0) == "unknown"


def test_a_step_within_its_budget_passes_however_busy_the_machine_was() -> None:
    assert only(durations(history(ready(seconds_to_ready=4.0, waited=3.9)), BUDGETS_OF_5)).verdict == "pass"
