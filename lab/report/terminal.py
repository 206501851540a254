"""What a person sees while a run goes on: a live table on a terminal, plain lines anywhere else."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console, Group
from rich.live import Live
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from lab.records.model import Finding, RunRecord, TrialResult
from lab.trial import TrialPlan

MARKS = {"pass": "[green]pass[/]", "fail": "[bold red]FAIL[/]", "error": "[bold yellow]ERROR[/]",
         "unknown": "[yellow]unknown[/]", "skipped": "[dim]skipped[/]"}  # fmt: skip
REFRESH = 8
"""Pictures a second."""
MOST_REASONS = 6


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
        for cell in record.cells:
            if cell.skip:
                self.say(f"skipped {cell.id}: {cell.skip}")
        for plan in plans:
            self._total[plan.setting.cell.id] = self._total.get(plan.setting.cell.id, 0) + 1
        if not plans:
            return
        self.say(f"{len(plans)} trials in {len(self._total)} cells, {record.workers} at a time, seed {record.seed}")
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
        console = self.console
        console.print()
        told: dict[tuple[str, str, str, str], str] = {}
        for result in self._results:
            for check in result.checks:
                own = Finding(verdict=check.verdict, step=check.step, reason=check.reason)
                for finding in check.findings or [own]:
                    if finding.verdict in {"fail", "error", "unknown"}:
                        told.setdefault((finding.verdict, check.check, finding.step, finding.reason), result.cell)
        for (verdict, asked, step, reason), cell in list(told.items())[:MOST_REASONS]:
            at = f" at {step}" if step else ""
            console.print(f"  {MARKS[verdict]}  {escape(asked)}{escape(at)}  [dim]{escape(cell)}[/]")
            for line in reason.splitlines()[:14]:
                console.print(f"        {escape(line)}")
        if len(told) > MOST_REASONS:
            console.print(f"        … and {len(told) - MOST_REASONS} more findings in the report")
        word = {0: "[bold green]PASS[/]", 1: "[bold red]FAIL[/]"}.get(
            record.exit.code if record.exit else 3, "[bold yellow]NOT SHOWN[/]"
        )
        console.print(f"{word}  {escape(record.exit.reason if record.exit else '')}")
        console.print(f"evidence  {escape(str(folder))}", soft_wrap=True)
        console.print(
            f"report    {escape(record.command.split(' run ')[0])} report {record.run_id[:12]}", soft_wrap=True
        )
        console.print(f"repeat    {escape(record.command)}", soft_wrap=True)

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
