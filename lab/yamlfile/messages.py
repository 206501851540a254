"""What pydantic found, in plain words, with the path of each problem in the data."""

import difflib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from lab.yamlfile.walk import Loc, Walk, child

if TYPE_CHECKING:
    from pydantic import BaseModel, ValidationError

Written: TypeAlias = Callable[[Loc], str | None]

_MOST = 1000  # of pydantic's errors; each takes time to explain, and nobody reads on
_LONGEST = 40  # characters of a value that a message repeats
_NOUNS = {
    **dict.fromkeys(("int_type", "int_parsing", "int_from_float", "int_parsing_size"), "a whole number"),
    **dict.fromkeys(("float_type", "float_parsing", "decimal_type", "decimal_parsing"), "a number"),
    **dict.fromkeys(("string_type", "string_sub_type", "path_type", "url_type"), "text"),
    **dict.fromkeys(("bool_type", "bool_parsing"), "true or false"),
    **dict.fromkeys(("list_type", "tuple_type", "set_type", "frozen_set_type"), "a list"),
    **dict.fromkeys(("dict_type", "model_type", "model_attributes_type", "dataclass_type"), "a mapping"),
    "none_required": "empty",
    "finite_number": "a finite number",
}
_BOUNDS = {
    "greater_than": "greater than {gt}",
    "greater_than_equal": "at least {ge}",
    "less_than": "less than {lt}",
    "less_than_equal": "at most {le}",
    "multiple_of": "a multiple of {multiple_of}",
    "string_too_short": "text of at least {min_length} characters",
    "string_too_long": "text of at most {max_length} characters",
    "string_pattern_mismatch": "text that matches the pattern {pattern}",
}
_SIZES = {"too_short": "at least {min_length}", "too_long": "at most {max_length}"}


@dataclass(frozen=True)
class Finding:
    """One problem at a path of keys into the data; `key` means the key itself, not its value."""

    loc: Loc
    key: bool
    message: str


@dataclass(frozen=True)
class _Fault:
    """One of pydantic's errors with its location sorted out."""

    kind: str
    ctx: dict[str, Any]
    text: str
    path: Loc
    key: bool
    words: tuple[str, ...]  # the values that may stand there, where there is a list of them
    known: tuple[str, ...]  # the keys that the mapping around `path` may have
    unions: tuple[tuple[Loc, str], ...]  # each union passed through: its path, and the member tried


def findings(error: "ValidationError", model: "type[BaseModel]", data: Any, written: Written) -> list[Finding]:
    """Return every problem of a failed validation; `written` gives a scalar as the file spells it."""
    schema: Any = model.__pydantic_core_schema__
    faults = [_fault(dict(e), schema, data) for e in error.errors(include_url=False, include_input=False)[:_MOST]]
    return list(_explain(faults, data, written, 0))


def _fault(error: dict[str, Any], schema: Any, data: Any) -> _Fault:
    walk = Walk(schema, data)
    for part in error["loc"]:
        walk.step(part)
    if error["type"] in {"missing", "extra_forbidden"} and walk.path[-1:] != [error["loc"][-1]]:
        walk.path.append(error["loc"][-1])  # the schema is of a kind not known here
    return _Fault(
        error["type"],
        error.get("ctx", {}),
        error["msg"],
        tuple(walk.path),
        walk.key,
        walk.words() or _words(error.get("ctx", {})),
        walk.known,
        tuple(walk.unions),
    )


def _explain(faults: list[_Fault], data: Any, written: Written, depth: int) -> Iterator[Finding]:
    """Say each fault; where the members of a union all failed, say what the likeliest one lacks."""
    unions: dict[Loc, dict[str, list[_Fault]]] = {}
    for fault in faults:
        if len(fault.unions) <= depth:
            yield _say(fault, data, written)
            continue
        path, member = fault.unions[depth]
        unions.setdefault(path, {}).setdefault(member, []).append(fault)
    for path, members in unions.items():
        deeper: list[list[_Fault]] = [found for found in members.values() if any(_fits(f, path) for f in found)]
        flat = [fault for found in members.values() for fault in found]
        if deeper:
            yield from _explain(min(deeper, key=len), data, written, depth + 1)
        elif all(fault.kind in _NOUNS for fault in flat):
            nouns = list(dict.fromkeys(_NOUNS[fault.kind] for fault in flat))
            yield Finding(path, key=False, message=_wrong(path, " or ".join(nouns), data, written))
        else:
            yield from _explain(flat, data, written, depth + 1)


def _fits(fault: _Fault, union: Loc) -> bool:
    """Tell whether the value had the right type for the member, and only its content is wrong."""
    return len(fault.path) > len(union) or fault.kind not in {*_NOUNS, "enum", "literal_error"}


def _say(fault: _Fault, data: Any, written: Written) -> Finding:  # noqa: PLR0911 - a table of kinds
    path, kind, ctx = fault.path, fault.kind, fault.ctx
    name = _name(path)
    if kind == "extra_forbidden":
        message = f"unknown key '{_short(str(path[-1]))}'{_meant(path[-1], fault.known)}"
        return Finding(path, key=True, message=message)
    if kind == "missing":
        return Finding(path[:-1], key=False, message=f"missing key '{path[-1]}'")
    if kind == "union_tag_not_found" and str(ctx["discriminator"]).startswith("'"):
        return Finding(path, key=False, message=f"missing key {str(ctx['discriminator']).split(' | ')[0]}")
    if kind == "union_tag_not_found":  # a function found no tag; often a key is one
        here = _value(data, path)
        near = next(filter(None, (_meant(k, fault.words) for k in here)), "") if isinstance(here, dict) else ""
        return Finding(path, key=False, message=f"{name} must be one of: {', '.join(fault.words)}{near}")
    if kind == "union_tag_invalid":
        return _bad_tag(fault, data)
    if kind in {"enum", "literal_error"}:
        words = fault.words
        given = path[-1] if fault.key and path else _value(data, path)
        what = f"key '{_short(str(given))}'" if fault.key else name
        message = f"{what} must be one of: {', '.join(words)}{_meant(given, words)}"
        return Finding(path, key=fault.key, message=message)
    if kind in _NOUNS:
        return Finding(path, key=fault.key, message=_wrong(path, _NOUNS[kind], data, written))
    return Finding(path, key=fault.key, message=_limit(fault, data, written))


def _limit(fault: _Fault, data: Any, written: Written) -> str:
    kind, name = fault.kind, _name(fault.path)
    ctx = {key: f"{value:g}" if isinstance(value, float) else value for key, value in fault.ctx.items()}
    if kind in _SIZES:
        size = _SIZES[kind].format(**ctx)
        entries = "entry" if size.endswith(" 1") else "entries"
        return f"{name} must have {size} {entries}, not {ctx.get('actual_length')}"
    if kind in _BOUNDS and fault.key:
        return f"key '{_short(str(fault.path[-1]))}' must be {_BOUNDS[kind].format(**ctx)}"
    if kind in _BOUNDS:
        given = written(fault.path) or str(_value(data, fault.path))
        given = f"'{_short(given)}'" if kind.startswith("string") else _short(given)
        return f"{name} must be {_BOUNDS[kind].format(**ctx)}, not {given}"
    if kind in {"value_error", "assertion_error"} and "error" in ctx:
        return str(ctx["error"])
    if fault.text.startswith(should := "Input should "):
        return f"{name} must {fault.text.removeprefix(should)}"
    return f"{name}: {fault.text[:1].lower()}{fault.text[1:]}"


def _bad_tag(fault: _Fault, data: Any) -> Finding:
    path, ctx, words = fault.path, fault.ctx, fault.words
    tag = ctx["tag"]
    choice = f"must be one of: {', '.join(words)}{_meant(tag, words)}"
    key, here = str(ctx["discriminator"]).split(" | ")[0].strip("'"), _value(data, path)
    if isinstance(here, dict) and key in here:
        return Finding((*path, key), key=False, message=f"'{key}' {choice}")
    if isinstance(here, dict) and tag in here:  # the key names the kind
        return Finding((*path, tag), key=True, message=f"'{_short(str(tag))}' {choice}")
    return Finding(path, key=False, message=f"{_name(path)} {choice}")


def _wrong(path: Loc, noun: str, data: Any, written: Written) -> str:
    value, text = _value(data, path), written(path)
    advice = ""
    if isinstance(value, dict | list):
        given = "a list" if isinstance(value, list) else "a mapping"
    elif value is None:
        given = "empty"
    elif isinstance(value, str):
        given = f"text ('{_short(value if text is None else text)}')"
        if text and "${" in text and noun in _NOUNS.values():
            advice = "; what a variable gives is always text"
    else:
        given = str(value).lower() if isinstance(value, bool) else f"a number ({_short(text or str(value))})"
        advice = "; put it in quotes" if "text" in noun.split(" or ") else ""
    return f"{_name(path)} must be {noun}, not {given}{advice}"


def _name(path: Loc) -> str:
    if not path:
        return "the file"
    if isinstance(path[-1], int):
        return f"item {path[-1] + 1} of {_name(path[:-1])}"
    return f"'{_short(path[-1])}'"


def _value(data: Any, path: Loc) -> Any:
    for part in path:
        data = child(data, part)
    return data


def _words(ctx: dict[str, Any]) -> tuple[str, ...]:
    """Take pydantic's list "'a', 'b' or 'c'" apart."""
    listed = str(ctx.get("expected", ctx.get("expected_tags", "")))
    return tuple(word.strip("'") for word in listed.replace("' or '", "', '").split(", "))


def _meant(given: Any, words: Iterable[str]) -> str:
    near = difflib.get_close_matches(given, list(words), n=1) if isinstance(given, str) else []
    return f"; did you mean '{near[0]}'?" if near else ""


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST else line[: _LONGEST - 1] + "…"
