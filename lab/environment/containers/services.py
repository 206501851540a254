"""Side services beside the product, by testcontainers: an LLM mock, a PostgreSQL server."""

import os
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from lab.environment.base import DatabaseAccount, Llm
from lab.environment.containers import engine
from lab.environment.containers.engine import Door, Ownership
from lab.environment.containers.toolbox import Commands
from lab.environment.mock_journal import fetch_journal
from lab.environment.places import DATABASE_ALIAS, LLM_ALIAS, LLM_PORT
from lab.errors import InfrastructureError
from lab.process import CommandResult

if TYPE_CHECKING:
    from docker.models.containers import Container
    from testcontainers.core.container import DockerContainer

LLM_CONTROL_PORT = 8081
START_SECONDS = 30
POLL_SECONDS = 0.02
DATABASE_SECONDS = 30
"""How long a database may take to take its first orders, to stop or to start again."""
ANSWER_SECONDS = 5
"""How long it may take to say that it is there, when something went wrong."""
PREPARE_SCRIPT = """
import os, sys, time
import psycopg2
from psycopg2 import sql
deadline = time.monotonic() + float(sys.argv[1])
while True:
    try:
        db = psycopg2.connect(dbname="postgres")
        break
    except psycopg2.OperationalError as error:
        if time.monotonic() > deadline:
            sys.exit(str(error))
        time.sleep(0.02)
db.autocommit = True
ask = db.cursor()
role = sql.Identifier(os.environ["ROLE"])
ask.execute(sql.SQL("create role {} login password {}").format(role, sql.Literal(os.environ["PASSWORD"])))
ask.execute(sql.SQL("create database {} owner {}").format(sql.Identifier(os.environ["DATABASE"]), role))
ask.execute("show server_version")
print(ask.fetchone()[0].split()[0])
"""


@dataclass(frozen=True)
class ServicesRecipe:
    """Images of the services that a trial has beside it."""

    llm_image: str
    database_image: str = ""
    """Empty where the product keeps its data in a file of its own."""
    account: DatabaseAccount = field(default_factory=DatabaseAccount)


class Services:
    """The side services of one trial: they come up in the background, and whoever needs one waits for it."""

    def __init__(
        self,
        recipe: ServicesRecipe,
        owned: Ownership,
        door: Door,
        control_port: Callable[[], int | None] = lambda: None,
    ) -> None:
        self._recipe = recipe
        self._owned = owned
        self._door = door
        self._pool = ThreadPoolExecutor(max_workers=2, thread_name_prefix="service")
        self._llm: Future[Llm] | None = None
        self._database: Future[str] | None = None
        self._in_database = Commands(door, owned.name("postgresql"), user="postgres")
        self._stopped = False
        self._control_port = control_port
        """Asked where the mock's control plane is published; None: the mock publishes it itself."""

    @property
    def names(self) -> list[str]:
        """The names under which the services of this trial are found."""
        return [LLM_ALIAS, *([DATABASE_ALIAS] if self._recipe.database_image else [])]

    def begin(self, network: str) -> None:
        """Let the services of the trial come up on its network."""
        self._llm = self._pool.submit(self._start_llm, network)
        if self._recipe.database_image:
            self._database = self._pool.submit(self._start_database, network)

    def ready(self) -> dict[str, Any]:
        """Wait for all services; return facts about them.

        Raises InfrastructureError for one that does not come up.
        """
        self.llm()
        return {"postgresql": self._database.result()} if self._database is not None else {}

    def llm(self) -> Llm:
        """Wait for the mock and return its addresses."""
        if self._llm is None:
            raise InfrastructureError("the environment was not provisioned")
        return self._llm.result()

    def run_in_database(self, argv: Sequence[str], *, timeout: float) -> CommandResult:
        """Run a command beside the database server, as its superuser.

        Raises InfrastructureError where the trial has no database server.
        """
        if self._database is None:
            raise InfrastructureError("this trial has no database server beside it")
        self._database.result()
        return self._in_database.run(argv, timeout=timeout)

    def stop_database(self) -> None:
        """Stop the server as an operator does: open connections are ended, its name and address stay.

        Raises InfrastructureError.
        """
        self._stopped = True
        self._control("stop", "--mode=fast", "--wait")

    def start_database(self) -> None:
        """Start the stopped server again; it takes connections when this returns.

        Raises InfrastructureError.
        """
        self._control("start", "--wait", "--log=/proc/1/fd/2")
        self._stopped = False

    def standing(self) -> list[str]:
        """Return the names of the containers that came up."""
        begun = {"llm": self._llm, "postgresql": self._database}
        return [self._owned.name(role) for role, call in begun.items() if call is not None and _went_well(call)]

    def check_database(self) -> None:
        """Make sure that the server answers, unless it was stopped or never came up.

        Raises InfrastructureError.
        """
        if self._database is None or not _went_well(self._database) or self._stopped:
            return
        asked = self._in_database.run(["pg_isready", f"--timeout={ANSWER_SECONDS}"], timeout=2 * ANSWER_SECONDS)
        if not asked.ok:
            raise InfrastructureError(f"the database server beside the product does not answer: {asked.tail(2)}")

    def collect(self) -> tuple[list[str], dict[str, bytes]]:
        """Return the roles of the containers, and the LLM mock's journal."""
        roles = ["llm", *(["postgresql"] if self._recipe.database_image else [])]
        return roles, self._journal()

    def close(self) -> None:
        """Start nothing more."""
        self._pool.shutdown(wait=False, cancel_futures=True)
        self._in_database.close()

    def starting(self) -> list[Future[Any]]:
        """Return the calls under way that start a service: each may still make a container."""
        return [each for each in (self._llm, self._database) if each and not each.cancelled() and not each.done()]

    def _control(self, *words: str) -> None:
        argv = ["pg_ctl", *words, f"--timeout={DATABASE_SECONDS}", "--silent"]
        done = self.run_in_database(argv, timeout=DATABASE_SECONDS + 5)
        if not done.ok:
            raise InfrastructureError(f"'{' '.join(argv)}' failed beside the database: {done.tail(3) or 'time-out'}")

    def _journal(self) -> dict[str, bytes]:
        """Read what the LLM mock was asked, if it came up and still answers."""
        if self._llm is None or not _went_well(self._llm):
            return {}
        return fetch_journal(self._llm.result().control_url)

    def _start_llm(self, network: str) -> Llm:
        """Start the mock, its control port on 127.0.0.1; return when it answers."""
        import httpx

        with self._door("starting the LLM mock"):
            container = self._container("llm", LLM_ALIAS, self._recipe.llm_image, network, "256m", 64)
            elsewhere = self._control_port()
            if elsewhere is None:
                container.ports = {f"{LLM_CONTROL_PORT}/tcp": ("127.0.0.1", None)}  # type: ignore[dict-item]
            container.start()
            with httpx.Client(timeout=2, trust_env=False) as client:

                def answers(wrapped: "Container") -> Llm | None:
                    published = wrapped.ports.get(f"{LLM_CONTROL_PORT}/tcp")
                    port = elsewhere or (published[0]["HostPort"] if published else None)
                    if port is None:
                        return None
                    control = f"http://127.0.0.1:{port}"
                    try:
                        good = client.get(f"{control}/ready").is_success
                    except httpx.TransportError:
                        return None
                    return Llm(f"http://{LLM_ALIAS}:{LLM_PORT}/v1", control) if good else None

                return _until(container.get_wrapped_container(), answers, "the LLM mock did not answer")

    def _start_database(self, network: str) -> str:
        """Start the server, make the product's account and database, and return the server's version."""
        with self._door("starting the database"):
            image = self._recipe.database_image
            container = self._container("postgresql", DATABASE_ALIAS, image, network, "512m", 256)
            container.start()
            account = self._recipe.account
            variables = {"ROLE": account.user, "PASSWORD": account.password, "DATABASE": account.name}
            prepared = self._in_database.run(
                ["python3", "-c", PREPARE_SCRIPT, str(DATABASE_SECONDS)],
                timeout=DATABASE_SECONDS + 5, environment=variables,
            )  # fmt: skip
            if not prepared.ok:
                said = container.get_wrapped_container().logs(tail=8).decode("utf8", "replace")
                why = prepared.tail(3) or f"no answer within {DATABASE_SECONDS} s"
                raise InfrastructureError(f"the database did not take orders: {why}; its last words:\n{said}")
            return prepared.stdout.decode().strip()

    def _container(
        self, role: str, alias: str, image: str, network: str, memory: str, processes: int
    ) -> "DockerContainer":
        """Return a container that is about to be made, known by its alias on the trial's network."""
        # The reaper of testcontainers needs an image from a registry; the lab has one of its own.
        os.environ.setdefault("TESTCONTAINERS_RYUK_DISABLED", "true")
        from docker.constants import DEFAULT_DOCKER_API_VERSION
        from docker.types import EndpointConfig
        from testcontainers.core.container import DockerContainer

        name = self._door.register("container", self._owned.name(role))
        reached = {"environment": {**os.environ, "DOCKER_HOST": engine.address() or ""}}
        endpoint = EndpointConfig(DEFAULT_DOCKER_API_VERSION, aliases=[alias])
        return (
            DockerContainer(image, docker_client_kw=reached, name=name)
            .with_kwargs(
                labels=self._owned.labels(role),
                network=network,
                networking_config={network: endpoint},
                cap_drop=["ALL"],
                security_opt=["no-new-privileges:true"],
                mem_limit=memory,
                pids_limit=processes,
            )
        )  # fmt: skip


def _went_well(call: "Future[Any]") -> bool:
    return call.done() and not call.cancelled() and call.exception() is None


def _until(container: "Container", answers: "Callable[[Container], Llm | None]", problem: str) -> Llm:
    """Poll until a container's service answers; raises InfrastructureError with its last words."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        container.reload()
        if container.status == "exited":
            break
        found = answers(container)
        if found is not None:
            return found
        time.sleep(POLL_SECONDS)
    said = container.logs(tail=8).decode("utf8", "replace")
    raise InfrastructureError(
        f"{problem} within {START_SECONDS} s (container {container.status}); its last words:\n{said}"
    )
