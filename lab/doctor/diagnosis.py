"""What this machine can run, and why not the rest."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lab.doctor import machine, network, programs
from lab.doctor.answer import SECONDS, Answer, Probe, examine
from lab.doctor.deep import try_systemd
from lab.doctor.engine import ABOUT, examine_engine
from lab.errors import InfrastructureError
from lab.redact import Redactor

WIDTH = max(map(len, (*ABOUT, "debian packages", "package index"))) + 1
COMMON = ("python", "uv", "disk", "memory")
NEEDS: Mapping[str, tuple[str, ...]] = {
    "local": COMMON,
    "docker": (*COMMON, "engine", "images", "engine disk"),
    "systemd": (*COMMON, "engine", "images", "engine disk", "service manager"),
    "host": ("python", "disk", "ssh", "ansible"),
}
"""What each environment stands on. A missing package index keeps none away: versions may lie here whole."""
MUST_PASS = frozenset({"ssh", "ansible"})
"""A warning about these says that they are not here."""


@dataclass(frozen=True)
class Place:
    """An environment, and what keeps it from being used here; empty if nothing does."""

    name: str
    why_not: str


@dataclass(frozen=True)
class Diagnosis:
    """All answers, and what follows from them."""

    answers: tuple[Answer, ...]
    places: tuple[Place, ...]

    @property
    def exit_code(self) -> int:
        """0 where at least one environment can run, else 3."""
        return 0 if any(not place.why_not for place in self.places) else InfrastructureError.exit_code

    @property
    def reason(self) -> str:
        """Why the command ends as it does."""
        able = [place.name for place in self.places if not place.why_not]
        return f"can run here: {', '.join(able)}" if able else "no environment can run here"

    @property
    def value(self) -> dict[str, Any]:
        """The same for programs."""
        answers = [
            {"verdict": each.verdict, "what": each.what, "found": each.found, "next_step": each.next_step}
            for each in self.answers
        ]
        places = [{"name": each.name, "can_run": not each.why_not, "why_not": each.why_not} for each in self.places]
        found = {"answers": answers, "environments": places, "exit": {"code": self.exit_code, "reason": self.reason}}
        hidden: dict[str, Any] = Redactor.of(network.passwords()).deeply(found)
        return hidden

    @property
    def text(self) -> str:
        """The same for people: a line an answer, a line an environment."""
        told = self.value
        lines = []
        for each in told["answers"]:
            step = f"  → {each['next_step']}" if each["next_step"] else ""
            lines.append(f"{each['verdict']}  {each['what']:<{WIDTH}} {each['found']}{step}")
        lines += ["", "environments"]
        for each in told["environments"]:
            lines.append(f"  {each['name']:<8} {'can run' if each['can_run'] else 'cannot run: ' + each['why_not']}")
        able = {each["name"] for each in told["environments"] if each["can_run"]}
        auto = next((name for name in ("docker", "local") if name in able), None)
        if auto is not None:
            lines.append(f"  auto     means {auto} here")
        return "\n".join(lines)


def diagnose(*, deep: bool = False) -> Diagnosis:
    """Ask everything side by side; `deep` also starts a container with systemd, which takes some seconds."""
    answers = examine(PROBES)
    if deep:
        answers = [_deeper(each, answers) if each.what == "service manager" else each for each in answers]
    return conclude(answers)


def conclude(answers: Sequence[Answer]) -> Diagnosis:
    """Say which environments can run."""
    by_name = {answer.what: answer for answer in answers}
    return Diagnosis(tuple(answers), tuple(Place(name, _why_not(needs, by_name)) for name, needs in NEEDS.items()))


def _why_not(needs: Sequence[str], answers: Mapping[str, Answer]) -> str:
    for need in needs:
        answer = answers.get(need)
        if answer is None:
            return f"{need} was not looked at"
        if not answer.usable or (need in MUST_PASS and answer.verdict != "pass"):
            return f"{need}: {answer.found}"
    return ""


def _deeper(said: Answer, answers: Sequence[Answer]) -> Answer:
    if not next(each.usable for each in answers if each.what == "engine"):
        return said
    return try_systemd()


PROBES = (
    Probe(ABOUT, examine_engine, SECONDS),
    Probe(("package index",), network.package_index),
    Probe(("dns",), network.dns),
    Probe(("proxies",), network.proxies),
    Probe(("certificates",), network.certificates),
    Probe(("clock",), machine.clock),
    Probe(("disk",), machine.disk),
    Probe(("memory",), machine.memory),
    Probe(("processors",), machine.processors),
    Probe(("python",), programs.python),
    Probe(("uv",), programs.uv),
    Probe(("git",), programs.git),
    Probe(("interpreters",), programs.interpreters),
    Probe(("debian packages",), programs.debian),
    Probe(("ssh",), programs.ssh),
    Probe(("ansible",), programs.ansible),
)
