"""How long the next answer waits."""

from dataclasses import dataclass

MAX_SECONDS = 3600


@dataclass(frozen=True)
class Setting:
    """Seconds before an answer, for the next `times` requests or, with None, for all that follow."""

    seconds: float = 0.0
    times: int | None = None


class Delay:
    """The current setting, used up by the requests that take it."""

    def __init__(self, initial_seconds: float = 0.0) -> None:
        self._initial = Setting(initial_seconds)
        self.setting = self._initial

    def reset(self) -> None:
        """Go back to the setting of the start."""
        self.setting = self._initial

    def take(self) -> float:
        """Return the seconds that one request has to wait; requests already waiting keep theirs."""
        taken = self.setting
        if taken.times is not None:
            self.setting = Setting(taken.seconds, taken.times - 1) if taken.times > 1 else Setting()
        return taken.seconds
