"""Numbers that fit a schema."""

import math
from collections.abc import Collection, Sequence
from fractions import Fraction
from random import Random

from lab.llm_mock.schema.effort import Effort, ImpossibleError
from lab.llm_mock.schema.reading import Part, amount, key

SPAN = 100  # how far from a single bound a number may lie
TRIES = 40
EXACT = 2**53  # larger whole numbers are written as floats, as most readers take them
LARGEST_BITS = 14_000  # a number of more than 4300 digits cannot be written


def is_multiple(number: float, step: float) -> bool:
    """Tell whether a number is a multiple, both by its decimals and by dividing as validators do."""
    exact, unit = amount(number), amount(step)
    if exact is None or unit is None or unit <= 0:
        return True
    if isinstance(step, float):
        try:
            return (number / step).is_integer()
        except OverflowError:
            pass
    return (exact / unit).denominator == 1


def number(
    parts: Sequence[Part], random: Random, effort: Effort, *, integer: bool, taken: Collection[str] = ()
) -> int | float:
    """Return a number within all bounds, and none of those taken; raises ImpossibleError, SpentError."""
    low, high = _bounds(parts)
    unit = _unit(parts, integer=integer)
    if unit is None:
        unit = Fraction(1, 4)
        if low is not None and high is not None and high - low < 1:
            unit = (high - low) / 8 or unit
    first, last = _multiples(low, high, unit, SPAN + 20 * len(taken))
    if first > last or max(first.bit_length(), last.bit_length()) > LARGEST_BITS:
        raise ImpossibleError
    start = random.randint(first, last)
    for distance in range(max(TRIES, len(taken) + 1)):
        effort.spend(bool(distance))
        made = _written((first + (start - first + distance) % (last - first + 1)) * unit, integer=integer)
        if made is not None and key(made, effort) not in taken and _within(made, parts):
            return made
    for multiple in (0, first, last, *(2**each for each in range(TRIES))):
        made = _written(multiple * unit, integer=integer)
        if made is not None and key(made, effort) not in taken and _within(made, parts):
            return made
    raise ImpossibleError


def _written(exact: Fraction, *, integer: bool) -> int | float | None:
    if exact.denominator == 1 and (integer or abs(exact) < EXACT):
        return int(exact)
    try:
        return float(exact)
    except OverflowError:
        return None


def _unit(parts: Sequence[Part], *, integer: bool) -> Fraction | None:
    """Return the smallest step that is a multiple of all; None where any number will do."""
    unit = Fraction(1) if integer else None
    for part in parts:
        step = amount(part.get("multipleOf"))
        if step is None or step <= 0:
            continue
        if unit is None:
            unit = step
            continue
        whole = math.lcm(unit.numerator * step.denominator, step.numerator * unit.denominator)
        unit = Fraction(whole, unit.denominator * step.denominator)
    return unit


def _bounds(parts: Sequence[Part]) -> tuple[Fraction | None, Fraction | None]:
    lows = [amount(part.get(name)) for part in parts for name in ("minimum", "exclusiveMinimum")]
    highs = [amount(part.get(name)) for part in parts for name in ("maximum", "exclusiveMaximum")]
    return (
        max((each for each in lows if each is not None), default=None),
        min((each for each in highs if each is not None), default=None),
    )


def _multiples(low: Fraction | None, high: Fraction | None, unit: Fraction, room: int) -> tuple[int, int]:
    if low is None and high is None:
        low = Fraction(0)
    span = max(Fraction(room), unit * room)
    low = high - span if low is None and high is not None else low
    high = low + span if high is None and low is not None else high
    assert low is not None and high is not None  # noqa: S101, PT018 - one follows from the other
    return math.ceil(low / unit), math.floor(high / unit)


def _within(made: float, parts: Sequence[Part]) -> bool:
    return all(within(made, part) for part in parts)


def within(made: float, part: Part) -> bool:
    """Tell whether a number is within the bounds of a schema; a bound that is a flag makes the other exclusive."""
    exact = amount(made)
    if exact is None:
        return False
    low, high = amount(part.get("minimum")), amount(part.get("maximum"))
    above, below = amount(part.get("exclusiveMinimum")), amount(part.get("exclusiveMaximum"))
    above = low if part.get("exclusiveMinimum") is True else above
    below = high if part.get("exclusiveMaximum") is True else below
    return (
        (low is None or exact >= low) and (high is None or exact <= high)
        and (above is None or exact > above) and (below is None or exact < below)
        and ("multipleOf" not in part or is_multiple(made, part["multipleOf"]))
    )  # fmt: skip
