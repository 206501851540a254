"""How much an answer may hold where a few words of a request multiply it."""

from lab.llm_mock.answer import Answer, pieces
from lab.llm_mock.vectors import usual_length
from lab.llm_mock.wire.base import RejectedError

MOST_NUMBERS = 2048 * 1536
"""Numbers in all the vectors of an answer: OpenAI's largest batch at its usual length, which takes about 2 seconds."""
MOST_PIECES = 2**16
"""Pieces in all the choices of an answer; as frames of a stream they are about 20 MB."""
MOST_CHARACTERS = 2**24


def are_too_many(vectors: int, dimensions: int | None, model: str) -> bool:
    """Tell whether so many vectors of a length, None being the model's, are more than an answer may hold."""
    return vectors * (dimensions or usual_length(model)) > MOST_NUMBERS


def check_choices(choices: int, answer: Answer) -> None:
    """Raise RejectedError where an answer given so many times is too long; given once it may have any length."""
    if choices == 1:
        return
    told = [answer.text, *(call.arguments for call in answer.calls)]
    written = sum(len(pieces(each)) for each in told)
    if choices * written > MOST_PIECES or choices * sum(map(len, told)) > MOST_CHARACTERS:
        message = f"Invalid 'n': {choices} choices of an answer of {written} tokens are too many."
        raise RejectedError(message, param="n", code="integer_above_max_value")
