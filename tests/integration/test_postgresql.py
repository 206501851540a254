"""What the lab reads of a PostgreSQL database from beside the product, on a real server."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lab.environment.docker import DockerEnvironment
from lab.errors import InfrastructureError
from lab.history import Recorder
from lab.lifecycle.actions import perform
from lab.lifecycle.database import query, read_ledger
from lab.lifecycle.setting import DATABASE_SECRET, Session
from lab.planning import draft, make_up, setting_of
from lab.process import CommandResult
from lab.product.actions import SqlAction
from lab.records.store import list_runs, read_trials
from lab.redact import Redactor
from lab.wish import Wish
from tests.integration.place import place
from tests.integration.program import lab

pytestmark = pytest.mark.engine

SECONDS = 30.0
DAMAGE = """
import sys
with open(sys.argv[1], "r+b") as file:
    file.seek(4000)
    file.write(b"what stood here is gone")
"""


@pytest.fixture(scope="module")
def server() -> Iterator[DockerEnvironment]:
    with place(database=True) as made:
        yield made


@pytest.fixture
def session(server: DockerEnvironment, tmp_path: Path) -> Iterator[Session]:
    """A trial's session on an empty database."""
    for statement in ("drop database product with (force)", "create database product owner product"):
        done = server.services.run_in_database(_psql("postgres", statement), timeout=SECONDS)
        assert done.ok, done.tail()
    planned = draft(Wish("outage", environments=("docker",), chosen={"database": ["postgresql"]}))
    record = Recorder(tmp_path / "events.ndjson", Redactor())
    setting = setting_of(planned, planned.cells[0], {})
    yield Session(setting, server, record, tmp_path, installed="to")
    record.close()


def _psql(database: str, *statements: str) -> list[str]:
    commands = [f"--command={statement}" for statement in statements]
    return ["psql", "--no-psqlrc", "--tuples-only", "--no-align", "--set=ON_ERROR_STOP=1", f"--dbname={database}",
            *commands]  # fmt: skip


def _do(session: Session, *statements: str) -> str:
    """Do as the server's superuser, in one session, each statement by itself."""
    done = session.environment.services.run_in_database(_psql("product", *statements), timeout=SECONDS)
    assert done.ok, done.tail()
    return done.stdout.decode().strip()


def _read(session: Session) -> CommandResult:
    result = read_ledger(session)
    assert result is not None
    return result


def _ledger(session: Session) -> dict[str, Any]:
    result = _read(session)
    assert result.ok, result.tail()
    told: dict[str, Any] = json.loads(result.stdout)
    return told


def _sql(session: Session, statement: str, **more: Any) -> Any:
    return perform(session, SqlAction(action="sql", name="a statement", statement=statement, **more))


def test_tables_of_every_kind_are_counted_by_their_keys(session: Session) -> None:
    _do(
        session,
        "create table plain (id int primary key, note text)",
        "insert into plain values (1, null), (2, 'naïve \" quote')",
        "create table pairs (b text, a int, primary key (a, b))",
        "insert into pairs values ('x', 1), ('x', 2), ('y', 1)",
        "create table keyless (note text, raw bytea)",
        "insert into keyless values (null, null), ('a', '\\x00ff'), ('a', '\\x00ff')",
        'create table "Odd ""name"".x" ("the key" bytea primary key, "select" text)',
        'insert into "Odd ""name"".x" values (\'\\x00fe\', null)',
        "create table empty ()",
        "insert into empty default values",
        "create table parts (id int, at date, primary key (id, at)) partition by range (at)",
        "create table parts_1 partition of parts for values from ('2026-01-01') to ('2026-02-01')",
        "create table parts_2 partition of parts for values from ('2026-02-01') to ('2026-03-01')",
        "insert into parts values (1, '2026-01-05'), (1, '2026-02-05'), (2, '2026-02-05')",
        "create schema audit",
        "create table audit.plain (id int primary key)",
        "insert into audit.plain values (7)",
        "create table dropped (gone int, id int primary key)",
        "alter table dropped drop column gone",
        "create view seen as select * from plain",
        "create materialized view stored as select * from plain",
        "create temporary table mine (id int)",
    )

    told = _ledger(session)

    tables = told["tables"]
    assert sorted(tables) == [
        'Odd "name".x', "audit.plain", "dropped", "empty", "keyless", "pairs", "parts", "plain",
    ]  # fmt: skip
    assert {name: table["rows"] for name, table in tables.items()} == {
        "plain": 2, "pairs": 3, "keyless": 3, 'Odd "name".x': 1, "empty": 1, "parts": 3, "audit.plain": 1, "dropped": 0,
    }  # fmt: skip
    assert tables["pairs"]["key"] == ["a", "b"]
    assert tables["pairs"]["columns"] == ["b", "a"]
    assert tables["keyless"]["key"] == []
    assert tables["dropped"]["columns"] == ["id"]
    assert all(len(set(tables[name]["keys"])) == tables[name]["rows"] for name in ("plain", "pairs", "parts"))
    assert (told["unreadable"], told["integrity"], told["foreign_key_orphans"]) == ({}, "ok", 0)


def test_a_key_reads_the_same_whatever_else_changes(session: Session) -> None:
    _do(
        session,
        "create table keyed (at timestamptz, part bytea, size float8, primary key (at, part, size))",
        "insert into keyed values ('2026-03-04 05:06:07+00', '\\x00ff', 0.1), ('2026-03-04 05:06:08+00', '\\xfe', 0.2)",
    )
    before = _ledger(session)["tables"]["keyed"]
    _do(
        session,
        "alter database product set timezone = 'Asia/Tokyo'",
        "alter database product set datestyle = 'German'",
        "alter database product set bytea_output = 'escape'",
        "alter database product set extra_float_digits = -4",
        "alter table keyed add column note text default 'new'",
    )

    after = _ledger(session)["tables"]["keyed"]

    assert after["keys"] == before["keys"]
    _do(session, "delete from keyed where part = '\\xfe'")
    assert len(set(before["keys"]) - set(_ledger(session)["tables"]["keyed"]["keys"])) == 1


def test_rows_that_refer_to_nothing_are_counted_once(session: Session) -> None:
    _do(
        session,
        "create table owners (a int, b int, primary key (a, b))",
        'create table "owned Things" (id int, a int, b int, foreign key (a, b) references owners)',
        "insert into owners values (1, 1)",
        'insert into "owned Things" values (1, 1, 1), (2, 1, null)',
    )
    assert _ledger(session)["foreign_key_orphans"] == 0
    _do(
        session,
        "set session_replication_role = replica",
        'insert into "owned Things" values (3, 1, 2), (4, 2, 1)',
    )

    assert _ledger(session)["foreign_key_orphans"] == 2


def test_partitions_on_either_side_of_a_foreign_key_give_no_false_alarm(session: Session) -> None:
    _do(
        session,
        "create table owners (id int primary key) partition by list (id)",
        "create table owners_1 partition of owners for values in (1)",
        "create table owners_2 partition of owners for values in (2)",
        "create table things (id int, owner int references owners) partition by list (id)",
        "create table things_1 partition of things for values in (1)",
        "create table things_2 partition of things for values in (2)",
        "insert into owners values (1), (2)",
        "insert into things values (1, 1), (1, 2), (2, 1), (2, 2)",
    )
    assert _ledger(session)["foreign_key_orphans"] == 0
    _do(session, "set session_replication_role = replica", "delete from owners where id = 2")

    assert _ledger(session)["foreign_key_orphans"] == 2


def test_a_foreign_key_that_does_not_yet_claim_to_hold_is_not_broken(session: Session) -> None:
    _do(
        session,
        "create table owners (id int primary key)",
        "create table things (owner int)",
        "insert into things values (1)",
        "alter table things add foreign key (owner) references owners not valid",
    )

    assert _ledger(session)["foreign_key_orphans"] == 0


def test_an_index_that_could_not_be_finished_is_damage(session: Session) -> None:
    _do(session, "create table twice (id int)", "insert into twice values (1), (1)")
    failed = session.environment.services.run_in_database(
        _psql("product", "create unique index concurrently half on twice (id)"), timeout=SECONDS
    )
    assert not failed.ok

    assert _ledger(session)["integrity"] == "the index half is not valid"


def test_a_page_that_was_overwritten_is_damage_and_the_rest_is_counted_all_the_same(session: Session) -> None:
    _do(
        session,
        "create table sound (id int primary key)",
        "insert into sound select generate_series(1, 10)",
        "create table damaged (id int primary key, owner int references sound)",
        "insert into damaged select n, 1 from generate_series(1, 500) n",
        "create table missing (id int primary key)",
        "insert into missing values (1)",
    )
    path, gone = (_do(session, f"select pg_relation_filepath('{name}')") for name in ("damaged", "missing"))
    services = session.environment.services
    services.stop_database()
    for command in (["python3", "-c", DAMAGE], ["rm"]):
        folder = "/var/lib/postgresql/data"
        done = services.run_in_database([*command, f"{folder}/{gone if command == ['rm'] else path}"], timeout=SECONDS)
        assert done.ok, done.tail()
    services.start_database()

    told = _ledger(session)

    assert sorted(told["tables"]) == ["sound"]
    assert "damaged: invalid page in block 0" in told["integrity"]
    assert "missing: could not open file" in told["integrity"]
    assert told["unreadable"] == {}


def test_a_table_that_is_locked_is_named_and_not_waited_for(session: Session) -> None:
    _do(
        session,
        "create table free (id int primary key)",
        "insert into free values (1)",
        "create table held (id int primary key, free int references free)",
        "insert into held values (1, 1)",
    )
    services = session.environment.services
    holding = "psql --no-psqlrc --dbname=product --command='begin; lock table held; select pg_sleep(60)'"
    assert services.run_in_database(["sh", "-c", f"{holding} >/dev/null 2>&1 &"], timeout=SECONDS).ok
    locks = "select count(*) from pg_locks where relation = 'held'::regclass and granted"
    deadline = time.monotonic() + SECONDS
    while _do(session, locks) == "0" and time.monotonic() < deadline:
        pass
    try:
        told = _ledger(session)
    finally:
        _do(session, "select pg_terminate_backend(pid) from pg_locks where relation = 'held'::regclass")

    assert sorted(told["tables"]) == ["free"]
    assert told["unreadable"]["held"] == "canceling statement due to lock timeout"
    assert (told["integrity"], told["foreign_key_orphans"]) == ("ok", 0)


def test_a_table_whose_type_needs_a_library_that_is_not_there_is_named_and_no_damage(session: Session) -> None:
    _do(
        session,
        "create extension hstore",
        "create table vectors (value hstore)",
        "insert into vectors values ('a=>1')",
        "create table plain (id int primary key)",
        "update pg_proc set probin = '$libdir/gone' where probin = '$libdir/hstore'",
    )

    told = _ledger(session)

    assert sorted(told["tables"]) == ["plain"]
    assert "gone" in told["unreadable"]["vectors"]
    assert told["integrity"] == "ok"


def test_statements_run_under_the_products_own_account(session: Session) -> None:
    assert _sql(session, "select current_user, session_user", rows=[["product", "product"]]).problem == ""
    assert "permission denied" in _sql(session, "select pg_read_file('/etc/passwd')").problem
    assert "permission denied" in _sql(session, "create role another").problem
    assert _sql(session, "create table mine (id int primary key, raw bytea, at date)").problem == ""
    assert _sql(session, "insert into mine values (1, '\\x00ff', '2026-03-04')").problem == ""
    done = _sql(session, "select * from mine", rows=[[1, "\\x00ff", "2026-03-04"]], pick={"raw": "0.1"})
    assert (done.problem, done.picked) == ("", {"raw": "\\x00ff"})
    assert "instead of" in _sql(session, "select id from mine", rows=[[2]]).problem
    assert 'relation "nothing" does not exist' in _sql(session, "select * from nothing").problem
    assert _ledger(session)["tables"]["mine"]["rows"] == 1


def test_a_server_that_does_not_answer_is_the_labs_error(session: Session) -> None:
    services = session.environment.services
    services.stop_database()
    try:
        with pytest.raises(InfrastructureError, match="does not answer"):
            read_ledger(session)
        with pytest.raises(InfrastructureError, match="does not answer"):
            query(session, "select 1")
    finally:
        services.start_database()
    session.environment.check_own(closely=True)


def test_a_database_that_the_product_dropped_or_crowded_is_the_products_doing(session: Session) -> None:
    _do(session, "alter database product connection limit 0")
    refused = query(session, "select 1")
    assert refused is not None
    assert "too many connections" in refused.tail()
    services = session.environment.services
    dropped = services.run_in_database(_psql("postgres", "drop database product"), timeout=SECONDS)
    assert dropped.ok, dropped.tail()
    try:
        assert 'database "product" does not exist' in _read(session).tail()
    finally:
        assert services.run_in_database(_psql("postgres", "create database product owner product"), timeout=SECONDS).ok


def test_the_databases_password_stands_nowhere_in_the_runs_folder() -> None:
    ended = lab("run", "fresh-install", "--set", "stop=signal", "--set", "database=postgresql", "--seed", "11")

    assert ended.code == 0, ended.said
    (folder,) = list_runs()
    (trial,) = read_trials(folder).results
    password = make_up([DATABASE_SECRET], 11)[DATABASE_SECRET]
    written = [path for path in folder.rglob("*") if path.is_file()]
    assert len(written) > 10
    assert trial.axes["database"] == "postgresql"
    assert [path for path in written if password.encode() in path.read_bytes()] == []
    assert password not in ended.said
