"""Plays workflows on this machine."""
