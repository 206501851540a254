"""Which texts of a definition's `llm` are filled in, and with what; which of their values are missing."""

from collections.abc import Iterator, Mapping
from typing import Any

from lab.product.layers import every_layer
from lab.product.llm import LlmUse
from lab.product.model import Product
from lab.template import near, placeholders
from lab.yamlfile import Loc

Fault = tuple[Loc, str]
OWN = "llm.with."
"""How the placeholders begin whose values stand with each provider."""
IN_CONVERSATIONS = frozenset({"llm.provider", "llm.model", "llm.prompt", "llm.case"})
"""Placeholders that have a value in one conversation with a model alone."""
OF_THEIR_OWN: Mapping[str, frozenset[str]] = {
    "environment": frozenset({"llm.url", "llm.base_url"}),
    "logged": frozenset({"llm.provider", "llm.model"}),
}
"""Keys of an `llm`, and the placeholders that have a value there: no others have."""


def is_filled_in(at: Loc) -> bool:
    """Whether the text at a place below a definition's `llm` is filled in for each conversation."""
    match at:
        case ("modes", _, "request", "path" | "headers" | "json", *_):
            return True
        case ("modes", _, "expect", "json", *_) | ("failure", "json", *_):
            return True
        case _:
            return False


def own_names(product: Product) -> set[str]:
    """Return the placeholders of which some provider, in some version, has a value of its own."""
    uses = [layer.llm for _, layer in every_layer(product) if layer.llm is not None]
    return {f"{OWN}{name}" for use in uses for provider in use.providers.values() for name in provider.values}


def missing_values(product: Product) -> Iterator[Fault]:
    """Find providers without a value that the requests to all of them ask for."""
    for at, layer in every_layer(product):
        if layer.llm is None:
            continue
        for name, where in _asked_for(layer.llm).items():
            for provider, found in layer.llm.providers.items():
                if name not in found.values:
                    message = f"it has no '{name}' under 'with', which {where} asks for by {{{OWN}{name}}}"
                    yield (*at, "llm", "providers", provider), f"{message}{near(name, found.values)}"


def _asked_for(use: LlmUse) -> dict[str, str]:
    """Return the names of providers' own values that a use asks for, and where it does so first."""
    texts: list[tuple[str, Any]] = [("'failure'", use.failure.json_values)]
    for mode, asked in use.modes.items():
        request = asked.request
        texts.append(
            (f"the mode '{mode}'", [request.path, request.headers, request.json_body, asked.expect.json_values])
        )
    return {
        name.removeprefix(OWN): where
        for where, value in reversed(texts)
        for _, name in placeholders(value)
        if name.startswith(OWN)
    }
