"""A Python that a version excludes must be refused, cleanly; accepting it is the product's failure."""

from pathlib import Path

import pytest

from lab import paths
from lab.records.store import list_runs, read_trials
from tests.integration.program import lab, left_on_engine

pytestmark = pytest.mark.engine


def _definition(tmp_path: Path, *, wheel_requires: str, definition_requires: str) -> str:
    """Write a definition of the reference product whose wheel and definition declare these Pythons."""
    layer = tmp_path / "layer"
    layer.mkdir()
    pyproject = (paths.images() / "reference" / "0.2.0" / "pyproject.toml").read_text("utf8")
    assert 'requires-python = ">=3.10"' in pyproject
    (layer / "pyproject.toml").write_text(pyproject.replace(">=3.10", wheel_requires), "utf8")
    text = (paths.products() / "reference.yaml").read_text("utf8")
    text = text.replace("../../images/", f"{paths.images()}/")
    text = text.replace('requires_python: ">=3.10"', f'requires_python: "{definition_requires}"')
    text = text.replace("images/reference/0.2.0]", f"images/reference/0.2.0, {layer}]")
    path = tmp_path / "picky.yaml"
    path.write_text(text, "utf8")
    return str(path)


def test_a_clean_refusal_of_an_excluded_python_passes_and_ends_the_trial(tmp_path: Path) -> None:
    product = _definition(tmp_path, wheel_requires=">=3.12", definition_requires=">=3.12")

    ended = lab("run", "fresh-install", "--product", product, "--set", "stop=signal", "--set", "database=sqlite")

    assert ended.code == 0, ended.said
    (folder,) = list_runs()
    (trial,) = read_trials(folder).results
    verdicts = {check.check: check.verdict for check in trial.checks}
    assert verdicts["install"] == "pass"
    assert verdicts["health"] == "skipped"
    assert [step.kind for step in trial.steps] == ["prepare", "install"]
    assert left_on_engine() == []


def test_accepting_an_excluded_python_is_the_products_failure(tmp_path: Path) -> None:
    product = _definition(tmp_path, wheel_requires=">=3.10", definition_requires=">=3.12")

    ended = lab("run", "fresh-install", "--product", product, "--set", "stop=signal", "--set", "database=sqlite")

    assert ended.code == 1, ended.said
    assert "which the version excludes" in ended.said


def test_refusing_a_python_that_the_definition_promises_is_the_products_failure(tmp_path: Path) -> None:
    product = _definition(tmp_path, wheel_requires=">=3.12", definition_requires=">=3.10")

    ended = lab("run", "fresh-install", "--product", product, "--set", "stop=signal", "--set", "database=sqlite")

    assert ended.code == 1, ended.said
    assert "the installer failed" in ended.said
