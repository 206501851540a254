"""Counts since the start, in the text form of Prometheus."""

from collections import Counter
from collections.abc import Iterable, Iterator

MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Metrics:
    """What came, what became of it, and what is under way; a reset of the journal leaves it alone."""

    def __init__(self) -> None:
        self._flying: dict[int, tuple[str, str, bool, tuple[str, ...]]] = {}
        self._requests: Counter[tuple[str, str, str, str]] = Counter()
        self._faults: Counter[str] = Counter()

    def begun(self, seq: int, provider: str, endpoint: str | None, faults: Iterable[str], *, stream: bool) -> None:
        """Count a request in."""
        self._flying[seq] = (provider, endpoint or "", stream, tuple(faults))

    def ended(self, seq: int, status: int | None, outcome: str, faults: Iterable[str] | None = None) -> None:
        """Count a request out; a second end of the same one is none."""
        if (known := self._flying.pop(seq, None)) is not None:
            provider, endpoint, _, decided = known
            self._requests[provider, endpoint, "" if status is None else str(status), outcome] += 1
            for kind in decided if faults is None else faults:
                self._faults[kind] += 1

    def written(self, *, entries: int, dropped: int) -> str:
        """Write everything, with the size of the journal."""
        streams = sum(stream for _, _, stream, _ in self._flying.values())
        requests = [
            (_labels(provider=provider, endpoint=endpoint, status=status, outcome=outcome), number)
            for (provider, endpoint, status, outcome), number in sorted(self._requests.items())
        ]
        faults = [(_labels(kind=kind), number) for kind, number in sorted(self._faults.items())]
        lines = [
            *_metric("requests_total", "counter", "Requests that came to an end.", requests),
            *_metric("faults_total", "counter", "Faults that came to requests which have ended.", faults),
            *_metric("in_flight", "gauge", "Requests under way.", [("", len(self._flying))]),
            *_metric("streams_open", "gauge", "Requests under way that asked for a stream.", [("", streams)]),
            *_metric("journal_entries", "gauge", "Entries in the journal.", [("", entries)]),
            *_metric("journal_dropped", "gauge", "Entries dropped since the last reset.", [("", dropped)]),
        ]
        return "\n".join(lines) + "\n"


def _metric(name: str, kind: str, text: str, values: Iterable[tuple[str, int]]) -> Iterator[str]:
    yield f"# HELP llm_mock_{name} {text}"
    yield f"# TYPE llm_mock_{name} {kind}"
    for labels, value in values:
        yield f"llm_mock_{name}{labels} {value}"


def _labels(**values: str) -> str:
    escaped = (
        (name, value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")) for name, value in values.items()
    )
    return "{" + ",".join(f'{name}="{value}"' for name, value in escaped) + "}"
