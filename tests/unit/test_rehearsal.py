"""What a run would only find out after minutes is refused when it is planned, where it stands in a file."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from lab.errors import ScenarioError, UsageError
from lab.planning import Draft, draft
from lab.wish import Wish

PRODUCT = """\
schema: 1
name: sample
title: A sample
release: {from: "1", to: "1"}
secrets: [key]
stop: {signal: {signal: SIGTERM}, quick: {request: {path: /stop}}}
databases:
  sqlite: {kind: sqlite, path: "{data}/a.db"}
  postgresql: {kind: postgresql}
versions: {"1": {sources: [{source: package, requirement: a}, {source: image, name: a}]}}
"""
SCENARIO = """\
schema: 1
name: sample
title: A sample
versions: [to]
matrix:
  axes: {database: [sqlite, postgresql], way: [signal]}
checks: [{check: install}]
steps:
"""
STEPS = ("{step: install, version: to}", "{step: configure, version: to}", "{step: start}")


def planned(
    folder: Path, *, product: str = "", steps: Sequence[str] = (), more: str = "", axes: str = "", factor: float = 1
) -> Draft:
    (folder / "product.yaml").write_text(PRODUCT + product, "utf8")
    scenario = SCENARIO.replace("way: [signal]", axes or "way: [signal]") + "".join(
        f"  - {step}\n" for step in (*STEPS, *steps)
    )
    (folder / "scenario.yaml").write_text(scenario + more, "utf8")
    files = str(folder / "scenario.yaml"), str(folder / "product.yaml")
    return draft(Wish(*files, environments=("docker",), timeout_factor=factor))


def refused(folder: Path, **given: object) -> str:
    with pytest.raises(ScenarioError) as caught:
        planned(folder, **given)  # type: ignore[arg-type]
    (problem,) = caught.value.problems
    return str(problem).removeprefix(f"{folder}/")


def test_a_plan_without_faults_has_its_cells(tmp_path: Path) -> None:
    assert [cell.skip for cell in planned(tmp_path, steps=["{step: stop}"]).cells] == ["", ""]


def test_a_way_to_stop_that_nobody_declares_is_refused_with_what_was_meant(tmp_path: Path) -> None:
    said = refused(tmp_path, steps=["{step: stop, way: quik}"])
    assert said == "scenario.yaml:12:23: sample 1 (to) declares no way to stop 'quik'; did you mean 'quick'?"


def test_the_way_that_is_meant_where_none_is_named_must_be_declared_too(tmp_path: Path) -> None:
    (tmp_path / "x").mkdir()
    said = refused(tmp_path, product="image: {stop: {}}\n", steps=["{step: stop}"], more="source: image\n")
    assert said == "scenario.yaml:12:5: sample 1 (to) declares no way to stop 'signal'"


def test_an_axis_value_that_is_no_way_to_stop_skips_the_cell(tmp_path: Path) -> None:
    found = planned(tmp_path, steps=['{step: stop, way: "{matrix.way}"}'], axes="way: [quick, slow]")
    assert [cell.skip for cell in found.cells] == ["", "sample 1 (to) declares no 'stop.slow'"] * 2


def test_where_nothing_runs_a_way_need_not_be_declared(tmp_path: Path) -> None:
    found = planned(tmp_path, steps=["{step: stop, way: slow}"], more="requires: [stop.slow]\n")
    assert all(cell.skip for cell in found.cells)


@pytest.mark.parametrize(
    ("field", "at", "name"),
    [
        ('configuration: {environment: {A: "{database.host}"}}', "11:34", "database.host"),
        ('configuration: {files: [{path: "{config}/a", content: "{matrix.mode}"}]}', "11:55", "matrix.mode"),
        ('configuration: {files: [{path: "{config}/{database.name}", content: ""}]}', "11:32", "database.name"),
        ('start: {argv: ["{matrix.wya}"]}', "11:16", "matrix.wya"),
        ('start: {directory: "{database.path}"}', "11:20", "database.path"),
        ('image: {}\nsetup_steps: [{documented: a, argv: ["{database.path}"]}]', "12:38", "database.path"),
        ('seed: [{action: sql, name: a, statement: "{database.port}"}]', "11:42", "database.port"),
        ('in_flight: {request: {path: "/{database.path}"}}', "11:29", "database.path"),
        ('health: {path: /, expect: {json: {a: "{matrix.mode}"}}}', "11:38", "matrix.mode"),
        ('suite: {argv: [a], junit: "{data}/{matrix.mode}.xml"}', "11:27", "matrix.mode"),
        ('suite: {install: [[a, "{database.path}"]], argv: [a], junit: "{data}/a"}', "11:23", "database.path"),
    ],
)
def test_a_placeholder_without_a_value_in_a_cell_that_runs_is_refused_where_it_stands(
    field: str, at: str, name: str, tmp_path: Path
) -> None:
    steps = ["{step: ready}", "{step: seed}", "{step: stop, in_flight: true}", "{step: setup}", "{step: suite}"]
    said = refused(tmp_path, product=f"{field}\n", steps=steps)
    database = "postgresql" if name == "database.path" else "sqlite"
    assert said.startswith(
        f"product.yaml:{at}: the placeholder {{{name}}} has no value in sample/docker-debian-12/{database}"
    )


def test_a_databases_text_may_use_the_axes_that_the_scenario_has(tmp_path: Path) -> None:
    named = PRODUCT.replace("{data}/a.db", "{data}/{matrix.mode}.db")
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(globals(), "PRODUCT", named)
        assert planned(tmp_path, axes="mode: [a]").cells
        assert refused(tmp_path).startswith("product.yaml:8:32: the placeholder {matrix.mode} has no value in ")


@pytest.mark.parametrize(
    "field",
    [
        'without_database: [{action: http, name: a, request: {path: "/{database.host}{base_url}"}}]',
        'exercise: [{action: http, name: a, request: {path: "/{database.host}"}}]',  # no step performs it
        'seed: [{action: command, name: "{database.host}", argv: ["{base_url}"]}]',  # a name is not filled in
        'setup_steps: [{undocumented: a, argv: ["{database.host}"]}]',  # no cell takes workarounds
    ],
)
def test_what_a_cell_does_not_fill_in_needs_no_value(field: str, tmp_path: Path) -> None:
    steps = ["{step: setup}", "{step: seed}", "{step: stop-database}", "{step: watch, until: unhealthy}"]
    assert planned(tmp_path, product=f"{field}\n", steps=steps).cells


def test_a_cell_that_does_not_run_needs_no_values(tmp_path: Path) -> None:
    sql = 'start: {argv: ["{database.host}"]}\n'
    exclude = "matrix:\n  exclude: [{where: {database: sqlite}, reason: a}]\n"
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(globals(), "SCENARIO", SCENARIO.replace("matrix:\n", exclude))
        assert [bool(cell.skip) for cell in planned(tmp_path, product=sql).cells] == [True, False]


def test_steps_beside_an_image_are_refused_where_they_stand(tmp_path: Path) -> None:
    said = refused(tmp_path, product="setup_steps: [{documented: a, argv: [a]}]\n", more="source: image\n")
    assert said == "product.yaml:11:14: sample 1: setup_steps cannot run beside an image"


def test_an_unknown_platform_is_refused_where_it_stands(tmp_path: Path) -> None:
    said = refused(tmp_path, axes="way: [signal]}\n  platform: [debian-99]\n  x: {")
    assert "unknown key 'x'" in said
    said = refused(tmp_path, axes="way: [signal]}\n  platform: [debian-99]\n#")
    assert said.startswith("scenario.yaml:7:13: there is no platform 'debian-99'; did you mean 'debian-")


@pytest.mark.parametrize("factor", [145, float("inf"), float("nan")])
def test_a_factor_that_makes_a_time_out_longer_than_a_day_is_refused(factor: float, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"--timeout-factor \S+ makes the time-out 'install'") as caught:
        planned(tmp_path, factor=factor)
    assert "may be 86400 s at most" in caught.value.hint


MODELS = """\
llm:
  providers: {openai: {model: gpt}, cohere: {model: command}}
  modes:
    plain: {request: {path: "/%s"}, expect: {json: {a: "%s"}}}
    stream: {request: {path: "/%s"}}
  failure: {json: {a: "%s"}}
  retries: 2
  budget: 8
"""
RUNNING = ("{step: ready}", "{step: converse}")


@pytest.mark.parametrize(
    ("place", "said"), [(0, "14:29: the placeholder"), (1, "14:54: the placeholder"), (3, "16:23: the placeholder")]
)
def test_what_conversations_fill_in_must_have_a_value_in_every_cell(place: int, said: str, tmp_path: Path) -> None:
    names = ["", "", "", ""]
    names[place] = "{database.host}"
    assert refused(tmp_path, product=MODELS % tuple(names), steps=RUNNING).startswith(f"product.yaml:{said}")


def test_modes_in_which_no_step_asks_are_not_filled_in(tmp_path: Path) -> None:
    one_mode = MODELS % ("{llm.case}", "{llm.model}", "{database.host}", "{llm.prompt}")
    assert planned(tmp_path, product=one_mode, steps=RUNNING).cells
    said = refused(tmp_path, product=one_mode, steps=[*RUNNING, "{step: converse, modes: [stream]}"])
    assert said.startswith("product.yaml:15:30: the placeholder {database.host} has no value in ")


def test_more_conversations_than_the_mock_can_be_told_of_are_refused_at_their_step(tmp_path: Path) -> None:
    tools = "    tools: {request: {path: /}}\n  tool: {name: a, arguments: {a: %s}}\n  failure" % ("x" * 100_000)
    product = (MODELS % ("", "", "", "")).replace("  failure", tools, 1)
    steps = [*RUNNING, "{step: converse, modes: [tools]}"]
    said = refused(tmp_path, product=product, steps=steps)
    assert said.startswith("scenario.yaml:14:5: with sample 1 (to) these 2 conversations ask for ")
    assert said.endswith(" bytes of rules, and the LLM mock takes 262144 at most")
    with pytest.raises(ScenarioError, match="make several steps of it"):
        planned(tmp_path, product=product, steps=steps)


def test_what_does_not_run_may_have_more_of_them(tmp_path: Path) -> None:
    tools = "    tools: {request: {path: /}}\n  tool: {name: a, arguments: {a: %s}}\n  failure" % ("x" * 100_000)
    product = (MODELS % ("", "", "", "")).replace("  failure", tools, 1)
    steps = [*RUNNING, "{step: converse, modes: [tools]}"]
    assert planned(tmp_path, product=product, steps=steps, more="requires: [suite]\n").cells
