"""Orders to the LLM mock beside the product."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx

from lab.errors import InfrastructureError
from lab.lifecycle.llm_rules import written
from lab.lifecycle.setting import Session

ORDER_SECONDS = 30


@dataclass(frozen=True)
class MockControl:
    """The mock's control plane; every order raises InfrastructureError where the mock does not take it."""

    _client: httpx.Client

    def last(self) -> int:
        """Return the number of the newest request."""
        return int(self._order("GET", "/journal", params={"after": 0})["next"])

    def entries(self, after: int, *, wait: float = 0.0) -> list[dict[str, Any]]:
        """Return what was asked after the request of that number, waiting so many seconds for a first one."""
        told = self._order("GET", "/journal", params={"after": after, "wait": wait})
        entries = list(told["entries"])
        first = entries[0]["seq"] if entries else told["next"] + 1
        if first > after + 1:  # the numbers are consecutive
            lost = first - after - 1
            raise InfrastructureError(f"the LLM mock's journal was too small: {lost} requests are no longer in it")
        return entries

    def hold(self, seconds: float, *, times: int | None = None) -> None:
        """Hold back the next answers, so many or all; 0 seconds hold none back."""
        counted = {} if times is None else {"times": times}
        self._order("PUT", "/delay", json={"seconds": seconds, **counted})

    def set_rules(self, rules: Mapping[str, Any]) -> None:
        """Replace the rules."""
        self._order("PUT", "/rules", content=written(rules))

    def rules(self) -> dict[str, Any]:
        """Return how often each rule was taken, and which never were."""
        return dict(self._order("GET", "/rules"))

    def _order(self, method: str, path: str, **what: Any) -> Any:
        try:
            answer = self._client.request(method, path, **what)
            answer.raise_for_status()
            return answer.json()
        except httpx.HTTPStatusError as error:
            said = error.response.text[:500]
            raise InfrastructureError(f"the LLM mock does not take orders: {error}: {said}") from error
        except (httpx.HTTPError, ValueError) as error:
            raise InfrastructureError(f"the LLM mock does not take orders: {error}") from error


@contextmanager
def mock_control(session: Session) -> Iterator[MockControl]:
    """Give the control plane of the mock beside the product; waits until it answers."""
    address = session.environment.services.llm().control_url
    with httpx.Client(base_url=address, timeout=ORDER_SECONDS, trust_env=False) as client:
        yield MockControl(client)
