"""What there is: scenarios, products, plans, schemas, images; looked at, not changed."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lab import languages, paths
from lab.errors import LabError
from lab.planning import draft, plan_text, planned_artifacts
from lab.product.catalog import load_product, product_names
from lab.product.definition import define
from lab.product.model import Product
from lab.report.wording import plain
from lab.scenario.load import load_scenario, scenario_names
from lab.scenario.model import Scenario
from lab.wish import Wish
from lab.yamlfile import MAX_BYTES


@dataclass(frozen=True)
class Told:
    """The same thing for programs and for people."""

    value: Any
    text: str


def catalogue() -> Told:
    """List scenarios with their default cells, and products with their versions."""
    scenarios = []
    lines = ["scenarios"]
    for name in scenario_names():
        planned = draft(Wish(name))
        cells = [cell.id for cell in planned.cells]
        scenarios.append({"name": name, "title": planned.loaded.scenario.title, "cells": cells})
        lines.append(f"  {name:<16} {planned.loaded.scenario.title}")
        lines += [f"  {'':<16}   {cell}" for cell in cells]
    lines += ["", "products"]
    products = []
    for name in product_names():
        product = load_product(name).product
        versions = list(product.versions)
        products.append({"name": name, "title": product.title, "versions": versions})
        lines.append(f"  {name:<16} {product.title}: {', '.join(versions)}")
    return Told({"scenarios": scenarios, "products": products}, "\n".join(lines))


def plan(wish: Wish) -> Told:
    """Return the plan of a run that is not made."""
    planned = draft(wish)
    text = plain(plan_text(planned, planned_artifacts(planned)))
    cells = [{"id": cell.id, "skip": cell.skip} for cell in planned.cells]
    return Told({"scenario": planned.loaded.scenario.name, "cells": cells, "plan": text.splitlines()}, text.rstrip())


def validate(files: Sequence[str]) -> tuple[int, list[str]]:
    """Check files, or all that are shipped; return how many are valid and what is wrong with the others."""
    wanted = [Path(file) for file in files] or [
        *(paths.scenarios() / f"{name}.yaml" for name in scenario_names()),
        *(paths.products() / f"{name}.yaml" for name in product_names()),
    ]
    good, problems = 0, []
    for path in wanted:
        try:
            if _is_product(path):
                product = load_product(str(path)).product
                for label in product.versions:
                    define(product, label)
                    define(product, label, as_image=True)
            else:
                load_scenario(str(path))
        except LabError as error:
            problems.append(str(error))
        else:
            good += 1
    return good, problems


def schemas(*, write: bool) -> list[str]:
    """Return the JSON Schemas' text, or write them and the reference in Markdown, and return where."""
    if not write:
        return [languages.json_schema(language) for language in languages.languages()]
    lines = []
    for path, text in languages.files().items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf8")
        lines.append(str(path.relative_to(paths.CHECKOUT)))
    return lines


def cached_images() -> Told:
    """List the images that the lab made."""
    from lab.environment.containers import engine
    from lab.environment.images.making import Images

    rows = Images(engine.connect(), print).cached()
    lines = [f"{row['bytes'] / 1e6:8.0f} MB  {row['tag']}  ({row['role']})" for row in rows]
    return Told(rows, "\n".join(lines) or "no images yet; lab images build makes them")


def _is_product(path: Path) -> bool:
    """Tell the two kinds of file apart by the keys that only one of them has; some may be lost or misspelt."""
    try:
        with path.open("rb") as file:
            keys = {line.partition(b":")[0].decode("ascii", "replace") for line in file.read(MAX_BYTES).splitlines()}
    except (OSError, ValueError):  # the reader of that kind says what is wrong
        keys = set()
    product, scenario = set(Product.model_fields), set(Scenario.model_fields)
    more = len(keys & (product - scenario)) - len(keys & (scenario - product))
    return more > 0 or (more == 0 and path.absolute().parent.name == "products")
