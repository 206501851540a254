"""What is wrong with rules."""

from collections.abc import Collection
from dataclasses import dataclass

SIZE_LIMIT = 256 * 1024
PROBLEM_LIMIT = 50


@dataclass(frozen=True, slots=True, order=True)
class RuleProblem:
    """What is wrong, and where: line and column count from 1."""

    line: int
    column: int
    message: str
    source: str = ""

    def __str__(self) -> str:
        return f"{self.source}:{self.line}:{self.column}: {self.message}"


class RulesError(Exception):
    """Rules that cannot be used, with everything that is wrong with them."""

    def __init__(self, problems: Collection[RuleProblem]) -> None:
        self.problems = tuple(sorted(problems)[:PROBLEM_LIMIT])
        super().__init__("\n".join(map(str, self.problems)))
