"""The closed vocabulary of seeding and reading back: requests, commands, SQL; the rest is a hook."""

from typing import Annotated, Any, Literal

from pydantic import Field

from lab.strict import Pattern, Slug, Strict, Text

Status = Annotated[int, Field(ge=100, le=599)]


class Request(Strict):
    """An HTTP request to the product."""

    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"] = "GET"
    """The HTTP method."""
    path: Text
    """Path and query, with placeholders."""
    headers: dict[str, str] = {}
    """Name to value, with placeholders."""
    json_body: Any = Field(default=None, alias="json")
    """Body, sent as JSON; without it there is none."""


class Answer(Strict):
    """What an HTTP answer must be: one of the statuses, and JSON paths with their values."""

    status: Annotated[list[Status], Field(min_length=1)] = [200]
    """Statuses of which the answer must have one."""
    json_values: dict[str, Any] = Field(default={}, alias="json")
    """Path to value; `a.0.b` walks, `a.#` counts, `a.#.b` collects."""


class HttpAction(Strict):
    """A request, the answer it must get, and values kept from it."""

    action: Literal["http"]
    name: Text
    """What it shows, as reports tell it."""
    request: Request
    expect: Answer = Answer()
    save: dict[Slug, str] = {}
    """Name to JSON path; later texts use it as {saved.NAME}."""
    pick: dict[str, str] = {}
    """Name to JSON path; in `read`, what must be the same in both versions."""


class CommandOutcome(Strict):
    """What a command must give."""

    exit_code: int = 0
    """The code that it must end with."""
    stdout: Pattern = ""
    """A regular expression that must be found."""


class CommandAction(Strict):
    """A command run in the product's installation."""

    action: Literal["command"]
    name: Text
    """What it shows, as reports tell it."""
    argv: Annotated[list[Text], Field(min_length=1)]
    """The command and its arguments, word by word; no shell is between."""
    expect: CommandOutcome = CommandOutcome()
    save: dict[Slug, Pattern] = {}
    """Name to a regular expression with one group."""
    pick: dict[str, Pattern] = {}
    """Name to a regular expression with one group."""


class SqlAction(Strict):
    """One SQL statement on the product's database."""

    action: Literal["sql"]
    name: Text
    """What it shows, as reports tell it."""
    statement: Text
    """The statement, with placeholders; on a server it runs under the product's own account."""
    rows: list[list[Any]] | None = None
    """The rows it must return, in order."""
    pick: dict[str, str] = {}
    """Name to a path into the rows: `0.1` is the second column of the first row."""


class HookAction(Strict):
    """A Python function (`file.py:function`) that lies beside the definition."""

    action: Literal["hook"]
    name: Text
    """What it shows, as reports tell it."""
    call: Text
    """File and function, `file.py:function`; the file's path starts from the definition's folder."""
    arguments: dict[str, Any] = {}
    """Keyword arguments of the function, with placeholders."""


Action = Annotated[HttpAction | CommandAction | SqlAction | HookAction, Field(discriminator="action")]
