"""Protocols of providers: one module a family, each with its `FAMILY`."""
