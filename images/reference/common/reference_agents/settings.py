"""What the operator has configured."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from reference_agents.errors import SettingsError
from reference_agents.model_name import ModelName, ModelNameError, model_name

MAX_PORT = 65535


@dataclass(frozen=True)
class Settings:
    """Everything that can be configured; durations in seconds. What the SDKs take is among `llm_values`."""

    api_key: str
    host: str
    port: int
    environment: str
    database_url: str
    model: ModelName
    shutdown_grace: float
    llm_timeout: float
    llm_values: Mapping[str, str]


def load_settings(process: Mapping[str, str] = os.environ) -> Settings:
    """Read the settings from the process environment and the env file, or raise SettingsError."""
    values = merged(process)
    api_key = values.get("REFERENCE_API_KEY", "")
    if not api_key:
        raise SettingsError("REFERENCE_API_KEY is required: set it in the environment or in the env file")
    return Settings(
        api_key=api_key,
        host=values.get("REFERENCE_HOST", "127.0.0.1"),
        port=_port(values),
        environment=values.get("REFERENCE_ENV", "development"),
        database_url=database_url(values),
        model=_model(values),
        shutdown_grace=_seconds(values, "REFERENCE_SHUTDOWN_GRACE", 20),
        llm_timeout=_seconds(values, "REFERENCE_LLM_TIMEOUT", 30),
        llm_values=values,
    )


def database_url(values: Mapping[str, str]) -> str:
    """Return where the database is; looking at it needs no other setting."""
    return values.get("REFERENCE_DATABASE_URL", "sqlite:///reference.db")


def merged(process: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Lay the process environment over the env file: what is set closest to the process wins."""
    return {**_env_file(process), **process}


def _env_file(process: Mapping[str, str]) -> dict[str, str]:
    named = process.get("REFERENCE_ENV_FILE")
    path = Path(named or ".env")
    if not named and not path.exists():
        return {}
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"the env file {path} cannot be read: {error}") from error
    return dict(
        _pair(path, number, line)
        for number, line in enumerate(lines, start=1)
        if line.strip() and not line.lstrip().startswith("#")
    )


def _pair(path: Path, number: int, line: str) -> tuple[str, str]:
    # A "#" within a value belongs to it: keys and URLs hold them.
    key, equals, value = line.partition("=")
    if not equals or not key.strip():
        raise SettingsError(f"{path}:{number}: expected KEY=VALUE")
    return key.strip(), value.strip()


def _port(values: Mapping[str, str]) -> int:
    text = values.get("REFERENCE_PORT", "8881")
    if not text.isdecimal() or not 0 < int(text) <= MAX_PORT:
        raise SettingsError(f"REFERENCE_PORT must be a number from 1 to {MAX_PORT}, not {text!r}")
    return int(text)


def _model(values: Mapping[str, str]) -> ModelName:
    try:
        return model_name(values.get("REFERENCE_MODEL", "gpt-4.1-mini"))
    except ModelNameError as error:
        raise SettingsError(f"REFERENCE_MODEL cannot be used: {error}") from error


def _seconds(values: Mapping[str, str], key: str, default: float) -> float:
    text = values.get(key, str(default))
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1
    if not 0 < seconds < float("inf"):
        raise SettingsError(f"{key} must be a number of seconds above 0, not {text!r}")
    return seconds
