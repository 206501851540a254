"""Conversations that the provider holds: the new clients' tool runner sends only what is new since the last answer."""

from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

from lab.llm_mock.wire.base import RejectedError, to_json
from lab.llm_mock.wire.checked import items, mapping, name

_MOST = 256
_ROOM = 16 * 1024 * 1024
"""Bytes of all conversations, each as long as JSON says it."""
_HELD = ("system", "tools")  # are told once, when a conversation begins


class Threads:
    """The newest conversations by the id of their last answer; older ones are forgotten, which clients can bear."""

    def __init__(self, most: int = _MOST, room: int = _ROOM) -> None:
        self._most = most
        self._room = room
        self._held: OrderedDict[str, Mapping[str, Any]] = OrderedDict()
        self._sizes: dict[str, int] = {}

    def clear(self) -> None:
        """Forget all."""
        self._held.clear()
        self._sizes.clear()

    def whole(self, content: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the request as it would be without a thread; raises RejectedError for one that is not held."""
        wanted = mapping(content.get("thread"), "thread")
        if wanted.get("type") != "continue":
            return content
        previous = name(wanted.get("previous_message_id"), "thread.continue.previous_message_id")
        if previous not in self._held:
            raise RejectedError(f"Thread {previous} was not found.", status=404, code="thread_not_found")
        held = self._held[previous]
        said = [*held["messages"], *items(content.get("messages"), "messages")]
        kept = {field: held[field] for field in _HELD if field in held}
        return {**content, **kept, "messages": said}

    def keep(self, content: Mapping[str, Any], reply: Mapping[str, Any]) -> None:
        """Hold a conversation and its last answer, if the client wants that."""
        if content.get("thread") is None:
            return
        said = {"role": "assistant", "content": reply["content"]}
        held = {field: content[field] for field in _HELD if field in content}
        held["messages"] = [*content["messages"], said]
        self._held[reply["id"]] = held
        self._held.move_to_end(reply["id"])
        self._sizes[reply["id"]] = len(to_json(held))
        while self._held and (len(self._held) > self._most or sum(self._sizes.values()) > self._room):
            forgotten, _ = self._held.popitem(last=False)
            del self._sizes[forgotten]
