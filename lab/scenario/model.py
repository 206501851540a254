"""The scenario language, version 1: what a scenario file may say."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from lab.scenario.checks import Check
from lab.scenario.steps import Slot, Step
from lab.strict import Seconds, Slug, Strict, Text

Megabytes = Annotated[int, Field(gt=0, le=999_999)]


class Exclusion(Strict):
    """A combination of axis values that is left out, and why."""

    where: Annotated[dict[str, Text], Field(min_length=1)]
    """Axis to value; a cell with all of these values is left out."""
    reason: Text
    """Told with the cell that is left out."""


class Matrix(Strict):
    """The axes of a scenario; a cell is one point of their product."""

    environment: Annotated[list[Literal["auto", "docker", "local", "systemd", "host"]], Field(min_length=1)] = ["auto"]
    """Where the product runs; `auto` is what this machine has."""
    platform: Annotated[list[Slug], Field(min_length=1)] = ["debian-12"]
    """Operating systems, such as `debian-12` and `debian-13`."""
    axes: dict[Slug, Annotated[list[Slug], Field(min_length=1)]] = {}
    """Name to values. `database` chooses one of the definition's databases, and `setup: workaround` takes its
    undocumented steps, too; `port: other` gives the product another port than its own; any other axis means what the
    scenario does with `{matrix.AXIS}`."""
    exclude: list[Exclusion] = []
    """Combinations that are not tried."""


class Timeouts(Strict):
    """Named time-outs in seconds; `--timeout-factor` multiplies all of them."""

    install: Seconds = 600
    """For the installer, at an install or an upgrade."""
    ready: Seconds = 60
    """From the start to the last of the good answers in a row."""
    request: Seconds = 30
    """For each request to the product."""
    command: Seconds = 60
    """For each other command: set-up and upgrade steps, proofs, actions, reading the database."""
    suite: Seconds = 900
    """For the product's own tests, from the start of their command to its end."""


class Limits(Strict):
    """What a trial may use at most."""

    memory_mb: Megabytes = 1536
    """Memory of the product's container; one that asks for more is ended by the kernel."""
    cpus: Annotated[float, Field(gt=0, le=1024)] = 2.0
    """Processors of the product's container."""
    tree_mb: Megabytes = 4096
    """Size of the memory-backed volume that holds the product's tree."""


class Target(Strict):
    """The success rate that the scenario is meant to show."""

    rate: Annotated[float, Field(gt=0, lt=1)]
    """The share of trials that must pass, such as 0.95."""
    confidence: Annotated[float, Field(gt=0, lt=1)] = 0.95
    """How sure the claim must be."""


class Scenario(Strict):
    """One scenario file."""

    schema_version: Literal[1] = Field(alias="schema")
    """Version of this language."""
    name: Slug
    """First part of each cell's id."""
    title: Text
    """What must be true, in one sentence."""
    description: str = ""
    """Whatever else a reader should know."""
    tags: list[Slug] = []
    """Words to choose scenarios by, as `lab plan --tag nightly` does; the workflows take `smoke` and `nightly`."""
    product: Slug = "reference"
    """The product that is meant where the command line names none."""
    versions: Annotated[list[Slot], Field(min_length=1)]
    """Which versions a run needs: `[to]` for one, `[from, to]` for an upgrade."""
    pair: Literal["release", "skip"] = "release"
    """Which two versions are meant where the command line names none: those of the product's `release`, or a version
    and an older one from which it declares to be reached directly; without such a `skips` every cell is skipped."""
    source: Literal["artifact", "image"] = "artifact"
    """`artifact`: an installer installs it; `image`: the product's own image runs."""
    requires: list[Text] = []
    """Features of the product or capabilities of the environment; a cell without them is skipped."""
    applies: list[Text] = []
    """Features of the product without which a cell would only repeat another one; it is then no cell at all."""
    network: Literal["open", "sealed"] = "open"
    """`sealed`: nothing leads out of the trial's network, installers use what was fetched before, and whatever asks for
    a way out is written down; a cell of an environment that cannot do it is skipped."""
    matrix: Matrix = Matrix()
    timeouts: Timeouts = Timeouts()
    limits: Limits = Limits()
    target: Target | None = None
    steps: Annotated[list[Step], Field(min_length=1)]
    """What is done, in this order; the first step that fails is the last."""
    checks: Annotated[list[Check], Field(min_length=1)]
    """What is asked of the history afterwards, each question once at most."""

    @property
    def converses(self) -> bool:
        """Whether the product is made to ask language models."""
        return any(step.step == "converse" for step in self.steps)

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
