"""Files that somebody, or something, has spoilt: seeded mutations of YAML, from a lost line to a bomb of aliases."""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias

import yaml

JUNK = (
    *("null", "~", "true", "yes", "no", "[]", "{}", "[1, [2]]", "{a: {b: c}}", "''", '""', "text", "'two\n\n  lines'"),
    *("0", "-1", "1.5", "1e308", "1e999", "9" * 400, "9" * 5000, "0755", "0o17", "0x1F", "1:30", "1_000"),
    *(
        ".nan",
        ".inf",
        "-.inf",
        "2025-06-20",
        "2025-06-20T10:00:00Z",
        "=",
        "<<",
        "!",
        "|",
        ">-",
        "?",
        "-",
        "@a",
        "`a",
        "%a",
    ),
    *("*nosuch", "&a", "&a x", "&a [*a]", "!!int x", "!!binary aGk=", "!!set {a}", "!!timestamp 2025-06-20", "!own x"),
    *("!!python/object/apply:os.system [date]", "!!python/name:os.system", "!<tag:yaml.org,2002:python/tuple> [1]"),
    *("${LAB_TEST_UNSET}", "${LAB_TEST_UNSET:-}", "${HOME}", "${", "$", "$$", "${a b}", "${LAB_TEST_UNSET:-${HOME}}"),
    *("'{nosuch}'", "'{matrix.nosuch}'", "'{saved.nosuch}'", "'{{nosuch}}'", "'{'", "'{secret.nosuch}'", "'{}'"),
    *(
        "'({[*+'",
        "'(?P<a>'",
        "'..'",
        "'../../../etc/passwd'",
        "/etc/passwd",
        "'a/b'",
        "'/'",
        "'\u00e4\u4e2d\U0001f600'",
    ),
    *('"\\x1b[31mred"', '"\\0"', '"\\ud800"', '"\\U00110000"', '"\\u2028"', '"a\\nb"', '"\\u202eabc"', '"\\x85"'),
)
BYTES = tuple(bytes([number]) for number in range(256))
SPACES = (" ", "  ", "    ", "\t", "\u00a0", "\u2003")


@dataclass(frozen=True)
class Sheet:
    """A file to be spoilt, and where its keys and values stand."""

    raw: bytes

    @cached_property
    def text(self) -> str:
        return self.raw.decode()

    @cached_property
    def lines(self) -> list[str]:
        return self.text.splitlines(keepends=True)

    @cached_property
    def keys(self) -> list[tuple[Any, Any]]:
        """Each key with its value, as the composer's nodes."""
        return [pair for node in self.nodes if isinstance(node, yaml.MappingNode) for pair in node.value]

    @cached_property
    def nodes(self) -> list[Any]:
        return list(_walk(yaml.compose(self.text, Loader=yaml.CSafeLoader), set()))

    def with_lines(self, lines: list[str]) -> bytes:
        return "".join(lines).encode()

    def with_span(self, start: Any, end: Any, new: str) -> bytes:
        return (self.text[: start.index] + new + self.text[end.index :]).encode()


Mutation: TypeAlias = Callable[[Sheet, random.Random], bytes]
MUTATIONS: dict[str, Mutation] = {}


def _kind(mutation: Mutation) -> Mutation:
    """Add a kind of mutation to the list."""
    MUTATIONS[mutation.__name__.removeprefix("_")] = mutation
    return mutation


def _walk(node: Any, seen: set[int]) -> Iterator[Any]:
    if id(node) in seen:
        return
    seen.add(id(node))
    yield node
    for child in node.value if isinstance(node, yaml.CollectionNode) else ():
        for part in child if isinstance(child, tuple) else (child,):
            yield from _walk(part, seen)


# Lines


@_kind
def _line_deleted(sheet: Sheet, chance: random.Random) -> bytes:
    at, number = chance.randrange(len(sheet.lines)), chance.choice((1, 1, 1, 5, 20))
    return sheet.with_lines(sheet.lines[:at] + sheet.lines[at + number :])


@_kind
def _line_duplicated(sheet: Sheet, chance: random.Random) -> bytes:
    at = chance.randrange(len(sheet.lines))
    return sheet.with_lines(sheet.lines[: at + 1] + sheet.lines[at:])


@_kind
def _lines_swapped(sheet: Sheet, chance: random.Random) -> bytes:
    lines, (one, two) = list(sheet.lines), chance.sample(range(len(sheet.lines)), 2)
    lines[one], lines[two] = lines[two], lines[one]
    return sheet.with_lines(lines)


@_kind
def _indented(sheet: Sheet, chance: random.Random) -> bytes:
    lines, at = list(sheet.lines), chance.randrange(len(sheet.lines))
    lines[at] = chance.choice(SPACES) + lines[at]
    return sheet.with_lines(lines)


@_kind
def _outdented(sheet: Sheet, chance: random.Random) -> bytes:
    lines = list(sheet.lines)
    at = chance.choice([n for n, line in enumerate(lines) if line.startswith(" ")])
    lines[at] = lines[at].removeprefix(" " * chance.choice((1, 2)))
    return sheet.with_lines(lines)


@_kind
def _tabs(sheet: Sheet, chance: random.Random) -> bytes:
    lines = list(sheet.lines)
    at = chance.choice([n for n, line in enumerate(lines) if " " in line])
    lines[at] = lines[at].replace(chance.choice((" ", ": ")), "\t", chance.choice((1, -1)))
    return sheet.with_lines(lines)


# Bytes


@_kind
def _truncated(sheet: Sheet, chance: random.Random) -> bytes:
    return sheet.raw[: chance.randrange(len(sheet.raw))]


@_kind
def _beheaded(sheet: Sheet, chance: random.Random) -> bytes:
    return sheet.raw[chance.randrange(len(sheet.raw)) :]


@_kind
def _bytes_flipped(sheet: Sheet, chance: random.Random) -> bytes:
    raw = bytearray(sheet.raw)
    for _ in range(chance.choice((1, 1, 3, 30))):
        raw[chance.randrange(len(raw))] ^= 1 << chance.randrange(8)
    return bytes(raw)


def _inserted(sheet: Sheet, chance: random.Random, *pieces: bytes) -> bytes:
    at = chance.randrange(len(sheet.raw) + 1)
    return sheet.raw[:at] + chance.choice(pieces) + sheet.raw[at:]


@_kind
def _byte_inserted(sheet: Sheet, chance: random.Random) -> bytes:
    return _inserted(sheet, chance, *BYTES)


@_kind
def _not_utf8(sheet: Sheet, chance: random.Random) -> bytes:
    spoilt = _inserted(sheet, chance, b"\xff", b"\xc3", b"\xed\xa0\x80", b"\xf5\x80\x80\x80", b"\xc0\x80")
    return chance.choice((spoilt, sheet.text.encode("utf-16"), sheet.text.encode("utf-32"), b"\xff\xfe"))


@_kind
def _control_character(sheet: Sheet, chance: random.Random) -> bytes:
    controls = [*range(0x20), 0x7F, *range(0x80, 0xA0), 0x2028, 0x2029, 0x200B, 0x202E, 0xFFFE, 0xFDD0]
    at = chance.randrange(len(sheet.text) + 1)
    return (sheet.text[:at] + chr(chance.choice(controls)) + sheet.text[at:]).encode()


@_kind
def _strange_line_end(sheet: Sheet, chance: random.Random) -> bytes:
    end = chance.choice(("\u2028", "\u2029", "\x85", "\r", "\r\r\n", "\f"))
    spoilt = sheet.text.replace("\n", end, chance.choice((1, 5, -1)))
    return spoilt.encode() + chance.choice((b"", b"nosuch: 1\n", b"[", b'\n"'))


@_kind
def _crlf(sheet: Sheet, chance: random.Random) -> bytes:
    spoilt = sheet.raw.replace(b"\n", b"\r\n", chance.choice((3, -1)))
    return spoilt + chance.choice((b"", b"nosuch: 1\r\n"))


@_kind
def _bom(sheet: Sheet, chance: random.Random) -> bytes:
    mark = b"\xef\xbb\xbf"
    return chance.choice((mark + sheet.raw, mark * 2 + sheet.raw, _inserted(sheet, chance, mark), mark))


@_kind
def _nul(sheet: Sheet, chance: random.Random) -> bytes:
    return chance.choice((_inserted(sheet, chance, b"\0"), sheet.raw + b"\0" * 4096, b"\0" * len(sheet.raw)))


# Keys


@_kind
def _key_renamed(sheet: Sheet, chance: random.Random) -> bytes:
    key, _ = chance.choice(sheet.keys)
    return sheet.with_span(
        key.start_mark, key.end_mark, chance.choice(("nosuch", chance.choice(sheet.keys)[0].value, ""))
    )


@_kind
def _key_misspelt(sheet: Sheet, chance: random.Random) -> bytes:
    key, _ = chance.choice(sheet.keys)
    at = chance.randrange(len(key.value))
    spelt = chance.choice(
        (key.value[:at] + key.value[at + 1 :], key.value[:at] + "x" + key.value[at:], key.value.upper())
    )
    return sheet.with_span(key.start_mark, key.end_mark, spelt)


@_kind
def _key_of_another_type(sheet: Sheet, chance: random.Random) -> bytes:
    key, _ = chance.choice(sheet.keys)
    return sheet.with_span(key.start_mark, key.end_mark, chance.choice(JUNK))


@_kind
def _entry_removed(sheet: Sheet, chance: random.Random) -> bytes:
    key, value = chance.choice([pair for pair in sheet.keys if pair[0].start_mark.index < pair[1].end_mark.index])
    return sheet.with_span(key.start_mark, value.end_mark, "")


@_kind
def _entry_duplicated(sheet: Sheet, chance: random.Random) -> bytes:
    key, value = chance.choice([pair for pair in sheet.keys if pair[0].start_mark.index < pair[1].end_mark.index])
    entry = sheet.text[key.start_mark.index : value.end_mark.index]
    return sheet.with_span(
        value.end_mark, value.end_mark, chance.choice((", ", "\n" + " " * key.start_mark.column)) + entry
    )


# Values


@_kind
def _value_replaced(sheet: Sheet, chance: random.Random) -> bytes:
    _, value = chance.choice(sheet.keys)
    return sheet.with_span(value.start_mark, value.end_mark, chance.choice(JUNK))


@_kind
def _scalar_replaced(sheet: Sheet, chance: random.Random) -> bytes:
    node = chance.choice([node for node in sheet.nodes if isinstance(node, yaml.ScalarNode)])
    return sheet.with_span(node.start_mark, node.end_mark, chance.choice(JUNK))


@_kind
def _node_replaced_by_another(sheet: Sheet, chance: random.Random) -> bytes:
    node, other = chance.choice(sheet.nodes), chance.choice(sheet.nodes)
    new = sheet.text[other.start_mark.index : other.end_mark.index]
    return sheet.with_span(node.start_mark, node.end_mark, new)


@_kind
def _data_replaced(sheet: Sheet, chance: random.Random) -> bytes:
    """The same file as another program writes it, with a value of a wrong type somewhere."""
    data = yaml.load(sheet.text, Loader=yaml.CSafeLoader)
    places = list(_containers(data))
    wrong: list[Any] = [
        None,
        True,
        0,
        -1,
        1.5,
        float("nan"),
        float("inf"),
        "",
        "text",
        [],
        {},
        [[]],
        {"a": {}},
        10**400,
    ]
    for _ in range(chance.choice((1, 1, 3))):
        container = chance.choice(places)
        key = chance.choice(list(container) if isinstance(container, dict) else range(len(container)))
        container[key] = chance.choice(wrong)
    return yaml.safe_dump(data, sort_keys=False, default_flow_style=chance.choice((None, True, False))).encode()


def _containers(data: Any) -> Iterator[Any]:
    if isinstance(data, dict | list) and data:
        yield data
        for item in data.values() if isinstance(data, dict) else data:
            yield from _containers(item)


@_kind
def _placeholder_added(sheet: Sheet, chance: random.Random) -> bytes:
    """A placeholder that is known somewhere, at a place where it may not be."""
    node = chance.choice([node for node in sheet.nodes if isinstance(node, yaml.ScalarNode)])
    names = (
        "matrix.stop",
        "matrix.environment",
        "saved.session",
        "secret.api-key",
        "home",
        "port",
        "version",
        "base_url",
    )
    more = ("database.url", "llm.base_url", "a", "data", "matrix.nosuch", "tree", "config", "matrix.platform")
    return sheet.with_span(node.end_mark, node.end_mark, "{" + chance.choice(names + more) + "}")


@_kind
def _scalar_of_elsewhere(sheet: Sheet, chance: random.Random) -> bytes:
    scalars = [node for node in sheet.nodes if isinstance(node, yaml.ScalarNode)]
    node, other = chance.choice(scalars), chance.choice(scalars)
    return sheet.with_span(node.start_mark, node.end_mark, sheet.text[other.start_mark.index : other.end_mark.index])


@_kind
def _very_long_text(sheet: Sheet, chance: random.Random) -> bytes:
    node = chance.choice([node for node in sheet.nodes if isinstance(node, yaml.ScalarNode)])
    piece = chance.choice(("x", "x ", "{nosuch}", "${NO:-", "${NO}", "{a.", "[a-z", "((", "\u00e4", "\\n", "{saved.x}"))
    return sheet.with_span(node.start_mark, node.end_mark, '"' + piece * chance.choice((200, 20_000, 90_000)) + '"')


# YAML's own machinery


@_kind
def _nested(sheet: Sheet, chance: random.Random) -> bytes:
    _, value = chance.choice(sheet.keys)
    opened, closed = chance.choice(
        (("[", "]"), ("{a: ", "}"), ("[", ""), ("{", ""), ("- ", ""), ("? ", ""), ("[{a: ", "}]"))
    )
    depth = chance.choice((30, 60, 2_000, 100_000))
    return sheet.with_span(value.start_mark, value.end_mark, opened * depth + "x" + closed * depth)


@_kind
def _nested_blocks(sheet: Sheet, chance: random.Random) -> bytes:
    depth = chance.choice((30, 60, 900))
    return sheet.raw + b"".join(b" " * n + chance.choice((b"a:\n", b"-\n")) for n in range(depth))


@_kind
def _recursive_alias(sheet: Sheet, chance: random.Random) -> bytes:
    _, value = chance.choice(sheet.keys)
    return sheet.with_span(
        value.start_mark,
        value.end_mark,
        chance.choice(("&r [*r]", "&r {a: *r}", "&r {<<: *r}", "&r [&s [*r, *s]]", "*r")),
    )


@_kind
def _billion_laughs(sheet: Sheet, chance: random.Random) -> bytes:
    item = chance.choice(("lol", "{a: 1}", "x" * 1000))
    rows = [f"b0: &b0 [{item}]"]
    rows += [f"b{n}: &b{n} [{', '.join([f'*b{n - 1}'] * 10)}]" for n in range(1, chance.choice((3, 9, 40)))]
    bomb = "\n".join(rows) + "\n"
    return bomb.encode() + sheet.raw if chance.random() < 0.5 else sheet.raw + bomb.encode()


@_kind
def _merge_key(sheet: Sheet, chance: random.Random) -> bytes:
    key, _ = chance.choice(sheet.keys)
    merged = chance.choice(
        ("{a: 1}", "[{a: 1}, {b: 2}]", "1", "[1]", "null", "*nosuch", "{schema: 2}", "{<<: {c: 1}}", "[]")
    )
    between = chance.choice((", ", "\n" + " " * key.start_mark.column))
    return sheet.with_span(key.start_mark, key.start_mark, f"<<: {merged}{between}")


@_kind
def _merge_bomb(sheet: Sheet, chance: random.Random) -> bytes:
    rows = ["m0: &m0 {" + ", ".join(f"k{n}: {n}" for n in range(100)) + "}"]
    rows += [
        f"m{n}: &m{n} {{<<: [{', '.join([f'*m{n - 1}'] * 10)}], n{n}: 1}}" for n in range(1, chance.choice((3, 20)))
    ]
    return sheet.raw + "\n".join(rows).encode()


@_kind
def _tagged(sheet: Sheet, chance: random.Random) -> bytes:
    node = chance.choice(sheet.nodes)
    tags = (
        "!!python/object:os.system ",
        "!!python/object/new:list ",
        "!!str ",
        "!!int ",
        "!!map ",
        "!!seq ",
        "!a%1b%5b ",
    )
    more = ("!!binary ", "!!omap ", "!<%0a> ", "! ", "!e!x ", "!!float ", "!!null ", "!!bool ", "!!merge ")
    return sheet.with_span(node.start_mark, node.start_mark, chance.choice(tags + more))


@_kind
def _anchored(sheet: Sheet, chance: random.Random) -> bytes:
    node, other = chance.choice(sheet.nodes), chance.choice(sheet.nodes)
    text, first, last = sheet.text, *sorted((node.start_mark.index, other.start_mark.index))
    return f"{text[:first]}&new {text[first:last]}*new {text[last:]}".encode()


@_kind
def _directive(sheet: Sheet, chance: random.Random) -> bytes:
    lines = (
        b"%YAML 1.1\n---\n",
        b"%YAML 9.9\n---\n",
        b"%TAG ! tag:x,2025:\n---\n",
        b"%NOSUCH\n---\n",
        b"%YAML 1.2\n",
        b"---\n",
    )
    return chance.choice(lines) + sheet.raw


@_kind
def _several_documents(sheet: Sheet, chance: random.Random) -> bytes:
    return sheet.raw + chance.choice(
        (b"---\n" + sheet.raw, b"...\n", b"...\n---\n", b"---\na: [", b"...\nx: 1\n", b"--- !!int x")
    )


# Size


@_kind
def _huge_file(sheet: Sheet, chance: random.Random) -> bytes:
    filling = (b"# comment\n", b"\n", b"nosuch: 1\n", b"x", b"\xff", "\u4e2d".encode(), b"\r\n", b" ", b"- ", b"\0")
    return sheet.raw + chance.choice(filling) * chance.choice((40_000, 2_000_000))


@_kind
def _many_problems(sheet: Sheet, chance: random.Random) -> bytes:
    count = chance.choice((150, 20_000))
    kind = chance.randrange(4)
    if kind == 0:
        return sheet.raw + b"".join(b"nosuch%d: 1\n" % n for n in range(count))
    if kind == 1:
        return sheet.raw + b"nosuch: [" + b"'{nosuch}', " * count + b"]\n"
    sequences = [node for node in sheet.nodes if isinstance(node, yaml.SequenceNode)]
    node = chance.choice(sequences)
    filling = "[" + chance.choice(("null, ", "{}, ", "NO, ", "{nosuch: 1}, ")) * count + "]"
    return sheet.with_span(node.start_mark, node.end_mark, filling)


@_kind
def _empty(_sheet: Sheet, chance: random.Random) -> bytes:
    return chance.choice(
        (b"", b"\n", b"#\n", b"---\n", b"null\n", b"[]\n", b"{}\n", b"x\n", b"1\n", b"'", b"? ", b"- ", b"\t")
    )


@dataclass(frozen=True)
class Mutant:
    """A spoilt file, and how it came to be."""

    name: str
    raw: bytes


def mutants(seed: int, name: str, raw: bytes, count: int) -> Iterator[Mutant]:
    """Spoil a file in `count` ways; the same seed and file give the same mutants."""
    chance = random.Random(f"{seed} {name}")  # noqa: S311 - a seed makes the damage the same each time
    kinds: list[str] = []
    for number in range(count):
        kinds = kinds or chance.sample(sorted(MUTATIONS), len(MUTATIONS))
        chosen = [kinds.pop()]
        spoilt = MUTATIONS[chosen[0]](Sheet(raw), chance)
        if chance.random() < 0.3 and (again := _spoilt_again(spoilt, chance)):
            chosen.append(again[0])
            spoilt = again[1]
        yield Mutant(f"{seed}-{number:03}-{'-and-'.join(chosen)}-of-{name}", spoilt)


def _spoilt_again(raw: bytes, chance: random.Random) -> tuple[str, bytes] | None:
    """Spoil what is spoilt a second time, in a way that needs no valid YAML; None for what has no two lines."""
    name = chance.choice(("line_deleted", "lines_swapped", "truncated", "bytes_flipped", "control_character", "crlf"))
    try:
        return (name, MUTATIONS[name](Sheet(raw), chance)) if raw.count(b"\n") > 1 and len(raw) < 100_000 else None
    except UnicodeDecodeError:
        return None
