"""How a product's own tests are run, and what their report must show."""

from typing import Annotated

from pydantic import Field, PositiveInt

from lab.strict import Strict, Text


class AllowedFailure(Strict):
    """Tests of the product's own that may fail, and why."""

    test: Text
    """Class and name of a test as the JUnit report has them, joined by a dot; `*` stands for anything."""
    reason: Text
    """Told with each failure that is allowed by it."""


class SuiteExpectation(Strict):
    """What the report of the product's own tests must show."""

    min_tests: PositiveInt = 1
    """So many tests must have run at least, those that were skipped not counted."""
    allow_failures: list[AllowedFailure] = []
    """Failures that are known; all others break the promise."""


class Suite(Strict):
    """The product's own tests: what they need, the command that runs them, and the report that it writes."""

    install: list[Annotated[list[Text], Field(min_length=1)]] = []
    """Commands that fetch what the tests need, in order, with the host's index settings as installers have."""
    argv: Annotated[list[Text], Field(min_length=1)]
    """The command and its arguments, word by word; no shell is between."""
    junit: Text
    """Where the command writes its JUnit XML: begins with `{config}/`, `{data}/`, `{home}/`, `{tree}/` or `{venv}/`."""
    directory: Text = "{data}"
    """Where the commands run."""
    environment: dict[str, str] = {}
    """Variables of the command; the configuration's own are not given to it."""
    expect: SuiteExpectation = SuiteExpectation()
