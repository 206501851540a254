"""The completions that came before chat: a prompt and what follows it."""

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import unquote

from lab.llm_mock.answer import Answer
from lab.llm_mock.question import Question, Turn
from lab.llm_mock.wire.base import Endpoint, Frame, Received, Streamed, Whole, event, to_json
from lab.llm_mock.wire.cut import cut
from lab.llm_mock.wire.openai_chat import DONE, delivery, usage
from lab.llm_mock.wire.openai_embeddings import texts
from lab.llm_mock.wire.openai_fields import hashed, missing, model, request_id, whole_number


def completions(provider: str) -> Endpoint:
    """Make the endpoint of completions; several prompts are answered as one."""

    def read(_received: Received, content: Mapping[str, Any], words: Mapping[str, str]) -> Question:
        name = unquote(words["model"]) if "model" in words else model(content)
        if content.get("prompt") is None:
            raise missing("prompt")
        stream, with_usage = delivery(content)
        return Question(
            provider=provider,
            endpoint="completions",
            model=name,
            digest=hashed({**content, "model": name}),
            stream=stream,
            turns=(Turn("user", " ".join(texts(content["prompt"], "prompt"))),),
            max_tokens=whole_number(content, "max_tokens"),
            detail={"usage": with_usage},
        )

    return Endpoint("completions", read, _whole, _stream)


def _whole(question: Question, answer: Answer) -> Whole:
    answer = cut(question, answer)
    body = _completion(question, answer, answer.text, answer.finish)
    return Whole(to_json({**body, "usage": usage(answer)}), headers=request_id(answer.digest))


def _completion(question: Question, answer: Answer, text: str, finish: str | None) -> dict[str, Any]:
    return {
        "id": f"cmpl-{answer.digest[:24]}",
        "object": "text_completion",
        "created": answer.created,
        "model": question.model,
        "choices": [{"text": text, "index": 0, "logprobs": None, "finish_reason": finish}],
    }


def _stream(question: Question, answer: Answer) -> Streamed:
    answer = cut(question, answer)
    return Streamed(list(_frames(question, answer)), headers=request_id(answer.digest))


def _frames(question: Question, answer: Answer) -> Iterator[Frame]:
    for piece in answer.pieces:
        yield Frame(event(_completion(question, answer, piece, None)), piece=True)
    last = _completion(question, answer, "", answer.finish)
    yield Frame(event(last))
    if question.detail["usage"]:
        yield Frame(event({**last, "choices": [], "usage": usage(answer)}))
    yield DONE
