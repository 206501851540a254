import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from lab.llm_mock.redirection import variables

from .running import DEADLINE, RunningMock, chat_request

LAB = [sys.executable, "-m", "lab", "llm-mock"]


@contextmanager
def served(*arguments: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A mock of the command line, and the address that it tells."""
    command = [*LAB, "serve", "--port", "0", "--control-port", "0", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            told = re.search(r"http://127\.0\.0\.1:\d+", process.stdout.readline())
            assert told is not None
            yield process, told[0]
        finally:
            process.kill()


def test_it_tells_its_address_and_what_to_export_and_ends_with_ctrl_c(tmp_path: Path) -> None:
    rules = tmp_path / "rules.yaml"
    rules.write_text("schema: 1\nrules:\n  - reply: {text: by the rules}\n", "utf8")
    with served("--rules", str(rules), "--export") as (process, address):
        response = httpx.post(f"{address}/v1/chat/completions", json=chat_request(), timeout=DEADLINE)
        assert response.json()["choices"][0]["message"]["content"] == "by the rules"
        process.send_signal(signal.SIGINT)
        assert process.wait(DEADLINE) == 130
        assert process.stdout is not None
        assert process.stderr is not None
        output, errors = process.stdout.read(), process.stderr.read()
    lines = [shlex.split(line)[1] for line in output.splitlines() if line.startswith("export ")]
    assert dict(line.split("=", 1) for line in lines) == variables(address)
    assert "Traceback" not in errors
    assert output.splitlines()[-1].startswith("lab exit 130: ")


def test_at_its_end_it_tells_of_rules_that_took_no_call_and_of_calls_that_no_rule_took(tmp_path: Path) -> None:
    rules = tmp_path / "rules.yaml"
    rules.write_text(
        "schema: 1\nrules:\n"
        "  - {name: used, match: {model: m}, reply: {text: x}}\n"
        "  - {name: idle, match: {model: n}, reply: {text: x}}\n",
        "utf8",
    )
    with served("--rules", str(rules)) as (process, address):
        for model in ("m", "other"):
            httpx.post(f"{address}/v1/chat/completions", json={**chat_request(), "model": model}, timeout=DEADLINE)
        process.send_signal(signal.SIGTERM)
        assert process.wait(DEADLINE) == 143
        assert process.stdout is not None
        output = process.stdout.read().splitlines()
    assert "Rules that took no call: idle." in output
    assert "Calls that no rule took: 1." in output


def test_a_taken_port_is_a_fault_of_the_machine_told_in_one_sentence(mock: RunningMock) -> None:
    result = subprocess.run(
        [*LAB, "serve", "--port", str(mock.port)], capture_output=True, text=True, timeout=DEADLINE, check=False
    )
    assert result.returncode == 3
    assert f"cannot listen on 127.0.0.1 port {mock.port}: " in result.stdout
    assert "Traceback" not in result.stderr


def test_without_a_host_it_listens_on_every_address() -> None:
    command = [*LAB, "serve", "--host", "", "--port", "0", "--control-port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert "http://localhost:" in process.stdout.readline()
        finally:
            process.kill()


@pytest.mark.parametrize(
    ("text", "place"), [("schema: 1\nrulez: []\n", ":2:1: "), ("schema: 1\nrules: [{match: 7}]\n", ":2:")]
)
def test_wrong_rules_are_refused_with_their_place(tmp_path: Path, text: str, place: str) -> None:
    rules = tmp_path / "rules.yaml"
    rules.write_text(text, "utf8")
    command = [*LAB, "serve", "--port", "0", "--control-port", "0", "--rules", str(rules)]
    result = subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE, check=False)
    assert result.returncode == 2
    assert f"{rules}{place}" in result.stdout
