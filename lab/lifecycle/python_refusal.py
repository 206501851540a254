"""A Python that a version does not support must be refused: what must happen, and whether a refusal was clean."""

import re
from typing import Any

from packaging.specifiers import InvalidSpecifier, SpecifierSet

from lab.errors import InfrastructureError
from lab.history import ExpectedEndError, StepFailedError
from lab.lifecycle.setting import Session
from lab.product.definition import Definition
from lab.product.sources import Artifact
from lab.scenario.steps import Slot

PYTHON_REFUSED = re.compile(
    r"(?<![/\\\w])python(?:\s+version|\s+requirement|:?\s*(?:[<>=~]=|[<>\d]))|requires.python"
    # What an old pip says when all that the index has is for other Pythons; it names no Python.
    r"|no matching distribution found",
    re.IGNORECASE,
)
OWN = re.compile(
    r"bin/(?:activate(?:\.\w+|_this\.py)?|Activate\.ps1|deactivate\.bat|pydoc\.bat"
    r"|(?:python|𝜋thon|pypy|pip|easy_install|wheel)-?(?:\d+(?:\.\d+)?t?)?)"
    r"|site-packages/(?:(?:pip|setuptools|wheel|pkg_resources)(?:-[^/]*\.(?:dist|egg)-info)?|_distutils_hack"
    r"|distutils-precedence\.pth|easy_install\.py|_virtualenv\.(?:py|pth)|pipx_shared\.pth)"
)
"""What a new virtual environment has by itself: of venv, of Debian's, of uv's and of pipx's."""
TRACEBACK = b"Traceback (most recent call last)"


def check_refusal(session: Session, failure: str | None, facts: dict[str, Any]) -> None:
    """Judge what an installer said, or that it said nothing, which had to refuse the Python; always ends the trial.

    Raises ExpectedEndError after a clean refusal, StepFailedError otherwise.
    """
    facts["left_installed"] = _left_installed(session)
    facts["half_installed"] = bool(facts["left_installed"])
    if failure is None:
        raise StepFailedError(f"the installer accepted {facts['python']}, which the version excludes")
    facts["clean_refusal"] = bool(PYTHON_REFUSED.search(failure)) and not facts.get("traceback")
    if not facts["clean_refusal"] or facts["half_installed"]:
        raise StepFailedError(f"the refusal of Python {facts['python']} was not clean{_why(facts)}:\n{failure}")
    raise ExpectedEndError(f"refused Python {facts['python']} as requires-python says")


def _why(facts: dict[str, Any]) -> str:
    """Say what was not clean about a refusal."""
    if facts["half_installed"]:
        return f", something is left installed ({', '.join(facts['left_installed'][:5])})"
    return ", it shows a traceback" if facts.get("traceback") else ", it does not name Python"


def expectation(session: Session, slot: Slot, facts: dict[str, Any]) -> str:
    """Say what must happen: `success`, or `refusal` where requires-python excludes the platform's Python."""
    artifact, definition = session.setting.artifacts[slot], session.setting.definitions[slot]
    if artifact.kind == "image":
        return "success"
    asked = session.environment.run(
        [session.setting.bindings.python, "-c", "import platform; print(platform.python_version())"], timeout=30
    )
    if not asked.ok:
        raise InfrastructureError(
            f"{session.setting.bindings.python} does not run on {session.environment.platform}: {asked.tail(3)}",
            hint="a Python of another machine must be built against a C library that is as old as the platform's",
        )
    facts["python"] = asked.stdout.decode().strip()
    declared = requires_python(definition, artifact)
    facts["requires_python"] = declared
    return "success" if facts["python"] in SpecifierSet(declared, prereleases=True) else "refusal"


def requires_python(definition: Definition, artifact: Artifact) -> str:
    """Return what the definition declares, or else the artifact; nonsense in an artifact declares nothing."""
    declared = definition.requires_python or artifact.requires_python
    try:
        return str(SpecifierSet(declared))
    except InvalidSpecifier:
        return ""


def _left_installed(session: Session) -> list[str]:
    """Return what a refused installer left in the virtual environment, if it made one.

    Raises InfrastructureError where that cannot be seen.
    """
    venv = session.setting.places.venv
    words = ["find", venv, "-mindepth", "2", "-maxdepth", "4", "-path", f"{venv}/bin/*"]
    found = session.environment.run([*words, "-o", "-path", f"{venv}/lib*/site-packages/*"], timeout=30)
    if found.timed_out:
        raise InfrastructureError(f"it cannot be seen what is left in {venv}: there was no answer within 30 s")
    return not_its_own(found.stdout.decode("utf8", "replace"), venv)


def not_its_own(listed: str, venv: str) -> list[str]:
    """Return which paths of a listing, relative to the virtual environment, it does not have by itself."""
    paths = (path.removeprefix(f"{venv}/") for path in listed.splitlines())
    kept = (path for path in paths if "__pycache__" not in path.split("/"))
    return sorted(path for path in kept if not OWN.fullmatch(re.sub(r"^lib[^/]*/[^/]+/", "", path)))
