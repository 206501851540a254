"""Which orders of steps a scenario may have, and where and how the others are refused."""

from pathlib import Path

import pytest

from lab.errors import ScenarioError
from lab.scenario.load import load_scenario

HEAD = """\
schema: 1
name: sample
title: A sample
versions: [from, to]
checks: [{check: install}]
steps:
"""
SHORT = {
    "install": "{step: install, version: from}",
    "upgrade": "{step: upgrade, version: to}",
    "configure": "{step: configure, version: from}",
    "unhealthy": "{step: watch, until: unhealthy}",
    "healthy": "{step: watch, until: healthy}",
    "stop-in-flight": "{step: stop, in_flight: true}",
    "hook": "{step: hook, call: 'a.py:b'}",
    **{f"refuse-{why}": f"{{step: refuse, because: {why}}}" for why in ("port-in-use", "database-stopped")},
    "refuse-newer": "{step: refuse, because: newer-data}",
    "refuse-skipped": "{step: refuse, because: skipped-version}",
    "downgrade": "{step: downgrade, version: from}",
    "reinstall": "{step: reinstall, version: from}",
    "refuse-setting": "{step: refuse, because: missing-setting}",
}
OUTAGE = "install configure start stop-database"


def faults(folder: Path, words: str) -> list[tuple[int, str]]:
    """Return each fault as the number of the word that it is about, and the message."""
    path = folder / "sample.yaml"
    path.write_text(HEAD + "".join(f"  - {SHORT.get(word, f'{{step: {word}}}')}\n" for word in words.split()), "utf8")
    try:
        load_scenario(str(path))
    except ScenarioError as error:
        return [(problem.line - 7, problem.message) for problem in error.problems]
    return []


@pytest.mark.parametrize(
    "words",
    [
        "install",
        "install start",
        "install configure setup hook start ready inspect seed verify exercise ledger hook stop ledger upgrade start",
        "install upgrade upgrade setup",
        "install refuse-port-in-use refuse-database-stopped start",
        "install configure refuse-setting",
        "install suite configure suite start stop suite upgrade suite",
        "install start setup configure",
        "install start ready reboot ready restart ready stop start restart stop",
        "install stop-database start-database start",
        f"{OUTAGE}",
        f"{OUTAGE} unhealthy start-database healthy healthy verify stop-database unhealthy stop",
        f"{OUTAGE} hook configure stop start-database refuse-database-stopped start ready stop",
        f"{OUTAGE} start-database exercise healthy stop",
        "survey install survey start survey stop uninstall survey install start",
        "install start kill start kill reinstall start",
        "install backup upgrade start stop downgrade refuse-newer restore start stop upgrade refuse-skipped start",
    ],
)
def test_an_order_that_can_be_taken_is_valid(words: str, tmp_path: Path) -> None:
    assert faults(tmp_path, words) == []


@pytest.mark.parametrize(
    ("words", "at", "said"),
    [
        ("install install", 1, "installed already: 'upgrade' installs another"),
        ("start install", 0, "'start' comes before anything is installed: let the first step be 'install'"),
        ("install start start", 2, "'start' needs a product that does not run: put a 'stop' before it"),
        ("install start refuse-port-in-use", 2, "'refuse' needs a product that does not run"),
        ("install start upgrade", 2, "'upgrade' needs a product that does not run"),
        ("install start suite", 2, "'suite' needs a product that does not run: put a 'stop' before it"),
        ("suite install", 0, "'suite' comes before anything is installed"),
        ("install stop-database suite", 2, "'suite' needs the database, which is stopped"),
        ("install start stop stop", 3, "'stop' needs the product to run: put a 'start' before it"),
        ("install start stop healthy", 3, "'watch' needs the product to run"),
        ("install restore", 1, "there is no backup that could be put back: put a 'backup' before it"),
        ("install upgrade refuse-newer", 2, "asks about the start after a 'downgrade': put one before it"),
        ("install refuse-skipped", 1, "asks about the start after a 'upgrade'"),
        ("install kill", 1, "'kill' needs the product to run"),
        ("install start kill verify", 3, "'verify' needs the product to run"),
        ("install uninstall start", 2, "'start' comes before anything is installed"),
        *((f"install start {word}", 2, f"'{word}' needs a product that does not run") for word in
          ("backup", "downgrade", "reinstall", "uninstall")),
        ("install refuse-setting", 1, "put a 'configure' before it"),
        ("install start-database", 1, "the database runs already at 'start-database'"),
        (f"{OUTAGE} stop-database", 4, "the database is stopped already at 'stop-database'"),
        ("install start unhealthy", 2, "the database runs at 'watch' until 'unhealthy': put a 'stop-database'"),
        ("install start healthy", 2, "the database never went"),
        (f"{OUTAGE} healthy", 4, "'watch' needs the database, which is stopped: put a 'start-database' before it"),
        (f"{OUTAGE} start-database stop start healthy", 7, "the database never went while this process"),
        (f"{OUTAGE} stop start", 5, "ask with 'refuse'"),
        (f"{OUTAGE} stop refuse-database-stopped", 5, "it stops it itself"),
        (f"{OUTAGE} stop upgrade", 5, "'upgrade' needs the database, which is stopped"),
        (f"{OUTAGE} stop setup", 5, "'setup' needs the database, which is stopped"),
        (f"{OUTAGE} stop-in-flight", 4, "'stop' with a request in flight needs the database"),
        *((f"install {word}", 1, f"'{word}' needs the product to run") for word in
          ("ready", "inspect", "seed", "verify", "exercise", "stop", "restart", "reboot")),
        *((f"{word} install", 0, "comes before anything is installed") for word in
          ("upgrade", "setup", "configure", "seed", "verify", "exercise", "inspect", "ledger", "hook", "ready", "stop",
           "stop-database", "refuse-port-in-use")),
        *((f"{OUTAGE} {word}", 4, f"'{word}' needs the database, which is stopped") for word in
          ("ledger", "ready", "seed", "verify", "exercise", "inspect", "setup", "restart", "reboot")),
    ],
)  # fmt: skip
def test_a_step_out_of_order_is_refused_where_it_stands(words: str, at: int, said: str, tmp_path: Path) -> None:
    found = faults(tmp_path, words)
    assert found[0][0] == at
    assert any(said in message for _, message in found)


@pytest.mark.parametrize(
    ("words", "places"),
    [
        ("start ready seed stop install stop", [0, 5]),
        ("install seed verify stop start start", [1, 5]),
        (f"{OUTAGE} ledger verify stop stop", [4, 7]),
    ],
)
def test_one_mistake_is_told_once_and_the_next_one_too(words: str, places: list[int], tmp_path: Path) -> None:
    assert [at for at, _ in faults(tmp_path, words)] == places
