"""What the tests share: a service over a fresh database, without a port and without a model."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import uvicorn
from fastapi.testclient import TestClient

from reference_agents.app import build_app
from reference_agents.database.engine import Database
from reference_agents.database.migrate import migrate
from reference_agents.settings import load_settings
from reference_agents.shutdown import StoppableServer


@pytest.fixture
def client(tmp_path: Path) -> Iterator[TestClient]:
    """Give a client that has the key."""
    url = f"sqlite:///{tmp_path}/own.db"
    no_file = tmp_path / "empty.env"
    no_file.touch()
    values = {"REFERENCE_API_KEY": "own-key", "REFERENCE_ENV": "tests", "REFERENCE_ENV_FILE": str(no_file)}
    settings = load_settings(values | {"REFERENCE_DATABASE_URL": url})
    database = Database(url)
    migrate(database)
    app = build_app(settings, database)
    app.state.server = StoppableServer(uvicorn.Config(app))
    with TestClient(app, headers={"x-api-key": "own-key"}) as found:
        yield found
    database.close()
