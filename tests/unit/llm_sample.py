"""What a product may say of its language models."""

from lab.product.llm import LlmUse

USE = LlmUse.model_validate(
    {
        "providers": {"openai": {"model": "gpt"}, "cohere": {"model": "command"}},
        "modes": {mode: {"request": {"path": "/run"}} for mode in ("plain", "stream", "tools")},
        "tool": {"name": "add", "arguments": {"a": 1}, "result": "42"},
        "failure": {"status": [500]},
        "retries": 2,
        "budget": 8,
    }
)
