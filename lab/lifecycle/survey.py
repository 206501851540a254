"""Step `survey`: what the place holds now, and what has changed in it since the step before of its kind."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from lab.environment.survey import Survey, bounded, compare
from lab.history import StepSkippedError
from lab.lifecycle.setting import Session
from lab.product.upkeep import Exemption, sort_out
from lab.scenario.steps import SurveyStep
from lab.template import render

AS_IMAGE = "the product runs from an image of its own, which nobody installs into the place"


def survey(session: Session, _step: SurveyStep, facts: dict[str, Any]) -> None:
    """Survey the place and compare it with the last survey.

    Raises StepSkippedError where the product's own image runs.
    """
    if session.setting.as_image:
        raise StepSkippedError(AS_IMAGE)
    seen = look(session)
    facts |= {"files": None if seen.files is None else len(seen.files), "looked": list(seen.looked)}
    facts |= {"unseen": seen.unseen, "truncated": seen.truncated}
    if session.surveys:
        facts["own"] = own_places(session)
        told = compare(session.surveys[-1], seen)
        written = [path for kind in ("added", "changed") for path in told.get(kind, [])]
        outside = [path for path in written if not within(path, facts["own"])]
        exempt = exemptions(session, session.definition.writes) if session.installed else []
        facts |= {"written": len(written), "not_compared": told["unseen"]}
        facts["outside"], facts["exempt"] = without_exempt(outside, exempt)
    session.surveys.append(seen)


def look(session: Session) -> Survey:
    """Survey the place, and keep all that was seen as evidence of the step."""
    seen = session.environment.survey()
    folder = session.folder / "steps" / session.record.step_id
    folder.mkdir(parents=True, exist_ok=True)
    number = len(list(folder.glob("survey-*.json"))) + 1
    text = json.dumps(asdict(seen), indent=0, sort_keys=True)
    (folder / f"survey-{number}.json").write_bytes(session.record.redact.bytes(text.encode()))
    return seen


def own_places(session: Session) -> list[str]:
    """Return the folders and files that are the product's: home with program and tree, data, configuration."""
    places = session.setting.places
    return [places.home, places.data, places.config, *sorted(session.written)]


def within(path: str, folders: Sequence[str]) -> bool:
    """Whether a path is one of the folders, or lies below one."""
    return any(path == folder or path.startswith(f"{folder.rstrip('/')}/") for folder in folders)


def without_exempt(files: Sequence[str], exempt: Sequence[dict[str, Any]]) -> tuple[list[str], list[dict[str, Any]]]:
    """Return the files that no exemption names, bounded, and the exemptions, each with how many files it is `used` for.

    What is exempt goes first: among very many files that are only counted, a check could not tell it from the others.
    """
    allowed, others = sort_out(files, exempt)
    used = Counter(pattern for _, pattern in allowed)
    return bounded(others), [{**each, "used": used[each["path"]]} for each in exempt]


def exemptions(session: Session, found: Sequence[Exemption]) -> list[dict[str, str]]:
    """Return exemptions for the history, their placeholders filled in."""
    scope = session.scope()
    return [{"path": render(each.path, scope), "reason": each.reason} for each in found]
