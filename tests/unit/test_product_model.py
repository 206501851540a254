from pathlib import Path
from typing import Any

import pytest

from lab.errors import ScenarioError
from lab.product.actions import HttpAction
from lab.product.catalog import load_product, product_names
from lab.product.definition import define
from lab.product.model import Product

GOOD = """\
schema: 1
name: sample
title: A sample
release: {from: "1", to: "2"}
secrets: [api-key]
port: 1000
start: {argv: [run, "{home}"]}
stop:
  signal: {signal: SIGTERM}
image:
  port: 3000
versions:
  "1":
    port: 2000
    openapi: /openapi.json
    image:
      openapi: /image.json
    sources:
      - {source: tree, path: ../one}
  "2": {}
"""


def product(**changed: Any) -> Product:
    known = {
        "schema": 1,
        "name": "sample",
        "title": "A sample",
        "release": {"from": "1", "to": "1"},
        "versions": {"1": {}},
    }
    return Product.model_validate(known | changed)


def refused(folder: Path, text: str) -> list[str]:
    path = folder / "sample.yaml"
    path.write_text(text)
    with pytest.raises(ScenarioError) as caught:
        load_product(str(path))
    return [str(problem).removeprefix(f"{path}:") for problem in caught.value.problems]


@pytest.fixture
def sample(tmp_path: Path) -> Product:
    (tmp_path / "sample.yaml").write_text(GOOD)
    return load_product(str(tmp_path / "sample.yaml")).product


@pytest.mark.parametrize("name", product_names())
def test_a_shipped_definition_loads_and_resolves_each_of_its_versions(name: str) -> None:
    known = load_product(name).product
    for label in known.versions:
        definition = define(known, label)
        assert (definition.product, definition.label) == (known.name, label)


def test_the_image_outweighs_the_version_and_the_version_the_product(sample: Product) -> None:
    assert (define(sample, "1").port, define(sample, "2").port) == (2000, 1000)
    assert (define(sample, "1", as_image=True).port, define(sample, "2", as_image=True).port) == (3000, 3000)


def test_the_image_of_a_version_outweighs_the_image_of_the_product(sample: Product) -> None:
    assert define(sample, "1").openapi == "/openapi.json"
    assert define(sample, "1", as_image=True).openapi == "/image.json"
    assert define(sample, "2", as_image=True).openapi is None


def test_what_a_version_sets_replaces_the_whole_field() -> None:
    ways = {"signal": {"signal": "SIGTERM"}, "quick": {"signal": "SIGINT"}}
    known = product(stop=ways, versions={"1": {"stop": {"quick": {"signal": "SIGQUIT"}}}})
    assert set(define(known, "1").stop) == {"quick"}


def test_a_version_may_set_a_field_back_to_its_default() -> None:
    assert define(product(openapi="/o.json", versions={"1": {"openapi": None}}), "1").openapi is None


def test_secrets_belong_to_every_version(sample: Product) -> None:
    assert define(sample, "2").secrets == ["api-key"]


def test_an_unknown_label_is_a_key_error(sample: Product) -> None:
    with pytest.raises(KeyError):
        define(sample, "3")


def test_features_are_what_a_scenario_may_require(sample: Product) -> None:
    assert define(sample, "1").features == {"setup.documented", "port.own", "stop.signal", "openapi", "source.tree"}
    assert define(sample, "2").features == {"setup.documented", "port.own", "stop.signal"}
    action = {"action": "command", "name": "x", "argv": ["true"]}
    flight = {"request": {"path": "/run"}}
    database = {"sqlite": {"kind": "sqlite", "path": "/db"}}
    full = define(product(seed=[action], in_flight=flight, databases=database), "1")
    assert full.features == {"setup.documented", "port.own", "seed", "in-flight", "database.sqlite"}


def test_a_release_must_be_in_the_catalogue(tmp_path: Path) -> None:
    (problem,) = refused(tmp_path, GOOD.replace('to: "2"}', 'to: "3"}'))
    assert "release names '3', which 'versions' does not list" in problem


@pytest.mark.parametrize(
    "way", ["{}", "{signal: SIGTERM, docker_stop: true}", "{signal: SIGTERM, request: {path: /stop}}"]
)
def test_a_way_to_stop_has_exactly_one_route(tmp_path: Path, way: str) -> None:
    (problem,) = refused(tmp_path, GOOD.replace("{signal: SIGTERM}", way))
    assert problem.startswith("9:")
    assert "exactly one of 'signal', 'request', 'docker_stop' and 'service'" in problem


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("{source: wheel}", "either 'path' or 'build'"),
        ("{source: wheel, path: a.whl, build: [b]}", "either 'path' or 'build'"),
        ("{source: image, name: a, build: [b]}", "either 'name' or 'build'"),
        ("{source: image}", "either 'name' or 'build'"),
    ],
)
def test_a_source_is_given_in_one_way(tmp_path: Path, source: str, said: str) -> None:
    (problem,) = refused(tmp_path, GOOD.replace("{source: tree, path: ../one}", source))
    assert said in problem


def test_a_placeholder_that_no_run_can_fill_is_refused_at_its_place(tmp_path: Path) -> None:
    (problem,) = refused(tmp_path, GOOD.replace("{home}", "{hme}"))
    assert problem == "7:21: unknown placeholder {hme}; did you mean 'home'?"


@pytest.mark.parametrize("name", ["secret.api-key", "saved.id", "matrix.anything", "database.url", "base_url"])
def test_placeholders_of_secrets_and_saved_values_are_known(tmp_path: Path, name: str) -> None:
    path = tmp_path / "sample.yaml"
    seed = f"seed:\n  - {{action: http, name: x, request: {{path: '/{{{name}}}'}}, save: {{id: id}}}}\n"
    path.write_text(GOOD + seed)
    (action,) = define(load_product(str(path)).product, "1").seed
    assert isinstance(action, HttpAction)
    assert action.request.path == f"/{{{name}}}"


@pytest.mark.parametrize("name", ["secret.other", "saved.never"])
def test_a_secret_or_saved_value_that_is_not_declared_is_unknown(tmp_path: Path, name: str) -> None:
    (problem,) = refused(tmp_path, GOOD.replace("{home}", f"{{{name}}}"))
    assert f"unknown placeholder {{{name}}}" in problem


@pytest.mark.parametrize("field", ["read", "prove_configuration"])
def test_readings_that_are_compared_by_name_have_names_of_their_own(tmp_path: Path, field: str) -> None:
    action = "  - {action: http, name: same, request: {path: /}}\n"
    (problem,) = refused(tmp_path, f"{GOOD}{field}:\n{action}{action}")
    assert f"'{field}' has two actions named 'same'" in problem
