"""The documents in docs/ taken apart: their blocks, and the files that a reader makes of them."""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from lab import paths

DOCS = paths.CHECKOUT / "docs"
GUIDES = (DOCS / "testing-your-own-product.md", DOCS / "writing-a-scenario.md")
BLOCK = re.compile(
    r"^(?:<!-- (?P<mark>[^>\n]*) -->\n)?```(?P<language>\w*)\n(?P<text>.*?)^```$|^## (?P<title>[^\n]*)$",
    re.MULTILINE | re.DOTALL,
)
KEY = re.compile(r"^([A-Za-z_]+):", re.MULTILINE)


@dataclass(frozen=True)
class Command:
    """A command that a document shows, and the lines that it quotes from the output."""

    line: str
    quoted: tuple[str, ...]

    @property
    def exit_code(self) -> int:
        """The code that the quoted output ends with; 0 where it names none."""
        found = [re.match(r"lab exit (\d+)", line) for line in self.quoted]
        return next((int(match[1]) for match in found if match), 0)


@dataclass(frozen=True)
class Block:
    """A fenced block: its language, its text, the section that it stands in, and its mark, which no reader sees.

    `file: NAME` is a whole file; `keys: NAME` replaces or adds top-level keys of one; `only read` is not run by tests.
    """

    section: str
    language: str
    mark: str
    text: str

    @property
    def kind(self) -> str:
        return self.mark.partition(":")[0]

    @property
    def name(self) -> str:
        return self.mark.partition(":")[2].strip()

    def commands(self) -> Iterator[Command]:
        """Yield what a block with prompts runs."""
        for part in re.split(r"^\$ ", self.text, flags=re.MULTILINE)[1:]:
            line, *quoted = part.splitlines()
            yield Command(line, tuple(quoted))


def blocks(path: Path) -> list[Block]:
    """Return a document's blocks in order."""
    found, section = [], ""
    for match in BLOCK.finditer(path.read_text("utf8")):
        section = match["title"] or section
        if match["title"] is None:
            found.append(Block(section, match["language"], match["mark"] or "", match["text"]))
    return found


def changed(text: str, keys: str) -> str:
    """Replace or add top-level keys of a YAML file, as the documents ask their reader to."""
    return "".join((_keys(text) | _keys(keys)).values())


def files_after(found: list[Block]) -> Iterator[tuple[Block, dict[str, str]]]:
    """Yield each block with the files that its reader has then."""
    files: dict[str, str] = {}
    for block in found:
        if block.kind == "file":
            files[block.name] = block.text
        elif block.kind == "keys":
            files[block.name] = changed(files[block.name], block.text)
        yield block, dict(files)


def words(line: str) -> list[str]:
    """Split a command line of a document; what it leaves out is left out."""
    return [word for word in shlex.split(line) if word != "…"]


def _keys(text: str) -> dict[str, str]:
    starts = [match.start() for match in KEY.finditer(text)]
    parts = [text[start:end] for start, end in zip(starts, [*starts[1:], len(text)], strict=True)]
    found = {part.partition(":")[0]: part for part in parts}
    assert "".join(parts) == text, "a block of keys begins with one"
    assert len(found) == len(parts), "a key stands twice"
    return found
