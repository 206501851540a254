"""Where a trial's things are, as the product sees them: paths and addresses."""

from dataclasses import dataclass

LLM_ALIAS, LLM_PORT = "llm", 8080
DATABASE_ALIAS, DATABASE_PORT = "postgresql", 5432
"""Where the product finds the side services on every trial's network."""


@dataclass(frozen=True)
class Places:
    """Absolute paths as the product sees them."""

    home: str = "/opt/product"
    data: str = "/var/lib/product"
    config: str = "/etc/product"
    artifacts: str = "/tmp/artifacts"  # noqa: S108 - inside the installer's container
    """Where the lab lays down what installers are given."""
    cache: str = "/cache/uv"
    """What installers have fetched before."""
    shelf: str = "/wheels"
    """Where installers find what they need on a sealed network."""
    program: str = "venv"
    """Where below `home` the installer makes the virtual environment."""

    @property
    def venv(self) -> str:
        """The virtual environment of an installed product."""
        return f"{self.home}/{self.program}"

    def wheels(self, slot: str) -> str:
        """Return the folder with the wheels of one of the run's versions, on a sealed network."""
        return f"{self.shelf}/{slot}"

    @property
    def backup(self) -> str:
        """Where a backup is laid down."""
        return f"{self.artifacts}/backup"

    @property
    def tree(self) -> str:
        """The source tree of a product that runs from one."""
        return f"{self.home}/tree"


@dataclass(frozen=True)
class Bindings:
    """What an environment gives a trial: paths, and addresses as the product sees them."""

    places: Places = Places()
    port: int | None = None
    """Port for the product to listen on; None leaves it the one that its definition names."""
    llm_url: str = f"http://{LLM_ALIAS}:{LLM_PORT}/v1"
    database_host: str = DATABASE_ALIAS
    database_port: int = DATABASE_PORT
    python: str = "python3"
    """The interpreter that installers are given."""
