"""What the mock says, before a protocol puts it into its words."""

import re
from dataclasses import dataclass
from typing import Literal

from lab.llm_mock.fixed import fixed
from lab.llm_mock.question import Question

Finish = Literal["stop", "tool_calls", "length"]
EPOCH = 1_700_000_000
COUNTED = 256 * 1024
"""Characters of a text whose tokens are counted one by one; those of a longer one are as dense as in its beginning."""
_PIECES = re.compile(r"\s*\S+|\s+")


@dataclass(frozen=True, slots=True)
class Call:
    """A call of a tool; its arguments are JSON text, which a fault may have spoilt."""

    id: str
    name: str
    arguments: str


@fixed
class Answer:
    """One answer: a text, or calls, or both. Tokens are pieces of text: a word with the white space before it."""

    digest: str
    text: str = ""
    calls: tuple[Call, ...] = ()
    finish: Finish = "stop"
    input_tokens: int = 0

    @property
    def pieces(self) -> list[str]:
        """The text as it is streamed, piece by piece."""
        return pieces(self.text)

    @property
    def output_tokens(self) -> int:
        """How many pieces the answer has, the arguments of calls among them."""
        said = len(self.pieces)
        return said + sum(max(1, len(pieces(call.arguments))) for call in self.calls) if self.calls else said

    @property
    def created(self) -> int:
        """Seconds since 1970 that follow from the question alone."""
        return EPOCH + int(self.digest[:6], 16)


def pieces(text: str) -> list[str]:
    """Cut a text into the pieces of a stream; joined they are the text again."""
    return _PIECES.findall(text)


def tokens(text: str) -> int:
    """Count the pieces of a text; of one longer than COUNTED, estimate them."""
    if len(text) <= COUNTED:
        return len(_PIECES.findall(text))
    return len(_PIECES.findall(text[:COUNTED])) * len(text) // COUNTED


def input_tokens(question: Question) -> int:
    """Count what was asked: the pieces of each turn and one for the turn itself, and of each input."""
    counted = len(question.turns)
    for turn in question.turns:
        counted += tokens(turn.text)
        for result in turn.results:
            counted += tokens(result.text)
        for call in turn.calls:
            counted += tokens(call.arguments)
    return counted + sum(map(tokens, question.inputs))
