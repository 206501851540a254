"""The base of every model that is read from a file."""

import re
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, StringConstraints


class Strict(BaseModel):
    """A model that refuses unknown keys and wrong types and cannot be changed once read."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, populate_by_name=True)


SLUG_PATTERN = r"^[a-z0-9][a-z0-9._-]{0,62}$"
Slug = Annotated[str, StringConstraints(pattern=SLUG_PATTERN)]
"""A name that may stand in a path, a label and a cell id."""


def _compiles(pattern: str) -> str:
    try:
        re.compile(pattern)
    except re.error as error:
        raise ValueError(f"'{pattern}' is not a regular expression: {error}") from error
    return pattern


Pattern = Annotated[str, AfterValidator(_compiles)]
"""A regular expression that compiles."""

Text = Annotated[str, StringConstraints(min_length=1)]
"""Text that says something."""
