"""Which version this is."""

from importlib.metadata import version as installed_version

DISTRIBUTION = "reference-agents"


def version() -> str:
    """Return the version in the installed package's metadata: the one place where it is written."""
    return installed_version(DISTRIBUTION)
