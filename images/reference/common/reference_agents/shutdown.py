"""How the service is asked to stop, and what it still does then."""

from types import FrameType

import uvicorn


class StoppableServer(uvicorn.Server):
    """Stop in the same way for a signal and for the endpoint.

    Within 0.1 s the listening socket is closed and idle connections with it, so new work is refused by the
    operating system; what arrives before that is answered 503 by `/health` and by runs. Requests in flight
    are answered, within the grace period; then the application closes and the process exits with code 0.
    """

    @property
    def stopping(self) -> bool:
        """Whether a stop has been asked for."""
        return self.should_exit

    def stop(self) -> None:
        """Ask for a graceful stop and return at once."""
        self.should_exit = True

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002 - uvicorn's signature
        """Take a signal as a request to stop."""
        self.stop()
