"""The step `suite` in a real place, with test commands of every kind."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lab.environment.docker import DockerEnvironment
from lab.environment.hostnet import host_network
from lab.history import Recorder, StepFailedError, StepSkippedError
from lab.lifecycle.setting import Session
from lab.lifecycle.suite import suite
from lab.planning import draft, setting_of
from lab.product.suite import Suite
from lab.redact import MASK, Redactor
from lab.scenario.steps import SuiteStep
from lab.wish import Wish
from tests.integration.place import place

pytestmark = pytest.mark.engine

REPORT = "/var/lib/product/own.xml"
ONE = '<testcase name="a"/>'
SECRET = "a-secret-of-the-tests"
Run = Callable[..., dict[str, Any]]


@pytest.fixture(scope="module")
def somewhere() -> Iterator[DockerEnvironment]:
    with place() as made:
        yield made


@pytest.fixture
def run(somewhere: DockerEnvironment, tmp_path: Path) -> Iterator[Run]:
    """Run a shell command as though it were the product's own tests; give the step's facts."""
    planned = draft(Wish("suite", environments=("docker",)))
    record = Recorder(tmp_path / "events.ndjson", Redactor.of([SECRET]))
    record.step_id = "01-suite"
    setting = setting_of(planned, planned.cells[0], {}, {"api-key": SECRET})

    def told(script: str, *, seconds: float = 60, before: str = "", install: str = "", **more: Any) -> dict[str, Any]:
        somewhere.run(["sh", "-c", f"rm -rf {REPORT}; {before}"], timeout=60)
        own = Suite(
            argv=["sh", "-c", script],
            junit="{data}/own.xml",
            install=[["sh", "-c", install]] if install else [],
            **more,
        )
        definitions = {slot: found.model_copy(update={"suite": own}) for slot, found in setting.definitions.items()}
        timeouts = setting.timeouts.model_copy(update={"suite": seconds})
        session = Session(
            replace(setting, definitions=definitions, timeouts=timeouts), somewhere, record, tmp_path, installed="to"
        )
        facts: dict[str, Any] = {}
        suite(session, SuiteStep(step="suite"), facts)
        return facts

    yield told
    record.close()


def report(inner: str) -> str:
    return f"echo '<testsuite>{inner}</testsuite>' > {REPORT}"


def test_tests_are_counted_and_their_report_is_kept_without_secrets(run: Run, tmp_path: Path) -> None:
    failing = f'<testcase name="b"><failure message="key was {SECRET}"/></testcase>'
    facts = run(report(ONE + failing) + "; exit 1", expect={"min_tests": 2})

    assert facts["counts"] == {"tests": 2, "failures": 1, "errors": 0, "skipped": 0, "duplicates": 0, "untold": 0}
    assert [test["name"] for test in facts["bad"]] == ["b"]
    assert facts["ended"]["exit_code"] == 1
    kept = (tmp_path / "steps" / "01-suite" / "junit.xml").read_text("utf8")
    assert f'message="key was {MASK}"' in kept


def test_a_report_of_an_earlier_run_is_not_counted_again(run: Run) -> None:
    facts = run("true", before=report(ONE))
    assert "counts" not in facts
    assert facts["unreadable"] == f"there is no report at {REPORT}"


@pytest.mark.parametrize(
    ("made", "why"),
    [
        (f"ln -s /dev/zero {REPORT}", "there is no report"),
        (f"head -c 20000000 /dev/zero > {REPORT}", "it is 20 MB long or longer"),
        (f"mkdir {REPORT}", "there is no report"),
        (f"ln -s own.xml {REPORT}", "there is no report"),
        (f": > {REPORT}", "it is empty"),
    ],
    ids=["endless", "long", "folder", "loop", "empty"],
)
def test_a_report_that_is_no_report_is_told_and_nothing_is_counted(made: str, why: str, run: Run) -> None:
    facts = run(made)
    assert "counts" not in facts
    assert why in facts["unreadable"]


def test_a_folder_where_the_report_is_to_be_fails_the_step(run: Run) -> None:
    with pytest.raises(StepFailedError, match="cannot go"):
        run("true", before=f"mkdir {REPORT}")


def test_tests_that_do_not_end_are_ended_and_what_they_wrote_is_counted(run: Run) -> None:
    facts = run(report(ONE) + "; sleep 600", seconds=2)
    assert facts["ended"]["exit_code"] is None
    assert facts["counts"]["tests"] == 1


def test_index_settings_reach_what_installs_and_not_the_tests_nor_does_the_products_configuration(run: Run) -> None:
    dump = 'python3 -c \'import json, os; json.dump(dict(os.environ), open("/var/lib/product/{}", "w"))\''
    run(
        f"{dump.replace('{}', 'tests.json')}; cat /var/lib/product/*.json",
        install=dump.replace("{}", "install.json"),
        environment={"OWN": "{data}"},
    )
    folder = "/var/lib/product"
    seen = {name: json.loads(_read(run, f"{folder}/{name}.json")) for name in ("install", "tests")}
    assert set(host_network().variables) <= set(seen["install"])
    assert not set(host_network().variables) & set(seen["tests"])
    assert (seen["tests"]["OWN"], seen["tests"].get("REFERENCE_HOST")) == (folder, None)


def _read(run: Run, path: str) -> str:
    """Read a file of the place, by way of what a test command says last."""
    return str(run(f"cat {path}; echo")["said"])


def test_what_cannot_be_installed_keeps_the_tests_from_running(run: Run) -> None:
    facts = run(report(ONE), install="echo no solution found >&2; exit 1")
    assert facts["not_installed"] == (
        "'sh -c echo no solution found >&2; exit 1' ended with exit code 1: no solution found"
    )
    assert "ended" not in facts


def test_a_product_without_tests_of_its_own_or_from_an_image_is_skipped(
    somewhere: DockerEnvironment, tmp_path: Path
) -> None:
    for scenario, product, why in (("port-in-use", "kinto", "names no tests"), ("docker", None, "image of its own")):
        planned = draft(Wish(scenario, product=product, environments=("docker",)))
        cell = next(cell for cell in planned.cells if not cell.skip)
        record = Recorder(tmp_path / f"{scenario}.ndjson", Redactor())
        session = Session(setting_of(planned, cell, {}), somewhere, record, tmp_path, installed="to")
        with pytest.raises(StepSkippedError, match=why):
            suite(session, SuiteStep(step="suite"), {})
        record.close()
