"""What a definition says of a product's later life: extra steps, backup, the way back, and what uninstalling leaves."""

import re
from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from lab.strict import Strict, Text


class ExtraStep(Strict):
    """A command beyond installing that the product needs; one that no documentation asks for is a workaround."""

    documented: Text | None = None
    """Where the documentation asks for it."""
    undocumented: Text | None = None
    """What goes wrong without it; such a step runs only where the matrix has `setup: workaround`."""
    argv: Annotated[list[Text], Field(min_length=1)]
    """The command; it runs beside the product, with the configuration's environment."""
    directory: Text = "{data}"
    """Where it runs."""

    @model_validator(mode="after")
    def _one_of(self) -> "ExtraStep":
        if (self.documented is None) == (self.undocumented is None):
            raise ValueError("a step is either 'documented' or 'undocumented'")
        return self


class Exemption(Strict):
    """Files that may be where none should be, and why."""

    path: Text
    """An absolute path, with placeholders; `*` stands for any letters, those between folders included."""
    reason: Text
    """Told with each file that is exempt by it."""


def sort_out(files: Sequence[str], exempt: Sequence[dict[str, Any]]) -> tuple[list[tuple[str, str]], list[str]]:
    """Return the files that are exempt, each with the path pattern it is exempt by, and the others."""
    allowed: list[tuple[str, str]] = []
    others: list[str] = []
    for file in files:
        pattern = next((each["path"] for each in exempt if matches(each["path"], file)), None)
        if pattern is None:
            others.append(file)
        else:
            allowed.append((file, pattern))
    return allowed, others


def matches(pattern: str, name: str) -> bool:
    """Whether a path or a test is meant, where only `*` is special: names of tests are full of brackets."""
    return re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), name, re.DOTALL) is not None


class Upkeep(Strict):
    """What may differ from version to version in how the product is looked after."""

    backup_steps: list[ExtraStep] = []
    """What the documentation asks for to make a backup of the product at rest, into {backup}. Empty: the lab copies the
    data folder, the configuration and the database."""
    restore_steps: list[ExtraStep] = []
    """What the documentation asks for to put a backup back. Empty: the lab puts back what it copied."""
    uninstall_steps: list[ExtraStep] = []
    """What the documentation asks for to uninstall the product at rest. Empty: its virtual environment and its tree are
    deleted."""
    purge: bool = False
    """Whether uninstalling is to remove configuration and data as well; otherwise they are to stay."""
    leaves: list[Exemption] = []
    """Files that uninstalling leaves, and why that is right."""
    writes: list[Exemption] = []
    """Files that the running product writes outside its folders, and why that is right."""


class Skip(Strict):
    """An older version from which users may come directly, leaving out what is between."""

    old: Text = Field(alias="from")
    """Label of the old version."""
    promise: Literal["works", "refuses"] = "works"
    """What is promised: the upgrade works, or the version refuses to start on the old data and leaves it alone."""


class Ways(Strict):
    """What a version promises of ways to and from it that are not the usual upgrade."""

    rollback: Literal["works", "refuses", "restore"] = "restore"
    """What happens where the version before is installed over this one: it `works` on this one's data; it `refuses` to
    start and leaves them alone; or it works once a backup from before the upgrade is put back. Under `restore`, too, it
    must not take data that it reads wrongly for its own."""
    skips: list[Skip] = []
    """Older versions from which one may come directly to this one."""
