"""What a product definition says that no run could do, although each of its values is right by itself."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from lab.product.definition import define
from lab.product.layers import every_layer, layers, origin
from lab.product.model import Behaviour, Database, Product, SqliteDatabase
from lab.template import near, placeholders
from lab.yamlfile import Document, Loc

VOLUMES = ("config", "data", "home", "tree", "venv")
"""Placeholders of the places that outlive a container."""
BEFORE_START = {
    "configuration": None,
    "databases": None,
    "start": None,
    "unit": None,
    "setup_steps": ("argv", "directory"),
    "upgrade_steps": ("argv", "directory"),
    "backup_steps": ("argv", "directory"),
    "restore_steps": ("argv", "directory"),
    "uninstall_steps": ("argv", "directory"),
    "suite": None,
}
"""Fields whose texts are filled in before the product has an address, and which of their items' keys are."""
NAME = re.compile(r"^[ \t]*(?:export[ \t]+)?([\w.-]+)[ \t]*[=:]", re.MULTILINE)
Fault = tuple[Loc, str]


def faults(document: Document, product: Product) -> list[Fault]:
    """Return every fault of a definition with its place."""
    return [*_files(product), *_too_early(document), *_addresses(product), *_settings(product), *_outages(product)]


def _files(product: Product) -> Iterator[Fault]:
    """Find files, of the configuration and of the suite's report, that no volume of a trial would hold."""
    known = tuple(f"{{{name}}}/" for name in VOLUMES)
    for at, layer in every_layer(product):
        paths = [((*at, "configuration", "files", n, "path"), f.path) for n, f in enumerate(layer.configuration.files)]
        paths += [((*at, "suite", "junit"), layer.suite.junit)] if layer.suite else []
        for place, path in paths:
            if not path.startswith(known) or path.endswith("/") or ".." in Path(path).parts:
                message = f"'{path}' lies outside the product's places; begin it with one of {', '.join(known)}"
                yield place, message


def _too_early(document: Document) -> Iterator[Fault]:
    """Find the address of the product, and what its answers gave, where neither can be known yet."""
    for at, name in placeholders(document.data):
        inner = at[2:] if at[:1] == ("versions",) else at
        inner = inner[1:] if inner[:1] == ("image",) else inner
        keys = BEFORE_START.get(str(inner[0]), ()) if inner else ()
        if (name == "base_url" or name.startswith("saved.")) and (keys is None or inner[2:3] in [(k,) for k in keys]):
            yield at, f"{{{name}}} has no value here: this is filled in before the product runs"


def _addresses(product: Product) -> Iterator[Fault]:
    """Find texts of databases that use what the database does not have, or what is made of the text itself."""
    for at, layer in every_layer(product):
        for name, database in layer.databases.items():
            for key, allowed in _may_use(database).items():
                known = {f"database.{each}" for each in allowed}
                for where, used in placeholders(getattr(database, key)):
                    if used.startswith("database.") and used not in known:
                        there = (
                            f"there are: {', '.join(sorted(known))}"
                            if known
                            else "nothing of the database is known there"
                        )
                        message = (
                            f"{{{used}}} has no value in the '{key}' of a database of the kind {database.kind}; {there}"
                        )
                        yield (*at, "databases", name, key, *where), message


def _may_use(database: Database) -> dict[str, tuple[str, ...]]:
    if isinstance(database, SqliteDatabase):
        return {"path": (), "url": ("path",), "settings": ("path", "url")}
    server = ("host", "port", "name", "user", "password")
    return {"url": server, "settings": (*server, "url")}


def _settings(product: Product) -> Iterator[Fault]:
    """Find settings that must be there and that nothing sets, so that no run could leave them out."""
    found: dict[tuple[Loc, str], list[str]] = {}
    known: set[str] = set()
    for label in product.versions:
        for as_image in (False, True):
            if as_image and len(layers(product, label, as_image=True)) == len(layers(product, label, as_image=False)):
                continue
            behaviour = define(product, label, as_image=as_image)
            shown = f"{label} as an image" if as_image else label
            for at, name in _unset(product, behaviour, label, as_image=as_image):
                found.setdefault((at, name), []).append(shown)
            known |= _names(behaviour, list(behaviour.databases.values()))
    for (at, name), labels in found.items():
        where = f"neither a configuration file nor the environment of {', '.join(labels)} sets it"
        yield at, f"'{name}' cannot be left out: {where}{near(name, sorted(known))}"


def _unset(product: Product, behaviour: Behaviour, label: str, *, as_image: bool) -> Iterator[tuple[Loc, str]]:
    databases = behaviour.databases
    if at := origin(product, label, "required_settings", as_image=as_image):
        texts = _texts(behaviour, list(databases.values()))
        for number, name in enumerate(behaviour.required_settings):
            if not _is_set(name, behaviour, texts):
                yield (*at, number), name
    at = origin(product, label, "databases", as_image=as_image)
    for key, database in databases.items() if at else ():
        texts = _texts(behaviour, [database])
        for number, name in enumerate(database.required_settings):
            if not _is_set(name, behaviour, texts):
                yield (*(at or ()), key, "required_settings", number), name


def _texts(behaviour: Behaviour, databases: Sequence[Database]) -> str:
    """Return the contents of all configuration files, with the text for each of these databases put in."""
    contents = [file.content for file in behaviour.configuration.files]
    texts = [found.settings for found in databases] or [""]
    return "\n".join(content.replace("{database.settings}", text) for content in contents for text in texts)


def _is_set(name: str, behaviour: Behaviour, texts: str) -> bool:
    line = re.compile(rf"^[ \t]*(?:export[ \t]+)?{re.escape(name)}[ \t]*[=:]", re.MULTILINE)  # as the step refuse does
    return name in behaviour.configuration.environment or line.search(texts) is not None


def _names(behaviour: Behaviour, databases: Sequence[Database]) -> set[str]:
    return {*behaviour.configuration.environment, *NAME.findall(_texts(behaviour, databases))}


def _outages(product: Product) -> Iterator[Fault]:
    """Find SQL that is to be asked of a database that is stopped."""
    for at, layer in every_layer(product):
        for number, action in enumerate(layer.without_database):
            if action.action == "sql":
                yield (
                    (*at, "without_database", number),
                    "the database is stopped when this is asked, and cannot be asked itself: ask the product",
                )


def saved_names(value: Any) -> set[str]:
    """Return every name under which an action of a definition keeps a value."""
    if isinstance(value, dict):
        own = set(value["save"]) if isinstance(value.get("save"), dict) else set()
        return own.union(*(saved_names(item) for item in value.values()))
    if isinstance(value, list):
        return set().union(*(saved_names(item) for item in value))
    return set()
