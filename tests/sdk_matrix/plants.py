"""Defects to plant in the answers of each provider, and the checks that have to find them."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Plant:
    """A defect, as a pattern and what takes its place; the check that has to find it, and by what it shows that."""

    pattern: bytes
    instead: bytes
    check: str
    sign: str


OPENAI = (
    Plant(
        rb'"id":"call_\w+",', b"", "a tool is called, its result is taken, and the conversation ends", "id=None"
    ),
    Plant(rb"tides", b"times", "an answer is whole, and says why it ends", "of the times"),
    Plant(
        rb'"finish_reason":"stop"', b'"finish_reason":null',
        "a stream ends with its reason and has one id", "None instead of 'stop'",
    ),
    Plant(rb'"total_tokens":', b'"total_tokens":9', "usage adds up", "instead of"),
    Plant(rb'"content":" of"', b'"content":""', "a stream says what the whole answer says", "tell me the"),
    Plant(rb'"message":"planted by the rule"', b'"message":"?"', "status 429 is an error", "RateLimitError"),
    Plant(
        rb'("embedding":)("[^"]*"|\[[^\]]*\])', rb"\1[1.0]",
        "embeddings have the dimensions that were asked for", "[1] instead of [17]",
    ),
    Plant(
        rb'"sequence_number":\d+', b'"sequence_number":0',
        "responses stream says what the whole answer says", "[0, 0, 0",
    ),
)  # fmt: skip
ANTHROPIC = (
    Plant(rb"event: \w+\n", b"", "a stream says what the whole answer says", "found []"),
    Plant(
        rb'"id":"toolu_\w+"', b'"id":""', "a tool is called its result is taken and the conversation ends", "id=''"
    ),
    Plant(rb'"signature":"[^"]+"', b'"signature":""', "thinking comes before the answer", "signature=''"),
)  # fmt: skip
GEMINI = (
    Plant(rb"tides", b"times", "an answer is whole and says why it ends", "of the times"),
    Plant(rb'"totalTokenCount":', b'"totalTokenCount":9', "usage adds up", "instead of"),
    Plant(rb'\{"text":" of"\}', b'{"text":""}', "a stream says what the whole answer says", "tell me the"),
    Plant(
        rb'"finishReason":"STOP"', b'"finishReason":"OTHER"',
        "a stream ends with its reason and its usage", "'OTHER' instead of 'STOP'",
    ),
    Plant(
        rb'"name":"look_up_weather"', b'"name":"look_up_wether"',
        "a tool is called its result is taken and the conversation ends", "look_up_wether",
    ),
    Plant(
        rb'"values":\[[^\]]*\]', b'"values":[1.0]',
        "embeddings have the dimensions that were asked for", "[1] instead of [12]",
    ),
    Plant(rb'"RESOURCE_EXHAUSTED"', b'"UNAVAILABLE"', "an error tells its message and kind", "(429, 'UNAVAILABLE'"),
)  # fmt: skip
GROQ = (
    Plant(
        rb'"id":"call_\w+",', b"", "a tool is called, its result is taken, and the conversation ends", "id=None"
    ),
    Plant(rb"tides", b"times", "an answer is whole, and says why it ends", "of the times"),
    Plant(
        rb'"finish_reason":"stop"', b'"finish_reason":null',
        "a stream ends with its reason and has one id", "None instead of 'stop'",
    ),
    Plant(
        rb'("x_groq":\{"id":"\w+"),"usage":\{[^}]*\}', rb"\1",
        "a stream tells its usage in the last chunk", "no attribute 'total_tokens'",
    ),
    Plant(rb'"total_time":[\d.]+', b'"total_time":null', "usage tells how long it took", "total_time=None"),
    Plant(
        rb'("index":0,"embedding":)\[[^\]]*\]', rb"\1[1.0]", "embeddings are vectors", "[1, 768] instead of [1, 1]"
    ),
)  # fmt: skip
MISTRAL = (
    Plant(rb"tides", b"times", "an answer is whole and says why it ends", "of the times"),
    Plant(rb'"total_tokens":', b'"total_tokens":9', "usage adds up", "instead of"),
    Plant(rb'"content":" of"', b'"content":""', "a stream says what the whole answer says", "tell me the"),
    Plant(
        rb'"finish_reason":"stop"', b'"finish_reason":"length"',
        "a stream ends with its reason and its usage", "'length' instead of 'stop'",
    ),
    Plant(
        rb'"name":"look_up_weather"', b'"name":"look_up_wether"',
        "a tool is called its result is taken and the conversation ends", "look_up_wether",
    ),
    Plant(rb'"id":"\w{9}"', b'"id":"call_1"', "the id of a call has nine characters", "6 instead of 9"),
    Plant(rb'"embedding":\[[^\]]*\]', b'"embedding":[0.5]', "embeddings are vectors of length 1", "found 0.25"),
)  # fmt: skip
OLLAMA = (
    Plant(rb"tides", b"times", "an answer is whole and says why it ends", "of the times"),
    Plant(rb'"eval_count":\d+', b'"eval_count":1', "tokens and times are told", " eval_count=1,"),
    Plant(rb'"content":" of"', b'"content":""', "a stream says what the whole answer says", "tell me the"),
    Plant(rb'"done":true', b'"done":false', "a stream is done in its last line alone", "False] instead of [False"),
    Plant(
        rb'"name":"look_up_weather"', b'"name":"look_up_wether"',
        "a tool is called its result is taken and the conversation ends", "look_up_wether",
    ),
    Plant(
        rb'("embeddings":\[)\[[^\]]*\]', rb"\1[1.0]",
        "embeddings are vectors of length 1", "[1, 768] instead of [1, 1]",
    ),
)  # fmt: skip
COHERE = (
    Plant(rb"tides", b"times", "an answer is whole and says why it ends", "of the times"),
    Plant(rb'"output_tokens":\d+', b'"output_tokens":1', "usage is told", "output_tokens=1"),
    Plant(rb'\{"text":" of"\}', b'{"text":""}', "a stream says what the whole answer says", "tell me the"),
    Plant(
        rb"event: message-end\ndata: [^\n]+\n\n", b"",
        "a stream has its events in order", "'content-end'] instead of",
    ),
    Plant(
        rb'"id":"call_\w+"', b'"id":""', "a tool is called its result is taken and the conversation ends", "id=''"
    ),
    Plant(
        rb'("float":\[)\[[^\]]*\]', rb"\1[1.0]", "embeddings are vectors of length 1", "[1, 1536] instead of [1, 1]"
    ),
    Plant(rb'"relevance_score":0', b'"relevance_score":-0', "documents are ranked", "(2, [-0."),
)  # fmt: skip
# In Bedrock's streams each message has its length and its checksum: what stands in them too is spoilt only in answers
# in one piece, which begin with a brace, and the one that is spoilt in a stream is found by its checksum.
BEDROCK = (
    Plant(rb"\A(\{.*)tides", rb"\1times", "an answer is whole and says why it ends", "of the times"),
    Plant(rb'\A(\{.*"totalTokens":)', rb"\g<1>9", "usage adds up", "instead of"),
    Plant(
        rb'\A(\{.*"stopReason":)"max_tokens"', rb'\1"end_turn"',
        "a limit of tokens cuts the answer", "('end_turn', 3) instead of",
    ),
    Plant(rb'"toolUseId":"\w+"', b'"toolUseId":"tooluse_1"', "two calls at once have two ids", "1 instead of 2"),
    Plant(
        rb'"name":"look_up_weather"', b'"name":"look_up_wether"',
        "a tool is called its result is taken and the conversation ends", "look_up_wether",
    ),
    Plant(rb'\A(\{.*\\"mood)', rb"\1y", "an answer fits the schema that it was given", "'moody'"),
    Plant(rb'"embedding":\[[^\]]*\]', b'"embedding":[1.0]', "titan embeds a text", "[1] instead of [256]"),
    Plant(
        rb'(?s)\A(\0.*?"role":)"assistant"', rb'\1"assistent"',
        "a stream has its events in order", "botocore.ChecksumMismatch",
    ),
)  # fmt: skip
PLANTS: Mapping[str, tuple[Plant, ...]] = {
    "openai-old": OPENAI,
    "anthropic-new": ANTHROPIC,
    "gemini-new": GEMINI,
    "groq-old": GROQ,
    "mistral-new": MISTRAL,
    "ollama-old": OLLAMA,
    "cohere-new": COHERE,
    "bedrock-new": BEDROCK,
}
"""What is planted in the answers to which SDK; of each family there is one."""
