"""Whose failure it is when an installer fails, as its own words tell: the index's, or the product's."""

import textwrap
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from lab.environment.base import Environment
from lab.errors import IndexUnavailableError
from lab.history import Recorder
from lab.lifecycle.install import check_machine, run_installer
from lab.lifecycle.installers import index_failed
from lab.lifecycle.setting import Session
from lab.planning import draft, planned_artifacts, setting_of
from lab.process import CommandResult
from lab.product.sources import Artifact
from lab.redact import Redactor
from lab.wish import Wish


def retries(*left: int) -> str:
    """Return what pip says of tries that failed, by how many are left after each."""
    return "".join(
        f"WARNING: Retrying (Retry(total={total}, connect=None)) after connection broken by "
        "'NewConnectionError('<HTTPConnection>: [Errno 111] Connection refused')': /simple/httpx/\n"
        for total in left
    )


NOT_FOUND = (
    "ERROR: Could not find a version that satisfies the requirement httpx (from versions: {})\n"
    "ERROR: No matching distribution found for httpx\n"
)
CONFLICT = "ERROR: Cannot install agents and httpx because these package versions have conflicting dependencies.\n"
BUILD = """  error: subprocess-exited-with-error

  {cross} {what} did not run successfully.
  │ exit code: 1
  {arrow} [{count} lines of output]
{output}
      [end of output]

  note: This error originates from a subprocess, and is likely not a problem with pip.
error: metadata-generation-failed

{cross} Encountered error while generating package metadata.
{arrow} See above for output.
"""
REFUSED = "ConnectionRefusedError: [Errno 111] Connection refused"
UV_BUILD = """error: Failed to build `agents @ file:///src`
  cause: The build backend returned an error
  cause: Call to `setuptools.build_meta.build_wheel` failed (exit status: 1)

         [stderr]
         Traceback (most recent call last):
           File "<string>", line 11, in <module>
         urllib.error.URLError: <urlopen error [Errno 111] Connection refused>

hint: Build failures usually indicate a problem with the package or the build environment
"""
OLD_BUILD = """    ERROR: Command errored out with exit status 1:
     command: /opt/product/venv/bin/python3 -c 'import sys, setuptools' egg_info
         cwd: /tmp/pip-req-build/
    Complete output (2 lines):
    Traceback (most recent call last):
    ConnectionRefusedError: [Errno 111] Connection refused
    ----------------------------------------
ERROR: Command errored out with exit status 1: python setup.py egg_info Check the logs for full command output.
"""
UV_INDEX = """error: Failed to build `agents @ file:///src`
  cause: Failed to resolve requirements from `build-system.requires`
  cause: Request failed after 3 retries in 7.0s
  cause: Failed to fetch: https://index.example/simple/setuptools/
  cause: tcp connect error
  cause: Connection refused (os error 111)
"""


def built(what: str, count: int, output: str, *, plain: bool = False) -> str:
    """Return what pip says of a build that failed; `plain` where its output is ASCII alone."""
    cross, arrow = ("x", "->") if plain else ("\N{MULTIPLICATION SIGN}", "╰─>")
    indented = textwrap.indent(output, "     " if plain else "      ")
    return BUILD.format(what=what, count=count, output=indented, cross=cross, arrow=arrow)


def ended(said: str, exit_code: int | None = 1, stdout: str = "") -> CommandResult:
    return CommandResult(("installer",), exit_code, stdout.encode(), said.encode(), 1.0)


@pytest.mark.parametrize(
    "said",
    [
        retries(4, 3, 2, 1, 0) + NOT_FOUND.format("none"),
        built(
            what="pip subprocess to install build dependencies", count=7,
            output=retries(4, 3, 2, 1, 0) + NOT_FOUND.format("none"),
        ),
        "ERROR: Exception:\nTraceback (most recent call last):\n" + "  File ...\n" * 40
        + "pip._vendor.urllib3.exceptions.ReadTimeoutError: HTTPSConnectionPool(host='index.example')\n",
        "ERROR: Could not install packages due to an OSError: HTTPSConnectionPool(): Max retries exceeded with url\n\n",
        "error: Request failed after 3 retries in 12.0s\n  cause: error sending request for url (https://index.example)\n",
        UV_INDEX,
    ],
    ids=["pip", "what a build needs", "a traceback of pip", "a download", "uv", "what a build needs, uv"],
)  # fmt: skip
def test_an_installer_that_failed_of_its_index_is_not_the_products_failure(said: str) -> None:
    with pytest.raises(IndexUnavailableError, match="did not answer"):
        check_machine(ended(said), "agents 1.0")


def test_an_index_whose_certificate_is_not_trusted_is_not_the_products_failure() -> None:
    skipped = (
        "Could not fetch URL https://index.example/simple/httpx/: There was a problem confirming the ssl certificate: "
        "Max retries exceeded with url: /simple/httpx/ (Caused by SSLError('CERTIFICATE_VERIFY_FAILED')) - skipping\n"
    )
    assert index_failed(ended(NOT_FOUND.format("none"), stdout=skipped))


@pytest.mark.parametrize(
    "said",
    [
        retries(4) + CONFLICT,
        retries(4, 3, 2, 1, 0) + CONFLICT,
        retries(4) + NOT_FOUND.format("none"),
        retries(4, 3, 2, 1, 0) + NOT_FOUND.format("0.1, 0.2"),
        built(what="Preparing metadata (pyproject.toml)", count=1, output=REFUSED),
        built(what="Getting requirements to build wheel", count=1, output=REFUSED, plain=True),
        UV_BUILD,
        OLD_BUILD,
    ],
    ids=["a conflict", "a late conflict", "no such package", "no such version", "a build", "a build, in ASCII",
         "a build under uv", "a build under an old pip"],
)  # fmt: skip
def test_what_an_installer_got_over_or_a_build_met_does_not_excuse_the_product(said: str) -> None:
    check_machine(ended(said), "agents 1.0")


def test_an_installer_that_was_still_trying_at_its_deadline_waited_for_the_index() -> None:
    with pytest.raises(IndexUnavailableError):
        check_machine(ended(retries(4, 3), exit_code=None), "agents 1.0")
    check_machine(ended("Building wheels\n" * 3, exit_code=None), "agents 1.0")


@pytest.mark.parametrize(("said", "wanted"), [(retries(4), "index"), ("", "did not end within")])
def test_an_installation_that_takes_too_long_is_looked_at_before_the_product_is_blamed(
    said: str, wanted: str, tmp_path: Path
) -> None:
    where = SimpleNamespace(run=lambda *_words, **_named: ended(said, exit_code=None))
    record = Recorder(tmp_path / "events.ndjson", Redactor(()))
    planned = draft(Wish("installers", environments=("docker",), chosen={"installer": ["pip"]}))
    setting = setting_of(planned, planned.cells[0], planned_artifacts(planned))
    package = Artifact("package", "1.0", "", "agents==1.0", requirement="agents==1.0")
    wished = replace(setting, artifacts={"to": package})
    session = Session(wished, cast("Environment", where), record, tmp_path)
    try:
        failure = run_installer(session, "to", {}, upgrade=False) or ""
    except IndexUnavailableError:
        failure = "index"
    assert wanted in failure
    record.close()
