"""Step `uninstall`: what the documentation says, or else deleting what was installed; then, what stays is recorded."""

from collections.abc import Sequence
from typing import Any

from lab.environment.survey import Survey, bounded, compare
from lab.history import StepFailedError, StepSkippedError
from lab.lifecycle.install import extra_steps, run_command, take_steps
from lab.lifecycle.installers import Command
from lab.lifecycle.setting import Session, Setting
from lab.lifecycle.survey import AS_IMAGE, exemptions, look, own_places, within, without_exempt
from lab.scenario.steps import Slot, UninstallStep

PARTS = ("accounts", "units", "ports", "processes")


def removal(setting: Setting, slot: Slot) -> list[Command]:
    """Return what a user would do who finds nothing documented: delete the virtual environment and the tree."""
    if extra_steps(setting, setting.definitions[slot].uninstall_steps):
        return []
    return [Command(("rm", "-rf", "--", *installed_folders(setting, slot)))]


def installed_folders(setting: Setting, slot: Slot) -> list[str]:
    """Return the folders that an installation is: the virtual environment, and the tree of a product that is one."""
    places = setting.places
    own = [places.venv]
    if setting.artifacts[slot].kind == "tree":
        own.append(places.tree)
    if setting.installer(slot).name == "pipx":
        own = [f"{places.home}/pipx", f"{places.home}/bin", f"{places.home}/man"]
    return own


def uninstall(session: Session, _step: UninstallStep, facts: dict[str, Any]) -> None:
    """Uninstall, and record what there is now that was not there before the first install.

    Raises StepFailedError when what was installed cannot be removed, StepSkippedError where an image is installed.
    """
    if session.setting.as_image:
        raise StepSkippedError(AS_IMAGE)
    definition, slot = session.definition, session.slot
    facts |= {"label": definition.label, "purge": definition.purge, "documented": bool(definition.uninstall_steps)}
    before = look(session)
    own = own_places(session)
    exempt = exemptions(session, definition.leaves)  # their placeholders mean nothing afterwards
    session.environment.disown()
    if extra_steps(session.setting, definition.uninstall_steps):
        take_steps(session, definition.uninstall_steps, session.configured or slot, facts)
    for command in removal(session.setting, slot):
        result = run_command(session, command)
        if not result.ok:
            raise StepFailedError(f"what was installed cannot be deleted: {result.tail(3)}")
        facts["deleted"] = installed_folders(session.setting, slot)
    facts["exempt"] = exempt
    _record(session, before, look(session), own, facts)
    session.installed = None


def _record(session: Session, before: Survey, after: Survey, own: list[str], facts: dict[str, Any]) -> None:
    """Note what is more than at the first survey, and what of configuration and data is gone."""
    kept = [path for path in own if path != session.setting.places.home]
    facts["kept_folders"] = kept
    if session.surveys:
        told = compare(session.surveys[0], after)
        more = told.get("added", []) + told.get("changed", [])
        others = sorted(path for path in more if not within(path, kept))
        files, facts["exempt"] = without_exempt(others, facts["exempt"])
        facts["stayed"] = {
            "configuration and data": len([path for path in more if within(path, kept)]),
            "files": files,
            **{part: told[part][:20] for part in PARTS if part in told},
        }
        facts |= {"unseen": told["unseen"], "truncated": told["truncated"], "looked": told["looked"]}
    facts["lost"] = bounded(lost(compare(before, after).get("removed", []), kept, facts.get("deleted", [])))


def lost(removed: Sequence[str], kept: Sequence[str], deleted: Sequence[str]) -> list[str]:
    """Return what is gone of the folders to be kept, but for what lay in those that the lab itself deleted."""
    return [path for path in removed if within(path, kept) and not within(path, deleted)]
