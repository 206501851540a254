"""The LLM mock beside a bare Starlette on the same machine: speed as ratios, start, memory, and pace.

Run it with `make bench BENCH=llm_mock`; it needs wrk. `--seconds N` sets how long each load lasts, `--rounds N` how
often they take turns, `--requests N` after how many the memory has to be what it was. `--with-llmock` installs llmock
for comparison.
"""

import argparse
import json
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

CONNECTIONS = 32
WORDS = 40
RATE = 50.0
QUESTION = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "hello there"}]}
RULES = f"""
schema: 1
rules:
  - match: {{user: paced}}
    reply: {{text: "{" word" * WORDS}", fault: {{kind: pace, rate: {RATE:g}}}}}
  - reply: {{text: "{" word" * WORDS}"}}
"""
AIMS: Mapping[str, tuple[str, float]] = {
    "json": (">=", 0.6),
    "hello": (">=", 0.6),
    "stream": (">=", 0.8),
    "start": ("<=", 0.5),
    "memory": ("<=", 90.0),
    "growth": ("<=", 5.0),
    "pace": ("<=", 5.0),
}


@dataclass(frozen=True)
class Load:
    """A request that wrk repeats."""

    name: str
    port: int
    path: str
    body: Mapping[str, Any] | None = None


def main() -> int:
    """Measure everything, print it, and return 1 where an aim was missed."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--seconds", type=int, default=4)
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--requests", type=int, default=500_000)
    options.add_argument("--with-llmock", action="store_true")
    asked = options.parse_args()
    if shutil.which("wrk") is None:
        print("this needs wrk: apt-get install wrk", file=sys.stderr)
        return 3
    with tempfile.TemporaryDirectory(prefix="lab-bench-") as folder, ExitStack() as stack:
        home = Path(folder)
        rules = home / "rules.yaml"
        rules.write_text(RULES, "utf8")
        command = ["lab.llm_mock", "--port", "0", "--control-port", "0", "--rules", str(rules)]
        start = statistics.median(_start_seconds(command) for _ in range(5))
        mock, ports = stack.enter_context(_served(command))
        port = ports["port"]
        size, chunks = _answer_size(port)
        _, bare = stack.enter_context(_served(["bench.bare", str(size), str(chunks)]))
        loads = _loads(port, bare["port"])
        if asked.with_llmock:
            loads += _llmock_loads(stack.enter_context(_llmock(home)))
        print(f"an answer has {size} bytes, and {chunks} chunks as a stream; {CONNECTIONS} connections")
        rates = _rates(loads, home, asked.rounds, asked.seconds)
        memory = _memory(mock.pid, loads[0], home, asked.requests)
        pace = _pace_error(port)
    return _told(rates, start, memory, pace)


def _loads(mock: int, bare: int) -> list[Load]:
    stream = {**QUESTION, "stream": True}
    path = "/v1/chat/completions"
    return [
        Load("json", mock, path, QUESTION),
        Load("bare json", bare, "/json", QUESTION),
        Load("bare hello", bare, "/"),
        Load("stream", mock, path, stream),
        Load("bare stream", bare, "/stream", stream),
    ]


def _llmock_loads(port: int) -> list[Load]:
    path = "/v1/chat/completions"
    return [Load("llmock json", port, path, QUESTION), Load("llmock stream", port, path, {**QUESTION, "stream": True})]


def _told(rates: Mapping[str, list[float]], start: float, memory: tuple[float, float], pace: float) -> int:
    """Print the measurements; ratios are medians of pairs that were measured one after the other."""
    print("requests a second, medians:")
    for name, values in rates.items():
        print(f"  {name:14} {statistics.median(values):8.0f}")
    missed = [
        _beside("json", "a bare POST", _ratio(rates, "json", "bare json"), "json"),
        _beside("json", "a bare hello world", _ratio(rates, "json", "bare hello"), "hello"),
        _beside("stream", "a bare stream", _ratio(rates, "stream", "bare stream"), "stream"),
    ]
    for kind in ("json", "stream"):
        if f"llmock {kind}" in rates:
            _beside(kind, "llmock", _ratio(rates, kind, f"llmock {kind}"))
    missed += [
        _judged("start", f"cold start {start:.2f} s", start),
        _judged("memory", f"memory {memory[1]:.1f} MB", memory[1]),
        _judged("growth", f"memory grown by {memory[1] - memory[0]:+.1f} MB", memory[1] - memory[0]),
        _judged("pace", f"a paced piece is off by {pace:.2f} ms", pace),
    ]
    return int(any(missed))


def _ratio(rates: Mapping[str, list[float]], one: str, other: str) -> float:
    return statistics.median(mine / theirs for mine, theirs in zip(rates[one], rates[other], strict=True))


def _beside(one: str, other: str, ratio: float, aim: str | None = None) -> bool:
    return _judged(aim, f"{one} / {other}: {ratio:.2f}", ratio)


def _judged(aim: str | None, text: str, value: float) -> bool:
    """Print a line and return whether its aim was missed."""
    if aim is None:
        print(text)
        return False
    sign, limit = AIMS[aim]
    missed = value < limit if sign == ">=" else value > limit
    print(f"{text}  (aim {sign} {limit:g}){'  MISSED' if missed else ''}")
    return missed


@contextmanager
def _served(module: list[str]) -> Iterator[tuple[subprocess.Popen[str], dict[str, int]]]:
    command = [sys.executable, "-m", *module]
    # asyncio complains of what is written after wrk has gone.
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        try:
            line = process.stdout.readline() if process.stdout is not None else ""
            yield process, json.loads(line)
        finally:
            process.kill()


def _start_seconds(module: list[str]) -> float:
    """Return the seconds until a new mock has answered its first question."""
    started = time.monotonic()
    with _served(module) as (_, ports):
        _ask(ports["port"], QUESTION)
        return time.monotonic() - started


def _ask(port: int, question: Mapping[str, Any]) -> httpx.Response:
    return httpx.post(f"http://127.0.0.1:{port}/v1/chat/completions", json=question).raise_for_status()


def _answer_size(port: int) -> tuple[int, int]:
    """Return the bytes of an answer and the chunks of the same as a stream."""
    chunks = _ask(port, {**QUESTION, "stream": True}).text.count("\n\n")
    return len(_ask(port, QUESTION).content), chunks


def _rates(loads: list[Load], home: Path, rounds: int, seconds: int) -> dict[str, list[float]]:
    """Return the requests a second of each load, round by round; a first round does not count."""
    for load in loads:
        _wrk(load, home, 1)
    rates: dict[str, list[float]] = {load.name: [] for load in loads}
    for _ in range(rounds):
        for load in loads:
            rates[load.name].append(_wrk(load, home, seconds)[0])
    return rates


def _wrk(load: Load, home: Path, seconds: int) -> tuple[float, int]:
    """Return requests a second, and how many there were; raises where some failed."""
    script = home / "request.lua"
    lines = ['wrk.headers["authorization"] = "Bearer sk-mock-bench"']
    if load.body is not None:
        lines += ['wrk.method = "POST"', 'wrk.headers["content-type"] = "application/json"']
        lines.append(f"wrk.body = [[{json.dumps(load.body)}]]")
    script.write_text("\n".join(lines), "utf8")
    url = f"http://127.0.0.1:{load.port}{load.path}"
    command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "-s", str(script), url]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    if "Non-2xx" in told or "Socket errors" in told:
        raise SystemExit(f"{load.name}:\n{told}")
    return float(_found(r"Requests/sec:\s+([\d.]+)", told)), int(_found(r"(\d+) requests in", told))


def _found(pattern: str, text: str) -> str:
    match = re.search(pattern, text)
    if match is None:
        raise SystemExit(text)
    return match[1]


def _memory(pid: int, load: Load, home: Path, requests: int) -> tuple[float, float]:
    """Return the megabytes that the mock takes once its journal is full, and so many requests later."""
    before = _resident(pid)
    done = 0
    while done < requests:
        done += _wrk(load, home, 5)[1]
    return before, _resident(pid)


def _resident(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text("utf8")
    return int(_found(r"VmRSS:\s+(\d+) kB", status)) / 1024


def _pace_error(port: int) -> float:
    """Return by how many milliseconds the pieces of a paced stream are early or late, at the median."""
    question = {**QUESTION, "stream": True, "messages": [{"role": "user", "content": "paced"}]}
    body = json.dumps(question)
    head = f"POST /v1/chat/completions HTTP/1.1\r\nhost: mock\r\ncontent-length: {len(body)}\r\n\r\n"
    times: list[float] = []
    with socket.create_connection(("127.0.0.1", port)) as client:
        client.sendall((head + body).encode())
        while b"[DONE]" not in (data := client.recv(65536)):
            times += [time.monotonic()] * data.count(b'"content":" word"')
    return 1000 * statistics.median(abs(at - times[0] - index / RATE) for index, at in enumerate(times))


@contextmanager
def _llmock(home: Path) -> Iterator[int]:
    """Give the port of llmock, installed for this run."""
    place = home / "llmock"
    venv.create(place, with_pip=True)
    subprocess.run([place / "bin/pip", "install", "--quiet", "llmock"], check=True)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
    command = [
        str(place / "bin/llmock"),
        "serve",
        "--host",
        "127.0.0.1",
        "--port",
        str(port),
        "--log-level",
        "critical",
    ]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            _until(lambda: _ask(port, QUESTION))
            yield port
        finally:
            process.kill()


def _until(ask: Callable[[], object]) -> None:
    deadline = time.monotonic() + 30
    while True:
        try:
            ask()
        except httpx.TransportError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)
        else:
            return


if __name__ == "__main__":
    sys.exit(main())
