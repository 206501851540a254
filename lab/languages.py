"""The kinds of YAML file that people write, and what docs/ says of each: a JSON Schema and a reference."""

import json
from pathlib import Path

from lab import paths
from lab.defects import Expectation, defects_folder
from lab.product.catalog import KNOWN_PLACEHOLDERS
from lab.product.model import Product
from lab.reference import Language, markdown
from lab.scenario.model import Scenario


def languages() -> list[Language]:
    """Return the kinds of YAML file that people write."""
    known = ", ".join(f"`{{{name}}}`" for name in sorted(KNOWN_PLACEHOLDERS))
    kept = "`{matrix.AXIS}`, `{secret.NAME}`, and `{saved.NAME}` for what an action saved"
    scenarios, products = (tuple(sorted(found.glob("*.yaml"))) for found in (paths.scenarios(), paths.products()))
    return [
        Language("scenario", "Scenario files", Scenario, scenarios, "`{matrix.AXIS}`, the cell's value on an axis"),
        Language("product", "Product definitions", Product, products, f"{known}, {kept}"),
        Language(
            "expect", "Expectations of planted defects", Expectation, tuple(sorted(defects_folder().glob("*/*.yaml")))
        ),
    ]


def json_schema(language: Language) -> str:
    """Return the language's JSON Schema."""
    found = language.model.model_json_schema(by_alias=True)
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", **found}
    return json.dumps(schema, indent=2, sort_keys=True) + "\n"


def files() -> dict[Path, str]:
    """Return what `lab schema --write` writes: each file, and its text."""
    docs, written = paths.CHECKOUT / "docs", {}
    for language in languages():
        written[docs / "schema" / f"{language.name}.schema.json"] = json_schema(language)
        written[docs / "reference" / f"{language.name}.md"] = markdown(language)
    return written
