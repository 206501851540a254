"""Step `converse`: the product asks every provider at once, well served or not, and both sides are recorded.

What the product answered and wrote is one side, what the LLM mock was asked the other: a server does not see what its
client made of an answer, and a client does not see how often it asked.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

from lab.environment.base import Log, ServiceState
from lab.errors import LabError
from lab.history import StepSkippedError
from lab.lifecycle.actions import expected, rendered
from lab.lifecycle.http import MOST_BYTES
from lab.lifecycle.llm_answer import read_answer
from lab.lifecycle.llm_cases import WORD, Case, cases, nothing_held, untried
from lab.lifecycle.llm_log import failures_owed, failures_told, leaked, since
from lab.lifecycle.llm_rules import IN_RESERVE, rules, usual_rules
from lab.lifecycle.mock_control import MockControl, mock_control
from lab.lifecycle.setting import Session
from lab.product.llm import LlmUse
from lab.scenario.steps import ConverseStep

EXCERPT = 300
SETTLED_SECONDS = 10.0
"""How long the mock is waited for to see the end of requests whose senders have gone."""
LOG_SECONDS = 5.0
"""How long a line of log may be on its way from the product to where it is read."""
POLL_SECONDS = 0.2
SEEN = ("received", "finished", "provider", "endpoint", "model", "stream", "status", "outcome", "rule", "faults",
        "turn", "pieces")  # fmt: skip
"""What is kept of each request to a model."""
Told = dict[str, Any]
"""What is recorded of one conversation."""


def converse(session: Session, step: ConverseStep, facts: dict[str, Any]) -> None:
    """Hold the step's conversations.

    Raises StepSkippedError where the definition has none of them, InfrastructureError where the mock gives no answer.
    """
    use = session.definition.llm
    if use is None:
        raise StepSkippedError("the definition says nothing of language models")
    wanted = cases(use, step, session.conversations)
    if not wanted:
        raise StepSkippedError(nothing_held(use, step))
    session.conversations += len(wanted)
    facts |= {"budget": use.budget, "retries": use.retries, "version": session.definition.label}
    facts |= {"also": list(use.also), "untried": untried(use, step)}
    product = session.environment.product
    state, log = product.state(), product.logs()
    with mock_control(session) as mock:
        last = mock.last()
        with _ruled(session, mock, use, wanted):
            with ThreadPoolExecutor(step.at_once, thread_name_prefix="converse") as pool:
                told = list(pool.map(lambda case: _hold(session, use, case), wanted))
            entries = _settled(mock, last)
            facts["unused"] = _unused(mock, wanted)
    for case, said in zip(wanted, told, strict=True):
        said["word"] = case.word
        said["attempts"] = [_kept(entry) for entry in entries if case.word in _words(entry)]
    _take_back(told, _ended(state, product.state()))
    facts |= _looked_through(session, use, log, told)
    facts["last"] = entries[-1]["seq"] if entries else last
    facts |= {"cases": told, "others": [_unexplained(each) for each in entries if _is_unexplained(each)]}


@contextmanager
def _ruled(session: Session, mock: MockControl, use: LlmUse, wanted: Sequence[Case]) -> Iterator[None]:
    """Let the mock take its part in these conversations; what it says otherwise is put back whatever happens."""
    mock.set_rules(rules(use, wanted))
    try:
        yield
    except BaseException as first:
        try:
            mock.set_rules(usual_rules(use))
        except LabError as second:
            first.add_note(f"the LLM mock's usual rules could not be put back either: {second.message}")
            session.record.write("not-undone", message=second.message)
        raise
    mock.set_rules(usual_rules(use))


def _unused(mock: MockControl, wanted: Sequence[Case]) -> list[str]:
    """Return the rules that took no call, each by its conversation and what it was for; without those in reserve."""
    names = {case.word: case.name for case in wanted}
    parted = (name.partition(" ") for name in mock.rules()["unused"] if not name.endswith(IN_RESERVE))
    return [f"{names[word]}: {what}" if word in names else f"{word} {what}" for word, _, what in parted]


def _is_unexplained(entry: Mapping[str, Any]) -> bool:
    """Whether a request belongs to no conversation; a list of models that is fetched in between is nobody's harm."""
    return (entry.get("method") == "POST" or entry.get("outcome") == "unmatched") and not _words(entry)


def _unexplained(entry: Mapping[str, Any]) -> dict[str, Any]:
    return {**_kept(entry), "path": entry.get("path"), "asked": _asked(entry)[:EXCERPT]}


def _hold(session: Session, use: LlmUse, case: Case) -> Told:
    """Hold one conversation; return what the product made of it. Its answer itself is not kept: there are many."""
    asked, scope = use.modes[case.mode], {**session.scope(), **case.scope()}
    expect = expected(asked.expect, scope)
    if case.fault is None:
        expect = expect.model_copy(update={"json_values": {**expect.json_values, **asked.called}})
    result = session.http.send(rendered(asked.request, scope), use.budget)
    late = result.status is None and result.seconds >= use.budget
    failure = expected(use.failure, scope)
    said = read_answer(result, asked.model_copy(update={"expect": expect}), failure, late=late)
    trouble = case.trouble
    return {
        "name": case.name, "provider": case.provider, "model": case.model, "mode": case.mode, "fault": case.fault,
        "due": trouble.due, "wait": trouble.wait, "once": trouble.once, "whole": case.text if asked.text else None,
        "claim": said.claim, "text": said.text[: 4 * len(case.text)], "problem": said.problem, "broken": said.broken,
        "status": result.status, "seconds": round(result.seconds, 4), "cut": len(result.body) > MOST_BYTES,
        "leaked": leaked(result.body, session.setting.secrets),
    }  # fmt: skip


def _ended(before: ServiceState, after: ServiceState) -> str:
    """Say that the product has ended since, also where it was started again; nothing if it has not."""
    if not after.running:
        return f"the product had ended with exit code {after.exit_code}"
    same = (after.pid, after.started_at) == (before.pid, before.started_at)
    return "" if same else "the product had ended and been started again"


def _take_back(told: Sequence[Told], ended: str) -> None:
    """Where the product has ended, answers that broke off are no word of a failure."""
    for said in told:
        if ended and said["broken"]:
            said |= {"claim": "neither", "problem": f"{ended}: {said['problem']}"}


def _looked_through(session: Session, use: LlmUse, before: Log, told: Sequence[Told]) -> dict[str, Any]:
    """Return what the product's log tells of the step's failures, and what stands in it and in answers of keys."""
    owed = failures_owed(told)
    log, lines = _log(session, use, before, owed)
    missing = since(before, log).missing
    secrets, answers = session.setting.secrets, [f"the answer to {said['name']}" for said in told]
    keys = [{**each, "where": "standard output"} for each in leaked(log.stdout, secrets)]
    keys += [{**each, "where": "standard error"} for each in leaked(log.stderr, secrets)]
    keys += [{**each, "where": where} for said, where in zip(told, answers, strict=True) for each in said.pop("leaked")]
    return {
        "log": {"stdout": len(log.stdout), "stderr": len(log.stderr), "missing": missing},
        "logged": {name: {"lines": lines[name], "owed": owed[name]} for name in owed} if use.logged else None,
        "keys": keys,
        "unsearched": [where for said, where in zip(told, answers, strict=True) if said["cut"]],
    }


def _log(session: Session, use: LlmUse, before: Log, owed: Mapping[str, int]) -> tuple[Log, dict[str, int]]:
    """Read the product's log, and count the lines that tell of failures; wait a moment for those that are owed."""
    deadline = time.monotonic() + LOG_SECONDS
    while True:
        log = session.environment.product.logs()
        new = since(before, log)
        lines = failures_told(use, new)
        if not lines or new.missing or all(lines[name] >= count for name, count in owed.items()):
            return log, lines
        if time.monotonic() > deadline:
            return log, lines
        session.record.pause(POLL_SECONDS)


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


def _words(entry: Mapping[str, Any]) -> set[str]:
    """Return the words of the conversations that a request is of: what it says last tells more than all it repeats.

    The rule's name begins with the word: the mock has read the whole of a text that its journal has cut.
    """
    for text in (entry.get("rule") or "", entry.get("last_user") or "", _asked(entry)):
        if found := set(WORD.findall(text)):
            return found
    return set()


def _asked(entry: Mapping[str, Any]) -> str:
    return " ".join(filter(None, [entry.get("last_user"), *map(str, entry.get("texts") or [])]))
