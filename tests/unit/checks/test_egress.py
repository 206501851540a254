from typing import Any

import pytest

from lab.checks.egress import egress
from lab.scenario.checks import Allowance, EgressCheck

from .histories import Facts, Told, history, only, told

CHECK = EgressCheck(check="egress")
WATCHED: Facts = {"network": {"kind": "sealed", "observed": ["addresses", "names"], "problems": {}}}
PREPARED = Told("prepare", WATCHED)


def name(asked: str, *, known: bool = False, by: str = "product") -> Facts:
    return {"by": by, "at": "2026-03-04T05:06:07Z", "asked": "name", "name": asked, "kind": "A", "known": known}


def address(to: str, port: int = 443) -> Facts:
    return {"by": "product", "at": "2026-03-04T05:06:07Z", "asked": "address", "protocol": "tcp", "address": to,
            "port": port}  # fmt: skip


def step(kind: str, *asked: Facts, **more: Any) -> Told:
    return Told(kind, {"asked": list(asked), **more})


def test_a_product_that_asks_for_nothing_but_the_trials_own_names_passes() -> None:
    found = only(egress(history(PREPARED, step("start", name("llm", known=True)), step("stop")), CHECK))
    assert (found.verdict, found.step, found.reason) == ("pass", "03-stop", "nothing outside was asked for")


def test_a_name_fails_in_the_step_in_which_it_was_asked_for() -> None:
    calls = [name("telemetry.example"), name("telemetry.example")]
    found = only(egress(history(PREPARED, step("start", *calls), step("stop")), CHECK))
    assert (found.verdict, found.step) == ("fail", "02-start")
    assert found.reason == "the product asked for the name telemetry.example"


def test_an_address_fails_with_its_port() -> None:
    found = only(egress(history(PREPARED, step("seed", address("198.51.100.7"))), CHECK))
    assert found.reason == "the product tried to reach 198.51.100.7 port 443 (tcp)"


def test_an_installer_that_asks_is_told_apart_and_fails_too() -> None:
    found = only(egress(history(PREPARED, step("install", name("index.example", by="installer"))), CHECK))
    assert (found.verdict, found.reason) == ("fail", "the installer asked for the name index.example")


def test_what_may_be_asked_for_passes_with_its_reason_and_only_that() -> None:
    check = EgressCheck(check="egress", allow=[Allowance(name="*.Example", reason="the licence is looked up")])
    steps = [PREPARED, step("start", name("licence.example"))]
    found = only(egress(history(*steps), check))
    assert found.verdict == "pass"
    assert found.reason.endswith("licence.example was asked for, which is allowed: the licence is looked up")
    for other in ("example", "licence.example.org"):
        assert only(egress(history(*steps, step("seed", name(other))), check)).verdict == "fail"


def test_what_was_asked_for_after_the_last_step_counts_for_it() -> None:
    late = [{"t": 9.0, "event": "asked", "step": "", "asked": [name("telemetry.example")]}]
    assert told(egress(history(PREPARED, step("stop"), more=late), CHECK)) == [("fail", "02-stop")]


@pytest.mark.parametrize("observed", [[], ["names"], ["addresses"]])
def test_what_nobody_watched_is_unknown_even_if_nothing_was_seen(observed: list[str]) -> None:
    network = {"network": {"kind": "sealed", "observed": observed, "problems": {"product": "not permitted"}}}
    found = only(egress(history(Told("prepare", network), step("stop")), CHECK))
    assert found.verdict == "unknown"
    assert "not permitted" in found.reason


def test_an_open_network_was_watched_by_nobody() -> None:
    assert (
        only(egress(history(Told("prepare", {"network": {"kind": "open"}}), step("stop")), CHECK)).verdict == "unknown"
    )
    assert egress(history(Told("prepare", {}), step("stop")), CHECK) == []


@pytest.mark.parametrize("facts", [{}, {"asked": None, "asked_problem": "the engine does not answer"}])
def test_a_step_without_a_record_is_unknown_and_hides_no_failure(facts: Facts) -> None:
    found = egress(history(PREPARED, Told("start", facts), step("seed", name("telemetry.example"))), CHECK)
    assert told(found) == [("unknown", "02-start"), ("fail", "03-seed")]


def test_more_than_could_be_written_down_fails() -> None:
    found = only(egress(history(PREPARED, step("start", {"by": "product", "asked": "too-much"})), CHECK))
    assert found.verdict == "fail"
