import json
import socket
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest
from dns_sample import query

from lab.network.dns import HEADER, NO_ERROR, NO_SUCH_NAME, SERVER_FAILURE
from lab.network.packets import Attempt
from lab.network.sentry import CONTROL_ADDRESS, CONTROL_DOMAIN, MARK_PORT, MOST_LINES, Names, Record, serve

MARK = Attempt("udp", CONTROL_ADDRESS, MARK_PORT)
PACKET = bytes(28)
"""A packet's headers."""


class Written:
    """A record whose lines can be read, with a clock that a test moves."""

    def __init__(self) -> None:
        self.lines: list[dict[str, Any]] = []
        self.now = 0.0
        self.record = Record(lambda line: self.lines.append(json.loads(line)), lambda: self.now)

    @property
    def names(self) -> list[str]:
        return [line["name"] for line in self.lines]


@contextmanager
def engine() -> Iterator[tuple[str, int]]:
    """An engine's DNS on the loopback."""

    class Answer(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            asked, wire = self.request
            wire.sendto(b"answer to " + asked, self.client_address)

    with socketserver.ThreadingUDPServer(("127.0.0.1", 0), Answer) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield server.server_address  # type: ignore[misc]
        server.shutdown()


def code(reply: bytes | None) -> int:
    assert reply is not None
    return int(HEADER.unpack_from(reply)[1]) & 0xF


def test_a_name_from_outside_is_written_down_and_does_not_exist() -> None:
    told = Written()
    assert code(Names(["llm"], told.record).reply(query(b"telemetry", b"example"))) == NO_SUCH_NAME
    (line,) = told.lines
    assert line.pop("at").endswith("+00:00")
    assert line == {"asked": "name", "name": "telemetry.example", "kind": "A", "known": False}


def test_a_name_of_the_trials_own_is_answered_by_the_engine_and_told_once() -> None:
    told = Written()
    with engine() as address:
        names = Names(["llm"], told.record, address)
        assert names.reply(query(b"LLM")) == b"answer to " + query(b"LLM")
        assert code(names.reply(query(b"llm", kind=28))) == NO_ERROR
    assert [(line["name"], line["known"]) for line in told.lines] == [("llm", True)]


def test_an_engine_that_does_not_answer_is_no_proof_that_a_name_does_not_exist(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lab.network.sentry.ENGINE_SECONDS", 0.05)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        assert code(Names(["llm"], Written().record, silent.getsockname()).reply(query(b"llm"))) == SERVER_FAILURE


def test_garbage_gets_no_answer_and_no_line() -> None:
    told = Written()
    assert Names([], told.record).reply(b"GET / HTTP/1.1\r\n\r\n") is None
    assert told.lines == []


def test_whose_a_private_address_is_is_no_question_to_anybody_outside() -> None:
    told = Written()
    names = Names([], told.record)
    for reverse in ("2.0.20.172.in-addr.arpa", "34.216.184.93.in-addr.arpa", "nonsense.in-addr.arpa"):
        assert code(names.reply(query(*reverse.encode().split(b"."), kind=12))) == NO_SUCH_NAME
    assert told.names == ["34.216.184.93.in-addr.arpa", "nonsense.in-addr.arpa"]


def test_the_same_thing_is_written_down_once_a_second() -> None:
    told = Written()
    for told.now in (0.0, 0.5, 0.9, 1.1):
        told.record.name("example.org", "A", known=False)
        told.record.address(Attempt("tcp", "93.184.216.34", 443), PACKET)
    told.record.address(Attempt("tcp", "93.184.216.34", 80), PACKET)
    assert [line["asked"] for line in told.lines] == ["name", "address", "name", "address", "address"]


def test_what_is_asked_for_again_after_a_mark_is_written_down_again_but_for_the_trials_own_names() -> None:
    told = Written()
    for number in (1, 2):
        told.record.name("example.org", "A", known=False)
        told.record.name("llm", "A", known=True)
        told.record.address(Attempt("tcp", "93.184.216.34", 443), PACKET)
        told.record.mark(number)
    said = [line.get("name") or line.get("address") or line["mark"] for line in told.lines]
    assert said == ["example.org", "llm", "93.184.216.34", 1, "example.org", "93.184.216.34", 2]


def test_whoever_asks_without_end_fills_no_disk_and_it_is_said() -> None:
    told = Written()
    for number in range(MOST_LINES + 50):
        told.record.name(f"{number}.example.org", "A", known=False)
    assert len(told.lines) == MOST_LINES + 1
    assert told.lines[-1]["asked"] == "too-much"


def test_the_sentrys_own_questions_prove_that_it_sees_and_are_nobodys_request() -> None:
    told = Written()
    told.record.name(told.record.control_name, "A", known=False)
    assert told.record.controls == {"names"}
    told.record.address(told.record.control, PACKET)
    assert told.record.controls == {"names", "addresses"}
    assert told.lines == []


def test_whoever_asks_almost_as_the_sentry_does_is_written_down() -> None:
    told = Written()
    told.record.name(f"control.{CONTROL_DOMAIN}", "A", known=False)
    told.record.address(told.record.control._replace(protocol="udp"), PACKET)
    told.record.address(told.record.control._replace(port=9), PACKET)
    assert [line["asked"] for line in told.lines] == ["name", "address", "address"]
    assert told.record.controls == set()


def test_a_mark_stands_behind_all_that_was_asked_for_before() -> None:
    told = Written()
    content = told.record.promise(2)
    told.record.address(Attempt("tcp", "93.184.216.34", 443), PACKET)
    told.record.address(MARK, PACKET + content)
    told.record.address(Attempt("tcp", "93.184.216.34", 80), PACKET)
    assert [line.get("mark") for line in told.lines] == [None, 2, None]
    assert told.record.controls == set()


def test_nobody_else_makes_a_mark_neither_before_nor_after_it() -> None:
    told = Written()
    for port in (1024, 1025, MARK_PORT):
        told.record.address(Attempt("udp", CONTROL_ADDRESS, port), PACKET)
    told.now += 2
    content = told.record.promise(1)
    told.record.address(MARK, PACKET)
    told.record.address(MARK, PACKET + content)
    told.now += 2
    told.record.address(MARK, PACKET + content)
    said = [line.get("port") or f"mark {line['mark']}" for line in told.lines]
    assert said == [1024, 1025, MARK_PORT, MARK_PORT, "mark 1", MARK_PORT]


def test_each_mark_and_each_sentry_has_words_of_its_own() -> None:
    one, other = Written().record, Written().record
    assert len({one.promise(1), one.promise(1), other.promise(1)}) == 3
    assert one.control_name != other.control_name


def served(names: Names) -> list[socketserver.BaseServer]:
    """Serve at a port that is free for both protocols: the kernel chooses one that is for the first."""
    for _ in range(100):
        with suppress(OSError):
            return serve(names, ("127.0.0.1", 0))
    raise AssertionError("no port is free for both protocols")


def test_a_port_that_is_free_for_one_protocol_alone_is_given_back() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = taken.getsockname()
        with pytest.raises(OSError, match="in use"):
            serve(Names([], Written().record), address)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as again:
            again.bind(address)


def test_names_are_answered_over_both_protocols_and_after_a_broken_one() -> None:
    told = Written()
    datagrams, streams = served(Names([], told.record))
    try:
        address = datagrams.server_address
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as wire:
            wire.settimeout(5)
            wire.sendto(b"\xff", address)
            wire.sendto(query(b"by", b"datagram"), address)
            assert code(wire.recv(512)) == NO_SUCH_NAME
        for sent in (b"\x00", b"\xff\xff short", b"\x00\x03abc"):
            with socket.create_connection(address, 5) as broken:  # type: ignore[arg-type]
                broken.sendall(sent)
                broken.shutdown(socket.SHUT_WR)
                assert broken.recv(10) == b""
        asked = query(b"by", b"stream")
        with socket.create_connection(address, 5) as stream:  # type: ignore[arg-type]
            stream.sendall(len(asked).to_bytes(2, "big") + asked)
            length = int.from_bytes(stream.recv(2), "big")
            assert code(stream.recv(length)) == NO_SUCH_NAME
    finally:
        for server in (datagrams, streams):
            server.shutdown()
            server.server_close()
    assert told.names == ["by.datagram", "by.stream"]
