import os
import subprocess
import sys
from pathlib import Path

SUITE = """
import httpx
import pytest
from lab.llm_mock.fixture import InvalidRequestError

pytest_plugins = ["lab.llm_mock.fixture"]


def ask(llm_mock, text):
    body = {"model": "gpt", "messages": [{"role": "user", "content": text}]}
    response = httpx.post(f"{llm_mock.base_url('openai')}/chat/completions", json=body, trust_env=False)
    return response.json()["choices"][0]["message"]["content"]


def test_rules_journal_and_counts(llm_mock):
    llm_mock.rules([{"match": {"user": {"contains": "weather"}}, "reply": {"text": "sunny"}}])
    assert ask(llm_mock, "the weather?") == "sunny"
    assert [entry["last_user"] for entry in llm_mock.journal(wait=5)] == ["the weather?"]
    assert llm_mock.verify(exactly=1, model="gpt") == [llm_mock.journal()[0]["seq"]]
    with pytest.raises(AssertionError, match="1 of the requests fit"):
        llm_mock.verify(at_least=2, model="g*")
    with pytest.raises(InvalidRequestError, match="rulez"):
        llm_mock.rules({"schema": 1, "rulez": []})
    with pytest.raises(InvalidRequestError, match="times"):
        llm_mock.delay(5, times=0)
    assert llm_mock.variables()["OPENAI_BASE_URL"] == llm_mock.base_url()


def test_it_refuses_connections_for_a_while(llm_mock):
    with llm_mock.refusing(), pytest.raises(httpx.ConnectError):
        ask(llm_mock, "the weather?")
    assert ask(llm_mock, "the weather?")
    assert len(llm_mock.journal()) == 1


def test_nothing_is_left_of_the_test_before(llm_mock):
    assert llm_mock.journal() == []
    assert ask(llm_mock, "the weather?").startswith("mock answer ")
"""


def test_other_people_s_tests_can_use_the_mock(tmp_path: Path) -> None:
    (tmp_path / "test_product.py").write_text(SUITE, "utf8")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path)]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])}
    environment.pop("PYTEST_ADDOPTS", None)
    environment["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    result = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert result.returncode == 0, result.stdout + result.stderr
    assert "3 passed" in result.stdout
