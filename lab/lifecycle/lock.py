"""A lock on a table of the product's database, by which the lab holds a request up."""

import json
import threading
import time

from lab.environment.base import SideServices
from lab.errors import InfrastructureError, LabError
from lab.lifecycle.ledgers import CONNECT
from lab.process import CommandResult

LOCK_SECONDS = 60
"""How long a lock is held at most, where nobody lets go of it."""
TAKE_SECONDS = 20
LOCK_SCRIPT = (
    CONNECT
    + """
import time
table, seconds = sys.argv[3], float(sys.argv[4])
db.autocommit = False
ask("set application_name = 'lab-lock'")
ask(sql.SQL("lock table {} in access exclusive mode").format(sql.Identifier(*table.split("."))))
time.sleep(seconds)
"""
)
"""Locks a table until it is told to let go, or for some seconds at most."""
LOCKED_SCRIPT = (
    CONNECT  # noqa: S608 - names are given as values, or quoted there
    + """
held = ask("select l.pid from pg_locks l join pg_stat_activity a using (pid) where a.application_name = 'lab-lock' "
           "and l.granted and l.relation = %s::regclass", sys.argv[3])
waiting = ask("select exists (select from pg_locks where relation = %s::regclass and not granted)", sys.argv[3])
print(json.dumps([bool(held), waiting[0][0]]))
"""
)
"""Prints whether the table is locked by the lab, and whether somebody waits for it."""
UNLOCK_SCRIPT = (
    CONNECT  # noqa: S608 - there is nothing to quote
    + """
ask("select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'lab-lock'")
"""
)
"""Lets go of what is locked by the lab."""


class TableLock:
    """One table's lock, held by a session of the lab's beside the server."""

    def __init__(self, services: SideServices, database: str, table: str) -> None:
        self._services = services
        self._database = database
        self._table = table
        self._ended = ""
        """Why the session that holds the lock is over; empty as long as it is not."""
        self._stuck = ""
        """Why the lock was not let go; empty if nothing was in the way."""
        self.was_awaited = False

    def take(self) -> None:
        """Lock the table; it is locked when this returns.

        Raises InfrastructureError where it cannot be.
        """
        threading.Thread(target=self._hold, name="lock", daemon=True).start()
        deadline = time.monotonic() + TAKE_SECONDS
        while not self._look()[0]:
            if time.monotonic() > deadline:
                raise InfrastructureError(f"the table {self._table} could not be locked within {TAKE_SECONDS} s")

    def awaited(self) -> bool:
        """Whether another session waits for the table."""
        self.was_awaited = self._look()[1]
        return self.was_awaited

    def let_go(self, *, after: float) -> None:
        """Unlock the table, at once or in so many seconds."""
        if not after:
            self._unlock()
            return
        later = threading.Timer(after, self._unlock)
        later.daemon = True
        later.start()

    def _hold(self) -> None:
        try:
            done = self._run(LOCK_SCRIPT, self._table, str(LOCK_SECONDS))
        except (LabError, RuntimeError) as error:  # the trial is being taken down
            self._ended = str(error)
        else:
            self._ended = done.tail(2) or "the lock ended by itself"

    def _look(self) -> tuple[bool, bool]:
        done = self._run(LOCKED_SCRIPT, self._table)
        if self._ended or not done.ok:
            said = self._ended or done.tail(2)
            raise InfrastructureError(f"the table {self._table} cannot be locked: {said}", hint="is its name right?")
        locked, waiting = json.loads(done.stdout)
        return bool(locked), bool(waiting)

    def check(self) -> None:
        """Make sure that nothing kept the lock from being let go.

        Raises InfrastructureError: what the product then waited for was the lab's.
        """
        if self._stuck:
            raise InfrastructureError(f"the lock on the table {self._table} was not let go: {self._stuck}")

    def _unlock(self) -> None:
        try:
            done = self._run(UNLOCK_SCRIPT)
        except (LabError, RuntimeError) as error:
            self._stuck = str(error)
        else:
            self._stuck = "" if done.ok else done.tail(2) or "time-out"

    def _run(self, script: str, *arguments: str) -> CommandResult:
        words = ["python3", "-c", script, self._database, "postgres", *arguments]
        return self._services.run_in_database(words, timeout=LOCK_SECONDS + 10)
