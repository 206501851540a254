"""Vectors for texts: the same to the same text, and as long as the model's usually are."""

import hashlib
import struct
from functools import lru_cache

from lab.llm_mock.question import Question

UNKNOWN = 64
"""Numbers in a vector of a model that is not known."""
# What stands in a model's name, and how many numbers its vectors have where nobody asks for a length, from the
# providers' descriptions; the first that fits counts.
_USUAL = (
    ("text-embedding-3-large", 3072),
    ("text-embedding-3-small", 1536),
    ("text-embedding-ada-002", 1536),
    ("gemini-embedding", 3072),
    ("text-embedding-004", 768),
    ("text-embedding-005", 768),
    ("text-multilingual-embedding-002", 768),
    ("embedding-001", 768),
    ("codestral-embed", 1536),
    ("mistral-embed", 1024),
    ("titan-embed-text-v2", 1024),
    ("titan-embed-text-v1", 1536),
    ("embed-v4", 1536),
    ("embed-english-light-v3", 384),
    ("embed-multilingual-light-v3", 384),
    ("embed-english-v3", 1024),
    ("embed-multilingual-v3", 1024),
    ("nomic-embed-text", 768),
    ("mxbai-embed-large", 1024),
    ("snowflake-arctic-embed", 1024),
    ("embeddinggemma", 768),
    ("all-minilm", 384),
    ("bge-m3", 1024),
)


@lru_cache(maxsize=256)
def usual_length(model: str) -> int:
    """Return how many numbers a model's vectors have where nobody asks for a length."""
    name = model.lower()
    return next((length for part, length in _USUAL if part in name), UNKNOWN)


def vectors(question: Question) -> list[list[float]]:
    """Return a vector for each of the texts that are to become one."""
    size = question.dimensions or usual_length(question.model)
    return [vector(text, size) for text in question.inputs]


def vector(text: str, size: int) -> list[float]:
    """Return a vector of length 1 and so many numbers for a text: the same text has the same one."""
    seed = hashlib.shake_256(text.encode("utf-8", "surrogatepass")).digest(2 * size)
    numbers = struct.unpack(f"<{size}h", seed)
    length = sum([each * each for each in numbers]) ** 0.5
    return [each / length for each in numbers] if length else [1.0, *[0.0] * (size - 1)]
