import pytest

from lab.jsonpath import look_up, same

VALUE = {"a": [{"b": 1, "c": [1, 2]}, {"b": None}], "0": "zero", "e": {}, "f": False}


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("", VALUE),
        ("a.0.b", 1),
        ("0", "zero"),
        ("a.#", 2),
        ("a.#.b", [1, None]),
        ("a.#.c.#", [2, None]),
        ("f", False),
        ("e", {}),
    ],
)
def test_a_path_walks_counts_and_collects(path: str, found: object) -> None:
    assert look_up(VALUE, path) == found


@pytest.mark.parametrize("path", ["x", "a.2", "a.-1", "a.b", "a.0.b.c", "e.#", "0.0", "a.", "a.0.c.²"])
def test_a_path_that_leads_nowhere_gives_none(path: str) -> None:
    assert look_up(VALUE, path) is None


def test_nothing_can_be_found_in_what_is_no_json() -> None:
    assert look_up(None, "a.b") is None
    assert look_up("text", "#") is None


def test_a_list_at_the_top_is_walked_too() -> None:
    assert look_up([{"n": 1}, {"n": 2}], "#.n") == [1, 2]
    assert look_up([[5, 6]], "0.1") == 6


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (1, 1),
        (1, 1.0),
        ("a", "a"),
        (None, None),
        ([1, {"a": True}], [1, {"a": True}]),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}),
    ],
)
def test_equal_json_is_the_same(one: object, other: object) -> None:
    assert same(one, other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (True, 1),
        (0, False),
        ([True], [1]),
        ({"a": {"b": False}}, {"a": {"b": 0}}),
        (1, "1"),
        (None, False),
        ([1, 2], [2, 1]),
        ([1], [1, 2]),
        ({"a": None}, {}),
        ({}, []),
    ],
)
def test_other_json_is_not_the_same(one: object, other: object) -> None:
    assert not same(one, other)
    assert not same(other, one)
