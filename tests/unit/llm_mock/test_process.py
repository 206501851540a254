import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from .running import DEADLINE, RunningMock, chat_request, running_mock

SIGNALS = [signal.SIGTERM, signal.SIGINT]


def test_it_is_healthy_and_ready_once_it_says_its_ports(own_mock: RunningMock) -> None:
    assert own_mock.control.get("/health").json() == {"status": "ok"}
    assert own_mock.control.get("/ready").json() == {"status": "ready"}
    assert own_mock.port != own_mock.control_port


@pytest.mark.parametrize("number", SIGNALS)
def test_it_stops_at_once_when_idle(own_mock: RunningMock, number: signal.Signals) -> None:
    own_mock.chat(chat_request())
    own_mock.process.send_signal(number)
    assert own_mock.process.wait(DEADLINE) == 0
    assert own_mock.process.stdout is not None
    assert own_mock.process.stdout.read() == ""


@pytest.mark.parametrize("number", SIGNALS)
def test_a_request_in_flight_is_answered_before_it_stops(number: signal.Signals) -> None:
    with running_mock("--delay", "3600") as mock:
        answer = mock.start_chat(chat_request("hurry"))
        mock.next_entry(after=0)
        mock.process.send_signal(number)
        assert mock.process.wait(DEADLINE) == 0
        assert answer.result(DEADLINE).json()["choices"][0]["message"]["content"].endswith("to: hurry")


def test_a_short_delay_runs_its_time_while_it_stops() -> None:
    with running_mock("--delay", "0.6") as mock:
        answer = mock.start_chat(chat_request())
        mock.next_entry(after=0)
        mock.process.send_signal(signal.SIGTERM)
        response = answer.result(DEADLINE)
        assert response.status_code == 200
        assert 0.6 <= response.elapsed.total_seconds() < 1.0 + DEADLINE
        assert mock.process.wait(DEADLINE) == 0


def test_open_streams_are_cut_when_their_time_is_over(tmp_path: Path) -> None:
    rules = tmp_path / "rules.yaml"
    rules.write_text(
        "schema: 1\nrules: [{reply: {text: a b c d, faults: [{kind: pace, rate: 0.01}, {kind: stall, after: 1}]}}]",
        "utf8",
    )
    with running_mock("--rules", str(rules)) as mock:
        url = f"http://127.0.0.1:{mock.port}/v1/chat/completions"
        with httpx.stream("POST", url, json=chat_request(stream=True), timeout=DEADLINE) as answer:
            said = answer.iter_raw()
            assert b"data: " in next(said)
            mock.process.send_signal(signal.SIGTERM)
            with pytest.raises(httpx.RemoteProtocolError):
                list(said)
        assert mock.process.wait(DEADLINE) == 0
        assert mock.process.stdout is not None
        assert mock.process.stdout.read() == ""


@pytest.mark.parametrize("number", SIGNALS)
def test_it_ends_well_when_it_is_told_to_before_it_has_started(number: signal.Signals) -> None:
    command = [sys.executable, "-X", "importtime", "-m", "lab.llm_mock", "--port", "0", "--control-port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        # Signals are handled before this is imported, which is long before it listens.
        while "uvicorn" not in process.stderr.readline():
            assert process.poll() is None
        process.send_signal(number)
        process.communicate(timeout=DEADLINE)
        assert process.returncode == 0


def test_a_quota_is_an_option() -> None:
    with running_mock("--quota-requests", "1", "--quota-tokens", "100", "--quota-seconds", "1000") as mock:
        first, second = mock.chat(chat_request()), mock.chat(chat_request())
    assert (first.status_code, second.status_code) == (200, 429)
    assert first.headers["x-ratelimit-remaining-requests"] == "0"
    assert int(second.headers["retry-after"]) > 900


def test_wrong_rules_are_told_with_their_place(tmp_path: Path) -> None:
    rules = tmp_path / "rules.yaml"
    rules.write_text("schema: 1\nrules: [{reply: {fault: nonsense}}]", "utf8")
    for path in (rules, tmp_path / "missing"):
        command = [sys.executable, "-m", "lab.llm_mock", "--port", "0", "--control-port", "0", "--rules", str(path)]
        result = subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE, check=False)
        assert (result.returncode, result.stdout) == (2, "")
        assert str(path) in result.stderr


def test_it_takes_no_new_connection_while_it_stops() -> None:
    with running_mock("--delay", "3600") as mock:
        answer = mock.start_chat(chat_request())
        mock.next_entry(after=0)
        with mock.waiting_poll(after=1) as news:
            mock.process.send_signal(signal.SIGTERM)
            assert news()["entries"] == []  # ended by the stop, which has begun
        with pytest.raises(httpx.NetworkError):
            httpx.get(f"http://127.0.0.1:{mock.port}/v1/models")
        assert not answer.done()
        assert answer.result(DEADLINE).status_code == 200


def test_a_taken_port_is_an_error_that_says_so(mock: RunningMock) -> None:
    command = [sys.executable, "-m", "lab.llm_mock", "--port", str(mock.port), "--control-port", "0"]
    result = subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE, check=False)
    assert result.returncode == 1
    assert result.stdout == ""
    assert "cannot listen on 127.0.0.1" in result.stderr
    assert str(mock.port) in result.stderr


@pytest.mark.parametrize(
    "wrong",
    [
        ("--port", "65536"),
        ("--control-port", "x"),
        ("--delay", "3601"),
        ("--delay", "nan"),
        ("--journal-limit", "0"),
        ("--quota-requests", "0"),
        ("--quota-seconds", "0"),
        ("--read-seconds", "nan"),
    ],
)
def test_wrong_usage_is_refused(wrong: tuple[str, str]) -> None:
    command = [sys.executable, "-m", "lab.llm_mock", "--port", "0", "--control-port", "0", *wrong]
    result = subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE, check=False)
    assert result.returncode == 2
    assert wrong[0] in result.stderr


def test_it_imports_nothing_else_of_the_lab() -> None:
    script = "import sys, lab.llm_mock.server; print(*(name for name in sys.modules if name.startswith('lab.')))"
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    modules = result.stdout.split()
    assert "lab.llm_mock.server" in modules
    assert [name for name in modules if not f"{name}.".startswith("lab.llm_mock.")] == []
