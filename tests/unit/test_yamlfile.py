"""The reader of YAML files: what it takes, what it refuses, and the place and the words of each refusal."""

import enum
import math
import random
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
import yaml
from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, field_validator, model_validator

from lab import yamlfile
from lab.errors import Problem, ScenarioError
from lab.yamlfile import Document, nodes

Read = Callable[[str], Document]
Refuse = Callable[[str], list[str]]


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class Signal(enum.Enum):
    TERM = "SIGTERM"
    INT = "SIGINT"


class Install(Strict):
    kind: Literal["install"]
    version: str
    extras: tuple[str, ...] = ()


class Stop(Strict):
    kind: Literal["stop", "halt"]
    signal: Signal = Signal.TERM
    budget: Annotated[float, Field(gt=0)] = 10.0

    @model_validator(mode="after")
    def an_interrupt_is_quick(self) -> "Stop":
        if self.signal is Signal.INT and self.budget > 60:
            raise ValueError("an interrupt may take 60 s at most")
        return self


class Seed(Strict):
    seed: Install


class Wait(Strict):
    wait: int


def first_key(value: Any) -> Any:
    return next(iter(value), None) if isinstance(value, dict) else None


class Target(Strict):
    minimum: Annotated[float, Field(ge=0, le=1)]
    since: date | None = None


class Sample(Strict):
    schema_: Literal[1] = Field(1, alias="schema")
    name: Annotated[str, Field(pattern="^[a-z-]+$")] = "sample"
    trials: int = 1
    steps: Annotated[list[Annotated[Install | Stop, Field(discriminator="kind")]], Field(min_length=1)]
    actions: list[Annotated[Annotated[Seed, Tag("seed")] | Annotated[Wait, Tag("wait")], Discriminator(first_key)]] = []
    target: Target | None = None
    targets: dict[str, Target] = {}
    limits: dict[Literal["cpu", "memory"], int] = {}
    command: str | list[str] = "run"
    either: Target | Wait | str | None = None
    quiet: bool = False
    child: "Sample | None" = None

    @field_validator("trials")
    @classmethod
    def not_thirteen(cls, value: int) -> int:
        if value == 13:
            raise ValueError("13 trials are unlucky")
        return value


STEPS = "steps:\n- kind: stop\n"


@pytest.fixture(params=["libyaml", "pure"], autouse=True)
def parser(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every statement holds with either of PyYAML's parsers."""
    if request.param == "pure":
        monkeypatch.setattr(nodes, "_LOADER", yaml.SafeLoader)
    elif not hasattr(yaml, "CSafeLoader"):
        pytest.skip("PyYAML was built without libyaml")


@pytest.fixture
def read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Read:
    monkeypatch.chdir(tmp_path)

    def reader(text: str) -> Document:
        Path("f.yaml").write_text(text, encoding="utf-8", newline="")
        return yamlfile.load(Path("f.yaml"), environ={"HOME": "/root", "EMPTY": "", "DOLLAR": "${HOME} $$"})

    return reader


@pytest.fixture
def refuse(read: Read) -> Refuse:
    def reader(text: str) -> list[str]:
        with pytest.raises(ScenarioError) as caught:
            yamlfile.validate(read(text), Sample)
        return [str(problem) for problem in caught.value.problems]

    return reader


# What a scalar means


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("true", True),
        ("False", False),
        ("null", None),
        ("~", None),
        ("''", ""),
        ("12", 12),
        ("-3", -3),
        ("+3", 3),
        ("0", 0),
        ("0o17", 15),
        ("0xfF", 255),
        ("1.0", 1.0),
        (".5", 0.5),
        ("1.", 1.0),
        ("1e3", 1000.0),
        ("-.inf", -math.inf),
        ("!!str 12", "12"),
        ("! 12", "12"),
        ("!!int 12", 12),
        ("!!float 12", 12.0),
        ("!!bool true", True),
        ("!!null ''", None),
        ("'12'", "12"),
        ('"true"', "true"),
        ("|\n  12\n", "12\n"),
    ],
)
def test_scalars_mean_what_yaml_1_2_says(read: Read, text: str, value: object) -> None:
    data = read(f"a: {text}\n").data["a"]
    assert (type(data), data) == (type(value), value)


def test_not_a_number_is_read(read: Read) -> None:
    assert math.isnan(read("a: .nan").data["a"])


@pytest.mark.parametrize(
    "text",
    [
        "yes",
        "no",
        "on",
        "off",
        "Yes",
        "NO",
        "y",
        "n",
        "0755",
        "007",
        "1:30",
        "190:20:30",
        "2025-06-20",
        "2025-06-20T10:00:00Z",
        "0.1.4",
        "1_000",
        "0b11",
        "tRue",
        "=",
        "00.5",
        "-x",
        "0o8",
        "0xg",
        "1e",
        "+",
    ],
)
def test_what_older_yaml_would_twist_stays_text(read: Read, text: str) -> None:
    assert read(f"a: {text}\n").data == {"a": text}


def test_words_of_older_yaml_are_good_keys(read: Read) -> None:
    assert read("on: 1\n0.1.4: 2\n2025-06-20: 3\n").data == {"on": 1, "0.1.4": 2, "2025-06-20": 3}


@pytest.mark.parametrize("number", ["9" * 5000, "0x" + "f" * 5000, "1e999", "-1e999"])
def test_a_number_nothing_can_hold_is_refused(refuse: Refuse, number: str) -> None:
    assert refuse(f"a: {number}\n") == ["f.yaml:1:4: this number is too large; quote it if it is text"]


# Positions


def test_positions_count_from_one_and_point_at_value_or_key(read: Read) -> None:
    document = read("# comment\nsteps:\n  - kind: stop\n    extras: [a, b]\nname: 'x'\n")
    assert document.position(()) == (2, 1)
    assert document.position(("steps",)) == (3, 3)
    assert document.position(("steps",), key=True) == (2, 1)
    assert document.position(("steps", 0)) == (3, 5)
    assert document.position(("steps", 0, "extras", 1)) == (4, 17)
    assert document.position(("steps", 0, "extras"), key=True) == (4, 5)
    assert document.position(("name",)) == (5, 7)


def test_a_position_that_does_not_exist_is_its_nearest_ancestors(read: Read) -> None:
    document = read("a:\n  b: 1\n")
    for loc in [("a", "c"), ("a", "c", "d"), ("a", 0)]:
        assert document.position(loc) == document.position(loc, key=True) == (2, 3)
    assert document.position(("z",)) == (1, 1)
    assert document.position(("a", "b", "c")) == (2, 6)


def test_columns_count_characters_and_lines_end_as_editors_say(read: Read) -> None:
    document = read("\ufeffä: {ö: ü}\r\nb: 1\r\n")
    assert document.position(("ä", "ö")) == (1, 8)
    assert document.position(("b",)) == (2, 4)


def test_a_document_tells_how_a_scalar_is_written(read: Read) -> None:
    document = read("a: 1.10\nb: ${HOME}\nc: []\n")
    assert [document.written((key,)) for key in "abcd"] == ["1.10", "${HOME}", None, None]


# Aliases and merge keys


def test_an_alias_is_the_value_it_names_and_stands_where_that_stands(read: Read) -> None:
    document = read("a: &x {n: 1}\nb: *x\n")
    assert document.data == {"a": {"n": 1}, "b": {"n": 1}}
    assert document.data["a"] is not document.data["b"]
    assert document.position(("b", "n")) == (1, 11)
    assert document.position(("b",), key=True) == (2, 1)


def test_an_anchor_can_be_named_anew(read: Read) -> None:
    assert read("a: &x 1\nb: *x\nc: &x 2\nd: *x\n").data == {"a": 1, "b": 1, "c": 2, "d": 2}


def test_merge_keys_give_way_to_own_keys_and_to_earlier_sources(read: Read) -> None:
    document = read("a: &a {x: 1, y: 1}\nb: &b {x: 2, z: 2}\nc:\n  y: 3\n  <<: [*a, *b]\n")
    assert document.data["c"] == {"x": 1, "y": 3, "z": 2}
    assert document.position(("c", "z")) == (2, 17)
    assert read("c: {<<: {x: 1}, x: 2}").data == {"c": {"x": 2}}
    assert read("c: {'<<': 1}").data == {"c": {"<<": 1}}


def test_only_mappings_can_be_merged(refuse: Refuse) -> None:
    assert refuse("a:\n  <<: [{x: 1}, 2]\n") == ["f.yaml:2:16: '<<' takes a mapping or a list of mappings"]


def test_an_alias_needs_an_anchor_before_it(refuse: Refuse) -> None:
    assert refuse("a: *x\nb: &x 1\n") == ["f.yaml:1:4: alias '*x' names no anchor '&x' before it"]


def test_an_alias_cannot_hold_itself(refuse: Refuse) -> None:
    assert refuse("a: &x\n  b: [*x]\n") == ["f.yaml:2:7: alias '*x' stands inside what it repeats"]


def test_a_bomb_of_aliases_is_refused_at_once(refuse: Refuse) -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 30)]
    before = time.monotonic()
    (problem,) = refuse("\n".join(lines))
    assert problem.startswith("f.yaml:5:")
    assert problem.endswith(": more than 100000 values, counting what aliases repeat")
    assert time.monotonic() - before < 5


def test_a_bomb_of_merge_keys_is_refused(refuse: Refuse) -> None:
    big = ", ".join(f"k{n}: 1" for n in range(1000))
    text = f"a: &a {{{big}}}\nb:\n" + "- <<: *a\n" * 1000
    assert "more than 100000 values" in refuse(text)[0]


def test_depth_is_bounded_with_and_without_aliases(read: Read, refuse: Refuse) -> None:
    assert read("[" * 50 + "]" * 50).data
    assert refuse("[" * 51 + "]" * 51) == ["f.yaml:1:51: nested more than 50 levels deep"]
    assert refuse("[" * 400_000) == ["f.yaml:1:51: nested more than 50 levels deep"]
    text = "a: &a " + "[" * 30 + "]" * 30 + "\nb: " + "[" * 30 + "*a" + "]" * 30
    assert refuse(text) == ["f.yaml:2:34: nested more than 50 levels deep"]


# Variables


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("${HOME}", "/root"),
        ("a ${HOME} b ${HOME}", "a /root b /root"),
        ("'${HOME}'", "/root"),
        ("${NONE:-3}", "3"),
        ("${NONE:-}", ""),
        ("${EMPTY}", ""),
        ("${EMPTY:-x}", "x"),
        ("${HOME:-x}", "/root"),
        ("$$", "$"),
        ("$${HOME}", "${HOME}"),
        ("$$${HOME}", "$/root"),
        ("${DOLLAR}", "${HOME} $$"),
        ("${NONE:-$$}", "$$"),
        ("$HOME $1 ${1} ${ HOME} ${HOME", "$HOME $1 ${1} ${ HOME} ${HOME"),
        ("|\n  x ${HOME}\n", "x /root\n"),
    ],
)
def test_variables_are_put_into_text_once(read: Read, text: str, value: str) -> None:
    assert read(f"a: {text}\n").data == {"a": value}


def test_keys_keep_their_dollars(read: Read) -> None:
    assert read("${HOME}: 1\n$$: 2\n").data == {"${HOME}": 1, "$$": 2}


def test_every_variable_that_is_not_set_is_named_where_it_stands(refuse: Refuse) -> None:
    text = "a: $${NO} ${NO}\nb: |\n  one\n  ${HOME} ${OTHER}\n"
    advice = "is not set; set it or write"
    assert refuse(text) == [
        f"f.yaml:1:11: environment variable NO {advice} ${{NO:-default}}",
        f"f.yaml:4:11: environment variable OTHER {advice} ${{OTHER:-default}}",
    ]


def test_the_environment_is_the_process_s_own_by_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAB_TEST_WORD", "hello")
    (tmp_path / "f.yaml").write_text("a: ${LAB_TEST_WORD}")
    assert yamlfile.load(tmp_path / "f.yaml").data == {"a": "hello"}


def test_a_variable_that_is_not_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "f.yaml").write_text("a: ${BYTES}")
    with pytest.raises(ScenarioError, match="UTF-8 cannot write"):
        yamlfile.load(tmp_path / "f.yaml", environ={"BYTES": "\udcff"})


def test_a_problem_shows_the_variable_and_not_its_value(refuse: Refuse) -> None:
    (problem,) = refuse("trials: ${HOME}\n" + STEPS)
    assert problem.startswith("f.yaml:1:9: 'trials' must be a whole number, not text ('${HOME}')")
    assert problem.endswith("; what a variable gives is always text")


# Files that are not there, or not YAML


def refusal(path: Path) -> ScenarioError:
    with pytest.raises(ScenarioError) as caught:
        yamlfile.load(path)
    return caught.value


def test_a_missing_file_is_named_with_its_near_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("scenarios").mkdir()
    for name in ("upgrade.yaml", "docker.yaml", "upgrad.txt"):
        Path("scenarios", name).touch()
    error = refusal(Path("scenarios/upgrad.yaml"))
    assert str(error) == "scenarios/upgrad.yaml does not exist\n→ did you mean upgrade.yaml?"
    assert error.exit_code == 2
    assert str(refusal(Path("scenarios/zzz"))) == "scenarios/zzz does not exist"
    assert str(refusal(Path("nowhere/a.yaml"))) == "nowhere/a.yaml does not exist"
    assert str(refusal(Path("scenarios/docker.yaml/x"))) == "scenarios/docker.yaml/x does not exist"
    assert str(refusal(Path("scenarios"))) == "scenarios is a directory, not a file"
    assert "cannot be read" in str(refusal(Path("a\0b")))


@pytest.mark.parametrize(
    ("raw", "problem"),
    [
        (b"a: 1\nb: \xc3\xa9\xff", "2:5: the file is not UTF-8 text"),
        (b"\xff\xfea\x00", "1:1: the file is not UTF-8 text"),
        (b"a: 1\nb: \x07", "2:4: the control character U+0007 is not allowed"),
        (b"", "1:1: the file is empty"),
        (b"# only a comment\n", "1:1: the file is empty"),
        (b"---\n...\n", "1:1: the file is empty"),
        (b"\xef\xbb\xbf", "1:1: the file is empty"),
    ],
)
def test_a_file_that_holds_no_text_is_refused(tmp_path: Path, raw: bytes, problem: str) -> None:
    path = tmp_path / "f.yaml"
    path.write_bytes(raw)
    assert str(refusal(path)) == f"{path}:{problem}"


def test_a_file_may_have_a_megabyte_and_no_more(tmp_path: Path) -> None:
    path = tmp_path / "f.yaml"
    path.write_bytes(b"a: 1\n#" + b"x" * (1_000_000 - 6))
    assert yamlfile.load(path).data == {"a": 1}
    path.write_bytes(b"a: 1\n#" + b"x" * 1_000_000)
    assert str(refusal(path)) == f"{path}:2:999996: the file is larger than 1 MB"


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("a: b: c\n", "1:5"),
        ("a: [1, 2\n", "2:1"),
        ("a:\n\t- b\n", "2:1"),
        ("a: 'x\n", "2:1"),
        ("a: @x\n", "1:4"),
        ("a: !e!x 1\n", "1:4"),
    ],
)
def test_broken_yaml_is_shown_where_it_breaks(refuse: Refuse, text: str, place: str) -> None:
    (problem,) = refuse(text)
    assert problem.startswith(f"f.yaml:{place}: not valid YAML: ")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a: [1", "1:6: not valid YAML"),  # and not on the line after the last
        ("# \u2028\na: @b\n", "2:4: not valid YAML"),
        ("a: x # \u2029\u2028\nb: *nosuch\n", "2:4: alias '*nosuch' names no anchor"),
        ('a: "b\\0c"\n', "1:4: this text holds a NUL"),
        ('"a\\e[31m": 1\n"a\\e[31m": 2\n', r"2:1: key 'a\x1b[31m' is already on line 1"),
        ('"a\\nb": 1\n"a\\nb": 2\n', r"2:1: key 'a\nb' is already on line 1"),
        ("a: !b%0a%1b x\n", r"1:4: tag '!b\n\x1b' is not allowed here"),
    ],
)
def test_a_problem_is_one_line_at_a_place_that_the_file_has(refuse: Refuse, text: str, problem: str) -> None:
    (found,) = refuse(text)
    assert found.startswith(f"f.yaml:{problem}")


def test_variables_that_are_never_closed_cost_no_time(read: Read) -> None:
    began = time.monotonic()
    text = "${A:-" * 100_000 + "$$"
    assert read(f"a: '{text}'\n").data == {"a": text[:-1]}
    assert time.monotonic() - began < 5


def test_a_flood_of_problems_is_told_as_the_first_hundred(read: Read) -> None:
    document = read("schema: 1\n" + "".join(f"nosuch{number}: 1\n" for number in range(5000)))
    with pytest.raises(ScenarioError) as caught:
        yamlfile.validate(document, Sample)
    assert len(caught.value.problems) == 100
    assert str(caught.value).endswith("→ these are the first 100 problems; there are more")


def test_a_tab_is_called_a_tab(refuse: Refuse) -> None:
    assert "a tab" in refuse("a:\n\t- b\n")[0]


def test_a_file_holds_one_document(refuse: Refuse) -> None:
    assert refuse("a: 1\n---\nb: 1\n") == ["f.yaml:2:1: a second document starts here; a file holds one"]


def test_a_key_stands_once(refuse: Refuse) -> None:
    assert refuse("a: 1\nb: {c: 1, c: 2}\n'a': 3\n<<: {x: 1}\n<<: {y: 1}\n") == [
        "f.yaml:2:11: key 'c' is already on line 2",
        "f.yaml:3:1: key 'a' is already on line 1",
        "f.yaml:5:1: key '<<' is already on line 4",
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1.0: x", 'key 1.0 is a number, and a key must be text; put it in quotes: "1.0"'),
        ("12: x", 'key 12 is a number, and a key must be text; put it in quotes: "12"'),
        ("true: x", 'key true is true or false, and a key must be text; put it in quotes: "true"'),
        ("~: x", 'key ~ is an empty value, and a key must be text; put it in quotes: "~"'),
        ("?\n: x", "a key is missing before ':'"),
        ("? [a, b]\n: x", "a key must be text, not a list"),
        ("? {a: b}\n: x", "a key must be text, not a mapping"),
    ],
)
def test_keys_are_text(refuse: Refuse, text: str, message: str) -> None:
    (problem,) = refuse(text)
    assert problem.startswith("f.yaml:1:")
    assert problem.endswith(f": {message}")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("!!python/object:os.system x", "tag '!!python/object:os.system' is not allowed here"),
        ("!!python/object/apply:os.system [x]", "tag '!!python/object/apply:os.system' is not allowed here"),
        ("!mine {}", "tag '!mine' is not allowed here"),
        ("!!set {}", "tag '!!set' is not allowed here"),
        ("!!timestamp 2025-06-20", "tag '!!timestamp' is not allowed here"),
        ("!!binary aGk=", "tag '!!binary' is not allowed here"),
        ("!!map []", "tag '!!map' is not allowed here"),
        ("!!int ten", "tag '!!int' stands before what is not a whole number"),
        ("!!bool yes", "tag '!!bool' stands before what is not true or false"),
    ],
)
def test_only_the_tags_of_plain_data_are_taken(refuse: Refuse, text: str, message: str) -> None:
    assert refuse(f"a: {text}") == [f"f.yaml:1:4: {message}"]


def test_all_that_is_wrong_is_told_at_once(refuse: Refuse) -> None:
    found = refuse("a: ${NO}\n1: x\na: 2\nb: !x y\nc: [\n")
    assert [problem.split(":")[1] for problem in found] == ["1", "2", "3", "4", "6"]


def test_a_hopeless_file_is_given_up_after_a_hundred_problems(refuse: Refuse) -> None:
    assert len(refuse("".join(f"- ${{A{n}}}\n" for n in range(40_000)))) == 100
    assert len(refuse("- " + "".join(f"${{A{n}}}" for n in range(40_000)))) == 100


# Validation


def test_a_valid_file_becomes_the_model(read: Read) -> None:
    text = """
schema: 1
steps:
- {kind: install, version: 0.1.4, extras: [a]}
- {kind: halt, signal: SIGINT, budget: 3}
target: {minimum: 0.9, since: 2025-06-20}
limits: {cpu: 2}
actions: [{seed: {kind: install, version: "1"}}, {wait: 3}]
"""
    sample = yamlfile.validate(read(text), Sample)
    assert isinstance(sample.steps[0], Install)
    assert sample.steps[0].extras == ("a",)
    assert isinstance(sample.steps[1], Stop)
    assert sample.steps[1].signal is Signal.INT
    assert sample.target == Target(minimum=0.9, since=date(2025, 6, 20))


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        # unknown keys
        ("stesp: []\n" + STEPS, "1:1: unknown key 'stesp'; did you mean 'steps'?"),
        ("shcema: 1\n" + STEPS, "1:1: unknown key 'shcema'; did you mean 'schema'?"),
        ("qqq:\n" + STEPS, "1:1: unknown key 'qqq'"),
        ("'[key]': 1\n" + STEPS, "1:1: unknown key '[key]'"),
        (STEPS + "  budgte: 3\n", "3:3: unknown key 'budgte'; did you mean 'budget'?"),
        ("target: {minimum: 1, snice: 2}\n" + STEPS, "1:22: unknown key 'snice'; did you mean 'since'?"),
        (
            "targets:\n  a: {minimum: 1, snice: 2}\n" + STEPS,
            "2:19: unknown key 'snice'; did you mean 'since'?",
        ),
        (
            "child: {steps: [{kind: stop, sginal: 1}]}\n" + STEPS,
            "1:30: unknown key 'sginal'; did you mean 'signal'?",
        ),
        ("actions:\n- wait: 1\n  wiat: 2\n" + STEPS, "3:3: unknown key 'wiat'; did you mean 'wait'?"),
        (
            "actions:\n- seed: {kind: install, version: '', verison: 1}\n" + STEPS,
            "2:38: unknown key 'verison'; did you mean 'version'?",
        ),
        # missing keys
        ("name: x\n", "1:1: missing key 'steps'"),
        ("steps:\n- kind: install\n", "2:3: missing key 'version'"),
        ("steps:\n- version: x\n", "2:3: missing key 'kind'"),
        ("targets:\n  a:\n    since: 2025-06-20\n" + STEPS, "3:5: missing key 'minimum'"),
        ("actions:\n- seed:\n    kind: install\n" + STEPS, "3:5: missing key 'version'"),
        # wrong types
        ("trials: ten\n" + STEPS, "1:9: 'trials' must be a whole number, not text ('ten')"),
        ("trials: 1.50\n" + STEPS, "1:9: 'trials' must be a whole number, not a number (1.50)"),
        ("trials: true\n" + STEPS, "1:9: 'trials' must be a whole number, not true"),
        ("trials:\n" + STEPS, "1:8: 'trials' must be a whole number, not empty"),
        ("quiet: yes\n" + STEPS, "1:8: 'quiet' must be true or false, not text ('yes')"),
        (
            "steps: [{kind: install, version: 1.10}]\n",
            "1:34: 'version' must be text, not a number (1.10); put it in quotes",
        ),
        ("steps: {}\n", "1:8: 'steps' must be a list, not a mapping"),
        ("steps: [3]\n", "1:9: item 1 of 'steps' must be a mapping, not a number (3)"),
        ("steps:\n", "1:7: 'steps' must be a list, not empty"),
        ("target: []\n" + STEPS, "1:9: 'target' must be a mapping, not a list"),
        ("limits: {cpu: x}\n" + STEPS, "1:15: 'cpu' must be a whole number, not text ('x')"),
        ("- a\n", "1:1: the file must be a mapping, not a list"),
        ("hello\n", "1:1: the file must be a mapping, not text ('hello')"),
        (
            "command: 3\n" + STEPS,
            "1:10: 'command' must be text or a list, not a number (3); put it in quotes",
        ),
        (
            "command: [a, 3]\n" + STEPS,
            "1:14: item 2 of 'command' must be text, not a number (3); put it in quotes",
        ),
        # one of several words
        (
            STEPS + "  signal: SIGTREM\n",
            "3:11: 'signal' must be one of: SIGTERM, SIGINT; did you mean 'SIGTERM'?",
        ),
        (STEPS + "  signal: x\n", "3:11: 'signal' must be one of: SIGTERM, SIGINT"),
        ("schema: 2\n" + STEPS, "1:9: 'schema' must be one of: 1"),
        (
            "steps:\n- kind: instal\n",
            "2:9: 'kind' must be one of: install, stop, halt; did you mean 'install'?",
        ),
        ("steps:\n- kind: 3\n", "2:9: 'kind' must be one of: install, stop, halt"),
        ("limits: {cpus: 1}\n" + STEPS, "1:10: key 'cpus' must be one of: cpu, memory; did you mean 'cpu'?"),
        ("actions:\n- wiat: 1\n" + STEPS, "2:3: 'wiat' must be one of: seed, wait; did you mean 'wait'?"),
        ("actions: [{}]\n" + STEPS, "1:11: item 1 of 'actions' must be one of: seed, wait"),
        ("actions: [3]\n" + STEPS, "1:11: item 1 of 'actions' must be one of: seed, wait"),
        # limits and rules
        ("steps: []\n", "1:8: 'steps' must have at least 1 entry, not 0"),
        (STEPS + "  budget: -1\n", "3:11: 'budget' must be greater than 0, not -1"),
        ("target: {minimum: 2}\n" + STEPS, "1:19: 'minimum' must be at most 1, not 2"),
        ("name: A\n" + STEPS, "1:7: 'name' must be text that matches the pattern ^[a-z-]+$, not 'A'"),
        ("targets: {a: {minimum: 3}}\n" + STEPS, "1:24: 'minimum' must be at most 1, not 3"),
        ("trials: 13\n" + STEPS, "1:9: 13 trials are unlucky"),
        (STEPS + "  signal: SIGINT\n  budget: 99\n", "2:3: an interrupt may take 60 s at most"),
        # several models at one place: the one that fits best speaks
        ("either: {wiat: 3, wait: 3}\n" + STEPS, "1:10: unknown key 'wiat'; did you mean 'wait'?"),
        (
            "either: 3\n" + STEPS,
            "1:9: 'either' must be a mapping or text, not a number (3); put it in quotes",
        ),
    ],
)
def test_a_problem_has_its_place_and_plain_words(refuse: Refuse, text: str, problem: str) -> None:
    assert refuse(text) == [f"f.yaml:{problem}"]


def test_what_has_no_words_of_its_own_is_said_without_jargon(refuse: Refuse) -> None:
    (problem,) = refuse("target: {minimum: 1, since: soon}\n" + STEPS)
    assert problem.startswith("f.yaml:1:29: 'since' must be a valid date")
    assert "http" not in problem


def test_all_problems_come_in_the_order_of_the_file(refuse: Refuse) -> None:
    text = "\n".join(
        ["trials: x", "steps:", *["- kind: stop"] * 10, "- kind: install", "  nope: 1", "zzz: 1", "quiet: 3"]
    )
    assert [problem.split(":")[1] for problem in refuse(text)] == ["1", "13", "14", "15", "16"]


def test_an_error_in_an_alias_is_told_once_where_it_is_written(refuse: Refuse) -> None:
    assert refuse("target: &t {minimum: 3}\ntargets: {a: *t, b: *t}\n" + STEPS) == [
        "f.yaml:1:22: 'minimum' must be at most 1, not 3"
    ]


def test_a_long_value_is_shortened(refuse: Refuse) -> None:
    (problem,) = refuse(f"trials: {'x' * 500}\n{STEPS}")
    assert problem.endswith("x…')")
    assert len(problem) < 120


# Whatever the bytes


SAMPLE = """\
schema: 1
name: sample  # ä
trials: 3
target: &d {minimum: 0.5, since: 2025-06-20}
steps:
- {kind: install, version: "0.1.4", extras: [a, "b"]}
- kind: stop
  signal: SIGTERM
  budget: 1.5
actions:
- seed: {kind: install, version: '${HOME}'}
- wait: 3
targets:
  zero: *d
  one: {<<: *d, minimum: 1}
limits: {cpu: 2}
command: |
  run $$ ${NO:-x}
""".encode()
PIECES = [bytes([n]) for n in range(256)] + [
    b": ",
    b"- ",
    b"*d",
    b"&d ",
    b"${X}",
    b"!!int ",
    b"---\n",
    b"\n  ",
    b"[{",
]


def mutated(raw: bytes, chance: random.Random) -> bytes:
    lines = raw.splitlines(keepends=True)
    line, at = chance.randrange(len(lines)), chance.randrange(len(raw))
    length = chance.randrange(1, 9)
    return chance.choice(
        [
            b"".join(lines[:line] + lines[line + 1 :]),
            b"".join([*lines[:line], lines[line], *lines[line:]]),
            b"".join([*lines[:line], chance.choice(lines), *lines[line + 1 :]]),
            raw[:at] + raw[at + length :],
            raw[:at] + raw[at : at + length] + raw[at:],
            raw[:at] + chance.choice(PIECES) + raw[at + length :],
            raw[:at] + chance.choice(PIECES) + raw[at:],
        ]
    )


def problems_of(path: Path) -> list[Problem]:
    try:
        yamlfile.validate(yamlfile.load(path, environ={"HOME": "/root"}), Sample)
    except ScenarioError as error:
        return error.problems or [Problem("an error without a problem", 0, 0, "")]
    return []


def test_the_sample_is_valid_before_it_is_damaged(tmp_path: Path) -> None:
    (tmp_path / "f.yaml").write_bytes(SAMPLE)
    assert problems_of(tmp_path / "f.yaml") == []


def test_damaged_files_are_read_or_refused_with_a_place_and_nothing_else(tmp_path: Path) -> None:
    chance = random.Random(20250620)  # noqa: S311 - a seed makes the damage the same each time
    path, refused = tmp_path / "f.yaml", 0
    for _ in range(300):
        raw = SAMPLE
        for _ in range(chance.randrange(1, 4)):
            raw = mutated(raw, chance) or b"x"
        path.write_bytes(raw)
        problems = problems_of(path)
        refused += bool(problems)
        lines = raw.count(b"\n") + raw.count(b"\r") + 2
        assert all(1 <= p.line <= lines and p.column >= 1 and p.message for p in problems), raw
    assert refused > 100
