"""One YAML file, read strictly: plain data, a position for every value, and every problem at its place.

The rules are those of YAML 1.2's core schema, so that `no`, `1:30`, `0755` and `2025-06-20` stay the text
they look like; what YAML would let pass in silence (a key twice, a bomb of aliases) is an error.
"""

import codecs
import difflib
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from lab.errors import Problem, ScenarioError, UsageError
from lab.yamlfile.nodes import MAX_PROBLEMS, Node, Place, parse, place_after
from lab.yamlfile.problem import problem
from lab.yamlfile.walk import child

if TYPE_CHECKING:
    from pydantic import BaseModel

M = TypeVar("M", bound="BaseModel")
Loc: TypeAlias = tuple[str | int, ...]

MAX_BYTES = 1_000_000

_UNPRINTABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True)
class Document:
    """A file that was read: its data, and where each part of it stands."""

    path: Path
    data: Any
    root: Node = field(repr=False, compare=False)

    def position(self, loc: Loc, *, key: bool = False) -> Place:
        """Return line and column, from 1, of the value (or its key) at `loc`, or of what comes nearest."""
        node, place = self.root, self.root.place
        for part in loc:
            if (found := node.child(part)) is None:
                return node.place
            place, node = found
        return place if key else node.place

    def written(self, loc: Loc) -> str | None:
        """Return the scalar at `loc` as the file spells it, variables not put in; None for anything else."""
        node = self.root
        for part in loc:
            if (found := node.child(part)) is None:
                return None
            node = found[1]
        return None if isinstance(node.content, dict | list) else node.written


def load(path: Path, *, environ: Mapping[str, str] | None = None) -> Document:
    """Read one YAML file; ScenarioError lists all that is wrong in it. `environ` is os.environ by default."""
    root = parse(str(path), _read(path), os.environ if environ is None else environ)
    return Document(path, root.plain(), root)


def validate(document: Document, model: type[M]) -> M:
    """Return the data as `model`; ScenarioError lists every problem in the order of the file.

    The data is read as JSON would be, so that strict models take a list for a tuple and a word for an enum.
    """
    import json

    from pydantic import ValidationError

    from lab.yamlfile.messages import findings

    try:
        return model.model_validate_json(json.dumps(document.data))
    except ValidationError as error:
        found = findings(error, model, document.data, document.written)
    raise _refusal({problem(document.path, document.position(f.loc, key=f.key), f.message) for f in found})


def _refusal(problems: set[Problem]) -> ScenarioError:
    more = f"these are the first {MAX_PROBLEMS} problems; there are more" if len(problems) > MAX_PROBLEMS else ""
    return ScenarioError(sorted(problems)[:MAX_PROBLEMS], hint=more)


def _read(path: Path) -> str:
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1).removeprefix(codecs.BOM_UTF8)
    except IsADirectoryError:
        raise ScenarioError([Problem(str(path), 0, 0, "is a directory, not a file")]) from None
    except (FileNotFoundError, NotADirectoryError):
        raise ScenarioError([Problem(str(path), 0, 0, "does not exist")], hint=_near(path)) from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ScenarioError([Problem(str(path), 0, 0, f"cannot be read: {reason}")]) from None
    if len(raw) > MAX_BYTES:
        place = place_after(raw[:MAX_BYTES].decode(errors="ignore"))
        raise ScenarioError([problem(path, place, f"the file is larger than {MAX_BYTES // 1_000_000} MB")])
    try:
        text = raw.decode()
    except UnicodeDecodeError as error:
        place = place_after(raw[: error.start].decode())
        raise ScenarioError([problem(path, place, "the file is not UTF-8 text")]) from None
    if bad := _UNPRINTABLE.search(text):
        message = f"the control character U+{ord(bad[0]):04X} is not allowed"
        raise ScenarioError([problem(path, place_after(text[: bad.start()]), message)])
    return text


def _near(path: Path) -> str:
    try:
        names = sorted(p.name for p in path.parent.iterdir() if p.suffix in {".yaml", ".yml"})
    except OSError:
        return ""
    near = difflib.get_close_matches(path.name, names)
    return f"did you mean {' or '.join(near)}?" if near else ""


@contextmanager
def blamed_on(document: Document, loc: Loc) -> Iterator[None]:
    """Let what cannot be done as a file asks be a ScenarioError at the place in the file that asks for it."""
    try:
        yield
    except ScenarioError:
        raise
    except UsageError as error:
        found = problem(document.path, document.position(loc), error.message)
        raise ScenarioError([found], hint=error.hint) from error


def problems_at(document: Document, found: list[tuple[Loc, str]]) -> None:
    """Raise ScenarioError for faults that only a reader of the whole file can see; none, no error."""
    if found:
        raise _refusal({problem(document.path, document.position(at), message) for at, message in found})


def child_at(data: Any, loc: Loc) -> Any:
    """Return the part of plain data at `loc`; None if there is none."""
    for part in loc:
        data = child(data, part)
    return data
