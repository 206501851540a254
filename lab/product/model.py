"""The language of product definitions: how a product is obtained, configured, started, asked and stopped.

A field that a version sets replaces the product's field of the same name as a whole.
"""

from typing import Annotated, Any, Literal

from pydantic import Field, PositiveFloat, model_validator

from lab.product.actions import Action, Answer, Request
from lab.product.origin import Source
from lab.strict import Pattern, Slug, Strict, Text

Port = Annotated[int, Field(ge=1, le=65535)]


class ConfigurationFile(Strict):
    """A file the operator writes before the first start."""

    path: Text
    content: str
    mode: Annotated[str, Field(pattern=r"^0[0-7]{3}$")] = "0600"


class Configuration(Strict):
    """What an operator sets: files and environment of the process."""

    files: list[ConfigurationFile] = []
    environment: dict[str, str] = {}


class Start(Strict):
    """The command that becomes the product's process; an image may bring its own."""

    argv: list[Text] = []
    directory: Text = "{data}"


class Health(Strict):
    """The health endpoint and what it answers when all is well."""

    path: Text
    expect: Answer = Answer()


class StopWay(Strict):
    """A way to stop the product and what was promised of it."""

    signal: Literal["SIGTERM", "SIGINT", "SIGQUIT"] | None = None
    request: Request | None = None
    expect: Answer = Answer()
    docker_stop: Literal[True] | None = None
    """As `docker stop` does: the image's STOPSIGNAL, then SIGKILL when the budget is used up."""
    budget: PositiveFloat = 30
    """Seconds from the stop to the exit, the time of the request in flight included."""
    exit_codes: Annotated[list[int], Field(min_length=1)] = [0]
    in_flight: Literal["complete", "clean-error"] = "complete"
    """What the request in flight was promised: its answer, or at worst a clean HTTP error."""

    @model_validator(mode="after")
    def _one_of(self) -> "StopWay":
        if sum(route is not None for route in (self.signal, self.request, self.docker_stop)) != 1:
            raise ValueError("a way to stop has exactly one of 'signal', 'request' and 'docker_stop'")
        return self


class HttpProof(Strict):
    """A JSON value of an HTTP answer."""

    path: Text
    json_path: Text = Field(alias="json")


class CommandProof(Strict):
    """The first group of a pattern in a command's output."""

    argv: Annotated[list[Text], Field(min_length=1)]
    pattern: Pattern


class VersionProofs(Strict):
    """The places from which the installed version can be read."""

    http: HttpProof | None = None
    command: CommandProof | None = None
    metadata: Text | None = None
    """Name of the distribution whose installed metadata is asked."""


class InFlight(Strict):
    """A request that keeps the product busy while the LLM mock holds its answer back."""

    request: Request
    expect: Answer = Answer()
    read: list[Action] = []
    """What must hold after the next start, because the answer had been given."""
    new_work: Request | None = None
    """Work that is asked for once the stop has begun; it must not touch what the first request works on."""


class Database(Strict):
    """A database the product can use."""

    kind: Literal["sqlite"]
    path: Text
    """Where the file lies."""
    url: str = ""
    """Its address in the product's own notation, for {database.url}."""


class Removal(Strict):
    """An operation that a version no longer serves, and where that is announced."""

    operation: Annotated[str, Field(pattern=r"^(GET|POST|PUT|PATCH|DELETE|HEAD|OPTIONS) /\S*$")]
    reason: Text


class Move(Strict):
    """Rows that a version moves from one table to another."""

    source: Text = Field(alias="from")
    target: Text = Field(alias="to")
    merged: bool = False
    """The rows become part of the target's rows, so their number says nothing; reading back must show them."""


class UpgradeAction(Strict):
    """A step beyond installing that the product's documentation asks for."""

    documented: Text
    """Where it is written."""
    argv: Annotated[list[Text], Field(min_length=1)]
    directory: Text = "{data}"


class Behaviour(Strict):
    """What may differ from version to version."""

    requires_python: Text | None = None
    installer: Literal["uv", "pip"] = "uv"
    configuration: Configuration = Configuration()
    start: Start = Start()
    port: Port = 8000
    health: Health | None = None
    stop: dict[Slug, StopWay] = {}
    prove_version: VersionProofs = VersionProofs()
    in_flight: InFlight | None = None
    openapi: Text | None = None
    databases: dict[Slug, Database] = {}
    seed: list[Action] = []
    read: list[Action] = []
    prove_configuration: list[Action] = []

    @model_validator(mode="after")
    def _names_tell_apart(self) -> "Behaviour":
        for field in ("read", "prove_configuration"):
            names = [action.name for action in getattr(self, field)]
            for name in names:
                if names.count(name) > 1:  # versions are compared by name
                    raise ValueError(f"'{field}' has two actions named '{name}'")
        return self


class Version(Behaviour):
    """One version in the catalogue: its sources and what it changes."""

    sources: list[Source] = []
    removes: list[Removal] = []
    moves: list[Move] = []
    upgrade_steps: list[UpgradeAction] = []
    image: Behaviour | None = None
    """What differs where the product's own image runs."""


class Release(Strict):
    """The two versions that are meant where the command line names none."""

    old: Text = Field(alias="from")
    new: Text = Field(alias="to")


class Product(Behaviour):
    """One product definition file."""

    schema_version: Literal[1] = Field(alias="schema")
    name: Slug
    title: Text
    description: str = ""
    release: Release
    secrets: list[Slug] = []
    """Names of values that the lab makes up for each run, uses as {secret.NAME}, and never writes down."""
    image: Behaviour | None = None
    """What differs where the product's own image runs."""
    versions: Annotated[dict[str, Version], Field(min_length=1)]

    @model_validator(mode="after")
    def _release_is_listed(self) -> "Product":
        for label in (self.release.old, self.release.new):
            if label not in self.versions:
                raise ValueError(f"release names '{label}', which 'versions' does not list")
        return self


class Definition(Version):
    """A product's definition as one version sees it, all fields resolved."""

    product: Text
    label: Text
    secrets: list[Slug] = []

    @property
    def features(self) -> frozenset[str]:
        """Names that a scenario's `requires` may ask for."""
        optional = {"in-flight": self.in_flight, "openapi": self.openapi, "seed": self.seed}
        return frozenset(
            {f"stop.{way}" for way in self.stop}
            | {f"database.{name}" for name in self.databases}
            | {f"source.{source.source}" for source in self.sources}
            | {name for name, value in optional.items() if value}
        )


def define(product: Product, label: str, *, as_image: bool = False) -> Definition:
    """Resolve what `label` of `product` is: image > version > product, field by field.

    Raises KeyError when the catalogue has no such label.
    """
    version = product.versions[label]
    layers: list[Behaviour] = [product, version]
    if as_image:
        layers += [layer for layer in (product.image, version.image) if layer is not None]
    merged: dict[str, Any] = {}
    for layer in layers:
        for field in Version.model_fields:
            if field in layer.model_fields_set and field != "image":
                merged[field] = getattr(layer, field)
    return Definition(product=product.name, label=label, secrets=product.secrets, **merged)
