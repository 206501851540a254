"""What a sealed trial's product and installers asked for outside, written down with the step in which they did."""

from typing import Any

from lab.environment.base import Environment
from lab.errors import LabError


def note_asked(environment: Environment, facts: dict[str, Any]) -> None:
    """Put what was asked for since the last step into the facts; None where it cannot be read.

    It raises nothing: a step's own end counts for more, and a check takes None for a missing measurement.
    """
    try:
        facts["asked"] = environment.asked()
    except LabError as error:
        facts["asked"], facts["asked_problem"] = None, error.message
