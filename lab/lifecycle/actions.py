"""Seeding and reading back: the closed vocabulary of actions, each performed once and recorded."""

import json
import re
from dataclasses import asdict, dataclass, field
from typing import Any

from lab.errors import UsageError
from lab.jsonpath import look_up
from lab.lifecycle.database import query
from lab.lifecycle.hook import call_hook
from lab.lifecycle.setting import Session
from lab.product.actions import Action, Answer, CommandAction, HookAction, HttpAction, Request, SqlAction
from lab.product.sendable import faults_of
from lab.template import render


@dataclass
class Done:
    """What came of an action."""

    name: str
    problem: str = ""
    """What was not as expected; empty if all was."""
    picked: dict[str, Any] = field(default_factory=dict)

    def facts(self) -> dict[str, Any]:
        """Return it for the history."""
        return asdict(self)


def perform_all(session: Session, actions: list[Action]) -> list[dict[str, Any]]:
    """Perform actions in order; a failed one does not keep the later ones from being tried."""
    return [perform(session, action).facts() for action in actions]


def perform(session: Session, action: Action) -> Done:
    """Perform one action, record it, and keep what it saves."""
    match action:
        case HttpAction():
            done = _http(session, action)
        case CommandAction():
            done = _command(session, action)
        case SqlAction():
            done = _sql(session, action)
        case HookAction():
            done = Done(action.name)
            done.picked, done.problem = call_hook(
                session,
                action.call,
                render(action.arguments, session.scope()),
                session.setting.product_folder,
            )
    session.record.write("action", name=done.name, problem=done.problem)
    return done


def describe(action: Action) -> str:
    """Say in one line what an action will do."""
    match action:
        case HttpAction(request=request):
            return f"{request.method} {request.path}"
        case CommandAction(argv=argv):
            return " ".join(argv)
        case SqlAction(statement=statement):
            return f"SQL {statement}"
        case HookAction(call=call):
            return f"call {call}"


def rendered(request: Request, scope: dict[str, str]) -> Request:
    """Return a request with its placeholders filled in.

    Raises UsageError for a placeholder without a value, and for a value with which the request cannot be sent.
    """
    done = request.model_copy(
        update={
            "path": render(request.path, scope),
            "headers": render(request.headers, scope),
            "json_body": render(request.json_body, scope),
        }
    )
    for at, message in faults_of(done):
        raise UsageError(f"{done.method} {done.path} cannot be sent: {'.'.join(map(str, at))}: {message}")
    return done


def expected(answer: Answer, scope: dict[str, str]) -> Answer:
    """Return an expectation with its placeholders filled in."""
    return answer.model_copy(update={"json_values": render(answer.json_values, scope)})


def _http(session: Session, action: HttpAction) -> Done:
    scope = session.scope()
    result, problem = session.ask(rendered(action.request, scope), expected(action.expect, scope))
    done = Done(action.name, problem)
    if done.problem:
        return done
    body = result.json
    for name, path in action.save.items():
        value = look_up(body, path)
        if value is None:
            done.problem = f"the answer has nothing at '{path}' to save as {name}: {result.excerpt(200)}"
            return done
        session.saved[name] = str(value)
    done.picked = {name: look_up(body, path) for name, path in action.pick.items()}
    return done


def _command(session: Session, action: CommandAction) -> Done:
    scope = session.scope()
    result = session.environment.run(
        render(action.argv, scope), timeout=session.setting.timeouts.command, installed=True,
        environment=render(session.definition.configuration.environment, scope), directory=session.setting.places.data,
    )  # fmt: skip
    done = Done(action.name)
    text = result.stdout.decode("utf8", "replace")
    if result.timed_out:
        done.problem = f"no end within {session.setting.timeouts.command:g} s"
    elif result.exit_code != action.expect.exit_code:
        done.problem = f"exit code {result.exit_code} instead of {action.expect.exit_code}: {result.tail(3)}"
    elif not re.search(action.expect.stdout, text):
        done.problem = f"its output does not match /{action.expect.stdout}/: {text[-200:].strip()}"
    else:
        found = {name: re.search(pattern, text) for name, pattern in (action.save | action.pick).items()}
        values = {name: match[match.lastindex or 0] if match else None for name, match in found.items()}
        session.saved |= {name: values[name] or "" for name in action.save}
        done.picked = {name: values[name] for name in action.pick}
    return done


def _sql(session: Session, action: SqlAction) -> Done:
    scope = session.scope()
    done = Done(action.name)
    result = query(session, render(action.statement, scope))
    if result is None:
        done.problem = "the definition names no database for this cell"
        return done
    if not result.ok:
        done.problem = result.tail(2) or "the statement did not end in time"
        return done
    rows = json.loads(result.stdout)
    if action.rows is not None and rows != render(action.rows, scope):
        done.problem = f"the rows are {rows!r:.300} instead of {action.rows!r:.300}"
    done.picked = {name: look_up(rows, path) for name, path in action.pick.items()}
    return done
