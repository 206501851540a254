"""Product definitions by name, and the version a command line names."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from lab import paths
from lab.errors import UsageError, VersionError
from lab.product.conversing import IN_CONVERSATIONS, OF_THEIR_OWN, is_filled_in, missing_values, own_names
from lab.product.faults import faults, saved_names
from lab.product.model import Product
from lab.product.origin import GitSource, ImageSource, PackageSource, Source, TreeSource, WheelSource
from lab.product.sendable import unsendable
from lab.template import near, placeholders
from lab.yamlfile import Document, Loc, load, problems_at, validate

KNOWN_PLACEHOLDERS = frozenset(
    {
        "home",
        "venv",
        "tree",
        "data",
        "config",
        "backup",
        "port",
        "version",
        "base_url",
        "llm.base_url",
        "llm.url",
        "llm.settings",
        "database.url",
        "database.path",
        "database.settings",
        "database.host",
        "database.port",
        "database.name",
        "database.user",
        "database.password",
    }
)


@dataclass(frozen=True)
class Catalogued:
    """A product definition, and its file: relative paths start from that one's folder."""

    product: Product
    path: Path
    document: Document = field(repr=False, compare=False)


@dataclass(frozen=True)
class Choice:
    """A version that was asked for: its label, and its source with paths made absolute."""

    label: str
    source: Source
    extra: str = ""
    """Optional dependencies of the distribution that are installed, too."""


def product_names() -> list[str]:
    """Return the names of the shipped definitions."""
    return sorted(path.stem for path in paths.products().glob("*.yaml"))


def load_product(name: str) -> Catalogued:
    """Read a definition by name, or by path to a file.

    Raises UsageError for an unknown name and ScenarioError for an invalid file.
    """
    path = Path(name) if name.endswith((".yaml", ".yml")) else paths.products() / f"{name}.yaml"
    if not path.exists() and not name.endswith((".yaml", ".yml")):
        raise UsageError(
            f"there is no product '{name}'{near(name, product_names())}",
            hint=f"products: {', '.join(product_names())}; or give the path of a definition",
        )
    document = load(path)
    product = validate(document, Product)
    problems_at(document, list(_unknown_placeholders(document, product)))
    problems_at(document, [*faults(document, product), *missing_values(product), *unsendable(product)])
    return Catalogued(product, path.absolute(), document)


def choose(catalogued: Catalogued, text: str, *, as_image: bool) -> Choice:
    """Understand LABEL or LABEL=SOURCE.

    Raises VersionError for an unknown label or a source that is not there.
    """
    label, equals, given = text.partition("=")
    product = catalogued.product
    if label not in product.versions:
        raise VersionError(
            f"{product.name} has no version '{label}'{near(label, product.versions)}",
            hint=f"versions of {catalogued.path.name}: {', '.join(product.versions)}; "
            "a source of your own is given as LABEL=SOURCE, where LABEL says whose configuration applies",
        )
    if equals:
        source = _parse_source(given)
        if (source.source == "image") != as_image:
            wanted = "an image (LABEL=image:NAME)" if as_image else "something an installer installs, not an image"
            raise VersionError(f"this scenario needs {wanted}; '{text}' is a {source.source}")
        return Choice(label, source)
    for source in product.versions[label].sources:
        if (source.source == "image") == as_image:
            return Choice(label, _absolute(source, catalogued.path.parent))
    kind = "image" if as_image else "package, wheel, tree or git source"
    line, column = catalogued.document.position(("versions", label), key=True)
    raise VersionError(
        f"{catalogued.document.path}:{line}:{column}: {product.name} {label} has no {kind}",
        hint=f"give one: {label}={'image:NAME' if as_image else 'PATH'}",
    )


def _parse_source(text: str) -> Source:
    if text.startswith("image:") and text != "image:":
        return ImageSource(source="image", name=text.removeprefix("image:"))
    if text.startswith("package:") and text != "package:":
        return PackageSource(source="package", requirement=text.removeprefix("package:"))
    if text.endswith(".whl"):
        return WheelSource(source="wheel", path=str(Path(text).absolute()))
    if text and Path(text).is_dir():
        return TreeSource(source="tree", path=str(Path(text).absolute()))
    repository, _, ref = text.rpartition("@")
    if repository and ref and Path(repository).is_dir():
        return GitSource(source="git", repository=str(Path(repository).absolute()), ref=ref)
    if re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*(\[[^\]]*\])?[=<>!~ ].*", text):
        return PackageSource(source="package", requirement=text)
    raise VersionError(
        f"'{text}' is not a source: no such folder, wheel or repository",
        hint="a source is a folder, FILE.whl, REPOSITORY@REF, package:NAME==VERSION or image:NAME",
    )


def _absolute(source: Source, base: Path) -> Source:
    """Make the paths of a definition's source absolute; they are relative to the definition's file."""
    match source:
        case WheelSource(path=str(path)) | TreeSource(path=str(path)):
            return source.model_copy(update={"path": str((base / path).resolve())})
        case WheelSource() | TreeSource() | ImageSource():
            return source.model_copy(update={"build": [str((base / layer).resolve()) for layer in source.build]})
        case GitSource():
            return source.model_copy(update={"repository": str((base / source.repository).resolve())})
        case _:
            return source


def _unknown_placeholders(document: Document, product: Product) -> Iterator[tuple[Loc, str]]:
    """Find placeholders that no run can fill."""
    saved = {f"saved.{name}" for name in saved_names(document.data)}
    everywhere = KNOWN_PLACEHOLDERS | saved | {f"secret.{name}" for name in product.secrets}
    conversing = everywhere | IN_CONVERSATIONS | own_names(product)
    for at, name in placeholders(document.data):
        known, of_axes = everywhere, True
        match _within_layer(at):
            case ("removes", *_):
                continue
            case ("llm", key, *_) if key in OF_THEIR_OWN:
                known, of_axes = OF_THEIR_OWN[str(key)], False
            case ("llm", *inner) if is_filled_in(tuple(inner)):
                known = conversing
            case ("llm", *_):
                yield at, f"{{{name}}} is not filled in here: this is taken as it is written"
                continue
        if name not in known and not (of_axes and name.startswith("matrix.")):
            yield at, f"unknown placeholder {{{name}}}{near(name, known)}"


def _within_layer(at: Loc) -> Loc:
    """Return a place in a definition as its version, or the image of one, sees it."""
    inner = at[2:] if at[:1] == ("versions",) else at
    return inner[1:] if inner[:1] == ("image",) else inner
