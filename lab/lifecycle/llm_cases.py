"""The conversations of a step `converse`: with whom, how, under which fault, and which faults cannot be tried."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from lab.product.llm import LlmTool, LlmUse, Mode, ProviderName
from lab.scenario.llm import MODES, LlmFault
from lab.scenario.steps import ConverseStep

Due = Literal["answer", "failure", "either"]
"""What the product owes: the model's answer, word that it failed, or one of the two."""


@dataclass(frozen=True)
class Trouble:
    """What the mock does, to how many requests (None: to all), and what the product then owes."""

    faults: tuple[Mapping[str, Any], ...]
    due: Due
    times: int | None = None
    wait: float = 0.0
    """Seconds that the provider tells it to wait."""
    once: bool = False
    """Whether asking again is of no use, and not to be done."""


RETRY_AFTER = 1
FAR_AWAY = 3600
TROUBLES: Mapping[LlmFault, Trouble] = {
    "rate-limit": Trouble(
        ({"kind": "status", "status": 429, "retry_after": RETRY_AFTER},), "answer", times=1, wait=RETRY_AFTER
    ),
    "overloaded": Trouble(({"kind": "status", "status": 503},), "answer", times=1),
    "failing": Trouble(({"kind": "status", "status": 500},), "failure"),
    "unauthorized": Trouble(({"kind": "status", "status": 401},), "failure", once=True),
    "long-wait": Trouble(({"kind": "status", "status": 429, "retry_after": FAR_AWAY},), "failure", wait=FAR_AWAY),
    "hang": Trouble(({"kind": "hang"},), "failure"),
    "malformed-json": Trouble(({"kind": "malformed-json"},), "failure"),
    "disconnect": Trouble(({"kind": "disconnect"},), "failure"),
    "stall": Trouble(({"kind": "stall"},), "failure"),
    "truncate": Trouble(({"kind": "truncate"},), "failure"),
    "malformed-chunk": Trouble(({"kind": "malformed-chunk"},), "either"),  # what was said can still be whole
    "stream-error": Trouble(({"kind": "stream-error", "status": 500},), "failure"),
    "bad-arguments": Trouble(({"kind": "bad-arguments"},), "either", times=1),
    "unknown-tool": Trouble(({"kind": "unknown-tool"},), "either", times=1),
}
"""What each fault is."""
IMPOSSIBLE: frozenset[tuple[str, LlmFault]] = frozenset({("ollama", "bad-arguments"), ("bedrock", "long-wait")})
"""Providers and what their protocols have no room for: Ollama's server reads a call's arguments itself, and clients of
Bedrock read no Retry-After: only newer ones are told when to come back, and wait some seconds at most."""
OVERLOADED = {"anthropic": 529}
"""Status of a provider that is overloaded, where it is not 503."""
WORD = re.compile(r"subject\d{4,}x")
"""How the words look by which conversations are told apart."""
TOOLS: frozenset[Mode] = frozenset({"tools", "streamed-tools"})


@dataclass(frozen=True)
class Case:
    """One conversation: with whom, how, under which fault, and what the model says in the end."""

    word: str
    """Stands in the prompt, in nothing else, and is not the same in any two cases of a trial."""
    provider: ProviderName
    model: str
    mode: Mode
    fault: LlmFault | None = None
    tool: LlmTool | None = None
    """What the model calls first; None in modes without tools."""
    values: Mapping[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """What a person would call it."""
        return f"{self.provider}, {self.mode}" + (f", {self.fault}" if self.fault else "")

    @property
    def prompt(self) -> str:
        """What the user says."""
        asked = f" with the tool {self.tool.name}" if self.tool is not None else ""
        return f"Tell me about {self.word}{asked}."

    @property
    def text(self) -> str:
        """What the model says: long enough that half of it is not mistaken for the whole."""
        return (
            f"The whole answer about {self.word} begins here, goes on for a while, and ends with the last word: done."
        )

    @property
    def trouble(self) -> Trouble:
        """What goes wrong; nothing does where no fault is named."""
        if self.fault is None:
            return _NONE
        told = TROUBLES[self.fault]
        if self.fault == "overloaded":
            return replace(told, faults=({"kind": "status", "status": OVERLOADED.get(self.provider, 503)},))
        return replace(told, wait=0.0) if self.provider == "bedrock" else told

    def scope(self) -> dict[str, str]:
        """Return the placeholders of the request that begins it."""
        return {
            "llm.provider": self.provider,
            "llm.model": self.model,
            "llm.prompt": self.prompt,
            "llm.case": self.word,
            **{f"llm.with.{name}": value for name, value in self.values.items()},
        }


_NONE = Trouble((), "answer")


def cases(use: LlmUse, step: ConverseStep, first: int) -> list[Case]:
    """Return the conversations of a step, numbered from `first`."""
    wanted = [mode for mode in step.modes if mode in use.modes]
    pairs: list[tuple[Mode, LlmFault | None]] = [(mode, None) for mode in wanted if not step.faults]
    pairs += [(mode, fault) for fault in step.faults for mode in wanted if mode in MODES[fault]]
    named = [(provider, found, mode, fault) for mode, fault in pairs for provider, found in use.providers.items()
             if fault is None or (provider, fault) not in IMPOSSIBLE]  # fmt: skip
    return [
        Case(
            f"subject{number:04d}x",
            provider,
            found.model,
            mode,
            fault,
            use.tool if mode in TOOLS else None,
            found.values,
        )
        for number, (provider, found, mode, fault) in enumerate(named, start=first)
    ]


def untried(use: LlmUse, step: ConverseStep) -> list[dict[str, str]]:
    """Return the faults of a step that no conversation of it has, each with the reason, in alphabetical order."""
    tried = {case.fault for case in cases(use, step, 0)}
    return [
        {"fault": fault, "reason": _why_not(use, step, fault)} for fault in sorted(step.faults) if fault not in tried
    ]


def nothing_held(use: LlmUse, step: ConverseStep) -> str:
    """Say why a step has no conversation with a product that says this of itself."""
    if step.faults:
        return "; ".join(f"{each['fault']}: {each['reason']}" for each in untried(use, step))
    return _without_modes(step.modes)


def _why_not(use: LlmUse, step: ConverseStep, fault: LlmFault) -> str:
    possible = [mode for mode in step.modes if mode in MODES[fault]]
    if not any(mode in use.modes for mode in possible):
        return _without_modes(possible)
    return f"no provider of the definition can have it: {', '.join(use.providers)}"


def _without_modes(modes: Sequence[Mode]) -> str:
    return f"the definition has none of the modes {', '.join(modes)}"
