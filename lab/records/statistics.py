"""What k successes in n independent trials say about a success rate: exact, with the standard library alone."""

import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import Literal

ERROR_CAP = 0.10
"""Above this share of trials without an answer nothing is concluded from the rest."""

Word = Literal["shown", "refuted", "not yet shown"]


@dataclass(frozen=True)
class Interval:
    """Two bounds of a rate, from 0 to 1."""

    low: float
    high: float


@dataclass(frozen=True)
class Claim:
    """Whether a rate of at least the target is shown; the two bounds are exact and one-sided."""

    word: Word
    more_trials: int | None
    """How many further trials would show it if all of them pass; None once it is refuted."""
    lower: float
    upper: float


def wilson(k: int, n: int, confidence: float = 0.95) -> Interval:
    """Return Wilson's two-sided interval, the one to display. (Wilson 1927, JASA 22:209.)"""
    _check(k, n, confidence)
    if n == 0:
        return Interval(0.0, 1.0)
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    rate, weight = k / n, z * z / n
    centre = rate + weight / 2
    half = z * math.sqrt(rate * (1 - rate) / n + weight / (4 * n))
    low = 0.0 if k == 0 else (centre - half) / (1 + weight)
    high = 1.0 if k == n else (centre + half) / (1 + weight)
    return Interval(low, high)


def clopper_pearson(k: int, n: int, confidence: float = 0.95) -> Interval:
    """Return the exact two-sided interval. (Clopper and Pearson 1934, Biometrika 26:404.)"""
    _check(k, n, confidence)
    one_sided = (1 + confidence) / 2
    return Interval(lower_bound(k, n, one_sided), upper_bound(k, n, one_sided))


def lower_bound(k: int, n: int, confidence: float) -> float:
    """Return the exact one-sided lower bound: the rate at which k or more successes are just too unlikely."""
    _check(k, n, confidence)
    if k == 0:
        return 0.0
    low, high = 0.0, 1.0
    while low < (middle := (low + high) / 2) < high:
        if _at_least(k, n, middle) <= 1 - confidence:
            low = middle
        else:
            high = middle
    return low


def upper_bound(k: int, n: int, confidence: float) -> float:
    """Return the exact one-sided upper bound."""
    return 1 - lower_bound(n - k, n, confidence)


def trials_needed(target: float, failures: int, confidence: float) -> int:
    """Return the fewest trials that show the target although so many of them fail."""
    _check_target(target)
    _check(0, failures, confidence)

    def shows(n: int) -> bool:
        return _at_least(n - failures, n, target) <= 1 - confidence

    few, enough = failures, failures + 1
    while not shows(enough):
        few, enough = enough, 2 * enough
    while enough - few > 1:
        middle = (few + enough) // 2
        few, enough = (few, middle) if shows(middle) else (middle, enough)
    return enough


def claim(k: int, n: int, target: float, confidence: float) -> Claim:
    """Say whether the trials show that the success rate is at least the target."""
    _check_target(target)
    lower, upper = lower_bound(k, n, confidence), upper_bound(k, n, confidence)
    needed = trials_needed(target, n - k, confidence)
    if n >= needed:
        return Claim("shown", 0, lower, upper)
    if upper < target:
        return Claim("refuted", None, lower, upper)
    return Claim("not yet shown", needed - n, lower, upper)


def inconclusive(errors: int, trials: int) -> bool:
    """Whether too many of the trials gave no answer; of no trials at all: yes."""
    return trials == 0 or errors / trials > ERROR_CAP


def _at_least(k: int, n: int, rate: float) -> float:
    """Probability of k or more successes, summed outwards from k over terms that grow ever smaller."""
    if k <= 0:
        return 1.0
    if k > n * rate:
        return _tail(k, n, rate)
    return 1 - _tail(n - k + 1, n, 1 - rate)


def _tail(k: int, n: int, rate: float) -> float:
    """Probability of k or more successes; k must lie above the mean."""
    logarithm = math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)
    term = math.exp(logarithm + k * math.log(rate) + (n - k) * math.log1p(-rate))
    odds, total = rate / (1 - rate), 0.0
    while term > total * 1e-17:
        total += term
        term *= (n - k) / (k + 1) * odds
        k += 1
    return total


def _check(k: int, n: int, confidence: float) -> None:
    if not 0 <= k <= n:
        raise ValueError(f"{k} of {n} trials cannot be")
    if not 0 < confidence < 1:
        raise ValueError(f"a confidence lies between 0 and 1, not at {confidence}")


def _check_target(target: float) -> None:
    if not 0 < target < 1:
        raise ValueError(f"a target lies between 0 and 1, not at {target}")
