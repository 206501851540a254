"""A check's reason becomes readable: single points, ranges of figures, no noise."""

import json

import pytest

from lab.report.reasons import LONG_JSON, blend, likeness, take_apart, tidy


def test_several_problems_become_points_under_what_they_have_in_common() -> None:
    body = '{"detail": "a; b: c"}'
    assert take_apart(f'cannot be read back: the user: status 404: {body}; how many: "n" is 0; and so on') == (
        "cannot be read back",
        [f"the user: status 404: {body}", 'how many: "n" is 0; and so on'],
    )


def test_a_body_that_was_cut_off_does_not_swallow_the_problems_after_it() -> None:
    head, points = take_apart('seeding failed: a: status 500: {"detail": ["x; b: status 400; c: status 401')
    assert (head, len(points)) == ("seeding failed", 3)


@pytest.mark.parametrize(
    "reason",
    [
        "took 3 s to start",
        "started without the setting A, it said to be healthy, and its database was not touched",
        "a lost 3 rows; a new table may hold them: declare the move",
        "version 2 is installed, but http says 1 (right: none; wrong: http)",
        "",
    ],
)
def test_a_sentence_stays_whole(reason: str) -> None:
    head, points = take_apart(reason)
    assert len(points) == 1
    assert (f"{head}: {points[0]}" if head else points[0]) == reason


def test_a_long_list_that_says_its_length_becomes_points() -> None:
    operations = [f"GET /api/v1/things/{letter}/{{name}}" for letter in "abcd"]
    assert take_apart(f"4 operations removed: {', '.join(operations)}") == ("4 operations removed", operations)
    assert len(take_apart(f"operations removed: {', '.join(operations)}")[1]) == 1


def test_values_before_and_after_become_points() -> None:
    changes = [f"{name} was ['a', 'b', 'c', 'd'] and is None" for name in ("command", "type", "address")]
    assert take_apart(f"the servers: {', '.join(changes)}") == ("the servers", changes)


def test_an_output_that_is_quoted_stands_on_its_own_lines_without_pointers() -> None:
    reason = "ended with exit code 1:     self.a = A(b=B.c)\n             ^^^^~~\n\nTypeError: no\x1b[0m b"
    assert tidy(reason) == "ended with exit code 1:\nself.a = A(b=B.c)\nTypeError: no b"


def test_only_long_bodies_are_shortened_and_say_how_much_is_left_out() -> None:
    short = '{"sessions":[],"total":0}'
    long = json.dumps({"text": "x" * 500, "list": list(range(50)), **{f"key{n}": n for n in range(20)}})
    told = tidy(f"status 200: {short} and {long} [not json")
    assert told.startswith(f"status 200: {short} and {{")
    assert told.endswith(" [not json")
    assert len(told) < 2 * LONG_JSON + 60
    assert '"… 48 more"' in told
    assert '"…": "16 more"' in told


@pytest.mark.parametrize("hostile", ["[" * 4_900, "{" * 300_000, '{"a":' * 900])
def test_what_only_looks_like_json_costs_neither_the_text_nor_the_time(hostile: str) -> None:
    assert tidy(hostile) == hostile


def test_figures_that_differ_from_trial_to_trial_become_a_range() -> None:
    texts = [
        "ready took 9.5 s, its budget is 5 s",
        "ready took 10.2 s, its budget is 5 s",
        "ready took 7 s, its budget is 5 s",
    ]
    assert len({likeness(text) for text in texts}) == 1
    assert blend(texts) == "ready took 7 to 10.2 s, its budget is 5 s"


def test_ids_and_times_that_a_product_makes_up_do_not_tell_findings_apart() -> None:
    one = "no session 0b9f3a52-1d2c-4e5f-8a9b-0c1d2e3f4a5b since 2026-11-23T01:52:01.527Z at 0x7f00"
    two = "no session 1b9f3a52-1d2c-4e5f-8a9b-0c1d2e3f4a5b since 2026-11-24T01:52:01Z at 0x7f01"
    assert likeness(one) == likeness(two)
    assert likeness("status 500") != likeness("status 404")


def test_a_product_that_writes_what_stands_for_a_figure_does_no_harm() -> None:
    assert likeness("# s") == likeness("5 s")
    assert (blend(["5 s", "# s"]), blend(["# s", "5 s"])) == ("5 s", "# s")
