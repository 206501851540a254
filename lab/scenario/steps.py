"""The steps of the scenario language: what may be done to a product and its environment."""

from typing import Annotated, Any, Literal

from pydantic import Field, PositiveInt, model_validator

from lab.product.llm import Mode, OnceEach
from lab.scenario.llm import MODES, LlmFault
from lab.strict import Seconds, Strict, Text

Slot = Literal["from", "to"]
"""Which of the run's two versions a step means: the old one or the one under test."""


class InstallStep(Strict):
    """Install a version into the empty environment."""

    step: Literal["install"]
    version: Slot
    """Which of the run's versions: `from` is the old one, `to` the one under test."""


class ConfigureStep(Strict):
    """Write the configuration that the named version's definition gives."""

    step: Literal["configure"]
    version: Slot
    """Whose configuration is written; after an upgrade it stays as it is."""


class SetupStep(Strict):
    """Run the commands that the installed version's documentation asks for before the first start."""

    step: Literal["setup"]


class StartStep(Strict):
    """Start the product."""

    step: Literal["start"]
    under_init: bool = False
    """Start it below an init, as systemd or `docker run --init` do, and not as the first process of its container: what
    it leaves behind when it stops can then be seen."""


class ReadyStep(Strict):
    """Wait until the product answers healthy several times in a row."""

    step: Literal["ready"]
    consecutive: PositiveInt = 3
    """So many good answers in a row count as ready; one good answer may be chance."""


class InspectStep(Strict):
    """Record what the running product says of itself: version, API, configuration, memory."""

    step: Literal["inspect"]


class SeedStep(Strict):
    """Put the definition's data into the product."""

    step: Literal["seed"]


class VerifyStep(Strict):
    """Read the seeded data, and every answer acknowledged before a stop, back."""

    step: Literal["verify"]


class ExerciseStep(Strict):
    """Do what users do with the running product; it must work on any version, also after an upgrade."""

    step: Literal["exercise"]


class LedgerStep(Strict):
    """Record every row of every table, by key."""

    step: Literal["ledger"]


class StopStep(Strict):
    """Stop the product by one of the ways its definition declares."""

    step: Literal["stop"]
    way: Text = "signal"
    """Name of one of the definition's ways to stop; often `{matrix.stop}`."""
    in_flight: bool = False
    """Send the definition's request in flight first, and stop once it is held up."""
    hold: Seconds = 1.0
    """Seconds for which the request in flight is held up, by the LLM mock or by a lock, once it is known to be."""


class StopDatabaseStep(Strict):
    """Stop the database server under the product; skipped where the product keeps its data in a file."""

    step: Literal["stop-database"]


class StartDatabaseStep(Strict):
    """Start the database server again."""

    step: Literal["start-database"]


class WatchStep(Strict):
    """Ask for the product's health after the database went or came back, until it says what is waited for."""

    step: Literal["watch"]
    until: Literal["healthy", "unhealthy"]
    """What the product is waited for to say: `unhealthy` with the database stopped, `healthy` once it is back."""
    seconds: Seconds = 15
    """Seconds since the database went or came back, after which the product is not waited for any more."""


class RefuseStep(Strict):
    """Start the product where it cannot work; it should say so and end."""

    step: Literal["refuse"]
    because: Literal["missing-setting", "port-in-use", "database-stopped", "newer-data", "skipped-version"]
    """`missing-setting` tries each of the definition's `required_settings`; `newer-data` what a `downgrade` left, and
    `skipped-version` what an `upgrade` found, where no more was promised than that the product does not take it."""
    seconds: Seconds = 40
    """Seconds for which the product is watched, if it neither ends nor answers healthy."""


class UpgradeStep(Strict):
    """Install a version over the old one, keep data and configuration, run documented upgrade steps."""

    step: Literal["upgrade"]
    version: Slot
    """Which of the run's versions is installed over the one that is there."""


class SuiteStep(Strict):
    """Run the product's own tests, with the product at rest, and read their JUnit report."""

    step: Literal["suite"]


class RestartStep(Strict):
    """Restart the running product by its service manager; skipped where there is none."""

    step: Literal["restart"]
    seconds: Seconds = 90
    """Seconds within which the service manager must be done."""


class RebootStep(Strict):
    """Restart the whole machine; the product comes up with it. Skipped where there is no machine to restart."""

    step: Literal["reboot"]
    seconds: Seconds = 90
    """Seconds that the machine is given to go down before it is cut off."""


class SearchStep(Strict):
    """Search for what the host's network settings were given to installers alone: it must have stayed nowhere."""

    step: Literal["search"]


class SurveyStep(Strict):
    """Record what the place holds: files, accounts, units, ports, processes; also before anything is installed."""

    step: Literal["survey"]


class KillStep(Strict):
    """End the running product by SIGKILL, right after it has acknowledged a request."""

    step: Literal["kill"]


class BackupStep(Strict):
    """Make a backup of the product at rest, as its definition's `backup_steps` say."""

    step: Literal["backup"]


class DowngradeStep(Strict):
    """Install an older version over the one that is there; data and configuration stay as they are."""

    step: Literal["downgrade"]
    version: Slot
    """Which of the run's versions is installed over the newer one."""


class RestoreStep(Strict):
    """Put the backup back; skipped where the newer version promises that the older one needs none."""

    step: Literal["restore"]


class ReinstallStep(Strict):
    """Install the version that is there once more, by the same installer, and record what changes."""

    step: Literal["reinstall"]
    version: Slot
    """Which of the run's versions: the one that is installed."""


class UninstallStep(Strict):
    """Uninstall the product at rest as its definition's `uninstall_steps` say, and record what stays."""

    step: Literal["uninstall"]


class ConverseStep(Strict):
    """Let the product ask every provider of its definition at once, and record what both sides saw.

    Meanwhile the LLM mock is strict: what no case of this step expects is refused.
    """

    step: Literal["converse"]
    modes: Annotated[list[Mode], Field(min_length=1), OnceEach] = ["plain"]
    """How models are asked; a mode that the definition does not have is left out."""
    faults: Annotated[list[LlmFault], OnceEach] = []
    """What goes wrong, each by itself with every provider and in every mode in which it can; none: nothing does."""
    at_once: Annotated[int, Field(ge=1, le=64)] = 8
    """How many conversations go on at the same time."""

    @model_validator(mode="after")
    def _faults_can_happen(self) -> "ConverseStep":
        for fault in self.faults:
            if MODES[fault].isdisjoint(self.modes):
                raise ValueError(f"'{fault}' can only happen in one of: {', '.join(sorted(MODES[fault]))}")
        return self


class HookStep(Strict):
    """Call a Python function (`file.py:function`) that lies beside the scenario."""

    step: Literal["hook"]
    call: Text
    """File and function, `file.py:function`; the file's path starts from the scenario's folder."""
    arguments: dict[str, Any] = {}
    """Keyword arguments of the function."""


Step = Annotated[
    InstallStep
    | ConfigureStep
    | SetupStep
    | StartStep
    | ReadyStep
    | InspectStep
    | SeedStep
    | VerifyStep
    | ExerciseStep
    | LedgerStep
    | StopStep
    | StopDatabaseStep
    | StartDatabaseStep
    | WatchStep
    | RefuseStep
    | UpgradeStep
    | SuiteStep
    | RestartStep
    | RebootStep
    | SearchStep
    | SurveyStep
    | KillStep
    | BackupStep
    | DowngradeStep
    | RestoreStep
    | ReinstallStep
    | UninstallStep
    | ConverseStep
    | HookStep,
    Field(discriminator="step"),
]
