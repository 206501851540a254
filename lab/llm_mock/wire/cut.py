"""What is left of an answer that is longer than the client allows."""

from dataclasses import replace

from lab.llm_mock.answer import Answer, pieces
from lab.llm_mock.question import Question


def cut(question: Question, answer: Answer) -> Answer:
    """Keep as many pieces as `max_tokens` allows and say so in `finish`; a call that does not fit is left out.

    Half a call is never told: most protocols carry arguments as objects, which cannot be halved.
    """
    limit = question.max_tokens
    if limit is None or answer.output_tokens <= limit:
        return answer
    text = answer.pieces[:limit]
    left = limit - len(text)
    kept = []
    for call in answer.calls:
        left -= max(1, len(pieces(call.arguments)))
        if left < 0:
            break
        kept.append(call)
    return replace(answer, text="".join(text), calls=tuple(kept), finish="length")
