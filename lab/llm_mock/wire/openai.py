"""OpenAI: what is under /v1, which clients whose base URL lacks it may leave out."""

from lab.llm_mock.wire.base import Endpoint, Family, Route
from lab.llm_mock.wire.openai_chat import Dialect, chat
from lab.llm_mock.wire.openai_completions import completions
from lab.llm_mock.wire.openai_embeddings import embeddings
from lab.llm_mock.wire.openai_error import error, malformed, quota_headers, stream_error
from lab.llm_mock.wire.openai_models import described_by, models, one_model
from lab.llm_mock.wire.openai_moderations import moderations
from lab.llm_mock.wire.openai_responses import counted_input, kept_response, responses

MODELS = (
    "gpt-4o-mini", "gpt-4o", "gpt-4.1", "gpt-4.1-mini", "gpt-5", "gpt-5-mini", "o4-mini", "text-embedding-3-small",
    "text-embedding-3-large", "omni-moderation-latest",
)  # fmt: skip
DIALECT = Dialect(
    "openai",
    constant={"service_tier": "default", "system_fingerprint": "fp_mock"},
    message={"refusal": None, "annotations": []},
)

_OWNED = described_by("openai")
_ENDPOINTS: tuple[tuple[str, str, Endpoint], ...] = (
    ("POST", "/chat/completions", chat(DIALECT)),
    ("POST", "/completions", completions("openai")),
    ("POST", "/responses", responses("openai")),
    ("POST", "/responses/input_tokens", counted_input("openai")),
    ("GET", "/responses/{id}", kept_response()),
    ("DELETE", "/responses/{id}", kept_response()),
    ("POST", "/embeddings", embeddings("openai")),
    ("POST", "/moderations", moderations("openai")),
    ("GET", "/models", models("openai", MODELS, _OWNED)),
    ("GET", "/models/{model:path}", one_model("openai", _OWNED)),
)

FAMILY = Family(
    "openai",
    tuple(Route(method, base + path, endpoint) for base in ("/v1", "") for method, path, endpoint in _ENDPOINTS),
    error,
    stream_error,
    malformed,
    quota_headers,
)
