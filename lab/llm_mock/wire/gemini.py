"""Gemini: every version of its path, none at all, and Vertex AI's longer ones."""

from lab.llm_mock.wire import gemini_read as read
from lab.llm_mock.wire import gemini_write as write
from lab.llm_mock.wire.base import Endpoint, Family, Route
from lab.llm_mock.wire.gemini_error import error, malformed, stream_error

_VERTEX = "/projects/{project}/locations/{location}"
_BASES = (
    *(f"{version}/{kind}" for version in ("/v1", "/v1beta", "", "/v1alpha") for kind in ("models", "tunedModels")),
    *(f"{version}{_VERTEX}/publishers/google/models" for version in ("/v1", "/v1beta1")),
    *(f"{version}/publishers/google/models" for version in ("/v1", "/v1beta1")),
)
_SPOKEN = (
    Endpoint("generateContent", read.generation, write.generated),
    Endpoint("streamGenerateContent", read.streamed_generation, write.generated, write.streamed),
)
_SILENT = (
    Endpoint("embedContent", read.embedding, write.embedded, spoken=False),
    Endpoint("batchEmbedContents", read.embeddings, write.embedded_all, spoken=False),
    Endpoint("countTokens", read.token_count, write.counted, spoken=False),
    Endpoint("predict", read.prediction, write.predicted, spoken=False),
)
_MODELS = Endpoint("models", read.models, write.listed, spoken=False)
_MODEL = Endpoint("model", read.model, write.shown, spoken=False)

FAMILY = Family(
    "gemini",
    (
        *(Route("POST", f"{base}/{{model}}:{each.name}", each) for base in _BASES for each in (*_SPOKEN, *_SILENT)),
        *(Route("GET", base, _MODELS) for base in _BASES),
        *(Route("GET", f"{base}/{{model}}", _MODEL) for base in _BASES),
    ),
    error,
    stream_error,
    malformed,
)
