"""MCP servers are kept as they were given."""

from fastapi.testclient import TestClient

SERVER = {"name": "files", "server_type": "stdio", "command": ["mcp-files"], "agents": ["simple"]}


def test_a_server_reads_back_as_it_was_written(client: TestClient) -> None:
    assert client.post("/api/v1/mcp/servers", json=SERVER).status_code == 201
    found = client.get("/api/v1/mcp/servers/files").json()
    assert {name: found[name] for name in SERVER} == SERVER


def test_a_server_that_was_removed_is_gone(client: TestClient) -> None:
    client.post("/api/v1/mcp/servers", json=SERVER)
    assert client.delete("/api/v1/mcp/servers/files").status_code == 204
    assert client.get("/api/v1/mcp/servers/files").status_code == 404
