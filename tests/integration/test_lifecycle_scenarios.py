"""What happens to an installed product later in its life, with real installers and real processes."""

import json
from pathlib import Path

import pytest

from lab import paths
from lab.records.store import list_runs, read_trials
from tests.integration.program import lab

LOCAL = ("--env", "local", "--set", "database=sqlite")
DECLARED = 'skips: [{from: "0.1.3", promise: works}]'
REFUSES_OLD = """\
--- a/reference_agents/database/migrate.py
+++ b/reference_agents/database/migrate.py
@@ -48,6 +48,8 @@
     \"\"\"Apply what is missing, in order and each in a transaction, or raise StartError.\"\"\"
     try:
         with database.alone() as connection:
+            if inspect(connection).get_table_names() and not inspect(connection).has_table(schema_migrations.name):
+                raise StartError("this database is older than 0.1.4: upgrade to 0.1.4 first")
             schema_migrations.create(connection, checkfirst=True)
             _refuse_newer(connection)
         for migration in known_migrations():
"""


def verdicts() -> dict[str, str]:
    (trial,), _ = read_trials(list_runs()[0])
    return {check.check: check.verdict for check in trial.checks}


def product(folder: Path, old: str, new: str) -> str:
    """Return the path of the reference product's definition with a change, its sources where they were."""
    text = (paths.products() / "reference.yaml").read_text("utf8").replace("../../images", f"{paths.CHECKOUT}/images")
    assert old in text
    path = folder / "changed.yaml"
    path.write_text(text.replace(old, new, 1), "utf8")
    return str(path)


@pytest.mark.parametrize("scenario", ["reinstall", "uninstall", "restart", "rollback", "skip-version"])
def test_a_scenario_of_a_products_later_life_passes_without_an_engine(scenario: str) -> None:
    ended = lab("run", scenario, *LOCAL)
    assert ended.code == 0, ended.said
    assert set(verdicts().values()) <= {"pass", "skipped"}


def test_a_product_that_promises_that_the_old_version_works_on_its_data_is_taken_at_its_word(tmp_path: Path) -> None:
    ended = lab("run", "rollback", *LOCAL, "--product", product(tmp_path, "rollback: restore", "rollback: works"))
    assert ended.code == 1, ended.said
    assert verdicts()["rollback"] == "fail"


def test_a_promised_refusal_ends_the_trial_as_expected(tmp_path: Path) -> None:
    ended = lab("run", "rollback", *LOCAL, "--product", product(tmp_path, "rollback: restore", "rollback: refuses"))
    assert ended.code == 0, ended.said
    assert verdicts()["rollback"] == "pass"


def test_documented_steps_of_backup_restore_and_uninstall_are_taken(tmp_path: Path) -> None:
    steps = """backup_steps:
  - {documented: here, argv: [cp, "{data}/reference.db", "{backup}.db"]}
restore_steps:
  - {documented: here, argv: [sh, -c, 'rm -f "$1"*; cp "$0" "$1"', "{backup}.db", "{data}/reference.db"]}
uninstall_steps:
  - {documented: here, argv: [rm, -r, "{venv}/bin"]}
suite:"""
    changed = product(tmp_path, "suite:", steps)
    assert lab("run", "rollback", *LOCAL, "--product", changed).code == 0
    ended = lab("run", "uninstall", *LOCAL, "--product", changed)
    assert ended.code == 1, ended.said
    assert "leftovers" in ended.said


def test_a_product_without_a_declared_skip_is_skipped_with_the_reason(tmp_path: Path) -> None:
    ended = lab("run", "skip-version", *LOCAL, "--product", product(tmp_path, DECLARED, "skips: []"))
    assert ended.code == 5, ended.said
    told = json.loads((list_runs()[0] / "run.json").read_text("utf8"))
    assert "declares no older version" in told["cells"][0]["skip"]


def test_a_version_that_promises_to_refuse_a_skip_and_works_breaks_it(tmp_path: Path) -> None:
    changed = product(tmp_path, DECLARED, DECLARED.replace("works", "refuses"))
    ended = lab("run", "skip-version", *LOCAL, "--product", changed)
    assert ended.code == 1, ended.said
    assert "said to be healthy" in ended.said
    assert verdicts()["refusal"] == "fail"


def test_a_promised_refusal_of_a_skip_ends_the_trial_as_expected_and_the_data_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "refuses-old.patch").write_text(REFUSES_OLD, "utf8")
    changed = Path(product(tmp_path, DECLARED, DECLARED.replace("works", "refuses")))
    newer = f"{paths.CHECKOUT}/images/reference/0.2.0]"
    text = changed.read_text("utf8")
    assert newer in text
    changed.write_text(text.replace(newer, f"{newer[:-1]}, {tmp_path}/refuses-old.patch]", 1), "utf8")

    ended = lab("run", "skip-version", *LOCAL, "--product", str(changed))

    assert ended.code == 0, ended.said
    assert verdicts()["refusal"] == "pass"
    assert verdicts()["data"] == "pass"
