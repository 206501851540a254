"""The reference and the schemas in docs/ are what the models say."""

import json
import re
from typing import Annotated, Any, Literal

import pytest
from pydantic import Field, PositiveInt

from lab import languages, paths
from lab.reference import Language, anchors, markdown
from lab.strict import Slug, Strict, Text

LANGUAGES = languages.languages()


@pytest.mark.parametrize("path", languages.files(), ids=lambda path: path.name)
def test_docs_are_as_the_models_are(path: Any) -> None:
    assert path.exists(), "make schema writes it"
    assert path.read_text("utf8") == languages.files()[path], "make schema writes it anew"


def test_nothing_else_lies_beside_what_is_made() -> None:
    made = set(languages.files())
    found = {path for name in ("schema", "reference") for path in (paths.CHECKOUT / "docs" / name).iterdir()}
    assert found == made


@pytest.mark.parametrize("language", LANGUAGES, ids=lambda language: language.name)
def test_every_link_leads_to_one_heading(language: Language) -> None:
    text = markdown(language)
    headings = anchors(text)
    assert len(set(headings)) == len(headings)
    assert set(re.findall(r"\]\(#([^)]*)\)", text)) <= set(headings)


@pytest.mark.parametrize("language", LANGUAGES, ids=lambda language: language.name)
def test_every_key_of_every_mapping_has_a_row(language: Language) -> None:
    schema = language.model.model_json_schema(by_alias=True)
    keys = {key for found in (schema, *schema.get("$defs", {}).values()) for key in found.get("properties", {})}
    assert keys - set(re.findall(r"^\| `([^`]+)` \|", markdown(language), re.MULTILINE)) == set()


@pytest.mark.parametrize("language", LANGUAGES, ids=lambda language: language.name)
def test_words_under_a_field_reach_the_editor(language: Language) -> None:
    properties = json.loads(languages.json_schema(language))["properties"]
    assert any("description" in found for found in properties.values())


class Near(Strict):
    """A thing at hand."""

    kind: Literal["near"]
    steps: PositiveInt = 2
    """How many
    steps away."""


class Far(Strict):
    """A thing
    far off."""

    kind: Literal["far"]
    pattern: Annotated[str, Field(pattern="^(a|b)$")]
    any_of: list[Any] = []


class Whole(Strict):
    """A file."""

    name: Slug
    title: Text = "none yet"
    things: Annotated[list[Annotated[Near | Far, Field(discriminator="kind")]], Field(min_length=1)]
    best: Near | None = None
    named: dict[Slug, Annotated[float, Field(ge=0, lt=1)]] = {}


def test_models_are_told_in_words(tmp_path: Any) -> None:
    shipped = tmp_path / "shipped.yaml"
    shipped.write_text("name: a\nthings: [{kind: near}, {kind: near, steps: 3}]\n", "utf8")
    text = markdown(Language("whole", "Whole files", Whole, (shipped,)))

    for row in (
        "| `name` | *name* | **required** |  |",
        "| `title` | text, not empty | `none yet` |  |",
        "| `things` | list of [kind](#kind), at least one | **required** |  |",
        "| `best` | [kind: near](#kind-near) | none | A thing at hand. |",
        "| `named` | mapping of *name* to number, at least 0, less than 1 | `{}` |  |",
        "| [far](#kind-far) | A thing far off. |",
        "| `steps` | whole number, greater than 0 | `2` | How many steps away. |",
        r"| `pattern` | text that matches `^(a\|b)$` | **required** |  |",
        "| `any_of` | list of anything | `[]` |  |",
    ):
        assert row in text.splitlines()
    assert "### kind: near\n\nA thing at hand.\n" in text
    assert "```yaml\n{kind: near, steps: 3}\n```" in text
