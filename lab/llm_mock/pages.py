"""What a person sees who opens the control port in a browser."""

from collections.abc import Iterable, Mapping
from html import escape
from typing import Any

from lab.llm_mock.journal import Entry, Journal

NEWEST = 50
_ROUTES = (
    ("GET /journal?after=N&wait=S", "the requests, waiting for the next one if there is none"),
    ("GET /journal.ndjson", "the same, one a line"),
    ("POST /verify", "whether there were as many requests of a kind as there should be"),
    ("GET, PUT /rules", "the rules' counts; put other rules in their place"),
    ("PUT /delay", "let answers wait"),
    ("GET, PUT /gate", "whether the providers' port listens"),
    ("POST /reset", "forget requests, counts, the delay and quotas used; with ?rules=true go back to the first rules"),
    ("GET /metrics", "counts for Prometheus"),
    ("GET /health, /ready", "whether it lives"),
)
_STYLE = "body{font:14px sans-serif;margin:2em}td,th{text-align:left;padding:2px 12px 2px 0}caption{text-align:left}"


def page(told: Mapping[str, Any], journal: Journal, *, is_open: bool) -> str:
    """Write the page: rules with their counts, the newest requests, and what else can be asked."""
    rules = [(each["name"], each["matched"], each["used"], _faults(each["faults"])) for each in told["rules"]]
    gate = "listens" if is_open else "is closed"
    strict = "strict" if told["strict"] else "not strict"
    entries = [_row(entry) for entry in reversed(journal.after(journal.last_seq - NEWEST))]
    return (
        f"<!doctype html><html lang=en><meta charset=utf-8><title>LLM mock</title><style>{_STYLE}</style>"
        f"<h1>LLM mock</h1><p>The providers' port {gate}; the mock is {strict}; "
        f"{len(journal)} requests in the journal, {journal.dropped} dropped.</p>"
        + _table("Rules", ("name", "matched", "used", "faults"), rules)
        + _table(
            "Newest requests", ("#", "provider", "endpoint", "model", "said", "rule", "status", "outcome"), entries
        )
        + _table("What can be asked", ("request", "for"), _ROUTES)
        + "</html>"
    )


def _row(entry: Entry) -> tuple[Any, ...]:
    said = (entry.last_user or "")[:80]
    place = entry.endpoint or entry.path
    return entry.seq, entry.provider, place, entry.model, said, entry.rule, entry.status, entry.outcome


def _faults(faults: Mapping[str, int]) -> str:
    return ", ".join(f"{number} of {kind}" for kind, number in faults.items())


def _table(title: str, heads: Iterable[str], rows: Iterable[Iterable[Any]]) -> str:
    def line(tag: str, cells: Iterable[Any]) -> str:
        return "<tr>" + "".join(f"<{tag}>{escape('' if cell is None else str(cell))}</{tag}>" for cell in cells)

    return f"<h2>{title}</h2><table>{line('th', heads)}{''.join(line('td', row) for row in rows)}</table>"
