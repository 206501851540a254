"""What a person sees while a run goes on: a live table on a terminal, plain lines anywhere else."""

import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console, Group
from rich.live import Live
from rich.markup import escape as escape_markup
from rich.table import Table
from rich.text import Text

from lab.records.model import Exit, RunRecord, TrialResult
from lab.report.drift import drift
from lab.report.findings import Answer, answers
from lab.report.meaning import HEADLINES
from lab.report.outcome import circumstances, skipped, subject, tally
from lab.report.wording import plain
from lab.trial import TrialPlan
from lab.wording import some

MARKS = {"pass": "[green]pass[/]", "fail": "[bold red]FAIL[/]", "error": "[bold yellow]ERROR[/]",
         "unknown": "[yellow]unknown[/]", "skipped": "[dim]skipped[/]"}  # fmt: skip
REFRESH = 8
"""Pictures a second."""
COLOURS = {0: "bold green", 1: "bold red"}
MOST_FINDINGS, MOST_LINES, LONGEST = 5, 3, 160
"""Of the closing summary, which is to fit on a screen: findings, lines of each, characters of a line."""


def escape(text: str) -> str:
    """Make any text, whoever wrote it, harmless for a terminal and for rich."""
    return escape_markup(plain(text).encode("utf8", "backslashreplace").decode("utf8"))


class Screen:
    """Tells one run; NO_COLOR and a missing terminal are respected by rich."""

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Console(highlight=False, soft_wrap=True)
        self._live: Live | None = None
        self._started = time.monotonic()
        self._steps: dict[str, tuple[str, float]] = {}
        self._rows: dict[str, list[str]] = {}
        self._total: dict[str, int] = {}
        self._results: list[TrialResult] = []

    def say(self, text: str) -> None:
        """Tell something that happens before or beside the trials."""
        self.console.print(escape(f"{self._clock()}  {text}"))

    def begin(self, record: RunRecord, plans: Sequence[TrialPlan]) -> None:
        """Show what is about to run."""
        for slot, version in record.versions.items():
            digest = f"  {version.digest[:19]}" if version.digest else ""
            self.say(f"{slot:>4}: {record.product} {version.label} from {version.origin}{digest}")
        for line in circumstances(record):
            self.say(line)
        for line in skipped(record.cells):
            self.say(line)
        for plan in plans:
            self._total[plan.setting.cell.id] = self._total.get(plan.setting.cell.id, 0) + 1
        if not plans:
            return
        self.say(f"{len(plans)} trials in {len(self._total)} cells, {record.workers} at a time, seed {record.seed}")
        cpus = os.cpu_count() or 1
        if record.workers > cpus:
            self.say(f"note: {record.workers} workers on {cpus} processors; times are those of a busy machine")
        if self.console.is_terminal:
            self._live = Live(
                console=self.console, refresh_per_second=REFRESH, get_renderable=self._picture, transient=True
            )
            self._live.start()

    def event(self, plan: TrialPlan, event: dict[str, Any]) -> None:
        """Follow a trial's steps."""
        if event["event"] == "step.start":
            self._steps[plan.key] = (f"{plan.setting.cell.id} #{plan.number}: {event['kind']}", time.monotonic())
        elif event["event"] == "step.end" and self._live is None:
            outcome = "" if event["outcome"] == "done" else f"  {event['outcome']}"
            place = f"{plan.setting.cell.id} #{plan.number}"
            self.say(f"{place}  {event['step']:<13} {event['seconds']:6.2f} s{outcome}")

    def finished(self, plan: TrialPlan, result: TrialResult) -> None:
        """Show a result with its reason."""
        self._steps.pop(plan.key, None)
        self._rows.setdefault(result.cell, []).append(result.verdict)
        self._results.append(result)
        attempt = f" attempt {result.attempt}" if result.attempt > 1 else ""
        head = f"{self._clock()}  {MARKS[result.verdict]}  {escape(result.cell)} #{result.trial}{attempt}"
        self.console.print(f"{head}  {result.seconds:.1f} s  {escape(result.reason)}")
        for problem in result.cleanup_problems:
            self.console.print(f"          [yellow]left behind:[/] {escape(problem)}")

    def end(self) -> None:
        """Take the live picture away."""
        if self._live is not None:
            self._live.stop()
            self._live = None

    def conclude(self, record: RunRecord, folder: Path) -> None:
        """Tell the verdict, its reasons, where the evidence is, and the command that repeats the run."""
        console, ended = self.console, record.exit or Exit(code=3, reason="the run has no end")
        found = answers(record, self._results)
        counted = tally([result for result in self._results if result.attempt == 1], found)
        colour, word = COLOURS.get(ended.code, "bold yellow"), HEADLINES.get(ended.code, "ENDED")
        console.print()
        console.print(f"[{colour}]{word}[/]  {escape(f'{subject(record)}: {ended.reason}')}")
        if counted:
            console.print(f"      {escape(counted)}")
        for line in circumstances(record):
            console.print(f"      {escape(line)}")
        for line in drift(record, self._results):
            console.print(f"      {escape(line)}")
        self._tell_findings(found)
        if ended.code == 0 and self._results:
            self._tell_passed(self._results[0])
        console.print(f"evidence  {escape(str(folder))}")
        console.print(f"report    {escape(record.command.split(' run ')[0])} report {record.run_id[:12]}")
        console.print(f"repeat    {escape(record.command)}")

    def _tell_findings(self, found: Sequence[Answer]) -> None:
        """Tell the most important findings: of each check that did not pass what was seen first."""
        for answer in found[:MOST_FINDINGS]:
            seen = answer.seen[0]
            where = f"  [dim]seen {escape(seen.where)}[/]" if seen.where else ""
            self.console.print(f"  {MARKS[seen.verdict]}  {escape(answer.check)}{where}")
            lines = seen.text.splitlines() if len(seen.points) == 1 else [f"{seen.head}:", *seen.points]
            for line in lines[:MOST_LINES]:
                self.console.print(f"        {escape(line if len(line) <= LONGEST else line[:LONGEST] + ' …')}")
            left = [some(len(lines) - MOST_LINES, "more line")] if len(lines) > MOST_LINES else []
            left += [some(len(answer.seen) - 1, "more finding")] if len(answer.seen) > 1 else []
            if left:
                self.console.print(f"        … and {', '.join(left)}", style="dim")
        if len(found) > MOST_FINDINGS:
            names = ", ".join(answer.check for answer in found[MOST_FINDINGS:])
            self.console.print(f"  … and {len(found) - MOST_FINDINGS} more in the report: {escape(names)}")

    def _tell_passed(self, result: TrialResult) -> None:
        """Tell what the checks of one trial saw, so that a pass says more than that nothing was found."""
        self.console.print(f"  what was seen in {escape(result.cell)} #{result.trial}:", style="dim")
        for check in result.checks:
            for number, reason in enumerate([finding.reason for finding in check.findings] or [check.reason]):
                self.console.print(f"    {'' if number else check.check:<14} {escape(reason)}")

    def _clock(self) -> str:
        return f"{time.monotonic() - self._started:6.1f} s"

    def _picture(self) -> Group:
        table = Table.grid(padding=(0, 2))
        for cell, total in self._total.items():
            done = self._rows.get(cell, [])
            bad = len([verdict for verdict in done if verdict != "pass"])
            state = f"{len(done)}/{total}" + (f", {bad} not passed" if bad else "")
            table.add_row(Text(cell), Text(state, style="red" if bad else "green" if done else "dim"))
        running = [
            Text(f"  {text}  {time.monotonic() - since:.1f} s", style="cyan")
            for text, since in self._steps.copy().values()
        ]
        return Group(table, *running)
