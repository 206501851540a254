"""The LLM mock's journal at the end of a trial, or the reason why there is none."""

JOURNAL, UNREADABLE = "llm.journal.ndjson", "llm.journal.unreadable"
"""Names of the files that it, or the reason, becomes."""
FETCH_SECONDS = 5


def fetch_journal(control_url: str) -> dict[str, bytes]:
    """Ask a mock's control plane for its journal; what it refuses or cannot answer is no journal."""
    import httpx

    try:
        told = httpx.get(f"{control_url}/journal.ndjson", timeout=FETCH_SECONDS, trust_env=False)
        told.raise_for_status()
    except httpx.HTTPError as error:
        return {UNREADABLE: f"{error or type(error).__name__}\n".encode()}
    return {JOURNAL: told.content}
