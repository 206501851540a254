"""What stored runs tell: a run, the rates over all runs, the logs."""

from collections.abc import Iterator
from pathlib import Path

from lab.errors import UsageError
from lab.listing import Told


def stored_run(name: str) -> Told:
    """Return one run as text, and as its stored records."""
    from lab.records.store import find_run, read_run, read_trials
    from lab.report.text import report

    folder = find_run(name)
    record, trials = read_run(folder), read_trials(folder).results
    value = {"run": record.model_dump(mode="json"), "trials": [trial.model_dump(mode="json") for trial in trials]}
    return Told(value, report(record, trials, folder))


def stored_rates(scenario: str | None, product: str | None, target: float) -> Told:
    """Return success rates over all indexed trials."""
    from lab.records.index import trials
    from lab.report.rates import as_json, as_text, rates

    rows = rates(trials(scenario=scenario, product=product).results, target, 0.95)
    return Told(as_json(rows), as_text(rows))


def logs(name: str, part: str | None) -> Iterator[str]:
    """Yield the logs of a run's trials, each under the path of its file."""
    from lab.records.store import find_run

    folder = find_run(name)
    found = sorted(
        path for path in folder.glob("trials/*/*/*/logs/*") if path.suffix in {".stdout", ".stderr", ".unreadable"}
    )
    chosen = [path for path in found if part is None or part in str(path.relative_to(folder)).replace("~", "/")]
    if not chosen:
        places = sorted({str(path.relative_to(folder / "trials").parents[1]) for path in found})
        raise UsageError(f"{folder.name} holds no logs" + (f" of '{part}'" if part else ""), hint=", ".join(places))
    for path in chosen:
        text = _text(path)
        if text:
            yield f"==> {path.relative_to(folder)}"
            yield from text.splitlines()


def _text(path: Path) -> str:
    """Read what a product wrote, without the control characters that could move a terminal."""
    raw = path.read_bytes().decode("utf8", "replace")
    return "".join(char for char in raw if char.isprintable() or char in "\n\t")
