"""A product's definition as one version sees it: image over version over product, field by field."""

from typing import Any

from lab.product.model import Behaviour, PostgresqlDatabase, Product, Version
from lab.strict import Slug, Text
from lab.template import placeholders


class Definition(Version):
    """A product's definition as one version sees it, all fields resolved."""

    product: Text
    label: Text
    secrets: list[Slug] = []

    def uses_server(self, database: str) -> bool:
        """Whether the database of this name is a server beside the product."""
        return isinstance(self.databases.get(database), PostgresqlDatabase)

    @property
    def features(self) -> frozenset[str]:
        """Names that a scenario's `requires` may ask for."""
        optional = {
            "in-flight": self.in_flight,
            "openapi": self.openapi,
            "seed": self.seed,
            "suite": self.suite,
            "llm": self.llm,
        }
        return frozenset(
            {f"stop.{way}" for way in self.stop}
            | {f"database.{name}" for name in self.databases}
            | {f"source.{source.source}" for source in self.sources}
            | {name for name, value in optional.items() if value}
            | {"setup.documented", "port.own"}
            | ({"port.other"} if self._port_can_be_set else set())
            | {"setup.workaround" for step in (*self.setup_steps, *self.upgrade_steps) if step.undocumented}
        )

    @property
    def _port_can_be_set(self) -> bool:
        """Whether the port is told to the product: by a configuration file, a variable or its command."""
        told = (self.configuration.model_dump(), self.start.argv)
        return any(name == "port" for each in told for _, name in placeholders(each))


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
