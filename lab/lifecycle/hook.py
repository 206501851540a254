"""Python hooks: what the closed vocabulary cannot say, called from a file that lies in the checkout."""

import importlib.util
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lab import paths
from lab.errors import UsageError
from lab.lifecycle.setting import Session
from lab.process import CommandResult


@dataclass(frozen=True)
class HookContext:
    """What a hook may use."""

    base_url: str
    scope: dict[str, str]
    run: Callable[[list[str]], CommandResult]
    """Runs a command beside the product."""


def hook_file(call: str, folder: Path, allowed: Sequence[Path]) -> tuple[Path, str]:
    """Return the file and the function's name that `file.py:function` means.

    Raises UsageError when the file is not there, or lies neither in the checkout nor in an allowed folder.
    """
    file, _, name = call.partition(":")
    path = (folder / file).resolve()
    if not path.is_file() or not name:
        raise UsageError(f"there is no hook '{call}' in {folder}", hint="a hook is written file.py:function")
    if not any(path.is_relative_to(place) for place in (paths.CHECKOUT, *allowed)):
        raise UsageError(
            f"the hook {path} lies outside the checkout and is not called", hint="--hooks FOLDER allows it"
        )
    return path, name


def _load(path: Path, name: str) -> Callable[..., Any]:
    specification = importlib.util.spec_from_file_location(f"lab_hook_{path.stem}", path)
    if specification is None or specification.loader is None:
        raise UsageError(f"{path} is not a Python file")
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    function = getattr(module, name, None)
    if not callable(function):
        raise UsageError(f"{path} has no function '{name}'")
    return function  # type: ignore[no-any-return]


def call_hook(session: Session, call: str, arguments: dict[str, Any], folder: Path) -> tuple[dict[str, Any], str]:
    """Call a hook; return the facts it gives and, if an assertion in it failed, the problem."""
    function = _load(*hook_file(call, folder, session.setting.hook_folders))
    timeout = session.setting.timeouts.command
    context = HookContext(
        session.door.base_url if session.door else "",
        session.scope(),
        lambda argv: session.environment.run(argv, timeout=timeout, installed=True),
    )
    try:
        facts = function(context, **arguments)
    except AssertionError as failure:
        return {}, str(failure) or f"an assertion in {call} failed"
    return dict(facts or {}), ""
