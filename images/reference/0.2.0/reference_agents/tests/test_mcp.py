"""MCP configurations are kept as they were given."""

from fastapi.testclient import TestClient

CONFIG = {"name": "files", "command": ["mcp-files"], "agents": ["simple"], "timeout": 12.5}


def test_a_config_reads_back_as_it_was_written(client: TestClient) -> None:
    assert client.post("/api/v1/mcp/configs", json=CONFIG).status_code == 201
    found = client.get("/api/v1/mcp/configs/files").json()["config"]
    assert {name: found[name] for name in CONFIG} == CONFIG


def test_a_second_config_of_one_name_is_refused(client: TestClient) -> None:
    assert [client.post("/api/v1/mcp/configs", json=CONFIG).status_code for _ in range(2)] == [201, 409]


def test_a_server_behind_an_address_needs_one(client: TestClient) -> None:
    answer = client.post("/api/v1/mcp/configs", json={"name": "weather", "server_type": "http"})
    assert answer.status_code == 422


def test_a_config_that_was_removed_is_gone(client: TestClient) -> None:
    client.post("/api/v1/mcp/configs", json=CONFIG)
    assert client.delete("/api/v1/mcp/configs/files").status_code == 204
    assert client.get("/api/v1/mcp/configs/files").status_code == 404
