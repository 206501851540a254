import itertools
import random

import pytest
from scipy.stats import binomtest

from lab.records.statistics import (
    Interval,
    claim,
    clopper_pearson,
    inconclusive,
    lower_bound,
    trials_needed,
    upper_bound,
    wilson,
)

TABLE = [
    (3, 3, (43.9, 100), (29.2, 100), 36.8),
    (9, 10, (59.6, 98.2), (55.5, 99.7), 60.6),
    (10, 10, (72.2, 100), (69.2, 100), 74.1),
    (19, 20, (76.4, 99.1), (75.1, 99.9), 78.4),
    (57, 60, (86.3, 98.3), (86.1, 99.0), 87.6),
    (59, 59, (93.9, 100), (93.9, 100), 95.05),
    (98, 100, (93.0, 99.4), (93.0, 99.8), 93.8),
]


@pytest.mark.parametrize(("k", "n", "shown", "exact", "lower"), TABLE)
def test_the_published_numbers(
    k: int, n: int, shown: tuple[float, float], exact: tuple[float, float], lower: float
) -> None:
    displayed, bounds = wilson(k, n), clopper_pearson(k, n)
    assert (100 * displayed.low, 100 * displayed.high) == pytest.approx(shown, abs=0.0501)
    assert (100 * bounds.low, 100 * bounds.high) == pytest.approx(exact, abs=0.0501)
    assert 100 * lower_bound(k, n, 0.95) == pytest.approx(lower, abs=0.0501)


@pytest.mark.parametrize(
    ("target", "needed"),
    [(0.90, [29, 46, 61, 76]), (0.95, [59, 93, 124, 153]), (0.99, [299, 473, 628, 773])],
)
def test_the_published_numbers_of_trials(target: float, needed: list[int]) -> None:
    assert [trials_needed(target, failures, 0.95) for failures in range(4)] == needed


def test_scipy_agrees_on_every_bound() -> None:
    chance = random.Random(7)  # noqa: S311 - the same cases every time
    for _ in range(2000):
        n = chance.choice([chance.randint(1, 30), chance.randint(31, 400)])
        k = chance.choice([0, n, chance.randint(0, n), chance.randint(n - n // 10, n)])
        confidence = chance.choice([0.5, 0.8, 0.9, 0.95, 0.99])
        exact = binomtest(k, n).proportion_ci(confidence, method="exact")
        usual = binomtest(k, n).proportion_ci(confidence, method="wilson")
        above = binomtest(k, n, alternative="greater").proportion_ci(confidence, method="exact")
        below = binomtest(k, n, alternative="less").proportion_ci(confidence, method="exact")
        case = f"{k}/{n} at {confidence}"
        found = clopper_pearson(k, n, confidence)
        assert (found.low, found.high) == pytest.approx((exact.low, exact.high), abs=1e-9), case
        found = wilson(k, n, confidence)
        assert (found.low, found.high) == pytest.approx((usual.low, usual.high), abs=1e-9), case
        assert lower_bound(k, n, confidence) == pytest.approx(above.low, abs=1e-9), case
        assert upper_bound(k, n, confidence) == pytest.approx(below.high, abs=1e-9), case


@pytest.mark.parametrize("k", [1_000, 50_000, 99_000])
def test_a_hundred_thousand_trials_are_no_trouble(k: int) -> None:
    expected = binomtest(k, 100_000, alternative="greater").proportion_ci(0.95, method="exact").low
    assert lower_bound(k, 100_000, 0.95) == pytest.approx(expected, abs=1e-9)


def test_no_trial_says_nothing() -> None:
    assert wilson(0, 0) == clopper_pearson(0, 0) == Interval(0.0, 1.0)
    assert claim(0, 0, 0.95, 0.95).word == "not yet shown"
    assert claim(0, 0, 0.95, 0.95).more_trials == 59


@pytest.mark.parametrize("n", [1, 7, 1000])
def test_none_and_all_reach_the_ends_exactly(n: int) -> None:
    for interval in (wilson, clopper_pearson):
        assert interval(0, n).low == 0.0
        assert interval(0, n).high < 1.0
        assert interval(n, n).high == 1.0
        assert interval(n, n).low > 0.0


@pytest.mark.parametrize(
    ("k", "n", "word", "more"),
    [
        (58, 58, "not yet shown", 1),
        (59, 59, "shown", 0),
        (59, 60, "not yet shown", 33),
        (92, 93, "shown", 0),
        (5, 10, "refuted", None),
        (0, 1, "not yet shown", 92),  # one failure alone refutes no 95%
        (0, 3, "refuted", None),
    ],
)
def test_a_claim_of_95_percent(k: int, n: int, word: str, more: int | None) -> None:
    found = claim(k, n, 0.95, 0.95)
    assert (found.word, found.more_trials) == (word, more)
    assert (found.lower, found.upper) == (lower_bound(k, n, 0.95), upper_bound(k, n, 0.95))


def test_the_further_trials_are_just_enough() -> None:
    for n, failures, target in itertools.product(range(1, 40, 3), range(3), (0.5, 0.9, 0.97)):
        k = max(n - failures, 0)
        more = claim(k, n, target, 0.9).more_trials
        if more:
            assert claim(k + more, n + more, target, 0.9).word == "shown"
            assert claim(k + more - 1, n + more - 1, target, 0.9).word == "not yet shown"


def test_the_bounds_and_the_word_tell_the_same() -> None:
    for n, target in itertools.product(range(61), (0.3, 0.8, 0.95)):
        for k in range(n + 1):
            found = claim(k, n, target, 0.95)
            assert (found.word == "shown") == (found.lower >= target)
            assert (found.word == "refuted") == (found.upper < target)


@pytest.mark.parametrize(
    ("errors", "trials", "told"),
    [(0, 1, False), (1, 9, True), (1, 10, False), (2, 19, True), (3, 30, False), (0, 0, True)],
)
def test_too_many_errors_are_more_than_a_tenth(errors: int, trials: int, told: bool) -> None:
    assert inconclusive(errors, trials) is told


@pytest.mark.parametrize("wrong", [(-1, 3, 0.95), (4, 3, 0.95), (1, 3, 0.0), (1, 3, 1.0)])
def test_what_cannot_be_is_refused(wrong: tuple[int, int, float]) -> None:
    for function in (wilson, clopper_pearson, lower_bound, upper_bound):
        with pytest.raises(ValueError, match=r"cannot be|between 0 and 1"):
            function(*wrong)


@pytest.mark.parametrize("target", [0.0, 1.0])
def test_a_target_that_no_trials_can_decide_is_refused(target: float) -> None:
    with pytest.raises(ValueError, match="target"):
        claim(3, 3, target, 0.95)
