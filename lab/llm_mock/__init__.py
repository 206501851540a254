"""A mock of LLM providers that answers the same way every time and keeps a journal of what it was asked.

It imports nothing else of the lab, so that it also runs from an image of its own.
"""
