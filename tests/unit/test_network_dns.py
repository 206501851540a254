import random

import pytest
from dns_sample import ANSWER, RECURSION, query

from lab.network.dns import HEADER, NO_ERROR, NO_SUCH_NAME, Question, answer, read_question


def asked(packet: bytes) -> Question:
    found = read_question(packet)
    assert found is not None
    return found


def test_a_query_tells_its_name_in_small_letters_and_its_kind() -> None:
    found = asked(query(b"Telemetry", b"Example", b"ORG", kind=28))
    assert (found.name, found.kind_name) == ("telemetry.example.org", "AAAA")
    assert asked(query(b"a", kind=4711)).kind_name == "TYPE4711"
    assert asked(query()).name == ""


def test_a_label_cannot_pass_for_something_that_it_is_not() -> None:
    assert asked(query(b"a.b", b"c\\", b"\x00\n\xff")).name == "a\\046b.c\\092.\\000\\010\\255"


@pytest.mark.parametrize(
    "packet",
    [
        b"",
        b"\0" * 11,
        query(b"a", flags=ANSWER),
        query(b"a", flags=0x2800),
        query(b"a", questions=0),
        query(b"a", questions=2),
        query(b"a")[:-1],
        query(b"a" * 63)[:20],
        HEADER.pack(1, RECURSION, 1, 0, 0, 0) + b"\xc0\x0c\0\x01\0\x01",
        HEADER.pack(1, RECURSION, 1, 0, 0, 0) + b"\x3f" * 400,
    ],
)
def test_what_is_no_query_of_one_question_tells_nothing(packet: bytes) -> None:
    assert read_question(packet) is None


def test_no_garbage_breaks_the_reader() -> None:
    chance = random.Random(7)  # noqa: S311 - the same garbage each time
    for _ in range(3000):
        packet = bytearray(query(b"telemetry", b"example", b"org"))
        for _ in range(chance.randrange(1, 6)):
            packet[chance.randrange(len(packet))] = chance.randrange(256)
        read_question(bytes(packet[: chance.randrange(len(packet) + 1)]))


@pytest.mark.parametrize("code", [NO_ERROR, NO_SUCH_NAME])
def test_an_answer_repeats_number_and_question_and_holds_no_record(code: int) -> None:
    packet = query(b"example", b"org", number=4711)
    number, flags, questions, answers, _, _ = HEADER.unpack_from(reply := answer(packet, asked(packet), code))
    assert (number, flags & 0xF, questions, answers) == (4711, code, 1, 0)
    assert flags & ANSWER
    assert flags & RECURSION
    assert reply[HEADER.size :] == packet[HEADER.size :]
