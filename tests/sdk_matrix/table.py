"""The table of what each SDK makes of the mock: `python -m tests.sdk_matrix.table` measures and writes it."""

import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

from lab import paths
from tests.sdk_matrix.environments import PACKAGES, SDKS, Sdk
from tests.sdk_matrix.measuring import Result, measure, running_mock

DOCUMENT = paths.CHECKOUT / "docs" / "llm-mock-sdks.md"
WORKERS = 2
NONE = "none"
YES = "yes"
HEAD = """# What official SDKs make of the LLM mock

The providers' own Python SDKs, of two generations, are run against the mock: each in an environment of its own, made
from a lock file under `requirements/`. This file is written by the run, and the tests fail where it differs from what
they measure. Write it anew with `.venv/bin/python -m tests.sdk_matrix.table`.

`yes` is a check that passed. Anything else is a fact: which error the SDK raises (its package, then its class), or how
many requests it sends and what it has in the end. A *wait* is `kept` where the second request did not come before the
time that the mock had told with the first answer: in `Retry-After`, as seconds or as a date, or in `retry-after-ms`;
Bedrock tells it in `x-amz-retry-after` besides. The lines that begin with *stream* and *answer* tell what a product
sees of a fault that the mock was told to make: "no error" means that the SDK does not notice.
"""
Cells = Mapping[str, str]
"""What the table says of one SDK, check by check."""


def cells(results: Sequence[Result]) -> Cells:
    """Return what the table is to say of these results."""
    return {each.check: (each.detail or YES) if each.ok else f"FAILED: {each.detail}" for each in results}


def render(measured: Mapping[str, Cells]) -> str:
    """Write the document from what was measured of each SDK."""
    parts = [HEAD, "| SDK | version | checks |", "|---|---|---|"]
    parts += [f"| {sdk.package} | {sdk.version} | {len(measured[sdk.name])} |" for sdk in SDKS]
    parts.append(f"| all | | {sum(map(len, measured.values()))} |")
    for family in PACKAGES:
        sdks = [sdk for sdk in SDKS if sdk.family == family]
        names = dict.fromkeys(check for sdk in sdks for check in measured[sdk.name])
        parts += ["", f"## {family}", "", f"| check | {' | '.join(sdk.generation for sdk in sdks)} |"]
        parts.append("|---|" + "---|" * len(sdks))
        for check in names:
            row = (measured[sdk.name].get(check, NONE) for sdk in sdks)
            parts.append(f"| {check} | {' | '.join(row)} |")
    return "\n".join(parts) + "\n"


def read(text: str) -> Mapping[str, Cells]:
    """Return what a document says of each SDK."""
    found: dict[str, dict[str, str]] = {}
    for section in text.split("\n## ")[1:]:
        family, *lines = section.splitlines()
        rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("|")]
        for position, generation in enumerate(rows[0][1:], 1):
            told = {row[0]: row[position] for row in rows[2:]}
            found[f"{family}-{generation}"] = {check: cell for check, cell in told.items() if cell != NONE}
    return found


def main() -> int:
    """Measure all SDKs and write the document; 1 where a check failed, and the document is left as it was."""
    with ThreadPoolExecutor(WORKERS) as pool:
        measured = dict(zip((sdk.name for sdk in SDKS), pool.map(_measured, SDKS), strict=True))
    failed = [
        f"{name}: {check}: {cell}"
        for name, told in measured.items()
        for check, cell in told.items()
        if cell.startswith("FAILED")
    ]
    if failed:
        print(*failed, sep="\n", file=sys.stderr)
        return 1
    DOCUMENT.write_text(render(measured), "utf8")
    print(f"{sum(map(len, measured.values()))} checks of {len(SDKS)} SDKs: {DOCUMENT}")
    return 0


def _measured(sdk: Sdk) -> Cells:
    # A mock for each: one has one set of rules, and probes that run at the same time would overwrite it.
    with running_mock() as mock:
        return cells(measure(sdk, mock))


if __name__ == "__main__":
    sys.exit(main())
