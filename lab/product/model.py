"""The language of product definitions: how a product is obtained, configured, started, asked and stopped.

A field that a version sets replaces the product's field of the same name as a whole.
"""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from lab.product.actions import Action, Answer, Request
from lab.product.llm import LlmUse
from lab.product.origin import Source
from lab.product.suite import Suite
from lab.product.upkeep import ExtraStep, Upkeep, Ways
from lab.strict import Day, Pattern, Seconds, Slug, Strict, Text

InstallerName = Literal["uv", "pip", "pipx"]
Port = Annotated[int, Field(ge=1, le=65535)]


class ConfigurationFile(Strict):
    """A file the operator writes before the first start."""

    path: Text
    """Where it lies: begins with `{config}/`, `{data}/`, `{home}/`, `{tree}/` or `{venv}/`."""
    content: str
    """Its text, with placeholders."""
    mode: Annotated[str, Field(pattern=r"^0[0-7]{3}$")] = "0600"
    """Its permissions, in octal."""


class Configuration(Strict):
    """What an operator sets: files and environment of the process."""

    files: list[ConfigurationFile] = []
    """Written once, before the first start; an upgrade leaves them alone."""
    environment: dict[str, str] = {}
    """Variables of the process, and of every command that runs beside it."""


class Start(Strict):
    """The command that becomes the product's process; an image may bring its own."""

    argv: list[Text] = []
    """The command and its arguments, word by word; no shell is between. Empty: what the image says."""
    directory: Text = "{data}"
    """Where it runs."""


class OwnUnit(Strict):
    """How a product hands out the systemd unit that it brings."""

    argv: Annotated[list[Text], Field(min_length=1)]
    """Command that prints the unit; it runs with the configuration's environment."""


class Health(Strict):
    """The health endpoint and what it answers when all is well."""

    path: Text
    """Path of the endpoint, such as `/health`."""
    expect: Answer = Answer()


class StopWay(Strict):
    """A way to stop the product and what was promised of it."""

    signal: Literal["SIGTERM", "SIGINT", "SIGQUIT"] | None = None
    """Sent to the product's process; as the first process of its container it ignores what it does not handle."""
    request: Request | None = None
    expect: Answer = Answer()
    docker_stop: Literal[True] | None = None
    """As `docker stop` does: the image's STOPSIGNAL, then SIGKILL when the budget is used up."""
    service: Literal[True] | None = None
    """As the service manager does: `systemctl stop`; the budget is the unit's TimeoutStopSec."""
    budget: Seconds = 30
    """Seconds from the stop to the exit, the time of the request in flight included."""
    exit_codes: Annotated[list[int], Field(min_length=1)] = [0]
    """Exit codes that are right for this way."""
    in_flight: Literal["complete", "clean-error"] = "complete"
    """What the request in flight was promised: its answer, or at worst a clean HTTP error."""

    @model_validator(mode="after")
    def _one_of(self) -> "StopWay":
        if sum(route is not None for route in (self.signal, self.request, self.docker_stop, self.service)) != 1:
            raise ValueError("a way to stop has exactly one of 'signal', 'request', 'docker_stop' and 'service'")
        return self


class HttpProof(Strict):
    """A JSON value of an HTTP answer."""

    path: Text
    """Path that is asked, without any headers."""
    json_path: Text = Field(alias="json")
    """JSON path of the version in the answer."""


class CommandProof(Strict):
    """The first group of a pattern in a command's output."""

    argv: Annotated[list[Text], Field(min_length=1)]
    """The command and its arguments; it runs beside the product."""
    pattern: Pattern
    """A regular expression for its output, of which the first group is the version."""


class VersionProofs(Strict):
    """The places from which the installed version can be read."""

    http: HttpProof | None = None
    command: CommandProof | None = None
    metadata: Text | None = None
    """Name of the distribution whose installed metadata is asked."""


class InFlight(Strict):
    """A request that keeps the product busy: it waits for something that the lab holds back."""

    request: Request
    expect: Answer = Answer()
    read: list[Action] = []
    """What must hold after the next start, because the answer had been given."""
    lock: Text | None = None
    """Table of a PostgreSQL database that the lab locks to hold the request up; without it the LLM mock holds it up."""
    new_work: Request | None = None
    """Work that is asked for once the stop has begun; it must not touch what the first request works on."""


class SqliteDatabase(Strict):
    """A database in a file of the product's own."""

    kind: Literal["sqlite"]
    path: Text
    """Where the file lies, {database.path}."""
    url: str = ""
    """Its address in the product's own notation, for {database.url}."""
    settings: str = ""
    """Text for {database.settings}: what configuration files say where this database is used."""
    required_settings: list[Text] = []
    """Settings without which the product must refuse to start, where this database is used."""


class PostgresqlDatabase(Strict):
    """A PostgreSQL server beside the product, with an account and an empty database that the lab makes."""

    kind: Literal["postgresql"]
    url: str = "postgresql://{database.user}:{database.password}@{database.host}:{database.port}/{database.name}"
    """Its address in the product's own notation, for {database.url}."""
    settings: str = ""
    """Text for {database.settings}: what configuration files say where this database is used."""
    required_settings: list[Text] = []
    """Settings without which the product must refuse to start, where this database is used."""


Database = Annotated[SqliteDatabase | PostgresqlDatabase, Field(discriminator="kind")]
"""A database the product can use."""


class Removal(Strict):
    """An operation that a version no longer serves, and where that is announced."""

    operation: Annotated[str, Field(pattern=r"^(GET|POST|PUT|PATCH|DELETE|HEAD|OPTIONS) /\S*$")]
    """Method and path, as the OpenAPI document has them."""
    reason: Text
    """Where the removal is announced."""


class Move(Strict):
    """Rows that a version moves from one table to another."""

    source: Text = Field(alias="from")
    """Table that loses them."""
    target: Text = Field(alias="to")
    """Table that gains them."""
    merged: bool = False
    """The rows become part of the target's rows, so their number says nothing; reading back must show them."""


class Behaviour(Upkeep):
    """What may differ from version to version."""

    requires_python: Text | None = None
    """Pythons that the version supports, such as `>=3.10`; on another one the installer must refuse."""
    installer: InstallerName = "uv"
    """What a user would install it with; a scenario's axis `installer` may ask for another one."""
    configuration: Configuration = Configuration()
    start: Start = Start()
    unit: OwnUnit | None = None
    """The product's own systemd unit; without one the lab writes a unit round the `start` command."""
    port: Port = 8000
    """Port that the product listens on, on all interfaces, for {port}."""
    health: Health | None = None
    stop: dict[Slug, StopWay] = {}
    """Name to way; scenarios stop by `signal`, `endpoint`, `docker-stop` and `service`."""
    prove_version: VersionProofs = VersionProofs()
    in_flight: InFlight | None = None
    openapi: Text | None = None
    """Path of the OpenAPI document."""
    databases: dict[Slug, Database] = {}
    """Name to database; scenarios ask for `sqlite` and `postgresql`."""
    setup_steps: list[ExtraStep] = []
    """What must be done after installing and configuring, before the first start."""
    upgrade_steps: list[ExtraStep] = []
    """What must be done after installing this version over an older one, before its start."""
    required_settings: list[Text] = []
    """Settings without which the product must refuse to start, each on a line of its own in a configuration file, or
    in the environment."""
    seed: list[Action] = []
    """Puts data into the product, once."""
    read: list[Action] = []
    """Reads the seeded data back; versions are compared by the actions' names."""
    exercise: list[Action] = []
    """What users do with the running product; must work again and again, on any version."""
    without_database: list[Action] = []
    """What requests must be answered while the database is stopped."""
    prove_configuration: list[Action] = []
    """Shows that the configuration is in force."""
    suite: Suite | None = None
    """The product's own tests."""
    llm: LlmUse | None = None
    """How it uses language models; its process then has all variables that lead official clients to the LLM mock."""

    @model_validator(mode="after")
    def _names_tell_apart(self) -> "Behaviour":
        for field in ("read", "prove_configuration"):
            names = [action.name for action in getattr(self, field)]
            for name in names:
                if names.count(name) > 1:  # versions are compared by name
                    raise ValueError(f"'{field}' has two actions named '{name}'")
        return self


class Version(Behaviour, Ways):
    """One version in the catalogue: its sources and what it changes."""

    sources: list[Source] = []
    """Where the version can be had; the command line may name another source."""
    as_of: Day | None = None
    """A day, YYYY-MM-DD: what the version depends on is installed as users got it at the end of that day, UTC, unless
    a scenario's axis `as_of` says `now`. A lock file goes before it."""
    removes: list[Removal] = []
    """Operations that the version before served and this one does not."""
    moves: list[Move] = []
    """Tables whose rows this version's migration moves."""
    image: Behaviour | None = None
    """What differs where the product's own image runs."""


class Release(Strict):
    """The two versions that are meant where the command line names none."""

    old: Text = Field(alias="from")
    """Label of the old version."""
    new: Text = Field(alias="to")
    """Label of the version under test."""


class Product(Behaviour):
    """One product definition file."""

    schema_version: Literal[1] = Field(alias="schema")
    """Version of this language."""
    name: Slug
    """Stands in reports and rates; the installer's cache is kept by it."""
    title: Text
    """What it is, in one sentence."""
    description: str = ""
    """Whatever else a reader should know."""
    release: Release
    secrets: list[Slug] = []
    """Names of values that the lab makes up for each run, uses as {secret.NAME}, and never writes down."""
    image: Behaviour | None = None
    """What differs where the product's own image runs."""
    versions: Annotated[dict[str, Version], Field(min_length=1)]
    """Label to version; a label is what every proof of the version must say."""

    def pair(self, kind: Literal["release", "skip"]) -> tuple[str, str]:
        """Return the labels of the two versions that are meant; without a declared skip those of the release."""
        new = [self.release.new, *reversed(self.versions)]
        skips = [(skip.old, label) for label in new for skip in self.versions[label].skips] if kind == "skip" else []
        return skips[0] if skips else (self.release.old, self.release.new)

    @model_validator(mode="after")
    def _release_is_listed(self) -> "Product":
        for label in (self.release.old, self.release.new):
            if label not in self.versions:
                raise ValueError(f"release names '{label}', which 'versions' does not list")
        return self

    @model_validator(mode="after")
    def _skips_are_listed(self) -> "Product":
        for label, version in self.versions.items():
            for skip in version.skips:
                if skip.old not in self.versions or skip.old == label:
                    raise ValueError(f"{label} skips from '{skip.old}', which is no other of the 'versions'")
        return self
