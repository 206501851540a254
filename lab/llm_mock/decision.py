"""What is to be said to one question, and what is to go wrong with it."""

from dataclasses import dataclass

from lab.llm_mock.answer import Answer
from lab.llm_mock.fault import Fault


@dataclass(frozen=True, slots=True)
class Decision:
    """An answer, its faults, and the name of the rule that made them; `unmatched` only in strict mode."""

    answer: Answer
    faults: tuple[Fault, ...] = ()
    rule: str | None = None
    unmatched: bool = False
