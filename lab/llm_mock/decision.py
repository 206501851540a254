"""What is to be said to one question, and what is to go wrong with it."""

from lab.llm_mock.answer import Answer
from lab.llm_mock.fault import Fault
from lab.llm_mock.fixed import fixed


@fixed
class Decision:
    """An answer, its faults, and the name of the rule that made them; `unmatched` only in strict mode."""

    answer: Answer
    faults: tuple[Fault, ...] = ()
    rule: str | None = None
    unmatched: bool = False
