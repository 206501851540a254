"""Where in a definition's file the fields stand that make up a version: product, version, and the image of each."""

from lab.product.model import Behaviour, Product
from lab.yamlfile import Loc


def layers(product: Product, label: str, *, as_image: bool) -> list[tuple[Loc, Behaviour]]:
    """Return what a version is made of, with its places; a later layer's field replaces an earlier one's."""
    version = product.versions[label]
    found: list[tuple[Loc, Behaviour | None]] = [((), product), (("versions", label), version)]
    if as_image:
        found += [(("image",), product.image), (("versions", label, "image"), version.image)]
    return [(at, layer) for at, layer in found if layer is not None]


def every_layer(product: Product) -> list[tuple[Loc, Behaviour]]:
    """Return all layers of a definition, each once, with their places."""
    found = [pair for label in product.versions for pair in layers(product, label, as_image=True)]
    return list({at: (at, layer) for at, layer in found}.values())


def origin(product: Product, label: str, field: str, *, as_image: bool) -> Loc | None:
    """Return where a version's field stands; None where it is nowhere set."""
    found = [at for at, layer in layers(product, label, as_image=as_image) if field in layer.model_fields_set]
    return (*found[-1], field) if found else None
