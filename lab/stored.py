"""What stored runs tell: a run, the rates over all runs, the logs."""

from lab.errors import UsageError
from lab.listing import Told
from lab.report.wording import plain

DEFAULT_TARGET = 0.95
"""Success rate that is meant to be shown where neither the command line nor a scenario names one."""


def stored_run(name: str) -> Told:
    """Return one run as text, and as its stored records."""
    from lab.records.store import effective_status, find_run, read_run, read_trials
    from lab.report.text import report

    folder = find_run(name)
    record, (trials, problems), status = read_run(folder), read_trials(folder), effective_status(folder)
    value = {
        "status": status,
        "run": record.model_dump(mode="json"),
        "trials": [trial.model_dump(mode="json") for trial in trials],
        "problems": problems,
    }
    return Told(value, report(record, trials, folder, status=status, problems=problems))


def stored_rates(scenario: str | None, product: str | None, target: float | None) -> Told:
    """Return success rates over all indexed trials; a product may be given by the path of its definition."""
    from lab.product.catalog import load_product
    from lab.records.index import trials
    from lab.report.rates import as_json, as_text, rates
    from lab.scenario.load import load_scenario, scenario_names
    from lab.scenario.model import Target

    if product is not None and product.endswith((".yaml", ".yml")):
        product = load_product(product).product.name
    meant = Target(rate=target or DEFAULT_TARGET)
    if scenario is not None and scenario in scenario_names():
        wanted = load_scenario(scenario).scenario.target or meant
        meant = wanted if target is None else meant.model_copy(update={"confidence": wanted.confidence})
    found = trials(scenario=scenario, product=product)
    rows = rates(found.results, meant.rate, meant.confidence)
    notes = "".join(f"\nnote: {problem}" for problem in found.problems)
    return Told(as_json(rows) | {"problems": found.problems}, as_text(rows) + notes)


def logs(name: str, part: str | None) -> Told:
    """Return the logs of a run's trials, each under the path of its file."""
    from lab.records.store import find_run

    folder = find_run(name)
    found = sorted(
        path for path in folder.glob("trials/*/*/*/logs/*") if path.suffix in {".stdout", ".stderr", ".unreadable"}
    )
    chosen = [path for path in found if part is None or part in str(path.relative_to(folder)).replace("~", "/")]
    if not chosen:
        places = sorted({str(path.relative_to(folder / "trials").parents[1]) for path in found})
        raise UsageError(f"{folder.name} holds no logs" + (f" of '{part}'" if part else ""), hint=", ".join(places))
    told = {str(path.relative_to(folder)): plain(path.read_bytes().decode("utf8", "replace")) for path in chosen}
    return Told(told, "\n".join(f"==> {path}\n{text.rstrip()}" for path, text in told.items() if text))
