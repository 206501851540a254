"""The base of every model that is read from a file."""

import re
from datetime import date
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints


class Strict(BaseModel):
    """A model that refuses unknown keys and wrong types and cannot be changed once read."""

    model_config = ConfigDict(
        extra="forbid", strict=True, frozen=True, populate_by_name=True, use_attribute_docstrings=True
    )


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


def is_day(text: str) -> bool:
    """Whether a text is a day of the calendar, YYYY-MM-DD."""
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def _day(text: str) -> str:
    if not is_day(text):
        raise ValueError(f"'{text}' is not a day of the calendar, which is written YYYY-MM-DD")
    return text


Day = Annotated[str, AfterValidator(_day)]
"""A day of the calendar, YYYY-MM-DD."""

Text = Annotated[str, StringConstraints(min_length=1)]
"""Text that says something."""

DAY = 86400
Seconds = Annotated[float, Field(gt=0, le=DAY)]
"""A time that somebody waits for: a day at most."""
