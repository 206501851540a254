"""What can go wrong with a language model, by the names that scenarios use."""

from collections.abc import Mapping
from typing import Literal

from lab.product.llm import Mode

LlmFault = Literal[
    "rate-limit",
    "overloaded",
    "failing",
    "unauthorized",
    "long-wait",
    "hang",
    "malformed-json",
    "disconnect",
    "stall",
    "truncate",
    "malformed-chunk",
    "stream-error",
    "bad-arguments",
    "unknown-tool",
]  # fmt: skip

_ANY: frozenset[Mode] = frozenset({"plain", "stream", "tools", "streamed-tools"})
_STREAMS: frozenset[Mode] = frozenset({"stream", "streamed-tools"})
MODES: Mapping[LlmFault, frozenset[Mode]] = {
    "rate-limit": _ANY,
    "overloaded": _ANY,
    "failing": _ANY,
    "unauthorized": _ANY,
    "long-wait": _ANY,
    "hang": _ANY,
    "malformed-json": _ANY - _STREAMS,
    "disconnect": _ANY,
    "stall": _STREAMS,
    "truncate": _STREAMS,  # nothing tells that a whole answer was cut
    "malformed-chunk": _STREAMS,
    "stream-error": _STREAMS,
    "bad-arguments": _ANY - {"plain", "stream"},
    "unknown-tool": _ANY - {"plain", "stream"},
}
"""In which modes each can happen."""
