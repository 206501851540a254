"""What a trial's record keeps of the experiment that it was."""

from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

from records_sample import trial

from lab.errors import InfrastructureError
from lab.planning import draft, make_up, secret_names, setting_of
from lab.product.sources import Artifact
from lab.records.model import TrialResult, scenario_digest
from lab.trial import TrialPlan, run_trial
from lab.wish import Wish


def no_place(_: TrialPlan, __: Callable[..., None]) -> NoReturn:
    raise InfrastructureError("there is no place for it")


def recorded(folder: Path, budget_factor: float) -> tuple[TrialResult, str]:
    """Return the stored result of a trial, and the digest of what its run's record has as the scenario."""
    planned = draft(Wish("upgrade", environments=("local",), budget_factor=budget_factor))
    artifacts = {slot: Artifact("wheel", slot, f"sha256:{slot}", "dist") for slot in planned.choices}
    setting = setting_of(planned, planned.cells[0], artifacts, make_up(secret_names(planned.definitions), 1))
    plan = TrialPlan("f" * 32, 1, 1, setting, folder, 1, "never", {}, budget_factor=budget_factor)
    run_trial(plan, no_place, lambda _: None, lambda _: None)
    resolved = planned.loaded.scenario.model_dump(by_alias=True, mode="json")
    return TrialResult.model_validate_json((folder / "result.json").read_bytes()), scenario_digest(resolved)


def test_a_result_tells_its_scenario_as_the_run_has_it_and_the_factor_on_its_budgets(tmp_path: Path) -> None:
    plain, digest = recorded(tmp_path / "plain", 1)
    assert (plain.scenario_digest, plain.budget_factor) == (digest, 1)
    patient, other = recorded(tmp_path / "patient", 2)
    assert (patient.scenario_digest, patient.budget_factor) == (other, 2)
    assert digest != other


def test_a_digest_of_a_scenario_changes_with_what_it_asks_of_a_trial_and_with_nothing_else() -> None:
    first = {"title": "It works", "matrix": {"axes": {}}, "steps": [{"step": "install", "version": "to"}], "tags": []}
    again = {"tags": ["night"], "steps": [{"version": "to", "step": "install"}], "title": "Works", "target": None}
    assert scenario_digest(first) == scenario_digest(again)
    assert scenario_digest(first) != scenario_digest(first | {"steps": [{"step": "install", "version": "from"}]})
    assert scenario_digest(first) != scenario_digest(first | {"limits": {"memory_mb": 1}})


def test_the_results_of_an_older_lab_are_read() -> None:
    stored = trial().model_dump(exclude={"scenario_digest", "budget_factor"})
    old = TrialResult.model_validate(stored)
    assert (old.scenario_digest, old.budget_factor) == ("", 1.0)
