"""AWS's binary event stream, read by AWS's own client."""

import struct
import zlib

import pytest
from botocore.eventstream import ChecksumMismatch, EventStreamBuffer
from hypothesis import given, settings
from hypothesis import strategies as st

from lab.llm_mock.wire import eventstream

HEADERS = st.dictionaries(st.text(min_size=1, max_size=60), st.text(max_size=200), max_size=6)
MESSAGES = st.lists(st.tuples(HEADERS, st.binary(max_size=300)), min_size=1, max_size=4)


@settings(max_examples=60, deadline=None, database=None)
@given(messages=MESSAGES, cut=st.integers(min_value=1, max_value=40))
def test_messages_are_read_as_they_were_written_however_they_are_cut(
    messages: list[tuple[dict[str, str], bytes]], cut: int
) -> None:
    written = b"".join(eventstream.encode(headers, payload) for headers, payload in messages)
    buffer, read = EventStreamBuffer(), []
    for at in range(0, len(written), cut):
        buffer.add_data(written[at : at + cut])
        read += [(message.headers, message.payload) for message in buffer]

    assert read == messages


def test_a_message_has_the_bytes_that_the_format_says() -> None:
    prelude = struct.pack(">II", 16 + 8 + 2, 8)
    expected = prelude + struct.pack(">I", zlib.crc32(prelude)) + b"\x02ab\x07\x00\x02cd" + b"{}"

    assert eventstream.encode({"ab": "cd"}, b"{}") == expected + struct.pack(">I", zlib.crc32(expected))


def test_a_spoilt_message_is_refused() -> None:
    buffer = EventStreamBuffer()
    buffer.add_data(eventstream.spoilt(eventstream.event("chunk", b"{}")))

    with pytest.raises(ChecksumMismatch):
        next(buffer)
