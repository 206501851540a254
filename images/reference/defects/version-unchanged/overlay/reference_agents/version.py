"""Which version this is."""

DISTRIBUTION = "reference-agents"


def version() -> str:
    """Return the version."""
    return "0.1.4"
