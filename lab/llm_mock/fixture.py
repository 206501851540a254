"""A mock for other people's tests: `pytest_plugins = ["lab.llm_mock.fixture"]` gives them `llm_mock`."""

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from lab.llm_mock.redirection import base_urls, variables

if TYPE_CHECKING:
    import httpx

PATIENCE = 10.0  # seconds for an answer of the control port, and for the process to end
OK = 200


class InvalidRequestError(ValueError):
    """Rules or conditions that the mock cannot use."""


@dataclass(frozen=True)
class LlmMock:
    """A running mock of LLM providers, with nothing asked of it yet and without rules."""

    address: str
    _control: "httpx.Client"

    def base_url(self, provider: str = "openai") -> str:
        """Return what the provider's own client takes as its address; raises KeyError for an unknown one."""
        return base_urls(self.address)[provider]

    def variables(self, *, keys: bool = True) -> dict[str, str]:
        """Return the environment that points clients at the mock (lab.llm_mock.redirection)."""
        return variables(self.address, keys=keys)

    def rules(self, rules: str | Mapping[str, Any] | Sequence[Mapping[str, Any]]) -> None:
        """Put rules in force: a file's text, what such a file says, or only its list of rules.

        Raises InvalidRequestError with the place of each problem.
        """
        if not isinstance(rules, str):
            rules = json.dumps(rules if isinstance(rules, Mapping) else {"schema": 1, "rules": list(rules)})
        _checked(self._control.put("/rules", content=rules.encode()))

    def delay(self, seconds: float, times: int | None = None) -> None:
        """Let the next answers wait, all of them or so many."""
        _checked(self._control.put("/delay", json={"seconds": seconds} | ({} if times is None else {"times": times})))

    def journal(self, *, wait: float = 0.0) -> list[dict[str, Any]]:
        """Return what was asked, oldest first; where that is nothing yet, wait up to so many seconds for it."""
        page = _checked(self._control.get("/journal", params={"wait": wait}, timeout=wait + PATIENCE))
        entries: list[dict[str, Any]] = page["entries"]
        return entries

    def verify(
        self, *, exactly: int | None = None, at_least: int | None = None, at_most: int | None = None, **matches: Any
    ) -> list[int]:
        """Return the numbers of the requests that fit, in the words of a rule's `match`; at least one by default.

        Raises AssertionError where they are too few or too many, and InvalidRequestError.
        """
        counts = {"exactly": exactly, "at_least": at_least, "at_most": at_most}
        count = {name: number for name, number in counts.items() if number is not None}
        check: dict[str, Any] = {"matches": matches} | ({"count": count} if count else {})
        told = _checked(self._control.post("/verify", json=check))
        if not told["ok"]:
            wanted = ", ".join(f"{name} {number}" for name, number in count.items()) or "at_least 1"
            closest = f"; closest: {told['closest']}" if told.get("closest") else ""
            raise AssertionError(f"{told['found']} of the requests fit {matches}, wanted {wanted}{closest}")
        seqs: list[int] = told["seqs"]
        return seqs

    @contextmanager
    def refusing(self) -> Iterator[None]:
        """Refuse connections inside of the block, as a provider that is away; what is asked already is answered."""
        _checked(self._control.put("/gate", json={"open": False}))
        try:
            yield
        finally:
            _checked(self._control.put("/gate", json={"open": True}))

    def reset(self) -> None:
        """Forget what was asked, all rules and delays."""
        _checked(self._control.post("/reset", params={"rules": "true"}))


@contextmanager
def running(*arguments: str) -> Iterator[LlmMock]:
    """Run a mock on free ports, with these arguments of `python -m lab.llm_mock`; raises RuntimeError."""
    import httpx

    command = [sys.executable, "-m", "lab.llm_mock", "--port", "0", "--control-port", "0", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            said = process.stdout.readline() if process.stdout is not None else ""
            if not said:
                raise RuntimeError(f"the mock did not start, exit code {process.wait(PATIENCE)}: {' '.join(command)}")
            ports = json.loads(said)
            control = f"http://{ports['host']}:{ports['control_port']}"
            with httpx.Client(base_url=control, timeout=PATIENCE, trust_env=False) as client:
                yield LlmMock(f"http://{ports['host']}:{ports['port']}", client)
        finally:
            process.terminate()
            try:
                process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                process.kill()


@pytest.fixture(scope="session")
def llm_mock_server() -> Iterator[LlmMock]:
    """Run one mock for all tests."""
    with running() as mock:
        yield mock


@pytest.fixture
def llm_mock(llm_mock_server: LlmMock) -> LlmMock:
    """Give a test the mock as if it had just started."""
    llm_mock_server.reset()
    return llm_mock_server


def _checked(response: "httpx.Response") -> Any:
    if response.status_code == OK:
        return response.json()
    told = response.json().get("detail", response.text)
    raise InvalidRequestError("\n".join(each["msg"] for each in told) if isinstance(told, list) else str(told))
