"""Step `inspect`: what the running product says of itself, and what it costs at rest."""

import json
import re
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from lab.jsonpath import look_up
from lab.lifecycle.actions import perform_all
from lab.lifecycle.configure import digests
from lab.lifecycle.exposed import exposed
from lab.lifecycle.setting import Session
from lab.product.actions import Answer, Request
from lab.scenario.steps import InspectStep
from lab.template import render

METADATA_SCRIPT = """
import hashlib, importlib.metadata, json, sys
found = importlib.metadata.distribution(sys.argv[1])
record = sorted(line for line in (found.read_text("RECORD") or "").splitlines()
                if ".dist-info/" not in line and "__pycache__" not in line and "../" not in line)
origin = json.loads(found.read_text("direct_url.json") or "{}")
if origin.get("dir_info", {}).get("editable") or all(line.split(",")[0].endswith(".pth") for line in record):
    record = []  # installed in place: its files are not listed, so that nothing is known of them
content = hashlib.sha256("\\n".join(record).encode()).hexdigest() if record else ""
print(json.dumps({"version": found.version, "content": content}))
"""
METHODS = ("get", "post", "put", "patch", "delete", "head", "options")


def inspect(session: Session, _step: InspectStep, facts: dict[str, Any]) -> None:
    """Record version proofs, API operations, configuration in force, memory and processes."""
    facts["version"] = session.definition.label
    with ThreadPoolExecutor(max_workers=1) as pool:
        memory = pool.submit(session.environment.product.memory)  # an engine may take a second to answer
        _ask(session, facts)
        facts["memory"] = memory.result()
    facts["exposed"] = exposed(session)


def _ask(session: Session, facts: dict[str, Any]) -> None:
    facts["proofs"] = _proofs(session, facts)
    facts["operations"] = _operations(session, facts)
    facts["configuration"] = perform_all(session, session.definition.prove_configuration)
    facts["configuration_files"] = digests(session)
    facts["configuration_written"] = dict(sorted(session.written.items()))
    facts["processes"] = session.environment.product.processes()


def _proofs(session: Session, facts: dict[str, Any]) -> dict[str, dict[str, str]]:
    """Ask each place that the definition names; a place that does not say gives a problem."""
    wanted = session.definition.prove_version
    found: dict[str, dict[str, str]] = {}
    if wanted.http:
        result, problem = session.ask(Request(path=wanted.http.path), Answer())
        value = look_up(result.json, wanted.http.json_path)
        problem = problem or f"{wanted.http.path} has nothing at '{wanted.http.json_path}'"
        found["http"] = {"version": str(value)} if value is not None else {"problem": problem}
    if wanted.command:
        found["command"] = _command(session, wanted.command.argv, wanted.command.pattern)
    if wanted.metadata:
        python = "python3" if session.setting.as_image else f"{session.setting.places.venv}/bin/python"
        found["metadata"] = _metadata(session, python, wanted.metadata, facts)
    return found


def _command(session: Session, argv: list[str], pattern: str) -> dict[str, str]:
    result = session.environment.run(
        render(argv, session.scope()), timeout=session.setting.timeouts.command, installed=True
    )
    said = (result.stdout + result.stderr).decode("utf8", "replace")
    match = re.search(pattern, said)
    if not result.ok or match is None:
        return {"problem": f"'{' '.join(argv)}' ended with {result.exit_code} and said: {said[-300:].strip()}"}
    return {"version": match[match.lastindex or 0]}


def _metadata(session: Session, python: str, distribution: str, facts: dict[str, Any]) -> dict[str, str]:
    result = session.environment.run(
        [python, "-c", METADATA_SCRIPT, distribution],
        timeout=session.setting.timeouts.command,
        installed=True,
    )
    if not result.ok:
        return {"problem": f"no installed distribution '{distribution}': {result.tail(1)}"}
    told = json.loads(result.stdout.splitlines()[-1])  # a .pth file may have printed before
    if told["content"]:
        facts["installed_content"] = told["content"]
    return {"version": told["version"]}


def _operations(session: Session, facts: dict[str, Any]) -> list[str] | None:
    """Return `METHOD /path` of every operation that the product's OpenAPI document lists."""
    if session.definition.openapi is None:
        return None
    result, problem = session.ask(Request(path=session.definition.openapi), Answer())
    paths = look_up(result.json, "paths")
    if not isinstance(paths, dict):
        facts.setdefault("failures", []).append(problem or f"{session.definition.openapi} is not an OpenAPI document")
        return None
    return sorted(
        f"{method.upper()} {path}"
        for path, item in paths.items()
        if isinstance(item, dict)
        for method in METHODS
        if method in item
    )
