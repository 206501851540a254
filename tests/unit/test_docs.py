"""The documents say what is: files are valid, commands exist, tables are whole, links lead somewhere."""

import re
from pathlib import Path
from typing import Any, get_args

import pytest
import typer

from lab import languages, listing, paths
from lab.cli import app
from lab.defects import Expectation, defects_folder
from lab.product.catalog import KNOWN_PLACEHOLDERS, load_product, product_names
from lab.product.definition import define
from lab.reference import anchors
from lab.scenario.checks import Check
from lab.scenario.load import load_scenario, scenario_names
from lab.scenario.steps import Step
from lab.yamlfile import load, validate
from tests.documents import DOCS, GUIDES, Block, blocks, files_after, words

WRITTEN = sorted(path for path in paths.CHECKOUT.glob("*.md")) + sorted(DOCS.rglob("*.md"))
SCENARIO_GUIDE = DOCS / "writing-a-scenario.md"
PLACEHOLDER_IN_TEXT = re.compile(r"[A-Z]{2,}|…")


def name(path: Path) -> str:
    return path.relative_to(paths.CHECKOUT).as_posix()


@pytest.mark.parametrize("path", GUIDES, ids=name)
def test_every_whole_file_is_valid_at_every_point_of_the_document(path: Path, tmp_path: Path) -> None:
    seen = 0
    for number, (block, files) in enumerate(files_after(blocks(path))):
        if block.kind not in {"file", "keys"}:
            continue
        for file, text in files.items():
            written = tmp_path / str(number) / file
            written.parent.mkdir(parents=True, exist_ok=True)
            written.write_text(text, "utf8")
        if block.name.endswith(".yaml"):
            good, problems = listing.validate([str(tmp_path / str(number) / block.name)])
            assert problems == []
            seen += good
        else:
            compile(files[block.name], block.name, "exec")
    assert seen > 0


def test_the_guide_ends_with_what_the_complete_example_says(tmp_path: Path) -> None:
    *_, files = (files for _, files in files_after(blocks(GUIDES[0])))
    path = tmp_path / "my-product.yaml"
    path.write_text(files["my-product.yaml"], "utf8")
    mine, complete = load_product(str(path)).product, load_product("kinto").product
    assert mine.release == complete.release
    for label in mine.versions:
        ours, theirs = define(mine, label), define(complete, label)
        for field in ("sources", "start", "port", "health", "stop", "openapi", "databases", "prove_version"):
            assert getattr(ours, field) == getattr(theirs, field), field
        for field in ("setup_steps", "upgrade_steps"):
            assert [step.argv for step in getattr(ours, field)] == [step.argv for step in getattr(theirs, field)]


def shown_commands() -> list[tuple[str, str]]:
    """Every command that a document shows: after a prompt, indented, or between backticks."""
    found = []
    for path in WRITTEN:
        text = path.read_text("utf8")
        lines = re.findall(r"^(?:\$ |    )((?:\.venv/bin/lab|make) .*)$", text, re.MULTILINE)
        lines += re.findall(r"`((?:\.venv/bin/)?lab [a-z][^`]*|make [a-z][^`]*)`", text)
        found += [(name(path), line.partition("  #")[0].strip()) for line in lines]
    return found


@pytest.mark.parametrize(("document", "line"), shown_commands())
def test_every_command_exists_and_takes_what_it_is_given(document: str, line: str) -> None:
    program, *arguments = words(line)
    if program == "make":
        makefile = (paths.CHECKOUT / "Makefile").read_text("utf8")
        target, *variables = arguments
        assert re.search(rf"^{re.escape(target)}:.*##", makefile, re.MULTILINE), document
        given = dict(variable.split("=", 1) for variable in variables)
        assert set(given) <= {"SCENARIO", "ARGS", "PYTHON", "BENCH"}
        assert (paths.CHECKOUT / "bench" / f"{given.get('BENCH', 'trial')}.py").is_file()
        scenario = given.get("SCENARIO")
    else:
        scenario = parsed(arguments).get("scenario")
    if isinstance(scenario, str) and not PLACEHOLDER_IN_TEXT.search(scenario):
        assert scenario in scenario_names() or scenario in files_of_readers(), f"{document}: {line}"


def parsed(arguments: list[str]) -> dict[str, Any]:
    """Return what a command line says, without running it; one without its command's arguments is a mention."""
    command: Any = typer.main.get_command(app)
    rest = list(arguments)
    while hasattr(command, "commands"):
        word = rest.pop(0)
        assert word in command.commands, f"there is no command '{word}'"
        command = command.commands[word]
    if not rest or rest == ["--help"]:
        return {}
    context = command.make_context(command.name, rest, resilient_parsing=False)
    for key, value in context.params.items():
        if key == "product" and value and not PLACEHOLDER_IN_TEXT.search(value):
            file = value.removeprefix("./") if value.endswith(".yaml") else f"{value}.yaml"
            assert value in product_names() or file in files_of_readers()
    return dict(context.params)


def files_of_readers() -> set[str]:
    return {block.name for path in GUIDES for block in blocks(path) if block.kind == "file"}


def test_a_command_that_is_not_there_would_be_noticed() -> None:
    with pytest.raises(AssertionError):
        parsed(["ruin", "upgrade"])
    with pytest.raises(Exception, match="No such option"):
        parsed(["run", "upgrade", "--no-such-option"])


@pytest.mark.parametrize("path", WRITTEN, ids=name)
def test_every_link_leads_to_a_file_and_a_heading_that_are_there(path: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", without_blocks(path.read_text("utf8"))):
        if re.match(r"[a-z]+://", target):
            continue
        file, _, anchor = target.partition("#")
        place = (path.parent / file).resolve() if file else path
        assert place.exists(), target
        assert place.is_relative_to(paths.CHECKOUT), target
        if anchor:
            assert anchor in anchors(without_blocks(place.read_text("utf8"))), target


def without_blocks(text: str) -> str:
    return re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)


def test_the_front_page_of_the_documents_leads_to_each_of_them() -> None:
    front = (DOCS / "README.md").read_text("utf8")
    assert [
        path.name for path in DOCS.glob("*.md") if path.name != "README.md" and f"]({path.name})" not in front
    ] == []


def table(heading: str) -> dict[str, list[str]]:
    """Return the rows of the tables in a section of the scenario guide, by the code in their first column."""
    section = re.search(rf"^## {heading}\n(.*?)(?=^## |\Z)", SCENARIO_GUIDE.read_text("utf8"), re.MULTILINE | re.DOTALL)
    assert section is not None, heading
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in section[1].splitlines()
        if line.startswith("| `")
    ]
    assert len({row[0] for row in rows}) == len(rows), "a row stands twice"
    return {row[0].strip("`"): row[1:] for row in rows}


def kinds(union: Any, key: str) -> set[str]:
    return {get_args(model.model_fields[key].annotation)[0] for model in get_args(get_args(union)[0])}


def test_every_step_has_a_row() -> None:
    assert set(table("Steps")) == kinds(Step, "step")


def test_every_check_has_a_row_with_defects_that_it_catches() -> None:
    rows = table("Waits and checks")
    assert set(rows) == kinds(Check, "check")
    for check, cells in rows.items():
        planted = re.findall(r"`([^`]+)`", cells[-1])
        assert planted, f"no defect shows that '{check}' rings"
        for defect in planted:
            expected = validate(load(defects_folder() / defect / "expect.yaml"), Expectation)
            assert (expected.check, expected.verdict) == (check, "fail"), defect


def test_every_placeholder_has_a_row() -> None:
    rows = {placeholder.strip("{}") for placeholder in table("Placeholders")}
    assert rows == KNOWN_PLACEHOLDERS | {"matrix.AXIS", "secret.NAME", "saved.NAME"}


def test_every_exit_code_is_told() -> None:
    text = SCENARIO_GUIDE.read_text("utf8")
    assert re.findall(r"^\| (\d[\d, ]*) \|", text, re.MULTILINE) == ["0", "1", "2", "3", "4", "5", "130, 143"]


def test_every_key_says_what_it_means_but_for_those_that_only_tell_kinds_apart() -> None:
    for language in languages.languages():
        schema = language.model.model_json_schema(by_alias=True)
        for title, found in {language.name: schema, **schema.get("$defs", {})}.items():
            silent = [
                key
                for key, field in found.get("properties", {}).items()
                if "const" not in field and not told(field, schema)
            ]
            assert silent == [], f"{language.name}, {title}"


def told(field: dict[str, Any], schema: dict[str, Any]) -> bool:
    choices = [field, *field.get("anyOf", ())]
    targets = [schema["$defs"][choice["$ref"].removeprefix("#/$defs/")] for choice in choices if "$ref" in choice]
    return any("description" in found for found in (field, *targets))


@pytest.mark.parametrize("path", [*GUIDES, DOCS / "README.md"], ids=name)
def test_documents_tell_nothing_of_the_machine_they_were_written_on(path: Path) -> None:
    text = path.read_text("utf8")
    assert re.findall(r"/(?:work|root|home|tmp)/\S*|https?://(?!0\.0\.0\.0)\S+", text) == []


def test_the_smallest_definition_is_small() -> None:
    smallest = next(block for block in blocks(GUIDES[0]) if block.kind == "file")
    assert len(smallest.text.splitlines()) <= 25


def test_a_block_of_keys_replaces_and_adds() -> None:
    first = Block("", "yaml", "file: a.yaml", "a: 1\nb:\n  c: 2\n")
    then = Block("", "yaml", "keys: a.yaml", "b: 3\nd: 4\n")
    assert [files["a.yaml"] for _, files in files_after([first, then])][-1] == "a: 1\nb: 3\nd: 4\n"


def test_the_examples_scenario_is_a_scenario_of_the_reference_product(tmp_path: Path) -> None:
    (block,) = (found for found in blocks(SCENARIO_GUIDE) if found.name == "mine/remembers.yaml")
    path = tmp_path / "remembers.yaml"
    path.write_text(block.text, "utf8")
    assert load_scenario(str(path)).scenario.product == "reference"
