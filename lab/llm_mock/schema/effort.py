"""How much work a schema may cause: clients write them, and some are written to hang whoever reads them."""

PER_STEP = 50
"""Characters of a value that are written or compared in one step: 20,000 steps make a value of 1 MB."""
GLANCED = 32
"""Members of a list or of an object that are looked at in one step."""


class ImpossibleError(Exception):
    """No value was found that fits."""


class SpentError(Exception):
    """The work that one schema may cause is done."""


class Effort:
    """A number of steps that are left; a step is a few microseconds, or PER_STEP characters of a value."""

    def __init__(self, steps: int) -> None:
        self._left = steps

    def spend(self, steps: int = 1) -> None:
        """Take steps; raises SpentError when none are left."""
        self._left -= steps
        if self._left < 0:
            raise SpentError
