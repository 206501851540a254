"""Does the lab notice? Defects are planted into the reference product, one at a time, and each must be caught.

Caught means: by the check, in the step and with the verdict that the defect's `expect.yaml` names. The clean product
runs through the same cells and must pass; whatever fails there is a false alarm.
"""

import json
import secrets
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from lab import paths
from lab.defects import Case, clean_cases, defect_names, planted_cases
from lab.errors import UsageError
from lab.planning import make_up, secret_names, setting_of
from lab.product.sources import Artifact
from lab.records.model import Exit, TrialResult, Verdict
from lab.records.statistics import upper_bound
from lab.scenario.steps import Slot
from lab.template import near
from lab.trial import TrialPlan

if TYPE_CHECKING:
    from lab.report.terminal import Screen

CONFIDENCE = 0.95


@dataclass(frozen=True)
class Row:
    """A line of the detection table."""

    case: str
    cell: str
    planted: str
    """What was broken, empty where nothing was."""
    expected: str
    got: str
    verdict: Verdict
    caught: bool
    """Whether the trial came out as it must: the defect seen as expected, or the clean product passed."""


@dataclass(frozen=True)
class Detection:
    """What a self-test showed."""

    rows: Sequence[Row]

    @property
    def defects(self) -> list[Row]:
        """The rows of planted defects."""
        return [row for row in self.rows if row.planted]

    @property
    def clean(self) -> list[Row]:
        """The rows of the undamaged product."""
        return [row for row in self.rows if not row.planted]

    @property
    def missed(self) -> list[Row]:
        """Planted defects that were not seen as they must be."""
        return [row for row in self.defects if not row.caught]

    @property
    def alarms(self) -> list[Row]:
        """Clean trials in which the product was said to have failed."""
        return [row for row in self.clean if row.verdict == "fail"]

    @property
    def unanswered(self) -> list[Row]:
        """Clean trials that gave no answer: a measurement is missing, or the lab failed."""
        return [row for row in self.clean if row.verdict not in {"pass", "fail"}]

    @property
    def bound(self) -> float:
        """Exact one-sided upper bound of the rate of false alarms (Clopper-Pearson, 95%)."""
        answered = len(self.clean) - len(self.unanswered)
        return upper_bound(len(self.alarms), answered, CONFIDENCE) if answered else 1.0

    @property
    def summary(self) -> str:
        """The result in one line."""
        caught = f"{len(self.defects) - len(self.missed)} of {len(self.defects)} planted defects caught"
        alarms = f"{len(self.alarms)} false alarms in {len(self.clean)} clean trials"
        alarms += f" ({len(self.unanswered)} without an answer)" if self.unanswered else ""
        return f"{caught}; {alarms}, so that their rate is below {100 * self.bound:.1f}% ({100 * CONFIDENCE:g}% sure)"


def selftest(wanted: Sequence[str], clean: int, workers: int, screen: "Screen", *, as_json: bool) -> Exit:
    """Run the clean product and each defect, print the table, and return 0 only if all is as it must be.

    `clean` is how many trials of the clean product there are, one for each cell at least. Raises UsageError for an
    unknown defect.
    """
    known = defect_names()
    for name in wanted:
        if name not in known:
            raise UsageError(f"there is no defect '{name}'{near(name, known)}", hint=f"defects: {', '.join(known)}")
    from lab.environment.containers import engine

    engine.connect().close()  # without one every cell would be skipped
    planted = [case for name in wanted or known for case in planted_cases(name)]
    cases = [*planted, *clean_cases(planted, clean)]
    results = _run(cases, workers, screen)
    shown = Detection([judge_case(case, results[case.name]) for case in cases])
    if as_json:
        told = {"rows": [asdict(row) for row in shown.rows], "clean_trials": len(shown.clean)}
        told |= {
            "false_alarms": len(shown.alarms),
            "unanswered": len(shown.unanswered),
            "false_alarm_bound": shown.bound,
            "confidence": CONFIDENCE,
        }
        print(json.dumps(told, indent=2))
    else:
        print(table(shown))
    wrong = [row.case for row in (*shown.missed, *shown.alarms)]
    if wrong:
        return Exit(code=1, reason=f"{shown.summary}: {', '.join(wrong)}")
    if shown.unanswered:
        return Exit(code=4, reason=f"{shown.summary}: {', '.join(row.case for row in shown.unanswered)}")
    return Exit(code=0, reason=shown.summary)


def judge_case(case: Case, result: TrialResult) -> Row:
    """Say whether a trial came out as its case demands."""
    failing = [
        (check.check, finding.step.partition("-")[2], finding.verdict)
        for check in result.checks
        for finding in check.findings
        if finding.verdict not in {"pass", "skipped"}
    ]
    got = ", ".join(_shown(*each) for each in dict.fromkeys(failing)) or result.verdict
    if case.expectation is None:
        return Row(case.name, result.cell, "", "pass", got, result.verdict, caught=result.verdict == "pass")
    wanted = case.expectation
    seen = (wanted.check, wanted.step or "", wanted.verdict)
    caught = seen in failing and result.verdict == wanted.verdict
    return Row(case.name, result.cell, wanted.title, _shown(*seen), got, result.verdict, caught)


def _shown(check: str, step: str, verdict: str) -> str:
    return f"{check}@{step}: {verdict}" if step else f"{check}: {verdict}"


def table(shown: Detection) -> str:
    """Return the detection table as text: each planted defect, then the clean trials by cell."""
    form = "{:<68} {:<34} {:<12} {}"
    lines = [form.format("planted", "must be seen as (check@step)", "result", "also seen"), "-" * 146]
    for row in shown.defects:
        seen = [each for each in row.got.split(", ") if each != row.expected]
        word = "caught" if row.caught else "MISSED"
        lines.append(form.format(row.case, row.expected, word, ", ".join(seen)).rstrip())
    for cell in dict.fromkeys(row.cell for row in shown.clean):
        here = [row for row in shown.clean if row.cell == cell]
        wrong = [row.got for row in here if not row.caught]
        alarm = any(row.verdict == "fail" for row in here)
        word = "FALSE ALARM" if alarm else "unanswered" if wrong else "clean"
        told = f"{len(here) - len(wrong)} of {len(here)} passed"
        lines.append(form.format(f"(clean) {cell}", told, word,
                                 "; ".join(wrong)).rstrip())  # fmt: skip
    return "\n".join([*lines, "", shown.summary])


def _run(cases: Sequence[Case], workers: int, screen: "Screen") -> dict[str, TrialResult]:
    """Run one trial of every case, in folders apart from the runs that count."""
    from lab.building import prepare_site
    from lab.environment.containers import engine
    from lab.environment.hostnet import host_network
    from lab.execution import Execution, guarded, interruptible
    from lab.locks import held
    from lab.preparation import resolve_all
    from lab.records.store import LOCK_FILE

    run_id, seed = secrets.token_hex(16), secrets.randbits(32)
    folder = paths.lab_home() / "selftest" / run_id
    folder.mkdir(parents=True)
    with interruptible(), held(folder / LOCK_FILE), guarded(run_id, folder):
        client = engine.connect()
        screen.say(f"{len(cases)} trials, {workers} at a time, seed {seed}; evidence in {folder}")
        with ThreadPoolExecutor(max_workers=workers) as pool:
            found = pool.map(lambda case: resolve_all(case.planned.choices), cases)
            artifacts: dict[str, dict[Slot, Artifact]] = {
                case.name: each for case, each in zip(cases, found, strict=True)
            }
        settings = {
            case.name: setting_of(
                case.planned,
                case.planned.cells[0],
                artifacts[case.name],
                make_up(secret_names(case.planned.definitions), seed),
            )
            for case in cases
        }
        site = prepare_site(list(settings.values()), client, screen.say)
        plans = {
            case.name: TrialPlan(
                run_id=run_id,
                number=number,
                attempt=1,
                setting=settings[case.name],
                folder=folder / "trials" / case.name.replace(" ", "-").replace("/", "~") / "001" / "attempt-1",
                seed=seed,
                keep="never",
                images=site.images(settings[case.name]),
                secrets=(*settings[case.name].secrets.values(), *host_network().secrets),
            )
            for number, case in enumerate(cases, start=1)
        }
        results = Execution(site, workers, 0, screen).run(list(plans.values()))
        client.close()
    by_number = {result.trial: result for result in results}
    return {name: by_number[plan.number] for name, plan in plans.items()}
