"""Values that nobody changes, made for each request: the type checker watches over them, and not the interpreter.

A frozen dataclass sets each field through a function, which for the values of a request takes a tenth of the time of an
answer.
"""

from dataclasses import dataclass, field
from typing import TypeVar, dataclass_transform

Made = TypeVar("Made")


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def fixed(made: type[Made]) -> type[Made]:
    """Make a dataclass whose fields are not to be set again; without a hash."""
    return dataclass(slots=True)(made)
