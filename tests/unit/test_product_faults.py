"""What a product definition asks for and no run could do is refused where it stands."""

from pathlib import Path

import pytest

from lab.errors import ScenarioError
from lab.product.catalog import load_product

HEAD = """\
schema: 1
name: sample
title: A sample
release: {from: "1", to: "2"}
secrets: [key]
"""
VERSIONS = 'versions: {"1": {}, "2": {}}\n'
CONFIGURED = """\
configuration:
  files:
    - {path: "{config}/a.env", content: "# A_KEY\\nA_KEY={secret.key}\\n  export B.KEY : 1\\n{database.settings}"}
  environment: {C_KEY: "1"}
databases:
  sqlite: {kind: sqlite, path: "{data}/a.db"}
  postgresql: {kind: postgresql, settings: "DB_URL={database.url}"}
"""


def faults(folder: Path, text: str) -> list[str]:
    path = folder / "sample.yaml"
    path.write_text(HEAD + text, "utf8")
    try:
        load_product(str(path))
    except ScenarioError as error:
        return [str(problem).removeprefix(f"{path}:") for problem in error.problems]
    return []


@pytest.mark.parametrize("name", ["A_KEY", "B.KEY", "C_KEY", "DB_URL"])
def test_a_required_setting_may_stand_in_a_file_the_environment_or_a_databases_text(name: str, tmp_path: Path) -> None:
    assert faults(tmp_path, f"required_settings: [{name}]\n{CONFIGURED}{VERSIONS}") == []


def test_a_required_setting_that_nothing_sets_is_refused_at_its_place_with_what_was_meant(tmp_path: Path) -> None:
    (problem,) = faults(tmp_path, f"required_settings: [A_KEY, A_KYE]\n{CONFIGURED}{VERSIONS}")
    assert problem == (
        "6:28: 'A_KYE' cannot be left out: neither a configuration file nor the environment of 1, 2 sets it; "
        "did you mean 'A_KEY'?"
    )


def test_a_setting_that_only_a_comment_or_a_longer_name_holds_is_not_set(tmp_path: Path) -> None:
    assert len(faults(tmp_path, f"required_settings: [KEY, '# A_KEY', C_KE]\n{CONFIGURED}{VERSIONS}")) == 3


def test_a_databases_required_setting_is_looked_for_where_that_database_is_used(tmp_path: Path) -> None:
    wanted = CONFIGURED.replace('a.db"}', 'a.db", required_settings: [A_KEY, DB_URL]}')
    (problem,) = faults(tmp_path, wanted + VERSIONS)
    assert problem.startswith("11:")
    assert "'DB_URL' cannot be left out" in problem
    nowhere = CONFIGURED.replace("{database.settings}", "").replace("url}", 'url}", required_settings: ["DB_URL')
    nowhere = nowhere.replace('["DB_URL"}', '["DB_URL"]}')
    (problem,) = faults(tmp_path, nowhere + VERSIONS)
    assert problem.startswith("12:")


def test_each_layer_has_a_configuration_of_its_own(tmp_path: Path) -> None:
    versions = 'versions: {"1": {configuration: {}}, "2": {}}\n'
    (problem,) = faults(tmp_path, f"required_settings: [A_KEY]\n{CONFIGURED}{versions}")
    assert "of 1 sets it" in problem
    image = "image: {configuration: {environment: {A_KEY: '1'}}}\n"
    assert faults(tmp_path, f"required_settings: [A_KEY]\n{image}{CONFIGURED}{VERSIONS}") == []
    (problem,) = faults(tmp_path, f"required_settings: [A_KEY]\n{image}{CONFIGURED}{VERSIONS}".replace("{A_K", "{B_K"))
    assert "of 1 as an image, 2 as an image sets it" in problem
    own = 'versions: {"1": {required_settings: [D_KEY]}, "2": {image: {required_settings: [E_KEY]}}}\n'
    first, second = faults(tmp_path, CONFIGURED + own)
    assert (first[:6], second[:6]) == ("13:38:", "13:81:")


@pytest.mark.parametrize(
    "layer", ["", "image:\n  ", 'versions:\n  "1":\n    ', 'versions:\n  "1":\n    image:\n      ']
)
def test_a_stopped_database_cannot_be_asked(layer: str, tmp_path: Path) -> None:
    action = "without_database: [{action: sql, name: x, statement: select 1}]\n"
    rest = '  "2": {}\n' if "versions" in layer else VERSIONS
    (problem,) = faults(tmp_path, f"{layer}{action}{rest}")
    assert problem.startswith(f"{6 + layer.count(chr(10))}:")
    assert "the database is stopped when this is asked" in problem


@pytest.mark.parametrize("name", ["base_url", "saved.id"])
@pytest.mark.parametrize(
    "text",
    [
        'configuration: {files: [{path: "{config}/a", content: "a={NAME}"}]}\n',
        'configuration: {files: [{path: "{config}/{NAME}", content: ""}]}\n',
        'configuration: {environment: {A: "{NAME}"}}\n',
        'image: {configuration: {environment: {"{NAME}": "1"}}}\n',
        'start: {argv: [run, "{NAME}"]}\n',
        'setup_steps: [{documented: a, argv: ["{NAME}"]}]\n',
        'suite: {argv: [test, "{NAME}"], junit: "{data}/a.xml"}\n',
        'databases: {sqlite: {kind: sqlite, path: a, url: "{NAME}"}}\n',
    ],
)
def test_what_only_a_running_product_tells_has_no_place_in_what_is_written_before(
    text: str, name: str, tmp_path: Path
) -> None:
    saving = "seed: [{action: http, name: x, request: {path: '/{NAME}'}, save: {id: id}}]\n"
    (problem,) = faults(tmp_path, (text + saving + VERSIONS).replace("NAME", name))
    assert problem.startswith("6:")
    assert f"{{{name}}} has no value here: this is filled in before the product runs" in problem


@pytest.mark.parametrize(
    ("database", "said"),
    [
        ('{kind: postgresql, url: "{database.url}"}', "{database.url} has no value in the 'url'"),
        ('{kind: postgresql, url: "{database.settings}"}', "{database.settings} has no value in the 'url'"),
        ('{kind: postgresql, settings: "{database.path}"}', "{database.path} has no value in the 'settings'"),
        ('{kind: sqlite, path: "{database.path}"}', "has no value in the 'path' of a database of the kind sqlite"),
        ('{kind: sqlite, path: a, url: "{database.host}"}', "there are: database.path"),
        ('{kind: sqlite, path: a, settings: "{database.settings}"}', "there are: database.path, database.url"),
    ],
)
def test_a_database_is_not_made_of_itself_or_of_what_its_kind_has_not(database: str, said: str, tmp_path: Path) -> None:
    (problem,) = faults(tmp_path, f"databases:\n  mine: {database}\n{VERSIONS}")
    assert problem.startswith("7:")
    assert said in problem


def test_a_budget_is_a_day_at_most(tmp_path: Path) -> None:
    (problem,) = faults(tmp_path, f"stop: {{signal: {{signal: SIGTERM, budget: 86401}}}}\n{VERSIONS}")
    assert "'budget' must be at most 86400, not 86401" in problem


@pytest.mark.parametrize("path", ["/srv/a.xml", "a.xml", "{data}", "{data}/", "{data}/../a.xml"])
def test_a_report_of_the_products_own_tests_lies_where_it_can_be_read(path: str, tmp_path: Path) -> None:
    (problem,) = faults(tmp_path, f'suite: {{argv: [test], junit: "{path}"}}\n{VERSIONS}')
    assert problem.startswith("6:")
    assert f"'{path}' lies outside the product's places" in problem
    assert faults(tmp_path, f'suite: {{argv: [test], junit: "{{data}}/a.xml"}}\n{VERSIONS}') == []
