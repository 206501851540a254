"""How a model is asked: `client` is the way in, `conversation` what passes between its parts."""

from reference_agents.llm.client import Llm
from reference_agents.llm.conversation import LlmError

__all__ = ["Llm", "LlmError"]
