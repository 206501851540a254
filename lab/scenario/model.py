"""The scenario language, version 1: what a scenario file may say."""

from typing import Annotated, Any, Literal

from pydantic import Field, PositiveFloat, PositiveInt, model_validator

from lab.strict import Slug, Strict, Text

Slot = Literal["from", "to"]
"""Which of the run's two versions a step means: the old one or the one under test."""


class InstallStep(Strict):
    """Install a version into the empty environment."""

    step: Literal["install"]
    version: Slot


class ConfigureStep(Strict):
    """Write the configuration that the named version's definition gives."""

    step: Literal["configure"]
    version: Slot


class StartStep(Strict):
    """Start the product."""

    step: Literal["start"]


class ReadyStep(Strict):
    """Wait until the product answers healthy several times in a row."""

    step: Literal["ready"]
    consecutive: PositiveInt = 3


class InspectStep(Strict):
    """Record what the running product says of itself: version, API, configuration, memory."""

    step: Literal["inspect"]


class SeedStep(Strict):
    """Put the definition's data into the product."""

    step: Literal["seed"]


class VerifyStep(Strict):
    """Read the seeded data, and every answer acknowledged before a stop, back."""

    step: Literal["verify"]


class LedgerStep(Strict):
    """Record every row of every table, by key."""

    step: Literal["ledger"]


class StopStep(Strict):
    """Stop the product by one of the ways its definition declares."""

    step: Literal["stop"]
    way: Text = "signal"
    in_flight: bool = False
    hold: PositiveFloat = 1.0
    """Seconds for which the LLM mock holds back the answer of the request in flight."""


class UpgradeStep(Strict):
    """Install a version over the old one, keep data and configuration, run documented upgrade steps."""

    step: Literal["upgrade"]
    version: Slot


class HookStep(Strict):
    """Call a Python function (`file.py:function`) that lies beside the scenario."""

    step: Literal["hook"]
    call: Text
    arguments: dict[str, Any] = {}


Step = Annotated[
    InstallStep
    | ConfigureStep
    | StartStep
    | ReadyStep
    | InspectStep
    | SeedStep
    | VerifyStep
    | LedgerStep
    | StopStep
    | UpgradeStep
    | HookStep,
    Field(discriminator="step"),
]


class InstallCheck(Strict):
    """The installer succeeded, or refused as the version's requires-python says it must."""

    check: Literal["install"]


class HealthCheck(Strict):
    """The product became healthy, in time, with the body that its definition promises."""

    check: Literal["health"]


class ContainerCheck(Strict):
    """The product's own image declares a health check that turned healthy, and does not run as root."""

    check: Literal["container"]


class VersionCheck(Strict):
    """Every proof of the running version names the expected one, and the two artifacts differ."""

    check: Literal["version"]
    proofs: PositiveInt = 1
    """How many independent proofs there must be at least."""


class DataCheck(Strict):
    """What was seeded or acknowledged reads back the same."""

    check: Literal["data"]


class RowsCheck(Strict):
    """No table lost rows that no other table gained, and the database is sound."""

    check: Literal["rows"]


class GracefulStopCheck(Strict):
    """Each stop was graceful: alive before, request answered, in budget, right exit code, no SIGKILL."""

    check: Literal["graceful-stop"]


class ApiSurfaceCheck(Strict):
    """What the old version served, the new one serves, or the removal is announced."""

    check: Literal["api-surface"]


class ConfigurationCheck(Strict):
    """The configuration is untouched and in force."""

    check: Literal["configuration"]


class DurationsCheck(Strict):
    """Steps stay within budgets, in seconds."""

    check: Literal["durations"]
    install: PositiveFloat | None = None
    ready: PositiveFloat | None = None
    stop: PositiveFloat | None = None


class MemoryCheck(Strict):
    """The product's memory at rest stays within a budget, in megabytes (10^6 bytes)."""

    check: Literal["memory"]
    max_mb: PositiveFloat


Check = Annotated[
    InstallCheck
    | HealthCheck
    | ContainerCheck
    | VersionCheck
    | DataCheck
    | RowsCheck
    | GracefulStopCheck
    | ApiSurfaceCheck
    | ConfigurationCheck
    | DurationsCheck
    | MemoryCheck,
    Field(discriminator="check"),
]


class Exclusion(Strict):
    """A combination of axis values that is left out, and why."""

    where: Annotated[dict[str, Text], Field(min_length=1)]
    reason: Text


class Matrix(Strict):
    """The axes of a scenario; a cell is one point of their product."""

    environment: Annotated[list[Literal["auto", "docker"]], Field(min_length=1)] = ["auto"]
    platform: Annotated[list[Slug], Field(min_length=1)] = ["debian-12"]
    axes: dict[Slug, Annotated[list[Slug], Field(min_length=1)]] = {}
    exclude: list[Exclusion] = []


class Timeouts(Strict):
    """Named time-outs in seconds; `--timeout-factor` multiplies all of them."""

    install: PositiveFloat = 600
    ready: PositiveFloat = 60
    request: PositiveFloat = 30
    command: PositiveFloat = 60


class Limits(Strict):
    """What a trial may use at most."""

    memory_mb: PositiveInt = 1536
    cpus: PositiveFloat = 2.0
    tree_mb: PositiveInt = 4096
    """Size of the memory-backed volume that holds the product's tree."""


class Target(Strict):
    """The success rate that the scenario is meant to show."""

    rate: Annotated[float, Field(gt=0, lt=1)]
    confidence: Annotated[float, Field(gt=0, lt=1)] = 0.95


class Scenario(Strict):
    """One scenario file."""

    schema_version: Literal[1] = Field(alias="schema")
    name: Slug
    title: Text
    description: str = ""
    tags: list[Slug] = []
    product: Slug = "reference"
    versions: Annotated[list[Slot], Field(min_length=1)]
    source: Literal["artifact", "image"] = "artifact"
    """`artifact`: an installer installs it; `image`: the product's own image runs."""
    requires: list[Text] = []
    """Features of the product or capabilities of the environment; a cell without them is skipped."""
    matrix: Matrix = Matrix()
    timeouts: Timeouts = Timeouts()
    limits: Limits = Limits()
    target: Target | None = None
    steps: Annotated[list[Step], Field(min_length=1)]
    checks: Annotated[list[Check], Field(min_length=1)]

    @model_validator(mode="after")
    def _versions_are_declared(self) -> "Scenario":
        for number, step in enumerate(self.steps):
            slot = getattr(step, "version", None)
            if slot is not None and slot not in self.versions:
                raise ValueError(f"steps[{number}] uses version '{slot}', which 'versions' does not list")
        named = [check.check for check in self.checks]
        twice = sorted({name for name in named if named.count(name) > 1})
        if twice:
            raise ValueError(f"check '{twice[0]}' stands twice")
        return self

    @model_validator(mode="after")
    def _exclusions_name_axes(self) -> "Scenario":
        known = {"environment", "platform", *self.matrix.axes}
        for exclusion in self.matrix.exclude:
            for axis in exclusion.where:
                if axis not in known:
                    raise ValueError(f"exclude names the axis '{axis}'; there are: {', '.join(sorted(known))}")
        return self
