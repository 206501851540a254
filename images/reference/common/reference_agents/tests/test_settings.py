"""What is configured is taken, what is missing or wrong is refused."""

from pathlib import Path

import pytest

from reference_agents.errors import SettingsError
from reference_agents.settings import Settings, load_settings


def settings(folder: Path, text: str = "", **process: str) -> Settings:
    """Read settings from an env file and a process environment."""
    file = folder / "own.env"
    file.write_text(text, encoding="utf-8")
    return load_settings({"REFERENCE_API_KEY": "own-key", "REFERENCE_ENV_FILE": str(file), **process})


def test_what_stands_nowhere_has_a_default(tmp_path: Path) -> None:
    found = settings(tmp_path)
    assert (found.host, found.port, found.environment) == ("127.0.0.1", 8881, "development")


def test_the_process_environment_wins_over_the_file(tmp_path: Path) -> None:
    text = "# a comment\nREFERENCE_PORT = 9001\nREFERENCE_MODEL=a#b\n"
    found = settings(tmp_path, text, REFERENCE_PORT="9002")
    assert (found.port, str(found.model)) == (9002, "openai:a#b")
    assert found.llm_values["REFERENCE_PORT"] == "9002"


def test_a_model_of_nobody_is_refused(tmp_path: Path) -> None:
    with pytest.raises(
        SettingsError, match="REFERENCE_MODEL cannot be used: there is no provider 'nobody', only openai"
    ):
        settings(tmp_path, REFERENCE_MODEL="nobody:model")


def test_without_a_key_nothing_starts(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="REFERENCE_API_KEY"):
        settings(tmp_path, REFERENCE_API_KEY="")


@pytest.mark.parametrize("port", ["0", "65536", "-1", "http", ""])
def test_a_port_that_is_none_is_refused(port: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="REFERENCE_PORT"):
        settings(tmp_path, REFERENCE_PORT=port)


@pytest.mark.parametrize("seconds", ["0", "-1", "inf", "nan", "soon"])
def test_a_grace_that_is_no_time_is_refused(seconds: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="REFERENCE_SHUTDOWN_GRACE"):
        settings(tmp_path, REFERENCE_SHUTDOWN_GRACE=seconds)
