"""Conversations made by hand: what a step `converse` records of each, and of every request to a model."""

from typing import Any

from lab.history import History

from .histories import Facts, Told, history

WHOLE = "the whole answer, to its last word"


def answered(at: float = 1.0, *, took: float = 0.1, **more: Any) -> Facts:
    """A request that was answered, `took` seconds after it came."""
    return {"received": at, "finished": at + took, "provider": "openai", "endpoint": "chat", "model": "m",
            "stream": False, "status": 200, "outcome": "answered", "rule": "r", "faults": [], "turn": 1,
            "pieces": None, **more}  # fmt: skip


def faulted(at: float = 1.0, **more: Any) -> Facts:
    """A request that a fault was given to."""
    return answered(at, **{"outcome": "faulted", "faults": ["status"], "status": 429, **more})


def case(*attempts: Facts, **more: Any) -> Facts:
    """A conversation that went well."""
    return {"name": "openai, plain", "provider": "openai", "model": "m", "mode": "plain", "fault": None,
            "due": "answer", "wait": 0.0, "once": False, "whole": WHOLE, "claim": "answer", "text": WHOLE,
            "problem": "", "status": 200, "seconds": 0.2, "attempts": list(attempts), **more}  # fmt: skip


def failing(*attempts: Facts, **more: Any) -> Facts:
    """A conversation with a provider that fails, told as such."""
    told = {"fault": "failing", "due": "failure", "claim": "failure", "text": "", "problem": "success is False"}
    return case(*attempts, **{**told, **more})


def held(*cases: Facts, **more: Any) -> History:
    """A history of one step with these conversations."""
    facts = {"cases": list(cases), "others": [], "keys": [], "retries": 2, "budget": 8.0, **more}
    return history(Told("converse", facts))
