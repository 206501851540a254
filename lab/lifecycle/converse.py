"""Step `converse`: the product asks every provider at once, well served or not, and both sides are recorded.

What the product answered is one side, what the LLM mock was asked the other: a server does not see what its client
made of an answer, and a client does not see how often it asked.
"""

import re
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from lab.history import StepSkippedError
from lab.lifecycle.actions import expected, rendered
from lab.lifecycle.llm_answer import read_answer
from lab.lifecycle.llm_cases import WORD, Case, cases, rules, usual_rules
from lab.lifecycle.mock_control import MockControl, mock_control
from lab.lifecycle.setting import Session
from lab.product.llm import LlmUse
from lab.scenario.steps import ConverseStep

EXCERPT = 300
KEY = re.compile(rb"sk-mock-[A-Za-z0-9_-]+")
"""How the keys of providers look that the lab gives a product."""
SETTLED_SECONDS = 10.0
"""How long the mock is waited for to see the end of requests whose senders have gone."""
POLL_SECONDS = 0.2
SEEN = ("received", "finished", "provider", "endpoint", "model", "stream", "status", "outcome", "rule", "faults",
        "turn", "pieces")  # fmt: skip
"""What is kept of each request to a model."""


def converse(session: Session, step: ConverseStep, facts: dict[str, Any]) -> None:
    """Hold the step's conversations.

    Raises StepSkippedError where the definition has none of them, InfrastructureError where the mock gives no answer.
    """
    use = session.definition.llm
    if use is None:
        raise StepSkippedError("the definition says nothing of language models")
    wanted = cases(use, step, session.conversations)
    if not wanted:
        raise StepSkippedError(f"the definition has none of the modes {', '.join(step.modes)}")
    session.conversations += len(wanted)
    facts |= {"budget": use.budget, "retries": use.retries, "version": session.definition.label}
    with mock_control(session) as mock:
        last = mock.last()
        mock.set_rules(rules(wanted, seed=len(wanted)))
        try:
            with ThreadPoolExecutor(step.at_once, thread_name_prefix="converse") as pool:
                told = list(pool.map(lambda case: _hold(session, use, case), wanted))
            entries = _settled(mock, last)
        finally:
            mock.set_rules(usual_rules(use))
    for case, said in zip(wanted, told, strict=True):
        said["attempts"] = [_kept(entry) for entry in entries if case.word in _asked(entry)]
    keys = _keys(session, told)
    for said in told:
        del said["body"]
    facts |= {"cases": told, "keys": keys, "others": [_unexplained(each) for each in entries if _is_unexplained(each)]}


def _is_unexplained(entry: Mapping[str, Any]) -> bool:
    """Whether a request belongs to no conversation; a list of models that is fetched in between is nobody's harm."""
    return (entry.get("method") == "POST" or entry.get("outcome") == "unmatched") and not WORD.search(_asked(entry))


def _unexplained(entry: Mapping[str, Any]) -> dict[str, Any]:
    return {**_kept(entry), "path": entry.get("path"), "asked": _asked(entry)[:EXCERPT]}


def _hold(session: Session, use: LlmUse, case: Case) -> dict[str, Any]:
    """Hold one conversation; return what the product made of it."""
    asked, scope = use.modes[case.mode], {**session.scope(), **case.scope()}
    expect = expected(asked.expect, scope)
    if case.fault is None:
        expect = expect.model_copy(update={"json_values": {**expect.json_values, **asked.called}})
    result = session.http.send(rendered(asked.request, scope), use.budget)
    late = result.status is None and result.seconds >= use.budget
    failure = expected(use.failure, scope)
    said = read_answer(result, asked.model_copy(update={"expect": expect}), failure, late=late)
    ended = "" if result.status is not None or late else _ended(session)
    trouble = case.trouble
    return {
        "name": case.name, "provider": case.provider, "model": case.model, "mode": case.mode, "fault": case.fault,
        "due": trouble.due, "wait": trouble.wait, "once": trouble.once, "whole": case.text if asked.text else None,
        "claim": said.claim, "text": said.text[: 4 * len(case.text)], "problem": ended + said.problem,
        "status": result.status, "seconds": round(result.seconds, 4), "body": result.body,
    }  # fmt: skip


def _ended(session: Session) -> str:
    """Say that the product has ended, nothing if it runs; raises InfrastructureError where its place is gone."""
    state = session.environment.product.state()
    return "" if state.running else f"the product had ended with exit code {state.exit_code}: "


def _settled(mock: MockControl, last: int) -> list[dict[str, Any]]:
    """Return what was asked, once nothing of it is in flight any more or the patience is over."""
    deadline = time.monotonic() + SETTLED_SECONDS
    while True:
        entries = mock.entries(last)
        if time.monotonic() > deadline or all(entry["outcome"] != "in-flight" for entry in entries):
            return entries
        mock.entries(entries[-1]["seq"], wait=POLL_SECONDS)


def _kept(entry: Mapping[str, Any]) -> dict[str, Any]:
    return {name: entry.get(name) for name in SEEN}


def _asked(entry: Mapping[str, Any]) -> str:
    # The rule's name begins with the word: the mock has read the whole of a text that its journal has cut.
    return " ".join(filter(None, [entry.get("rule"), entry.get("last_user"), *map(str, entry.get("texts") or [])]))


def _keys(session: Session, told: Sequence[Mapping[str, Any]]) -> list[dict[str, str]]:
    """Return where keys of providers stand: in the product's log, or in its answers; without the keys themselves."""
    stdout, stderr = session.environment.product.logs()
    places = {"standard output": stdout, "standard error": stderr}
    found = [
        {"key": key.decode()[:11] + "…", "where": where}
        for where, text in places.items()
        for key in sorted(set(KEY.findall(text)))
    ]
    return found + [
        {"key": key.decode()[:11] + "…", "where": f"the answer to {said['name']}"}
        for said in told
        for key in sorted(set(KEY.findall(said["body"])))
    ]
