"""What every client may rely on."""

from fastapi.testclient import TestClient

from reference_agents.version import version


def test_health_tells_version_and_environment(client: TestClient) -> None:
    answer = client.get("/health")
    assert answer.status_code == 200
    body = answer.json()
    assert (body["status"], body["version"], body["environment"]) == ("healthy", version(), "tests")


def test_health_needs_no_key_and_the_api_does(client: TestClient) -> None:
    assert client.get("/health", headers={"x-api-key": ""}).status_code == 200
    assert client.get("/api/v1/agent/list", headers={"x-api-key": "wrong"}).status_code == 401


def test_the_agents_are_listed(client: TestClient) -> None:
    names = [agent["name"] for agent in client.get("/api/v1/agent/list").json()]
    assert names == ["simple", "echo", "researcher", "clerk"]


def test_an_agent_that_is_not_there_is_not_found(client: TestClient) -> None:
    answer = client.post("/api/v1/agent/nobody/run", json={"message_content": "hello"})
    assert answer.status_code == 404


def test_there_are_no_sessions_at_first(client: TestClient) -> None:
    assert client.get("/api/v1/sessions/nosuch").status_code == 404
