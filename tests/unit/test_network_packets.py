import random
import socket
import struct

import pytest

from lab.network.packets import ACK, ICMP, SYN, TCP, UDP, Attempt, read_attempt

RESET = 0x04


def packet(protocol: int, inner: bytes, to: str = "93.184.216.34", *, options: int = 0, fragment: int = 0) -> bytes:
    head = struct.pack("!BBHHHBBH", 0x45 + options, 0, 0, 1, fragment, 64, protocol, 0)
    return head + socket.inet_aton("172.20.0.2") + socket.inet_aton(to) + b"\0" * 4 * options + inner


def tcp(flags: int, port: int = 443) -> bytes:
    return struct.pack("!HHIIBBHHH", 40000, port, 1, 0, 0x50, flags, 1024, 0, 0)


def udp(port: int) -> bytes:
    return struct.pack("!HHHH", 40000, port, 8, 0)


def test_the_first_packet_of_a_connection_tells_whom_it_is_for() -> None:
    assert read_attempt(packet(TCP, tcp(SYN))) == Attempt("tcp", "93.184.216.34", 443)
    assert read_attempt(packet(TCP, tcp(SYN, 80), options=2)) == Attempt("tcp", "93.184.216.34", 80)
    assert read_attempt(packet(UDP, udp(8125))) == Attempt("udp", "93.184.216.34", 8125)
    assert read_attempt(packet(ICMP, b"\x08\0\0\0")) == Attempt("icmp", "93.184.216.34", 0)
    assert read_attempt(packet(132, b"")) == Attempt("protocol-132", "93.184.216.34", 0)


@pytest.mark.parametrize(
    "answering", [tcp(SYN | ACK), tcp(ACK), tcp(RESET | ACK), tcp(0)], ids=["greeting", "data", "refusal", "nothing"]
)
def test_the_packets_of_who_answers_tell_nothing(answering: bytes) -> None:
    assert read_attempt(packet(TCP, answering)) is None


def test_that_a_port_is_closed_is_an_answer_too() -> None:
    assert read_attempt(packet(ICMP, b"\x03\x03\0\0")) is None
    assert read_attempt(packet(ICMP, b"\0\0\0\0")) is None


def test_a_later_part_of_a_packet_is_not_read_as_ports() -> None:
    assert read_attempt(packet(UDP, udp(53), fragment=100)) is None
    assert read_attempt(packet(UDP, udp(53), fragment=0x2000)) == Attempt("udp", "93.184.216.34", 53)


@pytest.mark.parametrize("cut", [0, 1, 19, 20, 23, 33])
def test_a_packet_that_is_cut_short_tells_nothing(cut: int) -> None:
    assert read_attempt(packet(TCP, tcp(SYN))[:cut]) is None


def test_no_garbage_breaks_the_reader() -> None:
    chance = random.Random(7)  # noqa: S311 - the same garbage each time
    for _ in range(3000):
        read_attempt(chance.randbytes(chance.randrange(64)))
