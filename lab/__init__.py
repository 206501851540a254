"""A containerized integration test lab."""

__version__ = "0.1.0"
